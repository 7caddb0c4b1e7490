//! PayPal's objects, and the commands executed on them, one at a time.

use std::{collections::HashMap, sync::Arc};

use jiff::Timestamp;
use serde_json::Value;

use super::{
    command::{Authorizing, Command, NewCapture, NewOrder, NewRefund},
    error::ApiError,
    events::Change,
    order::{Order, Status},
    payment::{self, Capture, RefundStatus},
    transactions,
    vault::Token,
};
use crate::{
    World,
    agenda::{Agenda, after},
    ledger::Line,
    operation::{Operation, Provider},
};

/// How long PayPal looks into a payment that it does not trust, in seconds.
const REVIEW: i64 = 24 * 60 * 60;
/// How long a refund takes that fails, in seconds.
const REFUND_FAILURE: i64 = 1;

/// What a command is executed with.
#[derive(Debug)]
pub(super) struct Execution<'a> {
    pub(super) world: &'a Arc<World>,
    /// PayPal's own address here.
    pub(super) base: &'a str,
    pub(super) now: Timestamp,
    pub(super) request_id: Option<&'a str>,
    /// Whether an authorisation is denied, whatever the account.
    pub(super) declined: bool,
}

impl Execution<'_> {
    fn record(&self, order: &Order, operation: Operation, minor: i64) {
        self.world.ledger.write(Line {
            provider: Provider::PayPal,
            operation,
            order_id: order.order_id().map(Into::into),
            amount: minor,
            currency: order.unit.amount.currency.code.clone(),
            idempotency_key: self.request_id.map(Into::into),
            at: self.now,
        });
    }

    fn announce(&self, order: &Order, change: Change, resource: &Value) {
        self.world.announce(change.event(order.order_id(), resource, self.now));
    }
}

/// What a command answers: the whole object, and the status of that.
#[derive(Debug)]
pub(super) struct Done {
    pub(super) status: u16,
    pub(super) object: Value,
}

impl Done {
    fn read(object: Value) -> Self {
        Self { status: 200, object }
    }

    fn made(object: Value) -> Self {
        Self { status: 201, object }
    }
}

/// What happens by itself.
#[derive(Debug)]
enum Due {
    /// An order's authorisation is let go.
    Expire(String),
    /// PayPal's look into an order's authorisation is over.
    Clear(String),
    /// A refund of an order's capture does not reach the customer.
    FailRefund { order: String, capture: String, refund: String },
}

/// All orders, with what became of them.
#[derive(Debug, Default)]
pub(super) struct Objects {
    orders: HashMap<String, Order>,
    /// Which order each authorisation, capture and refund belongs to.
    owners: HashMap<String, String>,
    agenda: Agenda<Due>,
}

impl Objects {
    /// The shop's order that an order, an authorisation, a capture or a refund is for.
    pub(super) fn order_id(&self, id: &str) -> Option<String> {
        let owner = self.owners.get(id).map_or(id, String::as_str);
        self.orders.get(owner)?.order_id().map(Into::into)
    }

    /// Executes a command; an error may have changed something.
    pub(super) fn execute(&mut self, command: &Command, execution: &Execution<'_>) -> Result<Done, ApiError> {
        match command {
            Command::CreateOrder(new) => Ok(self.create(new, execution)),
            Command::ReadOrder(id) => Ok(Done::read(self.order(id, execution)?.to_json(execution.base))),
            Command::Authorize(id, with) => self.authorize(id, with, execution),
            Command::ReadAuthorization(id) => self.read_authorization(id, execution),
            Command::Capture(id, new) => self.capture(id, new, execution),
            Command::Void(id) => self.void(id, execution),
            Command::ReadCapture(id) => self.read_capture(id, execution),
            Command::Refund(id, new) => self.refund(id, new, execution),
            Command::ReadRefund(id) => self.read_refund(id, execution),
            Command::ReadToken(id) => {
                let token = Token::find(id).ok_or_else(ApiError::not_found)?;
                Ok(Done::read(token.to_json(execution.base)))
            }
            Command::Transactions(search) => Ok(Done::read(transactions::report(self.orders.values(), search, execution.now))),
        }
    }

