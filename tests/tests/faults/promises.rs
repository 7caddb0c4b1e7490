//! The promises, checked against tables, ledger, e-mails, queues and answers once an order has come to rest.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    time::{Duration, Instant},
};

use jiff::Timestamp;
use shared::domain::{
    event::Fact,
    ids::OrderId,
    order::{Order, Outcome, RefundProgress, Status},
};
use system_tests::LedgerLine;

use crate::{
    answers,
    proxy::Call,
    scenarios::{Client, Ending, Play, STOCKED, Stage, Then},
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

/// In this time a guard that does not end comes at least twice.
const GUARD_ROUNDS: Duration = Duration::from_secs(12);

/// How often to look whether a late call has landed.
const LANDING: Duration = Duration::from_secs(1);

/// What does not hold.
#[derive(Clone, Debug)]
pub(crate) enum Broken {
    /// A promise, whatever else the machine has to do.
    Promise(String),
    /// A time limit of the matrix, which a machine that is out of breath breaks too.
    TimeLimit(String),
}

impl Broken {
    /// Nothing within this time.
    pub(crate) fn after(what: &str, limit: Duration) -> Self {
        Self::TimeLimit(format!("{what} after {} s", limit.as_secs()))
    }
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (Self::Promise(what) | Self::TimeLimit(what)) = self;
        f.write_str(what)
    }
}

impl From<String> for Broken {
    fn from(promise: String) -> Self {
        Self::Promise(promise)
    }
}

impl From<&str> for Broken {
    fn from(promise: &str) -> Self {
        promise.to_owned().into()
    }
}

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
    /// Some more often than that. One fault leaves one e-mail unnoted.
    OftenMailedUnnoted,
}

/// Waits until the order has come to rest, and checks every promise.
///
/// # Errors
/// The promise that is broken.
pub(crate) async fn hold(stage: &Stage, play: &Play<'_>, strikes: &[Strike]) -> Result<Held, Broken> {
    let standing = at_rest(stage, play, strikes).await?;
    judge(stage, play, standing.as_ref()).await
}

/// Waits until the order has come to rest: it is closed, what struck it has landed, and nothing was called for it for a while.
/// A fault that was not met by then is taken back. None: nothing was written, and nobody came back.
///
/// # Errors
/// Why it does not.
pub(crate) async fn at_rest(stage: &Stage, play: &Play<'_>, strikes: &[Strike]) -> Result<Option<Standing>, Broken> {
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
    Err(Broken::after("promise 4: the order does not come to rest", LONGEST))
}

/// Checks every promise of an order that is at rest, after one more repeat of each request by a client that repeats.
///
/// # Errors
/// The promise that is broken.
pub(crate) async fn judge(stage: &Stage, play: &Play<'_>, standing: Option<&Standing>) -> Result<Held, Broken> {
    play.repeat().await?;
    ensure(now(stage, play).await?.as_ref() == standing, "promise 1: a repeat changed the order")?;
    let Some(standing) = standing else {
        // Nothing was written, and nobody came back: there is no order, and nothing may have happened.
        ensure(play.answers().is_empty(), "the contract: an order was answered, and there is none")?;
        ensure(stage.shop.ledger(&play.order_id).await.is_empty(), "promise 2: money moved without an order")?;
        ensure(play.proxy().emails(&play.order_id).await.is_empty(), "promise 5: she was written to without an order")?;
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
        return Err(missing.into());
    }
    let held = mails(play, standing).await?;
    stage.note_judged(&play.order_id);
    Ok(held)
}

/// The guard of an order that is closed ends, which a quiet moment does not show: it comes every few seconds. Looked at once, on
/// the last orders, until none is looked after any more.
///
/// # Errors
/// Some are, for ever.
pub(crate) async fn guards_end(stage: &Stage) -> Result<(), Broken> {
    let (orders, started) = (stage.last_judged(), Instant::now());
    loop {
        let before = looked_after(stage, &orders).await;
        tokio::time::sleep(GUARD_ROUNDS).await;
        let now = looked_after(stage, &orders).await;
        let still: Vec<_> = orders.iter().filter(|order_id| before.get(order_id) != now.get(order_id)).collect();
        if still.is_empty() {
            return Ok(());
        }
        if started.elapsed() > PATIENCE {
            return Err(format!("promise 4: the guards of closed orders never end: {still:?}").into());
        }
    }
}

/// How often its guard has called anything for each order.
async fn looked_after<'a>(stage: &Stage, orders: &'a [OrderId]) -> BTreeMap<&'a OrderId, usize> {
    let proxy = crate::proxy(stage);
    let mut times = BTreeMap::new();
    for order_id in orders {
        let calls = proxy.calls(order_id).await;
        times.insert(order_id, calls.iter().filter(|call| call.name.starts_with("guard-order/")).count());
    }
    times
}

