//! The control API: what was moved and asked, what is to go wrong, what time it is, and where webhooks go.

use std::sync::Arc;

use axum::{
    Json, Router,
    body::Bytes,
    extract::State,
    http::{StatusCode, Uri, header::CONTENT_TYPE},
    response::{IntoResponse, Response},
    routing::{get, put},
};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};
use url::{Url, form_urlencoded};

use crate::{
    World,
    clock::Clock,
    exchange::Played,
    faults::{Fault, Kind},
    gate::Gate,
    operation::{Operation, Provider},
    webhooks::{Proof, Replay, Target},
};

const MOST_REPLAYS: usize = 100;

/// One provider, as it is controlled.
pub(crate) struct Port {
    pub(crate) provider: Provider,
    pub(crate) gate: Gate,
    pub(crate) played: Arc<dyn Played>,
}

/// What the control API works on.
pub(crate) struct Control {
    pub(crate) world: Arc<World>,
    pub(crate) ports: Vec<Port>,
}

type Shared = State<Arc<Control>>;

/// The control API's routes.
pub(crate) fn router(control: Control) -> Router {
    Router::new()
        .route("/ledger", get(ledger))
        .route("/requests", get(requests))
        .route("/faults", get(faults).put(add_fault).delete(delete_faults))
        .route("/clock", get(clock).put(advance_clock).delete(reset_clock))
        .route("/webhooks", get(webhooks).put(set_webhook).delete(delete_webhooks))
        .route("/webhooks/events", get(webhook_events))
        .route("/webhooks/replay", put(replay_webhooks))
        .route("/paypal-root.pem", get(paypal_root))
        .route("/reset", put(reset))
        .with_state(Arc::new(control))
}

async fn ledger(State(control): Shared, uri: Uri) -> Result<Response, BadInput> {
    let order_id = order_id(uri.query().unwrap_or_default())?;
    control.settle();
    Ok(Json(control.world.ledger.lines(order_id.as_deref())).into_response())
}

async fn requests(State(control): Shared) -> Response {
    Json(control.world.requests.entries()).into_response()
}

async fn faults(State(control): Shared) -> Response {
    Json(control.world.faults.standing()).into_response()
}

async fn add_fault(State(control): Shared, body: Bytes) -> Result<Response, BadInput> {
    let fault = parse_fault(Fields::parse(&body)?)?;
    let refused = (fault.kind == Kind::Refuse).then_some(fault.provider);
    control.world.faults.add(fault);
    for port in control.ports.iter().filter(|port| Some(port.provider) == refused) {
        port.gate.set_open(false).await;
    }
    Ok(faults(State(control)).await)
}

async fn delete_faults(State(control): Shared) -> StatusCode {
    control.delete_faults().await;
    StatusCode::NO_CONTENT
}

async fn clock(State(control): Shared) -> Response {
    let clock = &control.world.clock;
    Json(json!({"now": clock.now(), "shift_seconds": clock.shift()})).into_response()
}

async fn advance_clock(State(control): Shared, body: Bytes) -> Result<Response, BadInput> {
    control.world.clock.advance(parse_advance(Fields::parse(&body)?)?);
    control.settle();
    Ok(clock(State(control)).await)
}

async fn reset_clock(State(control): Shared) -> StatusCode {
    control.world.clock.reset();
    StatusCode::NO_CONTENT
}

async fn webhooks(State(control): Shared) -> Response {
    let target = |(provider, target): (Provider, Target)| json!({"provider": provider, "url": target.url.as_str(), "events": target.events});
    Json(control.world.webhooks.targets().into_iter().map(target).collect::<Vec<_>>()).into_response()
}

async fn set_webhook(State(control): Shared, body: Bytes) -> Result<Response, BadInput> {
    let (provider, target) = parse_target(Fields::parse(&body)?)?;
    control.world.webhooks.set_target(provider, target);
    Ok(webhooks(State(control)).await)
}

async fn delete_webhooks(State(control): Shared) -> StatusCode {
    control.world.webhooks.clear_targets();
    StatusCode::NO_CONTENT
}

async fn webhook_events(State(control): Shared, uri: Uri) -> Result<Response, BadInput> {
    let order_id = order_id(uri.query().unwrap_or_default())?;
    control.settle();
    Ok(Json(control.world.webhooks.records(order_id.as_deref())).into_response())
}

async fn replay_webhooks(State(control): Shared, body: Bytes) -> Result<Response, BadInput> {
    let replay = parse_replay(Fields::parse(&body)?)?;
    Ok(Json(json!({"deliveries": control.world.replay(&replay)})).into_response())
}

