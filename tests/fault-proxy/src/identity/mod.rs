//! Who calls what: the part of a call's name that does not depend on the order.

mod aws;
mod paypal;
mod stripe;

use std::fmt;

use hyper::{
    HeaderMap, Method,
    header::{HeaderName, USER_AGENT},
    http::request::Parts,
};
use serde::Serialize;
use serde_json::Value;

use crate::{capacity::TableCall, upstream::Upstream};

const AMZ_USER_AGENT: HeaderName = HeaderName::from_static("x-amz-user-agent");
/// A caller that does not say who it is, and an operation that is not known here.
const OTHER: &str = "other";

/// Who calls what.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Identity {
    pub(crate) upstream: Upstream,
    /// The function, from the user agent: `app/<name>` for AWS (the SDK's `AWS_SDK_UA_APP_ID`), `souk/<name>` for
    /// providers. `other`, when it does not say.
    pub(crate) caller: String,
    /// As AWS signs for it, or the provider.
    pub(crate) service: String,
    /// `other`, when it is not known here.
    pub(crate) operation: String,
    /// For DynamoDB: the logical name of the (first) table.
    pub(crate) table: Option<String>,
}

impl Identity {
    /// Of a request to an upstream. `table_call` is its body, if it is one to DynamoDB.
    pub(crate) fn of(upstream: Upstream, head: &Parts, body: &[u8], table_call: Option<&TableCall>) -> Self {
        let (service, operation) = match upstream {
            Upstream::Aws => aws::operation(head, body),
            Upstream::Stripe => ("stripe".into(), stripe::operation(&head.method, head.uri.path())),
            Upstream::Paypal => ("paypal".into(), paypal::operation(&head.method, head.uri.path())),
        };
        let table = table_call.and_then(|call| call.table()).map(|name| logical_name(&name).to_owned());
        Self { upstream, caller: caller(upstream, &head.headers), service, operation: operation.unwrap_or(OTHER.into()), table }
    }
}

impl Identity {
    /// The subject of the e-mail that this call sends, if it sends one that is not raw.
    pub(crate) fn email_subject(&self, body: &[u8]) -> Option<String> {
        if (self.service.as_str(), self.operation.as_str()) != ("ses", "SendEmail") {
            return None;
        }
        let email: Value = serde_json::from_slice(body).ok()?;
        email["Content"]["Simple"]["Subject"]["Data"].as_str().map(ToOwned::to_owned)
    }
}

/// A call's name without its occurrence.
impl fmt::Display for Identity {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}/{}.{}", self.caller, self.service, self.operation)?;
        self.table.as_ref().map_or(Ok(()), |table| write!(formatter, "({table})"))
    }
}

fn caller(upstream: Upstream, headers: &HeaderMap) -> String {
    let mark = if upstream == Upstream::Aws { "app/" } else { "souk/" };
    let agents = [USER_AGENT, AMZ_USER_AGENT].into_iter().filter_map(|name| headers.get(name)?.to_str().ok());
    let name = agents.flat_map(|agent| agent.split_ascii_whitespace()).find_map(|part| part.strip_prefix(mark));
    name.filter(|name| !name.is_empty()).unwrap_or(OTHER).to_owned()
}

/// `OrderEventsTable` of `souk-OrderEventsTable-1ABC`, and of its ARN; a name without such a part stays whole.
fn logical_name(table: &str) -> &str {
    let name = table.rsplit('/').next().unwrap_or(table);
    name.split('-').rfind(|part| part.ends_with("Table")).unwrap_or(name)
}

/// A path's parts, without the empty ones.
fn parts(path: &str) -> Vec<&str> {
    path.split('/').filter(|part| !part.is_empty()).collect()
}

/// What a method does with a single resource, or with a collection of them.
fn verb(method: &Method, collection: bool) -> Option<&'static str> {
    match (method.as_str(), collection) {
        ("POST", true) => Some("Create"),
        ("GET", true) => Some("List"),
        ("GET", false) => Some("Get"),
        ("POST" | "PUT" | "PATCH", false) => Some("Update"),
        ("DELETE", false) => Some("Delete"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_goes_by_its_logical_name() {
        for (name, logical) in [
            ("souk-OrderEventsTable-1ABC", "OrderEventsTable"),
            ("souk-test-3-InventoryTable-X", "InventoryTable"),
            ("arn:aws:dynamodb:us-east-1:0:table/souk-ProductsTable-Z", "ProductsTable"),
            ("orders", "orders"),
            ("souk-orders-1", "souk-orders-1"),
        ] {
            assert_eq!(logical_name(name), logical);
        }
    }
}
