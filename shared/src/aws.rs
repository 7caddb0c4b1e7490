//! The AWS SDK's configuration: one HTTPS client for all service clients of a process, and a limit on every call.

use aws_config::{BehaviorVersion, SdkConfig, retry::RetryConfig, timeout::TimeoutConfig};
use aws_smithy_runtime_api::{
    box_error::BoxError,
    client::{
        interceptors::{Intercept, context::BeforeTransmitInterceptorContextMut, dyn_dispatch_hint},
        runtime_components::RuntimeComponents,
    },
};
use aws_smithy_types::config_bag::ConfigBag;

use crate::config::{self, Missing};

/// Region, credentials and limits for every AWS client of this process.
///
/// A call that fails for a passing reason is sent up to three times, with jitter. `AWS_CONNECT_TIMEOUT_MS` bounds the
/// connection, `AWS_ATTEMPT_TIMEOUT_MS` each attempt.
///
/// # Errors
/// [`Missing`], when a limit is not configured.
pub async fn config() -> Result<SdkConfig, Missing> {
    let timeouts = TimeoutConfig::builder()
        .connect_timeout(config::millis("AWS_CONNECT_TIMEOUT_MS")?)
        .operation_attempt_timeout(config::millis("AWS_ATTEMPT_TIMEOUT_MS")?)
        .build();
    let loader = aws_config::defaults(BehaviorVersion::latest())
        .timeout_config(timeouts)
        .retry_config(RetryConfig::standard().with_max_attempts(3));
    Ok(loader.load().await)
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
