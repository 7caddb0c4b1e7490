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
            payment_methods: vec![Provider::Stripe, Provider::Paypal],
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
    Prepare(u32),
    RequireAction(u32),
    Authorize(u32),
    Decline(u32),
    Abandon(u32),
    Void(u32),
    Defer,
    Confirm,
    RejectForStock,
    RejectForPayment,
    Cancel(Cancellation),
    StartCapture,
    Capture,
    FailCapture,
    StartRefund,
    RefundCancelled,
    FinishRefund,
    FailRefund,
}

const COMMANDS: [Command; 28] = [
    Reserve,
    Release,
    Prepare(1),
    Prepare(2),
    RequireAction(1),
    RequireAction(2),
    Authorize(1),
    Authorize(2),
    Decline(1),
    Decline(2),
    Abandon(1),
    Abandon(2),
    Void(1),
    Void(2),
    Defer,
    Confirm,
    RejectForStock,
    RejectForPayment,
    Cancel(Cancellation::CustomerRequest),
    Cancel(Cancellation::PaymentTimedOut),
    Cancel(Cancellation::AuthorizationLapsed),
    StartCapture,
    Command::Capture,
    FailCapture,
    StartRefund,
    RefundCancelled,
    FinishRefund,
    FailRefund,
];

impl Command {
    fn decide(self, order: &Order) -> Decision {
        match self {
            Self::Reserve => order.reserve(),
            Self::Release => order.release(),
            Self::Prepare(1) => order.prepare_payment(1, Provider::Stripe, "pi_1"),
            Self::Prepare(attempt) => order.prepare_payment(attempt, Provider::Paypal, "5O190127TN364715T"),
            Self::RequireAction(attempt) => order.require_action(attempt),
            Self::Authorize(attempt) => order.authorize_payment(attempt, None),
            Self::Decline(attempt) => order.decline_payment(attempt, "card_declined"),
            Self::Abandon(attempt) => order.abandon_payment(attempt),
            Self::Void(attempt) => order.void_payment(attempt),
            Self::Defer => order.defer(),
            Self::Confirm => order.confirm(),
            Self::RejectForStock => order.reject(&out_of_stock()),
            Self::RejectForPayment => order.reject(&declined()),
            Self::Cancel(reason) => order.cancel(reason),
            Self::StartCapture => order.start_capture(),
            Self::Capture => order.capture(order.confirmed.unwrap_or(1)),
            Self::FailCapture => order.fail_capture(order.confirmed.unwrap_or(1), "expired"),
            Self::StartRefund => order.start_refund(&some_refund(order), some_money(1000)),
            Self::RefundCancelled => order.start_cancellation_refund(),
            Self::FinishRefund => under_way(order).map_or(Decision::AlreadyDone, |id| order.finish_refund(&id)),
            Self::FailRefund => under_way(order).map_or(Decision::AlreadyDone, |id| order.fail_refund(&id, "refused")),
        }
    }
}

fn some_refund(order: &Order) -> RefundId {
    RefundId::for_request(&order.id, "key")
}

fn some_money(amount: u64) -> Money {
    Money { amount, currency: Currency::USD }
}

fn under_way(order: &Order) -> Option<RefundId> {
    let started = order.refunds().iter().find(|refund| refund.progress == RefundProgress::Started);
    started.map(|refund| refund.id.clone())
}

fn out_of_stock() -> Rejection {
    let short = Shortage { sku: "mug".parse().unwrap(), requested: 2, available: 1 };
    Rejection::OutOfStock { items: vec![short] }
}

fn declined() -> Rejection {
    Rejection::PaymentDeclined { decline_code: "card_declined".into() }
}

use Command::{
    Abandon, Authorize, Cancel, Confirm, Decline, Defer, FailCapture, FailRefund, FinishRefund, Prepare, RefundCancelled,
    RejectForPayment, RejectForStock, Release, RequireAction, Reserve, StartCapture, StartRefund, Void,
};

const BY_HER: Command = Cancel(Cancellation::CustomerRequest);
const CONFIRMED: [Command; 4] = [Reserve, Prepare(1), Authorize(1), Confirm];
const PAID: [Command; 6] = [Reserve, Prepare(1), Authorize(1), Confirm, StartCapture, Command::Capture];
const DECLINED: [Command; 4] = [Reserve, Prepare(1), Decline(1), RejectForPayment];

