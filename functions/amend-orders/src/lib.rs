//! `POST /v1/orders/{order_id}/cancel` and `POST /v1/orders/{order_id}/refunds`: writes what is wanted into the order's events.
//! What follows from it (void, refund, stock back) is owed, and the settlement does it.

use lambda_http::{Request, RequestExt};
use serde_json::{Value, json};
use shared::{
    domain::{
        event::Cancellation,
        ids::{CustomerId, OrderId, RefundId},
        money::Money,
        order::{Decision, Order, RefundProgress, Refusal},
    },
    http::{Answer, Caller, FieldError, Problem, correlation_id, route},
    idempotency::{self, Done, Keyed, fingerprint, json_body, key_of, unavailable},
    order_view,
    payments::providers::is_countable,
    repositories::{
        idempotency_keys::{IdempotencyKeysTable, SavedAnswer},
        order_events::{AdvanceError, OrderEvents},
    },
    settlement::Settlement,
};

const CANCEL: &str = "POST /v1/orders/{order_id}/cancel";
const REFUND: &str = "POST /v1/orders/{order_id}/refunds";

/// What amending works with.
#[derive(Debug)]
pub struct AmendOrders {
    /// Who works on which request.
    pub keys: IdempotencyKeysTable,
    /// The orders.
    pub events: OrderEvents,
    /// What does what is owed then.
    pub settlement: Settlement,
}

impl AmendOrders {
    /// Takes the request and answers with the order as it then is. A repeat with the same key gets the same answer.
    ///
    /// # Errors
    /// A [`Problem`]. Nothing was changed, but for a 503, which leaves it unknown: a repeat finds out.
    pub async fn handle(&self, request: Request) -> Result<Answer, Problem> {
        let route = route(&request);
        if route != CANCEL && route != REFUND {
            return Err(Problem::method_not_allowed("POST"));
        }
        let caller = Caller::of(&request)?;
        let key = key_of(&request)?;
        let order = self.reachable(&caller, &request).await?;
        let body = if request.body().is_empty() { json!({}) } else { json_body(&request)? };
        let fingerprint = fingerprint(&order.id, &body);
        tracing::info!(order_id = %order.id, route, correlation_id = correlation_id(&request), "amending");
        let keyed = Keyed { customer: &caller.customer_id, route: &route, key: &key, fingerprint: &fingerprint };
        if route == CANCEL {
            refuse_members(&body, &[])?;
            let is_hers = order.placed.customer_id == caller.customer_id;
            let reason = if is_hers { Cancellation::CustomerRequest } else { Cancellation::ShopRequest };
            Box::pin(idempotency::once(&self.keys, keyed, self.cancel(&order, reason))).await
        } else {
            if !caller.is_admin() {
                return Err(Problem::forbidden("Only an administrator gives money back; a customer may cancel her order."));
            }
            let amount = amount(&body)?;
            countable(&order, amount)?;
            let refund = refund_of(&order.id, &caller.customer_id, &key);
            Box::pin(idempotency::once(&self.keys, keyed, self.refund(&order, refund, amount))).await
        }
    }

    /// The order that the path names, if it is the caller's, or the caller runs the shop.
    async fn reachable(&self, caller: &Caller, request: &Request) -> Result<Order, Problem> {
        let none = || Problem::not_found("You have no such order; see GET /v1/orders.");
        let order_id: OrderId = request.path_parameters().first("order_id").and_then(|id| id.parse().ok()).ok_or_else(none)?;
        match self.events.order(&order_id).await {
            Ok(order) if order.placed.customer_id == caller.customer_id || caller.is_admin() => Ok(order),
            Ok(_) | Err(AdvanceError::NoSuchOrder(_)) => Err(none()),
            Err(error) => Err(unavailable(&error)),
        }
    }

    async fn cancel(&self, order: &Order, reason: Cancellation) -> Done {
        let outcome = self.amend(order, "cancel", |order| order.cancel(reason)).await;
        match outcome {
            Ok(order) => kept(200, &order_view::body(&order), false),
            Err(done) => done,
        }
    }

