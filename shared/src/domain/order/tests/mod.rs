//! An order that is played through without tables: a history, and commands on it.

mod capture_and_refund;
mod lifecycle;
mod payment_attempts;
mod properties;

use iso_currency::Currency;

use super::*;
use crate::domain::{event::Shortage, ids::CustomerId};

fn line(sku: &str, quantity: u32) -> Line {
    Line { sku: sku.parse().unwrap(), name: sku.into(), quantity, unit_price: Money { amount: 4599, currency: Currency::USD } }
}

/// An order's history, to which commands append as a repository would.
struct History(Vec<Event>);

impl History {
    fn placed() -> Self {
        let items = vec![line("kettle-steel", 1), line("mug", 2), line("kettle-steel", 3)];
        let placed = OrderPlaced {
            customer_id: CustomerId("kareem".into()),
            fingerprint: "f".into(),
            total: total(&items).unwrap().unwrap(),
            items,
            payment_methods: vec![Provider::Stripe, Provider::Paypal],
        };
        Self(vec![Event {
            order_id: "ord_00000000000000000000000000000001".parse().unwrap(),
            sequence: 1,
            at: Timestamp::UNIX_EPOCH,
            fact: Fact::OrderPlaced(placed),
        }])
    }

    fn order(&self) -> Order {
        Order::from_events(&self.0).unwrap()
    }

    fn apply(&mut self, decision: Decision) -> &mut Self {
        if let Decision::Append(fact) = decision {
            let event = self.order().next_event(fact, Timestamp::UNIX_EPOCH);
            self.0.push(event);
        }
        self
    }

    fn run(&mut self, command: Command) -> &mut Self {
        let decision = command.decide(&self.order());
        self.apply(decision)
    }

    fn after(commands: &[Command]) -> Self {
        let mut history = Self::placed();
        for command in commands {
            history.run(*command);
        }
        history
    }

    fn names(&self) -> Vec<&'static str> {
        self.0.iter().map(|event| event.fact.name()).collect()
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Command {
    Reserve,
    Release,
    Prepare(u32),
    RequireAction(u32),
    Authorize(u32),
    Decline(u32),
    Abandon(u32),
    Void(u32),
    Defer,
    Confirm,
    RejectForStock,
    RejectForPayment,
    Cancel(Cancellation),
    StartCapture,
    Capture,
    FailCapture,
    StartRefund,
    RefundCancelled,
    FinishRefund,
    FailRefund,
}

const COMMANDS: [Command; 28] = [
    Reserve,
    Release,
    Prepare(1),
    Prepare(2),
    RequireAction(1),
    RequireAction(2),
    Authorize(1),
    Authorize(2),
    Decline(1),
    Decline(2),
    Abandon(1),
    Abandon(2),
    Void(1),
    Void(2),
    Defer,
    Confirm,
    RejectForStock,
    RejectForPayment,
    Cancel(Cancellation::CustomerRequest),
    Cancel(Cancellation::PaymentTimedOut),
    Cancel(Cancellation::AuthorizationLapsed),
    StartCapture,
    Command::Capture,
    FailCapture,
    StartRefund,
    RefundCancelled,
    FinishRefund,
    FailRefund,
];

impl Command {
    fn decide(self, order: &Order) -> Decision {
        match self {
            Self::Reserve => order.reserve(),
            Self::Release => order.release(),
            Self::Prepare(1) => order.prepare_payment(1, Provider::Stripe, "pi_1"),
            Self::Prepare(attempt) => order.prepare_payment(attempt, Provider::Paypal, "5O190127TN364715T"),
            Self::RequireAction(attempt) => order.require_action(attempt),
            Self::Authorize(attempt) => order.authorize_payment(attempt, None),
            Self::Decline(attempt) => order.decline_payment(attempt, "card_declined"),
            Self::Abandon(attempt) => order.abandon_payment(attempt),
            Self::Void(attempt) => order.void_payment(attempt),
            Self::Defer => order.defer(false),
            Self::Confirm => order.confirm(),
            Self::RejectForStock => order.reject(&out_of_stock()),
            Self::RejectForPayment => order.reject(&declined()),
            Self::Cancel(reason) => order.cancel(reason),
            Self::StartCapture => order.start_capture(),
            Self::Capture => order.capture(order.confirmed.unwrap_or(1)),
            Self::FailCapture => order.fail_capture(order.confirmed.unwrap_or(1), "expired"),
            Self::StartRefund => order.start_refund(&some_refund(order), some_money(1000)),
            Self::RefundCancelled => order.start_cancellation_refund(),
            Self::FinishRefund => under_way(order).map_or(Decision::AlreadyDone, |id| order.finish_refund(&id)),
            Self::FailRefund => under_way(order).map_or(Decision::AlreadyDone, |id| order.fail_refund(&id, "refused")),
        }
    }
}

fn some_refund(order: &Order) -> RefundId {
    RefundId::for_request(&order.id, "key")
}

fn some_money(amount: u64) -> Money {
    Money { amount, currency: Currency::USD }
}

fn under_way(order: &Order) -> Option<RefundId> {
    let started = order.refunds().iter().find(|refund| refund.progress == RefundProgress::Started);
    started.map(|refund| refund.id.clone())
}

fn out_of_stock() -> Rejection {
    let short = Shortage { sku: "mug".parse().unwrap(), requested: 2, available: 1 };
    Rejection::OutOfStock { items: vec![short] }
}

fn declined() -> Rejection {
    Rejection::PaymentDeclined { decline_code: "card_declined".into() }
}

use Command::{
    Abandon, Authorize, Cancel, Confirm, Decline, Defer, FailCapture, FailRefund, FinishRefund, Prepare, RefundCancelled,
    RejectForPayment, RejectForStock, Release, RequireAction, Reserve, StartCapture, StartRefund, Void,
};

const BY_HER: Command = Cancel(Cancellation::CustomerRequest);
const CONFIRMED: [Command; 4] = [Reserve, Prepare(1), Authorize(1), Confirm];
const PAID: [Command; 6] = [Reserve, Prepare(1), Authorize(1), Confirm, StartCapture, Command::Capture];
const DECLINED: [Command; 4] = [Reserve, Prepare(1), Decline(1), RejectForPayment];

fn refused(commands: &[Command], command: Command) -> Refusal {
    match command.decide(&History::after(commands).order()) {
        Decision::NotAllowed(refusal) => refusal,
        other => panic!("{command:?} after {commands:?} is {other:?}"),
    }
}

fn owes(commands: &[Command]) -> Vec<Owed> {
    History::after(commands).order().owes()
}
