use iso_currency::Currency;
use proptest::prelude::*;

use super::*;
use crate::domain::{event::Shortage, ids::CustomerId};

fn line(sku: &str, quantity: u32) -> Line {
    Line { sku: sku.parse().unwrap(), name: sku.into(), quantity, unit_price: Money { amount: 4599, currency: Currency::USD } }
}

/// An order's history, to which commands append as a repository would.
struct History(Vec<Event>);

impl History {
    fn placed() -> Self {
        let items = vec![line("kettle-steel", 1), line("mug", 2), line("kettle-steel", 3)];
        let placed = OrderPlaced {
            customer_id: CustomerId("kareem".into()),
            fingerprint: "f".into(),
            total: total(&items).unwrap().unwrap(),
            items,
            payment_methods: vec![Provider::Stripe],
        };
        Self(vec![Event {
            order_id: "ord_00000000000000000000000000000001".parse().unwrap(),
            sequence: 1,
            at: Timestamp::UNIX_EPOCH,
            fact: Fact::OrderPlaced(placed),
        }])
    }

    fn order(&self) -> Order {
        Order::from_events(&self.0).unwrap()
    }

    fn apply(&mut self, decision: Decision) -> &mut Self {
        if let Decision::Append(fact) = decision {
            let event = self.order().next_event(fact, Timestamp::UNIX_EPOCH);
            self.0.push(event);
        }
        self
    }

    fn run(&mut self, command: Command) -> &mut Self {
        let decision = command.decide(&self.order());
        self.apply(decision)
    }

    fn after(commands: &[Command]) -> Self {
        let mut history = Self::placed();
        for command in commands {
            history.run(*command);
        }
        history
    }

