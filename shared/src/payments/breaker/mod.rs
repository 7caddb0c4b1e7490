//! A circuit breaker for each provider, shared by all instances: no attempt is prepared with a provider that is known to be
//! down, so that another can be tried at once. What is already prepared is never held up: every other call passes.
//!
//! [`Health`] is the state machine, pure; [`Guarded`] puts it around a gateway and keeps it in a [`HealthStore`].
//!
//! - A connection error, a timeout or a 5xx of any call is a failure; a decline or another refusal is an answer.
//! - So many failures within the window open it. An authorisation that was answered takes them back: it is what a checkout
//!   needs in the end, which a preparation or a read that is answered does not prove.
//! - Open, it lets nothing pass; after a while one probe, whose lease runs out if its prober dies.
//! - The probe's answer closes it, the probe's failure opens it for as long again.

use std::{
    sync::{Arc, Mutex},
    time::{Duration, SystemTime},
};

use async_trait::async_trait;
use jiff::Timestamp;
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use tokio::time::timeout;
use uuid::Uuid;

use super::{
    ListedPayment, ListedRefund, MethodOwner, PaymentError, PaymentGateway, PaymentState, Preparation, RefundState, Unasked,
};
use crate::{
    config::{self, Missing},
    domain::{
        event::Provider,
        ids::{OrderId, RefundId},
        money::Money,
    },
    metrics,
    repositories::{RepositoryError, provider_health::ProviderHealthTable},
};

/// For how long an instance goes by what it read. The wall clock ages it.
const KEPT: Duration = Duration::from_secs(1);

/// How long the breaker waits for its table before it does without.
const PATIENCE: Duration = Duration::from_millis(500);

/// How long what is opened ahead may take: a function's own limit does not count its start, its callers' do.
const WARMED_WITHIN: Duration = Duration::from_secs(1);

/// How often a change is decided anew when another instance was first.
const TRIES: u32 = 3;

/// When a breaker opens, and for how long.
#[derive(Clone, Copy, Debug)]
pub struct Rules {
    /// So many failures open it …
    pub failures: u32,
    /// … within this time.
    pub window: Duration,
    /// How long it stays open before a probe.
    pub open: Duration,
    /// How long a probe may take before another is sent.
    pub probe_lease: Duration,
    /// How long a preparation may take together with the question that comes before it: as long as one call.
    pub call: Duration,
}

impl Rules {
    /// From `BREAKER_FAILURES`, `BREAKER_WINDOW_MS`, `BREAKER_OPEN_MS`, `BREAKER_PROBE_LEASE_MS` and `PROVIDER_CALL_TIMEOUT_MS`.
    ///
    /// # Errors
    /// [`Missing`].
    pub fn from_env() -> Result<Self, Missing> {
        Ok(Self {
            failures: u32::try_from(config::number("BREAKER_FAILURES")?).unwrap_or(u32::MAX),
            window: config::millis("BREAKER_WINDOW_MS")?,
            open: config::millis("BREAKER_OPEN_MS")?,
            probe_lease: config::millis("BREAKER_PROBE_LEASE_MS")?,
            call: config::millis("PROVIDER_CALL_TIMEOUT_MS")?,
        })
    }
}

/// What is known of a provider's health. Times are Unix milliseconds.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Health {
    /// Grows with each write: whoever writes, does so on the condition that it has not.
    version: u64,
    /// When it failed, oldest first, while it is closed.
    #[serde(default)]
    failed_at: Vec<i64>,
    /// Since when it is open.
    #[serde(default)]
    opened_at: Option<i64>,
    /// Who tries whether it is well again.
    #[serde(default)]
    probe: Option<Probe>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Probe {
    id: String,
    until: i64,
}

/// What to do with a call that the breaker guards.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Admission {
    /// Send it.
    Pass,
    /// Send it as the probe, once this is written.
    Probe(Health),
    /// Do not send it.
    Refuse,
}

impl Health {
    /// Which version this is: 0, if it was never written.
    pub fn version(&self) -> u64 {
        self.version
    }

