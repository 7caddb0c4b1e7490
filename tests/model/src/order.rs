//! One order with several payment methods, and everybody who may work on it at the same time.
//!
//! Every executor is a small machine: it loads the events and decides by the real commands, calls a provider, and appends at
//! the wall. Faults are not counted; they may happen at any step, for ever:
//!
//! - The checkout, the capture's subscriber, the customer and the webhook may stop at any point, for nobody relies on them:
//!   see [`Move::sure`]. The settlement may die at any point, and the guard starts another.
//! - An append's or a provider's answer may be lost though it took effect, a call may fail without effect, and a call or an
//!   append may be on its way when its sender gives it up: it lands at any later time, or never. Only how many are on their
//!   way at once is bounded ([`OrderModel::on_the_way`]).

use std::{
    fmt::{self, Display},
    sync::Arc,
};

use shared::domain::{
    event::{Cancellation, Provider, Rejection},
    order::{Attempt, Outcome, Owed, PaymentAnswer},
};
use stateright::{Model, Property};

use crate::{
    book::{Appended, Book, Command, Decided, Log, Maker, Rules, Said},
    graph::{Graph, Node, Step, node},
};

/// The most requests that may be on their way at once, in any run.
pub const MOST_ON_THE_WAY: usize = 3;

/// A provider's object for one attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Object {
    /// Made, and nothing was done with it; or not even made, which nobody can tell apart.
    Prepared,
    /// It waits for the customer.
    ActionRequired,
    /// The money is held.
    Authorized,
    /// The method was refused; it may be confirmed again.
    Declined,
    /// We cancelled it: dead.
    Cancelled,
    /// The provider let go by itself: dead.
    Lapsed,
    /// The money was taken.
    Captured,
}

impl Object {
    fn is_dead(self) -> bool {
        matches!(self, Self::Cancelled | Self::Lapsed)
    }

    fn said(self) -> Said {
        match self {
            Self::Prepared => Said::Prepared,
            Self::ActionRequired => Said::ActionRequired,
            Self::Authorized => Said::Authorized,
            Self::Declined => Said::Declined,
            Self::Cancelled | Self::Lapsed => Said::Voided,
            Self::Captured => Said::Captured,
        }
    }
}

/// A refund at the provider.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Back {
    /// There is none.
    None,
    /// The money went back.
    Done,
    /// It did not.
    Failed,
}

/// A request whose sender has given it up. It may land at any time, or never.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Request {
    /// No request.
    None,
    /// Authorise.
    Authorize(u32, Maker),
    /// Cancel.
    Cancel(u32, Maker),
    /// Capture.
    Capture(u32, Maker),
    /// Give back.
    Refund(u8),
    /// Append, on this history.
    Append(Log, Command),
    /// The provider's word that a refund failed after all. It repeats it until it is heard.
    RefundFailed(u8),
}

/// Who works on the order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Who {
    /// The checkout's workflow, once.
    Checkout,
    /// A settlement, again and again.
    Settlement,
    /// The subscriber that captures.
    Subscriber,
    /// The customer, who cancels once.
    Customer,
    /// The provider's webhooks.
    Webhook,
}

impl Display for Who {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Checkout => "checkout",
            Self::Settlement => "settlement",
            Self::Subscriber => "subscriber",
            Self::Customer => "customer",
            Self::Webhook => "webhook",
        })
    }
}

/// A request, in words.
struct Named(Request);

impl Display for Named {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.0)
    }
}

const EVERYBODY: [Who; 5] = [Who::Checkout, Who::Settlement, Who::Subscriber, Who::Customer, Who::Webhook];

/// Where an executor stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum At {
    /// Nowhere; it may begin.
    Off,
    /// Nowhere, and it does not begin again.
    Gone,
    /// Before loading the events for this.
    Load(Task),
    /// It decided on these events, and is about to append.
    Put(Task, Log),
    /// Before this call.
    Call(Call),
}

/// Something that begins with loading the events.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Task {
    /// `plan-settlement`.
    Plan,
    /// What the checkout undoes after a rejection.
    Undo,
    /// `reserve-inventory`.
    Reserve,
    /// `authorize-payment`'s loop: which attempt is due, but for the methods passed over.
    Due(Passed),
    /// Append the reference.
    Name(u32, Passed),
    /// Append what the provider said.
    Observe(u32, Said, Purpose),
    /// Give the attempt up.
    Abandon(u32, Passed),
    /// Append that the attempt is dead.
    Voided(u32, Purpose),
    /// Cancel, because the tokens are gone.
    Erased,
    /// `confirm-order`.
    Confirm,
    /// `reject-order`, for want of stock.
    RejectOutOfStock,
    /// `reject-order`, for a declined payment.
    RejectDeclined,
    /// `cancel-order`, or the customer's request.
    Cancel(Cancellation),
    /// `void-payment`.
    Void(u32),
    /// `release-inventory`.
    Release,
    /// `capture-payment`: is this the first time?
    Capture,
    /// Append `CaptureStarted`; whether it was the first time.
    StartCapture(bool),
    /// Append `CaptureFailed`: the provider declined it.
    FailCapture(u32),
    /// `refund-payment`: is there anything to start?
    Refund,
    /// Append `RefundStarted`.
    StartRefund,
    /// Append what became of it.
    Refunded(u8, bool),
}

/// The payment methods that one run of `authorize-payment` has passed over, a bit each.
pub type Passed = u8;

/// What for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Purpose {
    /// `authorize-payment`.
    Authorize(Passed),
    /// `void-payment`.
    Void,
    /// `capture-payment`.
    Capture,
    /// A webhook.
    Tell,
}

/// A call to a provider.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Call {
    /// Make the object.
    Prepare(u32, Passed),
    /// What became of it, before acting.
    Read(u32, Passed),
    /// Authorise.
    Act(u32, Passed),
    /// What became of it, after an answer was lost.
    ReadAfter(u32, Passed),
    /// Cancel what was given up.
    GiveUp(u32, Passed),
    /// Cancel what a dead order owes a void.
    Void(u32),
    /// Whether it was captured already.
    CaptureRead(u32),
    /// Capture.
    Capture(u32),
    /// What became of it.
    CaptureReadAfter(u32),
    /// Cancel what lost its hold while it was captured.
    CancelLost(u32),
    /// Whether the refund is there.
    FindRefund(u8),
    /// Give back.
    SendRefund(u8),
}

/// How an executor's step came out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outcomes {
    Ok,
    Declined,
    OutOfStock,
    NotAllowed,
    Unavailable,
}

