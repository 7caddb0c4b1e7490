//! `POST /v1/checkout`: claims the key, writes the order, runs its workflow, answers from the order.
//!
//! After `OrderPlaced` is written no failure is an error to the customer: the order was received, and says so.

mod answer;
pub mod request;
pub mod workflow;

use jiff::Timestamp;
use lambda_http::{
    Request,
    http::{HeaderName, HeaderValue, header},
};
use serde_json::Value;
use sha2::{Digest, Sha256};
use shared::{
    domain::{
        event::{Event, Fact, Line, OrderPlaced},
        ids::{OrderId, Sku},
        order::{self, Order, Outcome},
        personal::OrderDetails,
    },
    http::{Answer, Caller, FieldError, Problem, correlation_id, json_answer, route},
    payments::providers::AcceptedAmounts,
    repositories::{
        idempotency_keys::{IdempotencyKeysTable, Lease, NextAction, RequestKey, SavedAnswer},
        order_details::OrderDetailsTable,
        order_events::OrderEvents,
        products::ProductsTable,
    },
};

use crate::{request::CheckoutRequest, workflow::Workflow};

const ROUTE: &str = "POST /v1/checkout";
const MAX_BODY: usize = 64 * 1024;

/// What checkout works with.
#[derive(Debug)]
pub struct Checkout {
    /// Who works on which request.
    pub keys: IdempotencyKeysTable,
    /// Orders.
    pub events: OrderEvents,
    /// Their personal data.
    pub details: OrderDetailsTable,
    /// Prices.
    pub products: ProductsTable,
    /// What each provider takes.
    pub accepted: AcceptedAmounts,
    /// The saga.
    pub workflow: Workflow,
}

/// Why an order was not placed.
enum NotPlaced {
    /// No order was written: judged afresh at a repeat.
    Nothing(Problem),
    /// The tables did not answer; a repeat finds out what there is.
    Unknown(Problem),
}

impl Checkout {
    /// Takes the order and answers as the contract says. A repeat with the same key and body gets the same answer.
    ///
    /// # Errors
    /// A [`Problem`] for whatever ends before an order is written.
    pub async fn handle(&self, request: Request) -> Result<Answer, Problem> {
        if route(&request) != ROUTE {
            return Err(Problem::method_not_allowed("POST"));
        }
        let caller = Caller::of(&request)?;
        let key = idempotency_key(&request)?;
        let body = json_body(&request)?;
        let checkout = CheckoutRequest::parse(&body).map_err(|errors| Problem::validation(&errors))?;
        let order_id = OrderId::for_request(&caller.customer_id, &key);
        let fingerprint = fingerprint(&order_id, &body);
        tracing::info!(%order_id, correlation_id = correlation_id(&request), "checkout");

        let claim = self.keys.claim(RequestKey::new(&caller.customer_id, ROUTE, &key), &fingerprint, Timestamp::now()).await;
        let lease = match claim.map_err(|error| unavailable(&error))? {
            NextAction::Start(lease) => lease,
            NextAction::Replay(answer) => return Ok(replayed(&answer)),
            NextAction::InProgress(left) => return Err(in_progress(left)),
            NextAction::Mismatch => return Err(key_reused()),
        };
        match self.place(&caller, &checkout, order_id, fingerprint).await {
            Ok((order, repeated)) => Ok(self.finish(order, repeated, &lease, &correlation_id(&request)).await),
            Err(NotPlaced::Nothing(problem)) => {
                if let Err(error) = self.keys.release(&lease).await {
                    tracing::warn!(%error, "the key was not given free; its lease runs out");
                }
                Err(problem)
            }
            Err(NotPlaced::Unknown(problem)) => Err(problem),
        }
    }

    /// The order of this request: the one that is there, else a new one. `true`: it was there.
    async fn place(
        &self,
        caller: &Caller,
        checkout: &CheckoutRequest,
        order_id: OrderId,
        fingerprint: String,
    ) -> Result<(Order, bool), NotPlaced> {
        if let Some(order) = self.standing(&order_id, &fingerprint).await? {
            return Ok((order, true));
        }
        let items = self.priced(checkout).await?;
        let total = self.total(checkout, &items)?;
        let placed = OrderPlaced {
            customer_id: caller.customer_id.clone(),
            fingerprint: fingerprint.clone(),
            items,
            total,
            payment_methods: checkout.payment_methods.iter().map(|method| method.provider).collect(),
        };
        let event = Event { order_id: order_id.clone(), sequence: 1, at: Timestamp::now(), fact: Fact::OrderPlaced(placed) };
        let details = OrderDetails {
            order_id: order_id.clone(),
            customer_id: caller.customer_id.clone(),
            email: caller.email.clone(),
            phone: checkout.phone.clone(),
            shipping_address: checkout.shipping_address.clone(),
            payment_methods: checkout.payment_methods.clone(),
        };
        let details = self.details.first_write(&details).map_err(|error| NotPlaced::Nothing(internal(&error)))?;
        let written = self.events.place(&event, vec![details]).await;
        if let Ok(true) = written {
            let order = Order::from_events(&[event]).map_err(|error| NotPlaced::Unknown(internal(&error)))?;
            return Ok((order, false));
        }
        // Another was faster, or the write's answer was lost: what stands there decides.
        match self.standing(&order_id, &fingerprint).await? {
            Some(order) => Ok((order, true)),
            None => match written {
                Err(error) => Err(NotPlaced::Unknown(unavailable(&error))),
                Ok(_) => Err(NotPlaced::Unknown(Problem::overloaded())),
            },
        }
    }

