//! `PayPal`, through its Orders v2 and Payments v2 APIs: <https://developer.paypal.com/docs/api/orders/v2/>.
//!
//! An attempt's reference is the order's id. The authorisation, the capture and the refunds have ids of their own, which
//! are read from the order when they are needed.

pub(super) mod amounts;
pub(super) mod custom_id;
mod shapes;
mod token;
mod transactions;

use std::sync::Mutex;

use async_trait::async_trait;
use aws_config::SdkConfig;
use jiff::Timestamp;
use reqwest::{Method, RequestBuilder, StatusCode, Url};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::{Value, json};
use uuid::Uuid;

use self::{
    shapes::{Authorization, Capture, ErrorBody, Order, Refund, VaultToken},
    token::AccessToken,
};
use super::{
    Limits, ListedPayment, ListedRefund, MethodOwner, PaymentError, PaymentGateway, PaymentState, Preparation, RefundState,
    http::{Answer, Http, Repeat},
    is_token, return_url,
    secret::CachedSecret,
};
use crate::{
    config::{self, Missing},
    domain::{
        event::Provider,
        ids::{CustomerId, OrderId, RefundId},
        money::Money,
    },
};

/// What `PAYPAL_SECRET_ID` holds: `{"client_id": "…", "client_secret": "…", "webhook_id": "…"}`.
#[derive(Clone, Debug, Deserialize)]
pub struct PaypalSecret {
    /// The application's name at `PayPal`.
    pub client_id: String,
    /// Its password.
    pub client_secret: SecretString,
    /// Which webhook the events that it signs are sent to; what it signs names it.
    pub webhook_id: String,
}

/// The adapter.
#[derive(Debug)]
pub struct Paypal {
    http: Http,
    shop_url: String,
    secret: CachedSecret<PaypalSecret>,
    token: AccessToken,
    /// The order that this process made last and has done nothing with: what it is need not be read.
    made: Mutex<Option<String>>,
}

impl Paypal {
    /// From `PAYPAL_BASE_URL`, `PAYPAL_SECRET_ID`, `SHOP_URL` and the limits.
    ///
    /// # Errors
    /// [`Missing`].
    pub fn from_env(aws: &SdkConfig) -> Result<Self, Missing> {
        let secrets = aws_sdk_secretsmanager::Client::new(aws);
        let secret = CachedSecret::stored(secrets, config::text("PAYPAL_SECRET_ID")?);
        Ok(Self::with_secret(config::url("PAYPAL_BASE_URL")?, config::text("SHOP_URL")?, secret, Limits::from_env()?))
    }

    /// With a secret that is at hand, for tests.
    pub fn new(base_url: Url, shop_url: impl Into<String>, secret: PaypalSecret, limits: Limits) -> Self {
        Self::with_secret(base_url, shop_url.into(), CachedSecret::given(secret), limits)
    }

    fn with_secret(base_url: Url, shop_url: String, secret: CachedSecret<PaypalSecret>, limits: Limits) -> Self {
        let http = Http::new(Provider::Paypal, base_url, limits);
        Self { http, shop_url, secret, token: AccessToken::default(), made: Mutex::new(None) }
    }

    async fn get<T: DeserializeOwned>(&self, path: &[&str], query: &[(&str, &str)]) -> Result<T, Refused> {
        let mut url = self.http.url(path)?;
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        self.parse(&self.send(self.http.client.request(Method::GET, url), Repeat::Read).await?)
    }

    /// Sends it under a new id: `PayPal` replays saved answers, its own errors among them.
    async fn post(&self, path: &[&str], body: &Value) -> Result<Answer, Refused> {
        self.post_as(&Uuid::new_v4().to_string(), path, body, Repeat::NeverSent).await
    }

    async fn post_as(&self, request_id: &str, path: &[&str], body: &Value, repeat: Repeat) -> Result<Answer, Refused> {
        let request = self
            .http
            .client
            .post(self.http.url(path)?)
            .header("PayPal-Request-Id", request_id)
            .header("Prefer", "return=representation")
            .json(body);
        self.send(request, repeat).await
    }