fn refused(commands: &[Command], command: Command) -> Refusal {
    match command.decide(&History::after(commands).order()) {
        Decision::NotAllowed(refusal) => refusal,
        other => panic!("{command:?} after {commands:?} is {other:?}"),
    }
}

fn owes(commands: &[Command]) -> Vec<Owed> {
    History::after(commands).order().owes()
}

#[test]
fn the_happy_path_ends_paid_and_closed() {
    let history = History::after(&CONFIRMED);
    let expected = ["OrderPlaced", "InventoryReserved", "PaymentPrepared", "PaymentAuthorized", "OrderConfirmed"];
    assert_eq!(history.names(), expected);
    assert_eq!(history.order().status(), Status::Confirmed);
    assert_eq!(history.order().owes(), [Owed::Capture { attempt: 1 }]);
    assert!(!history.order().is_closed());
    let paid = History::after(&PAID);
    assert_eq!(paid.names()[5..], ["CaptureStarted", "PaymentCaptured"]);
    assert_eq!((paid.order().status(), paid.order().owes()), (Status::Paid, vec![]));
    assert!(paid.order().is_closed());
}

#[test]
fn an_order_says_how_it_stands() {
    let status = |commands: &[Command]| History::after(commands).order().status();
    assert_eq!(status(&[]), Status::Pending);
    assert_eq!(status(&[Reserve, Prepare(1)]), Status::Pending);
    assert_eq!(status(&[Reserve, Defer]), Status::PaymentPending);
    assert_eq!(status(&CONFIRMED), Status::Confirmed);
    assert_eq!(status(&PAID), Status::Paid);
    assert_eq!(status(&DECLINED), Status::Rejected);
    assert_eq!(status(&[BY_HER]), Status::Cancelled);
    assert_eq!(status(&[&PAID[..], &[BY_HER]].concat()), Status::Cancelled);
}

#[test]
fn an_order_knows_when_it_ended() {
    let at: Timestamp = "2026-11-23T10:00:00Z".parse().unwrap();
    let ended_at = |commands: &[Command], last: Command| {
        let mut history = History::after(commands);
        let Decision::Append(fact) = last.decide(&history.order()) else { panic!("{last:?} is not allowed") };
        history.0.push(history.order().next_event(fact, at));
        history.order().ended_at()
    };
    assert_eq!(ended_at(&CONFIRMED[..3], Confirm), None, "its money is still to be taken");
    assert_eq!(ended_at(&CONFIRMED, StartCapture), None);
    assert_eq!(ended_at(&PAID[..5], Command::Capture), Some(at));
    assert_eq!(ended_at(&DECLINED[..3], RejectForPayment), Some(at));
    assert_eq!(ended_at(&[], BY_HER), Some(at));
    assert_eq!(ended_at(&PAID, BY_HER), Some(at));
}

#[test]
fn the_end_of_an_authorisation_counts_while_the_confirmed_order_waits_for_its_money() {
    let until: Timestamp = "2026-11-30T10:00:00Z".parse().unwrap();
    let mut history = History::after(&[Reserve, Prepare(1)]);
    assert_eq!(history.order().capture_before(), None);
    let authorized = history.order().authorize_payment(1, Some(until));
    history.apply(authorized);
    assert_eq!(history.order().capture_before(), None, "it may still end otherwise");
    history.run(Confirm);
    assert_eq!(history.order().capture_before(), Some(until));
    history.run(StartCapture);
    assert_eq!(history.order().capture_before(), Some(until));
    history.run(Command::Capture);
    assert_eq!(history.order().capture_before(), None);
    assert_eq!(History::after(&CONFIRMED).order().capture_before(), None, "the provider named no end");
}

#[test]
fn attempts_are_kept_in_their_order_and_found_by_number_and_by_reference() {
    let order = History::after(&[Reserve, Prepare(1), Abandon(1), Void(1), Prepare(2)]).order();
    let known: Vec<_> = order.attempts().iter().map(|attempt| (attempt.number, attempt.provider)).collect();
    assert_eq!(known, [(1, Provider::Stripe), (2, Provider::Paypal)]);
    assert_eq!(order.attempt(2).unwrap().reference, "5O190127TN364715T");
    assert_eq!(order.attempt(3), None);
    assert_eq!(order.attempt_by_reference(Provider::Stripe, "pi_1").unwrap().number, 1);
    assert_eq!(order.attempt_by_reference(Provider::Paypal, "pi_1"), None);
    assert_eq!(order.attempt_by_reference(Provider::Stripe, "pi_2"), None);
    assert_eq!(order.live_attempt().unwrap().number, 2);
    assert_eq!(order.untried_methods().collect::<Vec<_>>(), []);
}

