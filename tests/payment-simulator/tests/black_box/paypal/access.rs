//! Who may call.

use serde_json::json;

use super::{PayPal, grant};
use crate::harness::Simulator;

#[tokio::test]
async fn a_token_is_granted_to_the_one_client() {
    let simulator = Simulator::start().await;
    let granted = grant(&simulator, "simulator", "simulator-secret", "client_credentials").await;
    assert_eq!((granted.status, granted.text("token_type")), (200, "Bearer".into()));
    assert_eq!(granted.body["expires_in"], json!(32_400));
    let stranger = grant(&simulator, "simulator", "guess", "client_credentials").await;
    assert_eq!((stranger.status, stranger.text("error")), (401, "invalid_client".into()));
    let other = grant(&simulator, "simulator", "simulator-secret", "password").await;
    assert_eq!((other.status, other.text("error")), (400, "unsupported_grant_type".into()));
}

#[tokio::test]
async fn without_a_token_that_was_granted_nothing_is_answered() {
    let paypal = PayPal::start().await;
    let url = format!("{}/v2/checkout/orders/X", paypal.simulator.addresses.paypal_url);
    for request in [
        paypal.simulator.http.get(&url),
        paypal.simulator.http.get(&url).bearer_auth("A21AAmadeup"),
        paypal.simulator.http.get(&url).basic_auth("simulator", Some("simulator-secret")),
    ] {
        let refused = paypal.simulator.send(request).await;
        assert_eq!((refused.status, refused.text("name")), (401, "AUTHENTICATION_FAILURE".into()));
        assert_eq!(refused.text("debug_id"), refused.headers["paypal-debug-id"].to_str().unwrap());
    }
}

#[tokio::test]
async fn a_token_ends_after_nine_hours() {
    let paypal = PayPal::start().await;
    paypal.simulator.advance(32_390).await;
    assert_eq!(paypal.get("v2/checkout/orders/X").await.status, 404);
    paypal.simulator.advance(10).await;
    assert_eq!(paypal.get("v2/checkout/orders/X").await.status, 401);
}
