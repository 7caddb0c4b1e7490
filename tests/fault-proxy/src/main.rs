//! Starts the fault proxy and ends it on SIGTERM, SIGINT or, when asked, with its parent.
#![allow(clippy::doc_markdown, reason = "PayPal is a name, not code")]

use std::{
    ffi::OsString,
    fs,
    io::{self, Read},
    path::{Path, PathBuf},
    thread,
};

use clap::Parser;
use fault_proxy::{Addresses, BaseUrl, Route, Setup};
use tokio::{
    signal::unix::{SignalKind, signal},
    sync::oneshot,
};

/// Stands between the functions and what they call, counts, and makes chosen calls go wrong.
///
/// A development tool: it listens on 127.0.0.1 only. A port of 0 chooses a free one; an upstream that is not given gets no
/// port.
#[derive(Debug, Parser)]
#[command(version)]
struct Arguments {
    /// Where AWS is, <http://host:port>.
    #[arg(long)]
    aws_upstream: Option<BaseUrl>,
    /// What stands for AWS.
    #[arg(long, default_value_t = 0, requires = "aws_upstream")]
    aws_port: u16,
    /// Where Stripe is, <http://host:port>.
    #[arg(long)]
    stripe_upstream: Option<BaseUrl>,
    /// What stands for Stripe.
    #[arg(long, default_value_t = 0, requires = "stripe_upstream")]
    stripe_port: u16,
    /// Where PayPal is, <http://host:port>.
    #[arg(long)]
    paypal_upstream: Option<BaseUrl>,
    /// What stands for PayPal.
    #[arg(long, default_value_t = 0, requires = "paypal_upstream")]
    paypal_port: u16,
    /// Where the control API answers.
    #[arg(long, default_value_t = 0)]
    control_port: u16,
    /// The file that gets {"`aws_url`","`stripe_url`","`paypal_url`","`control_url`"} once all answer; without it they are
    /// printed.
    #[arg(long)]
    ready_file: Option<PathBuf>,
    /// End at the end of standard input: keep a pipe open, and the proxy dies with whoever holds it.
    #[arg(long)]
    exit_with_stdin: bool,
}

impl Arguments {
    fn setup(&self) -> Setup {
        let route = |upstream: &Option<BaseUrl>, port| upstream.clone().map(|upstream| Route { upstream, port });
        Setup {
            aws: route(&self.aws_upstream, self.aws_port),
            stripe: route(&self.stripe_upstream, self.stripe_port),
            paypal: route(&self.paypal_upstream, self.paypal_port),
            control_port: self.control_port,
        }
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> io::Result<()> {
    let arguments = Arguments::parse();
    let mut terminated = signal(SignalKind::terminate())?;
    let mut interrupted = signal(SignalKind::interrupt())?;
    let orphaned = orphaned(arguments.exit_with_stdin);
    announce(&fault_proxy::start(arguments.setup()).await?, arguments.ready_file.as_deref())?;

    tokio::select! {
        _ = terminated.recv() => {}
        _ = interrupted.recv() => {}
        () = orphaned => {}
    }
    Ok(())
}

/// Ends when standard input does; never, unless that is `watched`. A plain thread reads: the runtime would wait for one
/// of its own at the end of the process.
async fn orphaned(watched: bool) {
    let (ended, end) = oneshot::channel::<()>();
    if watched {
        thread::spawn(move || {
            let mut buffer = [0; 256];
            while !matches!(io::stdin().read(&mut buffer), Ok(0) | Err(_)) {}
            drop(ended);
        });
        let _ = end.await;
    } else {
        std::future::pending::<()>().await;
    }
}

/// Readers of the file never see half of it: it is written aside and renamed.
fn announce(addresses: &Addresses, ready_file: Option<&Path>) -> io::Result<()> {
    let text = serde_json::to_string(addresses)?;
    let Some(path) = ready_file else {
        print(&text);
        return Ok(());
    };
    let mut aside = OsString::from(path);
    aside.push(".partial");
    fs::write(&aside, text)?;
    fs::rename(&aside, path)
}

#[expect(clippy::print_stdout, reason = "a command's answer to whoever started it by hand")]
fn print(text: &str) {
    println!("{text}");
}