#[test]
fn each_step_is_owed_in_its_turn() {
    let mut history = History::placed();
    assert_eq!(history.order().owes(), [Owed::Reserve]);
    history.run(Reserve);
    assert_eq!(history.order().owes(), [Owed::Authorize { attempt: 1 }]);
    history.run(Prepare(1));
    assert_eq!(history.order().owes(), [Owed::Authorize { attempt: 1 }], "an attempt without an answer is resolved");
    history.run(RequireAction(1));
    assert_eq!(history.order().owes(), [Owed::Authorize { attempt: 1 }], "one that waits for her is read again");
    history.run(Authorize(1));
    assert_eq!(history.order().owes(), [Owed::Confirm]);
}

#[test]
fn a_declined_order_owes_its_rejection_then_a_void_and_the_release() {
    let mut history = History::after(&DECLINED[..3]);
    assert_eq!(history.order().owes(), [Owed::Reject(declined())], "a decline ends the order, whatever other methods there are");
    history.run(RejectForPayment);
    assert_eq!(history.order().owes(), [Owed::Void { attempt: 1 }, Owed::Release], "a declined payment can be confirmed again");
    history.run(Release);
    assert_eq!(history.order().owes(), [Owed::Void { attempt: 1 }], "neither waits for the other");
    assert!(!history.order().is_closed());
    history.run(Void(1));
    assert_eq!(history.order().owes(), []);
    assert!(history.order().is_closed());
}

#[test]
fn an_order_out_of_stock_owes_nothing() {
    let history = History::after(&[RejectForStock]);
    assert_eq!(history.order().owes(), []);
    assert_eq!(history.order().outcome(), &Outcome::Rejected(out_of_stock()));
}

#[test]
fn a_confirmed_order_cannot_be_undone_but_by_a_cancel() {
    assert_eq!(refused(&CONFIRMED, RejectForPayment), Refusal::Confirmed);
    assert_eq!(refused(&CONFIRMED, Void(1)), Refusal::Confirmed);
    assert_eq!(refused(&CONFIRMED, Release), Refusal::NotEnded);
    assert_eq!(refused(&CONFIRMED, Cancel(Cancellation::PaymentTimedOut)), Refusal::Confirmed);
    let cancelled = [&CONFIRMED[..], &[BY_HER]].concat();
    assert_eq!(owes(&cancelled), [Owed::Void { attempt: 1 }, Owed::Release]);
    assert_eq!(refused(&cancelled, StartCapture), Refusal::Cancelled);
}

#[test]
fn a_late_confirmation_cannot_revive_a_dead_order() {
    assert_eq!(refused(&DECLINED, Confirm), Refusal::Rejected);
    assert_eq!(refused(&DECLINED, Authorize(1)), Refusal::NotTheDueAttempt);
    let cancelled = [Reserve, Prepare(1), BY_HER];
    assert_eq!(refused(&cancelled, Authorize(1)), Refusal::Cancelled);
    assert_eq!(refused(&[Reserve, Prepare(1), Authorize(1), BY_HER], Confirm), Refusal::Cancelled);
    assert_eq!(owes(&cancelled), [Owed::Void { attempt: 1 }, Owed::Release], "what it did not hear of is voided all the same");
}

#[test]
fn a_reservation_that_wakes_up_after_the_end_holds_nothing() {
    assert_eq!(refused(&[RejectForStock], Reserve), Refusal::Rejected);
    assert_eq!(refused(&[RejectForStock], Prepare(1)), Refusal::Rejected);
    assert_eq!(refused(&[BY_HER], Reserve), Refusal::Cancelled);
}

#[test]
fn an_order_that_holds_its_stock_is_not_out_of_stock() {
    assert_eq!(refused(&[Reserve], RejectForStock), Refusal::StockReserved);
}

#[test]
fn no_order_is_rejected_for_a_decline_that_did_not_happen() {
    assert_eq!(refused(&[Reserve, Prepare(1), Authorize(1)], RejectForPayment), Refusal::NotDeclined);
    let order = History::after(&DECLINED[..3]).order();
    let other = Rejection::PaymentDeclined { decline_code: "expired_card".into() };
    assert_eq!(order.reject(&other), Decision::NotAllowed(Refusal::NotDeclined));
}

