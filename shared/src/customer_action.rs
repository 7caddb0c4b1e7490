//! What a customer has to do before she can be charged: authenticate (3-D Secure) or approve (`PayPal`). The link is read
//! at the provider each time and kept nowhere.

use std::time::Duration;

use secrecy::ExposeSecret;
use serde_json::{Value, json};

use crate::{
    config::{self, Missing},
    domain::order::{Deadlines, Order},
    payments::providers::Providers,
};

/// Finds the link.
#[derive(Clone, Debug)]
pub struct CustomerActions {
    providers: Providers,
    deadlines: Deadlines,
    limit: Duration,
}

impl CustomerActions {
    /// Asks these providers, each for as long as `PROVIDER_QUESTION_TIMEOUT_MS` says.
    ///
    /// # Errors
    /// [`Missing`].
    pub fn from_env(providers: Providers) -> Result<Self, Missing> {
        let limit = config::millis("PROVIDER_QUESTION_TIMEOUT_MS")?;
        Ok(Self { providers, deadlines: config::deadlines()?, limit })
    }

    /// The contract's `payment.action`; nothing, when the order waits for nothing, or the provider does not answer in time.
    pub async fn of(&self, order: &Order) -> Option<Value> {
        let attempt = order.awaited_action()?;
        let link = self.providers.gateway(attempt.provider).action_url(&attempt.reference);
        match tokio::time::timeout(self.limit, link).await {
            Ok(Ok(url)) => url.map(
                |url| json!({"type": "redirect", "url": url.expose_secret(), "expires_at": order.gives_up_at(&self.deadlines)}),
            ),
            Ok(Err(error)) => {
                tracing::warn!(order_id = %order.id, %error, "the link for the customer could not be read");
                None
            }
            Err(_) => {
                tracing::warn!(order_id = %order.id, provider = %attempt.provider, "the link for the customer took too long");
                None
            }
        }
    }
}
