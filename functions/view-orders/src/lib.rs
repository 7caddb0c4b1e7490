//! `GET /v1/orders`, `GET /v1/orders/{order_id}` and its receipt. What is not hers is not there: 404. An administrator
//! reads any order.

mod timeline;

use std::{collections::BTreeMap, time::Duration};

use aws_config::SdkConfig;
use aws_sdk_s3::{Client, presigning::PresigningConfig};
use jiff::Timestamp;
use lambda_http::{
    Request, RequestExt,
    http::{HeaderValue, StatusCode, header},
};
use serde_json::{Value, json};
use shared::{
    config::{self, Missing},
    customer_action::CustomerActions,
    domain::{
        event::Event,
        ids::OrderId,
        order::{Order, Status},
    },
    http::{Answer, Caller, Problem, cursor, json_answer, limit, route, start_of_page, wrong_cursor},
    order_view,
    repositories::{
        customer_orders::{CustomerOrdersTable, OrderRow},
        order_events::OrderEvents,
    },
};

/// How long a link to a receipt works.
const LINK_LIVES: Duration = Duration::from_mins(5);

/// The receipts that `send-email` keeps.
#[derive(Clone, Debug)]
pub struct Receipts {
    client: Client,
    bucket: String,
}

impl Receipts {
    /// The bucket that `RECEIPTS_BUCKET` names.
    ///
    /// # Errors
    /// [`Missing`].
    pub fn from_env(aws: &SdkConfig) -> Result<Self, Missing> {
        // A bucket's name is part of the path where there is no wildcard DNS, as on a laptop.
        let settings = aws_sdk_s3::config::Builder::from(aws).force_path_style(config::is_local()).build();
        Ok(Self { client: Client::from_conf(settings), bucket: config::text("RECEIPTS_BUCKET")? })
    }

    /// Opens the connection during init, so that the first request finds it warm.
    pub async fn warm(&self) {
        if let Err(error) = self.client.head_bucket().bucket(&self.bucket).send().await {
            tracing::warn!(error = %aws_sdk_s3::error::DisplayErrorContext(&error), "the receipts could not be reached ahead");
        }
    }

    /// A link to the order's receipt; none, while it is not written.
    async fn link(&self, order_id: &OrderId) -> Result<Option<String>, Problem> {
        let key = format!("receipts/{order_id}.pdf");
        if let Err(error) = self.client.head_object().bucket(&self.bucket).key(&key).send().await {
            return match error.as_service_error() {
                Some(service) if service.is_not_found() => Ok(None),
                _ => Err(unavailable(&aws_sdk_s3::error::DisplayErrorContext(&error).to_string())),
            };
        }
        let presigning = PresigningConfig::expires_in(LINK_LIVES).map_err(|error| unavailable(&error.to_string()))?;
        let request = self.client.get_object().bucket(&self.bucket).key(&key).response_content_type("application/pdf");
        let link = request.presigned(presigning).await.map_err(|error| unavailable(&error.to_string()))?;
        Ok(Some(link.uri().to_owned()))
    }
}

/// What viewing works with.
#[derive(Debug)]
pub struct ViewOrders {
    /// The truth.
    pub events: OrderEvents,
    /// The view behind lists.
    pub view: CustomerOrdersTable,
    /// Receipts.
    pub receipts: Receipts,
    /// What the customer has to do before she can be charged.
    pub actions: CustomerActions,
}

impl ViewOrders {
    /// Answers the three routes.
    ///
    /// # Errors
    /// A [`Problem`].
    pub async fn handle(&self, request: Request) -> Result<Answer, Problem> {
        match route(&request).as_str() {
            "GET /v1/orders" => self.list(&Caller::of(&request)?, &request).await,
            "GET /v1/orders/{order_id}" => {
                let (order, events) = self.order(&Caller::of(&request)?, &request).await?;
                let mut body = shown(&order, &events);
                if let Some(action) = self.actions.of(&order).await {
                    body["payment"]["action"] = action;
                }
                Ok(json_answer(200, body.to_string()))
            }
            "GET /v1/orders/{order_id}/receipt" => self.receipt(&Caller::of(&request)?, &request).await,
            _ => Err(Problem::method_not_allowed("GET")),
        }
    }