/// Everything there is.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[expect(clippy::struct_excessive_bools, reason = "each is one fact, and every combination is meaningful")]
pub struct State {
    /// The order's events.
    pub log: Log,
    /// For each attempt and maker the provider's object.
    pub objects: [[Object; 2]; 2],
    /// The refunds at the provider, by their number.
    pub refunds: [Back; 3],
    /// How often the money went back.
    pub given_back: u8,
    /// What is on its way, in order.
    pub requests: [Request; MOST_ON_THE_WAY],
    /// The executors, in the order of [`Who`].
    pub at: [At; 5],
    /// How many pieces nobody holds.
    pub available: u8,
    /// How many pieces there were.
    pub stocked: u8,
    /// The order's deadline has passed.
    pub late: bool,
    /// Since the order's end, more time has passed than any request lives.
    pub aged: bool,
    /// A guard is on its way.
    pub guard: bool,
    /// The payment tokens are there.
    pub tokens: bool,
}

/// One step of somebody.
#[derive(Clone, PartialEq)]
pub struct Move {
    /// Who does what.
    pub what: String,
    /// The settlement, the guard or time does it, without a fault: it comes about for sure.
    pub sure: bool,
    /// And then.
    pub to: State,
}

impl fmt::Debug for Move {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.what)
    }
}

/// One order and its bounds.
#[derive(Clone)]
#[expect(clippy::struct_excessive_bools, reason = "each is one thing that may happen or not")]
pub struct OrderModel {
    /// Her payment methods, at most two.
    pub methods: Vec<Provider>,
    /// What is left out, if anything.
    pub rules: Rules,
    /// How many requests may be on their way at once.
    pub on_the_way: usize,
    /// Loading, deciding and appending are steps of their own, so that others come in between. Else they are one, which is the
    /// same while the wall stands: who was overtaken changes nothing and loads again.
    pub apart: bool,
    /// The subscriber captures beside the settlement.
    pub subscriber: bool,
    /// The customer may cancel.
    pub customer: bool,
    /// Webhooks tell what they read, then or much later.
    pub webhook: bool,
    /// The provider may ask for the customer.
    pub actions: bool,
    /// A provider may let go of an authorisation by itself, or decline its capture.
    pub lapses: bool,
    /// A refund may fail, at once or after it succeeded.
    pub failing_refunds: bool,
    /// The tokens may be erased at any time.
    pub erasure: bool,
    /// It begins with an order that was confirmed by its first method, instead of one that was placed.
    pub confirmed: bool,
    /// The histories.
    pub book: Arc<Book>,
    /// What was walked.
    pub graph: Arc<Graph>,
    /// Whether it is recorded.
    pub recorded: bool,
    /// Whether moves are put into words.
    pub told: bool,
}

impl Default for OrderModel {
    fn default() -> Self {
        Self {
            methods: vec![Provider::Stripe, Provider::Paypal],
            rules: Rules::ALL,
            on_the_way: 1,
            apart: false,
            subscriber: false,
            customer: true,
            webhook: false,
            actions: false,
            lapses: false,
            failing_refunds: false,
            erasure: false,
            confirmed: false,
            book: Arc::default(),
            graph: Arc::default(),
            recorded: true,
            told: false,
        }
    }
}

fn index(attempt: u32) -> usize {
    usize::try_from(attempt).unwrap_or(1) - 1
}

impl State {
    fn object(&mut self, attempt: u32, maker: Maker) -> &mut Object {
        &mut self.objects[index(attempt)][maker as usize]
    }

    fn object_of(&self, attempt: u32, maker: Maker) -> Object {
        self.objects[index(attempt)][maker as usize]
    }

    fn at(&self, who: Who) -> At {
        self.at[who as usize]
    }

    fn put(&mut self, who: Who, at: At) {
        self.at[who as usize] = at;
    }

    fn requests(&self) -> impl Iterator<Item = Request> {
        self.requests.into_iter().filter(|request| *request != Request::None)
    }

    /// The object that the events name for this attempt.
    fn named(&self, attempt: &Attempt) -> Object {
        let maker = self.log.maker(attempt.number).unwrap_or(Maker::Checkout);
        self.object_of(attempt.number, maker)
    }

    /// Whose object this executor acts on: the one that the events name.
    fn maker_for(&self, attempt: u32, who: Who) -> Maker {
        self.log.maker(attempt).unwrap_or_else(|| maker(who))
    }

    fn read(&self, attempt: u32, who: Who) -> Said {
        self.object_of(attempt, self.maker_for(attempt, who)).said()
    }

    fn all_objects(&self) -> impl Iterator<Item = Object> {
        self.objects.into_iter().flatten()
    }

    fn captured(&self) -> usize {
        self.all_objects().filter(|object| *object == Object::Captured).count()
    }

    /// A provider holds money that nobody has taken.
    fn holds_money(&self) -> bool {
        self.all_objects().any(|object| object == Object::Authorized)
    }

    fn stock_is_right(&self) -> bool {
        self.available + u8::from(self.log.holds_stock()) == self.stocked
    }

    /// What was taken and not given back is what the order's outcome says.
    fn money_is_right(&self) -> bool {
        let kept = usize::from(matches!(self.log.order().outcome(), Outcome::Confirmed { .. }));
        self.captured() == kept + usize::from(self.given_back)
    }
}

/// The moves out of one state.
struct Moves<'a> {
    model: &'a OrderModel,
    from: &'a State,
    all: Vec<Move>,
}