    /// Sends it with the access token. A token that is refused is replaced once: the request did nothing.
    async fn send(&self, request: RequestBuilder, repeat: Repeat) -> Result<Answer, Refused> {
        let again = request.try_clone();
        let mut answer = self.send_once(request, repeat).await?;
        if let Some(again) = again.filter(|_| answer.status == StatusCode::UNAUTHORIZED) {
            answer = self.send_once(again, repeat).await?;
        }
        if answer.status.is_success() {
            return Ok(answer);
        }
        let body = serde_json::from_slice(&answer.body).unwrap_or_default();
        Err(Refused::ByPaypal(answer.status, body))
    }

    async fn send_once(&self, request: RequestBuilder, repeat: Repeat) -> Result<Answer, PaymentError> {
        let token = self.token.get(&self.http, &self.secret).await?;
        let answer = self.http.send(request.bearer_auth(token.expose_secret()), repeat).await?;
        if answer.status == StatusCode::UNAUTHORIZED {
            self.token.forget(&token).await;
        }
        Ok(answer)
    }

    fn parse<T: DeserializeOwned>(&self, answer: &Answer) -> Result<T, Refused> {
        Ok(serde_json::from_slice(&answer.body).map_err(|_| self.http.unknown("the answer is not what it should be"))?)
    }

    fn error(&self, refused: Refused) -> PaymentError {
        match refused {
            Refused::Lost(error) => error,
            Refused::ByPaypal(status, body) => self.http.refused(status, body.reason(status.as_u16())),
        }
    }

    /// The order; [`None`], if `PayPal` does not know it: it expired unauthorised, or another account asks.
    async fn find_order(&self, reference: &str) -> Result<Option<Order>, PaymentError> {
        match self.get(&["v2", "checkout", "orders", reference], &[]).await {
            Ok(order) => Ok(Some(order)),
            Err(Refused::ByPaypal(StatusCode::NOT_FOUND, _)) => Ok(None),
            Err(refused) => Err(self.error(refused)),
        }
    }

    /// The order. That `PayPal` does not know it says nothing of what it holds.
    async fn order(&self, reference: &str) -> Result<Order, PaymentError> {
        self.find_order(reference).await?.ok_or_else(|| self.http.failed("PayPal does not know the order"))
    }

    async fn state(&self, reference: &str) -> Result<PaymentState, PaymentError> {
        Ok(self.order(reference).await?.state())
    }

    /// What reading says of an act whose own answer does not say it. A read that fails does not make the act undone.
    async fn state_after(&self, reference: &str, act: PaymentError) -> Result<PaymentState, PaymentError> {
        let PaymentError::Unknown { .. } = act else { return Err(act) };
        self.state(reference).await.or(Err(act))
    }

    fn note_made(&self, reference: &str) {
        if let Ok(mut made) = self.made.lock() {
            *made = Some(reference.to_owned());
        }
    }

    fn take_made(&self, reference: &str) -> bool {
        self.made.lock().is_ok_and(|mut made| made.take_if(|made| made == reference).is_some())
    }

    /// What to authorise the order with, or its state, if it is not to be authorised. After she approved it the method
    /// that she chose there is used, and `PayPal` wants none named.
    async fn authorization_of(
        &self,
        order_id: &OrderId,
        reference: &str,
        token: &SecretString,
    ) -> Result<Result<Value, PaymentState>, PaymentError> {
        let named = || Ok(payment_source(token, &return_url(&self.shop_url, order_id)));
        if self.take_made(reference) {
            return Ok(named());
        }
        let order = self.order(reference).await.map_err(PaymentError::certain)?;
        Ok(match order.state() {
            PaymentState::Prepared if order.is_approved() => Ok(json!({})),
            PaymentState::Prepared => named(),
            state => Err(state),
        })
    }

    async fn send_authorization(&self, reference: &str, body: &Value) -> Result<PaymentState, PaymentError> {
        match self.post(&["v2", "checkout", "orders", reference, "authorize"], body).await {
            Ok(answer) => {
                let order: Order = self.parse(&answer).map_err(|refused| self.error(refused))?;
                Ok(order.state())
            }
            Err(Refused::ByPaypal(status, body)) => self.refused_authorization(status, body),
            Err(refused) => Err(self.error(refused)),
        }
    }

    fn refused_authorization(&self, status: StatusCode, body: ErrorBody) -> Result<PaymentState, PaymentError> {
        let by_the_rules = matches!(status, StatusCode::BAD_REQUEST | StatusCode::UNPROCESSABLE_ENTITY);
        if by_the_rules && body.has("PAYER_ACTION_REQUIRED") {
            Ok(PaymentState::ActionRequired)
        } else if by_the_rules && let Some(issue) = body.decline() {
            Ok(PaymentState::Declined(issue.to_owned()))
        } else if by_the_rules && body.has("ORDER_EXPIRED") {
            Ok(PaymentState::Voided)
        } else if by_the_rules && body.issues().any(is_overtaken) {
            Err(self.http.unknown(body.reason(status.as_u16())))
        } else {
            Err(self.error(Refused::ByPaypal(status, body)))
        }
    }

