//! The page on which a customer approves.

use serde_json::{Value, json};

use super::{PayPal, authorization, new_order, paid_from};
use crate::harness::{location, moved};

async fn asked(paypal: &PayPal, with: Value) -> (String, String) {
    let id = paypal.order("ord_1").await;
    let mut body = paid_from("vault_action");
    body["payment_source"]["paypal"]["experience_context"] = with;
    let asked = paypal.post(&format!("v2/checkout/orders/{id}/authorize"), body).await;
    assert_eq!((asked.status, asked.text("status")), (201, "PAYER_ACTION_REQUIRED".into()), "{asked:?}");
    assert_eq!(authorization(&asked), &Value::Null);
    let page = asked.link("payer-action").unwrap();
    assert_eq!(page, format!("{}/checkoutnow?token={id}", paypal.simulator.addresses.paypal_url));
    (id, page)
}

#[tokio::test]
async fn an_order_that_needs_its_payer_says_where_she_approves() {
    let paypal = PayPal::start().await;
    let (id, page) = asked(&paypal, json!({})).await;
    let shown = reqwest::get(&page).await.unwrap();
    assert_eq!(shown.status(), 200);
    let html = shown.text().await.unwrap();
    assert!(html.contains("45.99 USD") && html.contains("ord_1") && html.contains("Approve"), "{html}");
    assert_eq!(paypal.get(&format!("v2/checkout/orders/{id}")).await.text("status"), "PAYER_ACTION_REQUIRED");
    assert_eq!(paypal.simulator.ledger().await, moved(&[]));
}

#[tokio::test]
async fn an_approved_order_can_be_authorised_and_its_payer_comes_back() {
    let paypal = PayPal::start().await;
    for again in [paid_from("vault_action"), json!({})] {
        let (id, page) = asked(&paypal, json!({"return_url": "https://souk.example/back?a=1"})).await;
        let back = paypal.simulator.press(&page, "yes").await;
        assert_eq!(back.status(), 303);
        assert_eq!(location(&back), format!("https://souk.example/back?a=1&token={id}&PayerID=SIMULATEDPAYER"));
        assert_eq!(paypal.get(&format!("v2/checkout/orders/{id}")).await.text("status"), "APPROVED");
        let done = paypal.post(&format!("v2/checkout/orders/{id}/authorize"), again).await;
        assert_eq!((done.text("status"), &authorization(&done)["status"]), ("COMPLETED".into(), &json!("CREATED")));
        assert_eq!(reqwest::get(&page).await.unwrap().status(), 404, "nothing is left to approve");
    }
}

#[tokio::test]
async fn an_order_that_its_payer_does_not_approve_stays_as_it_was() {
    let paypal = PayPal::start().await;
    let urls = json!({"return_url": "https://souk.example/back", "cancel_url": "https://souk.example/cancelled"});
    let (id, page) = asked(&paypal, urls).await;
    let back = paypal.simulator.press(&page, "no").await;
    assert_eq!((back.status().as_u16(), location(&back)), (303, format!("https://souk.example/cancelled?token={id}")));
    assert_eq!(paypal.get(&format!("v2/checkout/orders/{id}")).await.text("status"), "PAYER_ACTION_REQUIRED");
    assert_eq!(paypal.simulator.press(&page, "yes").await.status(), 303, "she may think again");
}

#[tokio::test]
async fn a_payer_without_a_way_back_sees_a_plain_page() {
    let paypal = PayPal::start().await;
    let (_, page) = asked(&paypal, json!({})).await;
    let answer = paypal.simulator.press(&page, "yes").await;
    assert_eq!(answer.status(), 200);
    assert!(answer.text().await.unwrap().contains("Approved"));
}

#[tokio::test]
async fn the_way_back_may_be_given_with_the_order() {
    let paypal = PayPal::start().await;
    let mut order = new_order("ord_1");
    order["application_context"] = json!({"return_url": "https://souk.example/early", "user_action": "CONTINUE"});
    let made = paypal.post("v2/checkout/orders", order).await;
    let back = paypal.simulator.press(&made.link("approve").unwrap(), "yes").await;
    assert!(location(&back).starts_with("https://souk.example/early?token="));
    let authorize = format!("v2/checkout/orders/{}/authorize", made.text("id"));
    assert_eq!(paypal.post(&authorize, json!({})).await.text("status"), "COMPLETED");
}

#[tokio::test]
async fn names_on_the_page_are_only_text() {
    let paypal = PayPal::start().await;
    let made = paypal.post("v2/checkout/orders", new_order("<script>alert(1)</script>")).await;
    let html = reqwest::get(made.link("approve").unwrap()).await.unwrap().text().await.unwrap();
    assert!(!html.contains("<script>"));
}
