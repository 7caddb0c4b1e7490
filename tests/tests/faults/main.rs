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

mod answers;
mod cells;
mod journal;
mod leaks;
mod promises;
mod proxy;
mod redrive;
mod report;
mod scenarios;
mod shared_calls;

use std::{
    collections::{BTreeMap, BTreeSet},
    hash::{DefaultHasher, Hash, Hasher},
    iter,
    process::ExitCode,
    sync::Arc,
    time::{Duration, Instant},
};

use shared::domain::ids::OrderId;
use system_tests::{Limits, Shop, root};
use tokio::{sync::Semaphore, task::JoinSet};

use crate::{
    cells::{Cell, Made, Outcome},
    journal::Journal,
    promises::Broken,
    proxy::{Call, Proxy},
    report::Report,
    scenarios::{SCENARIOS, Scenario, Stage, Strikes},
    shared_calls::Calls,
};

/// Cells that run side by side, each on its own order, SKUs and key.
const SIDE_BY_SIDE: usize = 48;

/// How often each scenario is played at once, round by round, to record its calls. The first round only warms the functions
/// up: what is slow to start is deferred, and makes other calls. The last two are crowds, like the cells: what a function calls
/// once for several orders together, or by who came first, only some of its runs make.
const ROUNDS: [usize; 5] = [1, 1, 1, 4, 6];

/// A slice of the matrix takes one cell of so many, so that the test command stays within its time. The slice moves with the
/// date; the nightly run takes all of them.
const SLICES: u64 = 64;

