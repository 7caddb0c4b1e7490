//! The promises, checked against tables, ledger, e-mails and queues once an order has come to rest.

use std::time::{Duration, Instant};

use shared::domain::{
    event::Cancellation,
    order::{Order, Outcome, Status},
};

use crate::{
    proxy::Call,
    scenarios::{Client, Play, STOCKED, Stage, Then},
};

/// Longer than every wait of the shop in its tests' limits together.
const PATIENCE: Duration = Duration::from_secs(100);

/// A second e-mail would come within this time, for its message is in the queue already.
const SECOND_EMAIL: Duration = Duration::from_secs(3);

/// How e-mails came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Held {
    /// Each once.
    Once,
    /// Some twice, and the shop knew of each before it sent it again.
    TwiceMailed,
    /// Some twice, because the first time was never noted: whoever sent it died, or heard no answer.
    TwiceMailedUnnoted,
}

/// Waits until the order has come to rest, and checks every promise.
///
/// # Errors
/// The promise that is broken.
pub(crate) async fn hold(stage: &Stage, play: &Play<'_>) -> Result<Held, String> {
    let Some(order) = closed(stage, play).await? else {
        // Nothing was written, and nobody came back: there is no order, and nothing may have happened.
        ensure(stage.shop.ledger(&play.order_id).await.is_empty(), "promise 2: money moved without an order")?;
        return stock(stage, play, false).await.map(|()| Held::Once);
    };
    let scenario = play.scenario();
    // A cancel that failed and that nobody repeated leaves the order as it was.
    let nobody_cancelled =
        scenario.then == Then::CancelPaid && play.client() == Client::NeverBack && order.status() == Status::Paid;
    let late = scenario.ends == Status::Paid && order.status() == Status::Cancelled;
    let expected = nobody_cancelled
        || order.status() == scenario.ends
        || (late && *order.outcome() == Outcome::Cancelled(Cancellation::PaymentTimedOut));
    ensure(expected, &format!("the order ended {:?} and not {:?}", order.status(), scenario.ends))?;
    money(stage, play, &order).await?;
    stock(stage, play, order.status() == Status::Paid).await?;
    quiet(stage, play, order.status()).await?;
    mails(play, &order).await
}

/// Promise 4: every order closes.
async fn closed(stage: &Stage, play: &Play<'_>) -> Result<Option<Order>, String> {
    let (started, proxy) = (Instant::now(), play.proxy());
    let mut watch = proxy.watch(&play.order_id).await;
    let mut last = Vec::new();
    while started.elapsed() < PATIENCE {
        match stage.shop.events().load(&play.order_id).await {
            Ok(events) if events.is_empty() && play.client() == Client::NeverBack => {
                if started.elapsed() > Duration::from_secs(6) {
                    return Ok(None);
                }
            }
            Ok(events) => {
                last = events.iter().map(|event| event.fact.name()).collect();
                let order = Order::from_events(&events).ok();
                let awaited = |order: &Order| match play.scenario().then {
                    // What lands late may still cancel it.
                    Then::CancelPaid if order.status() == Status::Paid => {
                        play.client() == Client::NeverBack && started.elapsed() > Duration::from_secs(6)
                    }
                    _ => true,
                };
                if let Some(order) = order.filter(|order| order.is_closed() && awaited(order)) {
                    return Ok(Some(order));
                }
            }
            Err(error) => return Err(format!("the events cannot be read: {error}")),
        }
        watch.next().await;
    }
    Err(format!("promise 4: the order is not closed after {} s: {last:?}", PATIENCE.as_secs()))
}

/// Promise 2: charged once at most, only for an order that stands; what is not needed is not held.
async fn money(stage: &Stage, play: &Play<'_>, order: &Order) -> Result<(), String> {
    let lines = stage.shop.ledger(&play.order_id).await;
    let count = |operation: &str| lines.iter().filter(|line| *line == operation).count();
    let (authorized, captured, voided, refunded) = (count("authorize"), count("capture"), count("void"), count("refund"));
    ensure(captured <= 1, &format!("promise 2: captured {captured} times: {lines:?}"))?;
    ensure(authorized == captured + voided, &format!("promise 2: a hold was left: {lines:?}"))?;
    let (should_capture, should_refund) = match order.status() {
        Status::Paid => (1, 0),
        Status::Cancelled if order.captured_attempt().is_some() => (1, 1),
        _ => (0, 0),
    };
    ensure(captured == should_capture && refunded == should_refund, &format!("promise 2: {:?} with {lines:?}", order.status()))
}

