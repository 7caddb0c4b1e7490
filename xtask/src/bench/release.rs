//! The functions as they ship, built for this machine: their size, how they start, their first call, their memory.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};

use super::stand_in::StandIn;
use crate::{paths, process::Program, progress::step, stack};

/// Starts of each program; the empty runtime's are taken in turn with the function's, so that both see the same machine.
const STARTS: usize = 15;
const EMPTY: &str = "empty-runtime";

/// Which functions are built and measured.
#[derive(Clone, Debug)]
pub enum Which {
    All,
    These(Vec<String>),
}

impl Which {
    /// `all`, `none`, or names with commas.
    ///
    /// # Errors
    /// A name that is no function's.
    pub fn parse(text: &str) -> Result<Self> {
        let known = functions()?;
        let names: Vec<String> = match text {
            "all" => return Ok(Self::All),
            "none" => Vec::new(),
            names => names.split(',').map(|name| name.trim().to_owned()).collect(),
        };
        match names.iter().find(|name| !known.contains(name)) {
            Some(name) => bail!("there is no function {name}.\nwhat to do: choose of {}", known.join(", ")),
            None => Ok(Self::These(names)),
        }
    }

    fn names(&self) -> Result<Vec<String>> {
        match self {
            Self::All => functions(),
            Self::These(names) => Ok(names.clone()),
        }
    }
}

/// The functions there are.
///
/// # Errors
/// When their directory cannot be read.
pub fn functions() -> Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in std::fs::read_dir(paths::root().join("functions"))? {
        names.push(entry?.file_name().to_string_lossy().into_owned());
    }
    names.sort();
    Ok(names)
}

/// One function's figures.
#[derive(Clone, Debug)]
pub struct Figures {
    pub function: String,
    pub bootstrap_bytes: u64,
    pub zip_bytes: u64,
    /// From exec to the first `/next`, by the empty runtime's in the same run.
    pub start_ratio: f64,
    pub start: Duration,
    /// The first invocation's time less the second's; none, if that event makes no call.
    pub first_call_ms: Option<f64>,
    /// `VmHWM` after both.
    pub peak_kib: u64,
}

/// All of them, with what the empty runtime took.
#[derive(Clone, Debug, Default)]
pub struct Measured {
    pub functions: Vec<Figures>,
    pub empty_start: Duration,
    pub empty_bytes: u64,
    pub empty_peak_kib: u64,
}

/// Builds and measures. `environment` is every function's variables together.
///
/// # Errors
/// A build that fails, or a function that does not start.
pub async fn measure(which: &Which, environment: &BTreeMap<String, String>) -> Result<Measured> {
    let names = which.names()?;
    let mut measured = Measured::default();
    if names.is_empty() {
        return Ok(measured);
    }
    build(EMPTY).await?;
    let empty = binary(EMPTY)?;
    measured.empty_bytes = size(&empty)?;
    let mut empty_starts = Vec::new();
    for name in &names {
        build(name).await?;
        let (figures, beside) =
            step(&format!("Start {name}"), None, figures(name, &empty, environment)).await.with_context(|| name.clone())?;
        empty_starts.extend(beside);
        measured.functions.push(figures);
    }
    measured.empty_start = median(&mut empty_starts);
    measured.empty_peak_kib = started(&empty, environment, None).await?.peak_kib;
    Ok(measured)
}

/// As `cargo xtask deploy` builds, but for this machine, one at a time.
async fn build(name: &str) -> Result<()> {
    let build = Program::new("build-release-bench", paths::tool("cargo-lambda"))
        .args(["lambda", "build", "--workspace", "--exclude", "xtask", "--exclude", "payment-simulator", "--release"])
        .args(["--features", "system-tests/bench", "--bin", name, "--compiler", "cargo", "--output-format", "zip"])
        .args(["--lambda-dir".to_owned(), zips().display().to_string()])
        .env("CARGO_TERM_COLOR", "never");
    let log = build.log();
    step(&format!("Build {name}"), Some(&log), build.run()).await
}

fn zips() -> PathBuf {
    paths::root().join("target/lambda-release")
}

fn binary(name: &str) -> Result<PathBuf> {
    Ok(paths::root().join("target").join(stack::host()?).join("release").join(name))
}

