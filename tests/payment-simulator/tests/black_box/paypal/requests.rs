//! What a request must be like.

use reqwest::Method;
use serde_json::{Value, json};

use super::{PayPal, new_order, paid_from, usd};
use crate::harness::moved;

fn order_over(amount: &Value) -> Value {
    json!({"intent": "AUTHORIZE", "purchase_units": [{"amount": amount}]})
}

#[tokio::test]
async fn amounts_have_the_decimals_that_paypal_gives_their_currency() {
    let paypal = PayPal::start().await;
    let order = async |currency: &str, value: &str| {
        paypal.post("v2/checkout/orders", order_over(&json!({"currency_code": currency, "value": value}))).await
    };
    for (currency, value, written) in [
        ("USD", "45.99", "45.99"),
        ("USD", "45", "45.00"),
        ("USD", "45.9", "45.90"),
        ("EUR", "0.01", "0.01"),
        ("JPY", "500", "500"),
        ("HUF", "17500", "17500"),
        ("TWD", "300", "300"),
    ] {
        let made = order(currency, value).await;
        assert_eq!(made.status, 201, "{value} {currency}: {made:?}");
        assert_eq!(made.body["purchase_units"][0]["amount"]["value"], json!(written));
    }
    for (currency, value, status, issue) in [
        ("JPY", "500.00", 422, "DECIMALS_NOT_SUPPORTED"),
        ("HUF", "175.00", 422, "DECIMALS_NOT_SUPPORTED"),
        ("TWD", "3.5", 422, "DECIMALS_NOT_SUPPORTED"),
        ("USD", "45.999", 422, "DECIMAL_PRECISION"),
        ("USD", "0.00", 422, "CANNOT_BE_ZERO_OR_NEGATIVE"),
        ("USD", "-1.00", 422, "CANNOT_BE_ZERO_OR_NEGATIVE"),
        ("USD", "1000000000000000.00", 422, "MAX_VALUE_EXCEEDED"),
        ("EGP", "1.00", 422, "INVALID_CURRENCY_CODE"),
        ("usd", "1.00", 422, "INVALID_CURRENCY_CODE"),
        ("USD", "1,00", 400, "INVALID_PARAMETER_SYNTAX"),
        ("USD", "1.", 400, "INVALID_PARAMETER_SYNTAX"),
        ("USD", ".", 400, "INVALID_PARAMETER_SYNTAX"),
    ] {
        assert_eq!(order(currency, value).await.issue(), (status, issue.into()), "{value} {currency}");
    }
}

#[tokio::test]
async fn the_ledger_counts_in_minor_units_of_iso_4217() {
    let paypal = PayPal::start().await;
    for (currency, value, minor) in [("HUF", "175", 17_500), ("TWD", "300", 30_000), ("JPY", "500", 500), ("CHF", "5.05", 505)] {
        let made = paypal.post("v2/checkout/orders", order_over(&json!({"currency_code": currency, "value": value}))).await;
        paypal.authorize(&made.text("id"), "vault_ok").await;
        let lines = paypal.simulator.control(Method::GET, "ledger", Value::Null).await.body;
        let last = lines.as_array().unwrap().last().unwrap();
        assert_eq!((&last["amount"], &last["currency"]), (&json!(minor), &json!(currency)));
    }
}

#[tokio::test]
async fn fields_that_nobody_knows_are_refused_by_name() {
    let paypal = PayPal::start().await;
    let id = paypal.order("ord_1").await;
    let authorization = paypal.held("ord_2").await;
    let capture = paypal.captured("ord_3", "vault_ok").await;
    let mut order = new_order("ord_1");
    order["colour"] = json!("red");
    let mut unit = new_order("ord_1");
    unit["purchase_units"][0]["colour"] = json!("red");
    let mut source = paid_from("vault_ok");
    source["payment_source"]["paypal"]["colour"] = json!("red");
    let mut stored = paid_from("vault_ok");
    stored["payment_source"]["paypal"]["stored_credential"]["colour"] = json!("red");
    let colour = json!({"colour": "red"});
    let answers = [
        ("/colour", paypal.post("v2/checkout/orders", order).await),
        ("/purchase_units/0/colour", paypal.post("v2/checkout/orders", unit).await),
        ("/payment_source/paypal/colour", paypal.post(&format!("v2/checkout/orders/{id}/authorize"), source).await),
        (
            "/payment_source/paypal/stored_credential/colour",
            paypal.post(&format!("v2/checkout/orders/{id}/authorize"), stored).await,
        ),
        ("/colour", paypal.capture(&authorization, colour.clone()).await),
        ("/colour", paypal.post(&format!("v2/payments/authorizations/{authorization}/void"), colour.clone()).await),
        ("/colour", paypal.refund(&capture, colour).await),
        ("colour", paypal.get(&format!("v2/checkout/orders/{id}?colour=red")).await),
    ];
    for (field, answer) in answers {
        assert_eq!(answer.issue(), (400, "UNKNOWN_PARAMETER".into()), "{field}: {answer:?}");
        assert_eq!(answer.body["details"][0]["field"], json!(field));
    }
    let mut wrong = paid_from("vault_ok");
    wrong["payment_source"]["paypal"]["stored_credential"]["payment_initiator"] = json!("red");
    let refused = paypal.post(&format!("v2/checkout/orders/{id}/authorize"), wrong).await;
    assert_eq!(refused.issue(), (400, "INVALID_PARAMETER_VALUE".into()));
    let lines = [("authorize", 4599), ("authorize", 4599), ("capture", 4599)];
    assert_eq!(paypal.simulator.ledger().await, moved(&lines));
}

