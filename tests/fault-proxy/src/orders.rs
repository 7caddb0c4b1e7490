//! Which order a call is about: by the order's id, by a provider's reference to it, or by an alias.

use std::{collections::HashMap, sync::Mutex};

use hyper::http::request::Parts;
use serde_json::{Map, Value};

use crate::{identity::Identity, lock, upstream::Upstream};

/// A shorter alias would stand in calls that have nothing to do with it.
pub(crate) const SHORTEST_ALIAS: usize = 8;

const PREFIX: &str = "ord_";
const DIGITS: usize = 32;
/// Stripe's objects that belong to one payment. Methods and customers do not: orders share them.
const STRIPE_PREFIXES: [&str; 5] = ["pi_", "ch_", "py_", "re_", "pyr_"];
/// Where PayPal's ids of orders, authorisations, captures and refunds stand.
const PAYPAL_IDS: [&str; 7] =
    ["id", "order_id", "authorization_id", "capture_id", "refund_id", "transaction_id", "paypal_reference_id"];
/// Parts of PayPal's objects with ids of people and of stored payment methods, which orders share.
const PAYPAL_SHARED: [&str; 5] = ["payment_source", "payer", "payee", "payment_method", "customer"];

/// Whether this is an order's id.
pub(crate) fn is_order_id(text: &str) -> bool {
    text.len() == PREFIX.len() + DIGITS && first_order_id(text.as_bytes()).is_some()
}

/// How an alias begins.
type First = [u8; SHORTEST_ALIAS];

/// What is known of orders beside their ids.
#[derive(Debug, Default)]
pub(crate) struct Orders {
    /// From a provider's id of an object to the order it is for.
    references: Mutex<HashMap<String, String>>,
    /// By their first bytes: the aliases that begin so, each with its order.
    aliases: Mutex<HashMap<First, Vec<(String, String)>>>,
}

impl Orders {
    /// The order that a call is about: the first order id in its path, query or body; else the order of the first
    /// provider's id there that is known; else, for DynamoDB, that of an alias in the body, the longest.
    pub(crate) fn order_of(&self, identity: &Identity, head: &Parts, body: &[u8]) -> Option<String> {
        let target = head.uri.path_and_query().map_or("", |target| target.as_str()).as_bytes();
        first_order_id(target)
            .or_else(|| first_order_id(body))
            .or_else(|| self.referred(target))
            .or_else(|| self.referred(body))
            .or_else(|| if identity.service == "dynamodb" { self.aliased(body) } else { None })
    }

    fn referred(&self, text: &[u8]) -> Option<String> {
        let references = lock(&self.references);
        if references.is_empty() {
            return None;
        }
        words(text).find_map(|word| references.get(word).cloned())
    }

    fn aliased(&self, body: &[u8]) -> Option<String> {
        let aliases = lock(&self.aliases);
        if aliases.is_empty() {
            return None;
        }
        let starts = body.windows(SHORTEST_ALIAS).enumerate();
        let begun = starts.flat_map(|(start, first)| {
            let first: Option<&First> = first.try_into().ok();
            first.and_then(|first| aliases.get(first)).into_iter().flatten().map(move |alias| (start, alias))
        });
        let found = begun.filter(|(start, (alias, _))| body.get(*start..).is_some_and(|rest| rest.starts_with(alias.as_bytes())));
        found.map(|(_, found)| found).max_by_key(|(alias, _)| alias.len()).map(|(_, order_id)| order_id.clone())
    }

    /// From now on a DynamoDB call that holds this text is about this order, unless it says otherwise.
    pub(crate) fn alias(&self, alias: &str, order_id: String) {
        let quoted = Value::from(alias).to_string();
        let in_json = &quoted[1..quoted.len() - 1];
        let Some(first) = in_json.as_bytes().first_chunk() else { return };
        let mut aliases = lock(&self.aliases);
        let alike = aliases.entry(*first).or_default();
        alike.retain(|(alias, _)| alias != in_json);
        alike.push((in_json.to_owned(), order_id));
    }

    /// Learns a provider's ids from what it answered to a call. An object that names its order goes by that; others go by
    /// what they stand in, in the end by the call's order, if the answer is not a list. What is known is not changed.
    pub(crate) fn learn(&self, identity: &Identity, order_id: Option<&str>, answer: &[u8]) {
        if identity.upstream == Upstream::Aws {
            return;
        }
        let Ok(answer) = serde_json::from_slice::<Value>(answer) else { return };
        let is_list = ["List", "Search"].iter().any(|verb| identity.operation.starts_with(verb));
        let outer = order_id.filter(|_| !is_list);
        let mut learned = Vec::new();
        collect(identity.upstream, &answer, outer, &mut learned);
        let mut references = lock(&self.references);
        for (reference, order_id) in learned {
            references.entry(reference.to_owned()).or_insert_with(|| order_id.to_owned());
        }
    }
}

