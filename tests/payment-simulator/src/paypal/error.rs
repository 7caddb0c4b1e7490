//! PayPal's errors: <https://developer.paypal.com/api/rest/responses/>, and the issues of
//! <https://developer.paypal.com/api/orders/v2/error-messages> and of Payments v2.

use serde_json::{Map, Value, json};

/// An error answer in the making.
#[derive(Clone, Debug)]
pub(super) struct ApiError {
    /// The HTTP status.
    pub(super) status: u16,
    name: &'static str,
    message: &'static str,
    /// What it is about in particular.
    detail: Map<String, Value>,
    links: Vec<Value>,
}

impl ApiError {
    fn new(status: u16, name: &'static str, message: &'static str) -> Self {
        Self { status, name, message, detail: Map::new(), links: Vec::new() }
    }

    /// 400: the request is not well-formed.
    pub(super) fn invalid(issue: &'static str) -> Self {
        let message = "Request is not well-formed, syntactically incorrect, or violates schema.";
        Self::new(400, "INVALID_REQUEST", message).issue(issue)
    }

    /// 401: no bearer token, or one that is none.
    pub(super) fn unauthenticated() -> Self {
        let message = "Authentication failed due to missing authorization header, or invalid authentication credentials.";
        Self::new(401, "AUTHENTICATION_FAILURE", message)
    }

    /// 404: no such path, or no such object.
    pub(super) fn not_found() -> Self {
        Self::new(404, "RESOURCE_NOT_FOUND", "The specified resource does not exist.").issue("INVALID_RESOURCE_ID")
    }

    /// 409: the same request is being executed.
    pub(super) fn in_progress() -> Self {
        let message = "The server has detected a conflict while processing this request.";
        Self::new(409, "RESOURCE_CONFLICT", message).issue("PREVIOUS_REQUEST_IN_PROGRESS")
    }

    /// 415: the body is not JSON.
    pub(super) fn unsupported_media_type() -> Self {
        let message = "The server does not support the request payload's media type.";
        Self::new(415, "UNSUPPORTED_MEDIA_TYPE", message)
    }

    /// 422: well-formed, and refused.
    pub(super) fn unprocessable(issue: &'static str) -> Self {
        let message = "The requested action could not be performed, semantically incorrect, or failed business validation.";
        Self::new(422, "UNPROCESSABLE_ENTITY", message).issue(issue)
    }

    /// 500: PayPal's own.
    pub(super) fn internal() -> Self {
        Self::new(500, "INTERNAL_SERVER_ERROR", "An internal server error has occurred.")
    }

    fn issue(mut self, issue: &'static str) -> Self {
        self.detail.insert("issue".into(), issue.into());
        self.detail.insert("description".into(), description(issue).into());
        self
    }

    fn detail(mut self, name: &str, value: &str) -> Self {
        self.detail.insert(name.into(), value.into());
        self
    }

    /// With the member of the body that it is about, as a JSON pointer.
    pub(super) fn field(self, pointer: &str) -> Self {
        self.detail("field", pointer).location("body")
    }

    /// With the value that was refused.
    pub(super) fn value(self, value: &str) -> Self {
        self.detail("value", value)
    }

    /// With the part of the request that it is about: `body`, `path`, `query` or `header`.
    pub(super) fn location(self, location: &str) -> Self {
        self.detail("location", location)
    }

    /// With a link that says where to go on.
    pub(super) fn link(mut self, link: Value) -> Self {
        self.links.push(link);
        self
    }

    /// The answer's body.
    pub(super) fn body(self, debug_id: &str) -> Value {
        let mut body = json!({"name": self.name, "message": self.message, "debug_id": debug_id, "links": self.links});
        if !self.detail.is_empty() {
            body["details"] = json!([self.detail]);
        }
        body
    }
}

fn description(issue: &str) -> &'static str {
    match issue {
        "AUTHORIZATION_ALREADY_CAPTURED" => "Authorization has previously been captured.",
        "AUTHORIZATION_DENIED" => "A denied authorization cannot be captured.",
        "AUTHORIZATION_EXPIRED" => "An expired authorization cannot be captured.",
        "AUTHORIZATION_VOIDED" => "A voided authorization cannot be captured or reauthorized.",
        "AUTH_CAPTURE_CURRENCY_MISMATCH" => "Currency of capture must be the same as currency of authorization.",
        "CANNOT_BE_VOIDED" => "This authorization cannot be voided.",
        "CANNOT_BE_ZERO_OR_NEGATIVE" => "Must be greater than zero.",
        "CAPTURE_FULLY_REFUNDED" => "The capture has already been fully refunded.",
        "DATE_RANGE" => "Date range is greater than 31 days, or ends before it starts.",
        "DECIMALS_NOT_SUPPORTED" => "Currency does not support decimals.",
        "DECIMAL_PRECISION" => "If the currency supports decimals, only two decimal place precision is supported.",
        "INSTRUMENT_DECLINED" => {
            "The instrument presented was either declined by the processor or bank, or it can't be used for this payment."
        }
        "INVALID_CURRENCY_CODE" => "Currency code is invalid or is not currently supported.",
        "INVALID_PARAMETER_SYNTAX" => "The value of a field does not conform to the expected format.",
        "INVALID_PARAMETER_VALUE" => "The value of a field is invalid.",
        "INVALID_RESOURCE_ID" => "Specified resource ID does not exist. Please check the resource ID and try again.",
        "INVALID_STRING_LENGTH" => "The value of a field is either too short or too long.",
        "MALFORMED_REQUEST_JSON" => "The request JSON is not well formed.",
        "MAX_CAPTURE_AMOUNT_EXCEEDED" => "Capture amount exceeds allowable limit.",
        "MAX_VALUE_EXCEEDED" => "Should be less than or equal to 999999999999999.99.",
        "MISSING_REQUIRED_PARAMETER" => "A required field / parameter is missing.",
        "NOT_SUPPORTED" => "This field is not currently supported.",
        "ORDER_ALREADY_AUTHORIZED" => {
            "Order already authorized. If 'intent=AUTHORIZE' only one authorization per order is allowed."
        }
        "ORDER_NOT_APPROVED" => "Payer has not yet approved the Order for payment.",
        "PAYPAL_REQUEST_ID_PREVIOUSLY_USED" => "The PayPal-Request-ID has already been used for another request.",
        "PAYPAL_REQUEST_ID_REQUIRED" => "A PayPal-Request-Id is required.",
        "PREVIOUSLY_CAPTURED" => "Authorization has been previously captured and hence cannot be voided.",
        "PREVIOUSLY_VOIDED" => "Authorization has been previously voided and hence cannot be voided again.",
        "PREVIOUS_REQUEST_IN_PROGRESS" => "A previous request on this resource is currently in progress.",
        "REFUND_AMOUNT_EXCEEDED" => {
            "The refund amount must be less than or equal to the capture amount that has not yet been refunded."
        }
        "REFUND_CAPTURE_CURRENCY_MISMATCH" => "Refund must be in the same currency as the capture.",
        "TOKEN_ID_NOT_FOUND" => "Specified token was not found. Verify the token and try the request again.",
        "TRANSACTION_REFUSED" => "The request was refused.",
        "UNKNOWN_PARAMETER" => "The simulator knows no such field here.",
        "UNSUPPORTED_INTENT" => "Only one purchase unit is supported with 'intent=AUTHORIZE'.",
        _ => "",
    }
}
