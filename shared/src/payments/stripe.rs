//! Stripe, through its `PaymentIntents` API: <https://docs.stripe.com/api/payment_intents>.

use std::time::Duration;

use async_trait::async_trait;
use aws_config::SdkConfig;
use reqwest::{Client, RequestBuilder, StatusCode, Url};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use tokio::time::timeout;
use uuid::Uuid;

use super::{PaymentError, PaymentGateway, PaymentState, secret::CachedSecret};
use crate::{
    config::{self, Missing},
    domain::{ids::OrderId, money::Money},
};

/// The API's version that this adapter was written for; pinned, so that Stripe's changes come when we choose.
pub const API_VERSION: &str = "2025-09-30.clover";

const PROVIDER: &str = "stripe";

/// The limits on calls to Stripe.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// To connect.
    pub connect: Duration,
    /// For one call.
    pub call: Duration,
}

/// Where Stripe's key comes from.
#[derive(Debug)]
enum Key {
    Stored(CachedSecret),
    Given(SecretString),
}

/// The adapter.
#[derive(Debug)]
pub struct Stripe {
    http: Client,
    base_url: Url,
    return_url: String,
    key: Key,
    call_limit: Duration,
}

impl Stripe {
    /// From `STRIPE_BASE_URL`, `STRIPE_SECRET_ID`, `SHOP_URL` and the limits.
    ///
    /// # Errors
    /// [`Missing`].
    pub fn from_env(aws: &SdkConfig) -> Result<Self, Missing> {
        let secrets = aws_sdk_secretsmanager::Client::new(aws);
        let key = Key::Stored(CachedSecret::new(secrets, config::text("STRIPE_SECRET_ID")?));
        let limits =
            Limits { connect: config::millis("PROVIDER_CONNECT_TIMEOUT_MS")?, call: config::millis("PROVIDER_CALL_TIMEOUT_MS")? };
        let base_url = config::url("STRIPE_BASE_URL")?;
        Ok(Self::with_key(base_url, config::text("SHOP_URL")?, key, limits))
    }

    /// With a key that is at hand, for tests.
    pub fn new(base_url: Url, return_url: impl Into<String>, key: SecretString, limits: Limits) -> Self {
        Self::with_key(base_url, return_url.into(), Key::Given(key), limits)
    }

    fn with_key(base_url: Url, return_url: String, key: Key, limits: Limits) -> Self {
        let http = Client::builder()
            .connect_timeout(limits.connect)
            .timeout(limits.call)
            .pool_idle_timeout(Duration::from_mins(5))
            .build()
            .unwrap_or_default();
        Self { http, base_url, return_url, key, call_limit: limits.call }
    }

    async fn key(&self) -> Result<SecretString, PaymentError> {
        match &self.key {
            Key::Given(key) => Ok(key.clone()),
            Key::Stored(secret) => secret.get().await.map_err(failed),
        }
    }

    fn url(&self, path: &str) -> Result<Url, PaymentError> {
        self.base_url.join(path).map_err(|error| failed(error.to_string()))
    }

    async fn post(&self, path: &str, form: &[(&str, &str)]) -> Result<PaymentIntent, PaymentError> {
        // A new key for each decision to send: Stripe replays saved answers, its own errors among them.
        let request = self.http.post(self.url(path)?).header("Idempotency-Key", Uuid::new_v4().to_string()).form(form);
        self.send(request).await
    }

    async fn send(&self, request: RequestBuilder) -> Result<PaymentIntent, PaymentError> {
        let key = self.key().await?;
        let request = request.bearer_auth(key.expose_secret()).header("Stripe-Version", API_VERSION);
        let answer = match timeout(self.call_limit, request.send()).await {
            Err(_) => return Err(unknown("no answer in time")),
            Ok(Err(error)) if error.is_connect() || error.is_builder() => return Err(failed("no connection")),
            Ok(Err(error)) if error.is_timeout() => return Err(unknown("no answer in time")),
            Ok(Err(_)) => return Err(unknown("the connection broke")),
            Ok(Ok(answer)) => answer,
        };
        let status = answer.status();
        let body = answer.bytes().await.map_err(|_| unknown("the answer broke off"))?;
        if status.is_success() {
            return serde_json::from_slice(&body).map_err(|_| unknown("the answer is not a PaymentIntent"));
        }
        if status == StatusCode::UNAUTHORIZED
            && let Key::Stored(secret) = &self.key
        {
            secret.forget().await;
        }
        let body: ErrorBody = serde_json::from_slice(&body).unwrap_or_default();
        read_error(status, body.error)
    }
}

