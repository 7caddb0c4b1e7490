//! What the exchange of one request and one answer has in common at all providers.

use std::{sync::Arc, time::Duration};

use axum::{
    http::StatusCode,
    response::{IntoResponse, Response},
};
use tokio::time::sleep;

use crate::{
    World,
    faults::Kind,
    gate::Connection,
    operation::{Provider, Purpose},
};

/// A provider, as the rest of the simulator knows it.
pub(crate) trait Played: Send + Sync {
    /// Forgets all objects and keys.
    fn forget(&self);
    /// Lets happen what is due by now.
    fn settle(&self);
}

/// Everyone who is played.
pub(crate) type Players = Vec<Arc<dyn Played>>;

/// Runs an exchange in a task of its own: what a provider has begun, it ends, whether its caller still waits or not. An
/// exchange without a response closes the connection instead.
pub(crate) async fn to_its_end(
    connection: Connection,
    exchange: impl Future<Output = Option<Response>> + Send + 'static,
) -> Response {
    if let Ok(Some(response)) = tokio::spawn(exchange).await {
        response
    } else {
        connection.cut();
        StatusCode::INTERNAL_SERVER_ERROR.into_response()
    }
}

impl World {
    /// The fault that strikes a request, once its delay is over.
    pub(crate) async fn strike(&self, provider: Provider, purpose: &Purpose) -> Option<Kind> {
        let fault = self.faults.take(provider, purpose.operation, purpose.order_id.as_deref())?;
        sleep(Duration::from_millis(fault.delay_ms)).await;
        Some(fault.kind)
    }
}