    async fn send_capture(
        &self,
        reference: &str,
        authorization: &Authorization,
        amount: Money,
    ) -> Result<PaymentState, PaymentError> {
        let body = json!({"amount": self.amount(amount)?, "final_capture": true});
        let refused = match self.post(&["v2", "payments", "authorizations", &authorization.id, "capture"], &body).await {
            Ok(answer) => {
                let capture: Capture = self.parse(&answer).map_err(|refused| self.error(refused)).unwrap_or_default();
                let taken = capture.has_taken();
                return if taken {
                    Ok(PaymentState::Captured)
                } else {
                    self.state_after(reference, self.http.unknown("the capture is not completed")).await
                };
            }
            Err(refused) => refused,
        };
        self.after_refusal(reference, refused).await
    }

    async fn send_void(&self, reference: &str, authorization: &Authorization) -> Result<PaymentState, PaymentError> {
        match self.post(&["v2", "payments", "authorizations", &authorization.id, "void"], &json!({})).await {
            Ok(_) => Ok(PaymentState::Voided),
            Err(refused) => self.after_refusal(reference, refused).await,
        }
    }

    /// What became of an authorisation that `PayPal` would not act on: its own word where it has one, else what reading
    /// says, where it may have been acted on.
    async fn after_refusal(&self, reference: &str, refused: Refused) -> Result<PaymentState, PaymentError> {
        let act = match &refused {
            Refused::ByPaypal(StatusCode::UNPROCESSABLE_ENTITY, body) if body.issues().any(is_gone) => {
                return Ok(PaymentState::Voided);
            }
            Refused::ByPaypal(StatusCode::UNPROCESSABLE_ENTITY, body) if body.issues().any(is_overtaken) => {
                self.http.unknown(body.reason(422))
            }
            _ => self.error(refused),
        };
        self.state_after(reference, act).await
    }

    fn amount(&self, amount: Money) -> Result<Value, PaymentError> {
        let code = amount.currency.code();
        let value = amounts::decimal(amount).ok_or_else(|| self.http.failed(format!("it takes whole units of {code} only")))?;
        Ok(json!({"currency_code": code, "value": value}))
    }

    async fn send_refund(
        &self,
        reference: &str,
        refund: &RefundId,
        key: &str,
        amount: Money,
    ) -> Result<RefundState, PaymentError> {
        let order = self.order(reference).await.map_err(PaymentError::certain)?;
        let capture = order.capture().ok_or_else(|| self.http.failed("no money was taken that could go back"))?;
        let custom_id = custom_id::of_refund(order.custom_id(), refund);
        let body = json!({"amount": self.amount(amount)?, "custom_id": custom_id});
        // Two who send the same refund at once send the same request, and PayPal makes one.
        let path = ["v2", "payments", "captures", &capture.id, "refund"];
        let refused = match self.post_as(key, &path, &body, Repeat::NeverSent).await {
            Ok(answer) => {
                let made: Refund = self.parse(&answer).map_err(|refused| self.error(refused))?;
                return Ok(made.state());
            }
            Err(refused) => refused,
        };
        let Refused::ByPaypal(StatusCode::UNPROCESSABLE_ENTITY, body) = &refused else { return Err(self.error(refused)) };
        let Some(issue) = body.issues().find(|issue| is_unrefundable(issue)) else { return Err(self.error(refused)) };
        // All of it may have gone back by this very refund, long ago.
        match self.list_refunds(reference).await {
            Ok(listed) => {
                Ok(ListedRefund::state_of(refund, &listed).cloned().unwrap_or_else(|| RefundState::Failed(issue.to_owned())))
            }
            Err(_) => Err(self.http.unknown(issue)),
        }
    }

