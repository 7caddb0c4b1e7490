use aws_sdk_dynamodb::{Client, Config, config::BehaviorVersion};
use shared::domain::{
    event::{Event, Fact, Line, OrderPlaced, Provider},
    ids::{CustomerId, RefundId},
    money::{Currency, Money},
};

use super::*;

const HOUR: SignedDuration = SignedDuration::from_hours(1);

fn planner() -> PlanSettlement {
    let client = Client::from_conf(Config::builder().behavior_version(BehaviorVersion::latest()).build());
    PlanSettlement {
        events: OrderEvents::new(client, "none"),
        deadlines: Deadlines { payment: SignedDuration::from_hours(24), action: HOUR },
        first_wait: 10,
        longest_wait: 300,
        refund_pause: SignedDuration::from_mins(10),
    }
}

fn order(facts: &[Fact]) -> Order {
    let price = Money { amount: 4599, currency: Currency::USD };
    let placed = OrderPlaced {
        customer_id: CustomerId("kareem".into()),
        fingerprint: "f".into(),
        items: vec![Line { sku: "mug".parse().unwrap(), name: "Mug".into(), quantity: 1, unit_price: price }],
        total: price,
        payment_methods: vec![Provider::Stripe],
    };
    let facts = std::iter::once(Fact::OrderPlaced(placed)).chain(facts.iter().cloned());
    let order_id: OrderId = "ord_00000000000000000000000000000001".parse().unwrap();
    let event = |(sequence, fact)| Event { order_id: order_id.clone(), sequence, at: Timestamp::UNIX_EPOCH, fact };
    Order::from_events(&(1..).zip(facts).map(event).collect::<Vec<_>>()).unwrap()
}

fn first(order: &Order) -> Round {
    Round { order_id: order.id.clone(), sequence: 0, idle: 0, round: 0, by_hand: false, dry_run: false }
}

fn names(plan: &Plan) -> Vec<&'static str> {
    plan.steps.iter().map(|step| step.name).collect()
}

#[test]
fn the_first_round_and_one_after_a_change_wait_for_nothing_and_idle_ones_wait_longer_each_time() {
    let (planner, order) = (planner(), order(&[]));
    let mut last = first(&order);
    let mut waits = Vec::new();
    for _ in 0..8 {
        let plan = planner.plan(&order, &last, Timestamp::UNIX_EPOCH);
        assert_eq!((names(&plan), plan.is_closed, plan.history_is_full), (vec!["ReserveInventory"], false, false));
        waits.push(plan.wait_seconds);
        last = plan.round;
    }
    assert_eq!(waits, [0, 10, 20, 40, 80, 160, 300, 300]);
    let moved = planner.plan(&order_reserved(), &last, Timestamp::UNIX_EPOCH);
    assert_eq!((moved.wait_seconds, moved.round.idle), (0, 0));
}

fn order_reserved() -> Order {
    order(&[Fact::InventoryReserved {}])
}

#[test]
fn an_order_that_is_closed_ends_the_settlement_and_a_full_history_fails_it() {
    let rejected = order(&[Fact::OrderCancelled { reason: shared::domain::event::Cancellation::CustomerRequest }]);
    let plan = planner().plan(&rejected, &first(&rejected), Timestamp::UNIX_EPOCH);
    assert!(plan.is_closed && !plan.history_is_full && plan.steps.is_empty());
    let open = order(&[]);
    let full = Round { round: MOST_ROUNDS, ..first(&open) };
    let plan = planner().plan(&open, &full, Timestamp::UNIX_EPOCH);
    assert!(plan.history_is_full && !plan.is_closed, "it says nothing of being closed");
}

#[test]
fn at_the_deadline_the_plan_is_to_cancel_with_its_reason() {
    let open = order_reserved();
    let late = Timestamp::UNIX_EPOCH.saturating_add(SignedDuration::from_hours(24)).unwrap();
    let plan = planner().plan(&open, &first(&open), late);
    assert_eq!(names(&plan), ["CancelOrder"]);
    assert_eq!(plan.steps[0].input["reason"], "payment_timed_out");
}

