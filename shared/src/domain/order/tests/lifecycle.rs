//! From the click to the end: what an order owes at each step, and which commands are refused.

use super::*;

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
fn an_order_is_open_until_it_is_decided() {
    let is_open = |commands: &[Command]| History::after(commands).order().is_open();
    assert!(is_open(&[]) && is_open(&CONFIRMED[..3]) && is_open(&DECLINED[..3]));
    assert!(!is_open(&CONFIRMED) && !is_open(&DECLINED) && !is_open(&[BY_HER]));
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
    assert_eq!(owes_after(&CONFIRMED[..3], 48), [Owed::Confirm]);
    assert_eq!(owes_after(&DECLINED[..3], 48), [Owed::Reject(declined())]);
    assert_eq!(owes_after(&CONFIRMED, 48), [Owed::Capture { attempt: 1 }]);
    let order = History::after(&CONFIRMED[..3]).order();
    let refusal = order.cancel(Cancellation::PaymentTimedOut);
    assert_eq!(refusal, Decision::NotAllowed(Refusal::Authorized), "the money came at the last moment");
}

#[test]
fn she_has_an_hour_from_when_she_is_asked_to_authenticate_however_late_that_is() {
    let deadlines = Deadlines { payment: jiff::SignedDuration::from_hours(24), action: jiff::SignedDuration::from_hours(1) };
    let after = |minutes: i64| Timestamp::UNIX_EPOCH.saturating_add(jiff::SignedDuration::from_mins(minutes)).unwrap();
    for asked in [0, 90, 24 * 60 - 1] {
        let mut history = History::after(&[Reserve, Prepare(1), RequireAction(1)]);
        history.0.last_mut().unwrap().at = after(asked);
        let owes_at = |minutes| history.order().owes_at(after(minutes), &deadlines);
        assert_eq!(owes_at(asked + 59), [Owed::Authorize { attempt: 1 }]);
        assert_eq!(owes_at(asked + 60), [Owed::Cancel(Cancellation::PaymentTimedOut)]);
    }
}

#[test]
fn the_money_is_settled_when_only_stock_is_owed() {
    let settled = |commands: &[Command]| History::after(commands).order().is_settled();
    assert!(!settled(&[]) && !settled(&CONFIRMED[..3]) && !settled(&CONFIRMED), "it is still to come about, or to be taken");
    assert!(settled(&PAID));
    assert!(!settled(&DECLINED), "the declined attempt is not dead yet");
    let mut dead = DECLINED.to_vec();
    dead.push(Void(1));
    assert!(settled(&dead) && !History::after(&dead).order().is_closed(), "the stock is still held");
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
