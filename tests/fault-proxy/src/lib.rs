//! The fault proxy: stands between the functions and what they call (AWS and the payment providers), each upstream on a
//! port of its own, numbers and counts every call, and makes chosen calls go wrong. A control port beside them tells what
//! was called and takes what is to fail. Nothing is kept on disk.
//!
//! A call takes this way: `connection` reads it, `identity` and `orders` say whose it is, `calls` gives it its
//! name, `faults` says whether that name is to be struck, `proxy` forwards or strikes, `capacity` counts.
#![allow(clippy::doc_markdown, reason = "PayPal is a name, not code")]

mod answer;
mod caller_process;
mod calls;
mod capacity;
mod connection;
mod control;
mod faults;
mod identity;
mod orders;
mod proxy;
mod upstream;

use std::{
    io,
    net::{Ipv4Addr, SocketAddr},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use serde::Serialize;
use tokio::net::TcpListener;

pub use crate::upstream::{BaseUrl, NotABaseUrl};
use crate::{calls::CallLog, faults::Faults, orders::Orders, proxy::Proxy, upstream::Upstream};

/// Where one upstream is, and the port that stands for it; 0 chooses a free one.
#[derive(Clone, Debug)]
pub struct Route {
    /// The upstream.
    pub upstream: BaseUrl,
    /// The port of 127.0.0.1 to listen on.
    pub port: u16,
}

/// What to stand for. An upstream without a route gets no port.
#[derive(Clone, Debug, Default)]
pub struct Setup {
    /// AWS, all services of it.
    pub aws: Option<Route>,
    /// Stripe's API.
    pub stripe: Option<Route>,
    /// PayPal's API.
    pub paypal: Option<Route>,
    /// The control API's port; 0 chooses a free one.
    pub control_port: u16,
}

/// Where the proxy answers: base URLs, without a slash at their end.
#[derive(Clone, Debug, Serialize)]
pub struct Addresses {
    /// What stands for AWS.
    pub aws_url: Option<String>,
    /// What stands for Stripe.
    pub stripe_url: Option<String>,
    /// What stands for PayPal.
    pub paypal_url: Option<String>,
    /// The control API.
    pub control_url: String,
}

/// What all ports share.
#[derive(Debug, Default)]
pub(crate) struct World {
    pub(crate) calls: CallLog,
    pub(crate) faults: Faults,
    pub(crate) orders: Orders,
}

/// Starts a proxy of its own, with nothing in it, on 127.0.0.1. It runs as long as the runtime it is started on; when this
/// returns, all its ports answer.
///
/// # Errors
/// A port that cannot be bound.
pub async fn start(setup: Setup) -> io::Result<Addresses> {
    let world = Arc::new(World::default());
    let aws_url = serve(Upstream::Aws, setup.aws, &world).await?;
    let stripe_url = serve(Upstream::Stripe, setup.stripe, &world).await?;
    let paypal_url = serve(Upstream::Paypal, setup.paypal, &world).await?;

    let control_listener = listen(setup.control_port).await?;
    let control_url = url(control_listener.local_addr()?);
    tokio::spawn(async move { axum::serve(control_listener, control::router(world)).await });
    Ok(Addresses { aws_url, stripe_url, paypal_url, control_url })
}

async fn serve(upstream: Upstream, route: Option<Route>, world: &Arc<World>) -> io::Result<Option<String>> {
    let Some(route) = route else { return Ok(None) };
    let listener = listen(route.port).await?;
    let address = listener.local_addr()?;
    let proxy = Proxy::new(upstream, route.upstream, world.clone());
    tokio::spawn(connection::serve(listener, address, Arc::new(proxy)));
    Ok(Some(url(address)))
}

async fn listen(port: u16) -> io::Result<TcpListener> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await
}

fn url(address: SocketAddr) -> String {
    format!("http://{address}")
}

/// Locks; a panic elsewhere does not spread, since nothing here is left half-changed by one.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
