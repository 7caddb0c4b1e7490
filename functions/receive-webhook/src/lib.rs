//! `POST /v1/webhooks/stripe` and `/paypal`: a provider says that something changed. The event is a hint: the payment is read
//! again at the provider and applied through the same commands as everything else, in any order and any number of times.

use jiff::Timestamp;
use lambda_http::Request;
use serde_json::json;
use shared::{
    books::{Difference, lasting_problems, tell_failed_refund},
    domain::{
        event::Provider,
        ids::OrderId,
        order::{Attempt, Order, Outcome, RefundProgress},
        payment::{ListedRefund, PaymentState, RefundState},
    },
    http::{Answer, Problem, correlation_id, json_answer, route},
    idempotency::unavailable,
    metrics,
    payments::{
        PaymentError,
        providers::Providers,
        webhooks::{WebhookError, WebhookEvent, Webhooks},
    },
    repositories::{
        order_events::{AdvanceError, OrderEvents},
        webhook_events::WebhookEventsTable,
    },
    settlement::Settlement,
};

const MAX_BODY: usize = 256 * 1024;

/// What hearing works with.
#[derive(Debug)]
pub struct ReceiveWebhook {
    /// Whose word it is.
    pub webhooks: Webhooks,
    /// Which events were applied.
    pub applied: WebhookEventsTable,
    /// The orders.
    pub events: OrderEvents,
    /// Whom to ask again.
    pub providers: Providers,
    /// What goes on from there.
    pub settlement: Settlement,
}

impl ReceiveWebhook {
    /// Takes an event that its provider signed; one that was applied before changes nothing.
    ///
    /// # Errors
    /// A [`Problem`]: 400 for what is not the provider's, 503 for what must come again.
    pub async fn handle(&self, request: Request) -> Result<Answer, Problem> {
        let provider = match route(&request).as_str() {
            "POST /v1/webhooks/stripe" => Provider::Stripe,
            "POST /v1/webhooks/paypal" => Provider::Paypal,
            _ => return Err(Problem::method_not_allowed("POST")),
        };
        let body: &[u8] = request.body();
        if body.len() > MAX_BODY {
            let detail = format!("The body has {} bytes; at most {MAX_BODY} are taken.", body.len());
            return Err(Problem::new(413, "body_too_large", "The body is too large", detail));
        }
        let event = self.webhooks.receive(provider, request.headers(), body, Timestamp::now()).await;
        let event = event.map_err(|error| refused(provider, error))?;
        tracing::info!(%provider, event = event.id, kind = event.kind, order_id = event.order_id.as_ref().map(tracing::field::display), correlation_id = correlation_id(&request), "a webhook came");
        let applied = self.applied.was_applied(provider, &event.id, Timestamp::now()).await;
        if applied.map_err(|error| unavailable(&error))? {
            return Ok(received());
        }
        if let Err(reason) = self.apply(&event).await {
            tracing::warn!(event = event.id, reason, "the webhook was not applied; it comes again");
            return Err(Problem::overloaded());
        }
        if let Err(error) = self.applied.remember(provider, &event.id, Timestamp::now()).await {
            tracing::warn!(%error, "the event was not noted; a repeat is applied again, harmlessly");
        }
        Ok(received())
    }

    async fn apply(&self, event: &WebhookEvent) -> Result<(), String> {
        // Stripe's refunds name the payment alone.
        let named = match (&event.order_id, &event.reference) {
            (Some(order_id), _) => Some(order_id.clone()),
            (None, Some(reference)) => {
                let asked = self.providers.gateway(event.provider).order_of(reference).await;
                asked.map_err(|error| error.to_string())?
            }
            (None, None) => None,
        };
        let Some(order_id) = &named else { return Ok(()) };
        let order = match self.events.order(order_id).await {
            Ok(order) => order,
            // The account may serve others, and a lost race leaves objects that no event names.
            Err(AdvanceError::NoSuchOrder(_)) => return Ok(()),
            Err(error) => return Err(error.to_string()),
        };
        let ours = |attempt: &&Attempt| {
            attempt.provider == event.provider && event.reference.as_ref().is_none_or(|reference| *reference == attempt.reference)
        };
        let mut now = order.clone();
        for attempt in order.attempts().iter().filter(ours) {
            let state = self.ask(attempt).await.map_err(|error| error.to_string())?;
            now = self.observe(order_id, attempt.number, &state).await?.unwrap_or(now);
            now = self.refunds(now, attempt, event).await?;
        }
        self.go_on(&now, event).await?;
        tracing::info!(%order_id, event = event.id, kind = event.kind, "the webhook was applied");
        Ok(())
    }

    async fn ask(&self, attempt: &Attempt) -> Result<PaymentState, PaymentError> {
        self.providers.gateway(attempt.provider).read(&attempt.reference).await
    }

