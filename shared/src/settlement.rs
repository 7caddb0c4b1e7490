//! Starting an order's settlement: the state machine that runs until the order owes nothing.

use aws_config::SdkConfig;
use aws_sdk_sfn::{Client, error::DisplayErrorContext, types::ExecutionStatus};
use serde_json::json;

use crate::{
    config::{self, Missing},
    domain::ids::OrderId,
};

/// The settlement's state machine (Standard). Executions of one order that overlap are harmless.
#[derive(Clone, Debug)]
pub struct Settlement {
    client: Client,
    arn: String,
}

impl Settlement {
    /// The state machine that `SETTLEMENT_STATE_MACHINE` names.
    ///
    /// # Errors
    /// [`Missing`].
    pub fn from_env(aws: &SdkConfig) -> Result<Self, Missing> {
        Ok(Self { client: Client::new(aws), arn: config::text("SETTLEMENT_STATE_MACHINE")? })
    }

    /// Starts an execution of this name. One of this name that runs, or ran, is as good.
    ///
    /// # Errors
    /// What Step Functions said.
    pub async fn start(&self, order_id: &OrderId, name: &str) -> Result<(), String> {
        let input = json!({"order_id": order_id}).to_string();
        let start = self.client.start_execution().state_machine_arn(&self.arn).name(name).input(input);
        match start.send().await {
            Ok(_) => {
                tracing::info!(%order_id, execution = name, "the settlement was started");
                Ok(())
            }
            Err(error) if error.as_service_error().is_some_and(|error| error.is_execution_already_exists()) => Ok(()),
            Err(error) => Err(DisplayErrorContext(&error).to_string()),
        }
    }

    /// Whether the execution of this name is running.
    ///
    /// # Errors
    /// What Step Functions said.
    pub async fn is_running(&self, name: &str) -> Result<bool, String> {
        // arn:…:stateMachine:settlement → arn:…:execution:settlement:name
        let execution = format!("{}:{name}", self.arn.replace(":stateMachine:", ":execution:"));
        match self.client.describe_execution().execution_arn(execution).send().await {
            Ok(described) => Ok(*described.status() == ExecutionStatus::Running),
            Err(error) if error.as_service_error().is_some_and(|error| error.is_execution_does_not_exist()) => Ok(false),
            Err(error) => Err(DisplayErrorContext(&error).to_string()),
        }
    }
}

/// The name of the execution that a checkout starts when its click ends as pending.
pub fn of_checkout(order_id: &OrderId) -> String {
    format!("{order_id}-checkout")
}
