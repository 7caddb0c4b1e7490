//! Stripe's errors: <https://docs.stripe.com/api/errors>.

use serde_json::{Map, Value, json};

const INVALID_REQUEST: &str = "invalid_request_error";

/// An error answer in the making.
#[derive(Clone, Debug)]
pub(super) struct ApiError {
    /// The HTTP status.
    pub(super) status: u16,
    fields: Map<String, Value>,
}

impl ApiError {
    fn new(status: u16, kind: &str, message: impl Into<String>) -> Self {
        let fields = [("type".into(), kind.into()), ("message".into(), Value::String(message.into()))];
        Self { status, fields: fields.into_iter().collect() }
    }

    /// 400: the request cannot be followed.
    pub(super) fn invalid(message: impl Into<String>) -> Self {
        Self::new(400, INVALID_REQUEST, message)
    }

    /// 401: no key, or one that is none.
    pub(super) fn unauthorized(message: impl Into<String>) -> Self {
        Self::new(401, INVALID_REQUEST, message)
    }

    /// 402: the card was refused.
    pub(super) fn card(message: impl Into<String>) -> Self {
        Self::new(402, "card_error", message)
    }

    /// 404: no such path.
    pub(super) fn unknown_url(method: &str, path: &str) -> Self {
        Self::new(404, INVALID_REQUEST, format!("Unrecognized request URL ({method}: {path})."))
    }

    /// 404: no such object.
    pub(super) fn no_such(object: &str, id: &str, param: &str) -> Self {
        Self { status: 404, ..Self::no_such_parameter(object, id, param) }
    }

    /// 400: a parameter names an object that does not exist.
    pub(super) fn no_such_parameter(object: &str, id: &str, param: &str) -> Self {
        Self::invalid(format!("No such {object}: '{id}'")).code("resource_missing").param(param)
    }

    /// 400 or 409: the idempotency key is taken.
    pub(super) fn idempotency(status: u16, message: impl Into<String>) -> Self {
        Self::new(status, "idempotency_error", message)
    }

    /// 500: Stripe's own.
    pub(super) fn internal() -> Self {
        Self::new(500, "api_error", "An unknown error occurred.")
    }

    pub(super) fn missing(param: &str) -> Self {
        Self::invalid(format!("Missing required param: {param}.")).code("parameter_missing").param(param)
    }

    pub(super) fn empty(param: &str) -> Self {
        let message = format!("You passed an empty string for '{param}'. Leave it out or give it a value.");
        Self::invalid(message).code("parameter_invalid_empty").param(param)
    }

    pub(super) fn unknown_parameter(param: &str) -> Self {
        Self::invalid(format!("Received unknown parameter: {param}")).code("parameter_unknown").param(param)
    }

    pub(super) fn invalid_integer(param: &str, value: &str) -> Self {
        Self::invalid(format!("Invalid integer: {value}")).code("parameter_invalid_integer").param(param)
    }

    pub(super) fn too_low(param: &str) -> Self {
        let message = "This value must be greater than or equal to 1.";
        Self::invalid(message).code("parameter_invalid_integer").param(param)
    }

    /// With Stripe's code: <https://docs.stripe.com/error-codes>.
    pub(super) fn code(self, code: &str) -> Self {
        let page = format!("https://docs.stripe.com/error-codes/{}", code.replace('_', "-"));
        self.with("code", code).with("doc_url", page)
    }

    /// With the parameter that it is about.
    pub(super) fn param(self, param: &str) -> Self {
        self.with("param", param)
    }

    /// With another field of the error object.
    pub(super) fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.fields.insert(name.into(), value.into());
        self
    }

    /// The error object itself.
    pub(super) fn object(&self) -> Value {
        Value::Object(self.fields.clone())
    }

    /// The answer's body.
    pub(super) fn body(self) -> Value {
        json!({"error": self.fields})
    }
}
