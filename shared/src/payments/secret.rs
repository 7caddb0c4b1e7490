//! A provider's secret from Secrets Manager: kept for five minutes, never printable.

use std::time::{Duration, SystemTime};

use aws_sdk_secretsmanager::Client;
use serde::de::DeserializeOwned;
use tokio::sync::Mutex;

/// How long a secret is used before it is read again; a rotated one is in use everywhere after this time.
const KEPT: Duration = Duration::from_mins(5);

/// How long reading again may take, while there is one to go on with.
const PATIENCE: Duration = Duration::from_secs(1);

/// How long one is used further that could not be read again.
const KEPT_FURTHER: Duration = Duration::from_secs(30);

/// When a secret must have been read to be read again after [`KEPT_FURTHER`].
fn asked_again_soon() -> SystemTime {
    SystemTime::now() - KEPT + KEPT_FURTHER
}

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
        let Some((old, _)) = cached.take() else {
            let secret: T = self.read().await?;
            *cached = Some((secret.clone(), SystemTime::now()));
            return Ok(secret);
        };
        // Secrets Manager may fail while the provider is well. The old one is put back first: whoever asks may give up.
        *cached = Some((old.clone(), asked_again_soon()));
        let read = tokio::time::timeout(PATIENCE, self.read()).await;
        match read.unwrap_or_else(|_| Err("Secrets Manager took too long".into())) {
            Ok(secret) => {
                *cached = Some((T::clone(&secret), SystemTime::now()));
                Ok(secret)
            }
            Err(error) => {
                tracing::warn!(error, "the secret is not read again: the last one is used");
                Ok(old)
            }
        }
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

#[cfg(test)]
mod tests {
    use serde::Deserialize;
    use serde_json::{Value, json};

    use super::*;
    use crate::payments::canned::{Canned, Script, secrets_manager, stored};

    #[derive(Clone, Debug, PartialEq, Deserialize)]
    struct Key {
        key: String,
    }

    fn numbered(key: &str) -> Script {
        stored(&json!({ "key": key }))
    }

    async fn secret(script: impl IntoIterator<Item = Script>) -> (Canned, CachedSecret<Key>) {
        let canned = Canned::answering(script).await;
        let secret = CachedSecret::stored(secrets_manager(&canned), "the-secret");
        (canned, secret)
    }

    fn key(key: &str) -> Key {
        Key { key: key.into() }
    }

    #[tokio::test]
    async fn a_secret_is_read_once_and_again_when_it_is_old_or_was_refused() {
        let (canned, secret) = secret([numbered("1"), numbered("2"), numbered("3")]).await;
        assert_eq!(secret.get().await, Ok(key("1")));
        assert_eq!(secret.get().await, Ok(key("1")));
        assert!(canned.asked()[0].body.contains("the-secret"));
        let read_at = |age| SystemTime::now() - age;
        *secret.cached.lock().await = Some((key("1"), read_at(Duration::from_secs(295))));
        assert_eq!(secret.get().await, Ok(key("1")));
        *secret.cached.lock().await = Some((key("1"), read_at(KEPT)));
        assert_eq!(secret.get().await, Ok(key("2")));
        secret.forget().await;
        assert_eq!(secret.get().await, Ok(key("3")));
        assert_eq!(canned.asked().len(), 3);
    }

    #[tokio::test]
    async fn one_that_cannot_be_read_again_is_used_further_for_half_a_minute_unless_it_was_refused() {
        let broken = || Script::Json(400, json!({"__type": "AccessDeniedException"}));
        let (canned, secret) = secret([numbered("1"), broken(), Script::Silence, broken(), numbered("2")]).await;
        let age = async |age: Duration| {
            let mut cached = secret.cached.lock().await;
            cached.as_mut().unwrap().1 -= age;
        };
        assert_eq!(secret.get().await, Ok(key("1")));
        for asked in [2, 3] {
            age(KEPT).await;
            assert_eq!(secret.get().await, Ok(key("1")));
            age(Duration::from_secs(25)).await;
            assert_eq!(secret.get().await, Ok(key("1")));
            assert_eq!(canned.asked().len(), asked, "it is asked for again when half a minute is over");
        }
        secret.forget().await;
        assert!(secret.get().await.is_err(), "the provider refused it");
        assert_eq!(secret.get().await, Ok(key("2")));
    }

    #[tokio::test]
    async fn one_that_is_given_neither_ages_nor_is_forgotten() {
        let given = CachedSecret::given(Key { key: "1".into() });
        given.forget().await;
        *given.cached.lock().await = Some((key("1"), SystemTime::UNIX_EPOCH));
        assert_eq!(given.get().await, Ok(key("1")));
    }

    #[tokio::test]
    async fn what_cannot_be_read_is_told_without_the_value_and_not_kept() {
        let refused = Script::Json(400, json!({"__type": "ResourceNotFoundException"}));
        let (_canned, secret) =
            secret([refused, stored(&json!({"kee": "hush"})), Script::Json(200, Value::Null), numbered("1")]).await;
        assert_eq!(secret.get().await.unwrap_err(), "the provider's secret cannot be read: ResourceNotFoundException");
        let wrong = secret.get().await.unwrap_err();
        assert!(wrong.contains("the-secret") && !wrong.contains("hush"), "{wrong}");
        assert!(secret.get().await.is_err());
        assert_eq!(secret.get().await, Ok(key("1")));
    }
}