/// Promise 3: available + what a standing order holds = stocked.
async fn stock(stage: &Stage, play: &Play<'_>, sold: bool) -> Result<(), String> {
    for (sku, bought) in play.skus.iter().zip([1, 2]) {
        let level = stage.shop.inventory().level(sku).await.map_err(|error| error.to_string())?;
        let available = level.ok_or("the shelf is gone")?.available;
        let expected = STOCKED - if sold { bought } else { 0 };
        ensure(available == expected, &format!("promise 3: {available} of {sku} are available and not {expected}"))?;
    }
    Ok(())
}

/// The guard is done, and has removed the payment tokens; the view behind lists shows the order as it is.
pub(crate) async fn quiet(stage: &Stage, play: &Play<'_>, status: Status) -> Result<(), String> {
    let (started, proxy) = (Instant::now(), play.proxy());
    let mut watch = proxy.watch(&play.order_id).await;
    let mut missing = "nothing";
    while started.elapsed() < PATIENCE {
        let tokens = stage.shop.details(&play.order_id).await.is_some_and(|details| !details.payment_methods.is_empty());
        missing = if tokens {
            "the guard did not remove the tokens"
        } else if !listed(stage, play, status).await {
            "promise 5: the view does not show the order as it is"
        } else {
            return Ok(());
        };
        watch.next().await;
    }
    Err(format!("{missing} after {} s", PATIENCE.as_secs()))
}

async fn listed(stage: &Stage, play: &Play<'_>, status: Status) -> bool {
    let Ok(order) = stage.shop.events().order(&play.order_id).await else { return false };
    stage.shop.row(&order).await.is_some_and(|row| row.status == status)
}

/// Promise 5: what she sees of it happens once.
async fn mails(play: &Play<'_>, order: &Order) -> Result<Held, String> {
    let (due, more) = expected_mails(order);
    let started = Instant::now();
    let proxy = play.proxy();
    while started.elapsed() < PATIENCE && proxy.emails(&play.order_id).await.len() < due {
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    tokio::time::sleep(SECOND_EMAIL).await;
    let subjects = proxy.emails(&play.order_id).await;
    let distinct: std::collections::BTreeSet<_> = subjects.iter().collect();
    let right = (due..=due + more).contains(&distinct.len());
    ensure(right, &format!("promise 5: {due} e-mails were due (and {more} more may be), and these came: {subjects:?}"))?;
    let repeats = subjects.len() - distinct.len();
    let is_note =
        |call: &&Call| call.name.contains("send-email/dynamodb.UpdateItem(SentEmailsTable)") && call.status == Some(200);
    let noted = proxy.calls(&play.order_id).await.iter().filter(is_note).count();
    Ok(match repeats {
        0 => Held::Once,
        _ if noted + repeats <= subjects.len() => Held::TwiceMailedUnnoted,
        _ => Held::TwiceMailed,
    })
}

/// How many e-mails are due, and how many more may have been sent, depending on what she did first: one that asks her to
/// confirm is not written once she has; a confirmation is not written once she has cancelled.
fn expected_mails(order: &Order) -> (usize, usize) {
    let (due, more) = match order.outcome() {
        Outcome::Confirmed { .. } => (1, 0),
        Outcome::Cancelled(_) => (1, usize::from(order.captured_attempt().is_some())),
        Outcome::Rejected(_) => (usize::from(order.was_deferred()), 0),
        Outcome::Open => (0, 0),
    };
    (due, more + usize::from(order.was_deferred()))
}

fn ensure(holds: bool, otherwise: &str) -> Result<(), String> {
    if holds { Ok(()) } else { Err(otherwise.to_owned()) }
}
