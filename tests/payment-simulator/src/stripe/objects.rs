//! Stripe's objects, and the commands executed on them, one at a time.

use std::{collections::HashMap, sync::Arc};

use jiff::Timestamp;
use serde_json::Value;

use super::{
    command::{Asked, Command, ListQuery, NewIntent, NewRefund, RefundQuery},
    error::ApiError,
    events,
    intent::{Intent, Movement, PaymentMethod, Status},
    page,
    refund::Refund,
    shapes,
    tokens::RefundFate,
};
use crate::{
    World,
    agenda::{Agenda, after},
    ledger::Line,
    operation::{Operation, Provider},
};

/// How long an issuer takes that takes its time, in seconds.
const ISSUER_DELAY: i64 = 2;
/// How long a refund takes that does not arrive at once, in seconds.
const REFUND_DELAY: i64 = 1;

/// What a command is executed with.
#[derive(Debug)]
pub(super) struct Execution<'a> {
    pub(super) world: &'a Arc<World>,
    /// Stripe's own address here.
    pub(super) base: &'a str,
    pub(super) now: Timestamp,
    pub(super) idempotency_key: Option<&'a str>,
    /// Whether the issuer declines, whatever the card.
    pub(super) declined: bool,
}

impl Execution<'_> {
    fn record(&self, intent: &Intent, movements: impl IntoIterator<Item = Movement>) {
        for (operation, amount) in movements {
            self.world.ledger.write(Line {
                provider: Provider::Stripe,
                operation,
                order_id: intent.order_id().map(Into::into),
                amount,
                currency: intent.currency.to_uppercase(),
                idempotency_key: self.idempotency_key.map(Into::into),
                at: self.now,
            });
        }
    }

    fn announce(&self, kind: &str, intent: &Intent, object: &Value) {
        self.world.announce(events::event(kind, intent.order_id(), object, self.idempotency_key, self.now));
    }

    fn announce_status(&self, intent: &Intent) {
        self.announce(events::of_status(intent), intent, &intent.to_json());
    }
}

/// What happens by itself.
#[derive(Debug)]
enum Due {
    /// A hold is let go.
    Lapse(String),
    /// An issuer that took its time approves.
    Finish(String),
    /// A refund arrives, or does not.
    Refund(String),
}

/// All payment intents, and their refunds.
#[derive(Debug, Default)]
pub(super) struct Objects {
    intents: HashMap<String, Intent>,
    /// Their ids, oldest first.
    order: Vec<String>,
    /// Oldest first.
    refunds: Vec<Refund>,
    agenda: Agenda<Due>,
}

impl Objects {
    /// The order that an intent or a refund is for.
    pub(super) fn order_id(&self, id: &str) -> Option<String> {
        let refunded = self.refunds.iter().find(|refund| refund.id == id).map(|refund| refund.intent.as_str());
        self.intents.get(refunded.unwrap_or(id))?.order_id().map(Into::into)
    }

    /// An intent, by its id.
    pub(super) fn intent(&self, id: &str) -> Option<&Intent> {
        self.intents.get(id)
    }

    /// Executes a command; an error may have changed something, as a decline does.
    pub(super) fn answer(&mut self, asked: &Asked, execution: &Execution<'_>) -> Result<Value, ApiError> {
        let mut answer = self.execute(&asked.command, execution)?;
        if let Some(intent) = answer["id"].as_str().and_then(|id| self.intents.get(id)).filter(|_| asked.expands_charge) {
            answer["latest_charge"] = intent.charge_to_json();
        }
        Ok(answer)
    }

