//! The payment simulator: plays the payment providers on this machine, each on a port of its own, with a control port
//! beside them that tells what was moved and makes things fail. Nothing is kept on disk.
//!
//! A provider is one module (`stripe`) and one `Port` in [`start`]; everything else here is common to all of them.

mod clock;
mod control;
mod faults;
mod gate;
mod idempotency;
mod ledger;
mod operation;
mod requests;
mod stripe;

use std::{
    io,
    net::{Ipv4Addr, SocketAddr},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use axum::Router;
use serde::Serialize;
use tokio::net::TcpListener;

use crate::{
    clock::Clock,
    control::{Control, Port},
    faults::Faults,
    gate::{Connection, GatedListener},
    ledger::Ledger,
    operation::Provider,
    requests::RequestLog,
    stripe::Stripe,
};

/// The ports to listen on; 0 chooses a free one.
#[derive(Clone, Copy, Debug, Default)]
pub struct Ports {
    /// Stripe's API.
    pub stripe: u16,
    /// The control API.
    pub control: u16,
}

/// Where the simulator answers.
#[derive(Clone, Debug, Serialize)]
pub struct Addresses {
    /// The base URL of Stripe's API, without a slash at its end.
    pub stripe_url: String,
    /// The base URL of the control API, without a slash at its end.
    pub control_url: String,
}

/// What all providers share.
#[derive(Debug, Default)]
pub(crate) struct World {
    pub(crate) clock: Clock,
    pub(crate) ledger: Ledger,
    pub(crate) faults: Faults,
    pub(crate) requests: RequestLog,
}

/// Starts a simulator of its own, with nothing in it, on 127.0.0.1. It runs as long as the runtime it is started on;
/// when this returns, all its ports answer.
///
/// # Errors
/// A port that cannot be bound.
pub async fn start(ports: Ports) -> io::Result<Addresses> {
    let world = Arc::new(World::default());
    let stripe = Arc::new(Stripe::new(world.clone()));
    let (stripe_listener, stripe_gate) = gate::listen(ports.stripe).await?;
    let stripe_url = url(stripe_listener.address());
    serve_provider(stripe_listener, stripe::router(stripe.clone()));

    let stripe_port = Port { provider: Provider::Stripe, gate: stripe_gate, forget: Box::new(move || stripe.forget()) };
    let control_listener = TcpListener::bind((Ipv4Addr::LOCALHOST, ports.control)).await?;
    let control_url = url(control_listener.local_addr()?);
    let control = control::router(Control { world, ports: vec![stripe_port] });
    tokio::spawn(async move { axum::serve(control_listener, control).await });
    Ok(Addresses { stripe_url, control_url })
}

fn serve_provider(listener: GatedListener, router: Router) {
    let service = router.into_make_service_with_connect_info::<Connection>();
    tokio::spawn(async move { axum::serve(listener, service).await });
}

fn url(address: SocketAddr) -> String {
    format!("http://{address}")
}

/// Locks; a panic elsewhere does not spread, since nothing here is left half-changed by one.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