impl Moves<'_> {
    fn add(&mut self, who: impl Display, does: impl Display, sure: bool, change: impl FnOnce(&mut State)) {
        let mut to = self.from.clone();
        change(&mut to);
        self.model.tidy(&mut to);
        if to != *self.from {
            let what = if self.model.told { format!("{who}: {does}") } else { String::new() };
            self.all.push(Move { what, sure, to });
        }
    }

    /// This executor goes on, without a fault.
    fn go(&mut self, who: Who, does: impl Display, at: At) {
        self.add(who, does, who == Who::Settlement, |to| to.put(who, at));
    }

    /// The executor's step came out like this.
    fn finish(&mut self, who: Who, task: Task, outcome: Outcomes) {
        let log = self.from.log;
        let at = match who {
            Who::Settlement if outcome == Outcomes::OutOfStock && !log.holds_stock() => At::Load(Task::RejectOutOfStock),
            Who::Settlement => At::Load(Task::Plan),
            Who::Customer => match (outcome, log.order().outcome()) {
                (Outcomes::NotAllowed, Outcome::Confirmed { .. }) => At::Load(Task::Cancel(Cancellation::CustomerRequest)),
                _ => At::Gone,
            },
            Who::Subscriber if outcome == Outcomes::Unavailable => At::Load(Task::Capture),
            Who::Subscriber | Who::Webhook => At::Off,
            Who::Checkout => match (task, outcome) {
                (Task::Reserve, Outcomes::OutOfStock) if !log.holds_stock() => At::Load(Task::RejectOutOfStock),
                (Task::Reserve, Outcomes::Ok | Outcomes::OutOfStock) => At::Load(Task::Due(0)),
                (Task::Confirm | Task::Void(_) | Task::Voided(..) | Task::Release, _) => At::Gone,
                (Task::RejectDeclined | Task::RejectOutOfStock, Outcomes::Ok) => At::Load(Task::Undo),
                (_, Outcomes::Ok) => At::Load(Task::Confirm),
                (_, Outcomes::Declined) => At::Load(Task::RejectDeclined),
                (_, Outcomes::Unavailable) => At::Load(Task::Due(0)),
                (_, _) => At::Gone,
            },
        };
        self.go(who, format_args!("{outcome:?}"), at);
    }

    /// The attempt is dead: another method, or no time for it.
    fn dead(&mut self, who: Who, attempt: u32, passed: Passed) {
        self.go(who, format_args!("passes over {attempt}"), At::Load(Task::Due(passed | 1 << attempt)));
        if who == Who::Checkout {
            self.finish(who, Task::Due(passed), Outcomes::Unavailable);
        }
    }

    fn heard(&mut self, who: Who, number: u32, said: Said, passed: Passed) {
        let next = if self.from.log.order().attempt(number).is_some() {
            At::Load(Task::Observe(number, said, Purpose::Authorize(passed)))
        } else {
            At::Load(Task::Name(number, passed))
        };
        self.go(who, format_args!("hears of {number}: {said:?}"), next);
    }

    fn capture_heard(&mut self, who: Who, number: u32, said: Said) {
        match said {
            Said::Captured | Said::Voided => {
                let next = At::Load(Task::Observe(number, said, Purpose::Capture));
                self.go(who, format_args!("hears of {number}: {said:?}"), next);
            }
            Said::Declined => self.hold_is_lost(who, number, said),
            Said::Prepared | Said::ActionRequired if self.model.provider(number).asks_again() => {
                self.hold_is_lost(who, number, said);
            }
            Said::Authorized | Said::Prepared | Said::ActionRequired => {
                self.finish(who, Task::Capture, Outcomes::Unavailable);
            }
        }
    }

    /// `capture-payment` hears that nothing is held any more.
    fn hold_is_lost(&mut self, who: Who, number: u32, said: Said) {
        let cancels = self.model.rules.cancel_what_lost_its_hold && self.model.provider(number).cancels_unauthorized();
        let next = if cancels { At::Call(Call::CancelLost(number)) } else { At::Load(Task::FailCapture(number)) };
        self.go(who, format_args!("hears of {number}: {said:?}"), next);
    }

    /// `authorize-payment` goes on with an attempt that the events name.
    fn visit(&mut self, who: Who, attempt: &Attempt, passed: Passed) {
        let number = attempt.number;
        match &attempt.answer {
            _ if attempt.voided => self.dead(who, number, passed),
            _ if attempt.abandoned => self.go(who, "goes on giving up", At::Call(Call::GiveUp(number, passed))),
            Some(PaymentAnswer::Authorized { .. }) => self.finish(who, Task::Due(passed), Outcomes::Ok),
            Some(PaymentAnswer::Declined(_)) => self.finish(who, Task::Due(passed), Outcomes::Declined),
            None | Some(PaymentAnswer::ActionRequired) => {
                self.go(who, format_args!("resolves attempt {number}"), At::Call(Call::Read(number, passed)));
            }
        }
    }

    fn capture(&mut self, who: Who, number: u32) {
        let maker = self.from.maker_for(number, who);
        let after = At::Call(Call::CaptureReadAfter(number));
        if self.from.object_of(number, maker) != Object::Authorized {
            let said = self.from.read(number, who);
            return self.capture_heard(who, number, said);
        }
        self.add(who, format_args!("captures {number}"), who == Who::Settlement, |to| {
            capture_at_provider(to, number, maker);
            to.put(who, At::Load(Task::Observe(number, Said::Captured, Purpose::Capture)));
        });
        self.add(who, format_args!("captures {number}, answer lost"), false, |to| {
            capture_at_provider(to, number, maker);
            to.put(who, after);
        });
        if self.has_room() {
            self.add(who, format_args!("capturing {number} is on its way, given up"), false, |to| {
                send(to, Request::Capture(number, maker));
                to.put(who, after);
            });
        }
    }

    /// Whether there is room for another request on its way.
    fn has_room(&self) -> bool {
        self.from.requests().count() < self.model.on_the_way
    }
}

fn send(state: &mut State, request: Request) {
    if let Some(free) = state.requests.iter_mut().find(|slot| **slot == Request::None) {
        *free = request;
    }
}

impl OrderModel {
    /// States that differ in nothing that matters are one. An append on its way that the wall would refuse is as good as gone.
    fn tidy(&self, state: &mut State) {
        let log = state.log;
        // The deadline is an open order's.
        state.late |= !log.order().is_open();
        for request in &mut state.requests {
            if self.rules.wall && matches!(request, Request::Append(on, _) if *on != log) {
                *request = Request::None;
            }
        }
        if self.on_the_way > 0 {
            state.requests.sort_unstable_by_key(node);
        }
    }

    fn provider(&self, attempt: u32) -> Provider {
        self.methods[index(attempt)]
    }

    fn is_closed(&self, log: Log) -> bool {
        Book::is_closed(log, &self.rules)
    }

    /// The order is closed, nobody looks after it any more, and nothing is left anywhere.
    pub fn is_good_end(&self, state: &State) -> bool {
        self.is_closed(state.log)
            && !state.guard
            && !state.tokens
            && !state.holds_money()
            && state.money_is_right()
            && state.requests().count() == 0
            && state.stock_is_right()
    }

    /// Every move out of this state.
    pub fn moves(&self, state: &State) -> Vec<Move> {
        let mut moves = Moves { model: self, from: state, all: Vec::new() };
        for who in EVERYBODY {
            match state.at(who) {
                At::Off | At::Gone => {}
                At::Load(task) => self.load(&mut moves, who, task),
                At::Put(task, on) => self.put(&mut moves, who, task, on),
                At::Call(call) => self.call(&mut moves, who, call),
            }
        }
        self.guard(&mut moves);
        self.requests(&mut moves);
        self.surroundings(&mut moves);
        moves.all
    }

