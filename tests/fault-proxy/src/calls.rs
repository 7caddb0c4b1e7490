//! The log of calls, and the numbering that gives each its name.

use std::{
    collections::{HashMap, VecDeque},
    sync::Mutex,
};

use jiff::Timestamp;
use serde::Serialize;

use crate::{capacity::Units, faults::Kind, identity::Identity, lock};

/// How many calls are kept; older ones are forgotten, their numbering is not.
const KEPT: usize = 20_000;

/// One call, as it left its caller.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Call {
    /// Counts all calls, in the order in which they came.
    pub(crate) number: u64,
    pub(crate) order_id: Option<String>,
    #[serde(flatten)]
    pub(crate) identity: Identity,
    /// Counts the calls of one order that are alike in caller, service, operation and table, from 1.
    pub(crate) occurrence: u64,
    /// What a fault calls it by: `caller/service.Operation(Table)#occurrence`.
    pub(crate) name: String,
    /// The HTTP status answered; none while the call is under way, and for ever when it got no answer.
    pub(crate) status: Option<u16>,
    /// What was done to it.
    pub(crate) fault: Option<Kind>,
    /// The same for each try of one call, as AWS's clients send it.
    pub(crate) invocation_id: Option<String>,
    pub(crate) at: Timestamp,
    /// The size of its body.
    pub(crate) request_bytes: usize,
    /// The size of the answer's body, also of one that was lost; none without an answer.
    pub(crate) response_bytes: Option<usize>,
    #[serde(flatten)]
    pub(crate) units: Units,
}

/// What else is kept of a request.
#[derive(Debug)]
pub(crate) struct Received {
    pub(crate) invocation_id: Option<String>,
    pub(crate) bytes: usize,
}

/// What a call is known by from its arrival on.
#[derive(Clone, Debug)]
pub(crate) struct Named {
    pub(crate) number: u64,
    pub(crate) name: String,
}

#[derive(Debug, Default)]
struct Entries {
    count: u64,
    calls: VecDeque<Call>,
    occurrences: HashMap<(Option<String>, String), u64>,
    activity: HashMap<String, Activity>,
    emails: HashMap<String, Vec<String>>,
}

/// As long as it does not change, nothing happened to an order.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub(crate) struct Activity {
    /// How many calls were made for it.
    pub(crate) calls: u64,
    /// How many of them were answered.
    pub(crate) answered: u64,
}

/// The calls, oldest first.
#[derive(Debug, Default)]
pub(crate) struct CallLog {
    entries: Mutex<Entries>,
}

impl CallLog {
    /// Notes a call as it comes, and names it.
    pub(crate) fn arrived(&self, order_id: Option<String>, identity: Identity, request: Received) -> Named {
        let mut entries = lock(&self.entries);
        entries.count += 1;
        let number = entries.count;
        let kind = identity.to_string();
        let occurrences = entries.occurrences.entry((order_id.clone(), kind.clone())).or_default();
        *occurrences += 1;
        let occurrence = *occurrences;
        let name = format!("{kind}#{occurrence}");
        if entries.calls.len() == KEPT {
            entries.calls.pop_front();
        }
        if let Some(order_id) = &order_id {
            entries.activity.entry(order_id.clone()).or_default().calls += 1;
        }
        let units = Units::of_nothing(&identity);
        entries.calls.push_back(Call {
            number,
            order_id,
            identity,
            occurrence,
            name: name.clone(),
            status: None,
            fault: None,
            invocation_id: request.invocation_id,
            at: Timestamp::now(),
            request_bytes: request.bytes,
            response_bytes: None,
            units,
        });
        Named { number, name }
    }

    /// Notes the answer to a call.
    pub(crate) fn answered(&self, number: u64, order_id: Option<&str>, status: u16, response_bytes: usize) {
        if let Some(order_id) = order_id {
            lock(&self.entries).activity.entry(order_id.to_owned()).or_default().answered += 1;
        }
        self.change(number, |call| {
            call.status = Some(status);
            call.response_bytes = Some(response_bytes);
        });
    }

    /// Notes what became of a call; nothing, if it is forgotten.
    pub(crate) fn change(&self, number: u64, change: impl FnOnce(&mut Call)) {
        let mut entries = lock(&self.entries);
        let Ok(index) = entries.calls.binary_search_by_key(&number, |call| call.number) else { return };
        if let Some(call) = entries.calls.get_mut(index) {
            change(call);
        }
    }

    /// How much was called for an order. None is forgotten.
    pub(crate) fn activity(&self, order_id: &str) -> Activity {
        lock(&self.entries).activity.get(order_id).copied().unwrap_or_default()
    }

    /// Notes that SES took an e-mail about an order.
    pub(crate) fn email_taken(&self, order_id: &str, subject: String) {
        lock(&self.entries).emails.entry(order_id.to_owned()).or_default().push(subject);
    }

    /// The subjects of the e-mails about an order that SES took, whoever heard of it, oldest first. None is forgotten.
    pub(crate) fn emails(&self, order_id: &str) -> Vec<String> {
        lock(&self.entries).emails.get(order_id).cloned().unwrap_or_default()
    }

    /// All calls that are kept, or those of one order.
    pub(crate) fn calls(&self, order_id: Option<&str>) -> Vec<Call> {
        let wanted = |call: &&Call| order_id.is_none() || call.order_id.as_deref() == order_id;
        lock(&self.entries).calls.iter().filter(wanted).cloned().collect()
    }

    /// Forgets all calls and e-mails, and starts their occurrences at 1 again. Numbers go on.
    pub(crate) fn clear(&self) {
        let mut entries = lock(&self.entries);
        entries.calls.clear();
        entries.occurrences.clear();
        entries.activity.clear();
        entries.emails.clear();
    }
}

/// Whether this can be a call's name.
pub(crate) fn is_name(text: &str) -> bool {
    let Some((kind, occurrence)) = text.rsplit_once('#') else { return false };
    let Some((caller, operation)) = kind.split_once('/') else { return false };
    let Some((service, operation)) = operation.split_once('.') else { return false };
    let is_number = !occurrence.starts_with(['0', '+']) && occurrence.parse::<u64>().is_ok();
    is_number && ![caller, service, operation].contains(&"")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_has_a_caller_a_service_an_operation_and_an_occurrence() {
        for good in ["a-b/stripe.ConfirmPaymentIntent#1", "checkout/dynamodb.PutItem(IdempotencyKeysTable)#12"] {
            assert!(is_name(good), "{good}");
        }
        for bad in ["", "a/b.C", "a/b.C#0", "a/b.C#x", "a/b.C#+1", "b.C#1", "a/C#1", "/b.C#1", "a/.C#1", "a/b.#1"] {
            assert!(!is_name(bad), "{bad}");
        }
    }
}
