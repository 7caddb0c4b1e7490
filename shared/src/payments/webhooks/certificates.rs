//! The certificates that `PayPal` signs webhooks with: fetched from its own hosts only, and trusted only when a root that is
//! trusted here leads to them.

use std::{
    borrow::Cow,
    collections::BTreeMap,
    sync::{Arc, Mutex},
    time::Duration,
};

use base64::{Engine, engine::general_purpose::STANDARD_NO_PAD};
use jiff::Timestamp;
use reqwest::Url;
use rustls_pki_types::{CertificateDer, ServerName, TrustAnchor, UnixTime, pem::PemObject as _};
use webpki::{EndEntityCert, KeyUsage};
use webpki_roots::TLS_SERVER_ROOTS;

use super::{
    super::{
        Limits,
        http::{Http, Repeat},
    },
    WebhookError, rejected,
};
use crate::{
    config::{self, Missing},
    domain::event::Provider,
};

/// The hosts that `PayPal` names in `PAYPAL-CERT-URL`.
const HOSTS: [&str; 4] = ["api.paypal.com", "api-m.paypal.com", "api.sandbox.paypal.com", "api-m.sandbox.paypal.com"];

/// The names that such a certificate is for.
const NAMES: [&str; 2] = ["messageverificationcerts.paypal.com", "messageverificationcerts.sandbox.paypal.com"];

/// No chain of `PayPal`'s is longer.
const LONGEST: usize = 64 * 1024;

/// So many are kept: `PayPal` uses few at a time.
const KEPT: usize = 16;

/// The roots that are trusted.
type Roots = Cow<'static, [TrustAnchor<'static>]>;

/// A certificate that was trusted when it was fetched, and those between it and its root.
#[derive(Debug)]
pub(super) struct Chain(Vec<CertificateDer<'static>>);

/// Where certificates come from.
#[derive(Debug)]
pub(super) struct Certificates {
    http: Http,
    /// The one other origin that they may come from, on a developer's machine.
    local: Option<Url>,
    roots: Roots,
    by_url: Mutex<BTreeMap<String, Arc<Chain>>>,
}

impl Certificates {
    /// From `PAYPAL_BASE_URL`; on a developer's machine that may be where certificates come from, and
    /// `PAYPAL_WEBHOOK_ROOT_PEM` (in base64, so that it has no line breaks) the one root that is trusted.
    pub fn from_env(limits: Limits) -> Result<Self, Missing> {
        let base_url = config::url("PAYPAL_BASE_URL")?;
        if config::is_local() {
            let root = STANDARD_NO_PAD.decode(config::text("PAYPAL_WEBHOOK_ROOT_PEM")?).unwrap_or_default();
            Ok(Self::local(base_url, &String::from_utf8(root).unwrap_or_default(), limits))
        } else {
            Ok(Self::official(base_url, limits))
        }
    }

    /// From `PayPal`'s own hosts, under the roots that browsers trust.
    fn official(base_url: Url, limits: Limits) -> Self {
        Self::with(base_url, None, Cow::Borrowed(TLS_SERVER_ROOTS), limits)
    }

    /// From this origin too, under this root alone.
    pub fn local(origin: Url, root: &str, limits: Limits) -> Self {
        Self::with(origin.clone(), Some(origin), Cow::Owned(anchors(root)), limits)
    }

    fn with(base_url: Url, local: Option<Url>, roots: Roots, limits: Limits) -> Self {
        Self { http: Http::new(Provider::Paypal, base_url, limits), local, roots, by_url: Mutex::default() }
    }

    /// The chain at this URL, valid now. One that was fetched before is not fetched again.
    pub async fn chain(&self, url: &str, now: Timestamp) -> Result<Arc<Chain>, WebhookError> {
        let kept = self.by_url.lock().ok().and_then(|kept| kept.get(url).cloned());
        if let Some(chain) = kept {
            return chain.check(&self.roots, now).map(|()| chain);
        }
        let chain = Arc::new(self.fetch(url).await?);
        chain.check(&self.roots, now)?;
        if let Ok(mut kept) = self.by_url.lock() {
            if kept.len() >= KEPT {
                kept.clear();
            }
            kept.insert(url.to_owned(), chain.clone());
        }
        Ok(chain)
    }

    async fn fetch(&self, url: &str) -> Result<Chain, WebhookError> {
        let url = Url::parse(url).ok().filter(|url| is_paypals(url, self.local.as_ref()));
        let url = url.ok_or_else(|| rejected("the certificate is not at PayPal's"))?;
        let answer = self.http.send(self.http.client.get(url), Repeat::Read).await;
        let answer = answer.map_err(|error| WebhookError::Unavailable(error.to_string()))?;
        match answer.status.as_u16() {
            200 => Chain::parse(&answer.body),
            400..500 if answer.status.as_u16() != 429 => Err(rejected("PayPal has no such certificate")),
            status => Err(WebhookError::Unavailable(format!("{status} for the certificate"))),
        }
    }
}

/// Whether a certificate may be fetched from there: over HTTPS from `PayPal`, or from the local host, whatever its port: the
/// simulator names its own, and calls may reach it through another.
fn is_paypals(url: &Url, local: Option<&Url>) -> bool {
    let is_plain = url.username().is_empty() && url.password().is_none() && url.query().is_none() && url.fragment().is_none();
    let is_official = url.scheme() == "https" && url.port().is_none() && url.host_str().is_some_and(|host| HOSTS.contains(&host));
    is_plain && (is_official || local.is_some_and(|local| url.scheme() == local.scheme() && url.host() == local.host()))
}

fn anchors(pem: &str) -> Vec<TrustAnchor<'static>> {
    let certificates = CertificateDer::pem_slice_iter(pem.as_bytes()).filter_map(Result::ok);
    certificates.filter_map(|certificate| anchor(&certificate)).collect()
}

