//! A proxy of a test's own, an upstream behind it that answers as told, and a client in front of it.

use std::{
    collections::VecDeque,
    net::SocketAddr,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use axum::{
    Router,
    body::Bytes,
    extract::{ConnectInfo, State},
    http::{HeaderMap, Method, StatusCode, Uri},
    response::{IntoResponse, Response},
};
use fault_proxy::{Addresses, Route, Setup};
use reqwest::Client;
use serde_json::{Value, json};
use tokio::{net::TcpListener, time::sleep};

pub const ORDER: &str = "ord_0123456789abcdef0123456789abcdef";
/// How long a client here waits for an answer that never comes.
const PATIENCE: Duration = Duration::from_secs(10);
pub const OTHER_ORDER: &str = "ord_ffffffffffffffffffffffffffffffff";

/// A request as the upstream got it.
#[derive(Clone, Debug)]
pub struct Seen {
    pub peer: SocketAddr,
    pub method: Method,
    pub target: String,
    pub headers: HeaderMap,
    pub body: Bytes,
}

struct Scripted {
    status: u16,
    headers: Vec<(&'static str, String)>,
    body: Bytes,
}

#[derive(Default)]
struct Script {
    seen: Mutex<Vec<Seen>>,
    answers: Mutex<VecDeque<Scripted>>,
    slowness: Mutex<Duration>,
}

/// Stands for AWS and for the providers. It answers 200 and `{}`, unless told otherwise.
#[derive(Clone)]
pub struct Upstream {
    script: Arc<Script>,
    address: SocketAddr,
}

impl Upstream {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let script = Arc::new(Script::default());
        let router = Router::new().fallback(Self::answer).with_state(script.clone());
        let router = router.layer(axum::extract::DefaultBodyLimit::disable());
        let service = router.into_make_service_with_connect_info::<SocketAddr>();
        tokio::spawn(async move { axum::serve(listener, service).await });
        Self { script, address }
    }

    async fn answer(
        State(script): State<Arc<Script>>,
        ConnectInfo(peer): ConnectInfo<SocketAddr>,
        method: Method,
        uri: Uri,
        headers: HeaderMap,
        body: Bytes,
    ) -> Response {
        let target = uri.to_string();
        script.seen.lock().unwrap().push(Seen { peer, method, target, headers, body });
        let slowness = *script.slowness.lock().unwrap();
        sleep(slowness).await;
        let next = script.answers.lock().unwrap().pop_front();
        let ordinary = || Scripted { status: 200, headers: vec![], body: Bytes::from_static(b"{}") };
        let Scripted { status, headers, body } = next.unwrap_or_else(ordinary);
        let mut response = (StatusCode::from_u16(status).unwrap(), body).into_response();
        for (name, value) in headers {
            response.headers_mut().insert(name, value.parse().unwrap());
        }
        response
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// What it answers to the next request that is not answered yet.
    pub fn will_answer(&self, status: u16, body: &Value) {
        self.will_answer_with(status, &[], body.to_string());
    }

    pub fn will_answer_with(&self, status: u16, headers: &[(&'static str, &str)], body: impl Into<Bytes>) {
        let headers = headers.iter().map(|(name, value)| (*name, (*value).to_owned())).collect();
        self.script.answers.lock().unwrap().push_back(Scripted { status, headers, body: body.into() });
    }

    /// How long it thinks before each answer.
    pub fn is_slow(&self, slowness: Duration) {
        *self.script.slowness.lock().unwrap() = slowness;
    }

    pub fn seen(&self) -> Vec<Seen> {
        self.script.seen.lock().unwrap().clone()
    }

    /// Waits until it has got so many requests.
    pub async fn has_seen(&self, count: usize) {
        eventually(&format!("{count} requests"), async || self.seen().len() >= count).await;
        assert_eq!(self.seen().len(), count);
    }
}

pub async fn eventually(what: &str, mut holds: impl AsyncFnMut() -> bool) {
    let started = Instant::now();
    while !holds().await {
        assert!(started.elapsed() < Duration::from_secs(5), "never: {what}");
        sleep(Duration::from_millis(5)).await;
    }
}

/// An answer, read to its end.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: HeaderMap,
    pub text: String,
}

impl Answer {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_default()
    }
}

pub struct Proxy {
    pub addresses: Addresses,
    pub upstream: Upstream,
    pub http: Client,
}

impl Proxy {
    pub async fn start() -> Self {
        let upstream = Upstream::start().await;
        let route = || Some(Route { upstream: upstream.url().parse().unwrap(), port: 0 });
        let http = Client::builder().timeout(PATIENCE).build().unwrap();
        let setup = Setup { aws: route(), stripe: route(), paypal: route(), control_port: 0 };
        Self { addresses: fault_proxy::start(setup).await.unwrap(), upstream, http }
    }

    pub fn aws(&self) -> &str {
        self.addresses.aws_url.as_deref().unwrap()
    }

    pub fn aws_address(&self) -> SocketAddr {
        self.aws().strip_prefix("http://").unwrap().parse().unwrap()
    }

    /// A call to DynamoDB, as the SDK makes it.
    pub async fn dynamodb(&self, caller: &str, operation: &str, body: &Value) -> reqwest::Result<Answer> {
        self.aws_call(caller, &format!("DynamoDB_20120810.{operation}"), body).await
    }

    pub async fn aws_call(&self, caller: &str, target: &str, body: &Value) -> reqwest::Result<Answer> {
        let request = self.http.post(self.aws()).header("X-Amz-Target", target).body(body.to_string());
        let agent = format!("aws-sdk-rust/1.3 os/linux lang/rust/1.95 app/{caller}");
        read(request.header("User-Agent", agent).header("Content-Type", "application/x-amz-json-1.0")).await
    }

    pub async fn stripe(&self, caller: &str, method: Method, path: &str, form: &str) -> reqwest::Result<Answer> {
        let url = format!("{}/v1/{path}", self.addresses.stripe_url.as_deref().unwrap());
        read(self.http.request(method, url).header("User-Agent", format!("souk/{caller}")).body(form.to_owned())).await
    }

    pub async fn paypal(&self, caller: &str, method: Method, path: &str, body: &Value) -> reqwest::Result<Answer> {
        let url = format!("{}/{path}", self.addresses.paypal_url.as_deref().unwrap());
        read(self.http.request(method, url).header("User-Agent", format!("souk/{caller}")).body(body.to_string())).await
    }

    /// An item of this order, put into the table of events by `checkout`.
    pub async fn put_event(&self, order_id: &str) -> reqwest::Result<Answer> {
        self.dynamodb("checkout", "PutItem", &put_event(order_id)).await
    }

    pub async fn control(&self, method: Method, path: &str, body: Value) -> Answer {
        let request = self.http.request(method, format!("{}/{path}", self.addresses.control_url));
        read(if body.is_null() { request } else { request.json(&body) }).await.unwrap()
    }

    pub async fn fault(&self, call: &str, fault: &str) {
        self.fault_with(call, fault, json!({})).await;
    }

    pub async fn fault_with(&self, call: &str, fault: &str, more: Value) {
        let mut body = json!({"order_id": ORDER, "call": call, "fault": fault});
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let answer = self.control(Method::PUT, "faults", body).await;
        assert_eq!(answer.status, 200, "{answer:?}");
    }

    pub async fn calls(&self) -> Vec<Value> {
        self.control(Method::GET, "calls", Value::Null).await.json().as_array().unwrap().clone()
    }

    pub async fn last_call(&self) -> Value {
        self.calls().await.last().unwrap().clone()
    }

    /// The names of an order's calls.
    pub async fn names(&self, order_id: &str) -> Vec<String> {
        let calls = self.control(Method::GET, &format!("calls?order_id={order_id}"), Value::Null).await.json();
        calls.as_array().unwrap().iter().map(|call| call["name"].as_str().unwrap().to_owned()).collect()
    }

    pub async fn faults(&self) -> Value {
        self.control(Method::GET, "faults", Value::Null).await.json()
    }
}

pub fn put_event(order_id: &str) -> Value {
    json!({"TableName": "souk-OrderEventsTable-1ABC", "Item": {"order_id": {"S": order_id}, "version": {"N": "1"}}})
}

pub async fn read(request: reqwest::RequestBuilder) -> reqwest::Result<Answer> {
    let response = request.send().await?;
    let (status, headers) = (response.status().as_u16(), response.headers().clone());
    Ok(Answer { status, headers, text: response.text().await? })
}

/// The connection broke though it had been made, and not for want of time.
pub fn is_reset(answer: &reqwest::Result<Answer>) -> bool {
    answer.as_ref().is_err_and(|error| !error.is_connect() && !error.is_timeout())
}
