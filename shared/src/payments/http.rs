//! What the adapters' requests have in common: limits in time, the one repeat that is safe, and what a lost answer means.

use std::{
    env,
    sync::{Arc, LazyLock},
    time::Duration,
};

use reqwest::{
    Client, RequestBuilder, StatusCode, Url,
    header::{HeaderValue, RETRY_AFTER},
    redirect,
};
use rustls::{ClientConfig, RootCertStore, crypto::aws_lc_rs};
use tokio::time::{Instant, sleep, timeout, timeout_at};
use webpki_roots::TLS_SERVER_ROOTS;

use super::PaymentError;
use crate::{
    config::{self, Missing},
    domain::event::Provider,
    metrics, retry,
};

/// The waits before a repeat spread over this much time.
const BACKOFF: Duration = Duration::from_millis(100);

/// TLS for every provider's client of this process. The roots are those of Mozilla's that were built in: reading and parsing
/// the machine's own takes a function longer than all else at its start.
#[expect(clippy::expect_used, reason = "made of constants; what cannot tell a provider from others must not start")]
static TLS: LazyLock<ClientConfig> = LazyLock::new(|| {
    let roots: RootCertStore = TLS_SERVER_ROOTS.iter().cloned().collect();
    let config = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()));
    let config = config.with_safe_default_protocol_versions().expect("aws-lc speaks TLS 1.2 and 1.3");
    config.with_root_certificates(roots).with_no_client_auth()
});

/// The limits on calls to a provider.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// To connect.
    pub connect: Duration,
    /// For one call, whatever it takes: the requests it is made of, their repeats and the waits between them.
    pub call: Duration,
}

impl Limits {
    /// From `PROVIDER_CONNECT_TIMEOUT_MS` and `PROVIDER_CALL_TIMEOUT_MS`.
    ///
    /// # Errors
    /// [`Missing`].
    pub fn from_env() -> Result<Self, Missing> {
        Ok(Self { connect: config::millis("PROVIDER_CONNECT_TIMEOUT_MS")?, call: config::millis("PROVIDER_CALL_TIMEOUT_MS")? })
    }
}

/// Which requests may be sent once more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Repeat {
    /// A read: whatever became of the first.
    Read,
    /// One that moves no money, under one key: also when the connection broke. One that was kept open while the function was
    /// frozen may be dead, and the provider is well.
    Harmless,
    /// One that acts: only when the first had no connection, and so never left.
    NeverSent,
}

/// What a provider said, whole.
#[derive(Debug)]
pub(super) struct Answer {
    pub status: StatusCode,
    pub body: Vec<u8>,
    retry_after: Option<Duration>,
}

/// Why there is no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Lost {
    NoConnection,
    NoAnswerInTime,
    ConnectionBroke,
}

/// A provider's HTTP API.
#[derive(Debug)]
pub(super) struct Http {
    pub client: Client,
    pub provider: Provider,
    base_url: Url,
    limit: Duration,
}

impl Http {
    #[expect(clippy::expect_used, reason = "made of constants; a client of defaults has no limits, and follows redirects")]
    pub fn new(provider: Provider, base_url: Url, limits: Limits) -> Self {
        let client = Client::builder()
            .tls_backend_preconfigured(TLS.clone())
            .user_agent(user_agent(env::var("AWS_SDK_UA_APP_ID").ok().as_deref()))
            .connect_timeout(limits.connect)
            .pool_idle_timeout(Duration::from_mins(5))
            // What a provider is told is for the provider alone.
            .redirect(redirect::Policy::none())
            .build()
            .expect("a client of these settings is not refused");
        Self { client, provider, base_url, limit: limits.call }
    }

    /// The URL of this path below the base URL. Each segment is encoded: none can lead to another path.
    pub fn url(&self, segments: &[&str]) -> Result<Url, PaymentError> {
        let mut url = self.base_url.clone();
        let walks = segments.iter().any(|segment| matches!(*segment, "" | "." | ".."));
        match url.path_segments_mut() {
            Ok(mut path) if !walks => path.pop_if_empty().extend(segments),
            _ => return Err(self.failed("no URL can be made of this")),
        };
        Ok(url)
    }

    /// Sends it, once more where that is [safe](Repeat) and there is time, and hears the whole answer.
    pub async fn send(&self, request: RequestBuilder, repeat: Repeat) -> Result<Answer, PaymentError> {
        let deadline = Instant::now() + self.limit;
        let heard = timeout_at(deadline, send(request, repeat, deadline)).await;
        heard.unwrap_or(Err(Lost::NoAnswerInTime)).map_err(|lost| self.lost(lost))
    }

    /// The outcome of a call that is made of several requests, within one call's time.
    pub async fn bounded<T>(&self, call: impl Future<Output = Result<T, PaymentError>> + Send) -> Result<T, PaymentError> {
        timeout(self.limit, call).await.unwrap_or_else(|_| Err(self.lost(Lost::NoAnswerInTime)))
    }

