//! Every step of the saga and its undo: run twice, run after its undo, undone twice, and undone before it ran.

use jiff::{SignedDuration, Timestamp};
use plan_settlement::PlanSettlement;
use shared::{
    domain::{
        event::{Cancellation, Fact, Provider},
        ids::RefundId,
        money::{Currency, Money},
        order::{Deadlines, Order, Outcome, Owed, RefundProgress, Status},
        payment::RefundState,
        personal::PaymentMethod,
    },
    saga::{OrderRef, StepError},
};
use system_tests::{Shop, eventually};

use crate::{
    reconciling::by_hand,
    saga::{PROVIDER_LIMIT, Saga},
};

fn refused(outcome: &Result<OrderRef, StepError>) -> bool {
    matches!(outcome, Err(StepError::NotAllowed(_)))
}

const BOTH: [(Provider, &str); 2] = [(Provider::Stripe, "pm_card_visa"), (Provider::Paypal, "vault_ok")];

#[tokio::test]
async fn each_step_run_twice_does_its_work_once() {
    for (provider, token) in BOTH {
        let saga = Saga::placed(provider, token).await;
        saga.reserve().await.unwrap();
        saga.reserve().await.unwrap();
        assert_eq!(saga.available().await, 3);
        saga.authorize().await.unwrap();
        saga.authorize().await.unwrap();
        assert_eq!(saga.ledger().await, ["authorize"]);
        saga.confirm().await.unwrap();
        saga.confirm().await.unwrap();
        saga.capture().await.unwrap();
        saga.capture().await.unwrap();
        assert_eq!(saga.ledger().await, ["authorize", "capture"]);
        let before = saga.length().await;
        for repeated in [saga.reserve().await, saga.authorize().await, saga.confirm().await, saga.capture().await] {
            repeated.unwrap();
        }
        assert_eq!(saga.length().await, before, "{provider}: a repeat appends nothing");
        assert_eq!((saga.available().await, saga.ledger().await.len()), (3, 2));
        assert!(saga.order().await.is_closed());
    }
}

#[tokio::test]
async fn each_undo_run_twice_undoes_once_and_its_step_run_after_it_does_nothing() {
    for (provider, token) in BOTH {
        let saga = Saga::authorized(provider, token).await;
        saga.cancel(Cancellation::CustomerRequest).await.unwrap();
        saga.cancel(Cancellation::CustomerRequest).await.unwrap();
        for _ in 0..2 {
            saga.void().await.unwrap();
            saga.release().await.unwrap();
        }
        assert_eq!(saga.ledger().await, ["authorize", "void"], "{provider}");
        assert_eq!(saga.available().await, 5);
        let before = saga.length().await;
        for late in [saga.reserve().await, saga.authorize().await, saga.confirm().await, saga.capture().await] {
            assert!(refused(&late), "{provider}: a step after its undo does nothing");
        }
        assert_eq!((saga.length().await, saga.available().await), (before, 5));
        assert!(saga.order().await.is_closed());
    }
}

#[tokio::test]
async fn an_undo_before_its_step_undoes_nothing_and_the_step_that_comes_late_does_nothing() {
    for (provider, token) in BOTH {
        let saga = Saga::placed(provider, token).await;
        assert!(refused(&saga.release().await), "nothing is undone before the order has ended");
        saga.cancel(Cancellation::PaymentTimedOut).await.unwrap();
        saga.void().await.unwrap();
        saga.release().await.unwrap();
        saga.refund().await.unwrap();
        assert_eq!(saga.length().await, 2, "what never happened needs no undoing");
        assert!(refused(&saga.reserve().await) && refused(&saga.authorize().await) && refused(&saga.confirm().await));
        assert_eq!((saga.available().await, saga.ledger().await.len()), (5, 0));
    }
}

