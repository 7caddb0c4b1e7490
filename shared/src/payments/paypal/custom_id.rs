//! What we give `PayPal` as `custom_id`, which its objects, its transactions and its webhooks repeat: an order's id, and for a
//! refund its order's and then its own.

use crate::domain::ids::{OrderId, RefundId};

/// `PayPal` says of a refund's custom id that it has letters, digits, `-`, `_`, `.` and `,`.
const SEPARATOR: char = '.';

/// A refund's, of a payment with this custom id.
pub(super) fn of_refund(payment: Option<&str>, refund: &RefundId) -> String {
    match payment {
        Some(order_id) => format!("{order_id}{SEPARATOR}{refund}"),
        None => refund.to_string(),
    }
}

/// The order that it names; nothing, if it is not ours.
pub(in super::super) fn order(custom_id: &str) -> Option<OrderId> {
    custom_id.split(SEPARATOR).next()?.parse().ok()
}

/// The refund that it names, if it is a refund's of ours.
pub(super) fn refund(custom_id: &str) -> Option<&str> {
    custom_id.rsplit(SEPARATOR).next()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refunds_names_its_order_and_itself_in_letters_that_paypal_gives_back() {
        let order_id: OrderId = "ord_00000000000000000000000000000001".parse().unwrap();
        let id = RefundId::for_request(&order_id, "k");
        let both = of_refund(Some(order_id.as_str()), &id);
        assert_eq!((order(&both), refund(&both)), (Some(order_id), Some(id.as_str())));
        assert!(both.chars().all(|letter| letter.is_ascii_alphanumeric() || "-_.,".contains(letter)), "{both}");
        assert!(both.len() <= 127, "{both}");
    }

    #[test]
    fn a_refund_of_a_payment_without_one_names_itself() {
        let order_id: OrderId = "ord_00000000000000000000000000000001".parse().unwrap();
        let id = RefundId::for_request(&order_id, "k");
        let alone = of_refund(None, &id);
        assert_eq!((order(&alone), refund(&alone)), (None, Some(id.as_str())));
    }

    #[test]
    fn anothers_names_nothing_of_ours() {
        assert_eq!(order("gift"), None);
        assert_eq!(order(""), None);
    }
}
