//! The histories that the model visits, each known by a number, and what the real commands decide on them.

use std::{
    collections::HashMap,
    fmt,
    hash::{Hash, Hasher},
    sync::{Mutex, PoisonError, RwLock},
};

use iso_currency::Currency;
use jiff::{SignedDuration, Timestamp};
use shared::domain::{
    event::{Cancellation, Event, Fact, Line, OrderPlaced, Provider, Rejection, Shortage},
    ids::{CustomerId, OrderId, RefundId},
    money::Money,
    order::{Attempt, Deadlines, Decision, Order, Outcome, Owed, PaymentAnswer, RefundProgress, Refusal},
    payment::PaymentState,
};

/// The rules as the model applies them. [`Rules::ALL`] is the product; every other value leaves one of them out, to show
/// that the model would see it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "each is one rule, and every combination is meaningful")]
pub struct Rules {
    /// An event is put only where none stands.
    pub wall: bool,
    /// `PaymentAbandoned` is appended before the attempt is cancelled at the provider.
    pub abandon_before_cancel: bool,
    /// A declined attempt is owed a void.
    pub void_after_decline: bool,
    /// `OrderCancelled` starts a guard.
    pub guard_on_cancel: bool,
    /// `RefundFailed` starts a guard.
    pub guard_on_refund_failure: bool,
    /// `CaptureFailed` starts a guard.
    pub guard_on_capture_failure: bool,
    /// The order cannot be cancelled while its money is being taken.
    pub no_cancel_while_capturing: bool,
    /// `CaptureStarted` is appended before the money is taken.
    pub announce_capture: bool,
    /// An attempt is named in the events before anything acts on it.
    pub prepare_first: bool,
    /// Another method is tried only after `PaymentVoided`.
    pub second_only_after_voided: bool,
    /// A method whose provider cannot cancel what was never authorised is not given up for another.
    pub never_abandon_uncancellable: bool,
    /// What a provider cannot cancel is watched until nothing that could authorise it lives any more.
    pub watch_unauthorized: bool,
    /// The provider knows a refund by its own id: sent twice, it is made once.
    pub refund_by_id: bool,
    /// Of a decline only who captures concludes that the capture failed: what a webhook heard may be older than the hold.
    pub decline_fails_capture_where_it_is_heard: bool,
    /// What lost its hold while it was captured is cancelled before the capture has failed, where its provider can cancel it.
    pub cancel_what_lost_its_hold: bool,
}

impl Rules {
    /// The product's.
    pub const ALL: Self = Self {
        wall: true,
        abandon_before_cancel: true,
        void_after_decline: true,
        guard_on_cancel: true,
        guard_on_refund_failure: true,
        guard_on_capture_failure: true,
        no_cancel_while_capturing: true,
        announce_capture: true,
        prepare_first: true,
        second_only_after_voided: true,
        never_abandon_uncancellable: true,
        watch_unauthorized: true,
        refund_by_id: true,
        decline_fails_capture_where_it_is_heard: true,
        cancel_what_lost_its_hold: true,
    };
}

/// Who made a provider's object: two that make one at the same time make two.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Maker {
    /// The checkout's workflow.
    Checkout,
    /// A settlement.
    Settlement,
}

/// A provider's word, small enough to be held by thousands of states.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Said {
    /// As [`PaymentState::Prepared`].
    Prepared,
    /// As [`PaymentState::ActionRequired`].
    ActionRequired,
    /// As [`PaymentState::Authorized`].
    Authorized,
    /// As [`PaymentState::Declined`].
    Declined,
    /// As [`PaymentState::Voided`].
    Voided,
    /// As [`PaymentState::Captured`].
    Captured,
}

const DECLINE: &str = "insufficient_funds";

impl Said {
    fn state(self) -> PaymentState {
        match self {
            Self::Prepared => PaymentState::Prepared,
            Self::ActionRequired => PaymentState::ActionRequired,
            Self::Authorized => PaymentState::Authorized { capture_before: None },
            Self::Declined => PaymentState::Declined(DECLINE.into()),
            Self::Voided => PaymentState::Voided,
            Self::Captured => PaymentState::Captured,
        }
    }
}

