//! The shop's mail, through SES.

use aws_config::SdkConfig;
use aws_sdk_sesv2::types::{Body, Content, Destination, EmailContent, Message};
use lambda_runtime::Error;
use shared::config::{self, Missing};

use crate::letter::Letter;

/// Sends letters.
#[derive(Clone, Debug)]
pub struct Mailer {
    client: aws_sdk_sesv2::Client,
    from: String,
}

impl Mailer {
    /// Sends from `SHOP_EMAIL`.
    ///
    /// # Errors
    /// [`Missing`].
    pub fn from_env(aws: &SdkConfig) -> Result<Self, Missing> {
        Ok(Self { client: aws_sdk_sesv2::Client::new(aws), from: config::text("SHOP_EMAIL")? })
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
