//! What a provider can say of an attempt to pay, and what that means for the order.

use jiff::Timestamp;

use super::order::{Decision, Order, Refusal};

/// What a provider says of a prepared attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PaymentState {
    /// Nothing was done with it: it may be authorised.
    Prepared,
    /// It waits for the customer to authenticate or approve.
    ActionRequired,
    /// The money is held.
    Authorized {
        /// Until when it can be captured.
        capture_before: Option<Timestamp>,
    },
    /// The method was refused, with the provider's own code.
    Declined(String),
    /// The provider has not decided.
    Undecided,
    /// It is dead: nothing is held and nothing can be charged.
    Voided,
    /// The money was taken.
    Captured,
}

/// What became of a refund at the provider.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RefundState {
    /// The money is on its way back.
    Refunded,
    /// The provider has not decided.
    Pending,
    /// It did not come about, for this reason.
    Failed(String),
}

impl Order {
    /// The provider said this of an attempt, whoever asked: a step, a webhook, or the reconciliation.
    pub fn observed(&self, attempt: u32, state: &PaymentState) -> Decision {
        match state {
            PaymentState::Prepared | PaymentState::Undecided => Decision::AlreadyDone,
            PaymentState::ActionRequired => self.require_action(attempt),
            PaymentState::Authorized { capture_before } => self.authorize_payment(attempt, *capture_before),
            PaymentState::Declined(code) => self.decline_payment(attempt, code),
            PaymentState::Voided if self.capture_is_under_way(attempt) => {
                self.fail_capture(attempt, "the provider says that the authorisation is gone")
            }
            PaymentState::Voided => self.void_payment(attempt),
            PaymentState::Captured if self.captured_attempt() == Some(attempt) => Decision::AlreadyDone,
            PaymentState::Captured if self.capture_is_under_way(attempt) => self.capture(attempt),
            PaymentState::Captured => Decision::NotAllowed(Refusal::NotCapturing),
        }
    }
}
