//! PayPal, as it is played.

mod access;
mod approval;
mod authorizations;
mod captures;
mod faults;
mod idempotency;
mod orders;
mod refunds;
mod report;
mod requests;
mod vault;

use std::sync::atomic::{AtomicU32, Ordering};

use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};

use crate::harness::{Answer, Simulator};

/// A simulator of a test's own, and a client of its PayPal.
pub struct PayPal {
    pub simulator: Simulator,
    token: String,
    ids: AtomicU32,
}

impl PayPal {
    pub async fn start() -> Self {
        let simulator = Simulator::start().await;
        let granted = grant(&simulator, "simulator", "simulator-secret", "client_credentials").await;
        Self { simulator, token: granted.text("access_token"), ids: AtomicU32::new(0) }
    }

    /// A request with the access token, and nothing else.
    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.simulator.http.request(method, format!("{}/{path}", self.simulator.addresses.paypal_url)).bearer_auth(&self.token)
    }

    pub async fn get(&self, path: &str) -> Answer {
        self.simulator.send(self.request(Method::GET, path)).await
    }

    pub fn posting(&self, path: &str, id: &str, body: &Value) -> RequestBuilder {
        let request = self.request(Method::POST, path).header("PayPal-Request-Id", id);
        request.header("Prefer", "return=representation").json(body)
    }

    pub async fn post_with_id(&self, path: &str, id: &str, body: &Value) -> Answer {
        self.simulator.send(self.posting(path, id, body)).await
    }

    /// With a request id of its own.
    pub async fn post(&self, path: &str, body: Value) -> Answer {
        let id = format!("id-{}", self.ids.fetch_add(1, Ordering::Relaxed));
        self.post_with_id(path, &id, &body).await
    }

    /// An order over 45.99 USD that nobody has authorised.
    pub async fn order(&self, order_id: &str) -> String {
        let made = self.post("v2/checkout/orders", new_order(order_id)).await;
        assert_eq!(made.status, 201, "{made:?}");
        made.text("id")
    }

    pub async fn authorize(&self, id: &str, vault_id: &str) -> Answer {
        self.post(&format!("v2/checkout/orders/{id}/authorize"), paid_from(vault_id)).await
    }

    /// The authorisation of an order whose money is held.
    pub async fn held(&self, order_id: &str) -> String {
        self.held_on(order_id, "vault_ok").await
    }

    pub async fn held_on(&self, order_id: &str, vault_id: &str) -> String {
        let id = self.order(order_id).await;
        let answer = self.authorize(&id, vault_id).await;
        authorization(&answer)["id"].as_str().unwrap().into()
    }

    /// The capture of all of an order.
    pub async fn captured(&self, order_id: &str, vault_id: &str) -> String {
        let id = self.held_on(order_id, vault_id).await;
        self.capture(&id, json!({})).await.text("id")
    }

    pub async fn capture(&self, authorization_id: &str, body: Value) -> Answer {
        self.post(&format!("v2/payments/authorizations/{authorization_id}/capture"), body).await
    }

    pub async fn void(&self, authorization_id: &str) -> Answer {
        self.post(&format!("v2/payments/authorizations/{authorization_id}/void"), json!({})).await
    }

    pub async fn refund(&self, capture_id: &str, body: Value) -> Answer {
        self.post(&format!("v2/payments/captures/{capture_id}/refund"), body).await
    }

    pub async fn authorization(&self, id: &str) -> Answer {
        self.get(&format!("v2/payments/authorizations/{id}")).await
    }
}

pub async fn grant(simulator: &Simulator, user: &str, password: &str, grant_type: &str) -> Answer {
    let url = format!("{}/v1/oauth2/token", simulator.addresses.paypal_url);
    simulator.send(simulator.http.post(url).basic_auth(user, Some(password)).form(&[("grant_type", grant_type)])).await
}

pub fn usd(value: &str) -> Value {
    json!({"currency_code": "USD", "value": value})
}

pub fn new_order(order_id: &str) -> Value {
    json!({"intent": "AUTHORIZE", "purchase_units": [{"amount": usd("45.99"), "custom_id": order_id}]})
}

pub fn paid_from(vault_id: &str) -> Value {
    let stored = json!({"payment_initiator": "MERCHANT", "usage": "SUBSEQUENT", "usage_pattern": "IMMEDIATE"});
    json!({"payment_source": {"paypal": {"vault_id": vault_id, "stored_credential": stored}}})
}

/// The authorisation that an order's object holds.
pub fn authorization(order: &Answer) -> &Value {
    &order.body["purchase_units"][0]["payments"]["authorizations"][0]
}