    fn guard(&self, moves: &mut Moves) {
        let state = moves.from;
        if !state.guard {
            return;
        }
        if self.is_closed(state.log) {
            moves.add("guard", "sees that the order is closed", true, |to| {
                to.guard = false;
                to.tokens = false;
            });
        } else {
            let is_off = state.at(Who::Settlement) == At::Off;
            let does = if is_off { "starts a settlement" } else { "the settlement died: starts another" };
            moves.add("guard", does, is_off, |to| to.put(Who::Settlement, At::Load(Task::Plan)));
        }
    }

    fn requests(&self, moves: &mut Moves) {
        for (slot, request) in moves.from.requests.into_iter().enumerate() {
            let name = Named(request);
            match request {
                Request::None => continue,
                Request::Authorize(attempt, maker) => {
                    for answer in self.answers(moves.from.object_of(attempt, maker), attempt) {
                        moves.add("late", format_args!("{name} lands: {answer:?}"), false, |to| {
                            to.requests[slot] = Request::None;
                            *to.object(attempt, maker) = self.after(answer, attempt);
                        });
                    }
                }
                Request::Cancel(attempt, maker) => moves.add("late", format_args!("{name} lands"), false, |to| {
                    to.requests[slot] = Request::None;
                    self.cancel_at_provider(to, attempt, maker);
                }),
                Request::Capture(attempt, maker) => moves.add("late", format_args!("{name} lands"), false, |to| {
                    to.requests[slot] = Request::None;
                    capture_at_provider(to, attempt, maker);
                }),
                Request::Refund(number) => moves.add("late", format_args!("{name} lands"), false, |to| {
                    to.requests[slot] = Request::None;
                    self.refund_at_provider(to, number);
                }),
                Request::Append(on, command) => {
                    if on == moves.from.log
                        && let Decided::Append(appended) = self.book.decide(on, command, &self.rules)
                        && (command != Command::Reserve || moves.from.available > 0)
                    {
                        moves.add("late", format_args!("{command:?} is appended"), false, |to| {
                            to.requests[slot] = Request::None;
                            self.append(to, command, appended);
                        });
                    }
                }
                Request::RefundFailed(number) => {
                    let command = Command::FailRefund(number);
                    let decided = self.book.decide(moves.from.log, command, &self.rules);
                    moves.add("webhook", "the refund failed after all", true, |to| {
                        to.requests[slot] = Request::None;
                        if let Decided::Append(appended) = decided {
                            self.append(to, command, appended);
                        }
                    });
                    continue;
                }
            }
            moves.add("late", format_args!("{name} never lands"), true, |to| to.requests[slot] = Request::None);
        }
    }

    fn surroundings(&self, moves: &mut Moves) {
        let state = moves.from;
        let order = state.log.order();
        if order.is_open() && !state.late {
            moves.add("time", "the order's deadline passes", true, |to| to.late = true);
        }
        let unvoided = |attempt: &Attempt| !attempt.voided && !attempt.provider.cancels_unauthorized();
        if state.log.is_dead() && !state.aged && order.attempts().iter().any(unvoided) {
            moves.add("time", "no request and no function from before the order's end lives any more", true, |to| {
                to.aged = true;
                for request in &mut to.requests {
                    if matches!(request, Request::Authorize(..)) {
                        *request = Request::None;
                    }
                }
                to.put(Who::Checkout, At::Gone);
                to.put(Who::Settlement, At::Off);
            });
        }
        if self.erasure && state.tokens {
            moves.add("customer", "has her tokens erased", false, |to| to.tokens = false);
        }
        for attempt in order.attempts() {
            self.surroundings_of(moves, attempt);
        }
        if self.failing_refunds && state.refunds[0] == Back::Done && moves.has_room() {
            moves.add("provider", "the refund fails after all", false, |to| {
                to.refunds[0] = Back::Failed;
                to.given_back -= 1;
                send(to, Request::RefundFailed(0));
            });
        }
    }

    fn surroundings_of(&self, moves: &mut Moves, attempt: &Attempt) {
        let (state, number) = (moves.from, attempt.number);
        let Some(maker) = state.log.maker(number) else { return };
        let object = state.object_of(number, maker);
        if self.lapses && object == Object::Authorized {
            moves.add("provider", format_args!("lets go of {number}"), false, |to| *to.object(number, maker) = Object::Lapsed);
            if state.log.order().capture_is_under_way(number) {
                let declines = format_args!("declines the capture of {number}");
                moves.add("provider", declines, false, |to| *to.object(number, maker) = Object::Declined);
            }
        }
        if object == Object::ActionRequired {
            // At PayPal she only approves: it is ours to authorise then.
            let outcomes: &[Object] = match attempt.provider {
                Provider::Stripe => &[Object::Authorized, Object::Declined],
                Provider::Paypal => &[Object::Prepared],
            };
            for outcome in outcomes {
                moves.add("customer", format_args!("acts on {number}: {outcome:?}"), false, |to| {
                    *to.object(number, maker) = *outcome
                });
            }
        }
        if self.webhook && state.at(Who::Webhook) == At::Off && object != Object::Prepared {
            let said = object.said();
            moves.add("webhook", format_args!("reads of {number}: {said:?}"), false, |to| {
                to.put(Who::Webhook, At::Load(Task::Observe(number, said, Purpose::Tell)));
            });
        }
    }

    /// Loads the events and decides.
    fn load(&self, moves: &mut Moves, who: Who, task: Task) {
        let log = moves.from.log;
        match task {
            Task::Plan => self.plan(moves),
            Task::Undo => {
                for owed in Book::owed(log, false, &self.rules) {
                    moves.go(who, "undoes", first(&owed));
                }
            }
            Task::Due(passed) => self.due(moves, who, passed),
            Task::Void(attempt) => {
                let due = Book::owed(log, moves.from.late, &self.rules).contains(&Owed::Void { attempt });
                if due {
                    moves.go(who, "is to void", At::Call(Call::Void(attempt)));
                } else {
                    moves.finish(who, task, Outcomes::NotAllowed);
                }
            }
            Task::Capture => self.begin_capture(moves, who),
            Task::Refund => self.begin_refund(moves, who),
            _ => self.advance(moves, who, task),
        }
    }

    fn plan(&self, moves: &mut Moves) {
        let log = moves.from.log;
        if self.is_closed(log) {
            return moves.go(Who::Settlement, "ends", At::Off);
        }
        let owed = Book::owed(log, moves.from.late, &self.rules);
        for owed in &owed {
            moves.go(Who::Settlement, format_args!("plans {owed:?}"), first(owed));
        }
        if !self.rules.second_only_after_voided && owed.iter().any(|owed| matches!(owed, Owed::Void { .. })) {
            moves.go(Who::Settlement, "plans the next method", At::Load(Task::Due(0)));
        }
    }