    /// Applies what the provider says. What the order's history forbids is left to its settlement.
    async fn observe(&self, order_id: &OrderId, attempt: u32, state: &PaymentState) -> Result<Option<Order>, String> {
        match self.events.advance(order_id, |order| order.observed(attempt, state)).await {
            Ok(order) => Ok(Some(order)),
            Err(AdvanceError::NotAllowed(refusal)) => {
                tracing::info!(%order_id, attempt, ?state, %refusal, "what the provider says is not to be applied");
                Ok(None)
            }
            Err(error) => Err(error.to_string()),
        }
    }

    /// Looks up every refund of this payment: one may fail long after it was said to be done, and one that somebody made in
    /// the provider's dashboard is told at once, like every difference that the reconciliation finds.
    async fn refunds(&self, order: Order, attempt: &Attempt, event: &WebhookEvent) -> Result<Order, String> {
        let has_some = !order.refunds().is_empty() || event.kind.to_ascii_lowercase().contains("refund");
        if !has_some || order.captured_attempt() != Some(attempt.number) {
            return Ok(order);
        }
        let listed = self.providers.gateway(attempt.provider).refunds(&attempt.reference).await;
        let listed = listed.map_err(|error| error.to_string())?;
        if is_hidden(&event.kind, &listed) {
            return Err("the provider tells that a refund failed, and shows none yet".into());
        }
        let mut now = order.clone();
        for refund in order.refunds() {
            let decided = match ListedRefund::state_of(&refund.id, &listed) {
                Some(RefundState::Refunded) => self.events.advance(&order.id, |order| order.finish_refund(&refund.id)).await,
                Some(RefundState::Failed(reason)) => {
                    // Told first: whoever dies in between tells it again.
                    if refund.progress != RefundProgress::Failed {
                        tell_failed_refund(&order.id, &refund.id, attempt.provider, reason, "receive-webhook");
                    }
                    self.events.advance(&order.id, |order| order.fail_refund(&refund.id, reason)).await
                }
                Some(RefundState::Pending) | None => continue,
            };
            match decided {
                Ok(order) => now = order,
                Err(AdvanceError::NotAllowed(_)) => {}
                Err(error) => return Err(error.to_string()),
            }
        }
        let compare = |order: &Order| order.refund_difference(&listed).into_iter().collect();
        for problem in lasting_problems(&self.events, &now, compare).await.map_err(|error| error.to_string())? {
            let (provider, reference, order_id) = (attempt.provider, attempt.reference.clone(), Some(order.id.clone()));
            Difference { provider, reference, order_id, problem: problem.into() }.tell("receive-webhook");
        }
        Ok(now)
    }

    /// A click that is still under way goes on by itself, and so does a confirmed order's capture; what was deferred or cancelled
    /// and still owes something is settled at once.
    async fn go_on(&self, order: &Order, event: &WebhookEvent) -> Result<(), String> {
        let under_way = match order.outcome() {
            Outcome::Open | Outcome::Rejected(_) => !order.was_deferred(),
            // Its capture has a subscriber of its own.
            Outcome::Confirmed { .. } => true,
            Outcome::Cancelled(_) => false,
        };
        if under_way || order.is_closed() {
            return Ok(());
        }
        // The event's own id: delivered twice, it starts one execution.
        let id: String = event.id.chars().filter(char::is_ascii_alphanumeric).take(40).collect();
        self.settlement.start(&order.id, &format!("{}-{id}", order.id)).await
    }
}

/// The event says that a refund failed, and what was read does not show it: taken for applied, it would never be heard of again.
fn is_hidden(kind: &str, listed: &[ListedRefund]) -> bool {
    kind.to_ascii_lowercase().ends_with("refund.failed")
        && !listed.iter().any(|refund| matches!(refund.state, RefundState::Failed(_)))
}

fn received() -> Answer {
    json_answer(200, json!({"received": true}).to_string())
}

fn refused(provider: Provider, error: WebhookError) -> Problem {
    match error {
        WebhookError::Rejected(reason) => {
            tracing::warn!(%provider, reason, "a webhook was rejected");
            metrics::count("WebhookRejected", &[("provider", provider.name())]);
            let detail = "This is not signed by the provider, for this shop, at this time; only the provider can send it.";
            Problem::new(400, "webhook_rejected", "The webhook is rejected", detail)
        }
        WebhookError::Unavailable(reason) => {
            tracing::error!(reason, "a webhook cannot be verified now");
            Problem::overloaded()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refund_that_failed_and_is_not_shown_is_asked_about_again() {
        let shown = |state| vec![ListedRefund { state, amount: None, name: None }];
        for kind in ["refund.failed", "PAYMENT.REFUND.FAILED"] {
            assert!(is_hidden(kind, &[]), "{kind}");
            assert!(is_hidden(kind, &shown(RefundState::Refunded)), "{kind}");
            assert!(!is_hidden(kind, &shown(RefundState::Failed("no".into()))), "{kind}");
        }
        assert!(!is_hidden("PAYMENT.CAPTURE.REFUNDED", &[]));
    }
}