    async fn refund(&self, order: &Order, refund: RefundId, amount: Money) -> Done {
        // It outlives the answer that was kept.
        let known = order.refund(&refund).map(|refund| refund.amount);
        if known.is_some_and(|known| known != amount) {
            return Done::Nothing(idempotency::key_reused());
        }
        let outcome = self.amend(order, refund.as_str(), |order| order.start_refund(&refund, amount)).await;
        match outcome {
            Ok(order) => {
                let progress = order.refund(&refund).map(|refund| refund.progress);
                let status = match progress {
                    Some(RefundProgress::Refunded) => "refunded",
                    Some(RefundProgress::Failed) => "failed",
                    Some(RefundProgress::Started) | None => "pending",
                };
                kept(
                    202,
                    &json!({"refund_id": refund, "order_id": order.id, "amount": amount, "status": status}),
                    known.is_some(),
                )
            }
            Err(done) => done,
        }
    }

    /// Appends what was decided, and has the settlement do what is owed then. Should this function die in between, the
    /// guard sees to it.
    async fn amend(&self, order: &Order, name: &str, decide: impl Fn(&Order) -> Decision) -> Result<Order, Done> {
        match self.events.advance(&order.id, decide).await {
            Ok(amended) => {
                if !amended.is_closed()
                    && let Err(error) = self.settlement.start(&order.id, &format!("{}-{name}", order.id)).await
                {
                    tracing::error!(order_id = %order.id, error, "the settlement was not started; the guard starts it");
                }
                Ok(amended)
            }
            Err(AdvanceError::NotAllowed(refusal)) => Err(Done::Nothing(refused(refusal))),
            Err(error) => Err(Done::Unknown(unavailable(&error))),
        }
    }
}

/// The refund that this administrator's key stands for; another's is another refund, though it may look the same.
fn refund_of(order_id: &OrderId, administrator: &CustomerId, key: &str) -> RefundId {
    RefundId::for_request(order_id, &format!("{administrator}#{key}"))
}

fn kept(status: u16, body: &Value, repeated: bool) -> Done {
    Done::Kept { answer: SavedAnswer { status, body: body.to_string(), headers: Vec::new() }, repeated }
}

fn refused(refusal: Refusal) -> Problem {
    match refusal {
        Refusal::CaptureUnderWay => {
            let detail = "The payment is being taken at this moment. Try again after the time in Retry-After.";
            Problem::new(409, "order_busy", "The order is busy", detail).retry_after(2)
        }
        Refusal::ExceedsCapture => Problem::new(
            409,
            "refund_exceeds_capture",
            "So much cannot be given back",
            "All refunds together may not exceed what was captured, in its own currency, and each must be more than nothing.",
        ),
        Refusal::NotCaptured => Problem::new(
            409,
            "order_not_refundable",
            "The order cannot be refunded",
            "Nothing was captured for this order. Cancel it instead; a hold on the payment is freed then.",
        ),
        other => {
            let detail = format!("This cannot be done any more: {other}.");
            Problem::new(409, "order_not_cancellable", "The order cannot be cancelled", detail)
        }
    }
}

fn amount(body: &Value) -> Result<Money, Problem> {
    refuse_members(body, &["amount"])?;
    let wrong = || {
        let detail = r#"must be {"amount": whole minor units from 1, "currency": the order's ISO 4217 code}"#;
        Problem::validation(&[FieldError::new("/amount", detail)])
    };
    let money: Option<Money> = serde_json::from_value(body["amount"].clone()).ok();
    money.filter(|money| money.amount > 0).ok_or_else(wrong)
}

/// Whether the provider that took the money can give back exactly this much.
fn countable(order: &Order, amount: Money) -> Result<(), Problem> {
    let Some(captured) = order.captured_attempt().and_then(|number| order.attempt(number)) else { return Ok(()) };
    is_countable(captured.provider, amount).map_err(|reason| Problem::validation(&[FieldError::new("/amount", reason)]))
}

