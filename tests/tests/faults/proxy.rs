//! The fault proxy, as the matrix speaks to it.

use reqwest::Client;
use serde::Deserialize;
use serde_json::{Value, json};
use shared::domain::ids::OrderId;

/// The proxy's control API.
#[derive(Clone, Debug)]
pub(crate) struct Proxy {
    http: Client,
    url: String,
}

/// A call that was recorded.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Call {
    pub(crate) number: u64,
    pub(crate) name: String,
    pub(crate) occurrence: u64,
    pub(crate) upstream: String,
    pub(crate) order_id: Option<OrderId>,
}

impl Proxy {
    pub(crate) fn new(http: Client, url: String) -> Self {
        Self { http, url }
    }

    /// What was called for an order, oldest first.
    pub(crate) async fn calls(&self, order_id: &OrderId) -> Vec<Call> {
        self.get(&format!("calls?order_id={order_id}")).await
    }

    /// The subjects of the e-mails about an order that SES took.
    pub(crate) async fn emails(&self, order_id: &OrderId) -> Vec<String> {
        self.get(&format!("emails?order_id={order_id}")).await
    }

    /// Everything that was called.
    pub(crate) async fn all_calls(&self) -> Vec<Call> {
        self.get("calls").await
    }

    /// A DynamoDB call that holds this text is about this order.
    pub(crate) async fn alias(&self, alias: &str, order_id: &OrderId) {
        self.put("aliases", &json!({"alias": alias, "order_id": order_id})).await;
    }

    /// Strikes this call of this order, once; `None`: of no order. Returns the fault's id.
    pub(crate) async fn fault(&self, order_id: Option<&OrderId>, call: &str, fault: &str, delay_ms: Option<u64>) -> u64 {
        let mut body = json!({"order_id": order_id, "call": call, "fault": fault});
        if let Some(delay_ms) = delay_ms {
            body["delay_ms"] = delay_ms.into();
        }
        self.put("faults", &body).await["id"].as_u64().expect("a fault has an id")
    }

    /// Whether this fault struck.
    pub(crate) async fn did_strike(&self, id: u64) -> bool {
        let faults: Vec<Value> = self.get("faults").await;
        faults.iter().any(|fault| fault["id"] == id && fault["struck"] == true)
    }

    /// Whether the order's fault struck.
    pub(crate) async fn struck(&self, order_id: &OrderId) -> bool {
        let faults: Vec<Value> = self.get(&format!("faults?order_id={order_id}")).await;
        faults.iter().any(|fault| fault["struck"] == true)
    }

    async fn get<T: serde::de::DeserializeOwned>(&self, path: &str) -> T {
        let answer = self.http.get(format!("{}/{path}", self.url)).send().await.expect("the fault proxy answers");
        answer.json().await.expect("the fault proxy answers JSON")
    }

    async fn put(&self, path: &str, body: &Value) -> Value {
        let answer = self.http.put(format!("{}/{path}", self.url)).json(body).send().await.expect("the fault proxy answers");
        assert!(answer.status().is_success(), "the fault proxy refused {body}: {}", answer.text().await.unwrap_or_default());
        answer.json().await.unwrap_or_default()
    }
}