    async fn list_refunds(&self, reference: &str) -> Result<Vec<ListedRefund>, PaymentError> {
        let order = self.order(reference).await?;
        let mut listed = Vec::new();
        for refund in order.refunds() {
            // An order does not always show its refunds whole.
            let whole: Refund = match &refund.custom_id {
                Some(_) => refund.clone(),
                None => self.get(&["v2", "payments", "refunds", &refund.id], &[]).await.map_err(|refused| self.error(refused))?,
            };
            let name = whole.custom_id.as_deref().and_then(custom_id::refund).map(ToOwned::to_owned);
            listed.push(ListedRefund { state: whole.state(), amount: whole.amount(), name });
        }
        Ok(listed)
    }
}

/// The vaulted method: <https://developer.paypal.com/docs/api/orders/v2/#orders_authorize>. She is not there when it is
/// used, unless `PayPal` asks for her.
fn payment_source(token: &SecretString, back: &str) -> Value {
    json!({"payment_source": {"paypal": {
        "vault_id": token.expose_secret(),
        "stored_credential": {"payment_initiator": "MERCHANT", "usage": "SUBSEQUENT"},
        "experience_context": {"return_url": back, "cancel_url": back},
    }}})
}

/// Why a request brought nothing.
#[derive(Debug)]
enum Refused {
    ByPaypal(StatusCode, ErrorBody),
    Lost(PaymentError),
}

impl From<PaymentError> for Refused {
    fn from(error: PaymentError) -> Self {
        Self::Lost(error)
    }
}

/// The issues that say that the payment moved on without us. Reading tells where to.
fn is_overtaken(issue: &str) -> bool {
    matches!(
        issue,
        "ORDER_ALREADY_AUTHORIZED"
            | "ORDER_COMPLETED_OR_VOIDED"
            | "MAX_AUTHORIZATION_COUNT_EXCEEDED"
            | "AUTHORIZATION_ALREADY_CAPTURED"
            | "AUTHORIZATION_DENIED"
            | "MAX_CAPTURE_COUNT_EXCEEDED"
            | "PREVIOUSLY_CAPTURED"
    )
}

/// The issues that say that an authorisation is gone: nothing is held by it any more.
fn is_gone(issue: &str) -> bool {
    matches!(issue, "AUTHORIZATION_VOIDED" | "AUTHORIZATION_EXPIRED" | "PREVIOUSLY_VOIDED")
}

/// The issues that say that this money does not go back, or not before somebody sees to it: of
/// <https://developer.paypal.com/api/payments/v2/errors/>.
fn is_unrefundable(issue: &str) -> bool {
    matches!(
        issue,
        "CAPTURE_FULLY_REFUNDED"
            | "REFUND_AMOUNT_EXCEEDED"
            | "REFUND_AMOUNT_TOO_LOW"
            | "REFUND_FAILED_BY_PAYMENT_SOURCE"
            | "REFUND_FAILED_INSUFFICIENT_FUNDS"
            | "REFUND_FUNDS_NOT_AVAILABLE"
            | "REFUND_IS_RESTRICTED"
            | "REFUND_NOT_ALLOWED"
            | "REFUND_NOT_PERMITTED_DUE_TO_CHARGEBACK"
            | "REFUND_TIME_LIMIT_EXCEEDED"
            | "PARTIAL_REFUND_NOT_ALLOWED"
            | "MAX_NUMBER_OF_REFUNDS_EXCEEDED"
    )
}

#[async_trait]
impl PaymentGateway for Paypal {
    async fn owner(&self, token: &SecretString) -> Result<MethodOwner, PaymentError> {
        let token = token.expose_secret();
        if !is_token(token) {
            return Ok(MethodOwner::Stranger);
        }
        let asked = async {
            match self.get::<VaultToken>(&["v3", "vault", "payment-tokens", token], &[]).await {
                Ok(method) => Ok(owner_of(method)),
                // PayPal knows none by that name, or it is no such name at all.
                Err(Refused::ByPaypal(StatusCode::NOT_FOUND | StatusCode::BAD_REQUEST | StatusCode::UNPROCESSABLE_ENTITY, _)) => {
                    Ok(MethodOwner::Stranger)
                }
                Err(refused) => Err(self.error(refused)),
            }
        };
        self.http.bounded(asked).await.map_err(PaymentError::certain)
    }

