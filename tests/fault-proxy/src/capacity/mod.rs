//! What DynamoDB bills for a call, computed from the request and the answer as its developer guide tells.
//!
//! Writes to indexes are not counted, nor what a filter or a projection hides: neither stands in a call.

mod item_size;

use serde::Serialize;
use serde_json::Value;

use self::item_size::{item_size, value_size};
use crate::identity::Identity;

const TARGET: &str = "x-amz-target";
const TARGET_PREFIX: &str = "DynamoDB_";
const WRITE_UNIT: u64 = 1024;
const READ_UNIT: u64 = 4096;

/// What a call costs; none for a call to something else than DynamoDB.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub(crate) struct Units {
    write_units: Option<u64>,
    read_units: Option<f64>,
}

impl Units {
    /// Of a call that did not get through.
    pub(crate) fn of_nothing(identity: &Identity) -> Self {
        if identity.service == "dynamodb" { Self::new(0, 0.0) } else { Self::default() }
    }

    fn new(write: u64, read: f64) -> Self {
        Self { write_units: Some(write), read_units: Some(read) }
    }

    fn write(units: u64) -> Self {
        Self::new(units, 0.0)
    }

    fn read(units: f64) -> Self {
        Self::new(0, units)
    }
}

/// A call to DynamoDB, as far as it is understood.
#[derive(Clone, Debug)]
pub(crate) struct TableCall {
    operation: String,
    body: Value,
}

impl TableCall {
    /// None, unless it is one.
    pub(crate) fn parse(headers: &hyper::HeaderMap, body: &[u8]) -> Option<Self> {
        let (prefix, operation) = headers.get(TARGET)?.to_str().ok()?.rsplit_once('.')?;
        let is_table_call = prefix.starts_with(TARGET_PREFIX);
        let body = if is_table_call { serde_json::from_slice(body).unwrap_or_default() } else { Value::Null };
        is_table_call.then(|| Self { operation: operation.to_owned(), body })
    }

    /// The table: the first one, in a transaction by its items, in a batch by the tables' names.
    pub(crate) fn table(&self) -> Option<String> {
        let own = self.body["TableName"].as_str();
        let in_transaction = || actions(&self.body).next().and_then(|action| action["TableName"].as_str());
        let in_batch = || tables(&self.body["RequestItems"]).map(|(name, _)| name.as_str()).min();
        own.or_else(in_transaction).or_else(in_batch).map(str::to_owned)
    }

    /// How many items it writes or reads in one transaction; none, if it is not a transaction.
    pub(crate) fn transaction_items(&self) -> Option<usize> {
        self.body["TransactItems"].as_array().map(Vec::len)
    }

    /// What it cost, by its answer. A write whose condition failed costs what it would have cost; other errors nothing.
    pub(crate) fn units(&self, status: u16, answer: &[u8]) -> Units {
        let answer: Value = serde_json::from_slice(answer).unwrap_or_default();
        let code = answer["__type"].as_str().unwrap_or_default();
        let wrote = status == 200 || code.ends_with("ConditionalCheckFailedException");
        match self.operation.as_str() {
            "PutItem" | "UpdateItem" | "DeleteItem" if wrote => Units::write(write_units(self.written(&answer))),
            "TransactWriteItems" if status == 200 || code.ends_with("TransactionCanceledException") => {
                Units::write(actions(&self.body).map(|action| 2 * write_units(action_size(action))).sum())
            }
            "BatchWriteItem" if status == 200 => Units::write(self.batch_write()),
            "GetItem" if status == 200 => Units::read(read_units(map_size(&answer["Item"]), is_consistent(&self.body))),
            "Query" | "Scan" if status == 200 => {
                let size = array(&answer["Items"]).map(map_size).sum();
                Units::read(read_units(size, is_consistent(&self.body)))
            }
            "BatchGetItem" if status == 200 => Units::read(self.batch_read(&answer)),
            "TransactGetItems" if status == 200 => {
                Units::read(array(&answer["Responses"]).map(|found| 2.0 * read_units(map_size(&found["Item"]), true)).sum())
            }
            _ => Units::new(0, 0.0),
        }
    }

    /// The larger of the item that is written, as far as it is known, and the one that is told to have been there.
    fn written(&self, answer: &Value) -> u64 {
        action_size(&self.body).max(map_size(&answer["Attributes"])).max(map_size(&answer["Item"]))
    }

    fn batch_write(&self) -> u64 {
        let requests = tables(&self.body["RequestItems"]).flat_map(|(_, requests)| array(requests));
        requests.map(|request| write_units(map_size(&request["PutRequest"]["Item"]))).sum()
    }

    /// Each item for itself; a key without an item costs the least.
    fn batch_read(&self, answer: &Value) -> f64 {
        let of_table = |(name, keys): (&String, &Value)| {
            let consistent = is_consistent(keys);
            let found: Vec<f64> = array(&answer["Responses"][name]).map(|item| read_units(map_size(item), consistent)).collect();
            let unread = array(&answer["UnprocessedKeys"][name]["Keys"]).count();
            let missing = array(&keys["Keys"]).count().saturating_sub(found.len() + unread);
            found.into_iter().sum::<f64>() + std::iter::repeat_n(read_units(0, consistent), missing).sum::<f64>()
        };
        tables(&self.body["RequestItems"]).map(of_table).sum()
    }
}

/// The single writes or reads of a transaction: what stands behind `Put`, `Update` and so on.
fn actions(body: &Value) -> impl Iterator<Item = &Value> {
    array(&body["TransactItems"]).filter_map(|item| item.as_object()?.values().next())
}

fn array(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

fn tables(value: &Value) -> impl Iterator<Item = (&String, &Value)> {
    value.as_object().into_iter().flatten()
}

/// Of the item put; without one, of the key and the expression's values: the item itself is not in the call.
fn action_size(action: &Value) -> u64 {
    if action["Item"].is_object() {
        return map_size(&action["Item"]);
    }
    let values = tables(&action["ExpressionAttributeValues"]).map(|(_, value)| value_size(value)).sum::<u64>();
    map_size(&action["Key"]) + values
}

fn map_size(item: &Value) -> u64 {
    item.as_object().map_or(0, item_size)
}

fn is_consistent(request: &Value) -> bool {
    request["ConsistentRead"] == Value::Bool(true)
}

fn write_units(size: u64) -> u64 {
    size.div_ceil(WRITE_UNIT).max(1)
}

/// Halves of units are exact in an `f64`.
fn read_units(size: u64, consistent: bool) -> f64 {
    let whole = u32::try_from(size.div_ceil(READ_UNIT).max(1)).unwrap_or(u32::MAX);
    if consistent { f64::from(whole) } else { f64::from(whole) / 2.0 }
}
