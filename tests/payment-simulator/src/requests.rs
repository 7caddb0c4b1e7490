//! The log of what providers were asked. It holds paths, never parameters: no token and no key is in it.

use std::{collections::BTreeMap, sync::Mutex};

use jiff::Timestamp;
use serde::Serialize;

use crate::{
    lock,
    operation::{Operation, Provider},
};

/// One request to a provider.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Entry {
    pub(crate) provider: Provider,
    pub(crate) method: String,
    pub(crate) path: String,
    /// None for a path that the provider does not have, and for a request for an access token.
    pub(crate) operation: Option<Operation>,
    pub(crate) order_id: Option<String>,
    /// The HTTP status answered; none while the request is under way, and for ever when its answer was lost.
    pub(crate) status: Option<u16>,
    pub(crate) at: Timestamp,
}

/// Names an entry until its answer is known.
#[derive(Clone, Copy, Debug)]
pub(crate) struct EntryId(u64);

#[derive(Debug, Default)]
struct Entries {
    next: u64,
    by_id: BTreeMap<u64, Entry>,
}

/// All requests, in the order in which they came.
#[derive(Debug, Default)]
pub(crate) struct RequestLog {
    entries: Mutex<Entries>,
}

impl RequestLog {
    /// Notes a request as it comes.
    pub(crate) fn arrived(&self, entry: Entry) -> EntryId {
        let mut entries = lock(&self.entries);
        let id = entries.next;
        entries.next += 1;
        entries.by_id.insert(id, entry);
        EntryId(id)
    }

    /// Notes what was answered.
    pub(crate) fn answered(&self, EntryId(id): EntryId, status: u16) {
        if let Some(entry) = lock(&self.entries).by_id.get_mut(&id) {
            entry.status = Some(status);
        }
    }

    /// All entries.
    pub(crate) fn entries(&self) -> Vec<Entry> {
        lock(&self.entries).by_id.values().cloned().collect()
    }

    /// Forgets everything.
    pub(crate) fn clear(&self) {
        lock(&self.entries).by_id.clear();
    }
}
