//! Where receipts are kept.

use aws_config::SdkConfig;
use lambda_runtime::Error;
use shared::{
    config::{self, Missing},
    domain::order::Order,
};

/// The bucket of receipts.
#[derive(Clone, Debug)]
pub struct ReceiptBucket {
    client: aws_sdk_s3::Client,
    bucket: String,
}

impl ReceiptBucket {
    /// The bucket that `RECEIPTS_BUCKET` names.
    ///
    /// # Errors
    /// [`Missing`].
    pub fn from_env(aws: &SdkConfig) -> Result<Self, Missing> {
        // A bucket's name is part of the path where there is no wildcard DNS, as on a laptop.
        let settings = aws_sdk_s3::config::Builder::from(aws).force_path_style(config::is_local()).build();
        Ok(Self { client: aws_sdk_s3::Client::from_conf(settings), bucket: config::text("RECEIPTS_BUCKET")? })
    }

    /// Opens the connection during init, so that the first receipt finds it warm.
    pub async fn warm(&self) {
        if let Err(error) = self.client.head_bucket().bucket(&self.bucket).send().await {
            tracing::warn!(error = %aws_sdk_s3::error::DisplayErrorContext(&error), "the receipts could not be reached ahead");
        }
    }

    /// Keeps the order's receipt; a repeat puts the same one in its place.
    ///
    /// # Errors
    /// S3 did not take it.
    pub async fn put(&self, order: &Order, pdf: Vec<u8>) -> Result<(), Error> {
        let put = self.client.put_object().bucket(&self.bucket).key(format!("receipts/{}.pdf", order.id));
        put.content_type("application/pdf").body(pdf.into()).send().await?;
        Ok(())
    }
}