    /// Whether it lets nothing pass but a probe.
    pub fn is_open(&self) -> bool {
        self.opened_at.is_some()
    }

    /// Whether a call may be sent, by a prober of this name if it comes to a probe.
    pub fn admit(&self, prober: &str, now: Timestamp, rules: &Rules) -> Admission {
        let (now, Some(opened_at)) = (now.as_millisecond(), self.opened_at) else { return Admission::Pass };
        let is_probed = self.probe.as_ref().is_some_and(|probe| probe.until > now);
        if is_probed || now < opened_at.saturating_add(millis(rules.open)) {
            return Admission::Refuse;
        }
        let probe = Probe { id: prober.to_owned(), until: now.saturating_add(millis(rules.probe_lease)) };
        Admission::Probe(self.next(|health| health.probe = Some(probe)))
    }

    /// A call failed that was no probe. [`None`]: that changes nothing. While it is open it is known to fail.
    #[must_use]
    pub fn failed(&self, now: Timestamp, rules: &Rules) -> Option<Self> {
        if self.is_open() {
            return None;
        }
        let now = now.as_millisecond();
        Some(self.next(|health| {
            health.failed_at.retain(|at| now.saturating_sub(*at) < millis(rules.window));
            health.failed_at.push(now);
            if health.failed_at.len() >= rules.failures as usize {
                health.failed_at.clear();
                health.opened_at = Some(now);
            }
        }))
    }

    /// A call that proves the provider well was answered. [`None`]: that changes nothing. An open breaker is closed by its
    /// probe alone.
    #[must_use]
    pub fn answered(&self) -> Option<Self> {
        let has_failed = !self.failed_at.is_empty();
        has_failed.then(|| self.next(|health| health.failed_at.clear()))
    }

    /// The probe of this name came back. [`None`]: another has taken its place, which decides.
    #[must_use]
    pub fn probed(&self, prober: &str, is_well: bool, now: Timestamp) -> Option<Self> {
        self.probe.as_ref().filter(|probe| probe.id == prober)?;
        Some(self.next(|health| {
            health.probe = None;
            health.opened_at = (!is_well).then(|| now.as_millisecond());
        }))
    }

    fn next(&self, change: impl FnOnce(&mut Self)) -> Self {
        let mut next = Self { version: self.version + 1, ..self.clone() };
        change(&mut next);
        next
    }
}

fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

/// Where the providers' health is kept for all instances.
#[async_trait]
pub trait HealthStore: Send + Sync + std::fmt::Debug {
    /// What is known of this provider.
    async fn load(&self, provider: Provider) -> Result<Health, RepositoryError>;

    /// Writes what follows on it. `false`: another was first.
    async fn replace(&self, provider: Provider, before: &Health, next: &Health) -> Result<bool, RepositoryError>;
}

#[async_trait]
impl HealthStore for ProviderHealthTable {
    async fn load(&self, provider: Provider) -> Result<Health, RepositoryError> {
        self.load(provider).await
    }

    async fn replace(&self, provider: Provider, before: &Health, next: &Health) -> Result<bool, RepositoryError> {
        self.replace(provider, before, next).await
    }
}

/// A gateway behind its breaker.
#[derive(Debug)]
pub struct Guarded {
    provider: Provider,
    gateway: Box<dyn PaymentGateway>,
    store: Arc<dyn HealthStore>,
    rules: Rules,
    cached: Mutex<Option<(Health, SystemTime)>>,
}

impl Guarded {
    /// This provider's gateway, behind a breaker with these rules.
    pub fn new(provider: Provider, gateway: Box<dyn PaymentGateway>, store: Arc<dyn HealthStore>, rules: Rules) -> Self {
        Self { provider, gateway, store, rules, cached: Mutex::new(None) }
    }

    /// What is known, at most a second old. A table that cannot be reached is taken for a healthy provider.
    async fn health(&self) -> Health {
        let cached = self.cached.lock().ok().and_then(|cached| cached.clone());
        match cached {
            Some((health, read_at)) if read_at.elapsed().is_ok_and(|age| age < KEPT) => health,
            _ => self.load().await.unwrap_or_else(|| self.keep(Health::default())),
        }
    }

