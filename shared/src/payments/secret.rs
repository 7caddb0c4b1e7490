//! A provider's secret from Secrets Manager: kept for five minutes, never printable.

use std::time::{Duration, SystemTime};

use aws_sdk_secretsmanager::Client;
use serde::de::DeserializeOwned;
use tokio::sync::Mutex;

/// How long a secret is used before it is read again; a rotated one is in use everywhere after this time.
const KEPT: Duration = Duration::from_mins(5);

/// A secret that is read when it is needed.
#[derive(Debug)]
pub(super) struct CachedSecret<T> {
    source: Source,
    cached: Mutex<Option<(T, SystemTime)>>,
}

#[derive(Debug)]
enum Source {
    Stored { client: Client, secret_id: String },
    Given,
}

impl<T: Clone + DeserializeOwned> CachedSecret<T> {
    /// The secret with this name or ARN, whose value is JSON.
    pub fn stored(client: Client, secret_id: impl Into<String>) -> Self {
        Self { source: Source::Stored { client, secret_id: secret_id.into() }, cached: Mutex::new(None) }
    }

    /// One that is at hand, for tests.
    pub fn given(value: T) -> Self {
        Self { source: Source::Given, cached: Mutex::new(Some((value, SystemTime::now()))) }
    }

    /// The secret. The wall clock ages it: a frozen function's monotonic clock stands still.
    ///
    /// # Errors
    /// What went wrong, without the value.
    pub async fn get(&self) -> Result<T, String> {
        let mut cached = self.cached.lock().await;
        let is_fresh = |read_at: &SystemTime| read_at.elapsed().is_ok_and(|age| age < KEPT);
        if let Some((secret, read_at)) = cached.as_ref()
            && (matches!(self.source, Source::Given) || is_fresh(read_at))
        {
            return Ok(secret.clone());
        }
        let secret: T = self.read().await?;
        *cached = Some((secret.clone(), SystemTime::now()));
        Ok(secret)
    }

    async fn read(&self) -> Result<T, String> {
        let Source::Stored { client, secret_id } = &self.source else { return Err("there is no secret".into()) };
        let read = client.get_secret_value().secret_id(secret_id).send().await;
        let read = read.map_err(|error| match error.as_service_error() {
            Some(service) => format!("the provider's secret cannot be read: {}", service.meta().code().unwrap_or("unknown")),
            None => "the provider's secret cannot be read: Secrets Manager did not answer".into(),
        })?;
        // The parser's own message could quote the value.
        serde_json::from_str(read.secret_string().unwrap_or_default())
            .map_err(|_| format!("the value of {secret_id} has not the members that it should have"))
    }

    /// Forgets the secret: the provider refused it, so it may have been rotated.
    pub async fn forget(&self) {
        if matches!(self.source, Source::Stored { .. }) {
            *self.cached.lock().await = None;
        }
    }
}
