//! The fault proxy, as the matrix speaks to it.

use std::time::{Duration, Instant};

use jiff::Timestamp;
use reqwest::{Client, StatusCode};
use serde::Deserialize;
use serde_json::{Value, json};
use shared::domain::ids::OrderId;

use crate::cells::Fault;

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
    pub(crate) status: Option<u16>,
    pub(crate) invocation_id: Option<String>,
}

/// What came of a fault.
#[derive(Clone, Copy, Debug, Deserialize)]
pub(crate) struct Told {
    pub(crate) struck: bool,
    /// Nothing of its call is on its way any more.
    pub(crate) over: bool,
    /// When it met its call.
    pub(crate) met_at: Option<Timestamp>,
}

/// How much was called for an order, and answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
struct Activity {
    calls: usize,
    answered: usize,
}

/// Sleeps until something happens to an order: whoever asked the tables all the time would take most of the local AWS.
#[derive(Debug)]
pub(crate) struct Watch<'a> {
    proxy: &'a Proxy,
    order_id: &'a OrderId,
    seen: Activity,
}

impl Watch<'_> {
    /// What is not told by a call is looked for this often all the same.
    const LONGEST: Duration = Duration::from_secs(5);

    /// Returns when something was called for the order, or answered, since the last time.
    pub(crate) async fn next(&mut self) {
        self.sees(Self::LONGEST).await;
    }

    /// Whether something is called for the order, or answered, within this time.
    pub(crate) async fn sees(&mut self, within: Duration) -> bool {
        let started = Instant::now();
        while started.elapsed() < within {
            tokio::time::sleep(Duration::from_millis(400)).await;
            let now = self.proxy.activity(self.order_id).await;
            if now != self.seen {
                self.seen = now;
                return true;
            }
        }
        false
    }
}

impl Proxy {
    pub(crate) fn new(http: Client, url: String) -> Self {
        Self { http, url }
    }

    /// What was called for an order, oldest first.
    pub(crate) async fn calls(&self, order_id: &OrderId) -> Vec<Call> {
        self.get(&format!("calls?order_id={order_id}")).await
    }

    /// Watches an order from now on.
    pub(crate) async fn watch<'a>(&'a self, order_id: &'a OrderId) -> Watch<'a> {
        Watch { proxy: self, order_id, seen: self.activity(order_id).await }
    }

    async fn activity(&self, order_id: &OrderId) -> Activity {
        self.get(&format!("activity?order_id={order_id}")).await
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

    /// Strikes this call once: of this order, or one in which no order is named. What a fault can strike each try of, it does:
    /// else AWS's clients would mend it before their caller hears of it. Returns the fault's id.
    pub(crate) async fn fault(&self, order_id: Option<&OrderId>, call: &str, fault: Fault, delay_ms: Option<u64>) -> u64 {
        let every_try = fault.strikes_every_try();
        let mut body = json!({"order_id": order_id, "call": call, "fault": fault.name, "every_try": every_try});
        if let Some(delay_ms) = delay_ms {
            body["delay_ms"] = delay_ms.into();
        }
        self.put("faults", &body).await["id"].as_u64().expect("a fault has an id")
    }

    /// Takes back a fault that was not met; one that struck stays.
    pub(crate) async fn withdraw(&self, id: u64) {
        self.http.delete(format!("{}/faults/{id}", self.url)).send().await.expect("the fault proxy answers");
    }

    /// What came of this fault, unless it was taken back.
    pub(crate) async fn told(&self, id: u64) -> Option<Told> {
        let answer = self.http.get(format!("{}/faults/{id}", self.url)).send().await.expect("the fault proxy answers");
        if answer.status() == StatusCode::NOT_FOUND {
            return None;
        }
        Some(answer.json().await.expect("the fault proxy answers JSON"))
    }

    /// Whether this fault struck.
    pub(crate) async fn did_strike(&self, id: u64) -> bool {
        self.told(id).await.is_some_and(|told| told.struck)
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
