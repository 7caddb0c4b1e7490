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
        let mut timeouts = timeouts.to_builder();
        timeouts.set_operation_attempt_timeout(once);
        let config = Config::from(aws).to_builder().timeout_config(timeouts.build()).retry_classifier(NotAfterSilence).build();
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

#[cfg(test)]
mod tests {
    use std::{
        sync::{
            Arc,
            atomic::{AtomicUsize, Ordering},
        },
        time::Duration,
    };

    use aws_sdk_sesv2::config::{BehaviorVersion, Credentials, Region, SharedCredentialsProvider, retry::RetryConfig};
    use tokio::{
        io::{AsyncReadExt, AsyncWriteExt},
        net::TcpListener,
    };

    use super::*;

    /// How often a letter is sent to an SES that answers so; nothing: not at all. And what comes of it.
    async fn sent(answer: &'static str) -> (usize, String) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        let asked = Arc::new(AtomicUsize::new(0));
        let count = asked.clone();
        tokio::spawn(async move {
            while let Ok((mut connection, _)) = listener.accept().await {
                let count = count.clone();
                tokio::spawn(async move {
                    let mut heard = vec![0; 64 * 1024];
                    while connection.read(&mut heard).await.is_ok_and(|bytes| bytes > 0) {
                        // What does not begin a request is the rest of one.
                        if heard.starts_with(b"POST ") {
                            count.fetch_add(1, Ordering::Relaxed);
                            connection.write_all(answer.as_bytes()).await.unwrap();
                        }
                    }
                });
            }
        });
        let attempt = Duration::from_millis(100);
        let aws = SdkConfig::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new("us-east-1"))
            .credentials_provider(SharedCredentialsProvider::new(Credentials::new("test", "test", None, None, "tests")))
            .endpoint_url(endpoint)
            .timeout_config(TimeoutConfig::builder().operation_attempt_timeout(attempt).build())
            .retry_config(RetryConfig::standard().with_max_attempts(3).with_initial_backoff(Duration::from_millis(1)))
            .build();
        let mailer = Mailer::new(&aws, "shop@shop.example".into());
        let failed = mailer.send("amina@shop.example", &Letter::default()).await.unwrap_err();
        (asked.load(Ordering::Relaxed), failed.to_string())
    }

    #[tokio::test]
    async fn an_e_mail_that_ses_did_not_answer_is_not_sent_again_at_once_and_a_refused_one_is() {
        assert_eq!(sent("").await, (1, "SES did not answer".into()));
        let busy = "HTTP/1.1 429 Too Many Requests\r\nx-amzn-ErrorType: TooManyRequestsException\r\ncontent-length: 2\r\n\r\n{}";
        assert_eq!(sent(busy).await, (3, "SES refused the e-mail: TooManyRequestsException".into()));
    }
}
