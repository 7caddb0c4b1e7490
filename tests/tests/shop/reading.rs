use jiff::Timestamp;
use reqwest::header;
use serde_json::Value;
use system_tests::{Shop, eventually, new_key, purchase};

const CARD: &str = "pm_card_visa";

#[tokio::test]
async fn an_order_shows_its_timeline_at_once() {
    let shop = Shop::running();
    let amina = shop.sign_in("amina").await;
    let key = new_key();
    let bought = amina.checkout(&key, &purchase(&[("pen-fountain", 1)], CARD)).await;
    let order = amina.get(&format!("/v1/orders/{}", amina.order_id(&key))).await;
    assert_eq!(order.status, 200);
    for member in ["order_id", "items", "total", "placed_at", "links"] {
        assert_eq!(order.body[member], bought.body[member], "{member}");
    }
    let timeline = order.body["timeline"].as_array().unwrap();
    let sequences: Vec<_> = timeline.iter().map(|event| event["sequence"].as_u64().unwrap()).collect();
    assert_eq!(sequences[..5], [1, 2, 3, 4, 5]);
    assert!(!order.body.to_string().contains("pi_"), "the provider's reference is not hers to see");
}

#[tokio::test]
async fn anothers_order_is_not_there() {
    let shop = Shop::running();
    let (kareem, amina) = (shop.sign_in("kareem").await, shop.sign_in("amina").await);
    let key = new_key();
    kareem.checkout(&key, &purchase(&[("pencil-set", 1)], CARD)).await;
    let own = format!("/v1/orders/{}", kareem.order_id(&key));
    for path in [
        own.clone(),
        format!("{own}/receipt"),
        "/v1/orders/ord_00000000000000000000000000000000".into(),
        "/v1/orders/nonsense".into(),
    ] {
        assert_eq!(amina.get(&path).await.problem(), (404, "not_found"), "{path}");
    }
    assert_eq!(kareem.get(&own).await.status, 200);
}

#[tokio::test]
async fn a_list_has_her_orders_newest_first_in_pages_and_nobody_elses() {
    let shop = Shop::running();
    let amina = shop.sign_in("amina").await;
    let mut bought = Vec::new();
    for _ in 0..3 {
        let key = new_key();
        amina.checkout(&key, &purchase(&[("notebook-linen", 1)], CARD)).await;
        bought.insert(0, amina.order_id(&key).to_string());
    }
    let notebooks = |orders: &[Value]| -> Vec<String> {
        let ours = orders.iter().filter(|order| order["items"][0]["sku"] == "notebook-linen" && order["status"] != "pending");
        ours.map(|order| order["order_id"].as_str().unwrap().to_owned()).collect()
    };
    eventually("the list shows all three, newest first", || async {
        let page = amina.get("/v1/orders?limit=100").await;
        notebooks(page.body["orders"].as_array().unwrap()).starts_with(&bought)
    })
    .await;

    let (mut all, mut path) = (Vec::new(), "/v1/orders?limit=2".to_owned());
    loop {
        let page = amina.get(&path).await;
        assert!(page.body["orders"].as_array().unwrap().len() <= 2);
        all.extend(page.body["orders"].as_array().unwrap().clone());
        let Some(cursor) = page.body["next_cursor"].as_str() else { break };
        path = format!("/v1/orders?limit=2&cursor={cursor}");
    }
    assert!(notebooks(&all).starts_with(&bought), "pages have no gap and no repeat");
    // Other tests' orders are among them, and those of one millisecond come as they may.
    let placed = |order: &Value| order["placed_at"].as_str().unwrap().parse::<Timestamp>().unwrap().as_millisecond();
    assert!(all.is_sorted_by(|one, next| placed(one) >= placed(next)), "{all:#?}");

    let kareem = shop.sign_in("kareem").await;
    let his = kareem.get("/v1/orders?limit=100").await;
    assert!(!his.body.to_string().contains(&bought[0]));
    // The last ones are JSON, and no place in a list: `{}`, and `{"placed_order": ""}`.
    for wrong in ["limit=0", "limit=101", "limit=x", "cursor=%21", "cursor=e30", "cursor=eyJwbGFjZWRfb3JkZXIiOiAiIn0"] {
        assert_eq!(amina.get(&format!("/v1/orders?{wrong}")).await.problem(), (400, "validation_failed"), "{wrong}");
    }
}