#[tokio::test]
async fn fields_that_must_be_there_are_asked_for_by_name() {
    let paypal = PayPal::start().await;
    let order = async |body: Value| {
        let answer = paypal.post("v2/checkout/orders", body).await;
        assert_eq!(answer.issue(), (400, "MISSING_REQUIRED_PARAMETER".into()), "{answer:?}");
        answer.body["details"][0]["field"].as_str().unwrap().to_owned()
    };
    assert_eq!(order(json!({})).await, "/intent");
    assert_eq!(order(json!({"intent": "AUTHORIZE"})).await, "/purchase_units");
    assert_eq!(order(json!({"intent": "AUTHORIZE", "purchase_units": [{}]})).await, "/purchase_units/0/amount");
    assert_eq!(order(order_over(&json!({"value": "1.00"}))).await, "/purchase_units/0/amount/currency_code");
    assert_eq!(order(order_over(&json!({"currency_code": "USD"}))).await, "/purchase_units/0/amount/value");
}

#[tokio::test]
async fn values_that_paypal_would_not_take_are_refused() {
    let paypal = PayPal::start().await;
    let order =
        async |unit: Value| paypal.post("v2/checkout/orders", json!({"intent": "AUTHORIZE", "purchase_units": [unit]})).await;
    let long = "x".repeat(128);
    let custom = order(json!({"amount": usd("1.00"), "custom_id": long})).await;
    assert_eq!(custom.issue(), (400, "INVALID_STRING_LENGTH".into()));
    assert_eq!(order(json!({"amount": usd("1.00"), "custom_id": &long[1..]})).await.status, 201);
    assert_eq!(order(json!({"amount": usd("1.00"), "custom_id": 7})).await.issue().0, 400);
    let capture = json!({"intent": "CAPTURE", "purchase_units": [{"amount": usd("1.00")}]});
    assert_eq!(paypal.post("v2/checkout/orders", capture).await.issue(), (400, "INVALID_PARAMETER_VALUE".into()));
    let two = json!({"intent": "AUTHORIZE", "purchase_units": [{"amount": usd("1.00")}, {"amount": usd("2.00")}]});
    assert_eq!(paypal.post("v2/checkout/orders", two).await.issue(), (422, "UNSUPPORTED_INTENT".into()));
}

#[tokio::test]
async fn an_order_shows_what_it_was_made_with() {
    let paypal = PayPal::start().await;
    let address = json!({"address_line_1": "1 Nile St", "admin_area_2": "Cairo", "country_code": "EG"});
    let unit = json!({
        "amount": usd("1.00"), "custom_id": "ord_1", "reference_id": "r", "invoice_id": "i", "description": "Kettle",
        "soft_descriptor": "SOUK", "shipping": {"name": {"full_name": "Amina"}, "address": address},
    });
    let made = paypal.post("v2/checkout/orders", json!({"intent": "AUTHORIZE", "purchase_units": [unit]})).await;
    for (member, value) in unit.as_object().unwrap() {
        assert_eq!(made.body["purchase_units"][0][member], *value, "{member}");
    }
    let mut wrong = json!({"intent": "AUTHORIZE", "purchase_units": [unit]});
    wrong["purchase_units"][0]["shipping"]["address"]["city"] = json!("Cairo");
    let refused = paypal.post("v2/checkout/orders", wrong).await;
    assert_eq!(refused.body["details"][0]["field"], json!("/purchase_units/0/shipping/address/city"));
}

#[tokio::test]
async fn a_body_must_be_json_and_call_itself_so() {
    let paypal = PayPal::start().await;
    let post = |kind: &str, body: &'static str| {
        let request = paypal.request(Method::POST, "v2/checkout/orders").header("PayPal-Request-Id", body);
        request.header("Content-Type", kind).body(body)
    };
    let broken = paypal.simulator.send(post("application/json", "{")).await;
    assert_eq!(broken.issue(), (400, "MALFORMED_REQUEST_JSON".into()));
    assert_eq!(paypal.simulator.send(post("text/plain", "{}")).await.status, 415);
}

#[tokio::test]
async fn a_path_that_paypal_does_not_have_is_not_found() {
    let paypal = PayPal::start().await;
    assert_eq!(paypal.get("v2/checkout/order").await.status, 404);
    let root = paypal.simulator.http.head(&paypal.simulator.addresses.paypal_url);
    assert_eq!(paypal.simulator.send(root).await.status, 404, "what an adapter warms its connection with");
}

#[tokio::test]
async fn requests_are_logged_with_their_purpose() {
    let paypal = PayPal::start().await;
    let id = paypal.captured("ord_1", "vault_ok").await;
    paypal.refund(&id, json!({})).await;
    let log = paypal.simulator.control(Method::GET, "requests", Value::Null).await.body;
    let (token, log) = log.as_array().unwrap().split_first().unwrap();
    assert_eq!((&token["path"], &token["operation"]), (&json!("/v1/oauth2/token"), &Value::Null));
    let operations: Vec<_> = log.iter().map(|entry| entry["operation"].as_str().unwrap()).collect();
    assert_eq!(operations, ["prepare", "authorize", "capture", "refund"]);
    for entry in log {
        assert_eq!((&entry["provider"], &entry["order_id"]), (&json!("paypal"), &json!("ord_1")));
        assert_eq!(entry["status"], json!(201));
    }
    assert!(!json!(log).to_string().contains("vault_ok"));
}
