//! The fault matrix: every outgoing call of every scenario × every way in which a call can go wrong × a client that repeats
//! and one that never comes back. All promises are checked after each. Run by `cargo xtask faults` and `cargo xtask test`.
//!
//! A new call joins by itself: what a scenario calls is recorded in a run without faults, and each recorded call is struck.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stdout,
    reason = "a test program: it fails by panicking, and talks to a person"
)]

mod cells;
mod journal;
mod promises;
mod proxy;
mod redrive;
mod report;
mod scenarios;
mod shared_calls;

use std::{
    iter,
    process::ExitCode,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Instant,
};

use system_tests::{Limits, Shop};
use tokio::{sync::Semaphore, task::JoinSet};

use crate::{
    cells::{Cell, Outcome},
    journal::Journal,
    proxy::{Call, Proxy},
    report::Report,
    scenarios::{SCENARIOS, Scenario, Stage},
};

/// Cells that run side by side, each on its own order, SKUs and key.
const SIDE_BY_SIDE: usize = 40;

/// How often each scenario is played at once, round by round, to record its calls. The first round only warms the functions
/// up: what is slow to start is deferred, and makes other calls. The last two are crowds, like the cells: what a function calls
/// once for several orders together, or by who came first, only some of its runs make.
const ROUNDS: [usize; 5] = [1, 1, 1, 4, 6];

/// A slice of the matrix takes every n-th cell, so that the test command stays within its time. The slice moves with the
/// date; the nightly run takes all of them.
const SLICES: u64 = 48;