#[test]
fn a_refund_that_failed_is_begun_again_after_ten_minutes_and_each_time_after_three_times_as_long() {
    let mut facts = vec![
        Fact::InventoryReserved {},
        Fact::PaymentPrepared { attempt: 1, provider: Provider::Stripe, reference: "pi_1".into() },
        Fact::PaymentAuthorized { attempt: 1, capture_before: None },
        Fact::OrderConfirmed { attempt: 1 },
        Fact::CaptureStarted { attempt: 1 },
        Fact::PaymentCaptured { attempt: 1 },
        Fact::OrderCancelled { reason: shared::domain::event::Cancellation::CustomerRequest },
        Fact::InventoryReleased {},
    ];
    let steps = |facts: &[Fact], minutes| {
        let order = order(facts);
        let now = Timestamp::UNIX_EPOCH.saturating_add(SignedDuration::from_mins(minutes)).unwrap();
        let plan = planner().plan(&order, &first(&order), now);
        assert_eq!(plan.is_closed, order.is_closed());
        names(&plan)
    };
    assert_eq!(steps(&facts, 0), ["RefundPayment"]);
    for (failed, pause) in [10, 30, 90, 270].into_iter().enumerate() {
        let refund = RefundId::for_cancellation(&order(&facts).id, failed);
        facts.push(Fact::RefundStarted { refund: refund.clone(), amount: Money { amount: 4599, currency: Currency::USD } });
        assert_eq!(steps(&facts, 0), ["RefundPayment"], "one that is under way is looked up");
        facts.push(Fact::RefundFailed { refund, reason: "balance_insufficient".into() });
        assert_eq!(steps(&facts, pause - 1), [""; 0], "{failed}");
        assert_eq!(steps(&facts, pause), ["RefundPayment"], "{failed}");
        let plan = planner().plan(&order(&facts), &first(&order(&facts)), Timestamp::MAX);
        assert_eq!(
            plan.steps[0].input["failed"],
            failed + 1,
            "another planner's refund that failed since is not followed at once"
        );
    }
    let order = order(&facts);
    let asked = planner().plan(&order, &Round { by_hand: true, ..first(&order) }, Timestamp::UNIX_EPOCH);
    assert_eq!((names(&asked), asked.round.by_hand), (vec!["RefundPayment"], false), "an operator need not wait, for one round");
}

#[test]
fn a_hold_that_is_not_captured_is_told_within_the_last_day_before_it_ends() {
    let days = |days| Timestamp::UNIX_EPOCH.saturating_add(HOUR * 24 * days).unwrap();
    let held =
        [Fact::InventoryReserved {}, Fact::PaymentPrepared { attempt: 1, provider: Provider::Stripe, reference: "pi".into() }];
    let authorized = [&held[..], &[Fact::PaymentAuthorized { attempt: 1, capture_before: Some(days(7)) }]].concat();
    let confirmed = [&authorized[..], &[Fact::OrderConfirmed { attempt: 1 }]].concat();
    assert!(!ends_soon(&order(&confirmed), days(6)));
    assert!(ends_soon(&order(&confirmed), days(6).saturating_add(SignedDuration::from_secs(1)).unwrap()));
    assert!(ends_soon(&order(&confirmed), days(8)), "nor is it forgotten afterwards");
    let captured = [&confirmed[..], &[Fact::CaptureStarted { attempt: 1 }, Fact::PaymentCaptured { attempt: 1 }]].concat();
    assert!(!ends_soon(&order(&captured), days(8)));
}

#[test]
fn a_plan_is_the_next_rounds_input_and_names_only_known_states() {
    let open = order(&[]);
    let plan = serde_json::to_value(planner().plan(&open, &first(&open), Timestamp::UNIX_EPOCH)).unwrap();
    assert_eq!(serde_json::from_value::<Round>(plan.clone()).unwrap().round, 1);
    assert!(STEPS.contains(&plan["steps"][0]["name"].as_str().unwrap()));
    let first = serde_json::from_str::<Round>(r#"{"order_id":"ord_00000000000000000000000000000001"}"#).unwrap();
    assert_eq!((first.round, first.sequence), (0, 0));
}