/// The ids in a part of an answer, each with its order.
fn collect<'a>(upstream: Upstream, value: &'a Value, outer: Option<&'a str>, learned: &mut Vec<(&'a str, &'a str)>) {
    match value {
        Value::Array(values) => values.iter().for_each(|value| collect(upstream, value, outer, learned)),
        Value::Object(object) => {
            let order_id = named_order(object).or(outer);
            for (name, value) in object {
                match (value, order_id) {
                    (Value::String(id), Some(order_id)) if is_reference(upstream, name, id) => learned.push((id, order_id)),
                    _ if upstream == Upstream::Paypal && PAYPAL_SHARED.contains(&name.as_str()) => {}
                    _ => collect(upstream, value, order_id, learned),
                }
            }
        }
        _ => {}
    }
}

/// The order that an object says it is for. A PayPal order says it in its first purchase unit.
fn named_order(object: &Map<String, Value>) -> Option<&str> {
    let own = [
        object.get("metadata").and_then(|metadata| metadata.get("order_id")),
        object.get("custom_id"),
        object.get("custom_field"),
    ];
    let in_unit = object.get("purchase_units").and_then(|units| units.get(0)?.get("custom_id"));
    own.into_iter().chain([in_unit]).flatten().filter_map(Value::as_str).find(|id| is_order_id(id))
}

fn is_reference(upstream: Upstream, name: &str, text: &str) -> bool {
    let is_alphanumeric = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric());
    match upstream {
        Upstream::Stripe => STRIPE_PREFIXES.iter().any(|prefix| text.strip_prefix(prefix).is_some_and(is_alphanumeric)),
        Upstream::Paypal => PAYPAL_IDS.contains(&name) && is_alphanumeric(text),
        Upstream::Aws => false,
    }
}

/// The first order id, also where `_` is percent-encoded.
fn first_order_id(text: &[u8]) -> Option<String> {
    let found = |start: usize| digits_at(text, start, b"ord_").or_else(|| digits_at(text, start, b"ord%5F"));
    let mut starts = text.iter().enumerate().filter(|(_, byte)| **byte == b'o').map(|(start, _)| start);
    starts.find_map(found).map(|digits| format!("{PREFIX}{digits}"))
}

fn digits_at<'a>(text: &'a [u8], start: usize, mark: &[u8]) -> Option<&'a str> {
    let (found, rest) = text.get(start..)?.split_at_checked(mark.len())?;
    let digits = rest.get(..DIGITS)?;
    let is_id = found.eq_ignore_ascii_case(mark) && digits.iter().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    if is_id { std::str::from_utf8(digits).ok() } else { None }
}

/// What could be a provider's id: runs of letters, digits and `_`, percent-encoded bytes standing between them.
fn words(text: &[u8]) -> impl Iterator<Item = &str> {
    let is_word = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'_';
    let runs = text.split(move |byte| !is_word(byte) && *byte != b'%');
    let words = runs.flat_map(|run| {
        run.split(|byte| *byte == b'%')
            .enumerate()
            .map(|(index, part)| if index == 0 { part } else { part.get(2..).unwrap_or_default() })
    });
    words.filter(|word| !word.is_empty()).filter_map(|word| std::str::from_utf8(word).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    const ORDER: &str = "ord_0123456789abcdef0123456789abcdef";

    #[test]
    fn an_order_id_is_found_wherever_it_stands() {
        for text in [
            format!("/orders/{ORDER}/cancel"),
            format!("metadata%5Border_id%5D={ORDER}&x=1"),
            format!("{{\"input\":\"{{\\\"order_id\\\":\\\"{ORDER}\\\"}}\"}}"),
            ORDER.replace('_', "%5f"),
            format!("order ord_ ord_12 {ORDER} ord_ffffffffffffffffffffffffffffffff"),
        ] {
            assert_eq!(first_order_id(text.as_bytes()).as_deref(), Some(ORDER), "{text}");
        }
        for text in ["", "ord_", "ord_0123456789abcdef0123456789abcde", "ord_0123456789ABCDEF0123456789ABCDEF"] {
            assert_eq!(first_order_id(text.as_bytes()), None, "{text}");
        }
    }

    #[test]
    fn only_a_whole_id_is_an_order_id() {
        assert!(is_order_id(ORDER));
        for text in [format!("{ORDER}0"), format!(" {ORDER}"), ORDER.replace('_', "%5F")] {
            assert!(!is_order_id(&text), "{text}");
        }
    }

    #[test]
    fn words_end_at_percent_encoded_bytes() {
        let found: Vec<&str> = words(b"a[b]%5Bpi_1%5D=2&c=%").collect();
        assert_eq!(found, ["a", "b", "pi_1", "2", "c"]);
    }
}
