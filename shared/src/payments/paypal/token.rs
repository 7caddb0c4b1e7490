//! `PayPal`'s access token: fetched with the client's credentials, used until a minute before it expires.
//! <https://developer.paypal.com/api/rest/authentication/>

use std::time::{Duration, SystemTime};

use reqwest::StatusCode;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use tokio::sync::Mutex;

use super::{
    super::{
        PaymentError,
        http::{Http, Repeat},
        secret::CachedSecret,
    },
    PaypalSecret,
};

/// A token that expires sooner is not used any more: it must live as long as the request that carries it.
const MARGIN: Duration = Duration::from_mins(1);

/// The token that is in use, if there is one.
#[derive(Debug, Default)]
pub(super) struct AccessToken {
    cached: Mutex<Option<(SecretString, SystemTime)>>,
}

#[derive(Deserialize)]
struct Granted {
    access_token: SecretString,
    /// Seconds.
    expires_in: u64,
}

impl AccessToken {
    /// The token. Every failure is certain: a token moves nothing. The wall clock ages it.
    pub async fn get(&self, http: &Http, secret: &CachedSecret<PaypalSecret>) -> Result<SecretString, PaymentError> {
        let mut cached = self.cached.lock().await;
        if let Some((token, expires_at)) = cached.as_ref()
            && expires_at.duration_since(SystemTime::now()).is_ok_and(|left| left > MARGIN)
        {
            return Ok(token.clone());
        }
        let asked_at = SystemTime::now();
        let granted = request(http, secret).await.map_err(PaymentError::certain)?;
        *cached = Some((granted.access_token.clone(), asked_at + Duration::from_secs(granted.expires_in)));
        Ok(granted.access_token)
    }

    /// Forgets the token, if it is still this one: it was refused.
    pub async fn forget(&self, refused: &SecretString) {
        let mut cached = self.cached.lock().await;
        if cached.as_ref().is_some_and(|(token, _)| token.expose_secret() == refused.expose_secret()) {
            *cached = None;
        }
    }
}

async fn request(http: &Http, secret: &CachedSecret<PaypalSecret>) -> Result<Granted, PaymentError> {
    let PaypalSecret { client_id, client_secret, .. } = secret.get().await.map_err(|reason| http.failed(reason))?;
    let request = http
        .client
        .post(http.url(&["v1", "oauth2", "token"])?)
        .basic_auth(client_id, Some(client_secret.expose_secret()))
        .form(&[("grant_type", "client_credentials")]);
    let answer = http.send(request, Repeat::Read).await?;
    if answer.status == StatusCode::UNAUTHORIZED {
        secret.forget().await;
    }
    if !answer.status.is_success() {
        return Err(http.refused(answer.status, format!("{} for the access token", answer.status.as_u16())));
    }
    serde_json::from_slice(&answer.body).map_err(|_| http.failed("the answer is not an access token"))
}