#[tokio::test]
async fn a_confirmed_order_is_undone_by_nothing_but_its_cancel() {
    for (provider, token) in BOTH {
        let saga = Saga::confirmed(provider, token).await;
        assert!(refused(&saga.release().await) && refused(&saga.void().await));
        assert!(refused(&saga.cancel(Cancellation::PaymentTimedOut).await));
        assert_eq!((saga.available().await, saga.ledger().await), (3, vec!["authorize".to_owned()]));
        saga.capture().await.unwrap();
        saga.cancel(Cancellation::CustomerRequest).await.unwrap();
        assert!(refused(&saga.void().await), "what was taken goes back as a refund");
        saga.release().await.unwrap();
        saga.refund().await.unwrap();
        saga.refund().await.unwrap();
        let before = saga.length().await;
        for late in [saga.capture().await, saga.confirm().await] {
            assert!(refused(&late) || late.is_ok(), "{provider}: {late:?}");
        }
        assert_eq!(saga.length().await, before, "what was given back is not taken again");
        assert_eq!(saga.ledger().await, ["authorize", "capture", "refund"], "{provider}");
        assert_eq!(saga.available().await, 5);
        assert!(saga.order().await.is_closed());
    }
}

#[tokio::test]
async fn a_declined_order_is_rejected_once_and_undone_and_no_other_is_rejected() {
    for (provider, token) in [(Provider::Stripe, "pm_card_visa_chargeDeclined"), (Provider::Paypal, "vault_declined")] {
        let saga = Saga::placed(provider, token).await;
        saga.reserve().await.unwrap();
        assert!(refused(&saga.reject().await), "nothing was declined yet");
        assert!(matches!(saga.authorize().await, Err(StepError::PaymentDeclined(_))), "{provider}");
        saga.reject().await.unwrap();
        let before = saga.length().await;
        saga.reject().await.unwrap();
        assert_eq!(saga.length().await, before, "{provider}: a repeat appends nothing");
        assert!(refused(&saga.confirm().await) && refused(&saga.cancel(Cancellation::CustomerRequest).await));
        saga.void().await.unwrap();
        saga.release().await.unwrap();
        let order = saga.order().await;
        assert!(order.is_closed() && order.status() == Status::Rejected, "{provider}");
        assert_eq!((saga.available().await, saga.ledger().await.len()), (5, 0), "{provider}");
    }
    let confirmed = Saga::confirmed(Provider::Stripe, "pm_card_visa").await;
    assert!(refused(&confirmed.reject().await));
}

#[tokio::test]
async fn a_refund_that_the_provider_refuses_is_tried_again_as_another() {
    for (provider, token) in [(Provider::Stripe, "pm_card_refundFail"), (Provider::Paypal, "vault_refund_fails")] {
        let saga = Saga::paid(provider, token).await;
        saga.cancel(Cancellation::CustomerRequest).await.unwrap();
        let _ = saga.refund().await;
        let first = saga.order().await.refunds()[0].id.clone();
        eventually("the provider says that the refund failed", || async {
            let gateway = saga.providers.gateway(provider);
            let order = saga.order().await;
            let found = gateway.find_refund(&order.attempts()[0].reference, &first).await.unwrap();
            matches!(found, Some(RefundState::Failed(_)))
        })
        .await;
        // As a webhook's observation does; a refund without an outcome is looked up by the step itself.
        saga.events.advance(&saga.order_id, |order| order.fail_refund(&first, "refused")).await.unwrap();
        let _ = saga.refund().await;
        let order = saga.order().await;
        assert_eq!(order.refunds().len(), 2, "{provider}: another refund, with an id of its own");
        assert_ne!(order.refunds()[1].id, first);
    }
}

/// Whoever captured died before it could append so.
#[tokio::test]
async fn a_capture_that_may_have_been_sent_is_read_and_not_sent_again() {
    for (provider, token) in BOTH {
        let saga = Saga::confirmed(provider, token).await;
        saga.events.advance(&saga.order_id, Order::start_capture).await.unwrap();
        let order = saga.order().await;
        let gateway = saga.providers.gateway(provider);
        gateway.capture(&order.attempts()[0].reference, order.placed.total).await.unwrap();
        saga.capture().await.unwrap();
        assert_eq!(saga.order().await.status(), Status::Paid, "{provider}");
        let asked = saga.shop.asked_of_providers(&saga.order_id).await;
        assert_eq!(asked.iter().filter(|operation| *operation == "capture").count(), 1, "{provider}: {asked:?}");
    }
}