    async fn standing(&self, order_id: &OrderId, fingerprint: &str) -> Result<Option<Order>, NotPlaced> {
        let events = self.events.load(order_id).await.map_err(|error| NotPlaced::Unknown(unavailable(&error)))?;
        if events.is_empty() {
            return Ok(None);
        }
        let order = Order::from_events(&events).map_err(|error| NotPlaced::Unknown(internal(&error)))?;
        if order.placed.fingerprint == fingerprint { Ok(Some(order)) } else { Err(NotPlaced::Nothing(key_reused())) }
    }

    async fn priced(&self, checkout: &CheckoutRequest) -> Result<Vec<Line>, NotPlaced> {
        let mut skus: Vec<&Sku> = checkout.items.iter().map(|(sku, _)| sku).collect();
        skus.sort_unstable();
        skus.dedup();
        let products = self.products.get_all(&skus).await.map_err(|error| NotPlaced::Unknown(unavailable(&error)))?;
        let mut errors = Vec::new();
        let mut lines = Vec::new();
        for (index, (sku, quantity)) in checkout.items.iter().enumerate() {
            match products.get(sku) {
                Some(product) => lines.push(Line {
                    sku: sku.clone(),
                    name: product.name.clone(),
                    quantity: *quantity,
                    unit_price: product.price,
                }),
                None => {
                    errors.push(FieldError::new(format!("/items/{index}/sku"), "is not in the catalogue; see GET /v1/products"))
                }
            }
        }
        if errors.is_empty() { Ok(lines) } else { Err(NotPlaced::Nothing(Problem::validation(&errors))) }
    }

    fn total(&self, checkout: &CheckoutRequest, items: &[Line]) -> Result<shared::domain::money::Money, NotPlaced> {
        let wrong = |errors: &[FieldError]| NotPlaced::Nothing(Problem::validation(errors));
        let total = match order::total(items) {
            Ok(Some(total)) => total,
            Ok(None) => return Err(wrong(&[FieldError::new("/items", "must have at least one line")])),
            Err(error) => return Err(wrong(&[FieldError::new("/items", format!("{error}; order them apart"))])),
        };
        if checkout.expected_total.is_some_and(|expected| expected != total) {
            let detail = "The catalogue's prices give another total than `expected_total`. Show it to the customer and send it again if she agrees.";
            let changed = Problem::new(409, "price_changed", "The price has changed", detail);
            return Err(NotPlaced::Nothing(changed.with("total", total)));
        }
        let refused: Vec<_> = checkout
            .payment_methods
            .iter()
            .enumerate()
            .filter_map(|(index, method)| {
                let refusal = self.accepted.check(method.provider, total).err()?;
                Some(FieldError::new(format!("/payment_methods/{index}/provider"), refusal))
            })
            .collect();
        if refused.is_empty() { Ok(total) } else { Err(wrong(&refused)) }
    }

    /// Runs the workflow if the order is still open, and answers from what the order then says.
    async fn finish(&self, placed: Order, repeated: bool, lease: &Lease, instance: &str) -> Answer {
        let mut order = placed;
        if *order.outcome() == Outcome::Open {
            self.workflow.run(&order.id).await;
            match self.events.order(&order.id).await {
                Ok(now) => order = now,
                Err(error) => {
                    tracing::error!(order_id = %order.id, %error, "the order could not be read; it is answered as received")
                }
            }
        }
        let answer = answer::of(&order, instance);
        match self.keys.save(lease, &answer).await {
            Ok(true) => {}
            Ok(false) => tracing::warn!(order_id = %order.id, "another took the request over; its answer is kept"),
            Err(error) => {
                tracing::warn!(order_id = %order.id, %error, "the answer was not kept; a repeat is answered from the order")
            }
        }
        if repeated { replayed(&answer) } else { http_answer(&answer) }
    }
}

fn idempotency_key(request: &Request) -> Result<String, Problem> {
    let name = "Idempotency-Key";
    let Some(value) = request.headers().get(name) else {
        let detail = "Send an `Idempotency-Key` header: one new UUID for each purchase, the same one for each repeat of it.";
        return Err(Problem::new(400, "idempotency_key_missing", "The idempotency key is missing", detail));
    };
    let key = value.to_str().unwrap_or_default().trim();
    let printable = (1..=255).contains(&key.len()) && key.bytes().all(|byte| byte.is_ascii_graphic() || byte == b' ');
    let wrong = FieldError::new(name, "must be 1 to 255 printable ASCII characters");
    if printable { Ok(key.to_owned()) } else { Err(Problem::validation(&[wrong])) }
}

