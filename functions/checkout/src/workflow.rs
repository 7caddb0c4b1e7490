//! Starting the checkout's state machine and waiting for it.

use std::time::Duration;

use aws_config::SdkConfig;
use aws_sdk_sfn::{
    Client,
    config::{retry::RetryConfig, timeout::TimeoutConfig},
    types::SyncExecutionStatus,
};
use shared::{
    aws::MovedHost,
    config::{self, Missing},
    domain::ids::OrderId,
    saga::OrderRef,
};

/// The checkout's state machine (Express, synchronous).
#[derive(Clone, Debug)]
pub struct Workflow {
    client: Client,
    arn: String,
}

impl Workflow {
    /// The state machine that `CHECKOUT_STATE_MACHINE` names, waited for as long as `WORKFLOW_WAIT_MS` says.
    ///
    /// # Errors
    /// [`Missing`].
    pub fn from_env(aws: &SdkConfig) -> Result<Self, Missing> {
        let connect: Duration = config::millis("AWS_CONNECT_TIMEOUT_MS")?;
        let wait = config::millis("WORKFLOW_WAIT_MS")?;
        let timeouts =
            TimeoutConfig::builder().connect_timeout(connect).operation_attempt_timeout(wait).operation_timeout(wait).build();
        // StartSyncExecution has no token: a repeat would be a second saga. What is unknown is read from the order.
        let mut settings = aws_sdk_sfn::config::Builder::from(aws).retry_config(RetryConfig::disabled()).timeout_config(timeouts);
        if config::is_local() {
            settings = settings.interceptor(MovedHost::WITHOUT_SYNC);
        }
        Ok(Self { client: Client::from_conf(settings.build()), arn: config::text("CHECKOUT_STATE_MACHINE")? })
    }

    /// Runs the workflow on this order and waits until it ends. Whatever goes wrong is logged and no more: the order's
    /// events alone say what was done.
    pub async fn run(&self, order_id: &OrderId) {
        let input = serde_json::to_string(&OrderRef { order_id: order_id.clone() }).unwrap_or_default();
        match self.client.start_sync_execution().state_machine_arn(&self.arn).input(input).send().await {
            Ok(ended) if *ended.status() == SyncExecutionStatus::Succeeded => {}
            Ok(ended) => {
                tracing::error!(%order_id, status = %ended.status(), error = ended.error().unwrap_or(""), "the workflow did not end well");
            }
            Err(error) => {
                let reason = aws_sdk_sfn::error::DisplayErrorContext(&error).to_string();
                tracing::error!(%order_id, reason, "the workflow could not be run");
            }
        }
    }

    /// Opens the connection during init, to the very host that executions are started on.
    pub async fn warm(&self) {
        // The state machine's own description is the one thing that this role may ask for besides. Whatever that host
        // says to it, the connection is open.
        let describe = self.client.describe_state_machine().state_machine_arn(&self.arn).customize();
        let describe = if config::is_local() { describe } else { describe.interceptor(MovedHost::WITH_SYNC) };
        if let Err(error) = describe.send().await {
            let reason = aws_sdk_sfn::error::DisplayErrorContext(&error).to_string();
            tracing::debug!(reason, "the connection to Step Functions is open, and this was its answer");
        }
    }
}
