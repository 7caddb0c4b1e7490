//! A provider's key from Secrets Manager: kept for five minutes, never printable.

use std::time::{Duration, SystemTime};

use aws_sdk_secretsmanager::Client;
use secrecy::SecretString;
use serde::Deserialize;
use tokio::sync::Mutex;

/// How long a key is used before it is read again; a rotated key is in use everywhere after this time.
const KEPT: Duration = Duration::from_mins(5);

/// A key that is read when it is needed.
#[derive(Debug)]
pub struct CachedSecret {
    client: Client,
    secret_id: String,
    cached: Mutex<Option<(SecretString, SystemTime)>>,
}

#[derive(Deserialize)]
struct Stored {
    api_key: SecretString,
}

impl CachedSecret {
    /// The secret with this name or ARN. Its value is JSON: `{"api_key": "…"}`.
    pub fn new(client: Client, secret_id: impl Into<String>) -> Self {
        Self { client, secret_id: secret_id.into(), cached: Mutex::new(None) }
    }

    /// The key. The wall clock ages it: a frozen function's monotonic clock stands still.
    ///
    /// # Errors
    /// What went wrong, without the value.
    pub async fn get(&self) -> Result<SecretString, String> {
        let mut cached = self.cached.lock().await;
        if let Some((secret, read_at)) = cached.as_ref()
            && read_at.elapsed().is_ok_and(|age| age < KEPT)
        {
            return Ok(secret.clone());
        }
        let read = self.client.get_secret_value().secret_id(&self.secret_id).send().await;
        let read = read.map_err(|error| match error.as_service_error() {
            Some(service) => format!("the provider's key cannot be read: {}", service.meta().code().unwrap_or("unknown")),
            None => "the provider's key cannot be read: Secrets Manager did not answer".into(),
        })?;
        let stored: Stored = serde_json::from_str(read.secret_string().unwrap_or_default())
            .map_err(|_| r#"the secret's value must be {"api_key": "…"}"#.to_owned())?;
        *cached = Some((stored.api_key.clone(), SystemTime::now()));
        Ok(stored.api_key)
    }

    /// Forgets the key: the provider refused it, so it may have been rotated.
    pub async fn forget(&self) {
        *self.cached.lock().await = None;
    }
}