fn json_body(request: &Request) -> Result<Value, Problem> {
    let content_type = request.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let media_type = content_type.split(';').next().unwrap_or_default().trim();
    if !media_type.eq_ignore_ascii_case("application/json") {
        let detail = "Send the body as JSON, with `Content-Type: application/json`.";
        return Err(Problem::new(415, "unsupported_media_type", "The body's format is not supported", detail));
    }
    let bytes: &[u8] = request.body();
    if bytes.len() > MAX_BODY {
        let detail = format!("The body has {} bytes; at most {MAX_BODY} are taken.", bytes.len());
        return Err(Problem::new(413, "body_too_large", "The body is too large", detail));
    }
    serde_json::from_slice(bytes).map_err(|error| {
        // Where it stopped, not what stood there: the body may hold a token.
        let detail = format!("is not JSON: see line {}, column {}", error.line(), error.column());
        Problem::validation(&[FieldError::new("", detail)])
    })
}

/// SHA-256 of the order's id and the body as JSON: the order of members and the white space do not count. The id keeps
/// two orders with the same address or token from showing the same fingerprint.
fn fingerprint(order_id: &OrderId, body: &Value) -> String {
    let mut digest = String::with_capacity(64);
    for byte in Sha256::digest(format!("{order_id}\n{body}")) {
        use std::fmt::Write;
        let _ = write!(digest, "{byte:02x}");
    }
    digest
}

fn http_answer(answer: &SavedAnswer) -> Answer {
    let mut http = json_answer(answer.status, answer.body.clone());
    for (name, value) in &answer.headers {
        if let (Ok(name), Ok(value)) = (HeaderName::try_from(name.as_str()), HeaderValue::try_from(value.as_str())) {
            http.headers_mut().insert(name, value);
        }
    }
    http
}

fn replayed(answer: &SavedAnswer) -> Answer {
    let mut http = http_answer(answer);
    http.headers_mut().insert("Idempotent-Replayed", HeaderValue::from_static("true"));
    http
}

fn in_progress(left: std::time::Duration) -> Problem {
    let detail = "A request with this Idempotency-Key is being worked on. Repeat it after the time in Retry-After.";
    // Usually it is done long before its lease runs out.
    let seconds = left.as_secs().clamp(1, 2);
    Problem::new(409, "idempotency_in_progress", "The same request is in progress", detail).retry_after(seconds)
}

fn key_reused() -> Problem {
    let detail = "This Idempotency-Key belongs to a request with another body. Use a new key for a new purchase.";
    Problem::new(422, "idempotency_key_reused", "The idempotency key was used before", detail)
}

fn unavailable(error: &dyn std::error::Error) -> Problem {
    tracing::error!(%error, "a table did not answer");
    Problem::overloaded()
}

fn internal(error: &dyn std::error::Error) -> Problem {
    tracing::error!(%error, "an order cannot be made or read");
    Problem::internal()
}

#[cfg(test)]
mod tests {
    use lambda_http::{Body, http};
    use serde_json::json;

    use super::*;

    fn request(content_type: &str, body: impl Into<Body>) -> Request {
        http::Request::builder().header("Content-Type", content_type).body(body.into()).unwrap()
    }

    #[test]
    fn bodies_are_compared_as_json_and_not_as_bytes() {
        let one: Value = serde_json::from_str(r#"{"a":1,"b":{"c":[1,2],"d":null}}"#).unwrap();
        let two: Value = serde_json::from_str("{ \"b\": {\"d\":null, \"c\":[1,2]},\n\"a\":1 }").unwrap();
        let order_id: OrderId = "ord_00000000000000000000000000000001".parse().unwrap();
        let other_id: OrderId = "ord_00000000000000000000000000000002".parse().unwrap();
        assert_eq!(fingerprint(&order_id, &one), fingerprint(&order_id, &two));
        assert_ne!(fingerprint(&order_id, &one), fingerprint(&other_id, &one));
        assert_ne!(fingerprint(&order_id, &one), fingerprint(&order_id, &json!({"a": 1, "b": {"c": [2, 1], "d": null}})));
    }

    #[test]
    fn a_body_that_is_too_large_or_no_json_is_refused_with_its_own_status() {
        assert_eq!(json_body(&request("text/plain", "{}")).unwrap_err().status, 415);
        assert_eq!(json_body(&request("application/json", "x".repeat(MAX_BODY + 1))).unwrap_err().status, 413);
        assert_eq!(json_body(&request("application/json", "{")).unwrap_err().code, "validation_failed");
        assert!(json_body(&request("Application/JSON; charset=utf-8", "{}")).is_ok());
    }

    #[test]
    fn a_key_is_1_to_255_printable_characters() {
        let with_key = |key: &str| http::Request::builder().header("Idempotency-Key", key).body(Body::Empty).unwrap();
        assert_eq!(idempotency_key(&request("x", "")).unwrap_err().code, "idempotency_key_missing");
        assert_eq!(idempotency_key(&with_key(&"k".repeat(255))).unwrap().len(), 255);
        for key in [String::new(), "k".repeat(256)] {
            assert_eq!(idempotency_key(&with_key(&key)).unwrap_err().code, "validation_failed");
        }
    }
}
