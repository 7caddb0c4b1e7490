//! The payment providers' books against ours, and what an operator is told of them.

use serde::{Deserialize, Serialize};

use crate::{
    domain::{
        event::Provider,
        ids::{OrderId, RefundId},
        order::Order,
    },
    metrics,
    repositories::order_events::{AdvanceError, OrderEvents},
};

/// One difference. It names no person.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Difference {
    /// Whose book.
    pub provider: Provider,
    /// The provider's reference.
    pub reference: String,
    /// The order, if the payment names one.
    pub order_id: Option<OrderId>,
    /// What is wrong.
    pub problem: String,
}

impl Difference {
    /// Logs it, with the function that found it, and counts it: that raises the alarm.
    pub fn tell(&self, found_by: &str) {
        let Self { provider, reference, order_id, problem } = self;
        let order_id = order_id.as_ref().map(tracing::field::display);
        tracing::error!(%provider, reference, order_id, problem, found_by, "the books differ");
        metrics::count("MoneyDifference", &[("provider", provider.name())]);
    }
}

/// Logs a refund that its provider did not bring about, with the function that heard it, and counts it: that raises the alarm.
pub fn tell_failed_refund(order_id: &OrderId, refund: &RefundId, provider: Provider, reason: &str, heard_by: &str) {
    tracing::error!(%order_id, %refund, %provider, reason, heard_by, "the refund failed");
    metrics::count("RefundFailed", &[("provider", provider.name())]);
}

/// What `compare` finds wrong between a provider's word and the order's events. What happens while the provider is asked is no
/// difference: one stands in the events as they were `before` it was asked, and in those of now.
///
/// # Errors
/// [`AdvanceError`], when the events could not be read again.
pub async fn lasting_problems(
    events: &OrderEvents,
    before: &Order,
    compare: impl Fn(&Order) -> Vec<&'static str>,
) -> Result<Vec<&'static str>, AdvanceError> {
    let mut problems = compare(before);
    if !problems.is_empty() {
        let since = compare(&events.order(&before.id).await?);
        problems.retain(|problem| since.contains(problem));
    }
    Ok(problems)
}
