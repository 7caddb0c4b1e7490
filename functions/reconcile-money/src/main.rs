//! Wiring only.

#![recursion_limit = "256"]

use jiff::Timestamp;
use lambda_runtime::{Error, LambdaEvent, run, service_fn};
use reconcile_money::{ReconcileMoney, Reports};
use serde_json::Value;
use shared::{
    aws,
    payments::providers::Providers,
    repositories::{customer_orders::CustomerOrdersTable, order_events::OrderEvents},
    telemetry,
};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    telemetry::init(env!("CARGO_CRATE_NAME"));
    let aws = aws::config()?;
    let dynamodb = aws_sdk_dynamodb::Client::new(&aws);
    let reconcile_money = ReconcileMoney {
        events: OrderEvents::from_env(&dynamodb)?,
        view: CustomerOrdersTable::from_env(&dynamodb)?,
        providers: Providers::from_env(&aws)?,
        reports: Reports::from_env(&aws)?,
    };

    run(service_fn(|_: LambdaEvent<Value>| reconcile_money.handle(Timestamp::now()))).await
}
