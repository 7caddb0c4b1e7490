//! What the functions behind the gateway have in common: who calls, problems in RFC 9457's format, and one place that
//! turns a panic or an error into the contract's 500.

use std::{collections::BTreeMap, panic::AssertUnwindSafe};

use aws_lambda_events::event::apigw::ApiGatewayProxyRequestContext;
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use futures_util::FutureExt;
use lambda_http::{
    Body, Request, RequestExt, Response,
    http::{HeaderValue, header},
    request::RequestContext,
};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Map, Value, json};

use crate::domain::ids::CustomerId;

/// An answer to an HTTP request.
pub type Answer = Response<Body>;

/// Who calls: the claims of the ID token that the gateway's authorizer verified.
#[derive(Clone)]
pub struct Caller {
    /// Her identity.
    pub customer_id: CustomerId,
    /// Her e-mail address. The user pool changes it only once she has verified the new one.
    pub email: String,
    groups: Vec<String>,
}

impl Caller {
    /// The caller of this request.
    ///
    /// # Errors
    /// A 401 [`Problem`]: no token, or one that is no ID token. The gateway lets access tokens pass, which carry no e-mail.
    pub fn of(request: &Request) -> Result<Self, Problem> {
        let context = context(request).ok_or_else(Problem::unauthorized)?;
        let claims = context.authorizer.fields.get("claims").cloned().unwrap_or_default();
        let claim =
            |name: &str| claims.get(name).and_then(Value::as_str).filter(|value| !value.is_empty()).map(ToOwned::to_owned);
        match (claim("token_use").as_deref(), claim("sub"), claim("email")) {
            (Some("id"), Some(customer_id), Some(email)) => {
                let groups = groups(&claims["cognito:groups"]);
                Ok(Self { customer_id: CustomerId(customer_id), email, groups })
            }
            _ => Err(Problem::unauthorized()),
        }
    }

    /// Whether she runs the shop.
    pub fn is_admin(&self) -> bool {
        self.groups.iter().any(|group| group == "admin" || group == "superadmin")
    }
}

/// The gateway hands a list on as text: comma-separated, or in brackets with spaces.
fn groups(claim: &Value) -> Vec<String> {
    let text = claim.as_str().unwrap_or_default().trim_start_matches('[').trim_end_matches(']');
    text.split([',', ' ']).filter(|group| !group.is_empty()).map(ToOwned::to_owned).collect()
}

fn context(request: &Request) -> Option<&ApiGatewayProxyRequestContext> {
    match request.request_context_ref()? {
        RequestContext::ApiGatewayV1(context) => Some(context),
        _ => None,
    }
}

/// The gateway's id of the request: what the caller sees as `instance`, and what joins the logs.
pub fn correlation_id(request: &Request) -> String {
    context(request).and_then(|context| context.request_id.clone()).unwrap_or_default()
}

/// The method, and the route that the gateway matched, as `openapi.yaml` writes it: `GET /v1/orders/{order_id}`.
pub fn route(request: &Request) -> String {
    let path = context(request).and_then(|context| context.resource_path.as_deref()).unwrap_or_default();
    format!("{} {path}", request.method())
}

/// One wrong field of a request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FieldError {
    /// Where: an RFC 6901 JSON pointer into the body, or the name of the header or query parameter.
    pub pointer: String,
    /// What is wrong and how to fix it.
    pub detail: String,
}

impl FieldError {
    /// This is wrong there.
    pub fn new(pointer: impl Into<String>, detail: impl Into<String>) -> Self {
        Self { pointer: pointer.into(), detail: detail.into() }
    }
}

/// An error as the contract answers it: `application/problem+json`.
#[derive(Clone, Debug, PartialEq)]
pub struct Problem {
    /// The HTTP status.
    pub status: u16,
    /// The contract's code, for programs.
    pub code: &'static str,
    title: &'static str,
    detail: String,
    extra: Map<String, Value>,
    retry_after: Option<u64>,
    allow: Option<&'static str>,
}

impl Problem {
    /// A problem with this status and code; `detail` says exactly what is wrong and how to fix it.
    pub fn new(status: u16, code: &'static str, title: &'static str, detail: impl Into<String>) -> Self {
        Self { status, code, title, detail: detail.into(), extra: Map::new(), retry_after: None, allow: None }
    }

