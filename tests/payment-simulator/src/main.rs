//! Starts the payment simulator and ends it on SIGTERM, SIGINT or, when asked, with its parent.

use std::{
    ffi::OsString,
    fs,
    io::{self, Read},
    path::{Path, PathBuf},
    thread,
};

use clap::Parser;
use payment_simulator::{Addresses, Ports};
use tokio::{
    signal::unix::{SignalKind, signal},
    sync::oneshot,
};

/// Plays the payment providers on this machine. A development tool: it listens on 127.0.0.1 only and moves no money.
#[derive(Debug, Parser)]
#[command(version)]
struct Arguments {
    /// Where Stripe is played; 0 chooses a free port.
    #[arg(long, default_value_t = 0)]
    stripe_port: u16,
    /// Where PayPal is played; 0 chooses a free port.
    #[arg(long, default_value_t = 0)]
    paypal_port: u16,
    /// Where the control API answers; 0 chooses a free port.
    #[arg(long, default_value_t = 0)]
    control_port: u16,
    /// The file that gets {"`stripe_url`","`paypal_url`","`control_url`"} once all answer; without it they are printed.
    #[arg(long)]
    ready_file: Option<PathBuf>,
    /// End at the end of standard input: keep a pipe open, and the simulator dies with whoever holds it.
    #[arg(long)]
    exit_with_stdin: bool,
}

#[tokio::main]
async fn main() -> io::Result<()> {
    let arguments = Arguments::parse();
    let mut terminated = signal(SignalKind::terminate())?;
    let mut interrupted = signal(SignalKind::interrupt())?;
    let orphaned = orphaned(arguments.exit_with_stdin);
    let ports = Ports { stripe: arguments.stripe_port, paypal: arguments.paypal_port, control: arguments.control_port };
    announce(&payment_simulator::start(ports).await?, arguments.ready_file.as_deref())?;

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
