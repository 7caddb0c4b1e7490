//! What every step of the saga has in common: its input is the order's identity, its output too, and its errors have
//! names that the state machines branch on.

use lambda_runtime::Diagnostic;
use serde::{Deserialize, Serialize};

use crate::{
    domain::{event::Shortage, ids::OrderId},
    payments::PaymentError,
    repositories::{RepositoryError, order_events::AdvanceError},
};

/// A step's input and output: the order's identity, never its data.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrderRef {
    /// The order.
    pub order_id: OrderId,
}

/// Why a step failed. The first two are business facts, which end the order; anything else leaves it to its settlement.
#[derive(Debug, thiserror::Error)]
pub enum StepError {
    /// Some lines could not be reserved, so none was.
    #[error("{}", as_json(.0))]
    OutOfStock(OutOfStock),
    /// The provider refused the payment method.
    #[error("{}", as_json(.0))]
    PaymentDeclined(PaymentDeclined),
    /// The provider waits for the customer: the order does too.
    #[error("the payment waits for the customer")]
    PaymentActionRequired,
    /// A table or a provider could not be reached, or did not say what became of a request: worth another try.
    #[error("{0}")]
    Unavailable(String),
    /// The order's history forbids the step: it was overtaken, and must not be tried again.
    #[error("{0}")]
    NotAllowed(String),
    /// There is no such order, or its events are no history.
    #[error("{0}")]
    InvalidOrder(String),
}

/// `OutOfStock`'s message, as JSON.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OutOfStock {
    /// Only those that fell short.
    pub items: Vec<Shortage>,
}

/// `PaymentDeclined`'s message, as JSON.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PaymentDeclined {
    /// The provider's own code.
    pub decline_code: String,
}

fn as_json(message: &impl Serialize) -> String {
    serde_json::to_string(message).unwrap_or_default()
}

impl StepError {
    /// The names that a state machine may branch on.
    pub const NAMES: [&str; 6] =
        ["OutOfStock", "PaymentDeclined", "PaymentActionRequired", "Unavailable", "NotAllowed", "InvalidOrder"];

    /// The name that reaches the state machine's `ErrorEquals`.
    pub fn name(&self) -> &'static str {
        match self {
            Self::OutOfStock(_) => Self::NAMES[0],
            Self::PaymentDeclined(_) => Self::NAMES[1],
            Self::PaymentActionRequired => Self::NAMES[2],
            Self::Unavailable(_) => Self::NAMES[3],
            Self::NotAllowed(_) => Self::NAMES[4],
            Self::InvalidOrder(_) => Self::NAMES[5],
        }
    }
}

/// A step's work on this order, with a line in the log if it failed: what the state machine hears names no order.
///
/// # Errors
/// As the work.
pub fn step<T>(
    order_id: OrderId,
    work: impl Future<Output = Result<T, StepError>>,
) -> impl Future<Output = Result<T, StepError>> {
    // On the heap: a step's work is large.
    let work = Box::pin(work);
    async move {
        work.await.inspect_err(|error| match error {
            StepError::OutOfStock(_) | StepError::PaymentDeclined(_) | StepError::PaymentActionRequired => {
                tracing::info!(%order_id, error = error.name(), detail = %error, "step ended");
            }
            _ => tracing::error!(%order_id, error = error.name(), detail = %error, "step failed"),
        })
    }
}

impl From<StepError> for Diagnostic {
    fn from(error: StepError) -> Self {
        Diagnostic { error_type: error.name().to_owned(), error_message: error.to_string() }
    }
}

impl From<AdvanceError> for StepError {
    fn from(error: AdvanceError) -> Self {
        match error {
            AdvanceError::NotAllowed(refusal) => Self::NotAllowed(refusal.to_string()),
            AdvanceError::NoSuchOrder(_) | AdvanceError::Invalid(_) => Self::InvalidOrder(error.to_string()),
            AdvanceError::Refused(_) | AdvanceError::Contention | AdvanceError::Repository(_) => {
                Self::Unavailable(error.to_string())
            }
        }
    }
}

impl From<RepositoryError> for StepError {
    fn from(error: RepositoryError) -> Self {
        Self::Unavailable(error.to_string())
    }
}

impl From<PaymentError> for StepError {
    fn from(error: PaymentError) -> Self {
        Self::Unavailable(error.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_business_failure_reaches_the_state_machine_with_its_name_and_its_facts() {
        let short = Shortage { sku: "mug".parse().unwrap(), requested: 2, available: 1 };
        let diagnostic = Diagnostic::from(StepError::OutOfStock(OutOfStock { items: vec![short] }));
        assert_eq!(diagnostic.error_type, "OutOfStock");
        assert_eq!(diagnostic.error_message, r#"{"items":[{"sku":"mug","requested":2,"available":1}]}"#);
    }

    #[tokio::test]
    async fn the_log_says_of_which_order_a_step_failed_and_why() {
        let order_id: OrderId = "ord_00000000000000000000000000000001".parse().unwrap();
        let (mut log, writer) = std::io::pipe().unwrap();
        let subscriber = tracing_subscriber::fmt().json().with_writer(std::sync::Mutex::new(writer)).finish();
        let logging = tracing::subscriber::set_default(subscriber);
        let work = async { Err::<(), _>(StepError::Unavailable("stripe: 401 invalid_request_error".into())) };
        assert!(matches!(step(order_id.clone(), work).await, Err(StepError::Unavailable(_))));
        drop(logging);
        let line = std::io::read_to_string(&mut log).unwrap();
        for part in [order_id.as_str(), "Unavailable", "401 invalid_request_error", "ERROR"] {
            assert!(line.contains(part), "{part} in {line}");
        }
    }
}
