//! What can happen to an order. Events hold no personal data and no tokens: they may be logged, published and kept for ever.

use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{
    ids::{CustomerId, OrderId, RefundId, Sku},
    money::Money,
};

/// One thing that happened to one order. Its place in the order's history is its identity.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Event {
    /// The order.
    pub order_id: OrderId,
    /// 1, 2, 3 … without a gap.
    pub sequence: u32,
    /// When it was written.
    pub at: Timestamp,
    /// What happened.
    #[serde(flatten)]
    pub fact: Fact,
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(tag = "type", content = "data")]
pub enum Fact {
    /// She clicked, and the order was priced.
    OrderPlaced(OrderPlaced),
    /// Every line's stock is held for this order.
    InventoryReserved {},
    /// The provider made an object for this attempt. No money moved.
    PaymentPrepared {
        /// 1 for the first.
        attempt: u32,
        /// Who will charge.
        provider: Provider,
        /// The provider's name for the object, by which the attempt is read.
        reference: String,
    },
    /// The provider waits for the customer to authenticate or approve.
    PaymentActionRequired {
        /// Which attempt.
        attempt: u32,
    },
    /// The provider holds the money for this attempt.
    PaymentAuthorized {
        /// Which attempt.
        attempt: u32,
        /// Until when it can be captured, as the provider says.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        capture_before: Option<Timestamp>,
    },
    /// The provider refused the payment method.
    PaymentDeclined {
        /// Which attempt.
        attempt: u32,
        /// The provider's own code, unfiltered.
        decline_code: String,
    },
    /// This attempt is given up for another method: it is never authorised any more, and may now be cancelled at the provider.
    PaymentAbandoned {
        /// Which attempt.
        attempt: u32,
    },
    /// The provider's own word that this attempt is dead: nothing is held by it and nothing can be charged.
    PaymentVoided {
        /// Which attempt.
        attempt: u32,
    },
    /// The click's time ran out without an outcome; the order goes on by itself. It permits and forbids nothing.
    PaymentDeferred {
        /// Whoever had to answer the click may have died before: a settlement wrote it. She is then written to about what
        /// waits for her.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        unanswered: bool,
    },
    /// The order stands. It excludes `OrderRejected`.
    OrderConfirmed {
        /// The one attempt that may ever be captured.
        attempt: u32,
    },
    /// The order is dead. It excludes `OrderConfirmed`.
    OrderRejected {
        /// Why.
        reason: Rejection,
    },
    /// The order is dead, though nothing was refused. Before it was confirmed it excludes `OrderConfirmed`.
    OrderCancelled {
        /// Why.
        reason: Cancellation,
    },
    /// The stock that the order held is available again.
    InventoryReleased {},
    /// The money is being taken: until its outcome is known, the order cannot be cancelled.
    CaptureStarted {
        /// Which attempt.
        attempt: u32,
    },
    /// The money was taken.
    PaymentCaptured {
        /// Which attempt.
        attempt: u32,
    },
    /// The money cannot be taken any more: the provider says that the authorisation is gone.
    CaptureFailed {
        /// Which attempt.
        attempt: u32,
        /// The provider's word.
        reason: String,
    },
    /// Money is being given back.
    RefundStarted {
        /// Its identity, which the provider knows it by as well.
        refund: RefundId,
        /// How much.
        amount: Money,
    },
    /// The provider gave it back.
    PaymentRefunded {
        /// Which refund.
        refund: RefundId,
    },
    /// The provider could not give it back.
    RefundFailed {
        /// Which refund.
        refund: RefundId,
        /// The provider's word.
        reason: String,
    },
}

impl Fact {
    /// The event's type, as it is stored and published.
    pub fn name(&self) -> &'static str {
        match self {
            Self::OrderPlaced(_) => "OrderPlaced",
            Self::InventoryReserved {} => "InventoryReserved",
            Self::PaymentPrepared { .. } => "PaymentPrepared",
            Self::PaymentActionRequired { .. } => "PaymentActionRequired",
            Self::PaymentAuthorized { .. } => "PaymentAuthorized",
            Self::PaymentDeclined { .. } => "PaymentDeclined",
            Self::PaymentAbandoned { .. } => "PaymentAbandoned",
            Self::PaymentVoided { .. } => "PaymentVoided",
            Self::PaymentDeferred { .. } => "PaymentDeferred",
            Self::OrderConfirmed { .. } => "OrderConfirmed",
            Self::OrderRejected { .. } => "OrderRejected",
            Self::OrderCancelled { .. } => "OrderCancelled",
            Self::InventoryReleased {} => "InventoryReleased",
            Self::CaptureStarted { .. } => "CaptureStarted",
            Self::PaymentCaptured { .. } => "PaymentCaptured",
            Self::CaptureFailed { .. } => "CaptureFailed",
            Self::RefundStarted { .. } => "RefundStarted",
            Self::PaymentRefunded { .. } => "PaymentRefunded",
            Self::RefundFailed { .. } => "RefundFailed",
        }
    }
}

