//! What the proxy stands for.

use std::{error::Error, fmt, str::FromStr};

use hyper::{Uri, http::uri::Authority};
use serde::Serialize;

/// Whom a call is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Upstream {
    Aws,
    Stripe,
    Paypal,
}

/// Where an upstream is: `http://host:port`, nothing more. What is developed against runs on this machine, without TLS.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BaseUrl(Authority);

impl BaseUrl {
    pub(crate) fn authority(&self) -> &Authority {
        &self.0
    }
}

impl FromStr for BaseUrl {
    type Err = NotABaseUrl;

    fn from_str(text: &str) -> Result<Self, NotABaseUrl> {
        let uri: Uri = text.parse().map_err(|_| NotABaseUrl)?;
        match (uri.scheme_str(), uri.authority(), uri.path(), uri.query()) {
            (Some("http"), Some(authority), "/" | "", None) => Ok(Self(authority.clone())),
            _ => Err(NotABaseUrl),
        }
    }
}

/// Not `http://host:port`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotABaseUrl;

impl fmt::Display for NotABaseUrl {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an upstream is http://host:port, without a path")
    }
}

impl Error for NotABaseUrl {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_upstream_is_a_host_and_a_port_over_http() {
        for good in ["http://127.0.0.1:4566", "http://localhost:1/"] {
            assert!(good.parse::<BaseUrl>().is_ok(), "{good}");
        }
        for bad in ["https://api.stripe.com", "127.0.0.1:4566", "http://h:1/v1", "http://h:1/?q", ""] {
            assert_eq!(bad.parse::<BaseUrl>(), Err(NotABaseUrl), "{bad}");
        }
    }
}
