//! The shapes of Stripe's objects, as of API version 2025-09-30.clover: <https://docs.stripe.com/api>.

use serde_json::{Value, json};

use super::{
    command::Redirects,
    intent::{Intent, PaymentMethod, Status},
    refund::Refund,
    tokens::customer_id,
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
            "customer": self.customer,
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
        let page = format!("{}?payment_intent={}", self.bank, self.id);
        match &self.return_url {
            Some(return_url) => json!({"type": "redirect_to_url", "redirect_to_url": {"return_url": return_url, "url": page}}),
            None => json!({"type": "use_stripe_sdk", "use_stripe_sdk": {"type": "three_d_secure_redirect", "stripe_js": page}}),
        }
    }

    /// The `charge` object of the latest charge; null when there is none.
    pub(super) fn charge_to_json(&self) -> Value {
        let Some(id) = &self.latest_charge else { return Value::Null };
        let refused = self.last_decline.as_ref();
        let method = refused.map(|(_, method)| method).or(self.payment_method.as_ref());
        let paid = refused.is_none() && self.status != Status::Processing;
        json!({
            "id": id,
            "object": "charge",
            "amount": self.amount,
            "amount_captured": self.amount_received,
            "amount_refunded": self.amount_refunded,
            "balance_transaction": null,
            "captured": self.amount_received > 0,
            "created": self.authorized_at.map_or(self.created, |at| at.as_second()),
            "currency": self.currency,
            "customer": self.customer,
            "livemode": false,
            "metadata": self.metadata,
            "paid": paid,
            "payment_intent": self.id,
            "payment_method": method.map(|method| &method.id),
            "payment_method_details": method.map(|method| self.details_to_json(method)),
            "refunded": self.amount_received > 0 && self.amount_refunded == self.amount_received,
            "status": match (refused, paid) {
                (Some(_), _) => "failed",
                (None, false) => "pending",
                (None, true) => "succeeded",
            },
        })
    }

    fn details_to_json(&self, method: &PaymentMethod) -> Value {
        let mut card = json!({
            "amount_authorized": self.amount,
            "brand": method.card.brand,
            "country": "US",
            "exp_month": 12,
            "exp_year": EXPIRY_YEAR,
            "funding": method.card.funding,
            "last4": method.card.last4,
            "network": method.card.brand,
        });
        if let Some(end) = self.capture_before() {
            card["capture_before"] = end.as_second().into();
        }
        json!({"type": "card", "card": card})
    }
}

impl Refund {
    /// The `refund` object.
    pub(super) fn to_json(&self) -> Value {
        let mut refund = json!({
            "id": self.id,
            "object": "refund",
            "amount": self.amount,
            "balance_transaction": null,
            "charge": self.charge,
            "created": self.created,
            "currency": self.currency,
            "destination_details": {"type": "card", "card": {
                "reference_status": "pending",
                "reference_type": "acquirer_reference_number",
                "type": "refund",
            }},
            "metadata": self.metadata,
            "payment_intent": self.intent,
            "reason": self.reason,
            "receipt_number": null,
            "source_transfer_reversal": null,
            "status": self.status,
            "transfer_reversal": null,
        });
        if let Some(reason) = self.failure_reason {
            refund["failure_reason"] = reason.into();
        }
        refund
    }
}

/// The `customer` object of a customer, if it is one.
pub(super) fn customer(id: &str) -> Option<Value> {
    let shops_id = customer_id(id)?;
    Some(json!({
        "id": id,
        "object": "customer",
        "address": null,
        "balance": 0,
        "created": 0,
        "currency": null,
        "default_source": null,
        "delinquent": false,
        "description": null,
        "email": null,
        "invoice_settings": {"default_payment_method": null},
        "livemode": false,
        "metadata": {"customer_id": shops_id},
        "name": null,
        "phone": null,
        "shipping": null,
    }))
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
            "customer": self.customer,
            "livemode": false,
            "metadata": {},
            "type": "card",
        })
    }
}

/// A page of a list.
pub(super) fn list(url: &str, data: &[Value], has_more: bool) -> Value {
    json!({"object": "list", "data": data, "has_more": has_more, "url": url})
}
