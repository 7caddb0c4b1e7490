//! Names what an order still owes: the settlement does it, waits while nothing changes, and asks again.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use shared::{
    domain::{
        ids::OrderId,
        order::{Deadlines, Order, Owed},
    },
    metrics,
    repositories::order_events::{AdvanceError, OrderEvents},
    saga::StepError,
};

/// So many rounds fit into the history of one execution, of 25,000 events: some two days at the longest wait. Then it fails,
/// which rings, and the guard starts another.
const MOST_ROUNDS: u32 = 600;

/// An authorisation that ends within this time, and is not captured yet, is told.
const SOON: SignedDuration = SignedDuration::from_hours(24);

/// What the plan goes by.
#[derive(Debug)]
pub struct PlanSettlement {
    /// The order.
    pub events: OrderEvents,
    /// How long an open order waits.
    pub deadlines: Deadlines,
    /// The first wait between two rounds in which nothing changed, in seconds; it doubles from round to round.
    pub first_wait: u64,
    /// The longest, in seconds.
    pub longest_wait: u64,
    /// Before a cancelled order begins another refund, after the first that failed; three times as long after each further one.
    pub refund_pause: SignedDuration,
}

/// The step's input: the order, and what the round before came to, if there was one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Round {
    /// The order.
    pub order_id: OrderId,
    /// Its last event then.
    #[serde(default)]
    pub sequence: u32,
    /// How many rounds changed nothing.
    #[serde(default)]
    pub idle: u32,
    /// How many there were.
    #[serde(default)]
    pub round: u32,
    /// An operator starts it: a refund that failed is begun again at once.
    #[serde(default)]
    pub by_hand: bool,
    /// Only to see what is owed: nothing is written, and nothing counted.
    #[serde(default)]
    pub dry_run: bool,
}

/// What to do now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Plan {
    /// As the next round's input.
    #[serde(flatten)]
    pub round: Round,
    /// Nothing is owed any more.
    pub is_closed: bool,
    /// No more rounds fit into this execution.
    pub history_is_full: bool,
    /// Before the steps, in seconds.
    pub wait_seconds: u64,
    /// What is owed; none waits for another.
    pub steps: Vec<Step>,
}

/// One function to run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Step {
    /// The state's name.
    pub name: &'static str,
    /// The function's input.
    pub input: Value,
}

impl PlanSettlement {
    /// What the order owes now. A repeat answers the same while nothing changes.
    ///
    /// # Errors
    /// As every step.
    pub async fn handle(&self, last: Round, now: Timestamp) -> Result<Plan, StepError> {
        let order = self.events.order(&last.order_id).await?;
        let order = if last.dry_run { order } else { self.deferred(order, now).await? };
        Ok(self.plan(&order, &last, now))
    }

    /// An open order that is settled has outlived its click. Who had to answer that may have died before it was written, and
    /// she is written to only about an order that was deferred. One whose time is over is cancelled, and asks her for nothing.
    async fn deferred(&self, order: Order, now: Timestamp) -> Result<Order, StepError> {
        let is_over = |order: &Order| order.owes_at(now, &self.deadlines).iter().any(|owed| matches!(owed, Owed::Cancel(_)));
        if !order.is_open() || order.was_deferred() || is_over(&order) {
            return Ok(order);
        }
        match self.events.advance(&order.id, |order| order.defer(true)).await {
            Err(AdvanceError::NotAllowed(_)) => Ok(self.events.order(&order.id).await?),
            deferred => Ok(deferred?),
        }
    }

    fn plan(&self, order: &Order, last: &Round, now: Timestamp) -> Plan {
        let moved = last.round == 0 || order.sequence > last.sequence;
        let round = Round {
            order_id: order.id.clone(),
            sequence: order.sequence,
            idle: if moved { 0 } else { last.idle + 1 },
            round: last.round + 1,
            by_hand: false,
            dry_run: last.dry_run,
        };
        let mut owed = order.owes_at(now, &self.deadlines);
        if !last.by_hand && order.refund_pauses_until(self.refund_pause).is_some_and(|until| now < until) {
            owed.retain(|owed| *owed != Owed::Refund);
        }
        if !last.dry_run && ends_soon(order, now) {
            tracing::warn!(order_id = %order.id, "the authorisation ends within a day and is not captured");
            metrics::count("AuthorizationEndsSoon", &[]);
        }
        let wait_seconds = if moved { 0 } else { self.wait(round.idle) };
        tracing::info!(order_id = %order.id, sequence = order.sequence, ?owed, wait_seconds, "settling");
        let steps = owed.iter().map(|owed| step(order, owed)).collect();
        Plan { is_closed: order.is_closed(), history_is_full: round.round > MOST_ROUNDS, round, wait_seconds, steps }
    }

    /// 10 s, 20 s, 40 s … 5 minutes, as it is configured.
    fn wait(&self, idle: u32) -> u64 {
        let doubled = self.first_wait.saturating_mul(2_u64.saturating_pow(idle.saturating_sub(1)));
        doubled.min(self.longest_wait)
    }
}

/// The order's money is held, not taken, and the hold ends within a day.
fn ends_soon(order: &Order, now: Timestamp) -> bool {
    order.capture_before().is_some_and(|end| end.duration_since(now) < SOON)
}

fn step(order: &Order, owed: &Owed) -> Step {
    let order_id = &order.id;
    let plain = |name| Step { name, input: json!({"order_id": order_id}) };
    match owed {
        Owed::Reserve => plain("ReserveInventory"),
        Owed::Authorize { .. } => plain("AuthorizePayment"),
        Owed::Confirm => plain("ConfirmOrder"),
        Owed::Void { .. } => plain("VoidPayment"),
        Owed::Release => plain("ReleaseInventory"),
        Owed::Capture { .. } => plain("CapturePayment"),
        Owed::Refund => {
            Step { name: "RefundPayment", input: json!({"order_id": order_id, "failed": order.failed_cancellation_refunds()}) }
        }
        Owed::Reject(reason) => Step { name: "RejectOrder", input: json!({"order_id": order_id, "reason": reason}) },
        Owed::Cancel(reason) => Step { name: "CancelOrder", input: json!({"order_id": order_id, "reason": reason}) },
    }
}

/// Every state that a plan may name.
pub const STEPS: [&str; 9] = [
    "ReserveInventory",
    "AuthorizePayment",
    "ConfirmOrder",
    "VoidPayment",
    "ReleaseInventory",
    "CapturePayment",
    "RefundPayment",
    "RejectOrder",
    "CancelOrder",
];

#[cfg(test)]
mod tests;