/// The order as it was taken.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct OrderPlaced {
    /// Whose order it is.
    pub customer_id: CustomerId,
    /// SHA-256 of the order's id and the request's JSON: what a repeat with the same key must match, even a year later.
    pub fingerprint: String,
    /// As she asked for them, priced from the catalogue.
    pub items: Vec<Line>,
    /// The sum of the lines.
    pub total: Money,
    /// The providers of her payment methods, in her order of preference: attempt n uses the n-th. Their tokens are elsewhere.
    pub payment_methods: Vec<Provider>,
}

/// A line of an order.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Line {
    /// What.
    pub sku: Sku,
    /// Its name when it was bought.
    pub name: String,
    /// How many.
    pub quantity: u32,
    /// For one, when it was bought.
    pub unit_price: Money,
}

/// Why an order was rejected.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(tag = "code", rename_all = "snake_case")]
pub enum Rejection {
    /// Some line could not be reserved, so none was.
    OutOfStock {
        /// Only those that fell short.
        items: Vec<Shortage>,
    },
    /// The provider refused the payment method.
    PaymentDeclined {
        /// The provider's own code, unfiltered.
        decline_code: String,
    },
}

/// Why an order was cancelled.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Cancellation {
    /// She asked for it.
    CustomerRequest,
    /// An administrator of the shop did, for whatever reason.
    ShopRequest,
    /// No payment came about until the order's deadline.
    PaymentTimedOut,
    /// Every payment method is dead at its provider.
    PaymentUnavailable,
    /// The provider let go of the money before it was taken.
    AuthorizationLapsed,
    /// Her payment tokens were erased before she was charged.
    DetailsErased,
}

/// A SKU of which there was not enough.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Shortage {
    /// What.
    pub sku: Sku,
    /// How many the order needed, all its lines together.
    pub requested: u32,
    /// How many there were.
    pub available: u32,
}

/// Who charges.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Provider {
    /// Stripe, through the `PaymentIntents` API.
    Stripe,
    /// `PayPal`, through the Orders and Payments APIs.
    Paypal,
}

impl Provider {
    /// Every provider there is.
    pub const ALL: [Self; 2] = [Self::Stripe, Self::Paypal];

    /// Its name in the API and in configuration.
    pub fn name(self) -> &'static str {
        match self {
            Self::Stripe => "stripe",
            Self::Paypal => "paypal",
        }
    }

    /// Whether an attempt that was never authorised can be cancelled here. `PayPal` has no call for that: such an attempt
    /// is never given up for another method, for nothing would make it dead.
    pub fn cancels_unauthorized(self) -> bool {
        match self {
            Self::Stripe => true,
            Self::Paypal => false,
        }
    }

    /// Whether an attempt whose hold is gone waits for a method again, as Stripe's do after a declined capture. An order of
    /// `PayPal`'s keeps its authorisation, whatever became of it: one that shows none was read before it was made.
    pub fn asks_again(self) -> bool {
        match self {
            Self::Stripe => true,
            Self::Paypal => false,
        }
    }
}

impl fmt::Display for Provider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The decline code that a client may see. For some codes the providers ask that the cardholder is not told.
pub fn public_decline_code(code: &str) -> &str {
    match code {
        "fraudulent" | "lost_card" | "stolen_card" | "merchant_blacklist" => "generic_decline",
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_suspicion_is_kept_from_the_client_and_other_codes_are_passed_on() {
        for code in ["fraudulent", "lost_card", "stolen_card", "merchant_blacklist"] {
            assert_eq!(public_decline_code(code), "generic_decline");
        }
        assert_eq!(public_decline_code("insufficient_funds"), "insufficient_funds");
    }

    #[test]
    fn a_provider_is_called_everywhere_as_the_contract_calls_it() {
        for (provider, name) in [(Provider::Stripe, "stripe"), (Provider::Paypal, "paypal")] {
            assert_eq!((provider.name(), provider.to_string().as_str()), (name, name));
            assert_eq!(serde_json::to_value(provider).unwrap(), name);
        }
    }

    #[test]
    fn what_was_never_authorised_is_cancelled_and_what_lost_its_hold_asks_again_at_stripe_alone() {
        for (provider, is_stripe) in [(Provider::Stripe, true), (Provider::Paypal, false)] {
            assert_eq!((provider.cancels_unauthorized(), provider.asks_again()), (is_stripe, is_stripe));
        }
    }

    #[test]
    fn an_event_is_written_with_its_type_and_data_apart() {
        let event = Event {
            order_id: "ord_00000000000000000000000000000001".parse().unwrap(),
            sequence: 3,
            at: "2026-11-23T10:00:00Z".parse().unwrap(),
            fact: Fact::PaymentAuthorized { attempt: 1, capture_before: None },
        };
        let json = serde_json::to_value(&event).unwrap();
        assert_eq!(json["type"], event.fact.name());
        assert_eq!(json["data"]["attempt"], 1);
        assert_eq!(serde_json::from_value::<Event>(json).unwrap(), event);
    }
}
