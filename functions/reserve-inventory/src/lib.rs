//! Holds every line's stock for an order: all lines or none. Undone by `release-inventory`.

use shared::{
    domain::order::{Decision, Order},
    repositories::{
        inventory::{InventoryTable, shortages},
        order_events::{AdvanceError, OrderEvents},
    },
    saga::{OrderRef, OutOfStock, StepError},
};

/// Takes the stock and appends `InventoryReserved`, in one transaction. A repeat finds the event and takes nothing.
///
/// # Errors
/// [`StepError::OutOfStock`] with every SKU that fell short, its lines summed; else as every step.
pub async fn handle(events: &OrderEvents, inventory: &InventoryTable, step: OrderRef) -> Result<OrderRef, StepError> {
    let take = |order: &Order| inventory.take(&order.quantities());
    match events.advance_with(&step.order_id, Order::reserve, take).await {
        Ok(_) => Ok(step),
        Err(AdvanceError::Refused(reasons)) => {
            let order = events.order(&step.order_id).await?;
            // Another executor may have reserved since: then the order is not out of stock.
            if order.reserve() == Decision::AlreadyDone {
                return Ok(step);
            }
            Err(StepError::OutOfStock(OutOfStock { items: shortages(&order.quantities(), &reasons) }))
        }
        Err(error) => Err(error.into()),
    }
}