    async fn load(&self) -> Option<Health> {
        let health = self.patiently("read", self.store.load(self.provider)).await?;
        Some(self.keep(health))
    }

    fn keep(&self, health: Health) -> Health {
        if let Ok(mut cached) = self.cached.lock() {
            *cached = Some((health.clone(), SystemTime::now()));
        }
        health
    }

    async fn patiently<T>(&self, deed: &str, call: impl Future<Output = Result<T, RepositoryError>> + Send) -> Option<T> {
        let reason = match timeout(PATIENCE, call).await {
            Ok(Ok(done)) => return Some(done),
            Ok(Err(error)) => error.to_string(),
            Err(_) => "no answer in time".to_owned(),
        };
        tracing::warn!(provider = %self.provider, deed, reason, "the breaker does without its table");
        None
    }

    /// Makes a change that is decided anew whenever another instance was first; says what became of it, if anything.
    async fn change(&self, decide: impl Fn(&Health) -> Option<Health> + Send) -> Option<Health> {
        // However often it is decided anew, whoever called is not kept waiting.
        timeout(PATIENCE, self.try_change(decide)).await.ok().flatten()
    }

    async fn try_change(&self, decide: impl Fn(&Health) -> Option<Health> + Send) -> Option<Health> {
        let mut before = self.health().await;
        for _ in 0..TRIES {
            let next = decide(&before)?;
            if self.patiently("write", self.store.replace(self.provider, &before, &next)).await? {
                self.tell(&before, &next);
                return Some(self.keep(next));
            }
            before = self.load().await?;
        }
        None
    }

    fn tell(&self, before: &Health, next: &Health) {
        if let Some(transition) = transition(before, next) {
            tracing::warn!(provider = %self.provider, transition, "the circuit breaker changed");
            metrics::count(transition, &[("provider", self.provider.name())]);
        }
    }

    /// Lets a call pass, as a probe of this name if one is due, or says why not.
    async fn admit(&self) -> Result<Option<String>, PaymentError> {
        let prober = Uuid::new_v4().to_string();
        let admission = |health: &Health| health.admit(&prober, Timestamp::now(), &self.rules);
        match admission(&self.health().await) {
            Admission::Pass => return Ok(None),
            Admission::Refuse => return Err(self.refusal()),
            Admission::Probe(_) => {}
        }
        let probe = |health: &Health| match admission(health) {
            Admission::Probe(next) => Some(next),
            Admission::Pass | Admission::Refuse => None,
        };
        match self.change(probe).await {
            Some(_) => Ok(Some(prober)),
            None => self.admit_without_probe(&prober).await,
        }
    }

    /// The probe was not written, as far as is known: another probes, or has closed it, or the table is out of reach; or it
    /// was, and the answer was lost.
    async fn admit_without_probe(&self, prober: &str) -> Result<Option<String>, PaymentError> {
        let Some(health) = self.load().await else { return Ok(None) };
        match health.admit(prober, Timestamp::now(), &self.rules) {
            _ if health.probe.as_ref().is_some_and(|probe| probe.id == prober) => Ok(Some(prober.to_owned())),
            Admission::Refuse => Err(self.refusal()),
            Admission::Pass | Admission::Probe(_) => Ok(None),
        }
    }

    fn refusal(&self) -> PaymentError {
        let reason = "its circuit breaker is open: it failed too often of late".into();
        PaymentError::Failed { provider: self.provider, reason, outage: false }
    }

    /// What may be held up: the call is made if it is let pass, and says whether a provider that was down is well again.
    async fn held_up(&self, call: impl Future<Output = Result<String, PaymentError>> + Send) -> Result<String, PaymentError> {
        let Some(prober) = self.admit().await? else {
            return self.note(call.await, false).await;
        };
        let answer = call.await;
        let is_well = !matches!(&answer, Err(error) if error.is_outage());
        self.change(|health| health.probed(&prober, is_well, Timestamp::now())).await;
        answer
    }