#[tokio::main]
async fn main() -> ExitCode {
    // `cargo test NAME` runs the tests of that name: this one is called "faults".
    let filtered = std::env::args().skip(1).find(|argument| !argument.starts_with('-'));
    if filtered.is_some_and(|filter| !"faults".contains(&filter)) {
        return ExitCode::SUCCESS;
    }
    let (slice, slices) = which(&std::env::var("SOUK_FAULTS").unwrap_or_default());
    let stage = Arc::new(Stage::open(Shop::running()).await);
    let started = Instant::now();
    let recordings = record(&stage).await;
    let cells = cells_of(&recordings, stage.shop.outputs.limits);
    let all = cells.len();
    let only = std::env::var("SOUK_FAULTS_ONLY").ok();
    let mut chosen = of_slice(cells, slice, slices);
    chosen.retain(|cell| only.as_ref().is_none_or(|text| cell.to_string().contains(text)));
    let shared = if only.is_none() { of_slice(shared_calls::all(&recordings), slice, slices) } else { Vec::new() };
    // A stream's record that fails holds up all behind it: cells that strike one function's calls are not played together.
    fastrand::Rng::with_seed(slice).shuffle(&mut chosen);
    let journal = if only.is_some() { "faults-only".to_owned() } else { format!("faults-{slice}-of-{slices}") };
    let journal = Arc::new(Journal::open(&journal, std::env::var_os("SOUK_FAULTS_RESUME").is_some()));
    let (known, chosen) = journal.divide(chosen);
    let resumed = known.len();
    println!("\nfault matrix: {} of {all} cells, slice {slice} of {slices}; {resumed} more are known", chosen.len());
    let redriven = AtomicUsize::new(0);
    let (outcomes, shared) = tokio::select! {
        never = redrive::redrive(&stage.shop, &redriven) => never,
        never = stage.stay_signed_in() => never,
        struck = async {
            let mut outcomes = run(&stage, chosen, &journal).await;
            outcomes.extend(known);
            outcomes.sort_by_key(|(cell, _)| cell.to_string());
            (outcomes, shared_calls::strike(&stage, shared).await)
        } => struck,
    };
    let redriven = redriven.load(Ordering::Relaxed);
    let report = Report { outcomes, shared, all, slice, slices, resumed, redriven, elapsed: started.elapsed() };
    report.print();
    if std::env::var_os("SOUK_FAULTS_REPORT").is_some() {
        report.write();
    }
    // Asked for by name, on a machine that does nothing else, the matrix may not be unsteady or miss a call either.
    let strict = std::env::var_os("SOUK_FAULTS").is_some();
    let broken = report.broken() + if strict { report.unsteady() + report.missed() } else { 0 };
    println!("\n{} passed, {broken} failed", report.cells() - broken);
    if broken == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Which slice of how many: `all`, `3/48`, or that of today.
fn which(asked: &str) -> (u64, u64) {
    let pair = asked.split_once('/').and_then(|(slice, slices)| Some((slice.parse().ok()?, slices.parse().ok()?)));
    match (asked, pair) {
        ("all", _) => (0, 1),
        (_, Some(pair)) => pair,
        _ => (report::today() % SLICES, SLICES),
    }
}

/// Every n-th.
fn of_slice<T>(all: Vec<T>, slice: u64, slices: u64) -> Vec<T> {
    all.into_iter().zip(0_u64..).filter(|(_, n)| n % slices == slice).map(|(one, _)| one).collect()
}

/// The calls of each scenario without faults, in every run of it but the first.
async fn record(stage: &Arc<Stage>) -> Vec<(Scenario, Vec<Call>)> {
    let mut recordings = Vec::new();
    for (round, times) in ROUNDS.into_iter().enumerate() {
        let mut running = JoinSet::new();
        for scenario in SCENARIOS.into_iter().flat_map(|scenario| iter::repeat_n(scenario, times)) {
            let stage = stage.clone();
            running.spawn(async move { (scenario, cells::record(&stage, scenario).await) });
        }
        let recorded = running.join_all().await;
        recordings.extend(recorded.into_iter().filter(|_| round > 0));
    }
    recordings
}

/// Every cell that there is: each call of these runs with every fault and both clients.
fn cells_of(recordings: &[(Scenario, Vec<Call>)], limits: Limits) -> Vec<Cell> {
    let mut matrix = Vec::new();
    for scenario in SCENARIOS {
        let of_scenario = recordings.iter().filter(|(of, _)| of.name == scenario.name).map(|(_, calls)| calls.as_slice());
        let calls = cells::together(&of_scenario.collect::<Vec<_>>());
        let sometimes = calls.iter().filter(|(_, always)| !always).count();
        println!("{:<44} {:>3} calls, {sometimes} of them not in every run", scenario.name, calls.len());
        matrix.extend(calls.iter().flat_map(|(call, always)| cells::of_call(scenario, call, *always, limits)));
    }
    matrix
}

async fn run(stage: &Arc<Stage>, chosen: Vec<Cell>, journal: &Arc<Journal>) -> Vec<(Cell, Outcome)> {
    let permits = Arc::new(Semaphore::new(SIDE_BY_SIDE));
    let mut running = JoinSet::new();
    for cell in chosen {
        let (stage, permits, journal) = (stage.clone(), permits.clone(), journal.clone());
        running.spawn(async move {
            let _permit = permits.acquire_owned().await.expect("the semaphore is never closed");
            let outcome = cell.run(&stage).await;
            if let Outcome::Broken(why) = &outcome {
                println!("broken: {cell}\n        {why}");
            }
            journal.note(&cell, &outcome);
            (cell, outcome)
        });
    }
    let (all, started) = (running.len(), Instant::now());
    let mut outcomes = Vec::new();
    while let Some(outcome) = running.join_next().await {
        outcomes.push(outcome.expect("a cell does not panic"));
        if outcomes.len() % 250 == 0 {
            println!("{} of {all} cells after {:.0} s", outcomes.len(), started.elapsed().as_secs_f64());
        }
    }
    // A machine that is out of breath breaks time limits; a broken promise stays broken with nothing beside it.
    for (cell, outcome) in &mut outcomes {
        let Outcome::Broken(first) = outcome.clone() else { continue };
        *outcome = match cell.run(stage).await {
            broken @ Outcome::Broken(_) => broken,
            Outcome::Held | Outcome::AtLeastOnce | Outcome::NotReached | Outcome::Unsteady(_) => Outcome::Unsteady(first),
        };
        println!("again: {cell}: {}", if matches!(outcome, Outcome::Broken(_)) { "broken" } else { "held" });
    }
    outcomes
}

/// The proxy's control, for the modules.
pub(crate) fn proxy(stage: &Stage) -> Proxy {
    Proxy::new(stage.shop.http.clone(), stage.shop.outputs.fault_proxy_url.clone())
}