async fn paypal_root(State(control): Shared) -> Response {
    control.world.prepare_certificates().await;
    match control.world.webhooks.root() {
        Some(root) => ([(CONTENT_TYPE, "application/x-pem-file")], root.to_owned()).into_response(),
        None => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

/// As just started: no objects, keys, ledger, requests, faults, events or addresses for them, ports open, the machine's time.
async fn reset(State(control): Shared) -> StatusCode {
    control.delete_faults().await;
    control.world.clock.reset();
    control.ports.iter().for_each(|port| port.played.forget());
    control.world.ledger.clear();
    control.world.requests.clear();
    control.world.webhooks.clear();
    StatusCode::NO_CONTENT
}

impl Control {
    /// Lets everything happen that is due by now, so that what is read is not behind the clock.
    fn settle(&self) {
        self.ports.iter().for_each(|port| port.played.settle());
    }

    async fn delete_faults(&self) {
        self.world.faults.clear();
        for port in &self.ports {
            port.gate.set_open(true).await;
        }
    }
}

fn order_id(query: &str) -> Result<Option<String>, BadInput> {
    let mut order_id = None;
    for (name, value) in form_urlencoded::parse(query.as_bytes()) {
        if name != "order_id" {
            return Err(BadInput::new(&name, "unknown; allowed: order_id"));
        }
        order_id = Some(value.into_owned());
    }
    Ok(order_id)
}

fn parse_fault(mut fields: Fields) -> Result<Fault, BadInput> {
    let fault = Fault {
        provider: fields.required("provider")?,
        operation: fields.optional("operation")?,
        kind: fields.required("fault")?,
        times: fields.optional("times")?.unwrap_or(1),
        delay_ms: fields.optional("delay_ms")?.unwrap_or(0),
        order_id: fields.optional("order_id")?,
    };
    fields.no_more("provider, operation, fault, times, delay_ms, order_id")?;
    check(&fault)?;
    Ok(fault)
}

fn check(fault: &Fault) -> Result<(), BadInput> {
    match fault.kind {
        Kind::Refuse => Ok(()),
        _ if fault.operation.is_none() => Err(BadInput::new("operation", "missing; only the fault refuse needs none")),
        _ if fault.times == 0 => Err(BadInput::new("times", "must be 1 or more")),
        Kind::Delay if fault.delay_ms == 0 => Err(BadInput::new("delay_ms", "must be 1 or more for the fault delay")),
        Kind::Decline if fault.operation != Some(Operation::Authorize) => {
            Err(BadInput::new("operation", "must be authorize for the fault decline"))
        }
        _ => Ok(()),
    }
}

fn parse_advance(mut fields: Fields) -> Result<i64, BadInput> {
    let seconds: i64 = fields.required("advance_seconds")?;
    fields.no_more("advance_seconds")?;
    if (-Clock::FURTHEST..=Clock::FURTHEST).contains(&seconds) {
        Ok(seconds)
    } else {
        Err(BadInput::new("advance_seconds", &format!("must be between -{0} and {0}", Clock::FURTHEST)))
    }
}

fn parse_target(mut fields: Fields) -> Result<(Provider, Target), BadInput> {
    let provider = fields.required("provider")?;
    let url = fields.required::<String>("url")?;
    let (secret, webhook_id) = (fields.optional::<String>("secret")?, fields.optional::<String>("webhook_id")?);
    let events = fields.optional::<Vec<String>>("events")?;
    fields.no_more("provider, url, secret, webhook_id, events")?;
    let proof = match (provider, secret, webhook_id) {
        (Provider::Stripe, Some(secret), None) => Proof::Secret(secret),
        (Provider::PayPal, None, Some(webhook_id)) => Proof::WebhookId(webhook_id),
        (Provider::Stripe, _, _) => return Err(BadInput::new("secret", "must be there for stripe, and no webhook_id")),
        (Provider::PayPal, _, _) => return Err(BadInput::new("webhook_id", "must be there for paypal, and no secret")),
    };
    match Url::parse(&url) {
        Ok(url) if matches!(url.scheme(), "http" | "https") => Ok((provider, Target { url, proof, events })),
        _ => Err(BadInput::new("url", "must be of http or https")),
    }
}

fn parse_replay(mut fields: Fields) -> Result<Replay, BadInput> {
    let replay = Replay {
        times: fields.optional("times")?.unwrap_or(1),
        shuffle: fields.optional("shuffle")?.unwrap_or(false),
        order_id: fields.optional("order_id")?,
    };
    fields.no_more("times, shuffle, order_id")?;
    if replay.times > MOST_REPLAYS {
        return Err(BadInput::new("times", &format!("must be {MOST_REPLAYS} or less")));
    }
    Ok(replay)
}

/// The members of a JSON object, taken one by one.
struct Fields(Map<String, Value>);

impl Fields {
    fn parse(body: &[u8]) -> Result<Self, BadInput> {
        serde_json::from_slice(body).map(Self).map_err(|error| BadInput::new("body", &format!("must be a JSON object: {error}")))
    }

    fn required<T: DeserializeOwned>(&mut self, name: &str) -> Result<T, BadInput> {
        self.optional(name)?.ok_or_else(|| BadInput::new(name, "missing"))
    }

    /// `null` is as good as nothing.
    fn optional<T: DeserializeOwned>(&mut self, name: &str) -> Result<Option<T>, BadInput> {
        let value = self.0.remove(name).unwrap_or_default();
        serde_json::from_value(value).map_err(|error| BadInput::new(name, &error.to_string()))
    }

    fn no_more(self, allowed: &str) -> Result<(), BadInput> {
        self.0.keys().next().map_or(Ok(()), |name| Err(BadInput::new(name, &format!("unknown; allowed: {allowed}"))))
    }
}

/// Control input that cannot be followed: 400, with the field and what is allowed there.
struct BadInput {
    field: String,
    message: String,
}

impl BadInput {
    fn new(field: &str, message: &str) -> Self {
        Self { field: field.into(), message: format!("{field}: {message}") }
    }
}

impl IntoResponse for BadInput {
    fn into_response(self) -> Response {
        let body = json!({"error": {"field": self.field, "message": self.message}});
        (StatusCode::BAD_REQUEST, Json(body)).into_response()
    }
}
