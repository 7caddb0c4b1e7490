//! PayPal's Orders v2 and Payments v2 APIs, the part that a shop's adapter uses, with what of its access tokens, vault and
//! transactions report goes with them: <https://developer.paypal.com/docs/api/orders/v2/>. Fields of PayPal's that are
//! not played here are unknown fields.

mod access;
mod body;
mod command;
mod error;
mod events;
mod headers;
mod money;
mod objects;
mod order;
mod page;
mod payment;
mod route;
mod shapes;
mod transactions;
mod vault;

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use axum::{
    Json, Router,
    body::Bytes,
    extract::{ConnectInfo, Path, State},
    http::{HeaderMap, HeaderValue, Method, StatusCode, Uri, header::CONTENT_TYPE},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use jiff::Timestamp;
use serde_json::Value;
use uuid::Uuid;

use self::{
    access::Access,
    command::Command,
    error::ApiError,
    objects::{Done, Execution, Objects},
    route::Route,
};
use crate::{
    World,
    exchange::{Played, to_its_end},
    faults::Kind,
    gate::Connection,
    idempotency::{Claim, Fingerprint, Keys},
    lock,
    operation::{Provider, Purpose},
    requests::Entry,
};

/// How long PayPal remembers a request id that was used for an order.
const ORDERS_RETENTION: Duration = Duration::from_hours(6);
/// How long, when it was used for a payment.
const PAYMENTS_RETENTION: Duration = Duration::from_hours(45 * 24);
/// How many characters PayPal's ids have.
const ID_LENGTH: usize = 17;

/// PayPal, with all that it knows.
#[derive(Debug)]
pub(crate) struct PayPal {
    world: Arc<World>,
    /// Its own address.
    base: String,
    access: Access,
    objects: Mutex<Objects>,
    order_keys: Keys<Answer>,
    payment_keys: Keys<Answer>,
}

/// What a request was answered, as it is saved under its id.
#[derive(Clone, Debug)]
struct Answer {
    status: u16,
    /// None: 204.
    body: Option<Value>,
    debug_id: String,
    /// The connection closes instead.
    lost: bool,
}

#[derive(Debug)]
struct Request {
    debug_id: String,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
}

/// PayPal's API, and the page on which a customer approves.
pub(crate) fn router(paypal: Arc<PayPal>) -> Router {
    Router::new()
        .route("/v1/oauth2/token", post(grant))
        .route("/v1/notifications/certs/{name}", get(certificates))
        .route("/checkoutnow", get(page::show).post(page::decide))
        .fallback(serve)
        .with_state(paypal)
}

async fn grant(State(paypal): State<Arc<PayPal>>, method: Method, uri: Uri, headers: HeaderMap, body: Bytes) -> Response {
    let request = Request::new(method, uri, headers, body);
    let now = paypal.world.clock.now();
    let entry = paypal.world.requests.arrived(request.entry(None, now));
    let (status, body) = paypal.access.grant(&request.headers, &request.body, now);
    paypal.world.requests.answered(entry, status);
    Answer { status, body: Some(body), debug_id: request.debug_id, lost: false }.response()
}

/// The certificates that webhooks are signed with. Like PayPal's own, they are everyone's to read.
async fn certificates(State(paypal): State<Arc<PayPal>>, Path(name): Path<String>) -> Response {
    paypal.world.prepare_certificates().await;
    match paypal.world.webhooks.chain(&name) {
        Some(chain) => ([(CONTENT_TYPE, "application/x-pem-file")], chain).into_response(),
        None => StatusCode::NOT_FOUND.into_response(),
    }
}

async fn serve(
    State(paypal): State<Arc<PayPal>>,
    ConnectInfo(connection): ConnectInfo<Connection>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let request = Request::new(method, uri, headers, body);
    to_its_end(connection, async move { paypal.respond(&request).await }).await
}

/// A new id, as unlikely to come twice as PayPal's own.
fn id() -> String {
    let mut id = Uuid::new_v4().simple().to_string().to_uppercase();
    id.truncate(ID_LENGTH);
    id
}

impl Played for PayPal {
    fn forget(&self) {
        *lock(&self.objects) = Objects::default();
        self.access.clear();
        self.order_keys.clear();
        self.payment_keys.clear();
    }

    fn settle(&self) {
        self.with_objects(|_, _| {});
    }
}

impl PayPal {
    /// Knows nothing yet; `base` is where it will answer.
    pub(crate) fn new(world: Arc<World>, base: String) -> Self {
        Self {
            world,
            base,
            access: Access::default(),
            objects: Mutex::default(),
            order_keys: Keys::new(ORDERS_RETENTION),
            payment_keys: Keys::new(PAYMENTS_RETENTION),
        }
    }

    /// Works on the objects, as they are by now.
    fn with_objects<T>(&self, work: impl FnOnce(&mut Objects, &Execution<'_>) -> T) -> T {
        let execution = self.execution(None, false);
        let mut objects = lock(&self.objects);
        objects.settle(&execution);
        work(&mut objects, &execution)
    }

    fn execution<'a>(&'a self, request_id: Option<&'a str>, declined: bool) -> Execution<'a> {
        Execution { world: &self.world, base: &self.base, now: self.world.clock.now(), request_id, declined }
    }

    /// None: the answer is lost.
    async fn respond(&self, request: &Request) -> Option<Response> {
        let route = Route::parse(&request.method, request.uri.path());
        let purpose = route.as_ref().map(|route| self.purpose(route, request));
        let entry = self.world.requests.arrived(request.entry(purpose.as_ref(), self.world.clock.now()));
        let answer = match (route, purpose) {
            (Some(route), Some(purpose)) => self.admit(request, route, purpose).await,
            _ => Err(ApiError::not_found()),
        };
        let answer = answer.unwrap_or_else(|error| request.refused(error));
        if answer.lost {
            return None;
        }
        self.world.requests.answered(entry, answer.status);
        Some(answer.response())
    }

    fn purpose(&self, route: &Route, request: &Request) -> Purpose {
        let order_id = match route.object() {
            Some(id) => lock(&self.objects).order_id(id),
            None => request.custom_id(),
        };
        Purpose { operation: route.operation(), order_id }
    }

    /// Everything that PayPal checks before it executes; an error here leaves the request id free.
    async fn admit(&self, request: &Request, route: Route, purpose: Purpose) -> Result<Answer, ApiError> {
        if !self.access.admits(&request.headers, self.world.clock.now()) {
            return Err(ApiError::unauthenticated());
        }
        headers::check_content_type(&request.headers, &request.body)?;
        let keys = if route.is_about_orders() { &self.order_keys } else { &self.payment_keys };
        if request.method != Method::POST {
            let command = Command::parse(route, &request.uri, &request.body)?;
            return Ok(self.strike(request, &command, &purpose, None).await);
        }
        let request_id = headers::request_id(&request.headers)?;
        let command = Command::parse(route, &request.uri, &request.body)?;
        match keys.claim(request_id, request.fingerprint(), self.world.clock.now()) {
            Claim::Execute(ticket) => {
                let answer = self.strike(request, &command, &purpose, Some(request_id)).await;
                keys.save(&ticket, answer.clone().for_repeats());
                Ok(answer)
            }
            Claim::Replay(answer) => Ok(answer),
            Claim::InFlight => Err(ApiError::in_progress()),
            Claim::Other(_) => Err(ApiError::unprocessable("PAYPAL_REQUEST_ID_PREVIOUSLY_USED").location("header")),
        }
    }

    /// Executes, as the fault that strikes it lets it.
    async fn strike(&self, request: &Request, command: &Command, purpose: &Purpose, request_id: Option<&str>) -> Answer {
        let kind = self.world.strike(Provider::PayPal, purpose).await;
        if kind == Some(Kind::Error) {
            return request.refused(ApiError::internal());
        }
        let answer = self.execute(request, command, request_id, kind == Some(Kind::Decline));
        match kind {
            Some(Kind::ErrorAfter) => request.refused(ApiError::internal()),
            Some(Kind::LoseAnswer) => Answer { lost: true, ..answer },
            _ => answer,
        }
    }

    fn execute(&self, request: &Request, command: &Command, request_id: Option<&str>, declined: bool) -> Answer {
        let execution = self.execution(request_id, declined);
        let mut objects = lock(&self.objects);
        objects.settle(&execution);
        match objects.execute(command, &execution) {
            Ok(done) => request.done(command, done),
            Err(error) => request.refused(error),
        }
    }
}

impl Request {
    fn new(method: Method, uri: Uri, headers: HeaderMap, body: Bytes) -> Self {
        Self { debug_id: Uuid::new_v4().simple().to_string(), method, uri, headers, body }
    }

    /// The order that the body of a new one names.
    fn custom_id(&self) -> Option<String> {
        let body: Value = serde_json::from_slice(&self.body).ok()?;
        body["purchase_units"][0]["custom_id"].as_str().map(Into::into)
    }

    /// Bodies are compared as JSON, not as bytes.
    fn fingerprint(&self) -> Fingerprint {
        let body = serde_json::from_slice::<Value>(&self.body).unwrap_or_else(|_| Value::Object(serde_json::Map::new()));
        Fingerprint { endpoint: format!("{} {}", self.method, self.uri.path()), parameters: body.to_string() }
    }

    fn entry(&self, purpose: Option<&Purpose>, at: Timestamp) -> Entry {
        Entry {
            provider: Provider::PayPal,
            method: self.method.to_string(),
            path: self.uri.path().into(),
            operation: purpose.map(|purpose| purpose.operation),
            order_id: purpose.and_then(|purpose| purpose.order_id.clone()),
            status: None,
            at,
        }
    }

    fn refused(&self, error: ApiError) -> Answer {
        let status = error.status;
        Answer { status, body: Some(error.body(&self.debug_id)), debug_id: self.debug_id.clone(), lost: false }
    }

    fn done(&self, command: &Command, done: Done) -> Answer {
        let whole = self.method != Method::POST || headers::wants_representation(&self.headers);
        let (status, body) = match command {
            Command::Void(_) if !whole => (204, None),
            _ if whole => (done.status, Some(done.object)),
            _ => (done.status, Some(shapes::minimal(&done.object))),
        };
        Answer { status, body, debug_id: self.debug_id.clone(), lost: false }
    }
}

impl Answer {
    /// As it is given again: what was made is not made anew.
    fn for_repeats(self) -> Self {
        let status = if self.status == 201 { 200 } else { self.status };
        Self { status, lost: false, ..self }
    }

    fn response(&self) -> Response {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut response = match &self.body {
            Some(body) => (status, Json(body)).into_response(),
            None => status.into_response(),
        };
        if let Ok(debug_id) = HeaderValue::from_str(&self.debug_id) {
            response.headers_mut().insert("paypal-debug-id", debug_id);
        }
        response
    }
}
