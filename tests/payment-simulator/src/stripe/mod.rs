//! Stripe's `PaymentIntents` API, the part that a shop's adapter uses, with what of refunds, payment methods and customers
//! goes with it: <https://docs.stripe.com/api/payment_intents>.
//! Parameters of Stripe's that are not played here are unknown parameters.

mod command;
mod currencies;
mod error;
mod events;
mod form;
mod headers;
mod intent;
mod objects;
mod page;
mod refund;
mod route;
mod shapes;
mod tokens;

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use axum::{
    Json, Router,
    body::Bytes,
    extract::{ConnectInfo, State},
    http::{HeaderMap, HeaderValue, Method, StatusCode, Uri},
    response::{IntoResponse, Response},
    routing::get,
};
use serde_json::Value;
use uuid::Uuid;

use self::{
    command::Asked,
    error::ApiError,
    form::Form,
    objects::{Execution, Objects},
    route::Route,
};
use crate::{
    World,
    exchange::{Played, to_its_end},
    faults::Kind,
    gate::Connection,
    idempotency::{Claim, Fingerprint, Keys},
    lock,
    operation::{Operation, Provider, Purpose},
    requests::Entry,
};

/// How long Stripe remembers an idempotency key.
const KEY_RETENTION: Duration = Duration::from_hours(24);
/// How many characters follow an id's prefix.
const ID_LENGTH: usize = 24;

/// Stripe, with all that it knows.
#[derive(Debug)]
pub(crate) struct Stripe {
    world: Arc<World>,
    /// Its own address.
    base: String,
    objects: Mutex<Objects>,
    keys: Keys<Answer>,
}

/// What a request was answered, as it is saved under its key.
#[derive(Clone, Debug)]
struct Answer {
    status: u16,
    body: Value,
    request_id: String,
    replayed: bool,
    /// The connection closes instead.
    lost: bool,
}

#[derive(Debug)]
struct Request {
    id: String,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
}

/// Stripe's API, and the page on which a customer authenticates.
pub(crate) fn router(stripe: Arc<Stripe>) -> Router {
    Router::new().route(page::PATH, get(page::show).post(page::decide)).fallback(serve).with_state(stripe)
}

async fn serve(
    State(stripe): State<Arc<Stripe>>,
    ConnectInfo(connection): ConnectInfo<Connection>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let request = Request { id: id("req"), method, uri, headers, body };
    to_its_end(connection, async move { stripe.respond(&request).await }).await
}

/// A new id, as unlikely to come twice as Stripe's own.
fn id(prefix: &str) -> String {
    let mut id = format!("{prefix}_{}", Uuid::new_v4().simple());
    id.truncate(prefix.len() + 1 + ID_LENGTH);
    id
}

impl Played for Stripe {
    fn forget(&self) {
        *lock(&self.objects) = Objects::default();
        self.keys.clear();
    }

    fn settle(&self) {
        self.with_objects(|_, _| {});
    }
}

impl Stripe {
    /// Knows nothing yet; `base` is where it will answer.
    pub(crate) fn new(world: Arc<World>, base: String) -> Self {
        Self { world, base, objects: Mutex::default(), keys: Keys::new(KEY_RETENTION) }
    }

