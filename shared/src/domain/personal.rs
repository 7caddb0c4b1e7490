//! What belongs to the customer as a person, and what can charge her: kept apart from the events, erasable.

use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize, Serializer};

use super::{
    event::Provider,
    ids::{CustomerId, OrderId},
};

/// An order's personal data and payment tokens. `Debug` shows none of it.
#[derive(Clone, Serialize, Deserialize)]
pub struct OrderDetails {
    /// The order they belong to.
    pub order_id: OrderId,
    /// Whose order it is.
    pub customer_id: CustomerId,
    /// Where the confirmation goes.
    pub email: String,
    /// E.164, when she gave one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub phone: Option<String>,
    /// Where the goods go.
    pub shipping_address: Address,
    /// In her order of preference: attempt n uses the n-th. None, once the order is closed.
    pub payment_methods: Vec<PaymentMethod>,
}

impl std::fmt::Debug for OrderDetails {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("OrderDetails").field("order_id", &self.order_id).finish_non_exhaustive()
    }
}

/// A postal address.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Address {
    /// The recipient.
    pub name: String,
    /// Street and number.
    pub line1: String,
    /// Flat, floor, building.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line2: Option<String>,
    /// City.
    pub city: String,
    /// Postal code.
    pub postal_code: String,
    /// ISO 3166-1 alpha-2.
    pub country: String,
}

impl std::fmt::Debug for Address {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Address(..)")
    }
}

/// A way to pay: the provider, and the token that it gave the browser.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct PaymentMethod {
    /// Who charges.
    pub provider: Provider,
    /// Redacted wherever it is printed; stored in `OrderDetails` only.
    #[serde(serialize_with = "exposed_for_storage")]
    pub token: SecretString,
    /// Whether the provider was asked whose it is; if not, it is asked before anything is charged.
    #[serde(default)]
    pub owner_known: bool,
    /// The provider's own id of the customer whom it belongs to, which a payment with it must name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account: Option<String>,
}

fn exposed_for_storage<S: Serializer>(token: &SecretString, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(token.expose_secret())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_personal_and_no_token_can_be_printed() {
        let details = OrderDetails {
            order_id: OrderId::for_request(&CustomerId("kareem".into()), "k"),
            customer_id: CustomerId("kareem".into()),
            email: "kareem@souk.example".into(),
            phone: Some("+201001234567".into()),
            shipping_address: Address {
                name: "Kareem".into(),
                line1: "1 Nile St".into(),
                line2: None,
                city: "Cairo".into(),
                postal_code: "11511".into(),
                country: "EG".into(),
            },
            payment_methods: vec![PaymentMethod {
                provider: Provider::Stripe,
                token: "pm_card_visa".into(),
                owner_known: true,
                account: None,
            }],
        };
        let printed = format!("{details:?} {:?} {:?}", details.shipping_address, details.payment_methods);
        assert!(printed.contains(details.order_id.as_str()) && printed.contains("Address(..)"), "{printed}");
        for secret in ["souk.example", "+2010", "Nile", "pm_card"] {
            assert!(!printed.contains(secret), "{secret} in {printed}");
        }
    }
}