#[test]
fn a_hold_that_the_provider_let_go_of_confirms_nothing() {
    let held = [Reserve, Prepare(1), Authorize(1)];
    assert!(History::after(&held).order().confirm_is_due());
    assert!(!History::after(&held[..2]).order().confirm_is_due());
    assert!(!History::after(&CONFIRMED).order().confirm_is_due());
    let let_go = [&held[..], &[Void(1)]].concat();
    assert!(!History::after(&let_go).order().confirm_is_due());
    assert_eq!(refused(&let_go, Confirm), Refusal::NotAuthorized);
}

#[test]
fn an_order_is_open_until_it_is_decided() {
    let is_open = |commands: &[Command]| History::after(commands).order().is_open();
    assert!(is_open(&[]) && is_open(&CONFIRMED[..3]) && is_open(&DECLINED[..3]));
    assert!(!is_open(&CONFIRMED) && !is_open(&DECLINED) && !is_open(&[BY_HER]));
}

#[test]
fn payment_does_not_begin_before_the_stock_is_held() {
    assert_eq!(refused(&[], Prepare(1)), Refusal::StockNotReserved);
    assert_eq!(refused(&[], Confirm), Refusal::StockNotReserved);
}

#[test]
fn a_second_object_for_the_same_attempt_changes_nothing() {
    let order = History::after(&[Reserve, Prepare(1)]).order();
    assert_eq!(order.prepare_payment(1, Provider::Stripe, "pi_other"), Decision::AlreadyDone);
    assert_eq!(order.attempt(1).unwrap().reference, "pi_1");
    assert_eq!(order.attempt_by_reference(Provider::Stripe, "pi_1").unwrap().number, 1);
    assert!(order.attempt_by_reference(Provider::Paypal, "pi_1").is_none());
}

#[test]
fn another_method_is_tried_only_when_the_one_before_is_dead_or_was_never_prepared() {
    assert_eq!(refused(&[Reserve, Prepare(1)], Prepare(2)), Refusal::NotTheDueAttempt);
    assert_eq!(refused(&[Reserve, Prepare(1), Abandon(1)], Prepare(2)), Refusal::NotTheDueAttempt, "given up is not dead");
    let never_prepared = History::after(&[Reserve, Prepare(2)]).order();
    assert_eq!(never_prepared.live_attempt().unwrap().number, 2);
    let dead = [Reserve, Prepare(1), Abandon(1), Void(1)];
    assert_eq!(owes(&dead), [Owed::Authorize { attempt: 2 }]);
    assert_eq!(History::after(&[&dead[..], &[Prepare(2), Authorize(2), Confirm]].concat()).order().status(), Status::Confirmed);
    let order = History::after(&[Reserve]).order();
    let no_such_method = order.prepare_payment(3, Provider::Stripe, "pi_3");
    assert_eq!(no_such_method, Decision::NotAllowed(Refusal::NotTheDueAttempt));
    let wrong_provider = order.prepare_payment(1, Provider::Paypal, "x");
    assert_eq!(wrong_provider, Decision::NotAllowed(Refusal::NotTheDueAttempt));
}

#[test]
fn what_is_given_up_is_never_authorised_and_owes_its_void_first() {
    let given_up = [Reserve, Prepare(1), Abandon(1)];
    assert_eq!(owes(&given_up), [Owed::Void { attempt: 1 }]);
    assert_eq!(refused(&given_up, Authorize(1)), Refusal::Abandoned);
    assert_eq!(refused(&given_up, Decline(1)), Refusal::Abandoned);
    assert_eq!(refused(&given_up, RequireAction(1)), Refusal::Abandoned);
    assert_eq!(refused(&given_up, Confirm), Refusal::NotAuthorized);
}

