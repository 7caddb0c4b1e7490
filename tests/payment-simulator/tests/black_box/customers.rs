//! Customers, and the cards that they saved.

use serde_json::{Value, json};

use crate::harness::{Simulator, intent_form};

#[tokio::test]
async fn a_test_card_is_nobodys_and_a_saved_one_its_customers() {
    let simulator = Simulator::start().await;
    let test = simulator.get("payment_methods/pm_card_visa").await;
    assert_eq!((test.status, test.text("object"), &test.body["customer"]), (200, "payment_method".into(), &Value::Null));
    let saved = simulator.get("payment_methods/pm_of_amina").await;
    assert_eq!((saved.text("id"), saved.text("customer")), ("pm_of_amina".into(), "cus_amina".into()));
    assert_eq!(saved.body["card"]["last4"], json!("4242"));
    for unknown in ["pm_of_", "pm_nonsense", "cus_amina"] {
        let answer = simulator.get(&format!("payment_methods/{unknown}")).await;
        assert_eq!(answer.error("code"), (404, "resource_missing".into()), "{unknown}");
    }
}

#[tokio::test]
async fn a_card_that_an_intent_holds_can_be_read() {
    let simulator = Simulator::start().await;
    let id = simulator.authorize("ord_1").await;
    let card = simulator.get(&format!("payment_intents/{id}")).await.text("payment_method");
    assert_eq!(simulator.get(&format!("payment_methods/{card}")).await.text("id"), card);
}

#[tokio::test]
async fn a_customer_names_the_shops_own() {
    let simulator = Simulator::start().await;
    let customer = simulator.get("customers/cus_amina").await;
    assert_eq!((customer.status, customer.text("object")), (200, "customer".into()));
    assert_eq!(customer.body["metadata"], json!({"customer_id": "amina"}));
    for unknown in ["cus_", "amina"] {
        assert_eq!(simulator.get(&format!("customers/{unknown}")).await.error("code"), (404, "resource_missing".into()));
    }
}

#[tokio::test]
async fn a_saved_card_pays_only_for_its_customer() {
    let simulator = Simulator::start().await;
    let prepare = async |more: &[(&str, &str)]| {
        let form = [&intent_form("ord_1")[..], more].concat();
        simulator.post("payment_intents", &form).await
    };
    let own = prepare(&[("customer", "cus_amina")]).await;
    assert_eq!(own.text("customer"), "cus_amina");
    let held = simulator.confirm(&own.text("id"), "pm_of_amina").await;
    assert_eq!((held.text("status"), held.text("payment_method")), ("requires_capture".into(), "pm_of_amina".into()));

    let nobodys = prepare(&[]).await.text("id");
    let refused = simulator.confirm(&nobodys, "pm_of_amina").await;
    assert_eq!(refused.error("code"), (400, "parameter_missing".into()));
    assert!(refused.error("message").1.contains("belongs to the Customer cus_amina"));
    let anothers = prepare(&[("customer", "cus_kareem")]).await.text("id");
    let refused = simulator.confirm(&anothers, "pm_of_amina").await;
    assert_eq!((refused.error("code"), refused.error("param").1), ((400, "resource_missing".into()), "payment_method".into()));
    assert_eq!(prepare(&[("payment_method", "pm_of_amina")]).await.error("param"), (400, "payment_method".into()));
    assert_eq!(simulator.ledger().await.len(), 1);

    let test_card = simulator.confirm(&anothers, "pm_card_visa").await;
    assert_eq!(test_card.text("status"), "requires_capture", "a card that nobody saved pays for anyone");
    assert_eq!(prepare(&[("customer", "amina")]).await.error("code"), (400, "resource_missing".into()));
}
