//! Stripe's operations. Its paths are regular: a collection, an object of it, and a verb on that.

use hyper::Method;

use super::{parts, verb};

/// `ConfirmPaymentIntent` of `POST /v1/payment_intents/{id}/confirm`.
pub(super) fn operation(method: &Method, path: &str) -> Option<String> {
    let parts = parts(path);
    let (version, resource) = parts.split_first()?;
    if *version != "v1" {
        return None;
    }
    match resource {
        [collection] => named(method, collection, true),
        [collection, "search"] => Some(format!("Search{}", camel(collection))),
        [collection, _] => named(method, collection, false),
        [owner, _, "payment_methods"] => named(method, &format!("{}_payment_methods", singular(owner)), true),
        [owner, _, "payment_methods", _] => named(method, &format!("{}_payment_methods", singular(owner)), false),
        [collection, _, action] if method == Method::POST => Some(format!("{}{}", camel(action), camel(singular(collection)))),
        _ => None,
    }
}

fn named(method: &Method, collection: &str, whole: bool) -> Option<String> {
    let name = match verb(method, whole)? {
        "List" => return Some(format!("List{}", camel(collection))),
        "Get" => "Retrieve",
        other => other,
    };
    Some(format!("{name}{}", camel(singular(collection))))
}

fn singular(collection: &str) -> &str {
    collection.strip_suffix('s').unwrap_or(collection)
}

/// `PaymentIntents` of `payment_intents`.
fn camel(snake: &str) -> String {
    let capital = |word: &str| {
        let mut letters = word.chars();
        letters.next().map(|first| first.to_ascii_uppercase()).into_iter().chain(letters).collect::<String>()
    };
    snake.split('_').map(capital).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stripes_operations_have_stripes_names() {
        for (method, path, name) in [
            (Method::POST, "/v1/payment_intents", Some("CreatePaymentIntent")),
            (Method::GET, "/v1/payment_intents", Some("ListPaymentIntents")),
            (Method::GET, "/v1/payment_intents/search", Some("SearchPaymentIntents")),
            (Method::GET, "/v1/payment_intents/pi_1", Some("RetrievePaymentIntent")),
            (Method::POST, "/v1/payment_intents/pi_1", Some("UpdatePaymentIntent")),
            (Method::POST, "/v1/payment_intents/pi_1/confirm", Some("ConfirmPaymentIntent")),
            (Method::POST, "/v1/payment_intents/pi_1/cancel", Some("CancelPaymentIntent")),
            (Method::POST, "/v1/payment_intents/pi_1/capture", Some("CapturePaymentIntent")),
            (Method::POST, "/v1/refunds", Some("CreateRefund")),
            (Method::GET, "/v1/refunds", Some("ListRefunds")),
            (Method::GET, "/v1/payment_methods/pm_1", Some("RetrievePaymentMethod")),
            (Method::POST, "/v1/payment_methods/pm_1/attach", Some("AttachPaymentMethod")),
            (Method::POST, "/v1/customers", Some("CreateCustomer")),
            (Method::GET, "/v1/customers/cus_1/payment_methods", Some("ListCustomerPaymentMethods")),
            (Method::GET, "/v1/customers/cus_1/payment_methods/pm_1", Some("RetrieveCustomerPaymentMethod")),
            (Method::DELETE, "/v1/customers/cus_1", Some("DeleteCustomer")),
            (Method::GET, "/v2/core/events", None),
            (Method::GET, "/", None),
        ] {
            assert_eq!(operation(&method, path).as_deref(), name, "{method} {path}");
        }
    }
}
