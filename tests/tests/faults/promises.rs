//! The promises, checked against tables, ledger, e-mails, queues and answers once an order has come to rest.

use std::{
    collections::BTreeSet,
    time::{Duration, Instant},
};

use jiff::Timestamp;
use shared::domain::{
    event::{Cancellation, Fact},
    order::{Order, Outcome, RefundProgress, Status},
};

use crate::{
    answers,
    proxy::Call,
    scenarios::{Client, Play, STOCKED, Stage, Then},
};

/// Longer than every wait of the shop in its tests' limits together.
const PATIENCE: Duration = Duration::from_secs(100);

/// For all of it.
const LONGEST: Duration = Duration::from_secs(400);

/// An order is at rest when nothing was called for it so long: a second e-mail would have been sent, for its message is in
/// the queue already.
const STILL: Duration = Duration::from_secs(3);

/// How long a late call may still land on an order that nobody touches.
const LATE: Duration = Duration::from_secs(6);

/// How often to look whether a late call has landed.
const LANDING: Duration = Duration::from_secs(1);

/// What was set to strike an order.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Strike {
    /// The fault proxy's name for it.
    pub(crate) id: u64,
    /// How long after it a queue may bring again what was being worked on.
    pub(crate) again: Duration,
}

/// An order as its events make it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Standing {
    order: Order,
    /// It was, whatever became of it after.
    confirmed: bool,
}

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
pub(crate) async fn hold(stage: &Stage, play: &Play<'_>, strikes: &[Strike]) -> Result<Held, String> {
    let standing = at_rest(stage, play, strikes).await?;
    judge(stage, play, standing.as_ref()).await
}

/// Waits until the order has come to rest: it is closed, what struck it has landed, and nothing was called for it for a while.
/// A fault that was not met by then is taken back. None: nothing was written, and nobody came back.
///
/// # Errors
/// Why it does not.
pub(crate) async fn at_rest(stage: &Stage, play: &Play<'_>, strikes: &[Strike]) -> Result<Option<Standing>, String> {
    let started = Instant::now();
    while started.elapsed() < LONGEST {
        let before = closed(stage, play).await?;
        if let Some(standing) = &before {
            quiet(stage, play).await?;
            mailed(play, standing).await;
        }
        still(play).await?;
        if let Some(left) = yet_to_land(play, strikes).await {
            tokio::time::sleep(left).await;
        } else if now(stage, play).await? == before {
            return Ok(before);
        }
    }
    Err(format!("promise 4: the order does not come to rest within {} s", LONGEST.as_secs()))
}

/// Checks every promise of an order that is at rest, after one more repeat of each request by a client that repeats.
///
/// # Errors
/// The promise that is broken.
pub(crate) async fn judge(stage: &Stage, play: &Play<'_>, standing: Option<&Standing>) -> Result<Held, String> {
    play.repeat().await?;
    ensure(now(stage, play).await?.as_ref() == standing, "promise 1: a repeat changed the order")?;
    let Some(standing) = standing else {
        // Nothing was written, and nobody came back: there is no order, and nothing may have happened.
        ensure(play.answers().is_empty(), "the contract: an order was answered, and there is none")?;
        ensure(stage.shop.ledger(&play.order_id).await.is_empty(), "promise 2: money moved without an order")?;
        return stock(stage, play, false).await.map(|()| Held::Once);
    };
    let order = &standing.order;
    ensure(order.is_closed(), "promise 4: the order is not closed any more")?;
    for (request, answer) in play.answers() {
        answers::fits(request.deed, &answer, order, standing.confirmed)?;
    }
    as_it_should(play, order)?;
    money(stage, play, order).await?;
    stock(stage, play, order.status() == Status::Paid).await?;
    if let Some(missing) = missing(stage, play).await {
        return Err(missing.to_owned());
    }
    mails(play, standing).await
}

