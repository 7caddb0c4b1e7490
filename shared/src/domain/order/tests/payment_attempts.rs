//! The payment's attempts: which one is alive, who may give it up, and what a provider's word is worth.

use super::*;

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
