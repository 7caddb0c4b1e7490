//! Stripe, through its `PaymentIntents` API: <https://docs.stripe.com/api/payment_intents>.

pub(super) mod amounts;
mod shapes;

use async_trait::async_trait;
use aws_config::SdkConfig;
use jiff::Timestamp;
use reqwest::{RequestBuilder, StatusCode, Url};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, de::DeserializeOwned};
use uuid::Uuid;

use self::shapes::{ApiError, Customer, ErrorBody, Method, Page, PaymentIntent, Refund};
use super::{
    Limits, ListedPayment, ListedRefund, MethodOwner, PaymentError, PaymentGateway, PaymentState, Preparation, RefundState,
    http::{Answer, Http, Repeat},
    is_token,
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

/// The API's version that this adapter was written for; pinned, so that Stripe's changes come when we choose.
pub const API_VERSION: &str = "2025-09-30.clover";

/// Says where the intent's charge should be, not only its id: the charge knows until when it can be captured.
const WITH_CHARGE: (&str, &str) = ("expand[]", "latest_charge");

/// What `STRIPE_SECRET_ID` holds: `{"api_key": "…", "webhook_secrets": ["whsec_…", …]}`.
#[derive(Clone, Debug, Deserialize)]
pub struct StripeSecret {
    /// The key that its API asks for.
    pub api_key: SecretString,
    /// What it signs webhooks with; several during a rotation.
    #[serde(default)]
    pub webhook_secrets: Vec<SecretString>,
}

/// The adapter.
#[derive(Debug)]
pub struct Stripe {
    http: Http,
    shop_url: String,
    secret: CachedSecret<StripeSecret>,
}

impl Stripe {
    /// From `STRIPE_BASE_URL`, `STRIPE_SECRET_ID`, `SHOP_URL` and the limits.
    ///
    /// # Errors
    /// [`Missing`].
    pub fn from_env(aws: &SdkConfig) -> Result<Self, Missing> {
        let secrets = aws_sdk_secretsmanager::Client::new(aws);
        let secret = CachedSecret::stored(secrets, config::text("STRIPE_SECRET_ID")?);
        Ok(Self::with_secret(config::url("STRIPE_BASE_URL")?, config::text("SHOP_URL")?, secret, Limits::from_env()?))
    }

    /// With a key that is at hand, for tests.
    pub fn new(base_url: Url, shop_url: impl Into<String>, api_key: SecretString, limits: Limits) -> Self {
        let secret = CachedSecret::given(StripeSecret { api_key, webhook_secrets: Vec::new() });
        Self::with_secret(base_url, shop_url.into(), secret, limits)
    }

    fn with_secret(base_url: Url, shop_url: String, secret: CachedSecret<StripeSecret>, limits: Limits) -> Self {
        Self { http: Http::new(Provider::Stripe, base_url, limits), shop_url, secret }
    }

    async fn get<T: DeserializeOwned>(&self, path: &[&str], query: &[(&str, &str)]) -> Result<T, Refused> {
        let mut url = self.http.url(path)?;
        url.query_pairs_mut().extend_pairs(query);
        self.send(self.http.client.get(url), Repeat::Read).await
    }

    async fn post<T: DeserializeOwned>(&self, path: &[&str], form: &[(&str, &str)]) -> Result<T, Refused> {
        // A new key for each decision to send: Stripe replays saved answers, its own errors among them.
        self.post_as(&Uuid::new_v4().to_string(), path, form, Repeat::NeverSent).await
    }

    async fn post_as<T: DeserializeOwned>(
        &self,
        key: &str,
        path: &[&str],
        form: &[(&str, &str)],
        repeat: Repeat,
    ) -> Result<T, Refused> {
        let request = self.http.client.post(self.http.url(path)?).header("Idempotency-Key", key).form(form);
        self.send(request, repeat).await
    }

    async fn send<T: DeserializeOwned>(&self, request: RequestBuilder, repeat: Repeat) -> Result<T, Refused> {
        let secret = self.secret.get().await.map_err(|reason| self.http.failed(reason))?;
        let request = request.bearer_auth(secret.api_key.expose_secret()).header("Stripe-Version", API_VERSION);
        let Answer { status, body, .. } = self.http.send(request, repeat).await?;
        if status.is_success() {
            return Ok(serde_json::from_slice(&body).map_err(|_| self.http.unknown("the answer is not what it should be"))?);
        }
        if status == StatusCode::UNAUTHORIZED {
            self.secret.forget().await;
        }
        let body: ErrorBody = serde_json::from_slice(&body).unwrap_or_default();
        Err(Refused::ByStripe(status, Box::new(body.error)))
    }

    /// Sends what acts on an intent and hears what became of it. A card that was refused is an answer, not an error.
    async fn act(&self, reference: &str, verb: &str, form: &[(&str, &str)]) -> Result<PaymentState, PaymentError> {
        match self.post::<PaymentIntent>(&["v1", "payment_intents", reference, verb], form).await {
            Ok(intent) => Ok(intent.state()),
            Err(Refused::Lost(error)) => Err(error),
            Err(Refused::ByStripe(status, error)) => self.refused_act(status, *error),
        }
    }

    fn refused_act(&self, status: StatusCode, error: ApiError) -> Result<PaymentState, PaymentError> {
        match status.as_u16() {
            402 => Ok(PaymentIntent::declined(error.decline_code.or(error.code)).state()),
            // The object is not in a state that allows it: somebody else acted. Reading tells. Stripe may name the method
            // as what does not fit into that state, which says nothing against it.
            400 if error.code.as_deref().is_some_and(is_overtaken) => Err(self.http.unknown(reason(status, &error))),
            // What is wrong with the method declines the order like a refused card.
            400 | 404 if error.is_about_the_method() => Ok(PaymentIntent::declined(error.code).state()),
            _ => Err(self.error((status, error))),
        }
    }

    /// The same, and what reading says where the answer does not say what became of it.
    async fn act_or_read(&self, reference: &str, verb: &str, form: &[(&str, &str)]) -> Result<PaymentState, PaymentError> {
        match self.act(reference, verb, form).await {
            // A read that fails does not make the act undone.
            Err(unknown @ PaymentError::Unknown { .. }) => {
                self.intent(reference).await.map(PaymentIntent::state).or(Err(unknown))
            }
            // The answer names the code, but not what is left of the hold.
            Ok(PaymentState::Declined(code)) => {
                self.intent(reference).await.map(PaymentIntent::state).map_err(|_| self.http.unknown(code))
            }
            heard => heard,
        }
    }

    async fn intent(&self, reference: &str) -> Result<PaymentIntent, PaymentError> {
        self.get(&["v1", "payment_intents", reference], &[WITH_CHARGE]).await.map_err(|refused| self.refused(refused))
    }

    async fn list_refunds(&self, reference: &str) -> Result<Vec<ListedRefund>, PaymentError> {
        let mut query = vec![("payment_intent".to_owned(), reference.to_owned())];
        let refunds = self.pages("refunds", &mut query, |refund: &Refund| &refund.id).await?;
        Ok(refunds.into_iter().map(Refund::listed).collect())
    }

    /// All pages of a list.
    async fn pages<T: DeserializeOwned>(
        &self,
        of: &str,
        query: &mut Vec<(String, String)>,
        id: impl Fn(&T) -> &str + Send,
    ) -> Result<Vec<T>, PaymentError> {
        let (mut all, filters) = (Vec::new(), query.len());
        query.push(("limit".into(), "100".into()));
        loop {
            let pairs: Vec<_> = query.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
            let page: Page<T> = self.get(&["v1", of], &pairs).await.map_err(|refused| self.refused(refused))?;
            let last = page.data.last().map(|last| id(last).to_owned());
            all.extend(page.data);
            let Some(last) = last.filter(|_| page.has_more) else { return Ok(all) };
            query.truncate(filters + 1);
            query.push(("starting_after".into(), last));
        }
    }

    fn refused(&self, refused: Refused) -> PaymentError {
        match refused {
            Refused::Lost(error) => error,
            Refused::ByStripe(status, error) => self.error((status, *error)),
        }
    }

    fn error(&self, (status, error): (StatusCode, ApiError)) -> PaymentError {
        let reason = reason(status, &error);
        self.http.refused(status, reason)
    }
}

/// Why a request brought no object.
#[derive(Debug)]
enum Refused {
    ByStripe(StatusCode, Box<ApiError>),
    Lost(PaymentError),
}

impl From<PaymentError> for Refused {
    fn from(error: PaymentError) -> Self {
        Self::Lost(error)
    }
}

/// The codes and nothing else: a message may quote what was sent.
fn reason(status: StatusCode, error: &ApiError) -> String {
    format!("{} {} {}", status.as_u16(), error.kind, error.code.as_deref().unwrap_or("")).trim_end().to_owned()
}

/// The codes of <https://docs.stripe.com/error-codes> that say that the payment moved on without us.
fn is_overtaken(code: &str) -> bool {
    matches!(code, "payment_intent_unexpected_state" | "charge_already_captured" | "charge_expired_for_capture")
}

/// Why this money cannot go back, now or later, if that is what Stripe says. That less is left than is asked for has no code.
fn unrefundable((status, error): &(StatusCode, ApiError)) -> Option<String> {
    let code = error.code.as_deref().unwrap_or_default();
    let by_code =
        matches!(code, "charge_already_refunded" | "charge_disputed" | "refund_disputed_payment" | "charge_not_refundable");
    let exceeds = *status == StatusCode::BAD_REQUEST && error.param.as_deref() == Some("amount");
    match (by_code, exceeds) {
        (true, _) => Some(code.to_owned()),
        (false, true) => Some("the amount is more than is left of the charge".to_owned()),
        (false, false) => None,
    }
}

#[async_trait]
impl PaymentGateway for Stripe {
    async fn owner(&self, token: &SecretString) -> Result<MethodOwner, PaymentError> {
        let token = token.expose_secret();
        if !is_token(token) {
            return Ok(MethodOwner::Bearer);
        }
        let asked = async {
            let method = match self.get::<Method>(&["v1", "payment_methods", token], &[]).await {
                // A token that Stripe does not know is declined when it is used.
                Err(Refused::ByStripe(StatusCode::NOT_FOUND, _)) => return Ok(MethodOwner::Bearer),
                answer => answer.map_err(|refused| self.refused(refused))?,
            };
            let Some(account) = method.customer else { return Ok(MethodOwner::Bearer) };
            let customer = match self.get::<Customer>(&["v1", "customers", &account], &[]).await {
                Err(Refused::ByStripe(StatusCode::NOT_FOUND, _)) => return Ok(MethodOwner::Stranger),
                answer => answer.map_err(|refused| self.refused(refused))?,
            };
            Ok(match customer.metadata.and_then(|metadata| metadata.customer) {
                Some(id) if !id.is_empty() => MethodOwner::Customer { id: CustomerId(id), account: Some(account) },
                _ => MethodOwner::Stranger,
            })
        };
        self.http.bounded(asked).await.map_err(PaymentError::certain)
    }

    async fn prepare(&self, preparation: &Preparation<'_>) -> Result<String, PaymentError> {
        let (amount, attempt) = (preparation.amount.amount.to_string(), preparation.attempt.to_string());
        let currency = preparation.amount.currency.code().to_lowercase();
        let mut form = vec![
            ("amount", amount.as_str()),
            ("currency", &currency),
            ("capture_method", "manual"),
            ("payment_method_types[]", "card"),
            ("metadata[order_id]", preparation.order_id.as_str()),
            ("metadata[attempt]", &attempt),
        ];
        form.extend(preparation.account.map(|account| ("customer", account)));
        // No money moves here: whatever went wrong, nothing that matters was done.
        let made = self.http.bounded(async {
            let key = Uuid::new_v4().to_string();
            let made = self.post_as::<PaymentIntent>(&key, &["v1", "payment_intents"], &form, Repeat::Harmless).await;
            made.map_err(|refused| self.refused(refused))
        });
        let made = made.await.map_err(PaymentError::certain)?;
        if made.id.is_empty() { Err(self.http.failed("no PaymentIntent was made")) } else { Ok(made.id) }
    }

    async fn authorize(&self, order_id: &OrderId, reference: &str, token: &SecretString) -> Result<PaymentState, PaymentError> {
        let return_url = super::return_url(&self.shop_url, order_id);
        let form = [("payment_method", token.expose_secret()), ("return_url", return_url.as_str()), WITH_CHARGE];
        self.http.bounded(self.act(reference, "confirm", &form)).await
    }

    async fn read(&self, reference: &str) -> Result<PaymentState, PaymentError> {
        let intent = self.http.bounded(self.intent(reference)).await;
        intent.map(PaymentIntent::state).map_err(PaymentError::certain)
    }

    async fn action_url(&self, reference: &str) -> Result<Option<SecretString>, PaymentError> {
        let intent = self.http.bounded(self.intent(reference)).await;
        intent.map(PaymentIntent::action_url).map_err(PaymentError::certain)
    }

    async fn void(&self, reference: &str) -> Result<PaymentState, PaymentError> {
        self.http.bounded(self.act_or_read(reference, "cancel", &[("cancellation_reason", "abandoned")])).await
    }

    async fn capture(&self, reference: &str, amount: Money) -> Result<PaymentState, PaymentError> {
        let amount = amount.amount.to_string();
        let form = [("amount_to_capture", amount.as_str()), WITH_CHARGE];
        self.http.bounded(self.act_or_read(reference, "capture", &form)).await
    }

    async fn refund(&self, reference: &str, refund: &RefundId, key: &str, amount: Money) -> Result<RefundState, PaymentError> {
        let amount = amount.amount.to_string();
        let form = [("payment_intent", reference), ("amount", &amount), ("metadata[refund_id]", refund.as_str())];
        let sent = async {
            // Two who send the same refund at once send the same request, and Stripe makes one.
            let refused = match self.post_as::<Refund>(key, &["v1", "refunds"], &form, Repeat::NeverSent).await {
                Ok(made) => return Ok(made.state()),
                Err(Refused::Lost(error)) => return Err(error),
                Err(Refused::ByStripe(status, error)) => (status, *error),
            };
            let Some(code) = unrefundable(&refused) else { return Err(self.error(refused)) };
            // All of it may have gone back by this very refund, long ago.
            match self.list_refunds(reference).await {
                Ok(listed) => Ok(ListedRefund::state_of(refund, &listed).cloned().unwrap_or(RefundState::Failed(code))),
                Err(_) => Err(self.http.unknown(code)),
            }
        };
        self.http.bounded(sent).await
    }

    async fn refunds(&self, reference: &str) -> Result<Vec<ListedRefund>, PaymentError> {
        self.http.bounded(self.list_refunds(reference)).await.map_err(PaymentError::certain)
    }

    async fn taken(&self, reference: &str) -> Result<Option<Money>, PaymentError> {
        let intent = self.http.bounded(self.intent(reference)).await.map_err(PaymentError::certain)?;
        Ok(intent.taken())
    }

    async fn order_of(&self, reference: &str) -> Result<Option<OrderId>, PaymentError> {
        let asked = async {
            match self.get::<PaymentIntent>(&["v1", "payment_intents", reference], &[]).await {
                Ok(intent) => Ok(intent.listed().order_id),
                Err(Refused::ByStripe(StatusCode::NOT_FOUND, _)) => Ok(None),
                Err(refused) => Err(self.refused(refused)),
            }
        };
        self.http.bounded(asked).await.map_err(PaymentError::certain)
    }

    async fn list(&self, since: Timestamp) -> Result<Vec<ListedPayment>, PaymentError> {
        let mut query = vec![("created[gte]".to_owned(), since.as_second().to_string())];
        let intents = self.pages("payment_intents", &mut query, |intent: &PaymentIntent| &intent.id).await;
        Ok(intents.map_err(PaymentError::certain)?.into_iter().map(PaymentIntent::listed).collect())
    }

    async fn warm(&self) {
        let key = async {
            if let Err(reason) = self.secret.get().await {
                tracing::warn!(%reason, "the provider's key could not be fetched ahead");
            }
        };
        tokio::join!(key, self.http.warm());
    }
}

#[cfg(test)]
mod tests;