    /// The order that the path names, if the caller may see it. Strongly consistent.
    async fn order(&self, caller: &Caller, request: &Request) -> Result<(Order, Vec<Event>), Problem> {
        let none = || Problem::not_found("You have no such order; see GET /v1/orders.");
        let order_id: OrderId = request.path_parameters().first("order_id").and_then(|id| id.parse().ok()).ok_or_else(none)?;
        let events = self.events.load(&order_id).await.map_err(|error| unavailable(&error.to_string()))?;
        if events.is_empty() {
            return Err(none());
        }
        let order = Order::from_events(&events).map_err(|error| unavailable(&error.to_string()))?;
        if may_see(caller, &order) { Ok((order, events)) } else { Err(none()) }
    }

    async fn list(&self, caller: &Caller, request: &Request) -> Result<Answer, Problem> {
        let start = match start_of_page::<BTreeMap<String, String>>(request)? {
            Some(mut start) => Some(start.remove("placed_order").filter(|start| !start.is_empty()).ok_or_else(wrong_cursor)?),
            None => None,
        };
        let page = self.view.page(&caller.customer_id, limit(request)?, start.as_deref()).await;
        let page = page.map_err(|error| unavailable(&error.to_string()))?;
        let next = page.next.map(|mut key| {
            // Whose list it is comes from the token, never from the cursor.
            key.remove("customer_id");
            cursor(&key)
        });
        let orders: Vec<_> = page.items.iter().map(row).collect();
        Ok(json_answer(200, json!({"orders": orders, "next_cursor": next}).to_string()))
    }

    /// 302 to a link that works for some minutes; to a client that asks for JSON, the link itself.
    async fn receipt(&self, caller: &Caller, request: &Request) -> Result<Answer, Problem> {
        let (order, _) = self.order(caller, request).await?;
        let not_ready = || Problem::new(404, "receipt_not_ready", "There is no receipt", why_no_receipt(order.status()));
        let link = self.receipts.link(&order.id).await?.ok_or_else(not_ready)?;
        let accepts = request.headers().get(header::ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or_default();
        if accepts.contains("application/json") {
            let expires_at = Timestamp::now() + LINK_LIVES;
            return Ok(json_answer(200, json!({"url": link, "expires_at": expires_at}).to_string()));
        }
        let mut answer = json_answer(302, String::new());
        *answer.status_mut() = StatusCode::FOUND;
        let location = HeaderValue::try_from(link).map_err(|error| unavailable(&error.to_string()))?;
        answer.headers_mut().insert(header::LOCATION, location);
        Ok(answer)
    }
}

fn row(row: &OrderRow) -> Value {
    json!({
        "order_id": row.order_id,
        "status": row.status,
        "items": row.items,
        "total": row.total,
        "placed_at": row.placed_at,
        "links": {"self": format!("/v1/orders/{}", row.order_id)},
    })
}

/// Hers, or any for an administrator.
fn may_see(caller: &Caller, order: &Order) -> bool {
    order.placed.customer_id == caller.customer_id || caller.is_admin()
}

fn why_no_receipt(status: Status) -> &'static str {
    match status {
        Status::Pending | Status::PaymentPending => "The order is not confirmed yet; its receipt follows.",
        Status::Confirmed | Status::Paid => "The receipt is being written; try again in a few seconds.",
        Status::Rejected => "This order was not confirmed, so there is no receipt.",
        Status::Cancelled => "This order was cancelled before a receipt was written.",
    }
}

fn shown(order: &Order, events: &[Event]) -> Value {
    let mut body = order_view::body(order);
    body["timeline"] = events.iter().map(|event| timeline::entry(order, event)).collect();
    body
}

fn unavailable(reason: &str) -> Problem {
    tracing::error!(reason, "an order could not be read");
    Problem::overloaded()
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
