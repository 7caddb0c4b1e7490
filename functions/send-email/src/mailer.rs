//! The shop's mail, through SES.

use aws_config::SdkConfig;
use aws_sdk_sesv2::{
    Client, Config,
    types::{Body, Content, Destination, EmailContent, Message},
};
use aws_smithy_runtime_api::client::{
    interceptors::context::InterceptorContext,
    retries::classifiers::{ClassifyRetry, RetryAction},
};
use aws_smithy_types::timeout::TimeoutConfig;
use lambda_runtime::Error;
use shared::config::{self, Missing};

use crate::letter::Letter;

/// So many times as long as others an e-mail is waited for, since it is not sent again: as long as all their tries.
const TRIES_IN_ONE: u32 = 3;

/// SES has no idempotency token. What it refused is sent again at once, by the SDK; what it did not answer it may have taken, so
/// that comes again with its message, and not three times with each.
#[derive(Debug)]
struct NotAfterSilence;

impl ClassifyRetry for NotAfterSilence {
    fn name(&self) -> &'static str {
        "NotAfterSilence"
    }

    fn classify_retry(&self, context: &InterceptorContext) -> RetryAction {
        if context.response().is_none() { RetryAction::RetryForbidden } else { RetryAction::NoActionIndicated }
    }
}

/// Sends letters.
#[derive(Clone, Debug)]
pub struct Mailer {
    client: Client,
    from: String,
}

impl Mailer {
    /// Sends from `SHOP_EMAIL`.
    ///
    /// # Errors
    /// [`Missing`].
    pub fn from_env(aws: &SdkConfig) -> Result<Self, Missing> {
        Ok(Self::new(aws, config::text("SHOP_EMAIL")?))
    }

    fn new(aws: &SdkConfig, from: String) -> Self {
        let timeouts = aws.timeout_config().cloned().unwrap_or_else(TimeoutConfig::disabled);
        let once = timeouts.operation_attempt_timeout().map(|attempt| attempt * TRIES_IN_ONE);
        let timeouts = timeouts.to_builder().set_operation_attempt_timeout(once).build();
        let config = Config::from(aws).to_builder().timeout_config(timeouts).retry_classifier(NotAfterSilence).build();
        Self { client: Client::from_conf(config), from }
    }

    /// Opens the connection during init, so that the first e-mail finds it warm.
    pub async fn warm(&self) {
        if let Err(error) = self.client.get_email_identity().email_identity(&self.from).send().await {
            tracing::warn!(error = %aws_sdk_sesv2::error::DisplayErrorContext(&error), "SES could not be reached ahead");
        }
    }

    /// Sends the letter to this address, as HTML and as text; answers SES's name for it.
    ///
    /// # Errors
    /// SES refused it or did not answer. The error's text never names the address.
    pub async fn send(&self, to: &str, letter: &Letter) -> Result<String, Error> {
        let content = |text: &str| Content::builder().data(text).charset("UTF-8").build();
        let body = Body::builder().html(content(&letter.html()?)?).text(content(&letter.text()?)?).build();
        let message = Message::builder().subject(content(&letter.subject)?).body(body).build();
        let send = self
            .client
            .send_email()
            .from_email_address(&self.from)
            .destination(Destination::builder().to_addresses(to).build())
            .content(EmailContent::builder().simple(message).build());
        match send.send().await {
            Ok(answer) => Ok(answer.message_id.unwrap_or_default()),
            // The error's own text may name the address.
            Err(error) => match error.as_service_error() {
                Some(service) => Err(format!("SES refused the e-mail: {}", service.meta().code().unwrap_or("unknown")).into()),
                None => Err("SES did not answer".into()),
            },
        }
    }
}