    /// Works on the objects, as they are by now.
    fn with_objects<T>(&self, work: impl FnOnce(&mut Objects, &Execution<'_>) -> T) -> T {
        let execution = self.execution(None, false);
        let mut objects = lock(&self.objects);
        objects.settle(&execution);
        work(&mut objects, &execution)
    }

    fn execution<'a>(&'a self, idempotency_key: Option<&'a str>, declined: bool) -> Execution<'a> {
        Execution { world: &self.world, base: &self.base, now: self.world.clock.now(), idempotency_key, declined }
    }

    /// None: the answer is lost.
    async fn respond(&self, request: &Request) -> Option<Response> {
        let route = Route::parse(&request.method, request.uri.path());
        let form = request.form();
        let operation = route.as_ref().map(|route| route.operation(form.peek("confirm") == Some("true")));
        let order_id = route.as_ref().and_then(|route| self.order_id(route, &form));
        let entry = self.world.requests.arrived(request.entry(operation, order_id.clone(), self.world.clock.now()));
        let answer = match (route, operation) {
            (Some(route), Some(operation)) => self.admit(request, route, form, Purpose { operation, order_id }).await,
            _ => Err(ApiError::unknown_url(request.method.as_str(), request.uri.path())),
        };
        let answer = answer.unwrap_or_else(|error| request.refused(error));
        if answer.lost {
            return None;
        }
        self.world.requests.answered(entry, answer.status);
        Some(request.response(&answer))
    }

    fn order_id(&self, route: &Route, form: &Form) -> Option<String> {
        match (route, route.object().or_else(|| form.peek("payment_intent"))) {
            (Route::Create, _) => form.peek("metadata[order_id]").map(Into::into),
            (_, Some(id)) => lock(&self.objects).order_id(id),
            _ => None,
        }
    }

    /// Everything that Stripe checks before it executes; an error here leaves the idempotency key free.
    async fn admit(&self, request: &Request, route: Route, form: Form, purpose: Purpose) -> Result<Answer, ApiError> {
        headers::authenticate(&request.headers)?;
        headers::check_version(&request.headers)?;
        headers::check_content_type(&request.headers, &request.body)?;
        let key = headers::idempotency_key(&request.method, &request.headers)?;
        let fingerprint = request.fingerprint(&form);
        let asked = Asked::parse(route, form)?;
        let Some(key) = key else {
            return Ok(self.strike(request, &asked, &purpose, None).await);
        };
        match self.keys.claim(key, fingerprint, self.world.clock.now()) {
            Claim::Execute(ticket) => {
                let answer = self.strike(request, &asked, &purpose, Some(key)).await;
                self.keys.save(&ticket, Answer { lost: false, replayed: true, ..answer.clone() });
                Ok(answer)
            }
            Claim::Replay(answer) => Ok(answer),
            Claim::InFlight => Err(in_flight()),
            Claim::Other(first) => Err(other_request(key, &first, request)),
        }
    }

    /// Executes, as the fault that strikes it lets it.
    async fn strike(&self, request: &Request, asked: &Asked, purpose: &Purpose, key: Option<&str>) -> Answer {
        let kind = self.world.strike(Provider::Stripe, purpose).await;
        if kind == Some(Kind::Error) {
            return request.refused(ApiError::internal());
        }
        let answer = self.execute(request, asked, key, kind == Some(Kind::Decline));
        match kind {
            Some(Kind::ErrorAfter) => request.refused(ApiError::internal()),
            Some(Kind::LoseAnswer) => Answer { lost: true, ..answer },
            _ => answer,
        }
    }

    fn execute(&self, request: &Request, asked: &Asked, idempotency_key: Option<&str>, declined: bool) -> Answer {
        let execution = self.execution(idempotency_key, declined);
        let mut objects = lock(&self.objects);
        objects.settle(&execution);
        match objects.answer(asked, &execution) {
            Ok(body) => Answer { status: 200, body, request_id: request.id.clone(), replayed: false, lost: false },
            Err(error) => request.refused(error),
        }
    }
}

impl Request {
    fn form(&self) -> Form {
        if self.method == Method::POST {
            Form::parse(&self.body)
        } else {
            Form::parse(self.uri.query().unwrap_or_default().as_bytes())
        }
    }

    fn fingerprint(&self, form: &Form) -> Fingerprint {
        Fingerprint { endpoint: format!("{} {}", self.method, self.uri.path()), parameters: form.canonical() }
    }

    fn entry(&self, operation: Option<Operation>, order_id: Option<String>, at: jiff::Timestamp) -> Entry {
        let (method, path) = (self.method.to_string(), self.uri.path().into());
        Entry { provider: Provider::Stripe, method, path, operation, order_id, status: None, at }
    }

    fn refused(&self, error: ApiError) -> Answer {
        Answer { status: error.status, body: error.body(), request_id: self.id.clone(), replayed: false, lost: false }
    }

    fn response(&self, answer: &Answer) -> Response {
        let status = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut response = (status, Json(&answer.body)).into_response();
        let mut add = |name: &'static str, value: Option<&str>| {
            if let Some(value) = value.and_then(|value| HeaderValue::from_str(value).ok()) {
                response.headers_mut().insert(name, value);
            }
        };
        add("request-id", Some(&self.id));
        add("stripe-version", headers::text(&self.headers, "stripe-version"));
        add("idempotency-key", headers::text(&self.headers, "idempotency-key"));
        add("idempotent-replayed", answer.replayed.then_some("true"));
        add("original-request", answer.replayed.then_some(&answer.request_id));
        response
    }
}

fn in_flight() -> ApiError {
    let message = "There is currently another in-progress request using this idempotency key: wait for it, or use another key.";
    ApiError::idempotency(409, message).code("idempotency_key_in_use")
}

fn other_request(key: &str, first: &Fingerprint, request: &Request) -> ApiError {
    let now = format!("{} {}", request.method, request.uri.path());
    let same = if first.endpoint == now {
        "with the same parameters they were first used with".to_owned()
    } else {
        format!("for the same endpoint they were first used for ('{}' vs '{now}')", first.endpoint)
    };
    let message = format!("Keys for idempotent requests can only be used {same}. Try using a key other than '{key}'.");
    ApiError::idempotency(400, message)
}
