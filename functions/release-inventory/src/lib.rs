//! Gives the stock of a dead order back: what undoes `reserve-inventory`.

use shared::{
    domain::order::Order,
    repositories::{inventory::InventoryTable, order_events::OrderEvents},
    saga::{OrderRef, StepError},
};

/// Gives the stock back and appends `InventoryReleased`, in one transaction. A repeat, or an order that held nothing,
/// changes nothing.
///
/// # Errors
/// [`StepError::NotAllowed`] while the order has not ended as rejected or cancelled; else as every step.
pub async fn handle(events: &OrderEvents, inventory: &InventoryTable, step: OrderRef) -> Result<OrderRef, StepError> {
    let give_back = |order: &Order| inventory.give_back(&order.quantities());
    events.advance_with(&step.order_id, Order::release, give_back).await?;
    Ok(step)
}