    fn due(&self, moves: &mut Moves, who: Who, passed: Passed) {
        let (log, order) = (moves.from.log, moves.from.log.order());
        let task = Task::Due(passed);
        match order.outcome() {
            Outcome::Open => {}
            Outcome::Confirmed { .. } => return moves.finish(who, task, Outcomes::Ok),
            Outcome::Rejected(Rejection::PaymentDeclined { .. }) => {
                return moves.finish(who, task, Outcomes::Declined);
            }
            Outcome::Rejected(_) | Outcome::Cancelled(_) => return moves.finish(who, task, Outcomes::NotAllowed),
        }
        if order.confirm_is_due() {
            return moves.finish(who, task, Outcomes::Ok);
        }
        let skips_abandoned = !self.rules.second_only_after_voided && order.untried_methods().next().is_some();
        if let Some(live) = order.live_attempt().filter(|live| !(live.abandoned && skips_abandoned)) {
            return moves.visit(who, live, passed);
        }
        let untried = order.untried_methods().map(|(number, _)| number).find(|number| passed & (1 << number) == 0);
        let Some(attempt) = untried else { return moves.finish(who, task, Outcomes::Unavailable) };
        if matches!(self.book.decide(log, Command::Prepare(attempt, maker(who)), &self.rules), Decided::No(_)) {
            return moves.finish(who, task, Outcomes::NotAllowed);
        }
        let next = match (moves.from.tokens, self.rules.prepare_first) {
            (false, _) => At::Load(Task::Erased),
            (true, true) => At::Call(Call::Prepare(attempt, passed)),
            (true, false) => At::Call(Call::Act(attempt, passed)),
        };
        moves.go(who, format_args!("begins attempt {attempt}"), next);
    }

    fn begin_capture(&self, moves: &mut Moves, who: Who) {
        let log = moves.from.log;
        if let (false, Outcome::Confirmed { attempt }) = (self.rules.announce_capture, log.order().outcome())
            && log.order().captured_attempt().is_none()
        {
            return moves.go(who, "captures at once", At::Call(Call::Capture(*attempt)));
        }
        let fresh = matches!(self.book.decide(log, Command::StartCapture, &self.rules), Decided::Append(_));
        moves.go(who, "is to capture", At::Load(Task::StartCapture(fresh)));
    }

    fn begin_refund(&self, moves: &mut Moves, who: Who) {
        let log = moves.from.log;
        match (self.book.decide(log, Command::StartRefund, &self.rules), log.open_refund()) {
            (Decided::Append(_), _) => moves.go(who, "is to refund", At::Load(Task::StartRefund)),
            (_, Some(number)) => moves.go(who, "looks for the refund", At::Call(Call::FindRefund(number))),
            _ => moves.finish(who, Task::Refund, Outcomes::Ok),
        }
    }

    /// Loads, decides, and appends at the wall.
    fn advance(&self, moves: &mut Moves, who: Who, task: Task) {
        let log = moves.from.log;
        match self.book.decide(log, command(task, who), &self.rules) {
            Decided::Done => self.advanced(moves, who, task, None),
            Decided::No(_) => moves.finish(who, task, Outcomes::NotAllowed),
            Decided::Append(_) if self.apart => moves.go(who, format_args!("decides {task:?}"), At::Put(task, log)),
            Decided::Append(_) => self.put(moves, who, task, log),
        }
    }

    fn put(&self, moves: &mut Moves, who: Who, task: Task, on: Log) {
        let (log, command) = (moves.from.log, command(task, who));
        let appended = if !self.rules.wall {
            self.book.force(log, on, command, &self.rules)
        } else if on == log {
            match self.book.decide(log, command, &self.rules) {
                Decided::Append(appended) => Some(appended),
                Decided::Done | Decided::No(_) => None,
            }
        } else {
            return moves.go(who, format_args!("{task:?} meets the wall"), At::Load(task));
        };
        let Some(appended) = appended else { return moves.go(who, "cannot append", At::Load(task)) };
        if task == Task::Reserve && moves.from.available == 0 {
            return moves.finish(who, task, Outcomes::OutOfStock);
        }
        self.advanced(moves, who, task, Some(appended));
        let again = again(who, task);
        moves.add(who, format_args!("{task:?} is appended, its answer lost"), false, |to| {
            self.append(to, command, appended);
            to.put(who, again);
        });
        if moves.has_room() && self.rules.wall {
            moves.add(who, format_args!("{task:?} is on its way, given up"), false, |to| {
                send(to, Request::Append(log, command));
                to.put(who, again);
            });
        }
    }

    fn append(&self, state: &mut State, command: Command, appended: Appended) {
        match command {
            Command::Reserve => state.available -= 1,
            Command::Release => state.available += 1,
            _ => {}
        }
        state.log = appended.to;
        state.guard |= appended.guarded;
        if appended.confirms && self.subscriber {
            state.put(Who::Subscriber, At::Load(Task::Capture));
        }
    }

    /// The event is there: by this append, or it was there already.
    fn advanced(&self, moves: &mut Moves, who: Who, task: Task, appended: Option<Appended>) {
        let from = moves.from;
        let mut after = from.clone();
        if let Some(appended) = appended {
            self.append(&mut after, command(task, who), appended);
        }
        let mut inner = Moves { model: self, from: &after, all: Vec::new() };
        match task {
            Task::Name(number, passed) => match after.log.order().attempt(number) {
                Some(_) if appended.is_some() && self.rules.prepare_first => {
                    inner.go(who, "", At::Call(Call::Act(number, passed)));
                }
                Some(attempt) => inner.visit(who, attempt, passed),
                None => {}
            },
            Task::Observe(number, said, Purpose::Authorize(passed)) => match said {
                Said::Authorized => inner.finish(who, task, Outcomes::Ok),
                Said::Declined => inner.finish(who, task, Outcomes::Declined),
                Said::Voided => inner.dead(who, number, passed),
                Said::ActionRequired => inner.finish(who, task, Outcomes::NotAllowed),
                Said::Prepared | Said::Captured => inner.finish(who, task, Outcomes::Unavailable),
            },
            Task::Abandon(_, passed) if !self.rules.second_only_after_voided => {
                inner.go(who, "", At::Load(Task::Due(passed)));
            }
            Task::Abandon(number, passed) => inner.go(who, "", At::Call(Call::GiveUp(number, passed))),
            Task::Voided(number, Purpose::Authorize(passed)) => inner.dead(who, number, passed),
            Task::StartCapture(fresh) => match *after.log.order().outcome() {
                Outcome::Confirmed { attempt } if after.log.order().capture_is_under_way(attempt) => {
                    let call = if fresh { Call::Capture(attempt) } else { Call::CaptureRead(attempt) };
                    inner.go(who, "", At::Call(call));
                }
                _ => inner.finish(who, task, Outcomes::Ok),
            },
            Task::StartRefund => match after.log.open_refund() {
                Some(number) => inner.go(who, "", At::Call(Call::SendRefund(number))),
                None => inner.finish(who, task, Outcomes::Ok),
            },
            Task::Erased => inner.finish(who, task, Outcomes::NotAllowed),
            _ => inner.finish(who, task, Outcomes::Ok),
        }
        let verb = if appended.is_some() { "appends" } else { "finds done" };
        if inner.all.is_empty() {
            let what = if self.told { format!("{who}: {verb} {task:?}") } else { String::new() };
            moves.all.push(Move { what, sure: who == Who::Settlement, to: after });
            return;
        }
        for next in inner.all {
            if next.to != *from {
                let what = if self.told { format!("{who}: {verb} {task:?} ({})", next.what) } else { String::new() };
                moves.all.push(Move { what, sure: next.sure, to: next.to });
            }
        }
    }