/// Its answer was lost, and the provider has forgotten the key that it came with, as Stripe does after a day: sent again, it
/// would be a second refund.
#[tokio::test]
async fn a_refund_that_may_have_been_sent_is_looked_up_and_never_sent_blindly() {
    let saga = Saga::paid(Provider::Stripe, "pm_card_visa").await;
    let refund = RefundId::for_request(&saga.order_id, "lost");
    let part = Money { amount: 100, currency: Currency::USD };
    saga.events.advance(&saga.order_id, |order| order.start_refund(&refund, part)).await.unwrap();
    let reference = saga.order().await.attempts()[0].reference.clone();
    let sent = format!("payment_intent={reference}&amount=100&metadata[refund_id]={refund}");
    by_hand(&saga.shop, "/v1/refunds", sent).await;
    saga.refund().await.unwrap();
    assert_eq!(saga.order().await.refunds()[0].progress, RefundProgress::Refunded);
    assert_eq!(saga.ledger().await, ["authorize", "capture", "refund"]);
}

/// Two settlements planned it; one was faster, and its refund failed.
#[tokio::test]
async fn a_refund_is_begun_only_if_none_failed_since_it_was_planned() {
    let saga = Saga::paid(Provider::Stripe, "pm_card_visa").await;
    let reference = saga.order().await.attempts()[0].reference.clone();
    by_hand(&saga.shop, "/v1/refunds", format!("payment_intent={reference}&amount=100")).await;
    saga.cancel(Cancellation::CustomerRequest).await.unwrap();
    for (planned, refunds) in [(0, 1), (0, 1), (1, 2), (1, 2)] {
        saga.refund_as_planned(Some(planned)).await.unwrap();
        let order = saga.order().await;
        assert_eq!((order.refunds().len(), order.failed_cancellation_refunds()), (refunds, u32::try_from(refunds).unwrap()));
    }
}

#[tokio::test]
async fn an_authorisation_that_lapsed_ends_as_a_failed_capture_and_a_cancel() {
    let saga = Saga::confirmed(Provider::Stripe, "pm_card_visa").await;
    // The provider lets go by itself, as after seven days.
    let reference = saga.order().await.attempts()[0].reference.clone();
    saga.providers.gateway(Provider::Stripe).void(&reference).await.unwrap();
    saga.capture().await.unwrap();
    assert_eq!(saga.order().await.owes(), [Owed::Cancel(Cancellation::AuthorizationLapsed)]);
    saga.cancel(Cancellation::AuthorizationLapsed).await.unwrap();
    saga.void().await.unwrap();
    saga.release().await.unwrap();
    let order = saga.order().await;
    assert!(order.is_closed() && order.status() == Status::Cancelled);
    assert_eq!(saga.available().await, 5);
}

#[tokio::test]
async fn a_settlement_writes_that_the_click_is_over_and_who_only_looks_writes_nothing() {
    let saga = Saga::placed(Provider::Stripe, "pm_card_visa").await;
    let planner = PlanSettlement {
        events: saga.events.clone(),
        deadlines: Deadlines { payment: SignedDuration::from_hours(24), action: SignedDuration::from_hours(1) },
        first_wait: 1,
        longest_wait: 4,
        refund_pause: SignedDuration::from_mins(10),
    };
    let plan = async |dry_run: bool| {
        let round = serde_json::from_value(serde_json::json!({"order_id": saga.order_id, "dry_run": dry_run})).unwrap();
        planner.handle(round, Timestamp::now()).await.unwrap()
    };
    assert_eq!(plan(true).await.steps[0].name, "ReserveInventory");
    assert!(!saga.order().await.was_deferred());
    for _ in 0..2 {
        assert_eq!(plan(false).await.steps[0].name, "ReserveInventory");
        let order = saga.order().await;
        assert!(order.was_deferred() && order.sequence == 2, "once");
    }
    let deferred = saga.events.load(&saga.order_id).await.unwrap().pop().unwrap().fact;
    assert_eq!(deferred, Fact::PaymentDeferred { unanswered: true }, "the click may have been answered by nobody");
    saga.cancel(Cancellation::CustomerRequest).await.unwrap();
    assert!(plan(false).await.is_closed, "an order that has ended is not deferred");
}

