//! Keeps `CustomerOrders`, the view behind customers' lists: by `sequence`, not by arrival.

use std::collections::BTreeMap;

use aws_lambda_events::event::dynamodb::Event as StreamBatch;
use lambda_runtime::Error;
use shared::{
    dead_letters::{DeadLetter, DeadLetterQueue},
    domain::ids::OrderId,
    repositories::{
        RepositoryError,
        customer_orders::{CustomerOrdersTable, OrderRow},
        order_events::{AdvanceError, OrderEvents},
    },
    stream::event_in,
};

/// What the projection works with.
#[derive(Debug)]
pub struct ProjectOrders {
    /// The truth.
    pub events: OrderEvents,
    /// The view.
    pub view: CustomerOrdersTable,
    /// Where poison goes.
    pub dead_letters: DeadLetterQueue,
}

impl ProjectOrders {
    /// Puts the row of every order in the batch as that order is now. A repeat, or a batch that comes late, changes nothing.
    ///
    /// # Errors
    /// What may pass: the batch comes again. What cannot pass goes into the dead letters, and the rest goes on.
    pub async fn handle(&self, batch: StreamBatch) -> Result<(), Error> {
        let mut latest: BTreeMap<OrderId, u32> = BTreeMap::new();
        for record in &batch.records {
            match event_in(record) {
                Ok(event) => {
                    let sequence = latest.entry(event.order_id).or_default();
                    *sequence = event.sequence.max(*sequence);
                }
                Err(letter) => self.dead_letters.put(&letter).await?,
            }
        }
        for (order_id, sequence) in latest {
            self.project(order_id, sequence).await?;
        }
        Ok(())
    }

    async fn project(&self, order_id: OrderId, sequence: u32) -> Result<(), Error> {
        match self.events.order(&order_id).await {
            Ok(order) => {
                let later = !self.view.put_if_later(&OrderRow::of(&order)).await?;
                tracing::info!(%order_id, sequence = order.sequence, overtaken = later, "projected");
                Ok(())
            }
            Err(
                invalid @ (AdvanceError::Invalid(_)
                | AdvanceError::NoSuchOrder(_)
                | AdvanceError::Repository(RepositoryError::Item { .. })),
            ) => {
                let letter = DeadLetter { order_id: Some(order_id), sequence: Some(sequence), reason: invalid.to_string() };
                self.dead_letters.put(&letter).await
            }
            Err(error) => Err(error.into()),
        }
    }
}
