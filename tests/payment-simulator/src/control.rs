//! The control API: what was moved and asked, what is to go wrong, and what time it is.

use std::sync::Arc;

use axum::{
    Json, Router,
    body::Bytes,
    extract::State,
    http::{StatusCode, Uri},
    response::{IntoResponse, Response},
    routing::{get, put},
};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};
use url::form_urlencoded;

use crate::{
    World,
    clock::Clock,
    faults::{Fault, Kind},
    gate::Gate,
    operation::{Operation, Provider},
};

/// One provider, as it is controlled.
pub(crate) struct Port {
    pub(crate) provider: Provider,
    pub(crate) gate: Gate,
    /// Makes the provider forget its objects and keys.
    pub(crate) forget: Box<dyn Fn() + Send + Sync>,
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
        .route("/reset", put(reset))
        .with_state(Arc::new(control))
}

async fn ledger(State(control): Shared, uri: Uri) -> Result<Response, BadInput> {
    let order_id = order_id(uri.query().unwrap_or_default())?;
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
    Ok(clock(State(control)).await)
}

async fn reset_clock(State(control): Shared) -> StatusCode {
    control.world.clock.reset();
    StatusCode::NO_CONTENT
}

/// As just started: no objects, keys, ledger, requests or faults, ports open, the machine's time.
async fn reset(State(control): Shared) -> StatusCode {
    control.delete_faults().await;
    control.world.clock.reset();
    control.ports.iter().for_each(|port| (port.forget)());
    control.world.ledger.clear();
    control.world.requests.clear();
    StatusCode::NO_CONTENT
}

impl Control {
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