/// How the scenario ends.
fn as_it_should(play: &Play<'_>, order: &Order) -> Result<(), Broken> {
    let scenario = play.scenario();
    // A cancel that failed and that nobody repeated leaves the order as it was.
    let nobody_cancelled = scenario.then == Then::CancelPaid && play.client() == Client::NeverBack && Ending::Paid.is_of(order);
    let otherwise = format!("the order ended {:?} and not {:?}", order.outcome(), scenario.ends);
    ensure(nobody_cancelled || scenario.ends.is_of(order), &otherwise)?;
    let refund_is_due = scenario.then == Then::RefundPaid && play.client() == Client::Repeats;
    ensure(!refund_is_due || refunded(order) == 1, "the administrator's refund was not made")
}

/// The order as its events make it now; none, if there are none.
async fn now(stage: &Stage, play: &Play<'_>) -> Result<Option<Standing>, Broken> {
    let events = stage.shop.events().load(&play.order_id).await.map_err(|error| format!("the events cannot be read: {error}"))?;
    if events.is_empty() {
        return Ok(None);
    }
    let order = Order::from_events(&events).map_err(|error| format!("the events are no order: {error}"))?;
    let confirmed = events.iter().any(|event| matches!(event.fact, Fact::OrderConfirmed { .. }));
    Ok(Some(Standing { order, confirmed }))
}

/// Promise 4: every order closes.
async fn closed(stage: &Stage, play: &Play<'_>) -> Result<Option<Standing>, Broken> {
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
    Err(Broken::after(&format!("promise 4: the order is not closed, but {so_far:?}"), PATIENCE))
}

/// What lands late may still cancel an order that is paid.
fn is_awaited(play: &Play<'_>, order: &Order, waited: bool) -> bool {
    let may_be_cancelled = play.scenario().then == Then::CancelPaid && order.status() == Status::Paid;
    !may_be_cancelled || (waited && play.client() == Client::NeverBack)
}