#[tokio::main]
async fn main() -> ExitCode {
    // `cargo test NAME` runs the tests of that name: this one is called "faults".
    let filtered = std::env::args().skip(1).find(|argument| !argument.starts_with('-'));
    if filtered.is_some_and(|filter| !"faults".contains(&filter)) {
        return ExitCode::SUCCESS;
    }
    let asked = std::env::var("SOUK_FAULTS").unwrap_or_default();
    let Some((slice, slices)) = which(&asked) else {
        println!("there is no slice {asked:?}: say all, or K/N with K from 0 and less than N, such as 3/48");
        return ExitCode::FAILURE;
    };
    let stage = Arc::new(Stage::open(Shop::running()).await);
    let started = Instant::now();
    let (recordings, mut amiss) = record(&stage).await;
    let cells = cells_of(&recordings, stage.shop.outputs.limits);
    let gaps = gaps(&cells);
    let all = cells.len();
    let only = std::env::var("SOUK_FAULTS_ONLY").ok();
    let mut chosen = of_slice(cells, slice, slices, ToString::to_string);
    chosen.retain(|cell| only.as_ref().is_none_or(|text| cell.to_string().contains(text)));
    if let (Some(text), true) = (&only, chosen.is_empty()) {
        println!("no cell of slice {slice} of {slices} has {text:?} in its name");
        println!("names are as in: checkout by card / checkout/states.StartSyncExecution#1 / late / the client repeats");
        return ExitCode::FAILURE;
    }
    let shared = if only.is_none() { of_slice(shared_calls::all(&recordings), slice, slices, Calls::name) } else { Vec::new() };
    // A stream's record that fails holds up all behind it: cells that strike one function's calls are not played together.
    fastrand::Rng::with_seed(slice).shuffle(&mut chosen);
    let journal = if only.is_some() { "faults-only".to_owned() } else { format!("faults-{slice}-of-{slices}") };
    let journal = Arc::new(Journal::open(&journal, std::env::var_os("SOUK_FAULTS_RESUME").is_some()));
    let (known, chosen) = journal.divide(chosen);
    let resumed = known.len();
    println!("\nfault matrix: {} of {all} cells, slice {slice} of {slices}; {resumed} more are known", chosen.len());
    let (outcomes, shared) = tokio::select! {
        never = stage.letters.redrive(&stage.shop) => never,
        never = stage.stay_signed_in() => never,
        never = write_down(&stage, &journal) => never,
        struck = async {
            let mut outcomes = run(&stage, chosen, &journal).await;
            outcomes.extend(known);
            outcomes.sort_by_key(|(cell, _)| cell.to_string());
            let (shared, broken) = shared_calls::strike(&stage, shared).await;
            amiss.extend(broken);
            (outcomes, shared)
        } => struck,
    };
    let (redriven, elapsed) = (stage.letters.count(), started.elapsed());
    let is_whole = slices == 1 && only.is_none();
    let report = Report { outcomes, shared, all, slice, slices, is_whole, resumed, redriven, elapsed };
    report.print();
    if std::env::var_os("SOUK_FAULTS_REPORT").is_some() {
        report.write();
    }
    amiss.extend(promises::guards_end(&stage).await.err().map(|never| never.to_string()));
    amiss.extend(stage.letters.unexplained().into_iter().chain(leaks::found(&stage).await).chain(gaps));
    for what in &amiss {
        println!("broken: {what}");
    }
    if amiss.is_empty() {
        journal.write(Instant::now(), |order_id| stage.letters.has_one_of(order_id));
    }
    let failed = failed(&report) + amiss.len();
    println!("\n{} were struck and judged, {failed} failed", report.struck());
    if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// How much of it counts against the run. Asked for by name, on a machine that does nothing else, the matrix may not be
/// unsteady either, nor miss a call that names no order. The whole matrix strikes every kind of call in every way.
fn failed(report: &Report) -> usize {
    let strict = std::env::var_os("SOUK_FAULTS").is_some();
    let of_strict = if strict { report.unsteady() + report.missed_shared() } else { 0 };
    let of_whole = if report.is_whole { report.never_struck().len() } else { 0 };
    let vacuous = usize::from(report.struck() == 0);
    if vacuous > 0 {
        println!("\nno call was struck at all");
    }
    report.broken() + report.missed() + vacuous + of_strict + of_whole
}

/// Which slice of how many: `all`, `3/48`, or that of today. None: there is no such slice.
fn which(asked: &str) -> Option<(u64, u64)> {
    match asked {
        "" => Some((report::today() % SLICES, SLICES)),
        "all" => Some((0, 1)),
        _ => {
            let (slice, slices) = asked.split_once('/')?;
            let pair: (u64, u64) = (slice.parse().ok()?, slices.parse().ok()?);
            (pair.0 < pair.1).then_some(pair)
        }
    }
}

/// Those of this slice, by their names: which calls others make does not move them to another.
fn of_slice<T>(mut all: Vec<T>, slice: u64, slices: u64, name: impl Fn(&T) -> String) -> Vec<T> {
    all.retain(|one| {
        let mut hasher = DefaultHasher::new();
        name(one).hash(&mut hasher);
        hasher.finish() % slices == slice
    });
    all
}

/// The calls of each scenario without faults, in every run of it but the first; and the promises that were broken.
async fn record(stage: &Arc<Stage>) -> (Vec<(Scenario, Vec<Call>)>, Vec<String>) {
    let (mut recordings, mut promises) = (Vec::new(), Vec::new());
    for (round, times) in ROUNDS.into_iter().enumerate() {
        let mut running = JoinSet::new();
        let times = |scenario: &Scenario| if scenario.only_adds() { 1 } else { times };
        for scenario in SCENARIOS.into_iter().flat_map(|scenario| iter::repeat_n(scenario, times(&scenario))) {
            let stage = stage.clone();
            running.spawn(async move { (scenario, cells::record(&stage, scenario).await) });
        }
        for (scenario, recorded) in running.join_all().await {
            let calls = match recorded {
                Ok(calls) => calls,
                // As of cells: a machine that is out of breath breaks time limits.
                Err(first) => {
                    println!("doubtful: {} without faults: {first}", scenario.name);
                    if let Broken::Promise(what) = first {
                        promises.push(format!("{} without faults: {what}", scenario.name));
                    }
                    let alone = cells::record(stage, scenario).await;
                    alone.unwrap_or_else(|error| panic!("{} without faults: {error}", scenario.name))
                }
            };
            recordings.extend((round > 0).then_some((scenario, calls)));
        }
    }
    (recordings, promises)
}

/// Every cell that there is: each call of these runs with every fault and both clients. Of a scenario that only adds, those
/// that every run of it makes and that are its own; only the first of each kind must be met.
fn cells_of(recordings: &[(Scenario, Vec<Call>)], limits: Limits) -> Vec<Cell> {
    let mut chosen = Vec::new();
    // The kinds of calls that every run of a scenario makes.
    let mut sure: BTreeSet<String> = BTreeSet::new();
    for scenario in SCENARIOS {
        let of_scenario = recordings.iter().filter(|(of, _)| of.name == scenario.name).map(|(_, calls)| calls.as_slice());
        let mut calls = cells::together(&of_scenario.collect::<Vec<_>>());
        let (made, sometimes) = (calls.len(), calls.iter().filter(|(_, share)| *share < 1.0).count());
        if let Strikes::AllOf(functions) = scenario.strikes {
            let is_its_own = |name: &str| functions.contains(&cells::function(name)) || !sure.contains(cells::stem(name));
            calls.retain(|(call, share)| is_its_own(&call.name) && (*share >= 1.0 || *share >= 0.5 && call.occurrence == 1));
            for (call, share) in &mut calls {
                *share = if call.occurrence == 1 { *share } else { 0.0 };
            }
        }
        println!("{:<52} {made:>3} calls, {sometimes} of them not in every run; {} are struck", scenario.name, calls.len());
        sure.extend(calls.iter().filter(|(_, share)| *share >= 1.0).map(|(call, _)| cells::stem(&call.name).to_owned()));
        chosen.extend(calls.into_iter().map(|(call, share)| (scenario, call, share)));
    }
    let how_often = |call: &Call, share: f64| {
        if share >= 1.0 {
            Made::Always
        } else if share >= 0.5 && !sure.contains(cells::stem(&call.name)) {
            Made::Mostly
        } else {
            Made::Rarely
        }
    };
    let mut matrix = Vec::new();
    for (scenario, call, share) in &chosen {
        matrix.extend(cells::of_call(*scenario, call, how_often(call, *share), limits));
    }
    matrix
}

/// What no cell strikes: they read and answer, and write nothing but their report.
const NOT_STRUCK: [&str; 3] = ["browse-catalog", "reconcile-money", "view-orders"];

/// Where the matrix has no cell and should: a scenario that strikes nothing and does not only add, a function that none meets,
/// or that a scenario is there for.
fn gaps(matrix: &[Cell]) -> Vec<String> {
    let scenarios: BTreeSet<_> = matrix.iter().map(|cell| cell.scenario.name).collect();
    let met: BTreeSet<_> = matrix.iter().map(|cell| cells::function(&cell.call)).chain(NOT_STRUCK).collect();
    let must_strike = SCENARIOS.iter().filter(|scenario| !scenario.only_adds()).map(|scenario| scenario.name);
    let idle = must_strike.filter(|name| !scenarios.contains(name));
    let folders = std::fs::read_dir(root().join("functions")).expect("there are functions");
    let functions = folders.map(|folder| folder.expect("a folder").file_name().to_string_lossy().into_owned());
    let missed = functions.filter(|function| !met.contains(function.as_str()));
    let sure: BTreeSet<_> = matrix
        .iter()
        .filter(|cell| cell.made == Made::Always)
        .map(|cell| (cell.scenario.name, cells::function(&cell.call)))
        .collect();
    let mut lacking = Vec::new();
    for scenario in SCENARIOS {
        let Strikes::AllOf(functions) = scenario.strikes else { continue };
        let absent = functions.iter().filter(|function| !sure.contains(&(scenario.name, **function)));
        lacking.extend(absent.map(|function| format!("not every run of {:?} has a call of {function}", scenario.name)));
    }
    let idle = idle.map(|name| format!("the scenario {name:?} strikes nothing"));
    idle.chain(missed.map(|function| format!("no scenario has a call of {function}"))).chain(lacking).collect()
}

/// How often the journal is written.
const WRITTEN_EVERY: Duration = Duration::from_mins(1);

/// Writes down what no dead letter can come of any more, until it is dropped. Not while a letter lies where none may be.
async fn write_down(stage: &Stage, journal: &Journal) -> ! {
    loop {
        tokio::time::sleep(WRITTEN_EVERY).await;
        let now = Instant::now();
        stage.letters.look(&stage.shop).await;
        if let (true, Some(before)) = (stage.letters.unexplained().is_empty(), now.checked_sub(redrive::UNTIL_PUT_ASIDE)) {
            journal.write(before, |order_id| stage.letters.has_one_of(order_id));
        }
    }
}

async fn run(stage: &Arc<Stage>, chosen: Vec<Cell>, journal: &Arc<Journal>) -> Vec<(Cell, Outcome)> {
    let played = side_by_side(stage, chosen, Some(journal)).await;
    stage.letters.are_all_seen(&stage.shop).await;
    let (mut outcomes, mut calm, mut others) = (Vec::new(), Vec::new(), Vec::new());
    for (cell, outcome, order_id) in played {
        match cells::doubt(stage, &outcome, &order_id) {
            None => outcomes.push((cell, outcome)),
            Some(first @ Outcome::Suspect(_)) if !cell.fault.kills() => calm.push((cell, first)),
            Some(first) => others.push((cell, first)),
        }
    }
    // What a kill may have done is played again with none beside it, and so is what was too late: a machine that is out of
    // breath breaks time limits. A promise that was broken stays so; what comes of it alone helps to see why.
    outcomes.extend(again(stage, calm).await);
    for other in others {
        outcomes.extend(again(stage, vec![other]).await);
    }
    outcomes
}

/// Plays all of these, answering the last order of each.
async fn side_by_side(stage: &Arc<Stage>, cells: Vec<Cell>, journal: Option<&Arc<Journal>>) -> Vec<(Cell, Outcome, OrderId)> {
    let permits = Arc::new(Semaphore::new(SIDE_BY_SIDE));
    let mut running = JoinSet::new();
    for cell in cells {
        let (stage, permits, journal) = (stage.clone(), permits.clone(), journal.cloned());
        running.spawn(async move {
            let _permit = permits.acquire_owned().await.expect("the semaphore is never closed");
            // Only what is played for the first time is written down.
            let (outcome, order_id) = cell.run(&stage, journal.is_none()).await;
            if let Some(why) = outcome.in_doubt() {
                println!("doubtful: {cell}\n          {why}");
            }
            if let Some(journal) = journal.filter(|_| cells::doubt(&stage, &outcome, &order_id).is_none()) {
                journal.note(&cell, &outcome, &order_id);
            }
            (cell, outcome, order_id)
        });
    }
    let (all, started) = (running.len(), Instant::now());
    let mut played = Vec::new();
    while let Some(one) = running.join_next().await {
        played.push(one.expect("a cell does not panic"));
        if played.len() % 250 == 0 {
            println!("{} of {all} cells after {:.0} s", played.len(), started.elapsed().as_secs_f64());
        }
    }
    played
}

/// Plays these again, beside each other and nothing else, and says what their doubts come to.
async fn again(stage: &Arc<Stage>, doubtful: Vec<(Cell, Outcome)>) -> Vec<(Cell, Outcome)> {
    if doubtful.is_empty() {
        return Vec::new();
    }
    let mut firsts: BTreeMap<String, Outcome> = doubtful.iter().map(|(cell, first)| (cell.to_string(), first.clone())).collect();
    let played = side_by_side(stage, doubtful.into_iter().map(|(cell, _)| cell).collect(), None).await;
    stage.letters.are_all_seen(&stage.shop).await;
    let judged = played.into_iter().map(|(cell, outcome, order_id)| {
        let doubt = cells::doubt(stage, &outcome, &order_id);
        let first = firsts.remove(&cell.to_string()).unwrap_or(Outcome::NotReached);
        let verdict = cells::verdict(first, outcome, doubt);
        println!("again: {cell}: {verdict:?}");
        (cell, verdict)
    });
    judged.collect()
}

/// The proxy's control, for the modules.
pub(crate) fn proxy(stage: &Stage) -> Proxy {
    Proxy::new(stage.shop.http.clone(), stage.shop.outputs.fault_proxy_url.clone())
}
