//! cargo-mutants: every condition, comparison and result of the rules, the payment adapters and the repositories is changed
//! in turn, and some test must notice. What no test notices is listed in docs/mutants.md, each with its reason.

use std::{collections::BTreeSet, fs, path::Path, process::Command};

use anyhow::{Context, Result, bail};
use serde_json::Value;

use crate::{
    paths,
    process::Program,
    progress::{bold, green},
    python, stack, test,
};

/// So many of a hundred must be noticed.
const NOTICED_PERCENT: usize = 90;

/// Random histories per property, a change: the named cases must notice it anyhow, and there are a thousand changes.
const PROPERTY_CASES: &str = "32";

/// What is changed together, and which tests have to notice.
struct Part {
    name: &'static str,
    files: &'static [&'static str],
    /// cargo's arguments, which name all that is built for a change.
    target: &'static [&'static str],
    /// Of that target, only the tests of these modules, and how they are run.
    tests: &'static [&'static str],
}

const PARTS: [Part; 3] = [
    Part {
        name: "rules",
        files: &["shared/src/domain/**", "shared/src/idempotency.rs"],
        target: &["--lib"],
        tests: &["domain::", "idempotency::"],
    },
    Part {
        name: "payments",
        files: &["shared/src/payments/**"],
        target: &["--lib"],
        // They mostly wait, for providers that do not answer.
        tests: &["payments::", "--test-threads=16"],
    },
    // What needs no table has its tests beside it.
    Part { name: "tables", files: &["shared/src/repositories/**"], target: &["--lib", "--test", "repositories"], tests: &[] },
];

/// Changes the sources in place, one change at a time, and puts them back. With `shard`, only every n-th change.
pub async fn run(part: Option<&str>, shard: Option<&str>) -> Result<()> {
    if !Command::new("cargo").args(["mutants", "--version"]).output().is_ok_and(|output| output.status.success()) {
        bail!("cargo-mutants is missing\nwhat to do: cargo install --locked cargo-mutants@27.1.0");
    }
    python::prepare().await?;
    let (moto, moto_url) = test::moto().await?;
    let mut survivors = BTreeSet::new();
    let (mut noticed, mut all) = (0, 0);
    for part in PARTS.iter().filter(|of| part.is_none_or(|part| part == of.name)) {
        println!("\n{}", bold(part.name));
        let directory = paths::root().join("target/mutants").join(part.name);
        fs::create_dir_all(&directory)?;
        // What an earlier run found is not this one's.
        let found = directory.join("mutants.out");
        if found.exists() {
            fs::remove_dir_all(&found)?;
        }
        let mutants = Program::new("mutants", "cargo")
            .args(["mutants", "--in-place", "--package", "shared", "--timeout", "120"])
            .args(["--output", &directory.display().to_string(), "--cargo-arg=--target", "--cargo-arg"])
            .args([stack::host()?])
            .args(part.target.iter().map(|argument| format!("--cargo-arg={argument}")))
            .args(part.files.iter().flat_map(|file| ["--file", file]))
            .args(shard.into_iter().flat_map(|shard| ["--shard", shard]))
            .args(["--", "--"])
            .args(part.tests.iter().copied())
            .env("SOUK_DYNAMODBS", &moto_url)
            .env("PROPTEST_CASES", PROPERTY_CASES)
            .visible();
        // It fails when a change went unnoticed: that is judged below.
        let _ = mutants.run().await;
        let (missed, uncompiled) = (listed(&found.join("missed.txt"))?, listed(&found.join("unviable.txt"))?.len());
        let caught = listed(&found.join("caught.txt"))?.len() + listed(&found.join("timeout.txt"))?.len();
        let planned: Vec<Value> = serde_json::from_str(&fs::read_to_string(found.join("mutants.json"))?)?;
        let tried = caught + missed.len() + uncompiled;
        if tried == 0 || tried < planned.len() {
            bail!("only {tried} of {} changes of {} were tried: see .local/logs/mutants.log", planned.len(), part.name);
        }
        (noticed, all) = (noticed + caught, all + caught + missed.len());
        survivors.extend(missed);
    }
    drop(moto);
    if all == 0 {
        bail!("nothing was changed: see .local/logs/mutants.log");
    }
    println!("\n{noticed} of {all} changes were noticed, {} %", noticed * 100 / all);
    let known = fs::read_to_string(paths::root().join("docs/mutants.md")).unwrap_or_default();
    let unknown: Vec<_> = survivors.into_iter().filter(|survivor| !known.contains(&format!("`{survivor}`"))).collect();
    if noticed * 100 < NOTICED_PERCENT * all || !unknown.is_empty() {
        bail!(
            "{NOTICED_PERCENT} % are to be noticed; these were not, and docs/mutants.md does not list them:\n{}",
            unknown.join("\n")
        );
    }
    println!("{}", green("Each of the others is listed in docs/mutants.md."));
    Ok(())
}

/// The changes in a list of cargo-mutants', each as its file and what was changed: lines move.
fn listed(path: &Path) -> Result<Vec<String>> {
    let text = fs::read_to_string(path).with_context(|| format!("{} is not there", path.display()))?;
    let without_line = |line: &str| {
        let mut parts = line.splitn(4, ':');
        let (file, change) = (parts.next().unwrap_or_default(), parts.nth(2).unwrap_or_default());
        format!("{file}: {}", change.trim())
    };
    Ok(text.lines().map(without_line).collect())
}