    fn execute(&mut self, command: &Command, execution: &Execution<'_>) -> Result<Value, ApiError> {
        match command {
            Command::Create(new) => self.create(new, execution),
            Command::Retrieve(id) => Ok(self.find(id)?.to_json()),
            Command::List(query) => self.list(query),
            Command::Confirm(id, confirmation) => {
                let intent = self.find(id)?;
                let moved = intent.confirm(confirmation, execution.declined, execution.now)?;
                let answer = confirmed(intent, moved, execution);
                self.plan(id, execution);
                answer
            }
            Command::Capture(id, amount) => {
                let intent = self.find(id)?;
                let captured = intent.capture(*amount)?;
                execution.record(intent, [captured]);
                execution.announce_status(intent);
                Ok(intent.to_json())
            }
            Command::Cancel(id, reason) => {
                let intent = self.find(id)?;
                let freed = intent.cancel(*reason, execution.now)?;
                execution.record(intent, freed);
                execution.announce_status(intent);
                Ok(intent.to_json())
            }
            Command::Refund(refund) => self.refund(refund, execution),
            Command::ListRefunds(query) => self.list_refunds(query),
            Command::RetrieveRefund(id) => {
                let refund = self.refunds.iter().find(|refund| refund.id == *id);
                refund.map(Refund::to_json).ok_or_else(|| ApiError::no_such("refund", id, "id"))
            }
            Command::RetrieveMethod(id) => self.payment_method(id, execution.now),
            Command::RetrieveCustomer(id) => shapes::customer(id).ok_or_else(|| ApiError::no_such("customer", id, "id")),
        }
    }

    /// Lets happen what is due. Each happens at its own time, however late it is noticed.
    pub(super) fn settle(&mut self, execution: &Execution<'_>) {
        while let Some((at, due)) = self.agenda.next_due(execution.now) {
            let execution = Execution { now: at, idempotency_key: None, ..*execution };
            match due {
                Due::Lapse(intent) => self.lapse(&intent, &execution),
                Due::Finish(intent) => self.finish(&intent, &execution),
                Due::Refund(refund) => self.settle_refund(&refund, &execution),
            }
        }
    }

    fn find(&mut self, id: &str) -> Result<&mut Intent, ApiError> {
        self.intents.get_mut(id).ok_or_else(|| ApiError::no_such("payment_intent", id, "intent"))
    }

    fn create(&mut self, new: &NewIntent, execution: &Execution<'_>) -> Result<Value, ApiError> {
        let mut intent = Intent::new(new, format!("{}{}", execution.base, page::PATH), execution.now)?;
        let (id, made) = (intent.id.clone(), intent.to_json());
        let confirm = || intent.confirm(&new.confirmation, execution.declined, execution.now);
        let moved = new.confirm.then(confirm).transpose()?;
        execution.announce("payment_intent.created", &intent, &made);
        let answer = moved.map_or(Ok(made), |moved| confirmed(&intent, moved, execution));
        self.order.push(id.clone());
        self.intents.insert(id.clone(), intent);
        self.plan(&id, execution);
        answer
    }

    /// Plans what follows by itself from where an intent stands.
    fn plan(&mut self, id: &str, execution: &Execution<'_>) {
        let Some(intent) = self.intents.get(id) else { return };
        match (intent.status, intent.capture_before()) {
            (Status::Processing, _) => self.agenda.plan(after(execution.now, ISSUER_DELAY), Due::Finish(id.into())),
            (Status::RequiresCapture, Some(end)) => self.agenda.plan(end, Due::Lapse(id.into())),
            _ => {}
        }
    }

    fn lapse(&mut self, id: &str, execution: &Execution<'_>) {
        if let Some(intent) = self.intents.get_mut(id)
            && let Some(freed) = intent.lapse(execution.now)
        {
            execution.record(intent, [freed]);
            execution.announce_status(intent);
        }
    }

    fn finish(&mut self, id: &str, execution: &Execution<'_>) {
        if let Some(intent) = self.intents.get_mut(id)
            && let Some(moved) = intent.finish(execution.now)
        {
            execution.record(intent, moved);
            execution.announce_status(intent);
            self.plan(id, execution);
        }
    }

    /// The customer answers her bank. False: she was not asked.
    pub(super) fn authenticate(&mut self, id: &str, confirmed: bool, execution: &Execution<'_>) -> bool {
        let Some(intent) = self.intents.get_mut(id) else { return false };
        let Some(moved) = intent.authenticate(confirmed, execution.now) else { return false };
        execution.record(intent, moved);
        execution.announce_status(intent);
        self.plan(id, execution);
        true
    }

