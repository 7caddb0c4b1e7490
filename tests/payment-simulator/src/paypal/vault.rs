//! The vault: PayPal accounts that customers saved, as test tokens. Those with a name of their own are everyone's, whose
//! `merchant_customer_id` is [`EVERYONE`]; `vault_of_<id>` is the saved account of the shop's customer `<id>`, and pays.

use serde_json::{Value, json};

/// The `merchant_customer_id` of an account that whoever likes may use.
const EVERYONE: &str = "*";
const OWNED: &str = "vault_of_";
/// PayPal's own ids of customers are no longer.
const LONGEST_CUSTOMER: usize = 22;

/// What comes of a payment from a saved account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Approved,
    /// The authorisation is denied, and the order done with.
    Denied,
    /// The instrument behind the account is declined; the order stays, for another.
    InstrumentDeclined,
    /// PayPal looks into it.
    Pending,
    /// The customer must approve.
    Action,
    /// Approved; what is refunded later does not reach the customer.
    RefundFails,
}

const NAMED: &[(&str, Verdict)] = &[
    ("vault_ok", Verdict::Approved),
    ("vault_declined", Verdict::Denied),
    ("vault_instrument_declined", Verdict::InstrumentDeclined),
    ("vault_pending", Verdict::Pending),
    ("vault_action", Verdict::Action),
    ("vault_refund_fails", Verdict::RefundFails),
];

/// A saved account.
#[derive(Clone, Debug)]
pub(super) struct Token {
    pub(super) id: String,
    pub(super) verdict: Verdict,
    /// The shop's own id of its customer.
    owner: String,
}

impl Token {
    /// None: the vault has no such token.
    pub(super) fn find(id: &str) -> Option<Self> {
        let token = |verdict, owner: &str| Self { id: id.into(), verdict, owner: owner.into() };
        if let Some((_, verdict)) = NAMED.iter().find(|(name, _)| *name == id) {
            return Some(token(*verdict, EVERYONE));
        }
        let owner = id.strip_prefix(OWNED).filter(|owner| !owner.is_empty())?;
        Some(token(Verdict::Approved, owner))
    }

    /// The account of a customer who approved without having saved one.
    pub(super) fn unsaved() -> Self {
        Self { id: String::new(), verdict: Verdict::Approved, owner: EVERYONE.into() }
    }

    /// The payment token, as the vault shows it.
    pub(super) fn to_json(&self, base: &str) -> Value {
        let own = |letter: &char| letter.is_ascii_alphanumeric() || matches!(letter, '_' | '-');
        let customer: String = self.owner.chars().filter(own).take(LONGEST_CUSTOMER).collect();
        let customer = if customer.is_empty() { "everyone".into() } else { customer };
        let address = format!("{base}/v3/vault/payment-tokens/{}", self.id);
        json!({
            "id": self.id,
            "customer": {"id": customer, "merchant_customer_id": self.owner},
            "payment_source": {"paypal": account()},
            "links": [
                {"rel": "self", "href": address, "method": "GET"},
                {"rel": "delete", "href": address, "method": "DELETE"},
            ],
        })
    }
}

/// The account, as orders and the vault show it: all test accounts look alike.
pub(super) fn account() -> Value {
    json!({
        "email_address": "payer@example.com",
        "account_id": "SIMULATEDPAYER",
        "account_status": "VERIFIED",
        "name": {"given_name": "Simulated", "surname": "Payer"},
        "address": {"country_code": "US"},
    })
}
