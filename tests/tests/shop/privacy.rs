use aws_sdk_dynamodb::types::AttributeValue;
use shared::domain::order::Status;
use system_tests::{Shop, eventually, never_recorded, new_key, purchase, purchase_with};

use crate::runbooks::{printed, xtask};

/// An order keeps its events without them, so everything that is still owed is done.
#[tokio::test]
async fn an_order_whose_personal_data_was_erased_can_be_cancelled_and_nobody_is_written_to() {
    let shop = Shop::running();
    let kareem = shop.sign_in("kareem").await;
    let key = new_key();
    let order_id = kareem.order_id(&key);
    assert_eq!(kareem.checkout(&key, &purchase(&[("tote-canvas", 1)], "pm_card_visa")).await.status, 201);
    eventually("she has her confirmation", || async { shop.mails(order_id.as_str()).await.len() == 1 }).await;
    shop.closed(&order_id).await;
    let id = AttributeValue::S(order_id.to_string());
    shop.dynamodb.delete_item().table_name(shop.resource("OrderDetailsTable")).key("order_id", id).send().await.unwrap();
    assert_eq!(kareem.cancel_patiently(&order_id).await.status, 200);
    assert_eq!(shop.closed(&order_id).await.status(), Status::Cancelled);
    eventually("send-email passes it over", || async {
        let logs = printed(&xtask(&["order", order_id.as_str(), "--logs"]).await);
        logs.lines().any(|line| line.contains("was erased: nobody is written to"))
    })
    .await;
    assert_eq!(shop.mails(order_id.as_str()).await.len(), 1);
}

#[tokio::test]
async fn no_log_event_or_history_holds_personal_data_or_a_token() {
    let shop = Shop::running();
    let kareem = shop.sign_in("kareem").await;
    let confirmed = new_key();
    let buy = async |key: &str, method: (&str, &str)| {
        let answer = kareem.checkout(key, &purchase_with(&[("tote-canvas", 1)], &[method])).await;
        (answer.status, kareem.order_id(key))
    };
    let (status, _) = buy(&confirmed, ("stripe", "pm_card_visa")).await;
    assert_eq!(status, 201);
    let (status, declined) = buy(&new_key(), ("stripe", "pm_card_visa_chargeDeclined")).await;
    assert_eq!(status, 402);
    let (status, _) = buy(&new_key(), ("stripe", "pm card with a space")).await;
    assert_eq!(status, 400);
    let (status, by_paypal) = buy(&new_key(), ("paypal", "vault_ok")).await;
    assert_eq!(status, 201);
    let (status, cancelled) = buy(&new_key(), ("stripe", "pm_card_visa")).await;
    assert_eq!((status, kareem.cancel_patiently(&cancelled).await.status), (201, 200));
    let (status, waiting) = buy(&new_key(), ("stripe", "pm_card_authenticationRequired")).await;
    assert_eq!(status, 202);
    let failing = new_key();
    shop.fault(&kareem.order_id(&failing), "authorize", "error", 50).await;
    let (status, failing) = buy(&failing, ("stripe", "pm_card_visa")).await;
    assert_eq!(status, 202);
    for order_id in [declined, by_paypal, cancelled] {
        shop.closed(&order_id).await;
    }
    for order_id in [waiting, failing] {
        eventually("it is settled", || async { shop.event_names(&order_id).await.contains(&"PaymentDeferred") }).await;
    }
    eventually("the e-mail is sent", || async { !shop.mails(kareem.order_id(&confirmed).as_str()).await.is_empty() }).await;

    let recorded = shop.python("recorded.py", &[shop.resource("OrderEventsTable")]).await;
    assert!(recorded.contains(kareem.order_id(&confirmed).as_str()), "the records are of this run");
    assert!(recorded.contains("the confirmation was sent"), "the functions' logs are among them");
    for machine in ["CheckoutStateMachine", "SettlementStateMachine"] {
        let executions = shop.resource(machine).replace(":stateMachine:", ":execution:");
        assert!(recorded.contains(&executions), "the executions of {machine} are among them");
    }
    for secret in never_recorded(&kareem) {
        if let Some(at) = recorded.find(&secret) {
            panic!("{secret:?} was recorded: …{}…", &recorded[at.saturating_sub(300)..(at + 100).min(recorded.len())]);
        }
    }
}