#[test]
fn a_providers_answer_that_is_heard_again_is_done_already_and_another_one_is_not_believed() {
    let decide = |commands: &[Command], command: Command| command.decide(&History::after(commands).order());
    let prepared = [Reserve, Prepare(1)];
    let (waits, held, refused) = (RequireAction(1), Authorize(1), Decline(1));
    for heard in [waits, held, refused] {
        let after = [&prepared[..], &[heard]].concat();
        assert_eq!(decide(&after, heard), Decision::AlreadyDone, "{heard:?} again");
        assert_eq!(decide(&after, waits), Decision::AlreadyDone, "it waited for her before {heard:?}");
    }
    let otherwise = Decision::NotAllowed(Refusal::NotTheDueAttempt);
    assert_eq!(decide(&[&prepared[..], &[held]].concat(), refused), otherwise);
    assert_eq!(decide(&[&prepared[..], &[refused]].concat(), held), otherwise);
    let order = History::after(&[&prepared[..], &[refused]].concat()).order();
    assert_eq!(order.decline_payment(1, "expired_card"), otherwise, "it was declined for another reason");
    for answer in [held, refused] {
        assert!(matches!(decide(&[&prepared[..], &[waits]].concat(), answer), Decision::Append(_)), "{answer:?} after she acted");
    }
    let given_up = [&prepared[..], &[Abandon(1)]].concat();
    assert_eq!(decide(&given_up, Abandon(1)), Decision::AlreadyDone);
    assert_eq!(decide(&[&given_up[..], &[Void(1)]].concat(), Abandon(1)), Decision::AlreadyDone);
    assert_eq!(decide(&[&given_up[..], &[Void(1)]].concat(), Void(1)), Decision::AlreadyDone);
}

#[test]
fn only_an_attempt_without_an_outcome_is_given_up_and_only_for_another() {
    assert_eq!(refused(&[Reserve, Prepare(1), Authorize(1)], Abandon(1)), Refusal::NotTheDueAttempt);
    assert_eq!(refused(&[Reserve, Prepare(1), RequireAction(1)], Abandon(1)), Refusal::NotTheDueAttempt);
    let last = [Reserve, Prepare(1), Abandon(1), Void(1), Prepare(2)];
    assert_eq!(refused(&last, Abandon(2)), Refusal::NoOtherMethod);
    assert_eq!(refused(&[Reserve, Prepare(2)], Abandon(2)), Refusal::NoOtherMethod, "PayPal cancels nothing unauthorised");
    assert_eq!(refused(&[Reserve, Prepare(1), BY_HER], Abandon(1)), Refusal::Cancelled);
}

#[test]
fn an_attempt_may_be_cancelled_at_its_provider_only_when_the_events_say_so() {
    let may = |commands: &[Command]| {
        let order = History::after(commands).order();
        order.may_void(order.attempt(1).unwrap())
    };
    assert!(!may(&[Reserve, Prepare(1)]));
    assert!(!may(&CONFIRMED));
    assert!(!may(&[Reserve, Prepare(1), Decline(1)]), "a decline is not yet an end");
    assert!(may(&[Reserve, Prepare(1), Abandon(1)]));
    assert!(may(&DECLINED));
    assert!(may(&[Reserve, Prepare(1), BY_HER]));
    assert!(!may(&[&PAID[..], &[BY_HER]].concat()), "what was captured goes back as a refund");
}

#[test]
fn an_order_whose_methods_are_all_dead_is_owed_its_end() {
    let dead = [Reserve, Prepare(1), Abandon(1), Void(1), Prepare(2), Void(2)];
    assert_eq!(owes(&dead), [Owed::Cancel(Cancellation::PaymentUnavailable)]);
}

#[test]
fn a_capture_excludes_a_cancel_until_its_outcome_is_known() {
    let capturing = [&CONFIRMED[..], &[StartCapture]].concat();
    assert_eq!(refused(&capturing, BY_HER), Refusal::CaptureUnderWay);
    assert_eq!(owes(&capturing), [Owed::Capture { attempt: 1 }]);
    let cancelled = [&PAID[..], &[BY_HER]].concat();
    assert_eq!(History::after(&cancelled).order().status(), Status::Cancelled);
    assert_eq!(refused(&cancelled, Void(1)), Refusal::Confirmed, "what was captured goes back as a refund");
    assert_eq!(refused(&CONFIRMED, Command::Capture), Refusal::NotCapturing, "nothing is taken unannounced");
    assert_eq!(refused(&CONFIRMED[..3], StartCapture), Refusal::NotAuthorized);
}

