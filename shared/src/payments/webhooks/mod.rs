//! What providers tell by themselves: each webhook is verified, on its bytes as they came, and read as far as a hint goes.
//!
//! An event says only that something changed: what, is read from the provider. So a repeat, a late one or one out of order
//! does no harm.

mod certificates;
mod paypal;
mod stripe;

use aws_config::SdkConfig;
use jiff::Timestamp;
use lambda_http::http::HeaderMap;
use reqwest::Url;

use self::certificates::Certificates;
use super::{Limits, paypal::PaypalSecret, secret::CachedSecret, stripe::StripeSecret};
use crate::{
    config::{self, Missing},
    domain::{event::Provider, ids::OrderId},
};

/// Something changed at a provider.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WebhookEvent {
    /// Who says so.
    pub provider: Provider,
    /// The event's own id: the same in each delivery of it.
    pub id: String,
    /// Its type, in the provider's words.
    pub kind: String,
    /// The attempt that it is about, as `PaymentPrepared` names it, if it says.
    pub reference: Option<String>,
    /// The order that it is about, if it says.
    pub order_id: Option<OrderId>,
}

/// Why a webhook is not taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WebhookError {
    /// It is not the provider's, or cannot be read: a repeat would not be taken either.
    #[error("the webhook is rejected: {0}")]
    Rejected(String),
    /// It could not be verified now: a repeat may be.
    #[error("the webhook cannot be verified now: {0}")]
    Unavailable(String),
}

fn rejected(reason: impl Into<String>) -> WebhookError {
    WebhookError::Rejected(reason.into())
}

/// Verifies webhooks.
#[derive(Debug)]
pub struct Webhooks {
    stripe: CachedSecret<StripeSecret>,
    paypal: CachedSecret<PaypalSecret>,
    certificates: Certificates,
}

impl Webhooks {
    /// From `STRIPE_SECRET_ID`, `PAYPAL_SECRET_ID`, `PAYPAL_BASE_URL` and the limits; locally also from
    /// `PAYPAL_WEBHOOK_ROOT_PEM`.
    ///
    /// # Errors
    /// [`Missing`].
    pub fn from_env(aws: &SdkConfig) -> Result<Self, Missing> {
        let secrets = aws_sdk_secretsmanager::Client::new(aws);
        Ok(Self {
            stripe: CachedSecret::stored(secrets.clone(), config::text("STRIPE_SECRET_ID")?),
            paypal: CachedSecret::stored(secrets, config::text("PAYPAL_SECRET_ID")?),
            certificates: Certificates::from_env(Limits::from_env()?)?,
        })
    }

    /// With secrets that are at hand, and `PayPal`'s certificates from this origin under this root (PEM), for tests.
    pub fn new(stripe: StripeSecret, paypal: PaypalSecret, paypal_url: Url, root: &str, limits: Limits) -> Self {
        Self {
            stripe: CachedSecret::given(stripe),
            paypal: CachedSecret::given(paypal),
            certificates: Certificates::local(paypal_url, root, limits),
        }
    }

    /// The event, if the provider signed it.
    ///
    /// # Errors
    /// [`WebhookError`].
    pub async fn receive(
        &self,
        provider: Provider,
        headers: &HeaderMap,
        body: &[u8],
        now: Timestamp,
    ) -> Result<WebhookEvent, WebhookError> {
        match provider {
            Provider::Stripe => {
                let secret = self.stripe.get().await.map_err(WebhookError::Unavailable)?;
                stripe::verify(text(headers, "stripe-signature")?, body, &secret.webhook_secrets, now)?;
                stripe::read(body)
            }
            Provider::Paypal => {
                let secret = self.paypal.get().await.map_err(WebhookError::Unavailable)?;
                let transmission = paypal::Transmission::read(headers, now)?;
                let chain = self.certificates.chain(&transmission.certificate_url, now).await?;
                transmission.verify(body, &secret.webhook_id, &chain)?;
                paypal::read(body)
            }
        }
    }

    /// Fetches the secrets, so that the first webhook finds them there.
    pub async fn warm(&self) {
        let _ = tokio::join!(self.stripe.get(), self.paypal.get());
    }
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Result<&'a str, WebhookError> {
    let value = headers.get(name).and_then(|value| value.to_str().ok());
    value.ok_or_else(|| rejected(format!("the header {name} is missing")))
}
