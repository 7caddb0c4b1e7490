//! Orders that only their guard and their settlement look after: what waits too long is given up, what is stopped goes on.

use jiff::SignedDuration;
use shared::{
    domain::{
        event::{Cancellation, Event, Fact, Provider, Rejection},
        order::{Outcome, Status},
    },
    saga::StepError,
    settlement,
};
use system_tests::{Shop, eventually, local_aws, new_key, purchase};

use crate::{
    runbooks::{printed, xtask},
    saga::Saga,
};

/// Brings an order's events into the shop, each altered, as if it had happened before, say.
async fn brought_into_the_shop(saga: &Saga, alter: impl Fn(&mut Event)) {
    // `OrderPlaced` is the last to come: it brings the guard.
    for mut event in saga.events.load(&saga.order_id).await.unwrap().into_iter().rev() {
        alter(&mut event);
        let put = saga.shop.dynamodb.put_item().table_name(saga.shop.resource("OrderEventsTable"));
        put.set_item(Some(serde_dynamo::to_item(&event).unwrap())).send().await.unwrap();
    }
}

#[tokio::test]
async fn an_order_whose_payment_does_not_come_about_in_a_day_is_cancelled_undone_and_she_is_told() {
    for (provider, token) in [(Provider::Stripe, "pm_card_visa"), (Provider::Paypal, "vault_ok")] {
        let saga = Saga::placed(provider, token).await;
        saga.reserve().await.unwrap();
        saga.shop.fault_at(provider.name(), &saga.order_id, "authorize", "error", 1).await;
        saga.authorize().await.unwrap_err();
        assert_eq!(saga.shop.available(saga.sku.as_str()).await, 3);
        brought_into_the_shop(&saga, |event| event.at -= SignedDuration::from_hours(24)).await;

        let order = saga.shop.closed(&saga.order_id).await;
        assert_eq!(*order.outcome(), Outcome::Cancelled(Cancellation::PaymentTimedOut), "{provider}");
        assert!(order.attempts().len() == 1 && order.attempts()[0].voided, "{provider}: {:?}", order.attempts());
        assert_eq!(saga.shop.available(saga.sku.as_str()).await, 5, "{provider}");
        assert_eq!(saga.shop.ledger_at(provider.name(), &saga.order_id).await, [""; 0], "{provider}");
        eventually("she is told", || async { saga.shop.mails(saga.order_id.as_str()).await.len() == 1 }).await;
    }
}

#[tokio::test]
async fn an_order_that_waits_for_her_is_cancelled_an_hour_after_she_was_asked_and_at_stripe_too() {
    let saga = Saga::placed(Provider::Stripe, "pm_card_authenticationRequired").await;
    saga.reserve().await.unwrap();
    assert!(matches!(saga.authorize().await, Err(StepError::PaymentActionRequired)));
    brought_into_the_shop(&saga, |event| event.at -= SignedDuration::from_mins(60)).await;
    let order = saga.shop.closed(&saga.order_id).await;
    assert_eq!(*order.outcome(), Outcome::Cancelled(Cancellation::PaymentTimedOut));
    eventually("she is told", || async { saga.shop.mails(saga.order_id.as_str()).await.len() == 1 }).await;
    let late = saga.confirm_at_the_bank(&order.attempts()[0].reference).await;
    assert!(late.status().is_client_error(), "{late:?}");
    assert_eq!(saga.shop.ledger(&saga.order_id).await, [""; 0], "her late answer holds nothing");
}

/// Its provider was down for two hours before it could ask her.
#[tokio::test]
async fn an_order_that_asked_her_late_still_waits_for_her() {
    let saga = Saga::placed(Provider::Stripe, "pm_card_authenticationRequired").await;
    saga.reserve().await.unwrap();
    assert!(matches!(saga.authorize().await, Err(StepError::PaymentActionRequired)));
    brought_into_the_shop(&saga, |event| {
        if !matches!(event.fact, Fact::PaymentActionRequired { .. }) {
            event.at -= SignedDuration::from_hours(2);
        }
    })
    .await;
    eventually("the settlement has looked at it twice", || async {
        let logs = printed(&xtask(&["order", saga.order_id.as_str(), "--logs"]).await);
        logs.lines().filter(|line| line.contains("settling")).count() > 1
    })
    .await;
    let order = saga.shop.events().order(&saga.order_id).await.unwrap();
    let reference = &order.awaited_action().expect("it waits for her").reference;
    assert!(saga.confirm_at_the_bank(reference).await.status().is_redirection());
    assert_eq!(saga.shop.closed(&saga.order_id).await.status(), Status::Paid);
}

#[tokio::test]
async fn an_order_whose_settlement_finds_the_shelf_empty_is_rejected_at_once() {
    let saga = Saga::placed_from(1, Provider::Stripe, "pm_card_visa").await;
    brought_into_the_shop(&saga, |_| {}).await;
    let order = saga.shop.closed(&saga.order_id).await;
    let Outcome::Rejected(Rejection::OutOfStock { items }) = order.outcome() else { panic!("{:?}", order.outcome()) };
    assert_eq!((&items[0].sku, items[0].requested, items[0].available), (&saga.sku, 2, 1));
    assert_eq!(saga.shop.available(saga.sku.as_str()).await, 1);
    assert!(order.attempts().is_empty());
}

/// An operator has a day to see to it.
#[tokio::test]
async fn a_hold_that_ends_within_a_day_is_counted_while_it_cannot_be_captured() {
    let saga = Saga::confirmed(Provider::Stripe, "pm_card_visa").await;
    saga.shop.fault_at("stripe", &saga.order_id, "capture", "error", 5).await;
    let before = saga.shop.counted("AuthorizationEndsSoon", "").await;
    brought_into_the_shop(&saga, |event| {
        if let Fact::PaymentAuthorized { capture_before, .. } = &mut event.fact {
            *capture_before = Some(event.at + SignedDuration::from_hours(23));
        }
    })
    .await;
    saga.shop.counted_since("AuthorizationEndsSoon", "", before).await;
    assert_eq!(saga.shop.closed(&saga.order_id).await.status(), Status::Paid);
    assert_eq!(saga.shop.ledger(&saga.order_id).await, ["authorize", "capture"]);
}

#[tokio::test]
async fn a_settlement_that_is_stopped_is_started_again_by_the_guard() {
    let shop = Shop::running();
    let kareem = shop.sign_in("kareem").await;
    let key = new_key();
    let order_id = kareem.order_id(&key);
    shop.fault(&order_id, "authorize", "error", 9).await;
    assert_eq!(kareem.checkout(&key, &purchase(&[("rug-atlas", 1)], "pm_card_visa")).await.status, 202);

    let sfn = aws_sdk_sfn::Client::new(&local_aws(&shop.outputs.aws_endpoint));
    let machine = shop.resource("SettlementStateMachine").replace(":stateMachine:", ":execution:");
    let execution = format!("{machine}:{}", settlement::of_checkout(&order_id));
    sfn.stop_execution().execution_arn(&execution).send().await.unwrap();
    let stopped = sfn.describe_execution().execution_arn(&execution).send().await.unwrap();
    assert_eq!(stopped.status().as_str(), "ABORTED", "it was running");
    assert!(shop.events().order(&order_id).await.unwrap().is_open());

    assert_eq!(shop.closed(&order_id).await.status(), Status::Paid);
    assert_eq!(shop.ledger(&order_id).await, ["authorize", "capture"]);
}
