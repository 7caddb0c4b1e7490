//! Writes that an order is dead though nothing was refused: its deadline passed, or its payment is gone. Before it is
//! confirmed it excludes `confirm-order`. What it held is undone by `void-payment`, `release-inventory` and `refund-payment`.

use serde::{Deserialize, Serialize};
use shared::{
    domain::{event::Cancellation, ids::OrderId},
    repositories::order_events::OrderEvents,
    saga::{OrderRef, StepError},
};

/// The step's input: which order, and why.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct CancelOrder {
    /// The order.
    pub order_id: OrderId,
    /// Why.
    pub reason: Cancellation,
}

/// Appends `OrderCancelled`. An order that is cancelled already keeps its first reason.
///
/// # Errors
/// [`StepError::NotAllowed`] when the order's history contradicts the reason, or its money is being taken; else as every
/// step.
pub async fn handle(events: &OrderEvents, step: CancelOrder) -> Result<OrderRef, StepError> {
    events.advance(&step.order_id, |order| order.cancel(step.reason)).await?;
    Ok(OrderRef { order_id: step.order_id })
}
