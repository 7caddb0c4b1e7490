//! A provider's port that can be closed, so that connections are refused, and whose connections can be cut.

use std::{
    future::pending,
    io,
    net::{Ipv4Addr, SocketAddr},
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use axum::{
    extract::connect_info::Connected,
    serve::{IncomingStream, Listener},
};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::{TcpListener, TcpSocket, TcpStream},
    sync::{Mutex, watch},
    time::{sleep, timeout},
};

const BACKLOG: u32 = 1024;
/// How long closing waits for the connections to be gone.
const CUTTING: Duration = Duration::from_secs(1);
/// After a connection could not be accepted, such as for want of file descriptors.
const PAUSE: Duration = Duration::from_millis(50);

/// Binds a port of 127.0.0.1, open.
pub(crate) async fn listen(port: u16) -> io::Result<(GatedListener, Gate)> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await?;
    let address = listener.local_addr()?;
    let (wanted, wish) = watch::channel(true);
    let (done, actual) = watch::channel(true);
    let listener = GatedListener { address, door: Door::Open(listener), wish, done, all: watch::Sender::new(false) };
    Ok((listener, Gate { wanted, actual, one_at_a_time: Mutex::new(()) }))
}

/// Opens and closes a [`GatedListener`].
#[derive(Debug)]
pub(crate) struct Gate {
    wanted: watch::Sender<bool>,
    actual: watch::Receiver<bool>,
    one_at_a_time: Mutex<()>,
}

impl Gate {
    /// Opens or closes; returns when it is done. Closing cuts the connections that there are.
    pub(crate) async fn set_open(&self, open: bool) {
        let _turn = self.one_at_a_time.lock().await;
        self.wanted.send_replace(open);
        reached(&mut self.actual.clone(), open).await;
    }
}

/// Waits for a value; for ever when it cannot come any more.
async fn reached(value: &mut watch::Receiver<bool>, wanted: bool) {
    let gone = value.wait_for(|value| *value == wanted).await.is_err();
    if gone {
        pending::<()>().await;
    }
}

#[derive(Debug)]
enum Door {
    Open(TcpListener),
    /// Bound, so that nobody else gets the port, but not listening: the kernel refuses connections.
    Closed(TcpSocket),
    /// The port could not be taken back; tried again when it is to open.
    Lost,
}

/// Accepts connections while its [`Gate`] is open.
#[derive(Debug)]
pub(crate) struct GatedListener {
    address: SocketAddr,
    door: Door,
    wish: watch::Receiver<bool>,
    done: watch::Sender<bool>,
    /// Cuts all connections; each holds a receiver of it as long as it lives.
    all: watch::Sender<bool>,
}

impl GatedListener {
    /// Where it listens.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    async fn close(&mut self) {
        self.door = Door::Lost;
        if let Ok(socket) = self.reserve() {
            self.door = Door::Closed(socket);
        }
        let all = std::mem::replace(&mut self.all, watch::Sender::new(false));
        all.send_replace(true);
        let _ = timeout(CUTTING, all.closed()).await;
        self.done.send_replace(false);
    }

    fn reserve(&self) -> io::Result<TcpSocket> {
        let socket = TcpSocket::new_v4()?;
        socket.set_reuseaddr(true)?;
        socket.bind(self.address)?;
        Ok(socket)
    }

    async fn open(&mut self) {
        let socket = match std::mem::replace(&mut self.door, Door::Lost) {
            Door::Closed(socket) => Ok(socket),
            Door::Open(_) | Door::Lost => self.reserve(),
        };
        match socket.and_then(|socket| socket.listen(BACKLOG)) {
            Ok(listener) => {
                self.door = Door::Open(listener);
                self.done.send_replace(true);
            }
            Err(_) => sleep(PAUSE).await,
        }
    }

    fn stream(&self, tcp: TcpStream) -> CuttableStream {
        let (own, mut own_cut) = watch::channel(false);
        let mut all_cut = self.all.subscribe();
        let cut = Box::pin(async move {
            tokio::select! {
                () = reached(&mut own_cut, true) => {}
                () = reached(&mut all_cut, true) => {}
            }
        });
        CuttableStream { tcp, cut, is_cut: false, connection: Connection(Arc::new(own)) }
    }
}

impl Listener for GatedListener {
    type Io = CuttableStream;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (CuttableStream, SocketAddr) {
        loop {
            let Door::Open(listener) = &self.door else {
                reached(&mut self.wish, true).await;
                self.open().await;
                continue;
            };
            tokio::select! {
                biased;
                () = reached(&mut self.wish, false) => self.close().await,
                accepted = listener.accept() => match accepted {
                    Ok((tcp, peer)) => return (self.stream(tcp), peer),
                    Err(_) => sleep(PAUSE).await,
                },
            }
        }
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        Ok(self.address)
    }
}

/// The connection that a request came on.
#[derive(Clone, Debug)]
pub(crate) struct Connection(Arc<watch::Sender<bool>>);

impl Connection {
    /// Closes it: whatever is still to be sent on it is not.
    pub(crate) fn cut(&self) {
        self.0.send_replace(true);
    }
}

impl Connected<IncomingStream<'_, GatedListener>> for Connection {
    fn connect_info(stream: IncomingStream<'_, GatedListener>) -> Self {
        stream.io().connection.clone()
    }
}

/// A TCP stream that fails once it is cut.
pub(crate) struct CuttableStream {
    tcp: TcpStream,
    cut: Pin<Box<dyn Future<Output = ()> + Send>>,
    is_cut: bool,
    connection: Connection,
}

impl CuttableStream {
    fn check(&mut self, context: &mut Context<'_>) -> io::Result<()> {
        self.is_cut = self.is_cut || self.cut.as_mut().poll(context).is_ready();
        if self.is_cut { Err(io::ErrorKind::ConnectionReset.into()) } else { Ok(()) }
    }
}

impl AsyncRead for CuttableStream {
    fn poll_read(mut self: Pin<&mut Self>, context: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        self.check(context)?;
        Pin::new(&mut self.tcp).poll_read(context, buffer)
    }
}

impl AsyncWrite for CuttableStream {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.check(context)?;
        Pin::new(&mut self.tcp).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.check(context)?;
        Pin::new(&mut self.tcp).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.tcp).poll_shutdown(context)
    }
}
