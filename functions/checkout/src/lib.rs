//! `POST /v1/checkout`: claims the key, writes the order, runs its workflow, answers from the order.
//!
//! After `OrderPlaced` is written a failure of what follows is no error to the customer: the order was received, and says so.

mod answer;
pub mod request;
pub mod workflow;

use std::time::Duration;

use futures_util::future::join_all;
use jiff::Timestamp;
use lambda_http::Request;
use shared::{
    customer_action::CustomerActions,
    domain::{
        event::{Event, Fact, Line, OrderPlaced},
        ids::{OrderId, Sku},
        order::{self, Order, Outcome},
        personal::{OrderDetails, PaymentMethod},
    },
    http::{Answer, Caller, FieldError, Problem, correlation_id, route},
    idempotency::{self, Done, Keyed, fingerprint, json_body, key_of, key_reused, unavailable},
    payments::{
        MethodOwner,
        providers::{AcceptedAmounts, Providers},
    },
    repositories::{
        idempotency_keys::{IdempotencyKeysTable, SavedAnswer},
        order_details::OrderDetailsTable,
        order_events::{AdvanceError, OrderEvents},
        products::ProductsTable,
    },
    settlement::{self, Settlement},
};

use crate::{request::CheckoutRequest, workflow::Workflow};

const ROUTE: &str = "POST /v1/checkout";

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
    /// Whom to ask whose a payment method is.
    pub providers: Providers,
    /// Where a customer authenticates.
    pub actions: CustomerActions,
    /// For each such question, which is never worth an order: an unanswered one is asked again before anything is charged.
    pub question_limit: Duration,
    /// The saga.
    pub workflow: Workflow,
    /// What goes on when the click's time is over.
    pub settlement: Settlement,
}

/// Why an order was not placed.
enum NotPlaced {
    /// No order was written: judged afresh at a repeat.
    Nothing(Problem),
    /// The tables did not answer; a repeat finds out what there is.
    Unknown(Problem),
}

impl Checkout {
    /// Takes the order and answers as the contract says. A repeat with the same key and body gets the same answer for
    /// a day, and after that the order's answer as it then is.
    ///
    /// # Errors
    /// A [`Problem`] for whatever ends before an order is written, or leaves unknown whether one was (503).
    pub async fn handle(&self, request: Request) -> Result<Answer, Problem> {
        if route(&request) != ROUTE {
            return Err(Problem::method_not_allowed("POST"));
        }
        let caller = Caller::of(&request)?;
        let key = key_of(&request)?;
        let body = json_body(&request)?;
        let checkout = CheckoutRequest::parse(&body).map_err(|errors| Problem::validation(&errors))?;
        let order_id = OrderId::for_request(&caller.customer_id, &key);
        let fingerprint = fingerprint(&order_id, &body);
        let instance = correlation_id(&request);
        tracing::info!(%order_id, correlation_id = instance, "checkout");

        let keyed = Keyed { customer: &caller.customer_id, route: ROUTE, key: &key, fingerprint: &fingerprint };
        let answer = Box::pin(idempotency::once(&self.keys, keyed, async {
            match self.place(&caller, checkout, order_id.clone(), fingerprint.clone()).await {
                Ok((order, repeated)) => match self.finish(order, &instance).await {
                    Ok(answer) => Done::Kept { answer, repeated },
                    Err(problem) => Done::Unknown(problem),
                },
                Err(NotPlaced::Nothing(problem)) => Done::Nothing(problem),
                Err(NotPlaced::Unknown(problem)) => Done::Unknown(problem),
            }
        }));
        Ok(self.with_action(answer.await?, &order_id).await)
    }

