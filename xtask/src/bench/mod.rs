//! What a checkout costs, and how the functions start: counted on a shop of its own, judged by budgets, written to
//! `docs/benchmarks.md`.

mod budgets;
mod counts;
mod prices;
mod release;
mod report;
mod stand_in;

use std::{collections::BTreeMap, path::Path};

use anyhow::{Context, Result, bail};

use self::{counts::Counted, prices::Prices, release::Which};
use crate::{
    paths,
    process::Program,
    progress::{bold, green, step},
    stack::{self, Plan},
};

/// Counts, builds, measures, judges and writes.
///
/// # Errors
/// A budget that is broken and has no reason beside it, after the report is written.
pub async fn run(release_functions: &str) -> Result<()> {
    let which = Which::parse(release_functions)?;
    let prices = Prices::read()?;
    stack::prepare().await?;
    let built = release::build_all(&which).await?;
    let (counted, environment, peaks) = count(&built).await?;
    let scenarios = counted.scenarios.iter().map(|scenario| scenario.sides()).collect::<Result<Vec<_>>>()?;
    let measured = release::measure(&built, &environment, &peaks).await?;

    let checkout = scenarios.first().context("no checkout was counted")?;
    let verdicts = budgets::judge(checkout, &prices, &measured)?;
    let not_measured: Vec<String> = release::functions()?.into_iter().filter(|name| !built.contains(name)).collect();
    let text = report::markdown(&report::Findings {
        scenarios: &scenarios,
        prices: &prices,
        measured: &measured,
        not_measured: &not_measured,
        verdicts: &verdicts,
    });
    let file = paths::root().join("docs/benchmarks.md");
    std::fs::write(&file, &text)?;
    println!("\n{text}\n{} {}", bold("Written to"), file.display());

    let broken: Vec<&str> = verdicts.iter().filter(|verdict| verdict.fails()).map(|verdict| verdict.what.as_str()).collect();
    if broken.is_empty() {
        println!("{}", green("No budget is broken without a reason."));
        return Ok(());
    }
    bail!(
        "over budget: {}.\nwhat to do: make it cheaper, or tell the reason and the next step in bench/budgets.json",
        broken.join("; ")
    )
}

/// A shop with the fault proxy before it, and what playing the scenarios took there; with every function's variables, and
/// the peak memory of each that was at work. What is built for release is what runs.
async fn count(built: &[String]) -> Result<(Counted, BTreeMap<String, String>, BTreeMap<String, u64>)> {
    build_player().await?;
    let plan = Plan::for_tests()?;
    let shop = stack::start(&plan).await?;
    if !built.is_empty() {
        release::ship(built, shop.outputs["aws_endpoint"].as_str().unwrap_or_default()).await?;
    }
    let file = plan.directory.join("counted.json");
    let player = paths::root().join("target").join(stack::host()?).join("debug").join("bench-orders");
    let scenarios = Program::new("bench-orders", player)
        .env("SOUK_OUTPUTS", plan.directory.join("outputs.json").display().to_string())
        .env("SOUK_BENCH_COUNTED", file.display().to_string())
        .env("SOUK_LOCAL_AWS_LOG", paths::log("local-aws-test").display().to_string())
        .hint("the local AWS's log is .local/logs/local-aws-test.log");
    let log = scenarios.log();
    step("Count what the scenarios take", Some(&log), scenarios.run()).await?;
    let environment = variables(&plan.directory.join("lambda.env"))?;
    let peaks = release::peaks(&plan.directory.join("aws"))?;
    drop(shop);
    Ok((Counted::read(&file)?, environment, peaks))
}

/// All the workspace's features are on, as in the functions' build, so that nothing is compiled twice.
async fn build_player() -> Result<()> {
    let build = Program::new("build-bench", "cargo")
        .args(["build", "--workspace", "--exclude", "xtask", "--features", "system-tests/bench", "--bin", "bench-orders"])
        .args(["--target".to_owned(), stack::host()?])
        .env("CARGO_TERM_COLOR", "never");
    let log = build.log();
    step("Build the bench", Some(&log), build.run()).await
}

/// `NAME="value"` lines.
fn variables(file: &Path) -> Result<BTreeMap<String, String>> {
    let text = std::fs::read_to_string(file)?;
    let pairs = text.lines().filter_map(|line| line.split_once('='));
    Ok(pairs.map(|(name, value)| (name.to_owned(), value.trim_matches('"').to_owned())).collect())
}
