//! Identities, each with its own type so that none is taken for another.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// The namespace of order ids, fixed for ever: a repeat must come to the same id.
const ORDER_NAMESPACE: Uuid = Uuid::from_u128(0x5f1c_0b6e_7a52_4d1e_9b0e_6b1d_0c5a_2f41);

/// An order: `ord_` and a `UUIDv5` of the customer and her idempotency key.
///
/// A repeat of a request comes to the same id, and so to the same conditional first write (promise 1).
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct OrderId(String);

impl OrderId {
    /// The order that this customer's key stands for.
    pub fn for_request(customer: &CustomerId, idempotency_key: &str) -> Self {
        // The length keeps ("a", "b:c") and ("a:b", "c") apart.
        let name = format!("{}:{}:{idempotency_key}", customer.0.len(), customer.0);
        Self(format!("ord_{}", Uuid::new_v5(&ORDER_NAMESPACE, name.as_bytes()).simple()))
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for OrderId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Not an order's id.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("an order id is `ord_` and 32 hexadecimal digits")]
pub struct InvalidOrderId;

impl FromStr for OrderId {
    type Err = InvalidOrderId;

    fn from_str(text: &str) -> Result<Self, InvalidOrderId> {
        let digits = text.strip_prefix("ord_").ok_or(InvalidOrderId)?;
        let is_hex = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
        if digits.len() == 32 && digits.bytes().all(is_hex) { Ok(Self(text.to_owned())) } else { Err(InvalidOrderId) }
    }
}

impl TryFrom<String> for OrderId {
    type Error = InvalidOrderId;

    fn try_from(text: String) -> Result<Self, InvalidOrderId> {
        text.parse()
    }
}

impl From<OrderId> for String {
    fn from(id: OrderId) -> String {
        id.0
    }
}

/// A refund: `ref_` and a `UUIDv5` of its order and what asked for it. A repeat of the request comes to the same id, by
/// which the provider knows it as well.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RefundId(String);

impl RefundId {
    /// The refund that a request stands for, of this order and under a name that no other request has.
    pub fn for_request(order_id: &OrderId, request: &str) -> Self {
        Self::named(&format!("{order_id}:request:{request}"))
    }

    /// The refund that a cancelled order owes after so many that failed.
    pub fn for_cancellation(order_id: &OrderId, failed: usize) -> Self {
        Self::named(&format!("{order_id}:cancellation:{failed}"))
    }

    fn named(name: &str) -> Self {
        Self(format!("ref_{}", Uuid::new_v5(&ORDER_NAMESPACE, name.as_bytes()).simple()))
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for RefundId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A customer: the `sub` of her Cognito token. It names her to the system and to nobody else.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct CustomerId(pub String);

impl fmt::Display for CustomerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A stock keeping unit: lower-case letters, digits and hyphens, 1 to 64 of them.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Sku(String);

/// Not a SKU.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("a SKU is 1 to 64 lower-case letters, digits and hyphens, and begins with a letter or digit")]
pub struct InvalidSku;

impl Sku {
    /// The SKU as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Sku {
    type Err = InvalidSku;

    fn from_str(text: &str) -> Result<Self, InvalidSku> {
        let allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        let fits = (1..=64).contains(&text.len()) && !text.starts_with('-') && text.bytes().all(allowed);
        if fits { Ok(Self(text.to_owned())) } else { Err(InvalidSku) }
    }
}

impl TryFrom<String> for Sku {
    type Error = InvalidSku;

    fn try_from(text: String) -> Result<Self, InvalidSku> {
        text.parse()
    }
}

impl From<Sku> for String {
    fn from(sku: Sku) -> String {
        sku.0
    }
}

impl fmt::Display for Sku {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_customer_and_one_key_make_one_order_id() {
        let kareem = CustomerId("kareem".into());
        assert_eq!(OrderId::for_request(&kareem, "k1"), OrderId::for_request(&kareem, "k1"));
        assert_ne!(OrderId::for_request(&kareem, "k1"), OrderId::for_request(&kareem, "k2"));
        assert_ne!(OrderId::for_request(&kareem, "k1"), OrderId::for_request(&CustomerId("amina".into()), "k1"));
    }

    #[test]
    fn customer_and_key_cannot_be_shifted_into_each_other() {
        let one = OrderId::for_request(&CustomerId("a".into()), "b:c");
        let two = OrderId::for_request(&CustomerId("a:b".into()), "c");
        assert_ne!(one, two);
    }

    #[test]
    fn an_order_id_is_fixed_for_ever() {
        let id = OrderId::for_request(&CustomerId("kareem".into()), "first");
        assert_eq!(id.as_str(), "ord_4b12e82b73d25dba836af122df84ba62");
        assert_eq!(id.as_str().parse(), Ok(id));
    }

    #[test]
    fn a_refund_id_is_fixed_for_ever_and_stands_for_one_request_or_one_try() {
        let order_id: OrderId = "ord_4b12e82b73d25dba836af122df84ba62".parse().unwrap();
        let requested = RefundId::for_request(&order_id, "key");
        assert_eq!(requested.as_str(), "ref_9577e64ad2cb56b087733f7fcb0062b4");
        assert_eq!(requested.to_string(), requested.as_str());
        let again = RefundId::for_cancellation(&order_id, 1);
        for other in [RefundId::for_request(&order_id, "other"), RefundId::for_cancellation(&order_id, 0), again.clone()] {
            assert_ne!(requested, other);
        }
        assert_ne!(again, RefundId::for_cancellation(&order_id, 0));
        assert_eq!(again, RefundId::for_cancellation(&order_id, 1));
    }

    #[test]
    fn each_id_is_printed_and_stored_as_its_text() {
        assert_eq!(CustomerId("kareem".into()).to_string(), "kareem");
        let sku: Sku = "kettle-steel".parse().unwrap();
        assert_eq!((sku.to_string(), String::from(sku)), ("kettle-steel".to_owned(), "kettle-steel".to_owned()));
        let order_id: OrderId = "ord_4b12e82b73d25dba836af122df84ba62".parse().unwrap();
        let text = order_id.as_str().to_owned();
        assert_eq!((order_id.to_string(), String::from(order_id)), (text.clone(), text));
    }

    #[test]
    fn what_is_no_order_id_is_refused() {
        for text in
            ["", "ord_", "ord_1", "ord_4B12E82B73D25DBA836AF122DF84BA62", "../../x", "xrd_4b12e82b73d25dba836af122df84ba62"]
        {
            assert_eq!(text.parse::<OrderId>(), Err(InvalidOrderId), "{text}");
        }
    }

    #[test]
    fn what_is_no_sku_is_refused() {
        assert!("kettle-steel".parse::<Sku>().is_ok());
        for text in ["", "Kettle", "-kettle", "kettle steel", "ké", &"x".repeat(65)] {
            assert_eq!(text.parse::<Sku>(), Err(InvalidSku), "{text}");
        }
    }
}
