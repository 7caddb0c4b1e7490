use lambda_http::request::from_str;
use shared::domain::{
    event::{Cancellation, Fact, Line, OrderPlaced, Provider, Rejection},
    ids::{CustomerId, RefundId},
    money::{Currency, Money},
};

use super::*;

const REFERENCE: &str = "pi_secret";
const INTERNAL: &str = "issuer said 4711";

fn history(facts: Vec<Fact>) -> Vec<Event> {
    let order_id: OrderId = "ord_00000000000000000000000000000001".parse().unwrap();
    let total = Money { amount: 4599, currency: Currency::USD };
    let line = Line { sku: "kettle-steel".parse().unwrap(), name: "Kettle".into(), quantity: 1, unit_price: total };
    let placed = Fact::OrderPlaced(OrderPlaced {
        customer_id: CustomerId("kareem".into()),
        fingerprint: "fingerprint".into(),
        items: vec![line],
        total,
        payment_methods: vec![Provider::Stripe],
    });
    let prepared = Fact::PaymentPrepared { attempt: 1, provider: Provider::Stripe, reference: REFERENCE.into() };
    let facts = [placed, Fact::InventoryReserved {}, prepared].into_iter().chain(facts);
    let at = Timestamp::UNIX_EPOCH;
    (1..).zip(facts).map(|(sequence, fact)| Event { order_id: order_id.clone(), sequence, at, fact }).collect()
}

fn body(facts: Vec<Fact>) -> Value {
    let events = history(facts);
    shown(&Order::from_events(&events).unwrap(), &events)
}

/// The data of the last of these facts in the timeline.
fn last(facts: Vec<Fact>) -> Value {
    body(facts)["timeline"].as_array().unwrap().last().unwrap()["data"].clone()
}

fn captured() -> Vec<Fact> {
    vec![
        Fact::PaymentAuthorized { attempt: 1, capture_before: None },
        Fact::OrderConfirmed { attempt: 1 },
        Fact::CaptureStarted { attempt: 1 },
        Fact::PaymentCaptured { attempt: 1 },
    ]
}

fn refund() -> RefundId {
    RefundId::for_request(&"ord_00000000000000000000000000000001".parse().unwrap(), "key")
}

fn refund_started() -> Fact {
    Fact::RefundStarted { refund: refund(), amount: Money { amount: 2000, currency: Currency::USD } }
}

#[test]
fn the_timeline_leaves_out_references_and_internal_reasons() {
    let failed = vec![
        Fact::PaymentAuthorized { attempt: 1, capture_before: None },
        Fact::OrderConfirmed { attempt: 1 },
        Fact::CaptureStarted { attempt: 1 },
        Fact::CaptureFailed { attempt: 1, reason: INTERNAL.into() },
    ];
    let mut unrefunded = captured();
    unrefunded.extend([refund_started(), Fact::RefundFailed { refund: refund(), reason: INTERNAL.into() }]);
    for facts in [failed, unrefunded] {
        let shown = body(facts).to_string();
        for secret in [REFERENCE, INTERNAL, "fingerprint"] {
            assert!(!shown.contains(secret), "{secret} in {shown}");
        }
    }
}

#[test]
fn a_suspicion_is_kept_out_of_the_timeline() {
    let declined = || Fact::PaymentDeclined { attempt: 1, decline_code: "stolen_card".into() };
    assert_eq!(last(vec![declined()]), json!({"attempt": 1, "decline_code": "generic_decline"}));
    let reason = Rejection::PaymentDeclined { decline_code: "stolen_card".into() };
    let rejected = last(vec![declined(), Fact::OrderRejected { reason }]);
    assert_eq!(rejected, json!({"code": "payment_declined", "decline_code": "generic_decline"}));
}

#[test]
fn every_event_of_a_refund_shows_which_and_how_much() {
    let expected = json!({"refund": refund(), "amount": {"amount": 2000, "currency": "USD"}});
    let mut facts = captured();
    for fact in [
        refund_started(),
        Fact::PaymentRefunded { refund: refund() },
        Fact::RefundFailed { refund: refund(), reason: INTERNAL.into() },
    ] {
        facts.push(fact);
        assert_eq!(last(facts.clone()), expected);
    }
}

#[test]
fn a_cancellation_shows_its_reason_and_the_rest_what_it_is_about() {
    assert_eq!(last(vec![Fact::OrderCancelled { reason: Cancellation::CustomerRequest }]), json!({"reason": "customer_request"}));
    for fact in
        [Fact::PaymentActionRequired { attempt: 1 }, Fact::PaymentAbandoned { attempt: 1 }, Fact::PaymentVoided { attempt: 1 }]
    {
        assert_eq!(last(vec![fact]), json!({"attempt": 1}));
    }
    assert_eq!(last(vec![Fact::PaymentDeferred { unanswered: true }]), json!({}));
}

#[test]
fn an_order_is_seen_by_whose_it_is_and_by_an_administrator() {
    let order = Order::from_events(&history(Vec::new())).unwrap();
    let sees = |customer: &str, groups: &str| {
        let claims = json!({"token_use": "id", "sub": customer, "email": "k@souk.example", "cognito:groups": groups});
        let event = json!({
            "httpMethod": "GET", "path": "/v1/orders", "resource": "/v1/orders", "headers": {}, "multiValueHeaders": {},
            "requestContext": {"httpMethod": "GET", "requestId": "r", "resourcePath": "/v1/orders", "authorizer": {"claims": claims}},
        });
        may_see(&Caller::of(&from_str(&event.to_string()).unwrap()).unwrap(), &order)
    };
    assert!(sees("kareem", "customer"));
    assert!(!sees("amina", "customer"));
    assert!(!sees("amina", "not-admin,administrators"));
    assert!(sees("root", "[customer admin]"));
    assert!(sees("root", "superadmin"));
}