/// A command of the order with its arguments.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Command {
    /// [`Order::reserve`].
    Reserve,
    /// [`Order::release`].
    Release,
    /// [`Order::prepare_payment`].
    Prepare(u32, Maker),
    /// [`Order::observed`].
    Observe(u32, Said),
    /// [`Order::abandon_payment`].
    Abandon(u32),
    /// [`Order::void_payment`].
    Void(u32),
    /// [`Order::confirm`].
    Confirm,
    /// [`Order::reject`], for want of stock.
    RejectOutOfStock,
    /// [`Order::reject`], for a declined payment.
    RejectDeclined,
    /// [`Order::cancel`].
    Cancel(Cancellation),
    /// [`Order::start_capture`].
    StartCapture,
    /// [`Order::fail_capture`].
    FailCapture(u32),
    /// [`Order::start_cancellation_refund`].
    StartRefund,
    /// [`Order::finish_refund`] of the n-th.
    FinishRefund(u8),
    /// [`Order::fail_refund`] of the n-th.
    FailRefund(u8),
}

/// What was decided, with the history that the event makes.
#[derive(Clone, Copy, Debug)]
pub enum Decided {
    /// The event, and what it sets off.
    Append(Appended),
    /// A repeat.
    Done,
    /// Forbidden.
    No(Refusal),
}

/// An event that may be appended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Appended {
    /// The history then.
    pub to: Log,
    /// It begins a guard.
    pub guarded: bool,
    /// It is `OrderConfirmed`, which the capture subscribes to.
    pub confirms: bool,
}

/// A history, by what its events come to: two histories that fold to the same order are one.
#[derive(Clone, Copy)]
pub struct Log(&'static Known);

struct Known {
    id: u32,
    order: Order,
    decided: RwLock<HashMap<Command, Decided>>,
}

impl Log {
    /// The order that the events make.
    pub fn order(self) -> &'static Order {
        &self.0.order
    }

    /// Whose object the events name for this attempt.
    pub fn maker(self, attempt: u32) -> Option<Maker> {
        let named = self.order().attempt(attempt)?;
        Some(if named.reference == reference(attempt, Maker::Checkout) { Maker::Checkout } else { Maker::Settlement })
    }

    /// Whether the order holds stock, as its own commands tell.
    pub fn holds_stock(self) -> bool {
        match self.order().outcome() {
            Outcome::Open => self.order().reserve() == Decision::AlreadyDone,
            Outcome::Confirmed { .. } => true,
            Outcome::Rejected(_) | Outcome::Cancelled(_) => matches!(self.order().release(), Decision::Append(_)),
        }
    }

    /// The order is rejected or cancelled.
    pub fn is_dead(self) -> bool {
        matches!(self.order().outcome(), Outcome::Rejected(_) | Outcome::Cancelled(_))
    }

    /// The refund without an outcome, by its number.
    pub fn open_refund(self) -> Option<u8> {
        let started = self.order().refunds().iter().position(|refund| refund.progress == RefundProgress::Started)?;
        u8::try_from(started).ok()
    }
}

impl PartialEq for Log {
    fn eq(&self, other: &Self) -> bool {
        self.0.id == other.0.id
    }
}

impl Eq for Log {}

impl PartialOrd for Log {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Log {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.0.id.cmp(&other.0.id)
    }
}

impl Hash for Log {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.id.hash(state);
    }
}

impl fmt::Debug for Log {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "events to {} ({:?})", self.order().sequence, self.order().outcome())
    }
}

/// All histories of one model.
#[derive(Default)]
pub struct Book {
    known: Mutex<HashMap<Order, Log>>,
}

/// The provider's name for the object that this maker made for this attempt.
fn reference(attempt: u32, maker: Maker) -> String {
    format!("{attempt}-{maker:?}")
}

/// What every order of the model asks for.
const PRICE: Money = Money { amount: 100, currency: Currency::USD };