    /// With one more member.
    #[must_use]
    pub fn with(mut self, member: &str, value: impl Serialize) -> Self {
        self.extra.insert(member.into(), serde_json::to_value(value).unwrap_or_default());
        self
    }

    /// Worth another try after this many seconds.
    #[must_use]
    pub fn retry_after(mut self, seconds: u64) -> Self {
        self.retry_after = Some(seconds);
        self
    }

    /// 400: these fields are wrong, all of them at once.
    pub fn validation(errors: &[FieldError]) -> Self {
        let count = errors.len();
        let detail =
            format!("{count} field{} must be corrected; `errors` says which and how.", if count == 1 { "" } else { "s" });
        Self::new(400, "validation_failed", "The request is not valid", detail).with("errors", errors)
    }

    /// 401.
    pub fn unauthorized() -> Self {
        let detail = "Sign in and send the Cognito ID token as `Authorization: Bearer <token>`; an access token is not enough.";
        Self::new(401, "unauthorized", "You are not signed in", detail)
    }

    /// 403.
    pub fn forbidden(detail: impl Into<String>) -> Self {
        Self::new(403, "forbidden", "You may not do this", detail)
    }

    /// 404.
    pub fn not_found(detail: impl Into<String>) -> Self {
        Self::new(404, "not_found", "There is no such thing", detail)
    }

    /// 405: a path of ours, but none of its methods.
    pub fn method_not_allowed(allowed: &'static str) -> Self {
        let detail = format!("This path takes {allowed} only.");
        let problem = Self::new(405, "method_not_allowed", "The method is not allowed", detail);
        Self { allow: Some(allowed), ..problem }
    }

    /// 500: ours. The detail is in the log, under the correlation id.
    pub fn internal() -> Self {
        let detail = "This is our fault and has been logged. Please try again with the same key.";
        Self::new(500, "internal", "Something went wrong on our side", detail)
    }

    /// 503: a table or a service that the answer needs does not answer.
    pub fn overloaded() -> Self {
        let detail = "The shop is very busy. Nothing was lost; please try again shortly with the same key.";
        Self::new(503, "overloaded", "Please try again shortly", detail).retry_after(2)
    }

    /// The body that goes out.
    pub fn body(&self, instance: &str) -> String {
        let mut body = json!({
            "type": format!("urn:souk:problem:{}", self.code),
            "title": self.title,
            "status": self.status,
            "detail": self.detail,
            "instance": instance,
            "code": self.code,
        });
        if let Some(members) = body.as_object_mut() {
            members.extend(self.extra.clone());
        }
        body.to_string()
    }