fn anchor(certificate: &CertificateDer<'_>) -> Option<TrustAnchor<'static>> {
    webpki::anchor_from_trusted_cert(certificate).ok().map(|anchor| anchor.to_owned())
}

impl Chain {
    fn parse(pem: &[u8]) -> Result<Self, WebhookError> {
        let certificates: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem.get(..LONGEST).unwrap_or(pem)).collect();
        let certificates = certificates.map_err(|_| rejected("the certificate cannot be read"))?;
        if certificates.is_empty() { Err(rejected("there is no certificate")) } else { Ok(Self(certificates)) }
    }

    fn leaf(&self) -> Result<EndEntityCert<'_>, WebhookError> {
        let leaf = self.0.first().ok_or_else(|| rejected("there is no certificate"))?;
        EndEntityCert::try_from(leaf).map_err(|_| rejected("the certificate cannot be read"))
    }

    /// Whether a trusted root leads to it, it is valid now, and it is for `PayPal`'s webhooks.
    fn check(&self, roots: &[TrustAnchor<'static>], now: Timestamp) -> Result<(), WebhookError> {
        let leaf = self.leaf()?;
        let now = UnixTime::since_unix_epoch(Duration::from_secs(u64::try_from(now.as_second()).unwrap_or(0)));
        let between = self.0.get(1..).unwrap_or_default();
        leaf.verify_for_usage(webpki::ALL_VERIFICATION_ALGS, roots, between, now, KeyUsage::server_auth(), None, None)
            .map_err(|error| rejected(format!("the certificate is not trusted: {error}")))?;
        let is_for =
            |name: &&str| ServerName::try_from(*name).is_ok_and(|name| leaf.verify_is_valid_for_subject_name(&name).is_ok());
        if NAMES.iter().any(is_for) { Ok(()) } else { Err(rejected("the certificate is not for PayPal's webhooks")) }
    }

    /// Whether its key made this signature, RSA with SHA-256.
    pub fn verify(&self, message: &[u8], signature: &[u8]) -> Result<(), WebhookError> {
        let verified = self.leaf()?.verify_signature(webpki::aws_lc_rs::RSA_PKCS1_2048_8192_SHA256, message, signature);
        verified.map_err(|_| rejected("no signature of PayPal's"))
    }
}

#[cfg(test)]
pub(super) mod tests {
    use serde_json::Value;

    use super::{
        super::super::canned::{Canned, LIMITS, Script},
        *,
    };

    pub(in super::super) const ROOT: &str = include_str!("fixtures/root.pem");
    const OTHER_ROOT: &str = include_str!("fixtures/other-root.pem");
    pub(in super::super) const CHAIN: &str = include_str!("fixtures/chain.pem");
    pub(in super::super) const STRANGER: &str = include_str!("fixtures/stranger.pem");

    pub(in super::super) fn chain(pem: &str) -> Chain {
        Chain::parse(pem.as_bytes()).unwrap()
    }

    fn check(pem: &str, root: &str, now: &str) -> Result<(), WebhookError> {
        chain(pem).check(&anchors(root), now.parse().unwrap())
    }

    #[test]
    fn a_chain_to_a_trusted_root_is_trusted_while_it_is_valid() {
        assert_eq!(check(CHAIN, ROOT, "2027-01-01T00:00:00Z"), Ok(()));
        assert!(check(CHAIN, ROOT, "2020-01-01T00:00:00Z").is_err(), "not yet");
        assert!(check(CHAIN, ROOT, "2127-01-01T00:00:00Z").is_err(), "not any more");
    }

    #[test]
    fn a_chain_to_another_root_or_with_a_gap_is_not_trusted() {
        assert!(check(CHAIN, OTHER_ROOT, "2027-01-01T00:00:00Z").is_err());
        assert!(check(CHAIN, "", "2027-01-01T00:00:00Z").is_err());
        let leaf_alone = CHAIN.split_inclusive("-----END CERTIFICATE-----\n").next().unwrap();
        assert!(check(leaf_alone, ROOT, "2027-01-01T00:00:00Z").is_err());
    }