    fn call(&self, moves: &mut Moves, who: Who, call: Call) {
        match call {
            Call::Prepare(number, passed) => {
                moves.go(who, format_args!("prepares {number}"), At::Load(Task::Name(number, passed)));
                let passed = passed | 1 << number;
                moves.add(who, format_args!("{number} cannot be prepared"), false, |to| {
                    to.put(who, At::Load(Task::Due(passed)));
                });
            }
            Call::Read(number, passed) => match moves.from.read(number, who) {
                Said::Prepared => moves.go(who, "reads: nothing was done", At::Call(Call::Act(number, passed))),
                said => moves.heard(who, number, said, passed),
            },
            Call::Act(number, passed) => self.act(moves, who, number, passed),
            Call::ReadAfter(number, passed) => match moves.from.read(number, who) {
                Said::Prepared => self.not_done(moves, who, number, passed),
                said => moves.heard(who, number, said, passed),
            },
            Call::GiveUp(number, passed) => {
                let next = At::Load(Task::Voided(number, Purpose::Authorize(passed)));
                self.cancel(moves, who, number, next, Task::Due(passed), false);
            }
            Call::Void(number) => {
                let uncancellable = !self.provider(number).cancels_unauthorized();
                let can_never_act = uncancellable && (moves.from.aged || !self.rules.watch_unauthorized);
                let next = At::Load(Task::Voided(number, Purpose::Void));
                self.cancel(moves, who, number, next, Task::Void(number), can_never_act);
            }
            Call::CaptureRead(number) => match moves.from.read(number, who) {
                Said::Authorized => moves.go(who, "reads: not captured", At::Call(Call::Capture(number))),
                said => moves.capture_heard(who, number, said),
            },
            Call::Capture(number) => moves.capture(who, number),
            Call::CaptureReadAfter(number) => {
                let said = moves.from.read(number, who);
                moves.capture_heard(who, number, said);
            }
            Call::CancelLost(number) => {
                self.cancel(moves, who, number, At::Load(Task::FailCapture(number)), Task::Capture, false);
            }
            Call::FindRefund(number) => {
                let next = match moves.from.refunds[usize::from(number)] {
                    Back::None => At::Call(Call::SendRefund(number)),
                    found => At::Load(Task::Refunded(number, found == Back::Done)),
                };
                moves.go(who, "looks the refund up", next);
            }
            Call::SendRefund(number) => self.send_refund(moves, who, number),
        }
    }

    /// What an authorisation may come to; nothing, when the object does not allow one.
    fn answers(&self, object: Object, attempt: u32) -> Vec<Said> {
        let allowed = match object {
            Object::Prepared => true,
            Object::Declined => self.provider(attempt) == Provider::Stripe,
            _ => false,
        };
        let all = [Said::Authorized, Said::Declined, Said::ActionRequired];
        let asked = if self.actions { 3 } else { 2 };
        if allowed { all[..asked].to_vec() } else { Vec::new() }
    }

    /// The object after this answer. `PayPal` forgets a decline: reading says that nothing was done.
    fn after(&self, answer: Said, attempt: u32) -> Object {
        match (answer, self.provider(attempt)) {
            (Said::Authorized, _) => Object::Authorized,
            (Said::Declined, Provider::Stripe) => Object::Declined,
            (Said::ActionRequired, _) => Object::ActionRequired,
            _ => Object::Prepared,
        }
    }

    fn act(&self, moves: &mut Moves, who: Who, number: u32, passed: Passed) {
        if !moves.from.tokens {
            return moves.go(who, "misses the token", At::Load(Task::Erased));
        }
        let maker = moves.from.maker_for(number, who);
        let is_named = moves.from.log.order().attempt(number).is_some();
        // Who asks the provider to make and to authorise at once has no reference to read, and can only repeat.
        let unknown = At::Call(if is_named { Call::ReadAfter(number, passed) } else { Call::Act(number, passed) });
        let answers = self.answers(moves.from.object_of(number, maker), number);
        for said in &answers {
            let object = self.after(*said, number);
            let next = if is_named {
                At::Load(Task::Observe(number, *said, Purpose::Authorize(passed)))
            } else {
                At::Load(Task::Name(number, passed))
            };
            moves.add(who, format_args!("authorises {number}: {said:?}"), who == Who::Settlement, |to| {
                *to.object(number, maker) = object;
                to.put(who, next);
            });
            moves.add(who, format_args!("authorises {number}: {said:?}, answer lost"), false, |to| {
                *to.object(number, maker) = object;
                to.put(who, unknown);
            });
        }
        if answers.is_empty() {
            let next = if is_named { unknown } else { At::Load(Task::Name(number, passed)) };
            return moves.go(who, format_args!("may not authorise {number} any more"), next);
        }
        moves.add(who, format_args!("authorising {number} fails"), false, |to| to.put(who, unknown));
        if moves.has_room() {
            moves.add(who, format_args!("authorising {number} is on its way, given up"), false, |to| {
                send(to, Request::Authorize(number, maker));
                to.put(who, unknown);
            });
        }
    }

    /// The provider says that nothing was done, yet a request may still be on its way there.
    fn not_done(&self, moves: &mut Moves, who: Who, number: u32, passed: Passed) {
        moves.finish(who, Task::Due(passed), Outcomes::Unavailable);
        let next = if self.rules.abandon_before_cancel {
            At::Load(Task::Abandon(number, passed))
        } else if moves.from.log.order().untried_methods().next().is_some() {
            At::Call(Call::GiveUp(number, passed))
        } else {
            return;
        };
        moves.go(who, format_args!("gives {number} up"), next);
    }

