//! Two orders that want the same last piece. Each has a checkout and a settlement that work on it at the same time, and a
//! customer who may cancel; payments are taken for granted, as [`crate::order`] looks at them.
//!
//! Faults, at any step and for ever: whoever works stops, an append's answer is lost though it took effect, and an append is
//! still on its way when its sender gives it up.

use std::sync::Arc;

use shared::domain::{
    event::{Cancellation, Provider, Rejection},
    order::{Outcome, Owed},
};
use stateright::{Model, Property};

use crate::{
    book::{Appended, Book, Command, Decided, Log, Rules, Said},
    graph::{Graph, Step, node},
};

/// Two orders and what is left out, if anything.
#[derive(Clone)]
pub struct StockModel {
    /// The orders' rules.
    pub rules: Rules,
    /// Stock is taken on the condition that there is enough.
    pub condition: bool,
    /// The customers may cancel.
    pub customers: bool,
    /// How many appends may be on their way at once, at most two.
    pub on_the_way: usize,
    /// The histories.
    pub book: Arc<Book>,
    /// What was walked.
    pub graph: Arc<Graph>,
}

impl Default for StockModel {
    fn default() -> Self {
        Self { rules: Rules::ALL, condition: true, customers: true, on_the_way: 1, book: Arc::default(), graph: Arc::default() }
    }
}

/// Where somebody stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum At {
    /// Before loading the events.
    Load,
    /// It decided on these events, and is about to append.
    Put(Command, Log),
    /// There was not enough stock.
    Short,
    /// Nowhere, for good.
    Gone,
}

/// Who works on an order.
const CHECKOUT: usize = 0;
const SETTLEMENT: usize = 1;
const CUSTOMER: usize = 2;
const NAMES: [&str; 3] = ["checkout", "settlement", "customer"];

/// One of the two orders.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Side {
    /// Its events.
    pub log: Log,
    /// Who works on it: the checkout, the settlement, the customer.
    pub at: [At; 3],
}

/// Everything there is.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct State {
    /// How many pieces nobody holds. Negative, it is a failure.
    pub available: i8,
    /// The orders.
    pub orders: [Side; 2],
    /// What is on its way: whose, on which history, what.
    pub requests: [Option<(usize, Log, Command)>; 2],
}

/// One step of somebody.
#[derive(Clone, Debug, PartialEq)]
pub struct Move {
    /// Who, of which order, and whether something goes wrong.
    pub what: (&'static str, usize, &'static str),
    /// And then.
    pub to: State,
}

/// Promise 3.
pub const NEVER_NEGATIVE: &str = "stock is never negative";
/// Promise 3.
pub const CONSERVED: &str = "what is available and what the orders hold is what was stocked";
/// Promise 3.
pub const SOLD_ONCE: &str = "at most one order is confirmed on the last piece";

impl StockModel {
    fn tidy(&self, state: &mut State) {
        let logs = state.orders.map(|order| order.log);
        for request in &mut state.requests {
            if self.rules.wall && request.is_some_and(|(order, on, _)| logs[order] != on) {
                *request = None;
            }
        }
        state.requests.sort_unstable_by_key(node);
    }

    fn moves(&self, state: &State) -> Vec<Move> {
        let mut all = Vec::new();
        for order in 0..2 {
            for who in [CHECKOUT, SETTLEMENT, CUSTOMER] {
                self.step(&mut all, state, order, who);
            }
        }
        for slot in 0..2 {
            self.land(&mut all, state, slot);
        }
        for step in &mut all {
            self.tidy(&mut step.to);
        }
        all.retain(|step| step.to != *state);
        all
    }

    fn step(&self, all: &mut Vec<Move>, state: &State, order: usize, who: usize) {
        let Side { log, at } = state.orders[order];
        let go = |all: &mut Vec<Move>, does, at| {
            let mut to = state.clone();
            to.orders[order].at[who] = at;
            all.push(Move { what: (NAMES[who], order, does), to });
        };
        match at[who] {
            At::Gone => {}
            At::Load if who == CUSTOMER => match self.decide(log, Command::Cancel(Cancellation::CustomerRequest)) {
                Some(_) => go(all, "decides", At::Put(Command::Cancel(Cancellation::CustomerRequest), log)),
                None => go(all, "may not cancel", At::Gone),
            },
            At::Load => {
                for command in wanted(log) {
                    match self.decide(log, command) {
                        Some(_) if moves_stock(command) => go(all, "decides", At::Put(command, log)),
                        Some(_) => self.put(all, state, order, who, (command, log)),
                        None => {}
                    }
                }
            }
            At::Short => match self.decide(log, Command::RejectOutOfStock) {
                Some(_) if !log.holds_stock() => go(all, "is short", At::Put(Command::RejectOutOfStock, log)),
                _ => go(all, "is not short after all", At::Load),
            },
            At::Put(command, on) => self.put(all, state, order, who, (command, on)),
        }
    }

    fn decide(&self, log: Log, command: Command) -> Option<Appended> {
        match self.book.decide(log, command, &self.rules) {
            Decided::Append(appended) => Some(appended),
            Decided::Done | Decided::No(_) => None,
        }
    }