    /// Opens the connection. Any answer will do.
    pub async fn warm(&self) {
        let answer = timeout(self.limit, self.client.head(self.base_url.clone()).send()).await;
        if !matches!(answer, Ok(Ok(_))) {
            tracing::debug!(provider = %self.provider, "the connection could not be warmed");
        }
    }

    /// Nothing was done, and not for an outage.
    pub fn failed(&self, reason: impl Into<String>) -> PaymentError {
        PaymentError::Failed { provider: self.provider, reason: reason.into(), outage: false }
    }

    /// It may have been done, and not for an outage.
    pub fn unknown(&self, reason: impl Into<String>) -> PaymentError {
        PaymentError::Unknown { provider: self.provider, reason: reason.into(), outage: false }
    }

    /// What a status says by itself, whoever the provider is. A 4xx did nothing, but for a request in flight (409) and
    /// one that did not arrive in time (408).
    pub fn refused(&self, status: StatusCode, reason: String) -> PaymentError {
        // Our account there, or how much we ask: every order fares alike, and only a person can mend it.
        if matches!(status.as_u16(), 401 | 403 | 429) {
            metrics::count("ProviderRefused", &[("provider", self.provider.name())]);
        }
        match status.as_u16() {
            408 | 409 => self.unknown(reason),
            400..500 => self.failed(reason),
            _ => PaymentError::Unknown { provider: self.provider, reason, outage: status.is_server_error() },
        }
    }

    fn lost(&self, lost: Lost) -> PaymentError {
        let (provider, outage) = (self.provider, true);
        match lost {
            Lost::NoConnection => PaymentError::Failed { provider, reason: "no connection".into(), outage },
            Lost::NoAnswerInTime => PaymentError::Unknown { provider, reason: "no answer in time".into(), outage },
            Lost::ConnectionBroke => PaymentError::Unknown { provider, reason: "the connection broke".into(), outage },
        }
    }
}

async fn send(request: RequestBuilder, repeat: Repeat, deadline: Instant) -> Result<Answer, Lost> {
    let again = request.try_clone();
    let first = once(request).await;
    let (Some(again), Some(wait)) = (again, wait_before_repeat(&first, repeat)) else { return first };
    if Instant::now() + wait >= deadline {
        return first;
    }
    sleep(wait).await;
    once(again).await
}

async fn once(request: RequestBuilder) -> Result<Answer, Lost> {
    let answer = request.send().await.map_err(|error| lost(&error))?;
    let status = answer.status();
    let retry_after = answer.headers().get(RETRY_AFTER).and_then(seconds);
    let body = answer.bytes().await.map_err(|_| Lost::ConnectionBroke)?.to_vec();
    Ok(Answer { status, body, retry_after })
}

fn lost(error: &reqwest::Error) -> Lost {
    if error.is_connect() || error.is_builder() {
        Lost::NoConnection
    } else if error.is_timeout() {
        Lost::NoAnswerInTime
    } else {
        Lost::ConnectionBroke
    }
}

/// How long to wait before it is sent again; [`None`]: not again. `Retry-After` is obeyed where the time allows it.
fn wait_before_repeat(first: &Result<Answer, Lost>, repeat: Repeat) -> Option<Duration> {
    let jitter = retry::full_jitter(0, BACKOFF, BACKOFF);
    match (first, repeat) {
        (Err(Lost::NoConnection), _) | (Err(_), Repeat::Read) | (Err(Lost::ConnectionBroke), Repeat::Harmless) => Some(jitter),
        (Ok(answer), Repeat::Read) if answer.status.is_server_error() || answer.status == StatusCode::TOO_MANY_REQUESTS => {
            Some(answer.retry_after.unwrap_or_default() + jitter)
        }
        _ => None,
    }
}

fn seconds(value: &HeaderValue) -> Option<Duration> {
    value.to_str().ok()?.parse().ok().map(Duration::from_secs)
}

/// `souk/` and what distinguishes this deployment, if it fits into a header.
fn user_agent(app_id: Option<&str>) -> HeaderValue {
    let own = app_id.filter(|id| !id.is_empty()).and_then(|id| HeaderValue::try_from(format!("souk/{id}")).ok());
    own.unwrap_or(HeaderValue::from_static("souk/other"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::payments::canned::{Canned, LIMITS};

    #[test]
    fn a_provider_is_told_which_deployment_calls_if_its_name_fits_into_a_header() {
        for (app_id, agent) in
            [(Some("checkout"), "souk/checkout"), (None, "souk/other"), (Some(""), "souk/other"), (Some("a\nb"), "souk/other")]
        {
            assert_eq!(user_agent(app_id), agent, "{app_id:?}");
        }
    }

    #[tokio::test]
    async fn a_connection_is_opened_ahead_by_asking_for_nothing() {
        let canned = Canned::answering([]).await;
        Http::new(Provider::Stripe, canned.url.clone(), LIMITS).warm().await;
        assert_eq!(canned.lines(), ["HEAD /"]);
    }
}
