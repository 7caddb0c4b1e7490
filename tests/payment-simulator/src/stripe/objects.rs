//! Stripe's objects, and the commands executed on them, one at a time.

use std::collections::HashMap;

use jiff::Timestamp;
use serde_json::Value;

use super::{
    command::{Command, Confirmation, ListQuery, NewIntent, NewRefund},
    error::ApiError,
    id,
    intent::{Intent, Movement},
    shapes,
};
use crate::{
    ledger::{Ledger, Line},
    operation::Provider,
};

/// What a command is executed with.
#[derive(Debug)]
pub(super) struct Execution<'a> {
    pub(super) ledger: &'a Ledger,
    pub(super) now: Timestamp,
    pub(super) idempotency_key: Option<&'a str>,
    /// Whether the issuer declines, whatever the card.
    pub(super) declined: bool,
}

impl Execution<'_> {
    fn record(&self, intent: &Intent, movements: impl IntoIterator<Item = Movement>) {
        for (operation, amount) in movements {
            self.ledger.write(Line {
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
}

/// All payment intents.
#[derive(Debug, Default)]
pub(super) struct Objects {
    intents: HashMap<String, Intent>,
    /// Their ids, oldest first.
    order: Vec<String>,
}

impl Objects {
    /// The order that an intent is for.
    pub(super) fn order_id(&self, intent_id: &str) -> Option<String> {
        self.intents.get(intent_id)?.order_id().map(Into::into)
    }

    /// Executes a command; an error may have changed something, as a decline does.
    pub(super) fn execute(&mut self, command: &Command, execution: &Execution<'_>) -> Result<Value, ApiError> {
        match command {
            Command::Create(new) => self.create(new, execution),
            Command::Retrieve(id) => Ok(self.find(id)?.to_json()),
            Command::List(query) => self.list(query),
            Command::Confirm(id, confirmation) => confirm(self.find(id)?, confirmation, execution),
            Command::Capture(id, amount) => {
                let intent = self.find(id)?;
                let captured = intent.capture(*amount)?;
                execution.record(intent, [captured]);
                Ok(intent.to_json())
            }
            Command::Cancel(id, reason) => {
                let intent = self.find(id)?;
                let freed = intent.cancel(*reason, execution.now)?;
                execution.record(intent, freed);
                Ok(intent.to_json())
            }
            Command::Refund(refund) => self.refund(refund, execution),
        }
    }

    fn find(&mut self, id: &str) -> Result<&mut Intent, ApiError> {
        self.intents.get_mut(id).ok_or_else(|| ApiError::no_such("payment_intent", id, "intent"))
    }

    fn create(&mut self, new: &NewIntent, execution: &Execution<'_>) -> Result<Value, ApiError> {
        let mut intent = Intent::new(new, execution.now)?;
        let answer = if new.confirm { confirm(&mut intent, &new.confirmation, execution) } else { Ok(intent.to_json()) };
        if answer.is_ok() || intent.declined().is_some() {
            self.order.push(intent.id.clone());
            self.intents.insert(intent.id.clone(), intent);
        }
        answer
    }

    fn list(&self, query: &ListQuery) -> Result<Value, ApiError> {
        let end = match &query.starting_after {
            None => self.order.len(),
            Some(id) => self
                .order
                .iter()
                .position(|known| known == id)
                .ok_or_else(|| ApiError::no_such_parameter("payment_intent", id, "starting_after"))?,
        };
        let newest_first = self.order.iter().take(end).rev().filter_map(|id| self.intents.get(id));
        let mut wanted = newest_first.filter(|intent| query.created_from.is_none_or(|from| intent.created >= from));
        let page: Vec<_> = wanted.by_ref().take(query.limit).map(Intent::to_json).collect();
        Ok(shapes::list(&page, wanted.next().is_some()))
    }

    fn refund(&mut self, refund: &NewRefund, execution: &Execution<'_>) -> Result<Value, ApiError> {
        let unknown = || ApiError::no_such("payment_intent", &refund.intent, "payment_intent");
        let intent = self.intents.get_mut(&refund.intent).ok_or_else(unknown)?;
        let refunded = intent.refund(refund.amount)?;
        execution.record(intent, [refunded]);
        Ok(intent.refund_to_json(&id("re"), refund, refunded.1, execution.now.as_second()))
    }
}

fn confirm(intent: &mut Intent, confirmation: &Confirmation, execution: &Execution<'_>) -> Result<Value, ApiError> {
    let moved = intent.confirm(confirmation, execution.declined, execution.now)?;
    execution.record(intent, moved);
    intent.declined().map_or_else(|| Ok(intent.to_json()), Err)
}
