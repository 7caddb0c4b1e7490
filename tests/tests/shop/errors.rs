use reqwest::Method;
use serde_json::{Value, json};
use system_tests::{Answer, Shop, new_key, purchase};

const CARD: &str = "pm_card_visa";

fn pointers(answer: &Answer) -> Vec<&str> {
    answer.body["errors"].as_array().unwrap().iter().map(|error| error["pointer"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn every_wrong_field_is_named_at_once_and_no_order_is_written() {
    let shop = Shop::running();
    let kareem = shop.sign_in("kareem").await;
    let mut body = purchase(&[("kettle-steel", 0)], CARD);
    body["shipping_address"]["country"] = json!("Egypt");
    body["coupon"] = json!("X");
    let key = new_key();
    let answer = kareem.checkout(&key, &body).await;
    assert_eq!(answer.problem(), (400, "validation_failed"));
    assert_eq!(pointers(&answer), ["/items/0/quantity", "/shipping_address/country", "/coupon"]);
    assert_eq!(shop.event_names(&kareem.order_id(&key)).await, [""; 0]);
    let corrected = kareem.checkout(&key, &purchase(&[("kettle-steel", 1)], CARD)).await;
    assert_eq!(corrected.status, 201, "a corrected request may keep its key: {corrected:?}");
}

#[tokio::test]
async fn what_is_not_in_the_catalogue_cannot_be_bought() {
    let shop = Shop::running();
    let kareem = shop.sign_in("kareem").await;
    let answer = kareem.checkout(&new_key(), &purchase(&[("kettle-steel", 1), ("flying-carpet", 1)], CARD)).await;
    assert_eq!(answer.problem(), (400, "validation_failed"));
    assert_eq!(pointers(&answer), ["/items/1/sku"]);
}

#[tokio::test]
async fn a_changed_price_is_told_with_the_new_total_and_judged_afresh() {
    let shop = Shop::running();
    let kareem = shop.sign_in("kareem").await;
    let mut body = purchase(&[("kettle-steel", 2)], CARD);
    body["expected_total"] = json!({"amount": 4599, "currency": "USD"});
    let key = new_key();
    let answer = kareem.checkout(&key, &body).await;
    assert_eq!(answer.problem(), (409, "price_changed"));
    assert_eq!(answer.body["total"], json!({"amount": 9198, "currency": "USD"}));
    body["expected_total"] = answer.body["total"].clone();
    assert_eq!(kareem.checkout(&key, &body).await.status, 201, "nothing was written, so the key is free");
}

#[tokio::test]
async fn a_key_with_another_body_is_refused_and_bodies_are_compared_as_json() {
    let shop = Shop::running();
    let kareem = shop.sign_in("kareem").await;
    let (key, body) = (new_key(), purchase(&[("mug-speckled", 1)], CARD));
    assert_eq!(kareem.checkout(&key, &body).await.status, 201);
    let other = kareem.checkout(&key, &purchase(&[("mug-speckled", 2)], CARD)).await;
    assert_eq!(other.problem(), (422, "idempotency_key_reused"));
    let request = shop.http.post(shop.url("/v1/checkout")).bearer_auth(&kareem.token).header("Idempotency-Key", &key);
    let spaced = request.header("Content-Type", "application/json").body(serde_json::to_string_pretty(&body).unwrap());
    assert_eq!(Answer::of(spaced.send().await.unwrap()).await.status, 201);
}

#[tokio::test]
async fn one_customers_key_is_nothing_to_another() {
    let shop = Shop::running();
    let (kareem, amina) = (shop.sign_in("kareem").await, shop.sign_in("amina").await);
    let (key, body) = (new_key(), purchase(&[("mug-speckled", 1)], CARD));
    let (his, hers) = (kareem.checkout(&key, &body).await, amina.checkout(&key, &body).await);
    assert_eq!((his.status, hers.status), (201, 201));
    assert_ne!(his.body["order_id"], hers.body["order_id"]);
}

#[tokio::test]
async fn headers_and_bodies_that_are_wrong_get_their_own_status() {
    let shop = Shop::running();
    let kareem = shop.sign_in("kareem").await;
    let send = async |key: Option<&str>, content_type: &str, body: String| {
        let mut request =
            shop.http.post(shop.url("/v1/checkout")).bearer_auth(&kareem.token).header("Content-Type", content_type).body(body);
        if let Some(key) = key {
            request = request.header("Idempotency-Key", key);
        }
        Answer::of(request.send().await.unwrap()).await
    };
    let body = || purchase(&[("kettle-steel", 1)], CARD).to_string();
    let json = "application/json";
    assert_eq!(send(None, json, body()).await.problem(), (400, "idempotency_key_missing"));
    assert_eq!(send(Some(&"k".repeat(256)), json, body()).await.problem(), (400, "validation_failed"));
    assert_eq!(send(Some("k"), "text/plain", body()).await.problem(), (415, "unsupported_media_type"));
    assert_eq!(send(Some("k"), json, "{".into()).await.problem(), (400, "validation_failed"));
    assert_eq!(send(Some("k"), json, Value::String("x".repeat(70_000)).to_string()).await.problem(), (413, "body_too_large"));
    for (provider, bytes, expected) in
        [("stripe", 70_000, 400), ("paypal", 70_000, 400), ("stripe", 270_000, 413), ("paypal", 270_000, 413)]
    {
        let webhook = shop.http.post(shop.url(&format!("/v1/webhooks/{provider}"))).header("Content-Type", "application/json");
        let answer = webhook.body("x".repeat(bytes)).send().await.unwrap();
        assert_eq!(answer.status(), expected, "{bytes} bytes from {provider}");
    }
}

#[tokio::test]
async fn who_is_not_signed_in_is_told_to() {
    let shop = Shop::running();
    for token in [None, Some("forged".to_owned()), Some(shop.tokens("kareem").await["AccessToken"].as_str().unwrap().to_owned())]
    {
        let mut request = shop.http.get(shop.url("/v1/orders"));
        if let Some(token) = &token {
            request = request.bearer_auth(token);
        }
        let answer = Answer::of(request.send().await.unwrap()).await;
        assert_eq!(answer.problem(), (401, "unauthorized"), "{token:?}");
    }
}

#[tokio::test]
async fn unknown_paths_are_404_and_wrong_methods_405() {
    let shop = Shop::running();
    let call =
        async |method: Method, path: &str| Answer::of(shop.http.request(method, shop.url(path)).send().await.unwrap()).await;
    assert_eq!(call(Method::GET, "/v1/nothing").await.problem(), (404, "not_found"));
    assert_eq!(call(Method::GET, "/v1/products/no-such-thing").await.problem(), (404, "not_found"));
    for (method, path, allowed) in [
        (Method::GET, "/v1/checkout", "POST"),
        (Method::DELETE, "/v1/orders", "GET"),
        (Method::POST, "/v1/products", "GET"),
        (Method::PUT, "/v1/orders/ord_00000000000000000000000000000000", "GET"),
    ] {
        let answer = call(method, path).await;
        assert_eq!(answer.problem(), (405, "method_not_allowed"), "{path}");
        assert_eq!(answer.header("allow"), Some(allowed));
    }
}

#[tokio::test]
async fn a_request_that_is_being_worked_on_says_when_to_come_again() {
    let shop = Shop::running();
    let kareem = shop.sign_in("kareem").await;
    let (key, body) = (new_key(), purchase(&[("plate-zellige", 1)], CARD));
    shop.fault(&kareem.order_id(&key), "authorize", "delay", 1).await;
    let (first, second) = tokio::join!(kareem.checkout(&key, &body), async {
        tokio::time::sleep(std::time::Duration::from_millis(1200)).await;
        kareem.checkout(&key, &body).await
    });
    assert_eq!(second.problem(), (409, "idempotency_in_progress"));
    assert!(second.header("retry-after").unwrap().parse::<u64>().unwrap() >= 1);
    assert!(first.status == 201 || first.status == 202, "{first:?}");
}
