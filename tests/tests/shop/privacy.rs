use system_tests::{Shop, eventually, never_recorded, new_key, purchase, purchase_with};

#[tokio::test]
async fn no_log_event_or_history_holds_personal_data_or_a_token() {
    let shop = Shop::running();
    let kareem = shop.sign_in("kareem").await;
    let confirmed = new_key();
    kareem.checkout(&confirmed, &purchase(&[("tote-canvas", 1)], "pm_card_visa")).await;
    kareem.checkout(&new_key(), &purchase(&[("tote-canvas", 1)], "pm_card_visa_chargeDeclined")).await;
    kareem.checkout(&new_key(), &purchase(&[("tote-canvas", 1)], "pm card with a space")).await;
    kareem.checkout(&new_key(), &purchase_with(&[("tote-canvas", 1)], &[("paypal", "vault_ok")])).await;
    let cancelled = new_key();
    kareem.checkout(&cancelled, &purchase(&[("tote-canvas", 1)], "pm_card_visa")).await;
    kareem.cancel_patiently(&kareem.order_id(&cancelled)).await;
    kareem.checkout(&new_key(), &purchase(&[("tote-canvas", 1)], "pm_card_authenticationRequired")).await;
    let failing = new_key();
    shop.fault(&kareem.order_id(&failing), "authorize", "error", 50).await;
    kareem.checkout(&failing, &purchase(&[("tote-canvas", 1)], "pm_card_visa")).await;
    eventually("the e-mail is sent", || async { !shop.mails(kareem.order_id(&confirmed).as_str()).await.is_empty() }).await;

    let recorded = shop.python("recorded.py", &[shop.resource("OrderEventsTable")]).await;
    assert!(recorded.contains(kareem.order_id(&confirmed).as_str()), "the records are of this run");
    assert!(recorded.contains("the confirmation was sent"), "the functions' logs are among them");
    assert!(recorded.contains("ExecutionStarted"), "the executions are among them");
    for secret in never_recorded(&kareem) {
        if let Some(at) = recorded.find(&secret) {
            panic!("{secret:?} was recorded: …{}…", &recorded[at.saturating_sub(300)..(at + 100).min(recorded.len())]);
        }
    }
}
