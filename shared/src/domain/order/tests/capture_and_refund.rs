//! What follows a confirmed order: the capture, a cancel, refunds.

use super::*;

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
fn after_a_refund_that_failed_the_next_waits_three_times_as_long_as_the_one_before() {
    let minutes = jiff::SignedDuration::from_mins;
    let mut history = History::after(&[&PAID[..], &[BY_HER, Release]].concat());
    assert_eq!(history.order().refund_pauses_until(minutes(10)), None, "none failed");
    for pause in [10, 30, 90, 270] {
        history.run(RefundCancelled);
        assert_eq!(history.order().refund_pauses_until(minutes(10)), None, "one is under way");
        history.run(FailRefund);
        let until = Timestamp::UNIX_EPOCH.saturating_add(minutes(pause)).unwrap();
        assert_eq!(history.order().refund_pauses_until(minutes(10)), Some(until));
    }
}

#[test]
fn another_refund_under_way_does_not_shorten_the_pause_after_one_that_failed() {
    let minutes = jiff::SignedDuration::from_mins;
    let mut history = History::after(&PAID);
    let by_an_administrator = RefundId::for_request(&history.order().id, "a");
    let add = |history: &mut History, fact: Fact| {
        let event = history.order().next_event(fact, Timestamp::UNIX_EPOCH);
        history.0.push(event);
    };
    add(&mut history, Fact::RefundStarted { refund: by_an_administrator.clone(), amount: some_money(1000) });
    history.run(BY_HER).run(Release).run(RefundCancelled);
    let of_cancellation = history.order().refunds()[1].id.clone();
    assert!(history.order().refunds().len() == 2, "the first try waits for no other");
    add(&mut history, Fact::RefundFailed { refund: of_cancellation, reason: "balance_insufficient".into() });
    assert_eq!(history.order().owes(), [Owed::Refund], "the other is looked after");
    assert_eq!(RefundCancelled.decide(&history.order()), Decision::AlreadyDone, "and the next try waits");
    add(&mut history, Fact::PaymentRefunded { refund: by_an_administrator });
    assert!(history.order().refund_pauses_until(minutes(10)).is_some());
    assert!(matches!(RefundCancelled.decide(&history.order()), Decision::Append(Fact::RefundStarted { .. })));
}

#[test]
fn a_refund_is_sent_under_another_key_only_when_nothing_acts_that_was_sent_under_the_one_before() {
    let history = History::after(&[&PAID[..], &[BY_HER, RefundCancelled]].concat());
    let order = history.order();
    let refund = &order.refunds()[0];
    let key = |minutes: i64| {
        let now = refund.started_at.saturating_add(jiff::SignedDuration::from_mins(minutes)).unwrap();
        refund.key_at(now, jiff::SignedDuration::from_mins(10))
    };
    let first = Some(refund.id.to_string());
    assert!(key(0) == first && key(9) == first);
    assert!(key(-5) == first, "by a clock that is behind");
    assert!([10, 15, 19, 30, 39].into_iter().all(|minutes| key(minutes).is_none()), "only looked for");
    let (second, third) = (key(20).unwrap(), key(40).unwrap());
    assert!(Some(&second) != first.as_ref() && third != second && key(29).unwrap() == second, "{second} {third}");
}

#[test]
fn an_administrators_refunds_that_failed_use_up_none_of_the_cancellations_tries() {
    let mut history = History::after(&PAID);
    for key in ["a", "b", "c", "d", "e"] {
        let refund = RefundId::for_request(&history.order().id, key);
        let failed = Fact::RefundFailed { refund: refund.clone(), reason: "balance_insufficient".into() };
        for fact in [Fact::RefundStarted { refund, amount: some_money(1000) }, failed] {
            let event = history.order().next_event(fact, Timestamp::UNIX_EPOCH);
            history.0.push(event);
        }
    }
    history.run(BY_HER).run(Release);
    for _ in 0..5 {
        assert_eq!(history.order().owes(), [Owed::Refund]);
        history.run(RefundCancelled).run(FailRefund);
    }
    assert!(history.order().is_closed());
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