#[test]
fn the_outcome_of_a_capture_is_that_of_the_confirmed_attempt_and_is_written_once() {
    let other = Decision::NotAllowed(Refusal::NotCapturing);
    let paid = History::after(&PAID).order();
    assert_eq!((paid.capture(1), paid.capture(2)), (Decision::AlreadyDone, other.clone()));
    assert_eq!((paid.start_capture(), paid.fail_capture(1, "late")), (Decision::AlreadyDone, other.clone()));
    let failed = History::after(&[&CONFIRMED[..], &[StartCapture, FailCapture]].concat()).order();
    assert_eq!((failed.fail_capture(1, "expired"), failed.fail_capture(2, "expired")), (Decision::AlreadyDone, other.clone()));
    assert_eq!(failed.capture(1), other);
    let capturing = History::after(&[&CONFIRMED[..], &[StartCapture]].concat()).order();
    assert_eq!((capturing.capture(2), capturing.fail_capture(2, "expired")), (other.clone(), other));
    assert_eq!(refused(&DECLINED, StartCapture), Refusal::Rejected);
}

#[test]
fn an_authorisation_that_lapsed_owes_the_cancel_of_its_order() {
    let lapsed = [&CONFIRMED[..], &[StartCapture, FailCapture]].concat();
    assert_eq!(owes(&lapsed), [Owed::Cancel(Cancellation::AuthorizationLapsed)]);
    assert_eq!(refused(&CONFIRMED, Cancel(Cancellation::AuthorizationLapsed)), Refusal::NotCapturing);
    let ended = [&lapsed[..], &[Cancel(Cancellation::AuthorizationLapsed)]].concat();
    assert_eq!(owes(&ended), [Owed::Void { attempt: 1 }, Owed::Release]);
}

#[test]
fn a_cancelled_paid_order_owes_all_that_is_left_and_tries_again_with_another_refund() {
    let partly = [&PAID[..], &[StartRefund, FinishRefund, BY_HER]].concat();
    let mut history = History::after(&partly);
    assert_eq!(history.order().owes(), [Owed::Release, Owed::Refund]);
    assert_eq!(history.order().refund_status(), RefundStatus::Partial);
    history.run(Release).run(RefundCancelled);
    let refund = history.order().refunds().last().unwrap().clone();
    assert_eq!(refund.amount.amount, 6 * 4599 - 1000);
    assert_eq!(history.order().owes(), [Owed::Refund]);
    assert_eq!(RefundCancelled.decide(&history.order()), Decision::AlreadyDone, "it is under way");
    history.run(FailRefund);
    assert_eq!(history.order().owes(), [Owed::Refund], "one that failed is still owed");
    history.run(RefundCancelled);
    assert_ne!(history.order().refunds().last().unwrap().id, refund.id);
    history.run(FinishRefund);
    assert_eq!(history.order().refund_status(), RefundStatus::Full);
    assert!(history.order().is_closed());
}

#[test]
fn a_refund_that_fails_for_ever_is_left_to_a_person() {
    let mut history = History::after(&[&PAID[..], &[BY_HER, Release]].concat());
    for _ in 0..5 {
        history.run(RefundCancelled).run(FailRefund);
    }
    assert!(history.order().is_closed(), "an alarm rang five times");
    assert_eq!(history.order().refundable().amount, 6 * 4599);
}

#[test]
fn refunds_never_exceed_what_was_captured() {
    let order = History::after(&PAID).order();
    let id = some_refund(&order);
    assert_eq!(order.start_refund(&id, some_money(6 * 4599 + 1)), Decision::NotAllowed(Refusal::ExceedsCapture));
    assert_eq!(order.start_refund(&id, some_money(0)), Decision::NotAllowed(Refusal::ExceedsCapture));
    let euros = Money { amount: 1, currency: Currency::EUR };
    assert_eq!(order.start_refund(&id, euros), Decision::NotAllowed(Refusal::ExceedsCapture));
    let order = History::after(&[&PAID[..], &[StartRefund]].concat()).order();
    let other = RefundId::for_request(&order.id, "another");
    assert_eq!(order.start_refund(&other, some_money(6 * 4599 - 999)), Decision::NotAllowed(Refusal::ExceedsCapture));
    assert!(matches!(order.start_refund(&other, some_money(6 * 4599 - 1000)), Decision::Append(_)));
    assert_eq!(order.start_refund(&id, some_money(2)), Decision::NotAllowed(Refusal::NoSuchRefund), "an id is one refund");
    assert_eq!(order.start_refund(&id, some_money(1000)), Decision::AlreadyDone);
    assert_eq!(refused(&CONFIRMED, StartRefund), Refusal::NotCaptured);
}