    fn cancel_at_provider(&self, state: &mut State, attempt: u32, maker: Maker) {
        let cancels_unauthorized = self.provider(attempt).cancels_unauthorized();
        let object = state.object(attempt, maker);
        match object {
            Object::Authorized => *object = Object::Cancelled,
            Object::Prepared | Object::ActionRequired | Object::Declined if cancels_unauthorized => *object = Object::Cancelled,
            _ => {}
        }
    }

    fn cancel(&self, moves: &mut Moves, who: Who, number: u32, next: At, task: Task, can_never_act: bool) {
        let maker = moves.from.maker_for(number, who);
        let mut after = moves.from.clone();
        self.cancel_at_provider(&mut after, number, maker);
        let object = after.object_of(number, maker);
        let waits = matches!(object, Object::Prepared | Object::ActionRequired);
        let taken_for_dead = !self.rules.never_abandon_uncancellable && waits;
        // PayPal allows one authorisation: an order whose own was denied is dead. Stripe's declined ones were cancelled above.
        let denied = object == Object::Declined;
        let dead = object.is_dead() || denied || waits && can_never_act || taken_for_dead;
        let gives_up = again(who, task);
        moves.add(who, format_args!("cancels {number}: {object:?}"), who == Who::Settlement, |to| {
            self.cancel_at_provider(to, number, maker);
            to.put(who, if dead { next } else { gives_up });
        });
        moves.add(who, format_args!("cancels {number}, answer lost"), false, |to| {
            self.cancel_at_provider(to, number, maker);
            to.put(who, gives_up);
        });
        if moves.has_room() && !object.is_dead() || object != moves.from.object_of(number, maker) && moves.has_room() {
            moves.add(who, format_args!("cancelling {number} is on its way, given up"), false, |to| {
                send(to, Request::Cancel(number, maker));
                to.put(who, gives_up);
            });
        }
    }

    fn refund_at_provider(&self, state: &mut State, number: u8) {
        let refund = &mut state.refunds[usize::from(number)];
        if *refund == Back::None || !self.rules.refund_by_id {
            *refund = Back::Done;
            state.given_back += 1;
        }
    }

    fn send_refund(&self, moves: &mut Moves, who: Who, number: u8) {
        let unknown = again(who, Task::Refund);
        if moves.from.given_back > 2 {
            return;
        }
        let known = moves.from.refunds[usize::from(number)];
        if known == Back::Failed {
            return moves.go(who, "the refund failed", At::Load(Task::Refunded(number, false)));
        }
        moves.add(who, "refunds", who == Who::Settlement, |to| {
            self.refund_at_provider(to, number);
            to.put(who, At::Load(Task::Refunded(number, true)));
        });
        moves.add(who, "refunds, answer lost", false, |to| {
            self.refund_at_provider(to, number);
            to.put(who, unknown);
        });
        if self.failing_refunds && number == 0 && known == Back::None {
            moves.add(who, "the refund fails", false, |to| {
                to.refunds[0] = Back::Failed;
                to.put(who, At::Load(Task::Refunded(number, false)));
            });
        }
        if moves.has_room() {
            moves.add(who, "refunding is on its way, given up", false, |to| {
                send(to, Request::Refund(number));
                to.put(who, unknown);
            });
        }
    }
}

fn capture_at_provider(state: &mut State, attempt: u32, maker: Maker) {
    let object = state.object(attempt, maker);
    if *object == Object::Authorized {
        *object = Object::Captured;
    }
}

fn maker(who: Who) -> Maker {
    if who == Who::Checkout { Maker::Checkout } else { Maker::Settlement }
}

/// Where an executor begins again when its append has no answer.
fn again(who: Who, task: Task) -> At {
    match who {
        Who::Settlement => At::Load(Task::Plan),
        Who::Subscriber => At::Load(Task::Capture),
        Who::Customer => At::Load(task),
        Who::Webhook => At::Off,
        Who::Checkout => match task {
            Task::Due(_) | Task::Name(..) | Task::Observe(..) | Task::Abandon(..) | Task::Voided(_, Purpose::Authorize(_)) => {
                At::Load(Task::Due(0))
            }
            Task::Reserve | Task::Confirm | Task::RejectDeclined | Task::RejectOutOfStock | Task::Release => At::Load(task),
            _ => At::Gone,
        },
    }
}

/// Where the function begins that does what is owed.
fn first(owed: &Owed) -> At {
    At::Load(match owed {
        Owed::Reserve => Task::Reserve,
        Owed::Authorize { .. } => Task::Due(0),
        Owed::Confirm => Task::Confirm,
        Owed::Reject(Rejection::OutOfStock { .. }) => Task::RejectOutOfStock,
        Owed::Reject(Rejection::PaymentDeclined { .. }) => Task::RejectDeclined,
        Owed::Cancel(reason) => Task::Cancel(*reason),
        Owed::Void { attempt } => Task::Void(*attempt),
        Owed::Release => Task::Release,
        Owed::Capture { .. } => Task::Capture,
        Owed::Refund => Task::Refund,
    })
}

fn command(task: Task, who: Who) -> Command {
    match task {
        Task::Reserve => Command::Reserve,
        Task::Name(attempt, _) => Command::Prepare(attempt, maker(who)),
        Task::Observe(attempt, said, _) => Command::Observe(attempt, said),
        Task::Abandon(attempt, _) => Command::Abandon(attempt),
        Task::Voided(attempt, _) => Command::Void(attempt),
        Task::Erased => Command::Cancel(Cancellation::DetailsErased),
        Task::RejectOutOfStock => Command::RejectOutOfStock,
        Task::RejectDeclined => Command::RejectDeclined,
        Task::Cancel(reason) => Command::Cancel(reason),
        Task::Release => Command::Release,
        Task::StartCapture(_) => Command::StartCapture,
        Task::FailCapture(attempt) => Command::FailCapture(attempt),
        Task::StartRefund => Command::StartRefund,
        Task::Refunded(number, true) => Command::FinishRefund(number),
        Task::Refunded(number, false) => Command::FailRefund(number),
        Task::Confirm | Task::Plan | Task::Undo | Task::Due(_) | Task::Void(_) | Task::Capture | Task::Refund => Command::Confirm,
    }
}

/// Whether this attempt's money may be taken, as the events say.
fn stands(log: Log, attempt: u32) -> bool {
    let order = log.order();
    matches!(order.outcome(), Outcome::Confirmed { attempt: confirmed } if *confirmed == attempt)
        || order.captured_attempt() == Some(attempt)
}