/// What Stripe's error answers mean. A card that was refused is an answer, not an error.
fn read_error(status: StatusCode, error: ApiError) -> Result<PaymentIntent, PaymentError> {
    let reason = format!("{} {} {}", status.as_u16(), error.kind, error.code.as_deref().unwrap_or(""));
    // What is wrong with the method she chose is hers to change: it declines the order like a refused card.
    let about_the_method = error.param.as_deref() == Some("payment_method") && error.kind == "invalid_request_error";
    match status.as_u16() {
        402 => Ok(PaymentIntent::declined(error.decline_code.or(error.code))),
        400 | 404 if about_the_method => Ok(PaymentIntent::declined(error.code)),
        // The object is not in a state that allows it: somebody else acted. Reading tells.
        400 if error.code.as_deref() == Some("payment_intent_unexpected_state") => Err(unknown(reason)),
        409 | 500.. => Err(unknown(reason)),
        _ => Err(failed(reason)),
    }
}

fn failed(reason: impl Into<String>) -> PaymentError {
    PaymentError::Failed { provider: PROVIDER, reason: reason.into() }
}

fn unknown(reason: impl Into<String>) -> PaymentError {
    PaymentError::Unknown { provider: PROVIDER, reason: reason.into() }
}

#[derive(Debug, Deserialize)]
struct PaymentIntent {
    #[serde(default)]
    id: String,
    status: String,
    last_payment_error: Option<ApiError>,
}

impl PaymentIntent {
    fn declined(code: Option<String>) -> Self {
        let error = ApiError { code, ..ApiError::default() };
        Self { id: String::new(), status: "requires_payment_method".into(), last_payment_error: Some(error) }
    }

    fn state(self) -> PaymentState {
        match (self.status.as_str(), self.last_payment_error) {
            ("requires_capture", _) => PaymentState::Authorized,
            ("succeeded", _) => PaymentState::Captured,
            ("canceled", _) => PaymentState::Voided,
            ("requires_payment_method", Some(error)) => {
                PaymentState::Declined(error.decline_code.or(error.code).unwrap_or_else(|| "generic_decline".into()))
            }
            ("requires_payment_method" | "requires_confirmation", _) => PaymentState::Prepared,
            _ => PaymentState::Undecided,
        }
    }
}

#[derive(Debug, Default, Deserialize)]
struct ErrorBody {
    #[serde(default)]
    error: ApiError,
}

#[derive(Debug, Default, Deserialize)]
struct ApiError {
    #[serde(default, rename = "type")]
    kind: String,
    code: Option<String>,
    decline_code: Option<String>,
    param: Option<String>,
}

#[async_trait]
impl PaymentGateway for Stripe {
    async fn prepare(&self, order_id: &OrderId, attempt: u32, amount: Money) -> Result<String, PaymentError> {
        let currency = amount.currency.code().to_lowercase();
        let form = [
            ("amount", amount.amount.to_string()),
            ("currency", currency),
            ("capture_method", "manual".into()),
            ("payment_method_types[]", "card".into()),
            ("metadata[order_id]", order_id.to_string()),
            ("metadata[attempt]", attempt.to_string()),
        ];
        let form: Vec<_> = form.iter().map(|(name, value)| (*name, value.as_str())).collect();
        // No money moves here: whatever went wrong, nothing that matters was done.
        let made = self.post("v1/payment_intents", &form).await.map_err(certain)?;
        if made.id.is_empty() { Err(failed("no PaymentIntent was made")) } else { Ok(made.id) }
    }