#[test]
fn a_refund_may_fail_after_it_was_said_to_be_done() {
    let mut history = History::after(&[&PAID[..], &[StartRefund, FinishRefund]].concat());
    let id = some_refund(&history.order());
    let decision = history.order().fail_refund(&id, "account closed");
    history.apply(decision);
    assert_eq!(history.order().refund_status(), RefundStatus::None);
    assert_eq!(history.order().finish_refund(&id), Decision::NotAllowed(Refusal::NoSuchRefund));
}

#[test]
fn an_open_order_gives_up_at_its_deadline_but_never_what_is_authorised_or_declined() {
    let deadlines = Deadlines { payment: jiff::SignedDuration::from_hours(24), action: jiff::SignedDuration::from_hours(1) };
    let owes_after = |commands: &[Command], hours: i64| {
        let now = Timestamp::UNIX_EPOCH.saturating_add(jiff::SignedDuration::from_hours(hours)).unwrap();
        History::after(commands).order().owes_at(now, &deadlines)
    };
    let timed_out = [Owed::Cancel(Cancellation::PaymentTimedOut)];
    assert_eq!(owes_after(&[Reserve, Prepare(1)], 23), [Owed::Authorize { attempt: 1 }]);
    assert_eq!(owes_after(&[Reserve, Prepare(1)], 24), timed_out);
    assert_eq!(owes_after(&[Reserve, Prepare(1), Abandon(1)], 24), timed_out);
    assert_eq!(owes_after(&[], 24), timed_out);
    assert_eq!(owes_after(&[Reserve, Prepare(1), RequireAction(1)], 0), [Owed::Authorize { attempt: 1 }]);
    assert_eq!(owes_after(&[Reserve, Prepare(1), RequireAction(1)], 1), timed_out, "she has an hour to authenticate");
    assert_eq!(owes_after(&CONFIRMED[..3], 48), [Owed::Confirm]);
    assert_eq!(owes_after(&DECLINED[..3], 48), [Owed::Reject(declined())]);
    assert_eq!(owes_after(&CONFIRMED, 48), [Owed::Capture { attempt: 1 }]);
    let order = History::after(&CONFIRMED[..3]).order();
    let refusal = order.cancel(Cancellation::PaymentTimedOut);
    assert_eq!(refusal, Decision::NotAllowed(Refusal::Authorized), "the money came at the last moment");
}

#[test]
fn a_deferred_order_says_so_and_everything_else_is_as_before() {
    let order = History::after(&[Reserve, Defer]).order();
    assert_eq!((order.status(), order.was_deferred()), (Status::PaymentPending, true));
    assert!(!History::after(&[Reserve]).order().was_deferred());
    assert_eq!(order.owes(), owes(&[Reserve]));
    assert_eq!(refused(&CONFIRMED, Defer), Refusal::Confirmed);
    let waits = History::after(&[Reserve, Prepare(1), RequireAction(1)]).order();
    assert_eq!(waits.awaited_action().unwrap().number, 1);
    assert_eq!(waits.status(), Status::PaymentPending);
    assert!(History::after(&[Reserve, Prepare(1), RequireAction(1), BY_HER]).order().awaited_action().is_none());
}