    /// Notes what a call proves of the provider's health.
    async fn note<T: Send>(&self, answer: Result<T, PaymentError>, proves: bool) -> Result<T, PaymentError> {
        match &answer {
            Err(error) if error.is_outage() => {
                self.change(|health| health.failed(Timestamp::now(), &self.rules)).await;
            }
            Ok(_) if proves => {
                self.change(Health::answered).await;
            }
            _ => {}
        }
        answer
    }
}

/// What a change of a provider's health is called; nothing, while its breaker stays closed.
fn transition(before: &Health, next: &Health) -> Option<&'static str> {
    match (before.is_open(), next.is_open()) {
        (false, false) => None,
        (true, false) => Some("BreakerClosed"),
        (true, true) if next.probe.is_some() => Some("BreakerProbed"),
        (true, true) => Some("BreakerReopened"),
        (false, true) => Some("BreakerOpened"),
    }
}

#[async_trait]
impl PaymentGateway for Guarded {
    async fn owner(&self, token: &SecretString) -> Result<MethodOwner, PaymentError> {
        self.note(self.gateway.owner(token).await, false).await
    }

    async fn prepare(&self, preparation: &Preparation<'_>) -> Result<String, PaymentError> {
        self.held_up(self.gateway.prepare(preparation)).await
    }

    /// The question whose the method is, is held up too: a provider that hangs would keep every order waiting for it. Both
    /// together end in time for their failure to be noted, and for another method.
    async fn prepare_unasked(&self, preparation: &Preparation<'_>, method: Unasked<'_>) -> Result<String, PaymentError> {
        let late = PaymentError::Failed { provider: self.provider, reason: "no answer in time".into(), outage: true };
        let both = async {
            let answer = timeout(self.rules.call, self.gateway.prepare_unasked(preparation, method)).await;
            answer.unwrap_or(Err(late))
        };
        self.held_up(both).await
    }

    async fn authorize(&self, order_id: &OrderId, reference: &str, token: &SecretString) -> Result<PaymentState, PaymentError> {
        self.note(self.gateway.authorize(order_id, reference, token).await, true).await
    }

    async fn read(&self, reference: &str) -> Result<PaymentState, PaymentError> {
        self.note(self.gateway.read(reference).await, false).await
    }

    async fn action_url(&self, reference: &str) -> Result<Option<SecretString>, PaymentError> {
        self.note(self.gateway.action_url(reference).await, false).await
    }

    async fn void(&self, reference: &str) -> Result<PaymentState, PaymentError> {
        self.note(self.gateway.void(reference).await, false).await
    }

    async fn capture(&self, reference: &str, amount: Money) -> Result<PaymentState, PaymentError> {
        self.note(self.gateway.capture(reference, amount).await, false).await
    }

    async fn refund(&self, reference: &str, refund: &RefundId, key: &str, amount: Money) -> Result<RefundState, PaymentError> {
        self.note(self.gateway.refund(reference, refund, key, amount).await, false).await
    }

    async fn refunds(&self, reference: &str) -> Result<Vec<ListedRefund>, PaymentError> {
        self.note(self.gateway.refunds(reference).await, false).await
    }

    async fn taken(&self, reference: &str) -> Result<Option<Money>, PaymentError> {
        self.note(self.gateway.taken(reference).await, false).await
    }

    async fn order_of(&self, reference: &str) -> Result<Option<OrderId>, PaymentError> {
        self.note(self.gateway.order_of(reference).await, false).await
    }

    async fn list(&self, since: Timestamp) -> Result<Vec<ListedPayment>, PaymentError> {
        self.note(self.gateway.list(since).await, false).await
    }

    async fn warm(&self) {
        let warmed = async {
            tokio::join!(self.gateway.warm(), self.load());
        };
        if timeout(WARMED_WITHIN, warmed).await.is_err() {
            tracing::warn!(provider = %self.provider, "what is opened ahead took too long; it is opened when it is needed");
        }
    }
}

#[cfg(test)]
mod tests;
