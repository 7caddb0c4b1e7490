//! The functions as they ship, built for this machine: their size, how they start, their first call, their memory.

use std::{
    collections::BTreeMap,
    fmt::Write as _,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use anyhow::{Context, Result, bail};
use hmac::{Hmac, KeyInit as _, Mac as _};
use serde_json::{Value, json};
use sha2::Sha256;

use super::stand_in::{StandIn, WEBHOOK_SECRET};
use crate::{aws, paths, process::Program, progress::step, stack};

/// Starts of each program; the empty runtime's are taken in turn with the function's, so that both see the same machine.
const STARTS: usize = 15;
const EMPTY: &str = "empty-runtime";
const WEBHOOKS: &str = "receive-webhook";

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
    /// The highest `VmHWM` of its processes in the shop, after all scenarios.
    pub peak_kib: u64,
}

/// All of them, with what the empty runtime took.
#[derive(Clone, Debug, Default)]
pub struct Measured {
    pub functions: Vec<Figures>,
    pub empty_start: Duration,
    pub empty_bytes: u64,
}

/// Builds them, and the empty runtime to compare them with; answers their names.
///
/// # Errors
/// A build that fails.
pub async fn build_all(which: &Which) -> Result<Vec<String>> {
    let names = which.names()?;
    for name in names.iter().map(String::as_str).chain((!names.is_empty()).then_some(EMPTY)) {
        build(name).await?;
    }
    Ok(names)
}

/// Measures what was built. `environment` is every function's variables together, `peaks` is what [`peaks`] found.
///
/// # Errors
/// A function that does not start, or was not at work in the shop.
pub async fn measure(
    names: &[String],
    environment: &BTreeMap<String, String>,
    peaks: &BTreeMap<String, u64>,
) -> Result<Measured> {
    let mut measured = Measured::default();
    if names.is_empty() {
        return Ok(measured);
    }
    let empty = binary(EMPTY)?;
    measured.empty_bytes = size(&empty)?;
    let mut empty_starts = Vec::new();
    for name in names {
        let peak = *peaks.get(name).with_context(|| format!("no scenario had {name} work"))?;
        let (figures, beside) =
            step(&format!("Start {name}"), None, figures(name, &empty, environment, peak)).await.with_context(|| name.clone())?;
        empty_starts.extend(beside);
        measured.functions.push(figures);
    }
    measured.empty_start = median(&mut empty_starts);
    Ok(measured)
}

/// Deploys what was built in place of what the shop runs.
///
/// # Errors
/// When the local AWS refuses it.
pub async fn ship(names: &[String], endpoint: &str) -> Result<()> {
    let ship = Program::new("ship", paths::tool("python"))
        .args([paths::root().join("tests/python/ship.py").display().to_string(), zips().display().to_string()])
        .args(names.iter().cloned())
        .envs(aws::local_environment(endpoint));
    let log = ship.log();
    step("Deploy the release builds", Some(&log), ship.run()).await
}

/// By function: the highest peak memory, in KiB, of its processes that are still there. A local AWS runs them from its
/// directory.
///
/// # Errors
/// Where there is no `/proc`.
pub fn peaks(local_aws: &Path) -> Result<BTreeMap<String, u64>> {
    let mut peaks = BTreeMap::new();
    for process in std::fs::read_dir("/proc").context("peak memory is read from /proc, which Linux has")? {
        let process = process?.path();
        if !std::fs::read_link(process.join("exe")).is_ok_and(|program| program.starts_with(local_aws)) {
            continue;
        }
        // One may have ended by now.
        let (Ok(variables), Ok(status)) =
            (std::fs::read(process.join("environ")), std::fs::read_to_string(process.join("status")))
        else {
            continue;
        };
        let name = variables.split(|byte| *byte == 0).find_map(|variable| variable.strip_prefix(b"AWS_SDK_UA_APP_ID="));
        let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")?.trim().strip_suffix("kB"));
        if let (Some(name), Some(peak)) = (name, peak) {
            let (name, peak) = (String::from_utf8_lossy(name).into_owned(), peak.trim().parse::<u64>()?);
            let highest = peaks.entry(name).or_insert(peak);
            *highest = peak.max(*highest);
        }
    }
    Ok(peaks)
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

async fn figures(
    name: &str,
    empty: &Path,
    environment: &BTreeMap<String, String>,
    peak_kib: u64,
) -> Result<(Figures, Vec<Duration>)> {
    let (program, event) = (binary(name)?, event(name)?);
    let (mut starts, mut empty_starts, mut first_calls) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..STARTS {
        empty_starts.push(started(empty, environment, None).await?.start);
        let one = started(&program, environment, Some(&event)).await?;
        starts.push(one.start);
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
        peak_kib,
    };
    Ok((figures, empty_starts))
}

/// Events that are turned away, by their files' names.
const UNHAPPY: [&str; 5] = ["poison", "no-such", "not-", "wrong", "declined"];

/// The event that both invocations get: the first of the function's files that is not there to be turned away. What it names
/// is not in the [`StandIn`]'s empty tables, so it gets as far as the first read.
fn event(name: &str) -> Result<String> {
    let directory = paths::root().join("events").join(name);
    if name == WEBHOOKS {
        return signed(&std::fs::read_to_string(directory.join("stripe-unsigned.json"))?);
    }
    let mut files: Vec<PathBuf> = Vec::new();
    for entry in std::fs::read_dir(directory)? {
        files.push(entry?.path());
    }
    files.sort();
    let unhappy = |file: &&PathBuf| UNHAPPY.iter().any(|word| file.to_string_lossy().contains(word));
    let file = files.iter().find(|file| !unhappy(file)).with_context(|| format!("events/{name} has none that is taken"))?;
    Ok(std::fs::read_to_string(file)?)
}

/// An event of Stripe's, as it signs it: else it is turned away before anything is called.
fn signed(request: &str) -> Result<String> {
    let mut request: Value = serde_json::from_str(request)?;
    let body = json!({
        "id": "evt_bench",
        "type": "payment_intent.succeeded",
        "data": {"object": {
            "object": "payment_intent", "id": "pi_bench", "metadata": {"order_id": "ord_00000000000000000000000000000001"},
        }},
    });
    let (body, second) = (body.to_string(), SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs());
    let mut mac = Hmac::<Sha256>::new_from_slice(WEBHOOK_SECRET.as_bytes())?;
    mac.update(format!("{second}.{body}").as_bytes());
    let mut header = format!("t={second},v1=");
    for byte in mac.finalize().into_bytes() {
        write!(header, "{byte:02x}")?;
    }
    request["body"] = body.into();
    request["headers"]["Stripe-Signature"] = header.clone().into();
    request["multiValueHeaders"]["Stripe-Signature"] = json!([header]);
    Ok(request.to_string())
}

struct Started {
    start: Duration,
    first_call_ms: Option<f64>,
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
    let _process = Process(command.spawn().with_context(|| format!("{} cannot be started", program.display()))?);
    let start = stand_in.first_next().await?.saturating_duration_since(before);
    let first_call_ms = match event {
        Some(event) => {
            let (first, second) = (stand_in.invoke(event).await?, stand_in.invoke(event).await?);
            let difference = (first.took.as_secs_f64() - second.took.as_secs_f64()) * 1000.0;
            (first.calls > 0 && second.calls > 0).then_some(difference)
        }
        None => None,
    };
    Ok(Started { start, first_call_ms })
}

/// Ends with its owner.
struct Process(Child);

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
