//! Answers: those that upstreams give, and those that are made up in their shape.

use http_body_util::Full;
use hyper::{
    HeaderMap, Response, StatusCode,
    body::Bytes,
    header::{CONTENT_TYPE, HeaderName, HeaderValue},
};
use serde_json::{Value, json};

use crate::{identity::Identity, upstream::Upstream};

const ERROR_TYPE: HeaderName = HeaderName::from_static("x-amzn-errortype");
const JSON: HeaderValue = HeaderValue::from_static("application/json");
const AWS_JSON: HeaderValue = HeaderValue::from_static("application/x-amz-json-1.0");
const XML: HeaderValue = HeaderValue::from_static("application/xml");
const DYNAMODB: &str = "com.amazonaws.dynamodb.v20120810#";

/// A whole answer.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl From<Answer> for Response<Full<Bytes>> {
    fn from(answer: Answer) -> Self {
        let mut response = Response::new(Full::new(answer.body));
        *response.status_mut() = answer.status;
        *response.headers_mut() = answer.headers;
        response
    }
}

/// A failure of the service's own, in the shape in which this service tells it.
pub(crate) fn internal_error(call: &Identity) -> Answer {
    let status = StatusCode::INTERNAL_SERVER_ERROR;
    match call.upstream {
        Upstream::Aws if call.service == "s3" => s3_error(status, "InternalError", "We encountered an internal error."),
        Upstream::Aws => aws_error(call, status, "InternalServerError", json!({"message": "Internal server error"})),
        Upstream::Stripe => stripe_error(status, &json!({"type": "api_error", "message": "An unknown error occurred."})),
        Upstream::Paypal => paypal_error(status, "INTERNAL_SERVER_ERROR", "An internal server error has occurred."),
    }
}

/// A refusal of this call for too many calls, or, for a transaction of so many items, for another one under way.
pub(crate) fn throttled(call: &Identity, transaction_items: Option<usize>) -> Answer {
    let too_many = StatusCode::TOO_MANY_REQUESTS;
    match call.upstream {
        Upstream::Aws => aws_throttled(call, transaction_items),
        Upstream::Stripe => {
            let error = json!({"type": "invalid_request_error", "code": "rate_limit", "message": "Request rate limit exceeded."});
            stripe_error(too_many, &error)
        }
        Upstream::Paypal => paypal_error(too_many, "RATE_LIMIT_REACHED", "Too many requests. Blocked due to rate limiting."),
    }
}

fn aws_throttled(call: &Identity, transaction_items: Option<usize>) -> Answer {
    let status = StatusCode::BAD_REQUEST;
    match (call.service.as_str(), transaction_items) {
        ("s3", _) => s3_error(StatusCode::SERVICE_UNAVAILABLE, "SlowDown", "Please reduce your request rate."),
        ("dynamodb", Some(items)) => aws_error(call, status, "TransactionCanceledException", conflicts(items)),
        ("dynamodb", None) => {
            let message = "The level of configured provisioned throughput for the table was exceeded.";
            aws_error(call, status, "ProvisionedThroughputExceededException", json!({"message": message}))
        }
        _ => aws_error(call, status, "ThrottlingException", json!({"message": "Rate exceeded"})),
    }
}

/// Every item of the transaction is in another one.
fn conflicts(items: usize) -> Value {
    let codes = vec!["TransactionConflict"; items].join(", ");
    let reason = json!({"Code": "TransactionConflict", "Message": "Transaction is ongoing for the item"});
    json!({
        "Message": format!("Transaction cancelled, please refer cancellation reasons for specific reasons [{codes}]"),
        "CancellationReasons": vec![reason; items],
    })
}

fn aws_error(call: &Identity, status: StatusCode, code: &'static str, mut body: Value) -> Answer {
    let prefix = if call.service == "dynamodb" { DYNAMODB } else { "" };
    body["__type"] = format!("{prefix}{code}").into();
    let mut answer = answer(status, AWS_JSON, body.to_string());
    answer.headers.insert(ERROR_TYPE, HeaderValue::from_static(code));
    answer
}

fn s3_error(status: StatusCode, code: &str, message: &str) -> Answer {
    let body =
        format!("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>{code}</Code><Message>{message}</Message></Error>");
    answer(status, XML, body)
}

fn stripe_error(status: StatusCode, error: &Value) -> Answer {
    answer(status, JSON, json!({"error": error}).to_string())
}

fn paypal_error(status: StatusCode, name: &str, message: &str) -> Answer {
    let body = json!({"name": name, "message": message, "debug_id": "f0000000000000", "details": [], "links": []});
    answer(status, JSON, body.to_string())
}

fn answer(status: StatusCode, content_type: HeaderValue, body: String) -> Answer {
    let mut headers = HeaderMap::new();
    headers.insert(CONTENT_TYPE, content_type);
    Answer { status, headers, body: body.into() }
}
