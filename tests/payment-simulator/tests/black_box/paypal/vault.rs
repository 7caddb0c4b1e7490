//! Saved accounts.

use serde_json::json;

use super::PayPal;

#[tokio::test]
async fn a_saved_account_says_whose_it_is() {
    let paypal = PayPal::start().await;
    let token = paypal.get("v3/vault/payment-tokens/vault_of_amina").await;
    assert_eq!((token.status, token.text("id")), (200, "vault_of_amina".into()));
    assert_eq!(token.body["customer"]["merchant_customer_id"], json!("amina"));
    assert!(token.body["payment_source"]["paypal"].is_object());
}

#[tokio::test]
async fn the_named_test_accounts_are_everyones() {
    let paypal = PayPal::start().await;
    for name in ["ok", "declined", "instrument_declined", "pending", "action", "refund_fails"] {
        let token = paypal.get(&format!("v3/vault/payment-tokens/vault_{name}")).await;
        assert_eq!((token.status, &token.body["customer"]["merchant_customer_id"]), (200, &json!("*")), "{name}");
    }
}

#[tokio::test]
async fn other_accounts_do_not_exist() {
    let paypal = PayPal::start().await;
    for name in ["vault_of_", "vault_nonsense", "pm_card_visa"] {
        let unknown = paypal.get(&format!("v3/vault/payment-tokens/{name}")).await;
        assert_eq!((unknown.status, unknown.text("name")), (404, "RESOURCE_NOT_FOUND".into()), "{name}");
    }
}
