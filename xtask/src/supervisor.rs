//! `up`, `up --detach` and `down`. Whoever runs the shop listens on a socket, by which others see that it runs and stop it.

use std::{
    path::PathBuf,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};
use serde_json::Value;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{UnixListener, UnixStream},
};

use crate::{
    paths, process,
    progress::{bold, faint, tail},
    stack::{self, Plan},
};

fn socket() -> PathBuf {
    paths::local().join("supervisor.sock")
}

/// Starts the shop and keeps it until somebody stops it.
pub async fn up(with_faults: bool) -> Result<()> {
    let listener = listen().await?;
    let outcome = tokio::select! {
        outcome = run(with_faults) => outcome,
        () = process::interrupted() => {
            println!("\nStopping …");
            Ok(())
        }
        () = asked_to_stop(&listener) => {
            println!("\nStopping, as asked …");
            Ok(())
        }
    };
    let _ = std::fs::remove_file(socket());
    if outcome.is_ok() {
        println!("Everything is stopped.");
    }
    outcome
}

async fn listen() -> Result<UnixListener> {
    std::fs::create_dir_all(paths::local())?;
    if UnixStream::connect(socket()).await.is_ok() {
        let url = crate::aws::running_outputs().map(|outputs| format!(" at {}", outputs.web_url)).unwrap_or_default();
        bail!("the shop is up already{url}.\nwhat to do: use it, or stop it with Ctrl-C where it runs or with cargo xtask down");
    }
    let _ = std::fs::remove_file(socket());
    UnixListener::bind(socket()).context("the supervisor's socket cannot be made")
}

/// Resolves when `down` connects and says so; whoever only looks whether we run says nothing.
async fn asked_to_stop(listener: &UnixListener) {
    loop {
        let Ok((mut stream, _)) = listener.accept().await else { continue };
        let mut word = [0; 4];
        if stream.read_exact(&mut word).await.is_ok() && &word == b"stop" {
            return;
        }
    }
}

async fn run(with_faults: bool) -> Result<()> {
    let started = Instant::now();
    let plan = Plan::for_a_person(with_faults)?;
    stack::prepare().await?;
    let mut stack = stack::start(&plan).await?;
    introduce(&stack.outputs, started.elapsed());
    Err(stack.broke().await)
}

fn introduce(outputs: &Value, took: Duration) {
    let text = |name: &str| outputs[name].as_str().unwrap_or_default();
    let user = |name: &str| {
        format!(
            "{} / {}",
            outputs["users"][name]["username"].as_str().unwrap_or_default(),
            outputs["users"][name]["password"].as_str().unwrap_or_default()
        )
    };
    println!("\n{} {}\n", bold("The shop is open."), faint(&format!("{:.0} s", took.as_secs_f64())));
    println!("  page                {}", bold(text("web_url")));
    println!("  API                 {}/v1", text("api_url"));
    println!("  sent e-mails        {}/_ministack/ses/messages", text("aws_endpoint"));
    println!("  payment simulator   {}/ledger", text("payment_simulator_url"));
    println!("  customers           {}\n                      {}", user("kareem"), user("amina"));
    println!("  administrator       {}", user("admin"));
    println!(
        "\n{}\n",
        faint(
            "All of this stands in .local/outputs.json. Try: cargo xtask demo. cargo xtask down stops everything; so does Ctrl-C where it runs."
        )
    );
}

/// Starts the shop in the background; returns when it is open.
pub async fn up_detached(with_faults: bool) -> Result<()> {
    drop(listen().await?);
    let _ = std::fs::remove_file(socket());
    let log = paths::log("up");
    std::fs::create_dir_all(paths::local().join("logs"))?;
    let file = std::fs::File::create(&log)?;
    let mut command = Command::new(std::env::current_exe()?);
    command.arg("up").args(with_faults.then_some("--with-faults")).stdin(Stdio::null()).stdout(file.try_clone()?).stderr(file);
    std::os::unix::process::CommandExt::process_group(&mut command, 0);
    let mut child = command.spawn()?;
    let mut shown = 0;
    let follow = async {
        loop {
            show_new_lines(&log, &mut shown);
            if paths::local().join("outputs.json").exists() && std::fs::read_to_string(&log)?.contains("The shop is open.") {
                tokio::time::sleep(Duration::from_millis(100)).await;
                show_new_lines(&log, &mut shown);
                return Ok(());
            }
            if child.try_wait()?.is_some() {
                bail!("the shop did not start\n\n{}", tail(&log, 30));
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    tokio::select! {
        outcome = follow => outcome,
        () = process::interrupted() => {
            down().await?;
            bail!("interrupted; everything that was started is stopped")
        }
    }
}

fn show_new_lines(log: &std::path::Path, shown: &mut usize) {
    let text = std::fs::read_to_string(log).unwrap_or_default();
    // Whole lines only; the rest comes with the next look.
    let end = text.rfind('\n').map_or(0, |at| at + 1);
    if end > *shown {
        print!("{}", &text[*shown..end]);
        *shown = end;
    }
}

/// Stops the shop and waits until it is gone.
pub async fn down() -> Result<()> {
    let Ok(mut stream) = UnixStream::connect(socket()).await else {
        println!("No shop runs on this machine.");
        return Ok(());
    };
    stream.write_all(b"stop").await?;
    let started = Instant::now();
    while UnixStream::connect(socket()).await.is_ok() || socket().exists() {
        if started.elapsed() > Duration::from_secs(40) {
            bail!("the shop does not stop; its log is {}", paths::log("up").display());
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    println!("The shop is closed.");
    Ok(())
}
