//! `PayPal`, through its Orders v2 and Payments v2 APIs: <https://developer.paypal.com/docs/api/orders/v2/>.

use async_trait::async_trait;
use aws_config::SdkConfig;
use jiff::Timestamp;
use secrecy::SecretString;

use super::{ListedPayment, MethodOwner, PaymentError, PaymentGateway, PaymentState, Preparation, RefundState};
use crate::{
    config::Missing,
    domain::{
        event::Provider,
        ids::{OrderId, RefundId},
        money::Money,
    },
};

/// The adapter.
#[derive(Debug)]
pub struct Paypal;

impl Paypal {
    /// From the environment.
    ///
    /// # Errors
    /// [`Missing`].
    pub fn from_env(_: &SdkConfig) -> Result<Self, Missing> {
        Ok(Self)
    }
}

fn absent<T>() -> Result<T, PaymentError> {
    Err(PaymentError::Failed { provider: Provider::Paypal, reason: "it is not connected".into(), outage: false })
}

#[async_trait]
impl PaymentGateway for Paypal {
    async fn owner(&self, _: &SecretString) -> Result<MethodOwner, PaymentError> {
        absent()
    }
    async fn prepare(&self, _: &Preparation<'_>) -> Result<String, PaymentError> {
        absent()
    }
    async fn authorize(&self, _: &OrderId, _: &str, _: &SecretString) -> Result<PaymentState, PaymentError> {
        absent()
    }
    async fn read(&self, _: &str) -> Result<PaymentState, PaymentError> {
        absent()
    }
    async fn action_url(&self, _: &str) -> Result<Option<SecretString>, PaymentError> {
        absent()
    }
    async fn void(&self, _: &str) -> Result<PaymentState, PaymentError> {
        absent()
    }
    async fn capture(&self, _: &str, _: Money) -> Result<PaymentState, PaymentError> {
        absent()
    }
    async fn refund(&self, _: &str, _: &RefundId, _: Money) -> Result<RefundState, PaymentError> {
        absent()
    }
    async fn find_refund(&self, _: &str, _: &RefundId) -> Result<Option<RefundState>, PaymentError> {
        absent()
    }
    async fn list(&self, _: Timestamp) -> Result<Vec<ListedPayment>, PaymentError> {
        absent()
    }
    async fn warm(&self) {}
}