    /// The answer.
    pub fn answer(&self, instance: &str) -> Answer {
        let mut answer = json_answer(self.status, self.body(instance));
        answer.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        if let Some(allowed) = self.allow {
            answer.headers_mut().insert(header::ALLOW, HeaderValue::from_static(allowed));
        }
        if let Some(seconds) = self.retry_after {
            answer.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        answer
    }
}

/// An answer with this JSON body. Nothing on the way may keep it.
pub fn json_answer(status: u16, body: String) -> Answer {
    let mut answer = Response::new(Body::Text(body));
    *answer.status_mut() = lambda_http::http::StatusCode::from_u16(status).unwrap_or_default();
    answer.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    answer.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    answer
}

/// Runs a handler and answers what it says. A problem becomes its answer, a panic the contract's 500: the gateway never
/// sees a failed function, whose error text it would pass on.
///
/// # Errors
/// None: the runtime's signature asks for one.
pub async fn respond<F>(request: Request, handle: impl FnOnce(Request) -> F) -> Result<Answer, std::convert::Infallible>
where
    F: Future<Output = Result<Answer, Problem>>,
{
    let instance = correlation_id(&request);
    let outcome = AssertUnwindSafe(handle(request)).catch_unwind().await;
    Ok(match outcome {
        Ok(Ok(answer)) => answer,
        Ok(Err(problem)) => {
            tracing::info!(correlation_id = instance, status = problem.status, code = problem.code, "answered a problem");
            problem.answer(&instance)
        }
        Err(_) => {
            tracing::error!(correlation_id = instance, "the handler panicked");
            Problem::internal().answer(&instance)
        }
    })
}

/// A query parameter `limit`: 1 to 100, 20 when there is none.
///
/// # Errors
/// A 400 [`Problem`].
pub fn limit(request: &Request) -> Result<i32, Problem> {
    let parameters = request.query_string_parameters();
    let Some(text) = parameters.first("limit") else { return Ok(20) };
    let number = text.parse().ok().filter(|number| (1..=100).contains(number));
    number.ok_or_else(|| Problem::validation(&[FieldError::new("?limit", "must be a whole number from 1 to 100")]))
}

/// An opaque cursor for where the next page begins.
pub fn cursor(start: &BTreeMap<String, String>) -> String {
    URL_SAFE_NO_PAD.encode(serde_json::to_vec(start).unwrap_or_default())
}

/// Where the page begins that the query parameter `cursor` asks for.
///
/// # Errors
/// A 400 [`Problem`], when the cursor is none of ours.
pub fn start_of_page<T: DeserializeOwned>(request: &Request) -> Result<Option<T>, Problem> {
    let parameters = request.query_string_parameters();
    let Some(text) = parameters.first("cursor") else { return Ok(None) };
    let bytes = URL_SAFE_NO_PAD.decode(text).ok();
    let start = bytes.and_then(|bytes| serde_json::from_slice(&bytes).ok());
    start.map(Some).ok_or_else(wrong_cursor)
}

/// 400: the cursor is none of ours, or another list's.
pub fn wrong_cursor() -> Problem {
    let detail = "must be a `next_cursor` of an earlier answer for the same list, unchanged";
    Problem::validation(&[FieldError::new("?cursor", detail)])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_problem_has_every_member_of_the_contract() {
        let problem = Problem::validation(&[FieldError::new("/items", "must have 1 to 40 lines")]);
        let body: Value = serde_json::from_str(&problem.body("req-1")).unwrap();
        for member in ["type", "title", "status", "detail", "instance", "code", "errors"] {
            assert!(!body[member].is_null(), "{member}");
        }
        assert_eq!(body["instance"], "req-1");
    }

    #[test]
    fn a_problem_that_is_worth_another_try_says_when() {
        let answer = Problem::overloaded().answer("req-1");
        assert_eq!(answer.status(), 503);
        assert_eq!(answer.headers()[header::RETRY_AFTER], "2");
        assert_eq!(answer.headers()[header::CONTENT_TYPE], "application/problem+json");
    }

    #[tokio::test]
    async fn a_panic_is_answered_as_the_contracts_500_without_its_text() {
        let request = Request::new(Body::Empty);
        let answer = respond(request, |_| async { panic!("secret text") }).await.unwrap();
        assert_eq!(answer.status(), 500);
        assert!(!format!("{:?}", answer.body()).contains("secret"));
    }

    #[test]
    fn groups_are_read_in_every_format_and_never_by_substring() {
        for claim in ["admin", "customer,admin", "[customer admin]", "superadmin"] {
            assert!(groups(&json!(claim)).iter().any(|group| group == "admin" || group == "superadmin"), "{claim}");
        }
        for claim in [json!("customer"), json!("not-admin"), json!("[customer administrator]"), Value::Null] {
            assert!(groups(&claim).iter().all(|group| group != "admin" && group != "superadmin"), "{claim}");
        }
    }

    #[test]
    fn an_access_token_is_not_enough() {
        let caller = |claims: Value| {
            let event = json!({
                "httpMethod": "GET", "path": "/v1/orders", "resource": "/v1/orders", "headers": {}, "multiValueHeaders": {},
                "requestContext": {"httpMethod": "GET", "requestId": "r", "resourcePath": "/v1/orders", "authorizer": {"claims": claims}},
            });
            Caller::of(&lambda_http::request::from_str(&event.to_string()).unwrap()).map(|caller| caller.customer_id.0)
        };
        assert_eq!(caller(json!({"token_use": "id", "sub": "kareem", "email": "k@souk.example"})), Ok("kareem".into()));
        for claims in
            [json!({"token_use": "access", "sub": "kareem", "email": "k@souk.example"}), json!({"sub": "kareem"}), json!({})]
        {
            assert_eq!(caller(claims), Err(Problem::unauthorized()));
        }
    }
}