    async fn prepare(&self, preparation: &Preparation<'_>) -> Result<String, PaymentError> {
        let amount = self.amount(preparation.amount)?;
        let unit = json!({"custom_id": preparation.order_id.as_str(), "amount": amount});
        let body = json!({"intent": "AUTHORIZE", "purchase_units": [unit]});
        // No money moves here: whatever went wrong, nothing that matters was done.
        let made = self.http.bounded(async {
            let request_id = Uuid::new_v4().to_string();
            let answer = self.post_as(&request_id, &["v2", "checkout", "orders"], &body, Repeat::Harmless).await;
            answer.and_then(|answer| self.parse::<Order>(&answer)).map_err(|refused| self.error(refused))
        });
        let made = made.await.map_err(PaymentError::certain)?;
        if made.id.is_empty() {
            return Err(self.http.failed("no order was made"));
        }
        self.note_made(&made.id);
        Ok(made.id)
    }

    async fn authorize(&self, order_id: &OrderId, reference: &str, token: &SecretString) -> Result<PaymentState, PaymentError> {
        let authorized = async {
            match self.authorization_of(order_id, reference, token).await? {
                Ok(body) => self.send_authorization(reference, &body).await,
                Err(state) => Ok(state),
            }
        };
        self.http.bounded(authorized).await
    }

    async fn read(&self, reference: &str) -> Result<PaymentState, PaymentError> {
        // Who reads it does not know what became of it meanwhile: she may have approved it.
        self.take_made(reference);
        self.http.bounded(self.state(reference)).await.map_err(PaymentError::certain)
    }

    async fn action_url(&self, reference: &str) -> Result<Option<SecretString>, PaymentError> {
        let order = self.http.bounded(self.order(reference)).await.map_err(PaymentError::certain)?;
        Ok(order.action_url())
    }

    /// An order that was never authorised cannot be cancelled here, nor one that `PayPal` does not know; one whose only
    /// authorisation was denied is dead.
    async fn void(&self, reference: &str) -> Result<PaymentState, PaymentError> {
        let voided = async {
            let Some(order) = self.find_order(reference).await.map_err(PaymentError::certain)? else {
                return Ok(PaymentState::Prepared);
            };
            match order.authorization() {
                Some(authorization) if authorization.is_held() => self.send_void(reference, authorization).await,
                _ if order.is_dead() => Ok(PaymentState::Voided),
                _ => Ok(order.state()),
            }
        };
        self.http.bounded(voided).await
    }

    async fn capture(&self, reference: &str, amount: Money) -> Result<PaymentState, PaymentError> {
        let captured = async {
            let order = self.order(reference).await.map_err(PaymentError::certain)?;
            match (order.state(), order.authorization()) {
                (PaymentState::Authorized { .. }, Some(held)) => self.send_capture(reference, held, amount).await,
                (state, _) => Ok(state),
            }
        };
        self.http.bounded(captured).await
    }

    async fn refund(&self, reference: &str, refund: &RefundId, key: &str, amount: Money) -> Result<RefundState, PaymentError> {
        self.http.bounded(self.send_refund(reference, refund, key, amount)).await
    }

    async fn refunds(&self, reference: &str) -> Result<Vec<ListedRefund>, PaymentError> {
        self.http.bounded(self.list_refunds(reference)).await.map_err(PaymentError::certain)
    }

    async fn taken(&self, reference: &str) -> Result<Option<Money>, PaymentError> {
        let order = self.http.bounded(self.order(reference)).await.map_err(PaymentError::certain)?;
        Ok(order.taken())
    }

    async fn order_of(&self, reference: &str) -> Result<Option<OrderId>, PaymentError> {
        let order = self.http.bounded(self.find_order(reference)).await.map_err(PaymentError::certain)?;
        Ok(order.and_then(|order| order.custom_id()?.parse().ok()))
    }

    async fn list(&self, since: Timestamp) -> Result<Vec<ListedPayment>, PaymentError> {
        self.list_transactions(since, Timestamp::now()).await.map_err(PaymentError::certain)
    }

    async fn warm(&self) {
        // The token's request opens the connection too.
        if let Err(error) = self.http.bounded(self.token.get(&self.http, &self.secret)).await {
            tracing::warn!(reason = %error, "the provider's token could not be fetched ahead");
        }
    }
}

/// `*` is everybody's: a test token of the payment simulator.
fn owner_of(method: VaultToken) -> MethodOwner {
    match method.customer.and_then(|customer| customer.merchant_customer_id) {
        Some(id) if id == "*" => MethodOwner::Bearer,
        Some(id) if !id.is_empty() => MethodOwner::Customer { id: CustomerId(id), account: None },
        _ => MethodOwner::Stranger,
    }
}

#[cfg(test)]
mod tests;