    fn names(&self) -> Vec<&'static str> {
        self.0.iter().map(|event| event.fact.name()).collect()
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Command {
    Reserve,
    Release,
    Prepare,
    Authorize,
    Decline,
    Void,
    Confirm,
    RejectForStock,
    RejectForPayment,
}

const COMMANDS: [Command; 9] = [
    Command::Reserve,
    Command::Release,
    Command::Prepare,
    Command::Authorize,
    Command::Decline,
    Command::Void,
    Command::Confirm,
    Command::RejectForStock,
    Command::RejectForPayment,
];

impl Command {
    fn decide(self, order: &Order) -> Decision {
        match self {
            Self::Reserve => order.reserve(),
            Self::Release => order.release(),
            Self::Prepare => order.prepare_payment(1, Provider::Stripe, "pi_1"),
            Self::Authorize => order.authorize_payment(1),
            Self::Decline => order.decline_payment(1, "card_declined"),
            Self::Void => order.void_payment(1),
            Self::Confirm => order.confirm(),
            Self::RejectForStock => order.reject(&out_of_stock()),
            Self::RejectForPayment => order.reject(&declined()),
        }
    }
}

fn out_of_stock() -> Rejection {
    let short = Shortage { sku: "mug".parse().unwrap(), requested: 2, available: 1 };
    Rejection::OutOfStock { items: vec![short] }
}

fn declined() -> Rejection {
    Rejection::PaymentDeclined { decline_code: "card_declined".into() }
}

use Command::{Authorize, Confirm, Decline, Prepare, RejectForPayment, RejectForStock, Release, Reserve, Void};

const PAID: [Command; 4] = [Reserve, Prepare, Authorize, Confirm];
const DECLINED: [Command; 4] = [Reserve, Prepare, Decline, RejectForPayment];

#[test]
fn the_happy_path_ends_confirmed_and_owes_the_capture() {
    let history = History::after(&PAID);
    let expected = ["OrderPlaced", "InventoryReserved", "PaymentPrepared", "PaymentAuthorized", "OrderConfirmed"];
    assert_eq!(history.names(), expected);
    assert_eq!(history.order().status(), Status::Confirmed);
    assert_eq!(history.order().owes(), [Owed::Capture { attempt: 1 }]);
}

#[test]
fn each_step_is_owed_in_its_turn() {
    let mut history = History::placed();
    assert_eq!(history.order().owes(), [Owed::Reserve]);
    history.run(Reserve);
    assert_eq!(history.order().owes(), [Owed::Authorize { attempt: 1 }]);
    history.run(Prepare);
    assert_eq!(history.order().owes(), [Owed::Authorize { attempt: 1 }], "an attempt without an answer is resolved");
    history.run(Authorize);
    assert_eq!(history.order().owes(), [Owed::Confirm]);
}

#[test]
fn a_declined_order_owes_its_rejection_then_a_void_and_the_release() {
    let mut history = History::after(&DECLINED[..3]);
    assert_eq!(history.order().owes(), [Owed::Reject(declined())]);
    history.run(RejectForPayment);
    assert_eq!(history.order().owes(), [Owed::Void { attempt: 1 }, Owed::Release], "a declined payment can be confirmed again");
    history.run(Release);
    assert_eq!(history.order().owes(), [Owed::Void { attempt: 1 }], "neither waits for the other");
    history.run(Void);
    assert_eq!(history.order().owes(), []);
}

#[test]
fn an_order_out_of_stock_owes_nothing() {
    let history = History::after(&[RejectForStock]);
    assert_eq!(history.order().owes(), []);
    assert_eq!(history.order().outcome(), &Outcome::Rejected(out_of_stock()));
}

#[test]
fn a_confirmed_order_cannot_be_undone() {
    let order = History::after(&PAID).order();
    assert_eq!(order.reject(&declined()), Decision::NotAllowed(Refusal::Confirmed));
    assert_eq!(order.void_payment(1), Decision::NotAllowed(Refusal::NotRejected));
    assert_eq!(order.release(), Decision::NotAllowed(Refusal::NotRejected));
}

#[test]
fn a_late_confirmation_cannot_revive_a_dead_order() {
    let order = History::after(&DECLINED).order();
    assert_eq!(order.confirm(), Decision::NotAllowed(Refusal::Rejected));
    assert_eq!(order.authorize_payment(1), Decision::NotAllowed(Refusal::NotTheDueAttempt));
}

#[test]
fn a_reservation_that_wakes_up_after_the_rejection_holds_nothing() {
    let order = History::after(&[RejectForStock]).order();
    assert_eq!(order.reserve(), Decision::NotAllowed(Refusal::Rejected));
    assert_eq!(order.prepare_payment(1, Provider::Stripe, "pi_1"), Decision::NotAllowed(Refusal::Rejected));
}

#[test]
fn an_order_that_holds_its_stock_is_not_out_of_stock() {
    let order = History::after(&[Reserve]).order();
    assert_eq!(order.reject(&out_of_stock()), Decision::NotAllowed(Refusal::StockReserved));
}

#[test]
fn no_order_is_rejected_for_a_decline_that_did_not_happen() {
    let order = History::after(&[Reserve, Prepare, Authorize]).order();
    assert_eq!(order.reject(&declined()), Decision::NotAllowed(Refusal::NotDeclined));
    let order = History::after(&DECLINED[..3]).order();
    let other = Rejection::PaymentDeclined { decline_code: "expired_card".into() };
    assert_eq!(order.reject(&other), Decision::NotAllowed(Refusal::NotDeclined));
}

#[test]
fn payment_does_not_begin_before_the_stock_is_held() {
    let order = History::placed().order();
    assert_eq!(order.prepare_payment(1, Provider::Stripe, "pi_1"), Decision::NotAllowed(Refusal::StockNotReserved));
    assert_eq!(order.confirm(), Decision::NotAllowed(Refusal::StockNotReserved));
}

#[test]
fn a_second_object_for_the_same_attempt_changes_nothing() {
    let order = History::after(&[Reserve, Prepare]).order();
    assert_eq!(order.prepare_payment(1, Provider::Stripe, "pi_other"), Decision::AlreadyDone);
    assert_eq!(order.prepare_payment(2, Provider::Stripe, "pi_2"), Decision::NotAllowed(Refusal::NotTheDueAttempt));
    assert_eq!(order.attempt(1).unwrap().reference, "pi_1");
}

#[test]
fn two_lines_of_one_sku_are_summed() {
    let order = History::placed().order();
    let sums: Vec<_> = order.quantities().into_iter().map(|(sku, sum)| (sku.as_str(), sum)).collect();
    assert_eq!(sums, [("kettle-steel", 4), ("mug", 2)]);
    assert_eq!(order.placed.total.amount, 6 * 4599);
}

#[test]
fn a_history_with_a_gap_or_without_its_beginning_is_no_order() {
    let whole = History::after(&PAID).0;
    assert_eq!(Order::from_events(&[]), Err(InvalidHistory::Empty));
    assert_eq!(Order::from_events(&whole[1..]), Err(InvalidHistory::NotPlaced));
    let gap = [whole[0].clone(), whole[2].clone()];
    assert_eq!(Order::from_events(&gap), Err(InvalidHistory::Gap { expected: 2, found: 3 }));
    let unprepared = [whole[0].clone(), Event { sequence: 2, ..whole[3].clone() }];
    assert_eq!(Order::from_events(&unprepared), Err(InvalidHistory::UnknownAttempt(2)));
    let foreign =
        [whole[0].clone(), Event { order_id: "ord_00000000000000000000000000000002".parse().unwrap(), ..whole[1].clone() }];
    assert!(Order::from_events(&foreign).is_err());
}

/// The promises that a history alone can break.
fn check_promises(history: &History) {
    let names = history.names();
    let count = |name: &str| names.iter().filter(|other| **other == name).count();
    let place = |name: &str| names.iter().position(|other| *other == name);
    for name in ["InventoryReserved", "InventoryReleased", "PaymentPrepared", "PaymentVoided"] {
        assert!(count(name) <= 1, "{name} twice in {names:?}");
    }
    assert!(count("OrderConfirmed") + count("OrderRejected") <= 1, "two outcomes in {names:?}");
    if let Some(confirmed) = place("OrderConfirmed") {
        assert!(place("InventoryReserved").is_some_and(|at| at < confirmed), "confirmed without stock: {names:?}");
        assert!(place("PaymentAuthorized").is_some_and(|at| at < confirmed), "confirmed without payment: {names:?}");
        assert_eq!(count("InventoryReleased") + count("PaymentVoided"), 0, "undone after confirmation: {names:?}");
    }
    for undo in ["InventoryReleased", "PaymentVoided"] {
        if let Some(undone) = place(undo) {
            assert!(place("OrderRejected").is_some_and(|at| at < undone), "{undo} before the decision: {names:?}");
        }
    }
    if count("InventoryReleased") == 1 {
        assert_eq!(count("InventoryReserved"), 1, "released what was never held: {names:?}");
    }
}

/// Does what the order owes until it owes nothing (or the capture, which is not of this history).
fn settle(history: &mut History) {
    for _ in 0..10 {
        let Some(owed) = history.order().owes().into_iter().next() else { return };
        match owed {
            Owed::Reserve => history.run(Reserve),
            Owed::Authorize { .. } => history.run(Prepare).run(Authorize),
            Owed::Confirm => history.run(Confirm),
            Owed::Reject(reason) => {
                let decision = history.order().reject(&reason);
                history.apply(decision)
            }
            Owed::Void { .. } => history.run(Void),
            Owed::Release => history.run(Release),
            Owed::Capture { .. } => return,
        };
    }
    panic!("still owing: {:?}", history.order().owes());
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(4096) })]

    #[test]
    fn no_history_of_commands_in_any_order_breaks_a_promise(commands in prop::collection::vec(prop::sample::select(&COMMANDS[..]), 0..24)) {
        let mut history = History::placed();
        for command in commands {
            history.run(command);
            check_promises(&history);
        }
        settle(&mut history);
        check_promises(&history);
    }

    #[test]
    fn a_command_repeated_at_once_appends_nothing(commands in prop::collection::vec(prop::sample::select(&COMMANDS[..]), 0..24)) {
        let mut history = History::placed();
        for command in commands {
            history.run(command);
            let length = history.0.len();
            history.run(command);
            prop_assert_eq!(history.0.len(), length);
        }
    }

    /// Executors decide on the events that they loaded, then write; who loaded too long ago loses at the wall.
    #[test]
    fn executors_that_race_through_the_wall_break_no_promise(
        steps in prop::collection::vec((0_usize..3, prop::sample::select(&COMMANDS[..]), any::<bool>()), 0..48)
    ) {
        let mut history = History::placed();
        let mut loaded = vec![history.order(); 3];
        for (executor, command, reload) in steps {
            if reload {
                loaded[executor] = history.order();
            }
            let Decision::Append(fact) = command.decide(&loaded[executor]) else { continue };
            let event = loaded[executor].next_event(fact, Timestamp::UNIX_EPOCH);
            let written = event.sequence == history.order().sequence + 1;
            if written {
                history.0.push(event);
            }
            loaded[executor] = history.order();
            check_promises(&history);
        }
        settle(&mut history);
        check_promises(&history);
    }
}
