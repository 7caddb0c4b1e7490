//! The shapes of PayPal's objects: <https://developer.paypal.com/docs/api/orders/v2/> and payments/v2.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::{
    order::{Order, Status},
    payment::{self, Authorization, Capture, Refund, RefundStatus},
    vault,
};

/// "Insufficient funds", among PayPal's processor response codes.
const INSUFFICIENT_FUNDS: &str = "5120";

/// A time as PayPal writes it: whole seconds.
pub(super) fn time(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// The link to the page on which the customer approves.
pub(super) fn payer_action(order_id: &str, base: &str) -> Value {
    link("payer-action", &format!("{base}/checkoutnow?token={order_id}"), "GET")
}

fn link(rel: &str, href: &str, method: &str) -> Value {
    json!({"rel": rel, "href": href, "method": method})
}

/// What a caller gets who did not ask for the whole object.
pub(super) fn minimal(object: &Value) -> Value {
    json!({"id": object["id"], "status": object["status"], "links": object["links"]})
}

/// The same object without the members that are null: PayPal leaves them out.
pub(super) fn present(object: Value) -> Value {
    match object {
        Value::Object(members) => {
            members.into_iter().filter(|(_, value)| !value.is_null()).map(|(name, value)| (name, present(value))).collect()
        }
        other => other,
    }
}

impl Order {
    /// The `order` object.
    pub(super) fn to_json(&self, base: &str) -> Value {
        let source = self.source.as_ref().map(|_| json!({"paypal": vault::account()}));
        present(json!({
            "id": self.id,
            "intent": "AUTHORIZE",
            "status": self.status.name(),
            "payment_source": source,
            "purchase_units": [self.unit_to_json(base)],
            "create_time": time(self.created),
            "update_time": time(self.updated),
            "links": self.links(base),
        }))
    }

    fn unit_to_json(&self, base: &str) -> Value {
        let unit = &self.unit;
        present(json!({
            "reference_id": unit.reference_id.as_deref().unwrap_or("default"),
            "amount": unit.amount.to_json(),
            "payee": {"email_address": "shop@example.com", "merchant_id": "SIMULATEDSHOP"},
            "description": unit.description,
            "custom_id": unit.custom_id,
            "invoice_id": unit.invoice_id,
            "soft_descriptor": unit.soft_descriptor,
            "shipping": unit.shipping,
            "payments": self.authorization.as_ref().map(|authorization| self.payments_to_json(authorization, base)),
        }))
    }

    fn payments_to_json(&self, authorization: &Authorization, base: &str) -> Value {
        let captures = &authorization.captures;
        let mut payments = json!({"authorizations": [self.authorization_to_json(authorization, base)]});
        if !captures.is_empty() {
            payments["captures"] = captures.iter().map(|capture| self.capture_to_json(authorization, capture, base)).collect();
        }
        let refunds = captures.iter().flat_map(|capture| capture.refunds.iter().map(move |refund| (capture, refund)));
        let refunds: Vec<_> = refunds.map(|(capture, refund)| self.refund_to_json(capture, refund, base)).collect();
        if !refunds.is_empty() {
            payments["refunds"] = refunds.into();
        }
        payments
    }

    fn links(&self, base: &str) -> Vec<Value> {
        let address = format!("{base}/v2/checkout/orders/{}", self.id);
        let mut links = vec![link("self", &address, "GET")];
        match self.status {
            Status::Created => {
                links.push(link("approve", &format!("{base}/checkoutnow?token={}", self.id), "GET"));
                links.push(link("authorize", &format!("{address}/authorize"), "POST"));
            }
            Status::PayerActionRequired => links.push(payer_action(&self.id, base)),
            Status::Approved => links.push(link("authorize", &format!("{address}/authorize"), "POST")),
            Status::Completed => {}
        }
        links
    }

    /// The `authorization` object.
    pub(super) fn authorization_to_json(&self, authorization: &Authorization, base: &str) -> Value {
        let address = format!("{base}/v2/payments/authorizations/{}", authorization.id);
        let mut links = vec![link("self", &address, "GET")];
        let pending = authorization.status == payment::Status::Pending;
        if authorization.held() > 0 {
            links.push(link("capture", &format!("{address}/capture"), "POST"));
        }
        if authorization.held() > 0 || pending {
            links.push(link("void", &format!("{address}/void"), "POST"));
        }
        links.push(link("up", &format!("{base}/v2/checkout/orders/{}", self.id), "GET"));
        let denied = authorization.status == payment::Status::Denied;
        present(json!({
            "id": authorization.id,
            "status": authorization.status.name(),
            "status_details": pending.then(|| json!({"reason": "PENDING_REVIEW"})),
            "amount": authorization.amount.to_json(),
            "invoice_id": self.unit.invoice_id,
            "custom_id": self.unit.custom_id,
            "seller_protection": {"status": "NOT_ELIGIBLE"},
            "processor_response": denied.then(|| json!({"response_code": INSUFFICIENT_FUNDS})),
            "expiration_time": time(authorization.expires),
            "create_time": time(authorization.created),
            "update_time": time(authorization.updated),
            "supplementary_data": {"related_ids": {"order_id": self.id}},
            "links": links,
        }))
    }

    /// The `capture` object.
    pub(super) fn capture_to_json(&self, authorization: &Authorization, capture: &Capture, base: &str) -> Value {
        let address = format!("{base}/v2/payments/captures/{}", capture.id);
        let above = format!("{base}/v2/payments/authorizations/{}", authorization.id);
        present(json!({
            "id": capture.id,
            "status": capture.status(),
            "amount": capture.amount.to_json(),
            "final_capture": capture.is_final,
            "invoice_id": capture.invoice_id.as_ref().or(self.unit.invoice_id.as_ref()),
            "custom_id": self.unit.custom_id,
            "note_to_payer": capture.note_to_payer,
            "seller_protection": {"status": "NOT_ELIGIBLE"},
            "seller_receivable_breakdown": {
                "gross_amount": capture.amount.to_json(),
                "net_amount": capture.amount.to_json(),
            },
            "create_time": time(capture.created),
            "update_time": time(capture.updated),
            "supplementary_data": {"related_ids": {"order_id": self.id, "authorization_id": authorization.id}},
            "links": [
                link("self", &address, "GET"),
                link("refund", &format!("{address}/refund"), "POST"),
                link("up", &above, "GET"),
            ],
        }))
    }

    /// The `refund` object.
    pub(super) fn refund_to_json(&self, capture: &Capture, refund: &Refund, base: &str) -> Value {
        let completed = refund.status == RefundStatus::Completed;
        present(json!({
            "id": refund.id,
            "status": refund.status.name(),
            "status_details": (!completed).then(|| json!({"reason": "ECHECK"})),
            "amount": refund.amount.to_json(),
            "invoice_id": refund.invoice_id,
            "custom_id": refund.custom_id.as_ref().or(self.unit.custom_id.as_ref()),
            "note_to_payer": refund.note_to_payer,
            "seller_payable_breakdown": {
                "gross_amount": refund.amount.to_json(),
                "net_amount": refund.amount.to_json(),
                "total_refunded_amount": capture.amount.of(capture.refunded()).to_json(),
            },
            "create_time": time(refund.created),
            "update_time": time(refund.updated),
            "links": [
                link("self", &format!("{base}/v2/payments/refunds/{}", refund.id), "GET"),
                link("up", &format!("{base}/v2/payments/captures/{}", capture.id), "GET"),
            ],
        }))
    }
}
