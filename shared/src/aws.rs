//! The AWS SDK's configuration: one HTTPS client for all service clients of a process, and a limit on every call.

use std::env;

use aws_config::{
    AppName, BehaviorVersion, Region, SdkConfig, environment::EnvironmentVariableCredentialsProvider, retry::RetryConfig,
    timeout::TimeoutConfig,
};
use aws_sdk_dynamodb::config::SharedCredentialsProvider;
use aws_smithy_http_client::{
    Builder,
    tls::{Provider, TlsContext, TrustStore, rustls_provider::CryptoMode},
};
use aws_smithy_runtime_api::{
    box_error::BoxError,
    client::{
        http::SharedHttpClient,
        interceptors::{Intercept, context::BeforeTransmitInterceptorContextMut, dyn_dispatch_hint},
        runtime_components::RuntimeComponents,
    },
};
use aws_smithy_types::config_bag::ConfigBag;

use crate::config::{self, Missing};

/// Whom AWS's own certificates are issued by, and nobody else: <https://www.amazontrust.com/repository/>. The machine's whole
/// store, 140 certificates, takes a function longer to read and parse than all else at its start.
const AMAZON_ROOTS: &[u8] = include_bytes!("amazon_roots.pem");

/// Region, credentials, endpoint and limits for every AWS client of this process, from the environment: Lambda names them
/// there. The SDK's own chain would look for profiles and metadata services too, which a Lambda has not.
///
/// A call that fails for a passing reason is sent up to three times, with jitter. `AWS_CONNECT_TIMEOUT_MS` bounds the
/// connection, `AWS_ATTEMPT_TIMEOUT_MS` each attempt.
///
/// # Errors
/// [`Missing`], when the region or a limit is not set.
pub fn config() -> Result<SdkConfig, Missing> {
    let timeouts = TimeoutConfig::builder()
        .connect_timeout(config::millis("AWS_CONNECT_TIMEOUT_MS")?)
        .operation_attempt_timeout(config::millis("AWS_ATTEMPT_TIMEOUT_MS")?)
        .build();
    let mut sdk = SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new(config::text("AWS_REGION")?))
        .credentials_provider(SharedCredentialsProvider::new(EnvironmentVariableCredentialsProvider::new()))
        .http_client(https_client())
        .timeout_config(timeouts)
        .retry_config(RetryConfig::standard().with_max_attempts(3));
    sdk.set_endpoint_url(env::var("AWS_ENDPOINT_URL").ok());
    sdk.set_app_name(env::var("AWS_SDK_UA_APP_ID").ok().and_then(|id| AppName::new(id).ok()));
    Ok(sdk.build())
}

#[expect(clippy::expect_used, reason = "made of constants; what cannot tell AWS from others must not start")]
fn https_client() -> SharedHttpClient {
    let roots = TrustStore::empty().with_pem_certificate(AMAZON_ROOTS);
    let tls = TlsContext::builder().with_trust_store(roots).build().expect("a context of roots alone is not refused");
    Builder::new().tls_provider(Provider::Rustls(CryptoMode::AwsLc)).tls_context(tls).build_https()
}

/// Sends a call to another host than the SDK's. Step Functions starts synchronous executions on a host of their own.
#[derive(Debug)]
pub struct MovedHost {
    from: &'static str,
    to: &'static str,
}

impl MovedHost {
    /// Without the `sync-` that the SDK puts before the host: the local host has no such name, and the SDK for Rust has
    /// no switch for it.
    pub const WITHOUT_SYNC: Self = Self { from: "://sync-", to: "://" };

    /// To the host that synchronous executions are started on, so that its connection is open for them.
    pub const WITH_SYNC: Self = Self { from: "://states.", to: "://sync-states." };
}

#[dyn_dispatch_hint]
impl Intercept for MovedHost {
    fn name(&self) -> &'static str {
        "MovedHost"
    }

    fn modify_before_signing(
        &self,
        context: &mut BeforeTransmitInterceptorContextMut<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let request = context.request_mut();
        let uri = request.uri().replacen(self.from, self.to, 1);
        request.set_uri(uri)?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use rustls::RootCertStore;
    use rustls_pki_types::{CertificateDer, pem::PemObject};
    use sha2::{Digest, Sha256};

    use super::*;

    #[test]
    fn aws_is_known_by_the_roots_that_amazon_publishes_and_by_no_other() {
        // As https://www.amazontrust.com/repository/ gives them: Amazon Root CA 1 to 4, Starfield Services Root CA - G2.
        let published = [
            "8ecde6884f3d87b1125ba31ac3fcb13d7016de7f57cc904fe1cb97c6ae98196e",
            "1ba5b2aa8c65401a82960118f80bec4f62304d83cec4713a19c39c011ea46db4",
            "18ce6cfe7bf14e60b2e347b8dfe868cb31d02ebb3ada271569f50343b46db3a4",
            "e35d28419ed02025cfa69038cd623962458da5c695fbdea3c22b0bfb25897092",
            "568d6905a2c88708a4b3025190edcfedb1974a606a13c6e5290fcb2ae63edab5",
        ];
        let roots: Vec<_> = CertificateDer::pem_slice_iter(AMAZON_ROOTS).map(Result::unwrap).collect();
        let hexadecimal = |bytes: &[u8]| bytes.iter().fold(String::new(), |text, byte| text + &format!("{byte:02x}"));
        let fingerprint = |root: &CertificateDer<'_>| hexadecimal(&Sha256::digest(root));
        assert_eq!(roots.iter().map(fingerprint).collect::<Vec<_>>(), published);
        let mut store = RootCertStore::empty();
        assert_eq!(store.add_parsable_certificates(roots), (5, 0));
    }
}