    fn put(&self, all: &mut Vec<Move>, state: &State, order: usize, who: usize, (command, on): (Command, Log)) {
        let done = if who == CUSTOMER { At::Gone } else { At::Load };
        let with = |at| {
            let mut to = state.clone();
            to.orders[order].at[who] = at;
            to
        };
        let what = |does| (NAMES[who], order, does);
        let log = state.orders[order].log;
        if self.rules.wall && on != log {
            return all.push(Move { what: what("meets the wall"), to: with(At::Load) });
        }
        let appended = if self.rules.wall { self.decide(log, command) } else { self.book.force(log, on, command, &self.rules) };
        let Some(appended) = appended else { return all.push(Move { what: what("cannot append"), to: with(At::Load) }) };
        if self.is_short(state, command) {
            return all.push(Move { what: what("is refused"), to: with(At::Short) });
        }
        for (does, at) in [("appends", done), ("appends, answer lost", At::Load)] {
            let mut to = with(at);
            append(&mut to, order, command, appended);
            all.push(Move { what: what(does), to });
        }
        let on_the_way = state.requests.iter().flatten().count();
        if self.rules.wall && moves_stock(command) && on_the_way < self.on_the_way {
            let mut to = with(At::Load);
            if let Some(free) = to.requests.iter_mut().find(|slot| slot.is_none()) {
                *free = Some((order, log, command));
            }
            all.push(Move { what: what("is on its way, given up"), to });
        }
    }

    fn is_short(&self, state: &State, command: Command) -> bool {
        command == Command::Reserve && self.condition && state.available < 1
    }

    fn land(&self, all: &mut Vec<Move>, state: &State, slot: usize) {
        let Some((order, _, command)) = state.requests[slot] else { return };
        let mut to = state.clone();
        to.requests[slot] = None;
        all.push(Move { what: ("an append", order, "never lands"), to: to.clone() });
        if let Some(appended) = self.decide(state.orders[order].log, command)
            && !self.is_short(state, command)
        {
            append(&mut to, order, command, appended);
            all.push(Move { what: ("an append", order, "lands late"), to });
        }
    }

    /// Both orders stand or have given everything back.
    pub fn is_good_end(&self, state: &State) -> bool {
        let done = |log: Log| match log.order().outcome() {
            Outcome::Open => false,
            Outcome::Confirmed { .. } => true,
            Outcome::Rejected(_) | Outcome::Cancelled(_) => Book::is_closed(log, &self.rules),
        };
        state.orders.iter().all(|order| done(order.log)) && state.requests.iter().all(Option::is_none)
    }
}

/// It takes or gives stock, or settles who may. Loading and appending anything else is one step: see
/// [`OrderModel::apart`](crate::order::OrderModel::apart).
fn moves_stock(command: Command) -> bool {
    matches!(command, Command::Reserve | Command::Release | Command::RejectOutOfStock | Command::Cancel(_) | Command::Confirm)
}

fn append(state: &mut State, order: usize, command: Command, appended: Appended) {
    match command {
        Command::Reserve => state.available -= 1,
        Command::Release => state.available += 1,
        _ => {}
    }
    state.orders[order].log = appended.to;
}

/// What is to be done for the order, as its commands. Every payment is authorised or declined at once.
fn wanted(log: Log) -> Vec<Command> {
    let owed = Book::owed(log, false, &Rules::ALL);
    let commands = owed.iter().flat_map(|owed| match owed {
        Owed::Reserve => vec![Command::Reserve],
        Owed::Authorize { attempt } if log.order().attempt(*attempt).is_none() => {
            vec![Command::Prepare(*attempt, crate::book::Maker::Checkout)]
        }
        Owed::Authorize { attempt } => [Said::Authorized, Said::Declined].map(|said| Command::Observe(*attempt, said)).to_vec(),
        Owed::Confirm => vec![Command::Confirm],
        Owed::Reject(Rejection::PaymentDeclined { .. }) => vec![Command::RejectDeclined],
        Owed::Reject(Rejection::OutOfStock { .. }) => vec![Command::RejectOutOfStock],
        Owed::Cancel(reason) => vec![Command::Cancel(*reason)],
        Owed::Void { attempt } => vec![Command::Void(*attempt)],
        Owed::Release => vec![Command::Release],
        Owed::Capture { .. } | Owed::Refund => Vec::new(),
    });
    commands.collect()
}

fn held(state: &State) -> i8 {
    state.orders.iter().map(|order| i8::from(order.log.holds_stock())).sum()
}

fn confirmed(state: &State) -> usize {
    let stands = |order: &&Side| matches!(order.log.order().outcome(), Outcome::Confirmed { .. });
    state.orders.iter().filter(stands).count()
}

impl Model for StockModel {
    type State = State;
    type Action = Move;

    fn init_states(&self) -> Vec<State> {
        let placed = |name| self.book.placed(name, &[Provider::Stripe]);
        let (Some(one), Some(other)) = (placed("one"), placed("other")) else { return Vec::new() };
        let customer = if self.customers { At::Load } else { At::Gone };
        let orders = [one, other].map(|log| Side { log, at: [At::Load, At::Load, customer] });
        vec![State { available: 1, orders, requests: [None; 2] }]
    }

    fn actions(&self, state: &State, actions: &mut Vec<Move>) {
        let moves = self.moves(state);
        // Nobody relies on the checkout or the customer, and nothing on an answer that is lost.
        let sure = |step: &Move| {
            matches!(step.what, ("settlement", _, does) if !does.contains("lost") && !does.contains("given up"))
                || step.what.2 == "never lands"
        };
        let steps = moves.iter().map(|step| Step { to: node(&step.to), sure: sure(step) });
        self.graph.visit(node(state), self.is_good_end(state), steps);
        actions.extend(moves);
    }

    fn next_state(&self, _: &State, action: Move) -> Option<State> {
        Some(action.to)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always(NEVER_NEGATIVE, |_, state: &State| state.available >= 0),
            Property::always(CONSERVED, |_, state: &State| state.available + held(state) == 1),
            Property::always(SOLD_ONCE, |_, state: &State| confirmed(state) <= 1),
        ]
    }
}