fn refuse_members(body: &Value, known: &[&str]) -> Result<(), Problem> {
    let Some(members) = body.as_object() else {
        return Err(Problem::validation(&[FieldError::new("", "must be a JSON object")]));
    };
    let unknown = members.keys().filter(|name| !known.contains(&name.as_str()));
    let errors: Vec<_> =
        unknown.map(|name| FieldError::new(format!("/{name}"), "is not a field of this object; remove it")).collect();
    if errors.is_empty() { Ok(()) } else { Err(Problem::validation(&errors)) }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use shared::domain::{
        event::{Event, Fact, Line, OrderPlaced, Provider},
        money::Currency,
    };

    use super::*;

    #[test]
    fn an_amount_is_whole_minor_units_and_more_than_nothing() {
        assert_eq!(amount(&json!({"amount": {"amount": 5, "currency": "USD"}})).unwrap().amount, 5);
        for wrong in [json!({}), json!({"amount": 5}), json!({"amount": {"amount": 0, "currency": "USD"}}), json!([])] {
            assert_eq!(amount(&wrong).unwrap_err().code, "validation_failed", "{wrong}");
        }
        let misspelt = json!({"amount": {"amount": 5, "currency": "USD"}, "amuont": 1});
        assert_eq!(amount(&misspelt).unwrap_err().code, "validation_failed");
    }

    #[test]
    fn two_administrators_with_the_same_key_refund_twice() {
        let order_id: OrderId = "ord_00000000000000000000000000000001".parse().unwrap();
        let refund = |administrator: &str| refund_of(&order_id, &CustomerId(administrator.into()), "key");
        assert_eq!(refund("amina"), refund("amina"));
        assert_ne!(refund("amina"), refund("nadia"));
    }

    #[test]
    fn no_more_of_a_currency_is_given_back_than_its_provider_counts() {
        let money = |amount| Money { amount, currency: Currency::HUF };
        let line = Line { sku: "mug".parse().unwrap(), name: "Mug".into(), quantity: 1, unit_price: money(20_000) };
        let paid = |provider| {
            let placed = OrderPlaced {
                customer_id: CustomerId("kareem".into()),
                fingerprint: "f".into(),
                items: vec![line.clone()],
                total: money(20_000),
                payment_methods: vec![provider],
            };
            let facts = [
                Fact::OrderPlaced(placed),
                Fact::InventoryReserved {},
                Fact::PaymentPrepared { attempt: 1, provider, reference: "A".into() },
                Fact::PaymentAuthorized { attempt: 1, capture_before: None },
                Fact::OrderConfirmed { attempt: 1 },
                Fact::CaptureStarted { attempt: 1 },
                Fact::PaymentCaptured { attempt: 1 },
            ];
            let order_id: OrderId = "ord_00000000000000000000000000000001".parse().unwrap();
            let event = |(sequence, fact)| Event { order_id: order_id.clone(), sequence, at: Timestamp::UNIX_EPOCH, fact };
            Order::from_events(&(1..).zip(facts).map(event).collect::<Vec<_>>()).unwrap()
        };
        let refused = countable(&paid(Provider::Paypal), money(1050)).unwrap_err();
        assert_eq!((refused.status, refused.code), (400, "validation_failed"));
        assert!(refused.body("i").contains("paypal takes whole units of HUF only"), "{}", refused.body("i"));
        assert!(countable(&paid(Provider::Paypal), money(1000)).is_ok());
        assert!(countable(&paid(Provider::Stripe), money(1050)).is_ok());
    }

    #[test]
    fn a_refusal_tells_what_to_do() {
        assert_eq!(refused(Refusal::CaptureUnderWay).code, "order_busy");
        assert_eq!(refused(Refusal::Rejected).code, "order_not_cancellable");
        assert_eq!(refused(Refusal::ExceedsCapture).code, "refund_exceeds_capture");
        assert_eq!(refused(Refusal::NotCaptured).code, "order_not_refundable");
    }
}