#[test]
fn what_a_provider_says_is_applied_through_the_same_commands() {
    use crate::domain::payment::PaymentState;
    let observed = |commands: &[Command], state: &PaymentState| History::after(commands).order().observed(1, state);
    let held = PaymentState::Authorized { capture_before: None };
    assert!(matches!(observed(&[Reserve, Prepare(1)], &held), Decision::Append(Fact::PaymentAuthorized { .. })));
    assert_eq!(observed(&[Reserve, Prepare(1), BY_HER], &held), Decision::NotAllowed(Refusal::Cancelled));
    assert_eq!(observed(&[Reserve, Prepare(1)], &PaymentState::Prepared), Decision::AlreadyDone);
    assert_eq!(observed(&CONFIRMED, &PaymentState::Captured), Decision::NotAllowed(Refusal::NotCapturing));
    let capturing = [&CONFIRMED[..], &[StartCapture]].concat();
    assert_eq!(observed(&capturing, &PaymentState::Captured), Decision::Append(Fact::PaymentCaptured { attempt: 1 }));
    assert!(matches!(observed(&capturing, &PaymentState::Voided), Decision::Append(Fact::CaptureFailed { .. })));
    assert_eq!(observed(&CONFIRMED, &PaymentState::Voided), Decision::NotAllowed(Refusal::Confirmed));
    assert_eq!(observed(&PAID, &PaymentState::Captured), Decision::AlreadyDone);
    let declined = PaymentState::Declined("card_declined".into());
    assert!(matches!(observed(&[Reserve, Prepare(1)], &declined), Decision::Append(Fact::PaymentDeclined { .. })));
    let waits = observed(&[Reserve, Prepare(1)], &PaymentState::ActionRequired);
    assert_eq!(waits, Decision::Append(Fact::PaymentActionRequired { attempt: 1 }));
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
    let before = |first: &str, second: &str| place(second).is_none_or(|at| place(first).is_some_and(|other| other < at));
    for name in ["InventoryReserved", "InventoryReleased", "OrderConfirmed", "CaptureStarted", "PaymentCaptured", "CaptureFailed"]
    {
        assert!(count(name) <= 1, "{name} twice in {names:?}");
    }
    assert!(count("OrderRejected") + count("OrderCancelled") <= 1, "two ends in {names:?}");
    assert!(count("OrderConfirmed") + count("OrderRejected") <= 1, "two outcomes in {names:?}");
    assert!(count("PaymentCaptured") + count("CaptureFailed") <= 1, "two captures in {names:?}");
    assert!(before("InventoryReserved", "OrderConfirmed"), "confirmed without stock: {names:?}");
    assert!(before("PaymentAuthorized", "OrderConfirmed"), "confirmed without payment: {names:?}");
    assert!(before("OrderConfirmed", "CaptureStarted"), "captured unconfirmed: {names:?}");
    assert!(before("CaptureStarted", "PaymentCaptured"), "captured unannounced: {names:?}");
    assert!(before("PaymentCaptured", "RefundStarted"), "gave back what was never taken: {names:?}");
    assert!(before("InventoryReserved", "InventoryReleased"), "released what was never held: {names:?}");
    if let Some(released) = place("InventoryReleased") {
        let ended = place("OrderRejected").or(place("OrderCancelled"));
        assert!(ended.is_some_and(|at| at < released), "released before the end: {names:?}");
    }
    let order = history.order();
    let live = order.attempts().iter().filter(|attempt| !attempt.voided).count();
    assert!(live <= 1, "two attempts alive at once: {names:?}");
    let gone = order.refunds().iter().filter(|refund| refund.progress != RefundProgress::Failed);
    assert!(gone.map(|refund| refund.amount.amount).sum::<u64>() <= order.placed.total.amount, "gave too much back: {names:?}");
}

/// Does what the order owes until it is closed: every order can be.
fn settle(history: &mut History) {
    for _ in 0..40 {
        let order = history.order();
        let Some(owed) = order.owes().into_iter().next() else {
            assert!(order.is_closed(), "owes nothing and is not closed: {:?}", history.names());
            return;
        };
        let decision = match owed {
            Owed::Reserve => order.reserve(),
            Owed::Authorize { attempt } if order.attempt(attempt).is_none() => Prepare(attempt).decide(&order),
            Owed::Authorize { attempt } => order.authorize_payment(attempt, None),
            Owed::Confirm => order.confirm(),
            Owed::Reject(reason) => order.reject(&reason),
            Owed::Cancel(reason) => order.cancel(reason),
            Owed::Void { attempt } => order.void_payment(attempt),
            Owed::Release => order.release(),
            Owed::Capture { attempt } => match order.start_capture() {
                Decision::AlreadyDone => order.capture(attempt),
                start => start,
            },
            Owed::Refund => match under_way(&order) {
                Some(id) => order.finish_refund(&id),
                None => order.start_cancellation_refund(),
            },
        };
        assert!(matches!(decision, Decision::Append(_)), "what is owed is {decision:?} after {:?}", history.names());
        history.apply(decision);
        check_promises(history);
    }
    panic!("still owing: {:?}", history.order().owes());
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(4096) })]

    #[test]
    fn no_history_of_commands_in_any_order_breaks_a_promise(commands in prop::collection::vec(prop::sample::select(&COMMANDS[..]), 0..40)) {
        let mut history = History::placed();
        for command in commands {
            history.run(command);
            check_promises(&history);
        }
        settle(&mut history);
        check_promises(&history);
    }

    #[test]
    fn a_command_repeated_at_once_appends_nothing(commands in prop::collection::vec(prop::sample::select(&COMMANDS[..]), 0..40)) {
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
        steps in prop::collection::vec((0_usize..3, prop::sample::select(&COMMANDS[..]), any::<bool>()), 0..80)
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
