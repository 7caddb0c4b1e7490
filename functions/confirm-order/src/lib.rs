//! Writes that an order stands: its stock is held and its payment is authorised. It excludes `reject-order`.

use shared::{
    domain::order::Order,
    repositories::order_events::OrderEvents,
    saga::{OrderRef, StepError},
};

/// Appends `OrderConfirmed`. A repeat changes nothing.
///
/// # Errors
/// [`StepError::NotAllowed`] when the order is rejected, holds no stock or no payment; else as every step.
pub async fn handle(events: &OrderEvents, step: OrderRef) -> Result<OrderRef, StepError> {
    events.advance(&step.order_id, Order::confirm).await?;
    Ok(step)
}
