//! The control API: what was called, what is to go wrong, and whose a key is.

use std::sync::Arc;

use axum::{
    Json, Router,
    body::Bytes,
    extract::{Path, State},
    http::{StatusCode, Uri},
    response::{IntoResponse, Response},
    routing::{get, post, put},
};
use serde::{Deserialize, Deserializer, de::DeserializeOwned};
use serde_json::{Value, json};
use url::form_urlencoded;

use crate::{
    World,
    calls::is_name,
    faults::{Fault, Kind},
    orders::{SHORTEST_ALIAS, is_order_id},
};

type Shared = State<Arc<World>>;

/// The control API's routes.
pub(crate) fn router(world: Arc<World>) -> Router {
    Router::new()
        .route("/health", get(health))
        .route("/calls", get(calls).delete(delete_calls))
        .route("/activity", get(activity))
        .route("/emails", get(emails))
        .route("/faults", get(faults).put(add_fault).delete(delete_faults))
        .route("/faults/{id}", get(fault).delete(withdraw_fault))
        .route("/thaw", post(thaw))
        .route("/aliases", put(add_alias))
        .with_state(world)
}

async fn health() -> Json<Value> {
    Json(json!({"status": "ok"}))
}

async fn calls(State(world): Shared, uri: Uri) -> Result<Response, BadInput> {
    let order_id = wanted_order(uri.query().unwrap_or_default())?;
    Ok(Json(world.calls.calls(order_id.as_deref())).into_response())
}

async fn delete_calls(State(world): Shared) -> StatusCode {
    world.calls.clear();
    StatusCode::NO_CONTENT
}

async fn activity(State(world): Shared, uri: Uri) -> Result<Response, BadInput> {
    Ok(Json(world.calls.activity(&named_order(&uri)?)).into_response())
}

async fn emails(State(world): Shared, uri: Uri) -> Result<Response, BadInput> {
    let order_id = named_order(&uri)?;
    Ok(Json(world.calls.emails(&order_id)).into_response())
}

async fn faults(State(world): Shared, uri: Uri) -> Result<Response, BadInput> {
    let order_id = wanted_order(uri.query().unwrap_or_default())?;
    Ok(Json(world.faults.reports(order_id.as_deref())).into_response())
}

async fn add_fault(State(world): Shared, body: Bytes) -> Result<Response, BadInput> {
    let fault = NewFault::parse(&body)?;
    let id = world.faults.add(fault).ok_or_else(|| BadInput::new("call", "a fault stands for it already"))?;
    Ok(Json(json!({"id": id})).into_response())
}

async fn delete_faults(State(world): Shared) -> StatusCode {
    world.faults.clear();
    StatusCode::NO_CONTENT
}

async fn fault(State(world): Shared, Path(id): Path<String>) -> Result<Response, BadInput> {
    let told = world.faults.told(fault_id(&id)?);
    Ok(told.map_or_else(|| StatusCode::NOT_FOUND.into_response(), |report| Json(report).into_response()))
}

/// Takes back a fault that nothing met.
async fn withdraw_fault(State(world): Shared, Path(id): Path<String>) -> Result<Response, BadInput> {
    let id = fault_id(&id)?;
    if world.faults.withdraw(id) {
        return Ok(StatusCode::NO_CONTENT.into_response());
    }
    let body = json!({"error": {"field": "id", "message": "id: no fault of this id stands"}});
    Ok((StatusCode::CONFLICT, Json(body)).into_response())
}

async fn thaw(State(world): Shared, body: Bytes) -> Result<Response, BadInput> {
    let Thaw { order_id, call } = parse(&body)?;
    check_call(order_id.as_deref(), &call)?;
    if world.faults.thaw(order_id.as_deref(), &call) {
        return Ok(StatusCode::NO_CONTENT.into_response());
    }
    let body = json!({"error": {"field": "call", "message": "call: none of this name is held now"}});
    Ok((StatusCode::CONFLICT, Json(body)).into_response())
}

async fn add_alias(State(world): Shared, body: Bytes) -> Result<StatusCode, BadInput> {
    let Alias { alias, order_id } = parse(&body)?;
    if alias.len() < SHORTEST_ALIAS {
        return Err(BadInput::new("alias", &format!("must have {SHORTEST_ALIAS} characters or more")));
    }
    check_order(Some(&order_id))?;
    world.orders.alias(&alias, order_id);
    Ok(StatusCode::NO_CONTENT)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NewFault {
    #[serde(deserialize_with = "present")]
    order_id: Option<String>,
    call: String,
    fault: Kind,
    delay_ms: Option<u64>,
    resume: Option<Resume>,
    #[serde(default)]
    every_try: bool,
}

/// How a frozen call goes on.
#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Resume {
    /// When it is thawed.
    Manual,
}

impl NewFault {
    fn parse(body: &[u8]) -> Result<Fault, BadInput> {
        let new: Self = parse(body)?;
        check_call(new.order_id.as_deref(), &new.call)?;
        match (new.fault, new.delay_ms, new.resume) {
            (Kind::Delay, None | Some(0), _) => Err(BadInput::new("delay_ms", "must be 1 or more for the fault delay")),
            (kind, Some(_), _) if kind != Kind::Delay => Err(BadInput::new("delay_ms", "only for the fault delay")),
            (kind, _, Some(Resume::Manual)) if kind != Kind::Freeze => Err(BadInput::new("resume", "only for the fault freeze")),
            (kind, ..) if new.every_try && !kind.may_strike_again() => {
                Err(BadInput::new("every_try", "only for the faults refuse, error and throttle"))
            }
            (kind, delay_ms, _) => Ok(Fault {
                order_id: new.order_id,
                call: new.call,
                kind,
                delay_ms: delay_ms.unwrap_or(0),
                every_try: new.every_try,
            }),
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Thaw {
    #[serde(deserialize_with = "present")]
    order_id: Option<String>,
    call: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Alias {
    alias: String,
    order_id: String,
}

/// `null` must be written: it means the calls of no order, and is too much for something forgotten.
fn present<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    Option::deserialize(deserializer)
}

fn parse<T: DeserializeOwned>(body: &[u8]) -> Result<T, BadInput> {
    serde_json::from_slice(body).map_err(|error| BadInput::new("body", &error.to_string()))
}

fn check_call(order_id: Option<&str>, call: &str) -> Result<(), BadInput> {
    check_order(order_id)?;
    if is_name(call) {
        Ok(())
    } else {
        Err(BadInput::new("call", "must be caller/service.Operation#1 or caller/service.Operation(Table)#1"))
    }
}

fn fault_id(text: &str) -> Result<u64, BadInput> {
    text.parse().map_err(|_| BadInput::new("id", "must be a number"))
}

fn check_order(order_id: Option<&str>) -> Result<(), BadInput> {
    if order_id.is_none_or(is_order_id) {
        Ok(())
    } else {
        Err(BadInput::new("order_id", "must be ord_ and 32 hexadecimal digits"))
    }
}

fn named_order(uri: &Uri) -> Result<String, BadInput> {
    wanted_order(uri.query().unwrap_or_default())?.ok_or_else(|| BadInput::new("order_id", "is missing"))
}

fn wanted_order(query: &str) -> Result<Option<String>, BadInput> {
    let mut order_id = None;
    for (name, value) in form_urlencoded::parse(query.as_bytes()) {
        if name != "order_id" {
            return Err(BadInput::new(&name, "unknown; allowed: order_id"));
        }
        check_order(Some(&value))?;
        order_id = Some(value.into_owned());
    }
    Ok(order_id)
}

/// Control input that cannot be followed: 400, with the field and what is wrong with it.
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
