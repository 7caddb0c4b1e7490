//! The proxy's ports: HTTP/1.1 with keep-alive, and connections that are reset when a call gets no answer.

use std::{convert::Infallible, error::Error, fmt, future::poll_fn, net::SocketAddr, sync::Arc, time::Duration};

use hyper::{Request, body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use tokio::{
    net::{TcpListener, TcpStream},
    time::sleep,
};

use crate::proxy::Proxy;

/// After a connection could not be accepted, such as for want of file descriptors.
const PAUSE: Duration = Duration::from_millis(50);

/// The two ends of a connection to the proxy.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ends {
    pub(crate) caller: SocketAddr,
    pub(crate) here: SocketAddr,
}

/// A call that gets no answer: its connection is reset, as the kernel does for a port that nobody listens on.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reset;

impl fmt::Display for Reset {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("reset")
    }
}

impl Error for Reset {}

/// Serves a port for ever.
pub(crate) async fn serve(listener: TcpListener, here: SocketAddr, proxy: Arc<Proxy>) -> Infallible {
    loop {
        match listener.accept().await {
            Ok((tcp, caller)) => drop(tokio::spawn(converse(tcp, Ends { caller, here }, proxy.clone()))),
            Err(_) => sleep(PAUSE).await,
        }
    }
}

/// One connection, to its end. Whatever goes wrong on it ends it with a reset.
async fn converse(tcp: TcpStream, ends: Ends, proxy: Arc<Proxy>) {
    let _ = tcp.set_nodelay(true);
    let service = service_fn(move |request: Request<Incoming>| Box::pin(proxy.clone().answer(ends, request)));
    let mut connection = http1::Builder::new().auto_date_header(false).serve_connection(TokioIo::new(tcp), service);
    let ended = poll_fn(|context| connection.poll_without_shutdown(context)).await;
    if ended.is_err() {
        let _ = connection.into_parts().io.into_inner().set_zero_linger();
    }
}