/// How the scenario ends.
fn as_it_should(play: &Play<'_>, order: &Order) -> Result<(), String> {
    let scenario = play.scenario();
    // A cancel that failed and that nobody repeated leaves the order as it was.
    let nobody_cancelled =
        scenario.then == Then::CancelPaid && play.client() == Client::NeverBack && order.status() == Status::Paid;
    let late = scenario.ends == Status::Paid && order.status() == Status::Cancelled;
    let expected = nobody_cancelled
        || order.status() == scenario.ends
        || (late && *order.outcome() == Outcome::Cancelled(Cancellation::PaymentTimedOut));
    ensure(expected, &format!("the order ended {:?} and not {:?}", order.status(), scenario.ends))?;
    let refund_is_due = scenario.then == Then::RefundPaid && play.client() == Client::Repeats;
    ensure(!refund_is_due || refunded(order) == 1, "the administrator's refund was not made")
}

/// The order as its events make it now; none, if there are none.
async fn now(stage: &Stage, play: &Play<'_>) -> Result<Option<Standing>, String> {
    let events = stage.shop.events().load(&play.order_id).await.map_err(|error| format!("the events cannot be read: {error}"))?;
    if events.is_empty() {
        return Ok(None);
    }
    let order = Order::from_events(&events).map_err(|error| format!("the events are no order: {error}"))?;
    let confirmed = events.iter().any(|event| matches!(event.fact, Fact::OrderConfirmed { .. }));
    Ok(Some(Standing { order, confirmed }))
}

/// Promise 4: every order closes.
async fn closed(stage: &Stage, play: &Play<'_>) -> Result<Option<Standing>, String> {
    let (started, proxy) = (Instant::now(), play.proxy());
    let mut watch = proxy.watch(&play.order_id).await;
    while started.elapsed() < PATIENCE {
        let waited = started.elapsed() > LATE;
        match now(stage, play).await? {
            None if waited && play.client() == Client::NeverBack => return Ok(None),
            Some(standing) if standing.order.is_closed() && is_awaited(play, &standing.order, waited) => {
                return Ok(Some(standing));
            }
            None | Some(_) => watch.next().await,
        }
    }
    let so_far = stage.shop.event_names(&play.order_id).await;
    Err(format!("promise 4: the order is not closed after {} s: {so_far:?}", PATIENCE.as_secs()))
}

/// What lands late may still cancel an order that is paid.
fn is_awaited(play: &Play<'_>, order: &Order, waited: bool) -> bool {
    let may_be_cancelled = play.scenario().then == Then::CancelPaid && order.status() == Status::Paid;
    !may_be_cancelled || (waited && play.client() == Client::NeverBack)
}

/// Nothing was called for the order for a while.
async fn still(play: &Play<'_>) -> Result<(), String> {
    let (started, proxy) = (Instant::now(), play.proxy());
    let mut watch = proxy.watch(&play.order_id).await;
    while started.elapsed() < PATIENCE {
        if !watch.sees(STILL).await {
            return Ok(());
        }
    }
    Err(format!("promise 4: something is still called for the order after {} s", PATIENCE.as_secs()))
}

/// How long to wait for what was struck and is on its way, or for what its queue brings again. None: nothing is to come.
async fn yet_to_land(play: &Play<'_>, strikes: &[Strike]) -> Option<Duration> {
    let proxy = play.proxy();
    let mut longest = None;
    for strike in strikes {
        proxy.withdraw(strike.id).await;
        let Some(told) = proxy.told(strike.id).await else { continue };
        let since = |met_at: Timestamp| Timestamp::now().duration_since(met_at).unsigned_abs();
        let left = told.met_at.map(|met_at| strike.again.saturating_sub(since(met_at))).filter(|left| !left.is_zero());
        longest = longest.max(left).max((!told.over).then_some(LANDING));
    }
    longest
}

