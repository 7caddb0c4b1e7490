//! Souk's commands. `cargo xtask` alone lists them.

#![expect(clippy::print_stdout, reason = "a command talks to a person")]

mod aws;
mod bench;
mod check;
mod demo;
mod deploy;
mod judge;
mod mutants;
mod operator;
mod paths;
mod process;
mod progress;
mod python;
mod stack;
mod supervisor;
mod test;
mod web;

use std::process::ExitCode;

use anyhow::Result;
use clap::{CommandFactory, Parser, Subcommand};

use crate::operator::{Redrive, Target};

#[derive(Parser)]
#[command(name = "cargo xtask", about = "Souk's commands", disable_help_subcommand = true)]
struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Subcommand)]
enum Command {
    /// Start the whole shop on this machine; Ctrl-C stops it
    Up {
        /// Start it in the background
        #[arg(long)]
        detach: bool,
        /// With the tests' short limits, and every call of a function through the fault proxy
        #[arg(long)]
        with_faults: bool,
    },
    /// Stop the shop that runs in the background
    Down,
    /// Run the tests, starting and stopping what they need: all but the judges, the widest models and most of the fault matrix
    Test {
        /// Run only the Rust tests whose names contain this
        filter: Option<String>,
    },
    /// Make every outgoing call go wrong in every way, and check every promise after each
    Faults {
        /// Only a slice, such as 3/48; without it, all of the matrix
        #[arg(long, value_parser = test::slice)]
        slice: Option<String>,
        /// Only cells whose names contain this, such as "PayPal / refund-payment"
        #[arg(long, conflicts_with_all = ["report", "resume"])]
        only: Option<String>,
        /// Write docs/faults.md
        #[arg(long)]
        report: bool,
        /// Go on with the last run, if the code is the same
        #[arg(long)]
        resume: bool,
    },
    /// Change the rules, the payment adapters and the repositories one guard at a time: some test must notice
    Mutants {
        /// Only these; without it, all three
        #[arg(long, value_parser = ["rules", "payments", "tables"])]
        part: Option<String>,
        /// Only some of the changes, such as 0/3
        #[arg(long)]
        shard: Option<String>,
    },
    /// Buy a kettle in the terminal, and see every hop with its time
    Demo,
    /// Count what a checkout costs, and measure the functions as they ship, against their budgets
    Bench {
        /// Which functions are built as they ship, and measured: `all`, `none`, or names with commas
        #[arg(long, default_value = "all")]
        release_functions: String,
    },
    /// Check formatting, lints, documentation, the template and the dependencies
    Check,
    /// Ask independent judges, which need Java 17 and Go
    Judge,
    /// Build for AWS and deploy with SAM CLI
    Deploy {
        /// Where to
        #[arg(long, value_parser = ["dev", "staging", "prod"])]
        stage: String,
    },
    /// List the orders that are open, and where their settlements stand
    Orders {
        #[command(flatten)]
        target: Target,
    },
    /// Show where an order stands: its events, what it owes, and its settlements
    Order {
        /// `ord_…`
        order_id: String,
        /// Show what functions logged of it instead
        #[arg(long)]
        logs: bool,
        #[command(flatten)]
        target: Target,
    },
    /// Start a settlement of an order; one more is harmless
    Settle {
        /// `ord_…`
        order_id: String,
        #[command(flatten)]
        target: Target,
    },
    /// Bring an order's events to every subscriber again
    Republish {
        /// `ord_…`
        order_id: String,
        #[command(flatten)]
        target: Target,
    },
    /// Bring dead letters back to where they were to go
    Redrive(Redrive),
    /// Compare the payment providers' books with ours, now
    Reconcile {
        /// Show the last report instead
        #[arg(long)]
        last: bool,
        #[command(flatten)]
        target: Target,
    },
    /// Show the payment providers' circuit breakers
    Breaker {
        /// Call this provider well, so that it is tried again at once
        #[arg(long, value_name = "PROVIDER", value_parser = ["stripe", "paypal"])]
        close: Option<String>,
        #[command(flatten)]
        target: Target,
    },
}

#[tokio::main]
async fn main() -> ExitCode {
    let Some(command) = Arguments::parse().command else {
        let _ = Arguments::command().print_help();
        return ExitCode::SUCCESS;
    };
    match run(command).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("\n{} {error:#}", progress::red("failed:"));
            ExitCode::FAILURE
        }
    }
}

async fn run(command: Command) -> Result<()> {
    match command {
        Command::Up { detach: true, with_faults } => supervisor::up_detached(with_faults).await,
        Command::Up { detach: false, with_faults } => supervisor::up(with_faults).await,
        Command::Down => supervisor::down().await,
        Command::Demo => process::or_interrupted(demo::run()).await,
        Command::Faults { slice, only, report, resume } => {
            process::or_interrupted(test::faults(slice.as_deref(), only.as_deref(), report, resume)).await
        }
        Command::Mutants { part, shard } => process::or_interrupted(mutants::run(part.as_deref(), shard.as_deref())).await,
        Command::Test { filter } => process::or_interrupted(test::run(filter.as_deref())).await,
        Command::Bench { release_functions } => process::or_interrupted(bench::run(&release_functions)).await,
        Command::Check => process::or_interrupted(check::run()).await,
        Command::Judge => process::or_interrupted(judge::run()).await,
        Command::Deploy { stage } => process::or_interrupted(deploy::run(&stage)).await,
        Command::Orders { target } => process::or_interrupted(operator::orders(&target)).await,
        Command::Order { order_id, logs: false, target } => process::or_interrupted(operator::order(&target, &order_id)).await,
        Command::Order { order_id, logs: true, target } => process::or_interrupted(operator::logs(&target, &order_id)).await,
        Command::Settle { order_id, target } => process::or_interrupted(operator::settle(&target, &order_id)).await,
        Command::Republish { order_id, target } => process::or_interrupted(operator::republish(&target, &order_id)).await,
        Command::Redrive(asked) => process::or_interrupted(operator::redrive(&asked)).await,
        Command::Reconcile { last, target } => process::or_interrupted(operator::reconcile(&target, last)).await,
        Command::Breaker { close, target } => process::or_interrupted(operator::breaker(&target, close.as_deref())).await,
    }
}
