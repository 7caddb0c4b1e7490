//! Wiring only.

#![recursion_limit = "256"]

use lambda_http::{Error, run, service_fn};
use shared::{
    aws,
    customer_action::CustomerActions,
    http,
    payments::providers::Providers,
    repositories::{customer_orders::CustomerOrdersTable, order_events::OrderEvents},
    telemetry,
};
use view_orders::{Receipts, ViewOrders};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    telemetry::init(env!("CARGO_CRATE_NAME"));
    let aws = aws::config()?;
    let dynamodb = aws_sdk_dynamodb::Client::new(&aws);
    let view_orders = ViewOrders {
        events: OrderEvents::from_env(&dynamodb)?,
        view: CustomerOrdersTable::from_env(&dynamodb)?,
        receipts: Receipts::from_env(&aws)?,
        actions: CustomerActions::from_env(Providers::from_env(&aws)?)?,
    };
    tokio::join!(view_orders.events.warm(), view_orders.receipts.warm());

    run(service_fn(|request| http::respond(request, |request| view_orders.handle(request)))).await
}