/// Promise 2: charged once at most, only for an order that stands; what is not needed is not held.
async fn money(stage: &Stage, play: &Play<'_>, order: &Order) -> Result<(), String> {
    let lines = stage.shop.ledger(&play.order_id).await;
    let count = |operation: &str| lines.iter().filter(|line| *line == operation).count();
    let (authorized, captured, voided, given_back) = (count("authorize"), count("capture"), count("void"), count("refund"));
    ensure(captured <= 1, &format!("promise 2: captured {captured} times: {lines:?}"))?;
    ensure(authorized == captured + voided, &format!("promise 2: a hold was left: {lines:?}"))?;
    let (should_capture, should_give_back) = match order.status() {
        Status::Paid => (1, refunded(order)),
        Status::Cancelled if order.captured_attempt().is_some() => (1, 1),
        _ => (0, 0),
    };
    let right = captured == should_capture && given_back == should_give_back;
    ensure(right, &format!("promise 2: {:?} with {lines:?}", order.status()))
}

/// How many refunds were made.
fn refunded(order: &Order) -> usize {
    order.refunds().iter().filter(|refund| refund.progress == RefundProgress::Refunded).count()
}

/// Promise 3: available + what a standing order holds = stocked.
async fn stock(stage: &Stage, play: &Play<'_>, sold: bool) -> Result<(), String> {
    for (sku, bought) in play.skus.iter().zip(play.scenario().buys) {
        let level = stage.shop.inventory().level(sku).await.map_err(|error| error.to_string())?;
        let available = level.ok_or("the shelf is gone")?.available;
        let expected = STOCKED - if sold { bought } else { 0 };
        ensure(available == expected, &format!("promise 3: {available} of {sku} are available and not {expected}"))?;
    }
    Ok(())
}

/// The guard is done, and has removed the payment tokens; the view behind lists shows the order as it is.
pub(crate) async fn quiet(stage: &Stage, play: &Play<'_>) -> Result<(), String> {
    let (started, proxy) = (Instant::now(), play.proxy());
    let mut watch = proxy.watch(&play.order_id).await;
    while let Some(missing) = missing(stage, play).await {
        ensure(started.elapsed() < PATIENCE, &format!("{missing} after {} s", PATIENCE.as_secs()))?;
        watch.next().await;
    }
    Ok(())
}

/// What is not yet as it is to be behind an order that is closed.
async fn missing(stage: &Stage, play: &Play<'_>) -> Option<&'static str> {
    let tokens = stage.shop.details(&play.order_id).await.is_some_and(|details| !details.payment_methods.is_empty());
    if tokens {
        return Some("the guard did not remove the tokens");
    }
    let listed = listed(stage, play).await;
    (!listed).then_some("promise 5: the view does not show the order as it is")
}

async fn listed(stage: &Stage, play: &Play<'_>) -> bool {
    let Ok(order) = stage.shop.events().order(&play.order_id).await else { return false };
    stage.shop.row(&order).await.is_some_and(|row| row.status == order.status())
}

/// Waits for the e-mails that are due; whether they came is judged later. Where others kill whoever sends them, a message
/// comes again five times, goes to the dead letters, and is brought back.
async fn mailed(play: &Play<'_>, standing: &Standing) {
    let (due, _) = expected_mails(standing);
    let (started, proxy) = (Instant::now(), play.proxy());
    while started.elapsed() < 2 * PATIENCE && proxy.emails(&play.order_id).await.len() < due {
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
}

/// Promise 5: what she sees of it happens once.
async fn mails(play: &Play<'_>, standing: &Standing) -> Result<Held, String> {
    let (due, more) = expected_mails(standing);
    let proxy = play.proxy();
    let subjects = proxy.emails(&play.order_id).await;
    let distinct: BTreeSet<_> = subjects.iter().collect();
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
/// confirm is not written once she has; a confirmation is not written once the order is cancelled.
fn expected_mails(Standing { order, confirmed }: &Standing) -> (usize, usize) {
    let (due, more) = match order.outcome() {
        Outcome::Confirmed { .. } => (1 + refunded(order), 0),
        Outcome::Cancelled(_) => (1, usize::from(*confirmed)),
        Outcome::Rejected(_) => (usize::from(order.was_deferred()), 0),
        Outcome::Open => (0, 0),
    };
    (due, more + usize::from(order.was_deferred()))
}

fn ensure(holds: bool, otherwise: &str) -> Result<(), String> {
    if holds { Ok(()) } else { Err(otherwise.to_owned()) }
}