    #[test]
    fn a_trusted_certificate_for_another_name_is_not_paypals() {
        let refused = check(STRANGER, ROOT, "2027-01-01T00:00:00Z").unwrap_err();
        assert_eq!(refused, rejected("the certificate is not for PayPal's webhooks"));
    }

    #[test]
    fn what_is_no_certificate_is_rejected() {
        for pem in ["", "hello", "-----BEGIN CERTIFICATE-----\n!!\n-----END CERTIFICATE-----\n"] {
            assert!(Chain::parse(pem.as_bytes()).is_err(), "{pem}");
        }
    }

    /// What is made of the answer to the certificate's request.
    async fn fetched(answers: Vec<Script>) -> Result<(), WebhookError> {
        let canned = Canned::answering(answers).await;
        let certificates = Certificates::local(canned.url.clone(), ROOT, LIMITS);
        let url = canned.url.join("CERT-1").unwrap();
        certificates.chain(url.as_str(), "2027-01-01T00:00:00Z".parse().unwrap()).await.map(|_| ())
    }

    #[tokio::test]
    async fn a_certificate_that_is_not_there_rejects_and_one_that_cannot_be_had_now_comes_again() {
        let answer = |status| Script::Json(status, Value::Null);
        for status in [404, 403, 410] {
            assert!(matches!(fetched(vec![answer(status)]).await, Err(WebhookError::Rejected(_))), "{status}");
        }
        for status in [429, 500, 503] {
            let kept = fetched(vec![answer(status), answer(status)]).await;
            assert!(matches!(kept, Err(WebhookError::Unavailable(_))), "{status}");
        }
        assert!(matches!(fetched(vec![Script::Break, Script::Break]).await, Err(WebhookError::Unavailable(_))));
    }

    #[tokio::test]
    async fn a_certificate_that_was_fetched_is_kept_and_trusted_only_while_it_is_valid() {
        let canned = Canned::answering([Script::Text(CHAIN)]).await;
        let certificates = Certificates::local(canned.url.clone(), ROOT, LIMITS);
        let url = canned.url.join("CERT-1").unwrap();
        let at = async |now: &str| certificates.chain(url.as_str(), now.parse().unwrap()).await.map(|_| ());
        assert_eq!(at("2027-01-01T00:00:00Z").await, Ok(()));
        assert_eq!(at("2027-01-02T00:00:00Z").await, Ok(()));
        assert!(matches!(at("2127-01-01T00:00:00Z").await, Err(WebhookError::Rejected(_))), "it is past its end");
        assert_eq!(canned.lines(), ["GET /CERT-1"], "it was fetched once");
    }

    #[tokio::test]
    async fn on_aws_no_certificate_comes_from_a_developers_machine_and_no_root_but_the_worlds_is_trusted() {
        let certificates = Certificates::official("http://127.0.0.1:4002".parse().unwrap(), LIMITS);
        let refused = certificates.chain("http://127.0.0.1:4002/CERT-1", Timestamp::now()).await;
        assert_eq!(refused.err(), Some(rejected("the certificate is not at PayPal's")));
        assert!(chain(CHAIN).check(&certificates.roots, "2027-01-01T00:00:00Z".parse().unwrap()).is_err());
    }

    #[test]
    fn certificates_come_from_paypal_over_https_and_from_nowhere_else() {
        let allowed = |url: &str| is_paypals(&url.parse().unwrap(), None);
        for host in HOSTS {
            assert!(allowed(&format!("https://{host}/v1/notifications/certs/CERT-1")), "{host}");
        }
        for url in [
            "http://api.paypal.com/v1/notifications/certs/CERT-1",
            "https://api.paypal.com:8443/v1/notifications/certs/CERT-1",
            "https://api.paypal.com.evil.example/CERT-1",
            "https://evil.example/api.paypal.com/CERT-1",
            "https://evilapi.paypal.com/CERT-1",
            "https://api.paypal.com@evil.example/CERT-1",
            "https://user:pass@api.paypal.com/CERT-1",
            "https://api.paypal.com/CERT-1?redirect=https://evil.example",
            "https://www.paypal.com/CERT-1",
            "http://127.0.0.1:4002/CERT-1",
            "file:///etc/passwd",
        ] {
            assert!(!allowed(url), "{url}");
        }
    }

    #[test]
    fn on_a_developers_machine_they_come_from_exactly_the_simulator_too() {
        let local = "http://127.0.0.1:4002".parse().unwrap();
        let allowed = |url: &str| is_paypals(&url.parse().unwrap(), Some(&local));
        assert!(allowed("http://127.0.0.1:4002/v1/notifications/certs/CERT-1"));
        for url in ["http://127.0.0.2:4002/CERT-1", "https://127.0.0.1:4002/CERT-1", "http://localhost:4002/CERT-1"] {
            assert!(!allowed(url), "{url}");
        }
    }
}