/// All events happen at once: what depends on time is the model's to choose.
const NOW: Timestamp = Timestamp::UNIX_EPOCH;

const DEADLINES: Deadlines = Deadlines { payment: SignedDuration::from_hours(24), action: SignedDuration::from_hours(1) };

fn shortage() -> Vec<Shortage> {
    "mug".parse().map(|sku| vec![Shortage { sku, requested: 1, available: 0 }]).unwrap_or_default()
}

impl Book {
    /// The history of an order that was just placed with these methods. Orders with different names are different.
    pub fn placed(&self, name: &str, payment_methods: &[Provider]) -> Option<Log> {
        let customer_id = CustomerId("amina".into());
        let line = Line { sku: "mug".parse().ok()?, name: "Mug".into(), quantity: 1, unit_price: PRICE };
        let order_id = OrderId::for_request(&customer_id, name);
        let placed = OrderPlaced {
            customer_id,
            fingerprint: String::new(),
            items: vec![line],
            total: PRICE,
            payment_methods: payment_methods.to_vec(),
        };
        let event = Event { order_id, sequence: 1, at: NOW, fact: Fact::OrderPlaced(placed) };
        Some(self.intern(Order::from_events(&[event]).ok()?))
    }

    /// How many histories there are, by what they come to.
    pub fn len(&self) -> usize {
        self.known.lock().unwrap_or_else(PoisonError::into_inner).len()
    }

    /// There is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn intern(&self, order: Order) -> Log {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(log) = known.get(&order) {
            return *log;
        }
        let id = u32::try_from(known.len()).unwrap_or(u32::MAX);
        let log = Log(Box::leak(Box::new(Known { id, order: order.clone(), decided: RwLock::default() })));
        known.insert(order, log);
        log
    }

    /// What the real command decides on this history, but for a rule that is left out. Remembered.
    pub fn decide(&self, log: Log, command: Command, rules: &Rules) -> Decided {
        if let Some(decided) = log.0.decided.read().unwrap_or_else(PoisonError::into_inner).get(&command) {
            return *decided;
        }
        let decided = match command.decide(log.order(), rules) {
            Decision::AlreadyDone => Decided::Done,
            Decision::NotAllowed(refusal) => Decided::No(refusal),
            Decision::Append(fact) => self.append(log, fact, rules).map_or(Decided::Done, Decided::Append),
        };
        log.0.decided.write().unwrap_or_else(PoisonError::into_inner).insert(command, decided);
        decided
    }

    /// The same event after another history than it was decided on: what happens without the wall. [`None`]: it is no history.
    pub fn force(&self, log: Log, decided_on: Log, command: Command, rules: &Rules) -> Option<Appended> {
        match command.decide(decided_on.order(), rules) {
            Decision::Append(fact) => self.append(log, fact, rules),
            Decision::AlreadyDone | Decision::NotAllowed(_) => None,
        }
    }

    fn append(&self, log: Log, fact: Fact, rules: &Rules) -> Option<Appended> {
        let guarded = match fact {
            Fact::OrderCancelled { .. } => rules.guard_on_cancel,
            Fact::RefundFailed { .. } => rules.guard_on_refund_failure,
            Fact::CaptureFailed { .. } => rules.guard_on_capture_failure,
            Fact::OrderPlaced(_) | Fact::RefundStarted { .. } => true,
            _ => false,
        };
        let confirms = matches!(fact, Fact::OrderConfirmed { .. });
        let mut order = log.order().clone();
        let event = order.next_event(fact, NOW);
        order.evolve(&event).ok()?;
        Some(Appended { to: self.intern(order), guarded, confirms })
    }

    /// What the order owes, before and after its deadline.
    pub fn owed(log: Log, late: bool, rules: &Rules) -> Vec<Owed> {
        let order = log.order();
        let now = if late { NOW + SignedDuration::from_hours(48) } else { NOW };
        let mut owed = order.owes_at(now, &DEADLINES);
        let declined = |attempt: &Attempt| matches!(attempt.answer, Some(PaymentAnswer::Declined(_)));
        if !rules.void_after_decline {
            owed.retain(|owed| !matches!(owed, Owed::Void { attempt } if order.attempt(*attempt).is_some_and(declined)));
        }
        owed
    }

    /// The order has ended and owes nothing.
    pub fn is_closed(log: Log, rules: &Rules) -> bool {
        let order = log.order();
        order.is_closed() || !rules.void_after_decline && log.is_dead() && Self::owed(log, false, rules).is_empty()
    }
}