/// Nothing was called for the order for a while.
async fn still(play: &Play<'_>) -> Result<(), Broken> {
    let (started, proxy) = (Instant::now(), play.proxy());
    let mut watch = proxy.watch(&play.order_id).await;
    while started.elapsed() < PATIENCE {
        if !watch.sees(STILL).await {
            return Ok(());
        }
    }
    Err(Broken::after("promise 4: something is still called for the order", PATIENCE))
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
async fn money(stage: &Stage, play: &Play<'_>, order: &Order) -> Result<(), Broken> {
    let (lines, total) = (stage.shop.ledger_lines(&play.order_id).await, order.placed.total);
    let of = |operation: &str| lines.iter().filter(|line| line.operation == operation).collect::<Vec<_>>();
    let (authorized, captured, voided, given_back) = (of("authorize"), of("capture"), of("void"), of("refund"));
    ensure(captured.len() <= 1, &format!("promise 2: captured {} times: {lines:?}", captured.len()))?;
    ensure(authorized.len() == captured.len() + voided.len(), &format!("promise 2: a hold was left: {lines:?}"))?;
    let (should_capture, should_give_back) = match order.status() {
        Status::Paid => (1, refunded(order)),
        Status::Cancelled if order.captured_attempt().is_some() => (1, 1),
        _ => (0, 0),
    };
    let right = captured.len() == should_capture && given_back.len() == should_give_back;
    ensure(right, &format!("promise 2: {:?} with {lines:?}", order.status()))?;
    let is_whole = |line: &&LedgerLine| line.amount == total.amount;
    let whole = authorized.iter().chain(&captured).chain(&voided).all(is_whole);
    let back: u64 = given_back.iter().map(|line| line.amount).sum();
    let paid = if order.captured_attempt().is_some() { total.amount } else { 0 };
    let right = whole && back == refunded_amount(order) && (order.status() != Status::Cancelled || back == paid);
    let right = right && lines.iter().all(|line| line.currency == total.currency.code());
    ensure(right, &format!("promise 2: the order is of {total}, and these are the movements: {lines:?}"))
}

fn refunds_made(order: &Order) -> impl Iterator<Item = u64> {
    let made = order.refunds().iter().filter(|refund| refund.progress == RefundProgress::Refunded);
    made.map(|refund| refund.amount.amount)
}

/// How many refunds were made.
fn refunded(order: &Order) -> usize {
    refunds_made(order).count()
}

/// How much went back.
fn refunded_amount(order: &Order) -> u64 {
    refunds_made(order).sum()
}

/// Promise 3: available + what a standing order holds = stocked.
async fn stock(stage: &Stage, play: &Play<'_>, sold: bool) -> Result<(), Broken> {
    for (sku, bought) in play.skus.iter().zip(play.scenario().buys) {
        let level = stage.shop.inventory().level(sku).await.map_err(|error| error.to_string())?;
        let level = level.ok_or("the shelf is gone")?;
        let expected = STOCKED - if sold { bought } else { 0 };
        let right = (level.stocked, level.available) == (STOCKED, expected);
        ensure(right, &format!("promise 3: {level:?}, and {expected} of {STOCKED} should be available"))?;
    }
    Ok(())
}

/// The guard is done, and has removed the payment tokens; the view behind lists shows the order as it is.
pub(crate) async fn quiet(stage: &Stage, play: &Play<'_>) -> Result<(), Broken> {
    let (started, proxy) = (Instant::now(), play.proxy());
    let mut watch = proxy.watch(&play.order_id).await;
    while let Some(missing) = missing(stage, play).await {
        if started.elapsed() > PATIENCE {
            return Err(Broken::after(missing, PATIENCE));
        }
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
    let Ok(order) = stage.shop.events().order(&play.order_id).await else { return Some("the events cannot be read") };
    if !stage.shop.row(&order).await.is_some_and(|row| row.status == order.status()) {
        return Some("promise 5: the view does not show the order as it is");
    }
    let has_none = matches!(order.outcome(), Outcome::Confirmed { .. }) && !stage.shop.has_receipt(&play.order_id).await;
    has_none.then_some("promise 5: the confirmed order has no receipt")
}

/// Waits for the e-mails that are due; whether they came is judged later. Where others kill whoever sends them, a message
/// comes again five times, goes to the dead letters, and is brought back.
async fn mailed(play: &Play<'_>, standing: &Standing) {
    let expected = expected_mails(standing);
    let (started, proxy) = (Instant::now(), play.proxy());
    while started.elapsed() < 2 * PATIENCE {
        let subjects = proxy.emails(&play.order_id).await;
        let came = by_letter(&subjects);
        if expected.due.iter().all(|(letter, due)| came.get(letter).is_some_and(|subjects| subjects.len() >= *due)) {
            return;
        }
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
}

/// Promise 5: what she sees of it happens once.
async fn mails(play: &Play<'_>, standing: &Standing) -> Result<Held, Broken> {
    let expected = expected_mails(standing);
    let proxy = play.proxy();
    let subjects = proxy.emails(&play.order_id).await;
    let came = by_letter(&subjects);
    let number = |letter: &str| came.get(letter).map_or(0, BTreeSet::len);
    let due = expected.due.iter().all(|(letter, due)| number(letter) == *due);
    let distinct: usize = came.values().map(BTreeSet::len).sum();
    let known: usize = expected.due.keys().chain(&expected.may_be).map(|letter| number(letter)).sum();
    let right = expected.may_be.iter().all(|letter| number(letter) <= 1) && known == distinct;
    let what = format!("promise 5: {expected:?}, and these came: {subjects:?}");
    // What is missing was waited for.
    if right && expected.due.iter().all(|(letter, due)| number(letter) <= *due) && !due {
        return Err(Broken::TimeLimit(what));
    }
    ensure(right && due, &what)?;
    let repeats = subjects.len() - distinct;
    let is_note =
        |call: &&Call| call.name.contains("send-email/dynamodb.UpdateItem(SentEmailsTable)") && call.status == Some(200);
    // A note whose answer came too late for its sender is sent again, and is one note.
    let noted: BTreeSet<_> =
        proxy.calls(&play.order_id).await.iter().filter(is_note).map(|note| note.invocation_id.clone()).collect();
    Ok(match repeats {
        0 => Held::Once,
        _ if noted.len() + repeats > subjects.len() => Held::TwiceMailed,
        _ if subjects.iter().any(|subject| subjects.iter().filter(|other| *other == subject).count() > 2) => {
            Held::OftenMailedUnnoted
        }
        _ => Held::TwiceMailedUnnoted,
    })
}

/// How the subject of each kind of letter begins.
const CONFIRMED: &str = "Confirmed";
const CANCELLED: &str = "Cancelled";
const REFUNDED: &str = "Refunded";
const REJECTED: &str = "Not completed";
const ASKED: &str = "Please confirm the payment";

/// The letters that she gets.
#[derive(Debug)]
struct Letters {
    /// Each so often.
    due: BTreeMap<&'static str, usize>,
    /// Depending on what she did first: one that asks her to confirm is not written once she has; a confirmation is not
    /// written once the order is cancelled.
    may_be: Vec<&'static str>,
}

fn expected_mails(Standing { order, confirmed }: &Standing) -> Letters {
    let mut may_be = Vec::from_iter(order.was_deferred().then_some(ASKED));
    let due = match order.outcome() {
        Outcome::Confirmed { .. } => BTreeMap::from([(CONFIRMED, 1), (REFUNDED, refunded(order))]),
        Outcome::Cancelled(_) => {
            may_be.extend(confirmed.then_some(CONFIRMED));
            BTreeMap::from([(CANCELLED, 1)])
        }
        Outcome::Rejected(_) => BTreeMap::from([(REJECTED, usize::from(order.was_deferred()))]),
        Outcome::Open => BTreeMap::new(),
    };
    Letters { due: due.into_iter().filter(|(_, times)| *times > 0).collect(), may_be }
}

/// The different subjects of each kind of letter; what is none of ours is a kind of its own.
fn by_letter(subjects: &[String]) -> BTreeMap<&str, BTreeSet<&str>> {
    let mut letters: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for subject in subjects {
        let kinds = [CONFIRMED, CANCELLED, REFUNDED, REJECTED, ASKED];
        let kind = kinds.into_iter().find(|kind| subject.starts_with(kind)).unwrap_or(subject);
        letters.entry(kind).or_default().insert(subject);
    }
    letters
}

fn ensure(holds: bool, otherwise: &str) -> Result<(), Broken> {
    if holds { Ok(()) } else { Err(otherwise.into()) }
}