    async fn authorize(&self, order_id: &OrderId, reference: &str, token: &SecretString) -> Result<PaymentState, PaymentError> {
        let return_url = format!("{}/#/orders/{order_id}", self.return_url.trim_end_matches('/'));
        let form = [("payment_method", token.expose_secret()), ("return_url", return_url.as_str())];
        let path = format!("v1/payment_intents/{reference}/confirm");
        self.post(&path, &form).await.map(PaymentIntent::state)
    }

    async fn read(&self, reference: &str) -> Result<PaymentState, PaymentError> {
        let request = self.http.get(self.url(&format!("v1/payment_intents/{reference}"))?);
        self.send(request).await.map(PaymentIntent::state)
    }

    async fn void(&self, reference: &str) -> Result<PaymentState, PaymentError> {
        let path = format!("v1/payment_intents/{reference}/cancel");
        match self.post(&path, &[("cancellation_reason", "abandoned")]).await {
            Err(PaymentError::Unknown { .. }) => self.read(reference).await,
            answer => answer.map(PaymentIntent::state),
        }
    }

    async fn warm(&self) {
        if let Err(reason) = self.key().await {
            tracing::warn!(%reason, "the provider's key could not be fetched ahead");
        }
        // Any answer will do: it is the connection that is wanted.
        if let Err(error) = self.http.head(self.base_url.clone()).send().await {
            tracing::debug!(provider = PROVIDER, connect = error.is_connect(), "the connection could not be warmed");
        }
    }
}

fn certain(error: PaymentError) -> PaymentError {
    match error {
        PaymentError::Unknown { reason, .. } => failed(reason),
        certain @ PaymentError::Failed { .. } => certain,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(kind: &str, code: &str, decline_code: Option<&str>, param: Option<&str>) -> ApiError {
        ApiError {
            kind: kind.into(),
            code: Some(code.into()),
            decline_code: decline_code.map(Into::into),
            param: param.map(Into::into),
        }
    }

    fn state(status: u16, error: ApiError) -> Result<PaymentState, PaymentError> {
        read_error(StatusCode::from_u16(status).unwrap(), error).map(PaymentIntent::state)
    }

    #[test]
    fn a_decline_code_is_stripes_else_its_code() {
        let declined = state(402, error("card_error", "card_declined", Some("insufficient_funds"), None));
        assert_eq!(declined, Ok(PaymentState::Declined("insufficient_funds".into())));
        let expired = state(402, error("card_error", "expired_card", None, None));
        assert_eq!(expired, Ok(PaymentState::Declined("expired_card".into())));
    }

    #[test]
    fn a_token_that_stripe_does_not_know_declines_the_order() {
        let unknown_token = state(400, error("invalid_request_error", "resource_missing", None, Some("payment_method")));
        assert_eq!(unknown_token, Ok(PaymentState::Declined("resource_missing".into())));
        let ours = state(404, error("invalid_request_error", "resource_missing", None, Some("intent")));
        assert!(matches!(ours, Err(PaymentError::Failed { .. })));
    }

    #[test]
    fn what_may_have_happened_is_unknown_and_what_cannot_have_is_a_failure() {
        for status in [409, 500, 502, 503] {
            assert!(matches!(state(status, ApiError::default()), Err(PaymentError::Unknown { .. })), "{status}");
        }
        for status in [400, 401, 403, 404, 429] {
            assert!(matches!(state(status, ApiError::default()), Err(PaymentError::Failed { .. })), "{status}");
        }
        let overtaken = state(400, error("invalid_request_error", "payment_intent_unexpected_state", None, None));
        assert!(matches!(overtaken, Err(PaymentError::Unknown { .. })));
    }

    #[test]
    fn an_intent_that_was_never_confirmed_is_not_taken_for_a_declined_one() {
        let intent =
            |error| PaymentIntent { id: "pi_1".into(), status: "requires_payment_method".into(), last_payment_error: error };
        assert_eq!(intent(None).state(), PaymentState::Prepared);
        assert_eq!(
            intent(Some(error("card_error", "card_declined", None, None))).state(),
            PaymentState::Declined("card_declined".into())
        );
    }
}