    /// Lets happen what is due. Each happens at its own time, however late it is noticed.
    pub(super) fn settle(&mut self, execution: &Execution<'_>) {
        while let Some((at, due)) = self.agenda.next_due(execution.now) {
            let execution = Execution { now: at, request_id: None, ..*execution };
            match due {
                Due::Expire(order) => self.expire(&order, &execution),
                Due::Clear(order) => self.clear(&order, &execution),
                Due::FailRefund { order, capture, refund } => self.fail_refund(&order, &capture, &refund, &execution),
            }
        }
    }

    /// An order, by its id, while PayPal has it.
    pub(super) fn order(&mut self, id: &str, execution: &Execution<'_>) -> Result<&mut Order, ApiError> {
        let order = self.orders.get_mut(id).filter(|order| order.is_there(execution.now));
        order.ok_or_else(ApiError::not_found)
    }

    fn owner(&mut self, id: &str) -> Result<&mut Order, ApiError> {
        let order = self.owners.get(id).and_then(|owner| self.orders.get_mut(owner));
        order.ok_or_else(ApiError::not_found)
    }

    fn create(&mut self, new: &NewOrder, execution: &Execution<'_>) -> Done {
        let order = Order::new(new, execution.now);
        let done = Done::made(order.to_json(execution.base));
        self.orders.insert(order.id.clone(), order);
        done
    }

    fn authorize(&mut self, id: &str, with: &Authorizing, execution: &Execution<'_>) -> Result<Done, ApiError> {
        let order = self.order(id, execution)?;
        order.authorize(with, execution.declined, execution.base, execution.now)?;
        let done = Done::made(order.to_json(execution.base));
        let Some(authorization) = &order.authorization else { return Ok(done) };
        let (authorization_id, status, expires) = (authorization.id.clone(), authorization.status, authorization.expires);
        if authorization.held() > 0 {
            execution.record(order, Operation::Authorize, authorization.held());
        }
        if status != payment::Status::Denied {
            let resource = order.authorization_to_json(authorization, execution.base);
            execution.announce(order, Change::AuthorizationCreated, &resource);
            self.agenda.plan(expires, Due::Expire(id.into()));
        }
        if status == payment::Status::Pending {
            self.agenda.plan(after(execution.now, REVIEW), Due::Clear(id.into()));
        }
        self.owners.insert(authorization_id, id.into());
        Ok(done)
    }

    fn read_authorization(&mut self, id: &str, execution: &Execution<'_>) -> Result<Done, ApiError> {
        let order = self.owner(id)?;
        let authorization = order.authorization.as_ref().filter(|authorization| authorization.id == id);
        let authorization = authorization.ok_or_else(ApiError::not_found)?;
        Ok(Done::read(order.authorization_to_json(authorization, execution.base)))
    }

    fn capture(&mut self, id: &str, new: &NewCapture, execution: &Execution<'_>) -> Result<Done, ApiError> {
        let order = self.owner(id)?;
        let authorization = order.authorization.as_mut().filter(|authorization| authorization.id == id);
        let capture = authorization.ok_or_else(ApiError::not_found)?.capture(new, execution.now)?;
        let (capture_id, minor) = (capture.id.clone(), capture.amount.minor);
        execution.record(order, Operation::Capture, minor);
        let resource = capture_to_json(order, &capture_id, execution)?;
        execution.announce(order, Change::CaptureCompleted, &resource);
        let owner = order.id.clone();
        self.owners.insert(capture_id, owner);
        Ok(Done::made(resource))
    }

    fn void(&mut self, id: &str, execution: &Execution<'_>) -> Result<Done, ApiError> {
        let order = self.owner(id)?;
        let authorization = order.authorization.as_mut().filter(|authorization| authorization.id == id);
        let freed = authorization.ok_or_else(ApiError::not_found)?.void(execution.now)?;
        Ok(Done::read(voided(order, freed, execution)))
    }

    fn read_capture(&mut self, id: &str, execution: &Execution<'_>) -> Result<Done, ApiError> {
        let order = self.owner(id)?;
        capture_to_json(order, id, execution).map(Done::read)
    }

