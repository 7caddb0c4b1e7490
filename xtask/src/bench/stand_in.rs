//! What one process of a function talks to while it is measured: Lambda's Runtime API, and in place of AWS and the
//! payment providers something that answers at once. So what is measured is the function's own.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use anyhow::{Result, bail};
use axum::{
    Router,
    body::Bytes,
    extract::{Path, State},
    http::{HeaderMap, StatusCode, Uri},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use serde_json::{Value, json};
use tokio::{net::TcpListener, sync::Notify, task::JoinHandle};

/// What its Stripe signs with.
pub const WEBHOOK_SECRET: &str = "whsec_bench";

/// One invocation, as it looked from outside.
#[derive(Clone, Copy, Debug)]
pub struct Invocation {
    pub took: Duration,
    /// Calls to AWS and to providers meanwhile.
    pub calls: u32,
}

#[derive(Debug, Default)]
struct Seen {
    first_next: Option<Instant>,
    handed: Option<Instant>,
    calls: u32,
    waiting: VecDeque<String>,
    done: Vec<Invocation>,
    failure: Option<String>,
}

#[derive(Debug, Default)]
struct World {
    seen: Mutex<Seen>,
    changed: Notify,
    handed_out: Notify,
}

/// A server for one process.
#[derive(Debug)]
pub struct StandIn {
    world: Arc<World>,
    /// `127.0.0.1:port`.
    pub address: String,
    server: JoinHandle<()>,
}

impl Drop for StandIn {
    fn drop(&mut self) {
        self.server.abort();
    }
}

impl StandIn {
    pub async fn start() -> Result<Self> {
        let world = Arc::new(World::default());
        let runtime = "/2018-06-01/runtime";
        let router = Router::new()
            .route(&format!("{runtime}/invocation/next"), get(next))
            .route(&format!("{runtime}/invocation/{{id}}/response"), post(done))
            .route(&format!("{runtime}/invocation/{{id}}/error"), post(done))
            .route(&format!("{runtime}/init/error"), post(failed))
            .fallback(elsewhere)
            .with_state(world.clone());
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?.to_string();
        let server = tokio::spawn(async move { axum::serve(listener, router).await.unwrap_or_default() });
        Ok(Self { world, address, server })
    }

    /// When the process asked for its first event.
    ///
    /// # Errors
    /// When it does not within 20 s, or says that it cannot start.
    pub async fn first_next(&self) -> Result<Instant> {
        self.until("ask for an event", |seen| seen.first_next).await
    }

    /// Hands it an event and waits until it is done with it.
    ///
    /// # Errors
    /// When it is not within 20 s.
    pub async fn invoke(&self, event: &str) -> Result<Invocation> {
        let before = {
            let mut seen = lock(&self.world);
            seen.waiting.push_back(event.to_owned());
            seen.done.len()
        };
        self.world.handed_out.notify_one();
        self.until("finish with an event", |seen| seen.done.get(before).copied()).await
    }

    async fn until<T>(&self, what: &str, found: impl Fn(&Seen) -> Option<T>) -> Result<T> {
        let deadline = Instant::now() + Duration::from_secs(20);
        loop {
            {
                let seen = lock(&self.world);
                if let Some(failure) = &seen.failure {
                    bail!("it cannot start: {failure}");
                }
                if let Some(found) = found(&seen) {
                    return Ok(found);
                }
            }
            if Instant::now() > deadline {
                bail!("it did not {what} within 20 s");
            }
            // A permit is kept if the change comes between looking and waiting.
            let _ = tokio::time::timeout(Duration::from_millis(200), self.world.changed.notified()).await;
        }
    }
}

fn lock(world: &World) -> MutexGuard<'_, Seen> {
    world.seen.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn next(State(world): State<Arc<World>>) -> Response {
    lock(&world).first_next.get_or_insert_with(Instant::now);
    world.changed.notify_one();
    let event = loop {
        let waiting = lock(&world).waiting.pop_front();
        match waiting {
            Some(event) => break event,
            None => world.handed_out.notified().await,
        }
    };
    let deadline = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default() + Duration::from_secs(30);
    let headers = [
        ("Lambda-Runtime-Aws-Request-Id", "8476a536-e9f4-11e8-9739-2dfe598c3fcd".to_owned()),
        ("Lambda-Runtime-Deadline-Ms", deadline.as_millis().to_string()),
        ("Lambda-Runtime-Invoked-Function-Arn", "arn:aws:lambda:us-east-1:000000000000:function:bench".to_owned()),
    ];
    let mut seen = lock(&world);
    seen.calls = 0;
    seen.handed = Some(Instant::now());
    (headers, event).into_response()
}

async fn done(State(world): State<Arc<World>>, Path(_id): Path<String>) -> StatusCode {
    {
        let mut seen = lock(&world);
        let took = seen.handed.take().map(|handed| handed.elapsed()).unwrap_or_default();
        let calls = seen.calls;
        seen.done.push(Invocation { took, calls });
    }
    world.changed.notify_one();
    StatusCode::ACCEPTED
}

async fn failed(State(world): State<Arc<World>>, body: String) -> StatusCode {
    lock(&world).failure = Some(body);
    world.changed.notify_one();
    StatusCode::ACCEPTED
}

/// AWS and the providers: well, and with nothing in them.
async fn elsewhere(State(world): State<Arc<World>>, headers: HeaderMap, uri: Uri, _body: Bytes) -> Response {
    lock(&world).calls += 1;
    let target = headers.get("x-amz-target").and_then(|target| target.to_str().ok()).unwrap_or_default();
    let operation = target.rsplit('.').next().unwrap_or_default();
    let kind = if target.starts_with("DynamoDB") { "application/x-amz-json-1.0" } else { "application/json" };
    ([("content-type", kind)], answer(operation, uri.path()).to_string()).into_response()
}

fn answer(operation: &str, path: &str) -> Value {
    match operation {
        "Query" | "Scan" => json!({"Items": [], "Count": 0, "ScannedCount": 0}),
        "BatchGetItem" => json!({"Responses": {}, "UnprocessedKeys": {}}),
        "PutEvents" => json!({"FailedEntryCount": 0, "Entries": [{"EventId": "1"}]}),
        "GetSecretValue" => {
            let secret = json!({
                "api_key": "sk_test_bench", "webhook_secrets": [WEBHOOK_SECRET],
                "client_id": "bench", "client_secret": "bench", "webhook_id": "WH-BENCH",
            });
            json!({"ARN": "arn", "Name": "bench", "VersionId": "1", "SecretString": secret.to_string()})
        }
        "" if path.ends_with("/oauth2/token") => json!({"access_token": "bench", "token_type": "Bearer", "expires_in": 32400}),
        _ => json!({}),
    }
}
