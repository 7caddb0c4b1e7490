//! The payment simulator: plays the payment providers on this machine, each on a port of its own, with a control port
//! beside them that tells what was moved and makes things fail. Nothing is kept on disk.
//!
//! A provider is one module (`stripe`, `paypal`) and one `Port` in [`start`]; everything else here is common to all.

mod agenda;
mod certificates;
mod clock;
mod control;
mod exchange;
mod faults;
mod gate;
mod idempotency;
mod ledger;
mod operation;
mod pages;
mod paypal;
mod requests;
mod stripe;
mod webhooks;

use std::{
    io,
    net::{Ipv4Addr, SocketAddr},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use axum::Router;
use serde::Serialize;
use tokio::{net::TcpListener, time::sleep};

use crate::{
    clock::Clock,
    control::{Control, Port},
    exchange::Players,
    faults::Faults,
    gate::{Connection, GatedListener},
    ledger::Ledger,
    operation::Provider,
    paypal::PayPal,
    requests::RequestLog,
    stripe::Stripe,
    webhooks::Webhooks,
};

/// How often the providers look at the clock for what is to happen by itself.
const TICK: Duration = Duration::from_millis(100);

/// The ports to listen on; 0 chooses a free one.
#[derive(Clone, Copy, Debug, Default)]
pub struct Ports {
    /// Stripe's API.
    pub stripe: u16,
    /// PayPal's APIs.
    pub paypal: u16,
    /// The control API.
    pub control: u16,
}

/// Where the simulator answers.
#[derive(Clone, Debug, Serialize)]
pub struct Addresses {
    /// The base URL of Stripe's API, without a slash at its end.
    pub stripe_url: String,
    /// The base URL of PayPal's APIs, without a slash at its end.
    pub paypal_url: String,
    /// The base URL of the control API, without a slash at its end.
    pub control_url: String,
}

/// What all providers share.
#[derive(Debug)]
pub(crate) struct World {
    pub(crate) clock: Clock,
    pub(crate) ledger: Ledger,
    pub(crate) faults: Faults,
    pub(crate) requests: RequestLog,
    pub(crate) webhooks: Webhooks,
}

/// Starts a simulator of its own, with nothing in it, on 127.0.0.1. It runs as long as the runtime it is started on;
/// when this returns, all its ports answer.
///
/// # Errors
/// A port that cannot be bound.
pub async fn start(ports: Ports) -> io::Result<Addresses> {
    let (stripe_listener, stripe_gate) = gate::listen(ports.stripe).await?;
    let (paypal_listener, paypal_gate) = gate::listen(ports.paypal).await?;
    let (stripe_url, paypal_url) = (url(stripe_listener.address()), url(paypal_listener.address()));
    let world = Arc::new(World::new(paypal_url.clone())?);
    let stripe = Arc::new(Stripe::new(world.clone(), stripe_url.clone()));
    let paypal = Arc::new(PayPal::new(world.clone(), paypal_url.clone()));
    serve_provider(stripe_listener, stripe::router(stripe.clone()));
    serve_provider(paypal_listener, paypal::router(paypal.clone()));
    tokio::spawn(settle_by_the_clock(vec![stripe.clone(), paypal.clone()]));

    let ports_to_control = vec![
        Port { provider: Provider::Stripe, gate: stripe_gate, played: stripe },
        Port { provider: Provider::PayPal, gate: paypal_gate, played: paypal },
    ];
    let control_listener = TcpListener::bind((Ipv4Addr::LOCALHOST, ports.control)).await?;
    let control_url = url(control_listener.local_addr()?);
    let control = control::router(Control { world, ports: ports_to_control });
    tokio::spawn(async move { axum::serve(control_listener, control).await });
    Ok(Addresses { stripe_url, paypal_url, control_url })
}

impl World {
    fn new(paypal_url: String) -> io::Result<Self> {
        Ok(Self {
            clock: Clock::default(),
            ledger: Ledger::default(),
            faults: Faults::default(),
            requests: RequestLog::default(),
            webhooks: Webhooks::new(paypal_url).map_err(io::Error::other)?,
        })
    }
}

async fn settle_by_the_clock(players: Players) {
    loop {
        sleep(TICK).await;
        for player in &players {
            player.settle();
        }
    }
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