    fn refund(&mut self, id: &str, new: &NewRefund, execution: &Execution<'_>) -> Result<Done, ApiError> {
        let order = self.owner(id)?;
        let fails = order.authorization.as_ref().is_some_and(|authorization| authorization.refunds_fail);
        let status = if fails { RefundStatus::Pending } else { RefundStatus::Completed };
        let capture = order.capture_mut(id).ok_or_else(ApiError::not_found)?;
        let refund = capture.refund(new, status, execution.now)?;
        let (refund_id, minor, owner) = (refund.id.clone(), refund.amount.minor, order.id.clone());
        let resource = refund_to_json(order, &refund_id, execution)?;
        if fails {
            execution.announce(order, Change::RefundPending, &resource);
            let due = Due::FailRefund { order: owner.clone(), capture: id.into(), refund: refund_id.clone() };
            self.agenda.plan(after(execution.now, REFUND_FAILURE), due);
        } else {
            execution.record(order, Operation::Refund, minor);
            execution.announce(order, Change::CaptureRefunded, &resource);
        }
        self.owners.insert(refund_id, owner);
        Ok(Done::made(resource))
    }

    fn read_refund(&mut self, id: &str, execution: &Execution<'_>) -> Result<Done, ApiError> {
        let order = self.owner(id)?;
        refund_to_json(order, id, execution).map(Done::read)
    }

    fn expire(&mut self, id: &str, execution: &Execution<'_>) {
        if let Some(order) = self.orders.get_mut(id)
            && let Some(freed) = order.authorization.as_mut().and_then(|authorization| authorization.expire(execution.now))
        {
            voided(order, freed, execution);
        }
    }

    fn clear(&mut self, id: &str, execution: &Execution<'_>) {
        let Some(order) = self.orders.get_mut(id) else { return };
        let cleared = order.authorization.as_mut().is_some_and(|authorization| authorization.clear(execution.now));
        if let Some(authorization) = order.authorization.as_ref().filter(|_| cleared) {
            execution.record(order, Operation::Authorize, authorization.held());
            let resource = order.authorization_to_json(authorization, execution.base);
            execution.announce(order, Change::AuthorizationCreated, &resource);
        }
    }

    fn fail_refund(&mut self, order: &str, capture_id: &str, refund_id: &str, execution: &Execution<'_>) {
        let Some(order) = self.orders.get_mut(order) else { return };
        if let Some(capture) = order.capture_mut(capture_id) {
            capture.fail_refund(refund_id, execution.now);
        }
        if let Ok(resource) = refund_to_json(order, refund_id, execution) {
            execution.announce(order, Change::RefundFailed, &resource);
        }
    }

    /// The customer approves an order on PayPal's page. False: it does not wait for that.
    pub(super) fn approve(&mut self, id: &str, execution: &Execution<'_>) -> bool {
        let Some(order) = self.orders.get_mut(id).filter(|order| order.awaits_approval(execution.now)) else { return false };
        order.approve(execution.now);
        let resource = order.to_json(execution.base);
        execution.announce(order, Change::OrderApproved, &resource);
        order.status == Status::Approved
    }
}

/// What an authorisation that has ended leaves behind: a line, where anything was held, an event, and its object.
fn voided(order: &Order, freed: i64, execution: &Execution<'_>) -> Value {
    if freed > 0 {
        execution.record(order, Operation::Void, freed);
    }
    let authorization = order.authorization.as_ref();
    let resource = authorization.map_or(Value::Null, |ended| order.authorization_to_json(ended, execution.base));
    execution.announce(order, Change::AuthorizationVoided, &resource);
    resource
}

fn capture_to_json(order: &Order, id: &str, execution: &Execution<'_>) -> Result<Value, ApiError> {
    let authorization = order.authorization.as_ref().ok_or_else(ApiError::not_found)?;
    let capture = authorization.captures.iter().find(|capture| capture.id == id).ok_or_else(ApiError::not_found)?;
    Ok(order.capture_to_json(authorization, capture, execution.base))
}

fn refund_to_json(order: &Order, id: &str, execution: &Execution<'_>) -> Result<Value, ApiError> {
    let captures = order.authorization.iter().flat_map(|authorization| &authorization.captures);
    let with_refund = |capture: &Capture| capture.refunds.iter().position(|refund| refund.id == id);
    let found = captures.into_iter().find_map(|capture| with_refund(capture).map(|index| (capture, index)));
    let (capture, index) = found.ok_or_else(ApiError::not_found)?;
    Ok(order.refund_to_json(capture, &capture.refunds[index], execution.base))
}
