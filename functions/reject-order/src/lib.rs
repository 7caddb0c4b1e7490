//! Writes that an order is dead, and why. It excludes `confirm-order`; what is owed then (voiding, releasing) follows.

use serde::{Deserialize, Serialize};
use shared::{
    domain::{event::Rejection, ids::OrderId},
    repositories::order_events::OrderEvents,
    saga::{OrderRef, StepError},
};

/// The step's input: the order, and what ended it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct RejectOrder {
    /// The order.
    pub order_id: OrderId,
    /// Why.
    pub reason: Rejection,
}

/// Appends `OrderRejected`. An order that is rejected already keeps its first reason.
///
/// # Errors
/// [`StepError::NotAllowed`] when the order is confirmed or its history contradicts the reason; else as every step.
pub async fn handle(events: &OrderEvents, step: RejectOrder) -> Result<OrderRef, StepError> {
    events.advance(&step.order_id, |order| order.reject(&step.reason)).await?;
    Ok(OrderRef { order_id: step.order_id })
}
