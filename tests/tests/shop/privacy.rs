use system_tests::{Shop, eventually, new_key, purchase, root};

/// Everything that the run recorded: every log group, every execution's history, every event.
async fn recorded(shop: &Shop) -> String {
    let python = root().join(".local/venv/bin/python");
    let script = root().join("tests/python/recorded.py");
    let mut command = tokio::process::Command::new(python);
    command.arg(script).arg(shop.resource("OrderEventsTable")).env("AWS_ENDPOINT_URL", &shop.outputs.aws_endpoint);
    command.env("AWS_DEFAULT_REGION", "us-east-1").env("AWS_ACCESS_KEY_ID", "test").env("AWS_SECRET_ACCESS_KEY", "test");
    let output = command.output().await.unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

#[tokio::test]
async fn no_log_event_or_history_holds_personal_data_or_a_token() {
    let shop = Shop::running();
    let kareem = shop.sign_in("kareem").await;
    let confirmed = new_key();
    kareem.checkout(&confirmed, &purchase(&[("tote-canvas", 1)], "pm_card_visa")).await;
    kareem.checkout(&new_key(), &purchase(&[("tote-canvas", 1)], "pm_card_visa_chargeDeclined")).await;
    kareem.checkout(&new_key(), &purchase(&[("tote-canvas", 1)], "pm card with a space")).await;
    let failing = new_key();
    shop.fault(&kareem.order_id(&failing), "authorize", "error", 50).await;
    kareem.checkout(&failing, &purchase(&[("tote-canvas", 1)], "pm_card_visa")).await;
    eventually("the e-mail is sent", || async { !shop.mails(kareem.order_id(&confirmed).as_str()).await.is_empty() }).await;

    let recorded = recorded(&shop).await;
    assert!(recorded.contains(kareem.order_id(&confirmed).as_str()), "the records are of this run");
    assert!(recorded.contains("the confirmation was sent"), "the functions' logs are among them");
    assert!(recorded.contains("ExecutionStarted"), "the executions are among them");
    let secrets =
        ["kareem@souk.example", "Secretstreet", "Addressee", "+201001234567", "pm_card", "pm card", "sk_test_", &kareem.token];
    for secret in secrets {
        if let Some(at) = recorded.find(secret) {
            panic!("{secret:?} was recorded: …{}…", &recorded[at.saturating_sub(300)..(at + 100).min(recorded.len())]);
        }
    }
}
