//! Idempotency keys as providers keep them: the first request under a key is executed, its answer is saved, and the key
//! is forgotten after a while.

use std::{collections::HashMap, sync::Mutex, time::Duration};

use jiff::Timestamp;

use crate::lock;

/// What a key stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Fingerprint {
    /// Method and path.
    pub(crate) endpoint: String,
    /// The parameters, in an order of their own.
    pub(crate) parameters: String,
}

/// What became of a claim on a key.
#[derive(Debug)]
pub(crate) enum Claim<Answer> {
    /// The key is new: execute, then [`Keys::save`].
    Execute(Ticket),
    /// The same request was executed: its saved answer.
    Replay(Answer),
    /// The same request is being executed.
    InFlight,
    /// The key stands for another request: this one.
    Other(Fingerprint),
}

/// The right to save an answer under a key.
#[derive(Debug)]
pub(crate) struct Ticket {
    key: String,
    number: u64,
}

#[derive(Debug)]
struct Entry<Answer> {
    fingerprint: Fingerprint,
    claimed_at: Timestamp,
    number: u64,
    answer: Option<Answer>,
}

#[derive(Debug)]
struct Entries<Answer> {
    claims: u64,
    by_key: HashMap<String, Entry<Answer>>,
}

/// All keys of one provider.
#[derive(Debug)]
pub(crate) struct Keys<Answer> {
    retention: Duration,
    entries: Mutex<Entries<Answer>>,
}

impl<Answer: Clone> Keys<Answer> {
    /// Forgets a key when it is as old as `retention`.
    pub(crate) fn new(retention: Duration) -> Self {
        Self { retention, entries: Mutex::new(Entries { claims: 0, by_key: HashMap::new() }) }
    }

    /// Claims a key for a request; of requests at once, one executes.
    pub(crate) fn claim(&self, key: &str, fingerprint: Fingerprint, now: Timestamp) -> Claim<Answer> {
        let mut entries = lock(&self.entries);
        if let Some(entry) = entries.by_key.get(key)
            && now.duration_since(entry.claimed_at).as_secs() < self.retention.as_secs().cast_signed()
        {
            return match &entry.answer {
                _ if entry.fingerprint != fingerprint => Claim::Other(entry.fingerprint.clone()),
                Some(answer) => Claim::Replay(answer.clone()),
                None => Claim::InFlight,
            };
        }
        entries.claims += 1;
        let number = entries.claims;
        entries.by_key.insert(key.into(), Entry { fingerprint, claimed_at: now, number, answer: None });
        Claim::Execute(Ticket { key: key.into(), number })
    }

    /// Saves what a claimed request was answered, unless the key was forgotten meanwhile.
    pub(crate) fn save(&self, ticket: &Ticket, answer: Answer) {
        if let Some(entry) = lock(&self.entries).by_key.get_mut(&ticket.key)
            && entry.number == ticket.number
        {
            entry.answer = Some(answer);
        }
    }

    /// Forgets all keys.
    pub(crate) fn clear(&self) {
        lock(&self.entries).by_key.clear();
    }
}