    fn list(&self, query: &ListQuery) -> Result<Value, ApiError> {
        let end = page_end(&self.order, query.starting_after.as_deref(), "payment_intent", |id| id)?;
        let newest_first = self.order.iter().take(end).rev().filter_map(|id| self.intents.get(id));
        let mut wanted = newest_first.filter(|intent| query.created_from.is_none_or(|from| intent.created >= from));
        let page: Vec<_> = wanted.by_ref().take(query.limit).map(Intent::to_json).collect();
        Ok(shapes::list("/v1/payment_intents", &page, wanted.next().is_some()))
    }

    fn refund(&mut self, new: &NewRefund, execution: &Execution<'_>) -> Result<Value, ApiError> {
        let unknown = || ApiError::no_such("payment_intent", &new.intent, "payment_intent");
        let intent = self.intents.get_mut(&new.intent).ok_or_else(unknown)?;
        let refunded = intent.refund(new.amount)?;
        let refund = Refund::new(intent, new, refunded.1, execution.now);
        let answer = refund.to_json();
        if refund.fate == RefundFate::Arrives {
            execution.record(intent, [refunded]);
        } else {
            self.agenda.plan(after(execution.now, REFUND_DELAY), Due::Refund(refund.id.clone()));
        }
        execution.announce("refund.created", intent, &answer);
        execution.announce("charge.refunded", intent, &intent.charge_to_json());
        self.refunds.push(refund);
        Ok(answer)
    }

    /// Only a refund that arrives moves money: one that fails is in the ledger at no time.
    fn settle_refund(&mut self, id: &str, execution: &Execution<'_>) {
        let Some(refund) = self.refunds.iter_mut().find(|refund| refund.id == id) else { return };
        let Some(intent) = self.intents.get_mut(&refund.intent) else { return };
        refund.settle();
        let failed = refund.fate == RefundFate::Fails;
        if failed {
            intent.take_refund_back(refund.amount);
        } else {
            execution.record(intent, [(Operation::Refund, refund.amount)]);
        }
        execution.announce("refund.updated", intent, &refund.to_json());
        if failed {
            execution.announce("refund.failed", intent, &refund.to_json());
        }
    }

    fn list_refunds(&self, query: &RefundQuery) -> Result<Value, ApiError> {
        if let Some(intent) = query.intent.as_deref().filter(|intent| !self.intents.contains_key(*intent)) {
            return Err(ApiError::no_such_parameter("payment_intent", intent, "payment_intent"));
        }
        let end = page_end(&self.refunds, query.starting_after.as_deref(), "refund", |refund| &refund.id)?;
        let newest_first = self.refunds.iter().take(end).rev();
        let mut wanted = newest_first.filter(|refund| query.intent.as_ref().is_none_or(|intent| refund.intent == *intent));
        let page: Vec<_> = wanted.by_ref().take(query.limit).map(Refund::to_json).collect();
        Ok(shapes::list("/v1/refunds", &page, wanted.next().is_some()))
    }

    /// A card: what a test token stands for, a saved one, or one that an intent holds.
    fn payment_method(&self, id: &str, now: Timestamp) -> Result<Value, ApiError> {
        let held = || self.intents.values().filter_map(|intent| intent.payment_method.as_ref()).find(|method| method.id == id);
        let of_token = PaymentMethod::of(id, now).ok().map(|method| PaymentMethod { id: id.into(), ..method });
        let method = of_token.or_else(|| held().cloned());
        method.map(|method| method.to_json()).ok_or_else(|| ApiError::no_such("PaymentMethod", id, "payment_method"))
    }
}

/// Where a page ends that lists what is older than the item of that id.
fn page_end<T>(items: &[T], before: Option<&str>, object: &str, id: impl Fn(&T) -> &String) -> Result<usize, ApiError> {
    let Some(before) = before else { return Ok(items.len()) };
    let position = items.iter().position(|item| id(item) == before);
    position.ok_or_else(|| ApiError::no_such_parameter(object, before, "starting_after"))
}

/// What a confirm has led to.
fn confirmed(intent: &Intent, moved: Vec<Movement>, execution: &Execution<'_>) -> Result<Value, ApiError> {
    execution.record(intent, moved);
    execution.announce_status(intent);
    intent.declined().map_or_else(|| Ok(intent.to_json()), Err)
}
