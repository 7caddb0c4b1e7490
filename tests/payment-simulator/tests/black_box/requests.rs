//! Who may call, and with what.

use reqwest::Method;

use crate::harness::{Simulator, VERSION, intent_form};

#[tokio::test]
async fn a_caller_without_a_test_key_is_turned_away() {
    let simulator = Simulator::start().await;
    let url = format!("{}/v1/payment_intents", simulator.addresses.stripe_url);
    let anonymous = || simulator.http.get(&url).header("Stripe-Version", VERSION);
    for request in [
        anonymous(),
        anonymous().bearer_auth("sk_live_1"),
        anonymous().bearer_auth("sk_test_"),
        anonymous().basic_auth("pk_test_1", Some("")),
    ] {
        assert_eq!(simulator.send(request).await.error("type"), (401, "invalid_request_error".into()));
    }
}

#[tokio::test]
async fn the_key_may_come_as_the_user_of_http_basic() {
    let simulator = Simulator::start().await;
    let url = format!("{}/v1/payment_intents", simulator.addresses.stripe_url);
    let request = simulator.http.get(&url).header("Stripe-Version", VERSION).basic_auth("sk_test_1", Some(""));
    assert_eq!(simulator.send(request).await.status, 200);
}

#[tokio::test]
async fn the_api_version_must_be_pinned() {
    let simulator = Simulator::start().await;
    let url = format!("{}/v1/payment_intents", simulator.addresses.stripe_url);
    let unpinned = || simulator.http.get(&url).bearer_auth("sk_test_1");
    assert_eq!(simulator.send(unpinned()).await.error("type"), (400, "invalid_request_error".into()));
    assert_eq!(simulator.send(unpinned().header("Stripe-Version", "newest")).await.status, 400);
}

#[tokio::test]
async fn each_answer_names_its_request_and_the_version() {
    let simulator = Simulator::start().await;
    let (one, two) = (simulator.get("payment_intents").await, simulator.get("payment_intents/pi_x").await);
    assert_eq!(
        (&one.headers["stripe-version"], &two.headers["stripe-version"]),
        (&VERSION.parse().unwrap(), &VERSION.parse().unwrap())
    );
    assert!(one.headers["request-id"].to_str().unwrap().starts_with("req_"));
    assert_ne!(one.headers["request-id"], two.headers["request-id"]);
}

#[tokio::test]
async fn a_path_that_stripe_does_not_have_is_not_found() {
    let simulator = Simulator::start().await;
    assert_eq!(simulator.get("payment_intent").await.error("type"), (404, "invalid_request_error".into()));
    let root = simulator.http.head(&simulator.addresses.stripe_url);
    assert_eq!(simulator.send(root).await.status, 404, "what an adapter warms its connection with");
}

#[tokio::test]
async fn an_intent_that_does_not_exist_is_not_found() {
    let simulator = Simulator::start().await;
    let answers = [
        simulator.get("payment_intents/pi_x").await,
        simulator.confirm("pi_x", "pm_card_visa").await,
        simulator.act("pi_x", "capture").await,
        simulator.act("pi_x", "cancel").await,
    ];
    for answer in answers {
        assert_eq!(answer.error("code"), (404, "resource_missing".into()));
        assert_eq!(answer.error("param").1, "intent");
    }
    let refund = simulator.post("refunds", &[("payment_intent", "pi_x")]).await;
    assert_eq!(refund.error("code"), (404, "resource_missing".into()));
    assert_eq!(refund.error("param").1, "payment_intent");
}

#[tokio::test]
async fn unknown_parameters_are_refused_by_name() {
    let simulator = Simulator::start().await;
    let id = simulator.prepare("ord_1").await;
    let unknown = ("colour", "red");
    let intent = [&intent_form("ord_1")[..], &[unknown]].concat();
    let answers = [
        simulator.post("payment_intents", &intent).await,
        simulator.post(&format!("payment_intents/{id}/confirm"), &[unknown]).await,
        simulator.post(&format!("payment_intents/{id}/capture"), &[unknown]).await,
        simulator.post(&format!("payment_intents/{id}/cancel"), &[unknown]).await,
        simulator.post("refunds", &[("payment_intent", &id), unknown]).await,
        simulator.get("payment_intents?colour=red").await,
        simulator.get(&format!("payment_intents/{id}?colour=red")).await,
    ];
    for answer in answers {
        assert_eq!(answer.error("code"), (400, "parameter_unknown".into()));
        assert_eq!(answer.error("param").1, "colour");
    }
}

#[tokio::test]
async fn missing_parameters_are_asked_for_by_name() {
    let simulator = Simulator::start().await;
    let answers = [
        ("amount", simulator.post("payment_intents", &[("currency", "usd")]).await),
        ("currency", simulator.post("payment_intents", &[("amount", "100")]).await),
        ("payment_intent", simulator.post("refunds", &[]).await),
    ];
    for (param, answer) in answers {
        assert_eq!(answer.error("code"), (400, "parameter_missing".into()));
        assert_eq!(answer.error("param").1, param);
    }
}

#[tokio::test]
async fn values_that_stripe_would_not_take_are_refused() {
    let simulator = Simulator::start().await;
    for (name, value) in [
        ("amount", "12.50"),
        ("amount", "-1"),
        ("amount", ""),
        ("amount", "100000000"),
        ("currency", "zzz"),
        ("capture_method", "by_hand"),
        ("confirm", "maybe"),
        ("payment_method_types[]", "cheque"),
    ] {
        let mut form: Vec<_> = intent_form("ord_1").into_iter().filter(|(field, _)| *field != name).collect();
        form.push((name, value));
        let answer = simulator.post("payment_intents", &form).await;
        assert_eq!(answer.error("param"), (400, name.trim_end_matches("[]").into()), "{name}={value}");
    }
}

#[tokio::test]
async fn amounts_below_the_currencys_minimum_are_refused() {
    let simulator = Simulator::start().await;
    for (currency, minimum) in [("usd", 50), ("eur", 50), ("gbp", 30), ("jpy", 50), ("mxn", 1000)] {
        let post = async |amount: i32| {
            simulator.post("payment_intents", &[("amount", &amount.to_string()), ("currency", currency)]).await
        };
        assert_eq!(post(minimum - 1).await.error("code"), (400, "amount_too_small".into()), "{currency}");
        assert_eq!(post(minimum).await.status, 200, "{currency}");
    }
}

#[tokio::test]
async fn a_body_that_does_not_call_itself_a_form_is_refused() {
    let simulator = Simulator::start().await;
    let body = "amount=100&currency=usd";
    let post = |kind: &str| simulator.request(Method::POST, "payment_intents").header("Content-Type", kind).body(body);
    assert_eq!(simulator.send(post("application/json")).await.error("type"), (400, "invalid_request_error".into()));
    assert_eq!(simulator.send(post("application/x-www-form-urlencoded; charset=utf-8")).await.status, 200);
}