fn captures_only_what_is_confirmed(_: &OrderModel, state: &State) -> bool {
    let all = [1, 2].into_iter().flat_map(|attempt| [Maker::Checkout, Maker::Settlement].map(|maker| (attempt, maker)));
    let mut captured = all.filter(|(attempt, maker)| state.object_of(*attempt, *maker) == Object::Captured);
    captured.all(|(attempt, maker)| state.log.maker(attempt) == Some(maker) && stands(state.log, attempt))
}

fn one_attempt_is_alive(_: &OrderModel, state: &State) -> bool {
    let order = state.log.order();
    state.log.is_dead() || order.attempts().iter().filter(|attempt| !state.named(attempt).is_dead()).count() <= 1
}

fn one_attempt_is_usable(_: &OrderModel, state: &State) -> bool {
    let usable = |attempt: &&Attempt| {
        matches!(attempt.answer, Some(PaymentAnswer::Authorized { .. })) && !attempt.voided && !attempt.abandoned
    };
    state.log.order().attempts().iter().filter(usable).count() <= 1
}

fn an_unneeded_hold_is_owed_a_void(model: &OrderModel, state: &State) -> bool {
    let order = state.log.order();
    let held = order.attempts().iter().filter(|attempt| state.named(attempt) == Object::Authorized);
    let mut unneeded = held.filter(|attempt| !(order.is_open() && !attempt.abandoned || stands(state.log, attempt.number)));
    let owed = Book::owed(state.log, false, &model.rules);
    unneeded.all(|attempt| owed.contains(&Owed::Void { attempt: attempt.number }))
}

fn no_undo_destroys_a_confirmed_order(_: &OrderModel, state: &State) -> bool {
    let order = state.log.order();
    let Outcome::Confirmed { attempt } = order.outcome() else { return true };
    // Who captures cancels what lost its hold.
    let is_lost = order.capture_is_under_way(*attempt) || order.capture_has_failed();
    is_lost || order.attempt(*attempt).is_none_or(|attempt| state.named(attempt) != Object::Cancelled)
}

fn closed_is_settled(model: &OrderModel, state: &State) -> bool {
    let unheard = state.requests().any(|request| matches!(request, Request::RefundFailed(_)));
    !model.is_closed(state.log) || unheard || !state.holds_money() && state.money_is_right()
}

/// Each property with the sentence that it stands for.
pub mod claims {
    /// Promise 2.
    pub const ONE_CAPTURE: &str = "at most one attempt is captured";
    /// Promise 2.
    pub const ONLY_CONFIRMED: &str = "only the attempt that the order was confirmed with is captured";
    /// Promise 2.
    pub const NO_MORE_BACK: &str = "no more goes back than was taken";
    /// Promise 2.
    pub const ONE_ALIVE: &str = "while the order is not dead, at most one attempt can be charged at its provider";
    /// Promise 2.
    pub const ONE_USABLE: &str = "the events hold at most one authorisation for usable";
    /// Promise 2.
    pub const HOLDS_ARE_OWED: &str = "a hold that is not needed is owed a void";
    /// The decision comes before the deed.
    pub const NO_DESTRUCTION: &str = "no undo destroys a confirmed order";
    /// Promise 3.
    pub const STOCK: &str = "what is available and what the order holds is what was stocked";
    /// Promises 2 and 4.
    pub const CLOSED: &str = "a closed order holds no money at any provider and keeps what its outcome says";
}

impl Model for OrderModel {
    type State = State;
    type Action = Move;

    fn init_states(&self) -> Vec<State> {
        let Some(log) = self.book.placed("the order", &self.methods) else { return Vec::new() };
        let customer = if self.customer { At::Load(Task::Cancel(Cancellation::CustomerRequest)) } else { At::Gone };
        let placed = |stocked| State {
            log,
            objects: [[Object::Prepared; 2]; 2],
            refunds: [Back::None; 3],
            given_back: 0,
            requests: [Request::None; MOST_ON_THE_WAY],
            at: [At::Load(Task::Reserve), At::Off, At::Off, customer, At::Off],
            available: stocked,
            stocked,
            late: false,
            aged: false,
            guard: true,
            tokens: true,
        };
        if !self.confirmed {
            return vec![placed(1), placed(0)];
        }
        let first = Command::Prepare(1, Maker::Checkout);
        let mut state = placed(1);
        for command in [Command::Reserve, first, Command::Observe(1, Said::Authorized), Command::Confirm] {
            if let Decided::Append(appended) = self.book.decide(state.log, command, &self.rules) {
                self.append(&mut state, command, appended);
            }
        }
        *state.object(1, Maker::Checkout) = Object::Authorized;
        state.put(Who::Checkout, At::Gone);
        self.tidy(&mut state);
        vec![state]
    }

    fn actions(&self, state: &State, actions: &mut Vec<Move>) {
        let moves = self.moves(state);
        if self.recorded {
            let from = node(state);
            let steps = moves.iter().map(|step| Step { to: node(&step.to), sure: step.sure });
            self.graph.visit(from, self.is_good_end(state), steps);
        }
        actions.extend(moves);
    }

    fn next_state(&self, _: &State, action: Move) -> Option<State> {
        Some(action.to)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        use claims::{
            CLOSED, HOLDS_ARE_OWED, NO_DESTRUCTION, NO_MORE_BACK, ONE_ALIVE, ONE_CAPTURE, ONE_USABLE, ONLY_CONFIRMED, STOCK,
        };
        vec![
            Property::always(ONE_CAPTURE, |_, state: &State| state.captured() <= 1),
            Property::always(ONLY_CONFIRMED, captures_only_what_is_confirmed),
            Property::always(NO_MORE_BACK, |_, state: &State| usize::from(state.given_back) <= state.captured()),
            Property::always(ONE_ALIVE, one_attempt_is_alive),
            Property::always(ONE_USABLE, one_attempt_is_usable),
            Property::always(HOLDS_ARE_OWED, an_unneeded_hold_is_owed_a_void),
            Property::always(NO_DESTRUCTION, no_undo_destroys_a_confirmed_order),
            Property::always(STOCK, |_, state: &State| state.stock_is_right()),
            Property::always(CLOSED, closed_is_settled),
        ]
    }
}

/// The way through these states, as a list of moves.
pub fn way(model: &OrderModel, nodes: &[Node]) -> Vec<Move> {
    let quiet = OrderModel { recorded: false, told: true, ..model.clone() };
    let mut way: Vec<Move> = Vec::new();
    let start = quiet.init_states().into_iter().find(|state| nodes.first() == Some(&node(state)));
    let Some(mut state) = start else { return way };
    for next in nodes.iter().skip(1) {
        let Some(step) = quiet.moves(&state).into_iter().find(|step| node(&step.to) == *next) else { return way };
        state = step.to.clone();
        way.push(step);
    }
    way
}