#[tokio::test]
async fn the_catalogue_has_at_least_24_products_in_at_least_4_categories() {
    let shop = Shop::running();
    let (mut products, mut path) = (Vec::new(), "/v1/products?limit=10".to_owned());
    loop {
        let page: Value = shop.http.get(shop.url(&path)).send().await.unwrap().json().await.unwrap();
        products.extend(page["products"].as_array().unwrap().clone());
        let Some(cursor) = page["next_cursor"].as_str() else { break };
        path = format!("/v1/products?limit=10&cursor={cursor}");
    }
    let categories: std::collections::BTreeSet<_> =
        products.iter().map(|product| product["category"].as_str().unwrap()).collect();
    assert!(products.len() >= 24 && categories.len() >= 4, "{} in {categories:?}", products.len());
    for product in &products {
        for member in ["sku", "name", "description", "category", "price", "available", "images"] {
            assert!(!product[member].is_null(), "{member} of {product}");
        }
        let picture = product["images"][0].as_str().unwrap();
        assert!(system_tests::root().join("web").join(&picture[1..]).exists(), "{picture}");
    }
    let one: Value = shop.http.get(shop.url("/v1/products/sold-out-vase")).send().await.unwrap().json().await.unwrap();
    assert_eq!(one["available"], 0);
    let some: Value =
        shop.http.get(shop.url("/v1/products?category=lighting&limit=100")).send().await.unwrap().json().await.unwrap();
    assert!(some["products"].as_array().unwrap().iter().all(|product| product["category"] == "lighting"));
    assert!(!some["products"].as_array().unwrap().is_empty());
    let status = async |query: &str| shop.http.get(shop.url(&format!("/v1/products?{query}"))).send().await.unwrap().status();
    let cursor = async |query: &str| {
        let page: Value = shop.http.get(shop.url(&format!("/v1/products?{query}"))).send().await.unwrap().json().await.unwrap();
        page["next_cursor"].as_str().unwrap().to_owned()
    };
    let (of_all, of_one) = (cursor("limit=1").await, cursor("limit=1&category=lighting").await);
    for (query, expected) in [
        (format!("limit=1&cursor={of_all}"), 200),
        (format!("limit=1&category=lighting&cursor={of_one}"), 200),
        (format!("category=lighting&cursor={of_all}"), 400),
        (format!("category=textiles&cursor={of_one}"), 400),
        (format!("cursor={of_one}"), 400),
        ("cursor=e30".to_owned(), 400),
    ] {
        assert_eq!(status(&query).await, expected, "{query}");
    }
}

#[tokio::test]
async fn a_receipt_is_a_link_to_a_program_and_a_redirect_to_a_browser() {
    let shop = Shop::running();
    let kareem = shop.sign_in("kareem").await;
    let declined = new_key();
    kareem.checkout(&declined, &purchase(&[("towel-hammam", 1)], "pm_card_visa_chargeDeclined")).await;
    let none = kareem.get(&format!("/v1/orders/{}/receipt", kareem.order_id(&declined))).await;
    assert_eq!(none.problem(), (404, "receipt_not_ready"));

    let key = new_key();
    kareem.checkout(&key, &purchase(&[("towel-hammam", 1)], CARD)).await;
    let path = format!("/v1/orders/{}/receipt", kareem.order_id(&key));
    eventually("the receipt is written", || async { kareem.get(&path).await.status == 302 }).await;
    let request = shop.http.get(shop.url(&path)).bearer_auth(&kareem.token).header(header::ACCEPT, "application/json");
    let link: Value = request.send().await.unwrap().json().await.unwrap();
    assert_eq!(shop.http.get(link["url"].as_str().unwrap()).send().await.unwrap().status(), 200);
}
