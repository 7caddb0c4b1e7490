//! Records of the `OrderEvents` stream.

use aws_lambda_events::event::dynamodb::EventRecord;
use serde::Deserialize;

use crate::{
    dead_letters::DeadLetter,
    domain::{event::Event, ids::OrderId},
};

/// What can be told of a record even if it is no event that this version knows.
#[derive(Deserialize)]
struct Key {
    order_id: OrderId,
    sequence: u32,
}

/// The event in this record.
///
/// # Errors
/// A [`DeadLetter`] for a record that is none, with as much of its identity as can be read.
pub fn event_in(record: &EventRecord) -> Result<Event, DeadLetter> {
    serde_dynamo::from_item(record.change.new_image.clone()).map_err(|error| {
        let key = serde_dynamo::from_item::<_, Key>(record.change.keys.clone()).ok();
        let (order_id, sequence) = key.map_or((None, None), |key| (Some(key.order_id), Some(key.sequence)));
        DeadLetter { order_id, sequence, reason: format!("the record is no event: {error}") }
    })
}
