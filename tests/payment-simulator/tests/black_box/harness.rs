//! A simulator of a test's own, and a client of it.

use std::sync::atomic::{AtomicU32, Ordering};

use payment_simulator::{Addresses, Ports};
use reqwest::{Client, Method, RequestBuilder, Response, header::HeaderMap, redirect::Policy};
use serde_json::{Value, json};

pub const VERSION: &str = "2025-09-30.clover";
pub const VISA: &[(&str, &str)] = &[("payment_method", "pm_card_visa")];

/// An answer, read to its end.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: HeaderMap,
    pub body: Value,
}

impl Answer {
    async fn read(response: Response) -> reqwest::Result<Self> {
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let bytes = response.bytes().await?;
        Ok(Self { status, headers, body: serde_json::from_slice(&bytes).unwrap_or_default() })
    }

    /// Its status, and the named field of its error.
    pub fn error(&self, field: &str) -> (u16, String) {
        (self.status, self.body["error"][field].as_str().unwrap_or("none").into())
    }

    pub fn text(&self, field: &str) -> String {
        self.body[field].as_str().unwrap_or("none").into()
    }

    /// Its status, and the issue of PayPal's that it names first.
    pub fn issue(&self) -> (u16, String) {
        (self.status, self.body["details"][0]["issue"].as_str().unwrap_or("none").into())
    }

    /// The address of a link of PayPal's.
    pub fn link(&self, rel: &str) -> Option<String> {
        let links = self.body["links"].as_array()?;
        links.iter().find(|link| link["rel"] == rel).map(|link| link["href"].as_str().unwrap().into())
    }

    pub fn is_replayed(&self) -> bool {
        self.headers.get("idempotent-replayed").is_some_and(|value| value == "true")
    }
}

pub struct Simulator {
    pub addresses: Addresses,
    pub http: Client,
    keys: AtomicU32,
}

impl Simulator {
    pub async fn start() -> Self {
        let addresses = payment_simulator::start(Ports::default()).await.unwrap();
        Self { addresses, http: Client::new(), keys: AtomicU32::new(0) }
    }

    /// A request with the key and the version, and nothing else.
    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let url = format!("{}/v1/{path}", self.addresses.stripe_url);
        self.http.request(method, url).bearer_auth("sk_test_51").header("Stripe-Version", VERSION)
    }

    pub async fn try_post(&self, path: &str, key: &str, form: &[(&str, &str)]) -> reqwest::Result<Answer> {
        Answer::read(self.request(Method::POST, path).header("Idempotency-Key", key).form(form).send().await?).await
    }

    pub async fn post_with_key(&self, path: &str, key: &str, form: &[(&str, &str)]) -> Answer {
        self.try_post(path, key, form).await.unwrap()
    }

    /// With a key of its own.
    pub async fn post(&self, path: &str, form: &[(&str, &str)]) -> Answer {
        let key = format!("key-{}", self.keys.fetch_add(1, Ordering::Relaxed));
        self.post_with_key(path, &key, form).await
    }

    pub async fn get(&self, path: &str) -> Answer {
        self.send(self.request(Method::GET, path)).await
    }

    pub async fn send(&self, request: RequestBuilder) -> Answer {
        Answer::read(request.send().await.unwrap()).await.unwrap()
    }

    /// An unconfirmed intent over 45.99 USD, captured by hand, for this order.
    pub async fn prepare(&self, order_id: &str) -> String {
        let made = self.post("payment_intents", &intent_form(order_id)).await;
        assert_eq!(made.status, 200, "{made:?}");
        made.text("id")
    }

    /// One whose money is held.
    pub async fn authorize(&self, order_id: &str) -> String {
        let id = self.prepare(order_id).await;
        let confirmed = self.confirm(&id, "pm_card_visa").await;
        assert_eq!(confirmed.text("status"), "requires_capture");
        id
    }

    pub async fn confirm(&self, id: &str, token: &str) -> Answer {
        self.post(&format!("payment_intents/{id}/confirm"), &[("payment_method", token)]).await
    }

    pub async fn act(&self, id: &str, verb: &str) -> Answer {
        self.post(&format!("payment_intents/{id}/{verb}"), &[]).await
    }

    pub async fn status(&self, id: &str) -> String {
        self.get(&format!("payment_intents/{id}")).await.text("status")
    }

    /// Follows nothing: a page's answer is looked at as it is.
    pub async fn press(&self, page: &str, answer: &str) -> Response {
        let browser = Client::builder().redirect(Policy::none()).build().unwrap();
        browser.post(page).form(&[("answer", answer)]).send().await.unwrap()
    }

    pub async fn control(&self, method: Method, path: &str, body: Value) -> Answer {
        let request = self.http.request(method, format!("{}/{path}", self.addresses.control_url));
        self.send(if body.is_null() { request } else { request.json(&body) }).await
    }

    /// A fault that strikes once.
    pub async fn fault(&self, operation: &str, fault: &str, delay_ms: u64) {
        let fault = json!({"provider": "stripe", "operation": operation, "fault": fault, "times": 1, "delay_ms": delay_ms});
        let answer = self.control(Method::PUT, "faults", fault).await;
        assert_eq!(answer.status, 200, "{answer:?}");
    }

    /// The operations of the ledger's lines, with their amounts.
    pub async fn ledger(&self) -> Vec<(String, i64)> {
        let lines = self.control(Method::GET, "ledger", Value::Null).await.body;
        let line = |line: &Value| (line["operation"].as_str().unwrap().to_owned(), line["amount"].as_i64().unwrap());
        lines.as_array().unwrap().iter().map(line).collect()
    }

    pub async fn advance(&self, seconds: i64) {
        let answer = self.control(Method::PUT, "clock", json!({"advance_seconds": seconds})).await;
        assert_eq!(answer.status, 200, "{answer:?}");
    }
}

pub fn intent_form(order_id: &str) -> [(&str, &str); 5] {
    [
        ("amount", "4599"),
        ("currency", "usd"),
        ("capture_method", "manual"),
        ("payment_method_types[]", "card"),
        ("metadata[order_id]", order_id),
    ]
}

/// Where a redirect leads.
pub fn location(response: &Response) -> String {
    response.headers()["location"].to_str().unwrap().into()
}

/// What the ledger holds, written shortly.
pub fn moved(movements: &[(&str, i64)]) -> Vec<(String, i64)> {
    movements.iter().map(|(operation, amount)| ((*operation).to_owned(), *amount)).collect()
}
