//! The shapes of Stripe's objects, as of API version 2025-09-30.clover: <https://docs.stripe.com/api>.

use serde_json::{Value, json};

use super::{
    command::{NewRefund, Redirects},
    intent::{Intent, PaymentMethod, Status},
};

/// The year after which the test cards expire: far enough.
const EXPIRY_YEAR: i32 = 2040;

impl Intent {
    /// The `payment_intent` object.
    pub(super) fn to_json(&self) -> Value {
        json!({
            "id": self.id,
            "object": "payment_intent",
            "amount": self.amount,
            "amount_capturable": self.amount_capturable,
            "amount_details": {"tip": {}},
            "amount_received": self.amount_received,
            "application": null,
            "application_fee_amount": null,
            "automatic_payment_methods": self.automatic_to_json(),
            "canceled_at": self.canceled_at,
            "cancellation_reason": self.cancellation_reason,
            "capture_method": self.capture_method,
            "client_secret": self.client_secret,
            "confirmation_method": "automatic",
            "created": self.created,
            "currency": self.currency,
            "customer": null,
            "description": null,
            "excluded_payment_method_types": null,
            "last_payment_error": self.last_error_to_json(),
            "latest_charge": self.latest_charge,
            "livemode": false,
            "metadata": self.metadata,
            "next_action": self.next_action_to_json(),
            "on_behalf_of": null,
            "payment_method": self.payment_method.as_ref().map(|method| &method.id),
            "payment_method_configuration_details": null,
            "payment_method_options": {"card": {
                "installments": null,
                "mandate_options": null,
                "network": null,
                "request_three_d_secure": "automatic",
            }},
            "payment_method_types": ["card"],
            "processing": null,
            "receipt_email": null,
            "review": null,
            "setup_future_usage": null,
            "shipping": null,
            "source": null,
            "statement_descriptor": null,
            "statement_descriptor_suffix": null,
            "status": self.status.name(),
            "transfer_data": null,
            "transfer_group": null,
        })
    }

    fn automatic_to_json(&self) -> Value {
        match self.automatic {
            None => Value::Null,
            Some(Redirects::Always) => json!({"allow_redirects": "always", "enabled": true}),
            Some(Redirects::Never) => json!({"allow_redirects": "never", "enabled": true}),
        }
    }

    fn last_error_to_json(&self) -> Value {
        self.last_decline.as_ref().map_or(Value::Null, |(decline, method)| {
            let error = decline.error().with("payment_method", method.to_json());
            error.with("charge", self.latest_charge.clone()).object()
        })
    }

    fn next_action_to_json(&self) -> Value {
        if self.status != Status::RequiresAction {
            return Value::Null;
        }
        let page = format!("https://hooks.stripe.com/3d_secure_2/hosted?payment_intent={}", self.id);
        match &self.return_url {
            Some(return_url) => json!({"type": "redirect_to_url", "redirect_to_url": {"return_url": return_url, "url": page}}),
            None => json!({"type": "use_stripe_sdk", "use_stripe_sdk": {"type": "three_d_secure_redirect", "stripe_js": page}}),
        }
    }

    /// The `refund` object of a refund of so much of this intent.
    pub(super) fn refund_to_json(&self, refund_id: &str, refund: &NewRefund, amount: i64, created: i64) -> Value {
        json!({
            "id": refund_id,
            "object": "refund",
            "amount": amount,
            "balance_transaction": null,
            "charge": self.latest_charge,
            "created": created,
            "currency": self.currency,
            "destination_details": {"type": "card", "card": {
                "reference_status": "pending",
                "reference_type": "acquirer_reference_number",
                "type": "refund",
            }},
            "metadata": refund.metadata,
            "payment_intent": self.id,
            "reason": refund.reason,
            "receipt_number": null,
            "source_transfer_reversal": null,
            "status": "succeeded",
            "transfer_reversal": null,
        })
    }
}

impl PaymentMethod {
    /// The `payment_method` object.
    pub(super) fn to_json(&self) -> Value {
        json!({
            "id": self.id,
            "object": "payment_method",
            "allow_redisplay": "unspecified",
            "billing_details": {"address": null, "email": null, "name": null, "phone": null, "tax_id": null},
            "card": {
                "brand": self.card.brand,
                "checks": {"address_line1_check": null, "address_postal_code_check": null, "cvc_check": null},
                "country": "US",
                "exp_month": 12,
                "exp_year": EXPIRY_YEAR,
                "funding": self.card.funding,
                "last4": self.card.last4,
                "three_d_secure_usage": {"supported": true},
                "wallet": null,
            },
            "created": self.created,
            "customer": null,
            "livemode": false,
            "metadata": {},
            "type": "card",
        })
    }
}

/// A page of payment intents.
pub(super) fn list(data: &[Value], has_more: bool) -> Value {
    json!({"object": "list", "data": data, "has_more": has_more, "url": "/v1/payment_intents"})
}