impl Command {
    fn decide(self, order: &Order, rules: &Rules) -> Decision {
        let refund = |number: u8| order.refunds().get(usize::from(number)).map(|refund| refund.id.clone());
        let none = || RefundId::for_cancellation(&order.id, usize::MAX);
        match self {
            Self::Reserve => order.reserve(),
            Self::Release => order.release(),
            Self::Prepare(attempt, maker) => prepare(order, attempt, maker, rules),
            Self::Observe(attempt, said) => observe(order, attempt, said, rules),
            Self::Abandon(attempt) => abandon(order, attempt, rules),
            Self::Void(attempt) => order.void_payment(attempt),
            Self::Confirm => order.confirm(),
            Self::RejectOutOfStock => order.reject(&Rejection::OutOfStock { items: shortage() }),
            Self::RejectDeclined => order.reject(&Rejection::PaymentDeclined { decline_code: DECLINE.into() }),
            Self::Cancel(reason) => match order.cancel(reason) {
                Decision::NotAllowed(Refusal::CaptureUnderWay) if !rules.no_cancel_while_capturing => {
                    Decision::Append(Fact::OrderCancelled { reason })
                }
                decision => decision,
            },
            Self::StartCapture => order.start_capture(),
            Self::FailCapture(attempt) => order.fail_capture(attempt, DECLINE),
            Self::StartRefund => order.start_cancellation_refund(),
            Self::FinishRefund(number) => order.finish_refund(&refund(number).unwrap_or_else(none)),
            Self::FailRefund(number) => order.fail_refund(&refund(number).unwrap_or_else(none), "refused"),
        }
    }
}

fn prepare(order: &Order, attempt: u32, maker: Maker, rules: &Rules) -> Decision {
    let provider = usize::try_from(attempt - 1).ok().and_then(|index| order.placed.payment_methods.get(index));
    let Some(provider) = provider.copied() else { return Decision::NotAllowed(Refusal::NotTheDueAttempt) };
    let reference = reference(attempt, maker);
    let given_up = order.attempts().iter().all(|attempt| attempt.voided || attempt.abandoned);
    match order.prepare_payment(attempt, provider, &reference) {
        Decision::NotAllowed(Refusal::NotTheDueAttempt) if !rules.second_only_after_voided && given_up => {
            Decision::Append(Fact::PaymentPrepared { attempt, provider, reference })
        }
        decision => decision,
    }
}

fn observe(order: &Order, attempt: u32, said: Said, rules: &Rules) -> Decision {
    let concludes = !rules.decline_fails_capture_where_it_is_heard && said == Said::Declined;
    if concludes && order.capture_is_under_way(attempt) {
        return order.fail_capture(attempt, DECLINE);
    }
    match (order.observed(attempt, &said.state()), order.outcome()) {
        (Decision::NotAllowed(_), Outcome::Confirmed { attempt: confirmed })
            if !rules.announce_capture && said == Said::Captured && *confirmed == attempt =>
        {
            Decision::Append(Fact::PaymentCaptured { attempt })
        }
        (decision, _) => decision,
    }
}

fn abandon(order: &Order, attempt: u32, rules: &Rules) -> Decision {
    match order.abandon_payment(attempt) {
        Decision::NotAllowed(Refusal::NoOtherMethod)
            if !rules.never_abandon_uncancellable && order.untried_methods().next().is_some() =>
        {
            Decision::Append(Fact::PaymentAbandoned { attempt })
        }
        decision => decision,
    }
}