fn size(file: &Path) -> Result<u64> {
    Ok(std::fs::metadata(file).with_context(|| format!("{}", file.display()))?.len())
}

async fn figures(name: &str, empty: &Path, environment: &BTreeMap<String, String>) -> Result<(Figures, Vec<Duration>)> {
    let (program, event) = (binary(name)?, event(name)?);
    let (mut starts, mut empty_starts, mut first_calls, mut peaks) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for _ in 0..STARTS {
        empty_starts.push(started(empty, environment, None).await?.start);
        let one = started(&program, environment, Some(&event)).await?;
        starts.push(one.start);
        peaks.push(one.peak_kib);
        first_calls.extend(one.first_call_ms);
    }
    let start = median(&mut starts);
    let figures = Figures {
        function: name.to_owned(),
        bootstrap_bytes: size(&program)?,
        zip_bytes: size(&zips().join(name).join("bootstrap.zip"))?,
        start_ratio: start.as_secs_f64() / median(&mut empty_starts).as_secs_f64(),
        start,
        first_call_ms: (first_calls.len() == STARTS).then(|| median_ms(&mut first_calls)),
        peak_kib: median(&mut peaks),
    };
    Ok((figures, empty_starts))
}

/// Events that are turned away, by their files' names.
const UNHAPPY: [&str; 6] = ["poison", "no-such", "not-", "wrong", "unsigned", "declined"];

/// The event that both invocations get: the first of the function's files that is not there to be turned away. What it names
/// is not in the [`StandIn`]'s empty tables, so it gets as far as the first read.
fn event(name: &str) -> Result<String> {
    let mut files: Vec<PathBuf> = Vec::new();
    for entry in std::fs::read_dir(paths::root().join("events").join(name))? {
        files.push(entry?.path());
    }
    files.sort();
    let unhappy = |file: &&PathBuf| UNHAPPY.iter().any(|word| file.to_string_lossy().contains(word));
    let happy = files.iter().find(|file| !unhappy(file));
    let file = happy.or(files.first()).with_context(|| format!("events/{name} is empty"))?;
    Ok(std::fs::read_to_string(file)?)
}

struct Started {
    start: Duration,
    first_call_ms: Option<f64>,
    peak_kib: u64,
}

/// One process: its start and, with an event, two invocations.
async fn started(program: &Path, environment: &BTreeMap<String, String>, event: Option<&str>) -> Result<Started> {
    let stand_in = StandIn::start().await?;
    let mut command = Command::new(program);
    let elsewhere = format!("http://{}", stand_in.address);
    command.env_clear().envs(environment).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command.envs([("AWS_ENDPOINT_URL", &elsewhere), ("STRIPE_BASE_URL", &elsewhere), ("PAYPAL_BASE_URL", &elsewhere)]);
    command.envs([("AWS_LAMBDA_RUNTIME_API", stand_in.address.as_str()), ("AWS_LAMBDA_FUNCTION_NAME", "bench")]);
    command.envs([("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST"), ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "256")]);
    command.envs([("AWS_LAMBDA_LOG_GROUP_NAME", "bench"), ("AWS_LAMBDA_LOG_STREAM_NAME", "bench")]);
    let before = Instant::now();
    let process = Process(command.spawn().with_context(|| format!("{} cannot be started", program.display()))?);
    let start = stand_in.first_next().await?.saturating_duration_since(before);
    let first_call_ms = match event {
        Some(event) => {
            let (first, second) = (stand_in.invoke(event).await?, stand_in.invoke(event).await?);
            let difference = (first.took.as_secs_f64() - second.took.as_secs_f64()) * 1000.0;
            (first.calls > 0 && second.calls > 0).then_some(difference)
        }
        None => None,
    };
    Ok(Started { start, first_call_ms, peak_kib: process.peak_kib()? })
}

/// Ends with its owner.
struct Process(Child);

impl Process {
    fn peak_kib(&self) -> Result<u64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.0.id()))
            .context("peak memory is read from /proc, which Linux has")?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).context("the kernel tells no VmHWM")?;
        Ok(line.trim().trim_end_matches("kB").trim().parse()?)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The middle one. The list is never empty: [`STARTS`] is not 0.
fn median<T: Ord + Copy>(values: &mut [T]) -> T {
    values.sort_unstable();
    values[values.len() / 2]
}

fn median_ms(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