/// At her click the provider did not say in time whose it is.
#[tokio::test]
async fn a_method_that_turns_out_to_be_anothers_is_declined_and_never_charged() {
    for (provider, prefix) in [(Provider::Stripe, "pm_of_"), (Provider::Paypal, "vault_of_")] {
        let amina = Shop::running().sign_in("amina").await;
        let token = format!("{prefix}{}", amina.id).into();
        let saga = Saga::placed_with(5, vec![PaymentMethod { provider, token, owner_known: false, account: None }]).await;
        saga.reserve().await.unwrap();
        let declined = saga.authorize().await;
        assert!(matches!(&declined, Err(StepError::PaymentDeclined(_))), "{provider}: {declined:?}");
        assert_eq!(saga.ledger().await, [""; 0], "{provider}");
    }
}

/// Asked before it is prepared, whose it is: a payment with a method that is attached to her must name her account.
#[tokio::test]
async fn a_method_that_turns_out_to_be_hers_is_charged() {
    for (provider, prefix) in [(Provider::Stripe, "pm_of_"), (Provider::Paypal, "vault_of_")] {
        let kareem = Shop::running().sign_in("kareem").await;
        let token = format!("{prefix}{}", kareem.id).into();
        let saga = Saga::placed_with(5, vec![PaymentMethod { provider, token, owner_known: false, account: None }]).await;
        assert_eq!(saga.order().await.placed.customer_id, kareem.id);
        saga.reserve().await.unwrap();
        saga.authorize().await.unwrap();
        assert_eq!(saga.ledger().await, ["authorize"], "{provider}");
    }
}

/// To be paid by card, else with PayPal.
async fn reserved_with_two_methods() -> Saga {
    let method = |provider, token: &str| PaymentMethod { provider, token: token.into(), owner_known: true, account: None };
    let methods = vec![method(Provider::Stripe, "pm_card_visa"), method(Provider::Paypal, "vault_ok")];
    let saga = Saga::placed_with(5, methods).await;
    saga.reserve().await.unwrap();
    saga
}

#[tokio::test]
async fn another_method_is_tried_only_with_time_to_finish() {
    let saga = reserved_with_two_methods().await;
    saga.shop.fault(&saga.order_id, "prepare", "error", 1).await;
    let late = saga.authorize_within(PROVIDER_LIMIT).await;
    assert!(matches!(late, Err(StepError::Unavailable(_))), "{late:?}");
    assert_eq!(saga.order().await.attempts(), []);
    saga.shop.fault(&saga.order_id, "prepare", "error", 1).await;
    saga.authorize_within(2 * PROVIDER_LIMIT).await.unwrap();
    assert_eq!(saga.order().await.attempts()[0].provider, Provider::Paypal);
}

#[tokio::test]
async fn an_attempt_is_given_up_for_another_method_only_with_time_to_finish_that() {
    let saga = reserved_with_two_methods().await;
    saga.shop.fault(&saga.order_id, "authorize", "error", 1).await;
    let late = saga.authorize_within(PROVIDER_LIMIT).await;
    assert!(matches!(late, Err(StepError::Unavailable(_))), "{late:?}");
    let attempts = saga.order().await.attempts().to_vec();
    assert!(matches!(&attempts[..], [only] if !only.abandoned && only.answer.is_none()), "{attempts:?}");
    saga.shop.fault(&saga.order_id, "authorize", "error", 1).await;
    saga.authorize_within(2 * PROVIDER_LIMIT).await.unwrap();
    let attempts = saga.order().await.attempts().to_vec();
    assert!(matches!(&attempts[..], [first, _] if first.abandoned && first.voided), "{attempts:?}");
}

#[tokio::test]
async fn a_missing_token_cancels_the_order_only_while_payment_is_owed() {
    let saga = Saga::placed(Provider::Stripe, "pm_card_visa").await;
    saga.reserve().await.unwrap();
    saga.details.erase_tokens(&saga.order_id).await.unwrap();
    assert!(refused(&saga.authorize().await));
    assert_eq!(saga.order().await.outcome(), &Outcome::Cancelled(Cancellation::DetailsErased));

    let saga = Saga::authorized(Provider::Stripe, "pm_card_visa").await;
    saga.details.erase_tokens(&saga.order_id).await.unwrap();
    saga.authorize().await.unwrap();
    saga.confirm().await.unwrap();
    assert_eq!(saga.order().await.status(), Status::Confirmed, "it was paid before the token went");
}