    /// The order of this request: the one that is there, else a new one. `true`: it was there.
    async fn place(
        &self,
        caller: &Caller,
        checkout: CheckoutRequest,
        order_id: OrderId,
        fingerprint: String,
    ) -> Result<(Order, bool), NotPlaced> {
        if let Some(order) = self.standing(&order_id, &fingerprint).await? {
            return Ok((order, true));
        }
        let (items, payment_methods) = tokio::join!(self.priced(&checkout), self.owned(&checkout, caller));
        let (items, payment_methods) = (items?, payment_methods?);
        let total = self.total(&checkout, &items)?;
        let placed = OrderPlaced {
            customer_id: caller.customer_id.clone(),
            fingerprint: fingerprint.clone(),
            items,
            total,
            payment_methods: payment_methods.iter().map(|method| method.provider).collect(),
        };
        let event = Event { order_id: order_id.clone(), sequence: 1, at: Timestamp::now(), fact: Fact::OrderPlaced(placed) };
        let details = OrderDetails {
            order_id: order_id.clone(),
            customer_id: caller.customer_id.clone(),
            email: caller.email.clone(),
            phone: checkout.phone,
            shipping_address: checkout.shipping_address,
            payment_methods,
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

    /// Her payment methods, each with its owner as the provider knows it: only her own are charged. A provider that does
    /// not answer in time does not stop the order; it is asked again before anything is charged.
    async fn owned(&self, checkout: &CheckoutRequest, caller: &Caller) -> Result<Vec<PaymentMethod>, NotPlaced> {
        let asked = checkout.payment_methods.iter().map(|method| {
            let question = self.providers.gateway(method.provider).owner(&method.token);
            tokio::time::timeout(self.question_limit, question)
        });
        let mut methods = Vec::new();
        let mut errors = Vec::new();
        for (index, (method, answer)) in checkout.payment_methods.iter().zip(join_all(asked).await).enumerate() {
            let mut method = method.clone();
            match answer {
                Ok(Ok(MethodOwner::Bearer)) => method.owner_known = true,
                Ok(Ok(MethodOwner::Customer { id, account })) if id == caller.customer_id => {
                    method.owner_known = true;
                    method.account = account;
                }
                Ok(Ok(MethodOwner::Customer { .. } | MethodOwner::Stranger)) => {
                    let detail = "is not a payment method of yours; save it with the provider as your own, or use another";
                    errors.push(FieldError::new(format!("/payment_methods/{index}/token"), detail));
                }
                Ok(Err(error)) => tracing::warn!(%error, "whose the payment method is, is asked again before it is charged"),
                Err(_) => {
                    tracing::warn!(provider = %method.provider, "whose the payment method is, is asked again before it is charged")
                }
            }
            methods.push(method);
        }
        if errors.is_empty() { Ok(methods) } else { Err(NotPlaced::Nothing(Problem::validation(&errors))) }
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

    /// Runs the workflow if the order is still open, and answers from what the order then says. What is still owed goes
    /// to the settlement; should this function die before, the guard sees to it.
    ///
    /// # Errors
    /// A 503, when the order cannot be read again: it may have been rejected, and "received" is not said of that.
    async fn finish(&self, placed: Order, instance: &str) -> Result<SavedAnswer, Problem> {
        let mut order = placed;
        if *order.outcome() == Outcome::Open {
            self.workflow.run(&order.id).await;
            order = match self.events.order(&order.id).await {
                Ok(now) => self.hand_over(now).await,
                Err(error) => {
                    tracing::error!(order_id = %order.id, %error, "the order could not be read: how it came out is not known");
                    return Err(Problem::overloaded());
                }
            };
        }
        Ok(answer::of(&order, instance))
    }

    /// The click is over. An order that is still open is deferred, and what it owes is settled; a confirmed one is
    /// captured by its own subscriber.
    async fn hand_over(&self, order: Order) -> Order {
        if matches!(order.outcome(), Outcome::Confirmed { .. }) || order.is_closed() {
            return order;
        }
        // Before the settlement starts: that takes an order that nobody deferred for one whose click nobody answered. Where it
        // cannot be written, she reads at worst by mail what the page tells her too.
        let deferred = self.deferred(order).await;
        if deferred.is_closed() {
            return deferred;
        }
        let execution = settlement::of_checkout(&deferred.id);
        if let Err(error) = self.settlement.start(&deferred.id, &execution).await {
            tracing::error!(order_id = %deferred.id, error, "the settlement was not started; the guard starts it");
        }
        deferred
    }

    async fn deferred(&self, order: Order) -> Order {
        if !order.is_open() {
            return order;
        }
        match self.events.advance(&order.id, |order| order.defer(false)).await {
            Ok(deferred) => deferred,
            // Another executor brought it to its end meanwhile: the answer is that end.
            Err(AdvanceError::NotAllowed(_)) => self.events.order(&order.id).await.unwrap_or(order),
            Err(error) => {
                tracing::error!(order_id = %order.id, %error, "the order was not deferred; it is answered as received");
                order
            }
        }
    }

    /// With the link where she authenticates or approves: read at the provider for each answer, and kept nowhere.
    async fn with_action(&self, answer: Answer, order_id: &OrderId) -> Answer {
        if !answer::requires_action(&answer) {
            return answer;
        }
        match self.events.order(order_id).await {
            Ok(order) => match self.actions.of(&order).await {
                Some(action) => answer::with_action(answer, action),
                None => answer,
            },
            Err(error) => {
                tracing::warn!(%order_id, %error, "the link for the customer could not be read; the order page reads it again");
                answer
            }
        }
    }
}

fn internal(error: &dyn std::error::Error) -> Problem {
    tracing::error!(%error, "an order cannot be made or read");
    Problem::internal()
}
