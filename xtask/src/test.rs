//! The tests, but for the judges, the widest models and most of the fault matrix: the shop and a second DynamoDB are started
//! for them, on ports of their own, and stopped after.

use std::{
    net::{Ipv4Addr, TcpListener, TcpStream},
    path::PathBuf,
    time::{Duration, Instant},
};

use anyhow::{Result, anyhow, bail};

use crate::{
    paths,
    process::{Program, Running},
    progress::{bold, green, step},
    python,
    stack::{self, Plan},
};

/// Runs the tests in the browser, then the Rust tests. With a filter, only the Rust tests that it names.
pub async fn run(filter: Option<&str>) -> Result<()> {
    let started = Instant::now();
    if let Some(filter) = filter {
        names_a_test(filter).await?;
    }
    // What compiles keeps the processors busy, what is fetched the network.
    let tools = async {
        python::prepare().await?;
        if filter.is_none() { browser().await.map(Some) } else { Ok(None) }
    };
    let ((), chrome) = tokio::try_join!(compile(), tools)?;
    stack::build().await?;
    let plan = Plan::for_tests()?;
    let stack = stack::start(&plan).await?;
    let (moto, moto_url) = moto().await?;
    let outputs = plan.directory.join("outputs.json").display().to_string();

    // The lamps that a Rust test sells out are looked at here first.
    let browser = match chrome {
        Some(chrome) => {
            println!("\n{}", bold("Browser tests"));
            browser_tests(&outputs, &chrome).await
        }
        None => Ok(()),
    };
    println!("\n{}", bold("Rust tests"));
    let rust = tests_of_the_shop("cargo-test")?
        .args(["--no-fail-fast"])
        .args(filter.map(ToOwned::to_owned))
        .env("SOUK_OUTPUTS", &outputs)
        .env("RUST_TEST_THREADS", threads().to_string())
        .env("SOUK_DYNAMODBS", format!("{},{moto_url}", stack.outputs["aws_endpoint"].as_str().unwrap_or_default()))
        .visible()
        .run()
        .await;
    drop(moto);
    drop(stack);
    rust?;
    browser?;
    // The tools' own tests are built as the tools are, for this machine.
    Program::new("xtask-test", "cargo").args(["test", "-p", "xtask"]).args(filter.map(ToOwned::to_owned)).visible().run().await?;
    println!("\n{} in {:.0} s", green("All tests passed"), started.elapsed().as_secs_f64());
    Ok(())
}

/// How many tests run side by side. They wait for the shop more than they compute, so two processors serve four of them.
fn threads() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from).max(4)
}

/// `cargo test` of all but the commands.
fn tests_of_the_shop(name: &str) -> Result<Program> {
    let arguments = ["test", "--workspace", "--exclude", "xtask", "--target"];
    Ok(Program::new(name, "cargo").args(arguments).args([stack::host()?]))
}

/// The tests, and with them most of what the functions are built of.
async fn compile() -> Result<()> {
    let tests = tests_of_the_shop("build-tests")?.args(["--no-run"]).env("CARGO_TERM_COLOR", "never");
    let log = tests.log();
    step("Build the tests", Some(&log), tests.run()).await
}

/// A name that no test has runs nothing, and nothing fails.
async fn names_a_test(filter: &str) -> Result<()> {
    // The matrix is a program of its own, and is run by this name.
    if "faults".contains(filter) {
        return Ok(());
    }
    let listed = |arguments: &[&str]| {
        Program::new("cargo-test-list", "cargo").args(arguments.iter().copied()).args([filter, "--", "--list"]).output()
    };
    let host = stack::host()?;
    let all = listed(&["test", "--workspace", "--exclude", "xtask", "--target", &host]).await?
        + &listed(&["test", "-p", "xtask"]).await?;
    if !all.lines().any(|line| line.ends_with(": test")) {
        bail!(
            "no test has {filter:?} in its name\nwhat to do: cargo xtask test without a name, or with a part of one, such as: cargo xtask test refund"
        );
    }
    Ok(())
}

/// A slice of the matrix, as it is asked for.
///
/// # Errors
/// What to say instead.
pub fn slice(text: &str) -> Result<String, String> {
    let pair = text.split_once('/').and_then(|(slice, slices)| Some((slice.parse::<u64>().ok()?, slices.parse::<u64>().ok()?)));
    match pair {
        Some((slice, slices)) if slice < slices => Ok(text.to_owned()),
        _ => Err("say K/N with K from 0 and less than N, such as 3/48; leave it out for all of the matrix".into()),
    }
}

/// The fault matrix alone, on a shop of its own: all of it, one slice, or only cells of such names. With `report`,
/// docs/faults.md is written. With `resume`, what the last run of the same code found counts.
pub async fn faults(slice: Option<&str>, only: Option<&str>, report: bool, resume: bool) -> Result<()> {
    stack::prepare().await?;
    let plan = Plan::for_tests()?;
    let _stack = stack::start(&plan).await?;
    let matrix = Program::new("faults", "cargo")
        .args(["test", "-p", "system-tests", "--test", "faults", "--target"])
        .args([stack::host()?])
        .env("SOUK_OUTPUTS", plan.directory.join("outputs.json").display().to_string())
        .env("SOUK_FAULTS", slice.unwrap_or("all"));
    let matrix = if let Some(only) = only { matrix.env("SOUK_FAULTS_ONLY", only) } else { matrix };
    let matrix = if report { matrix.env("SOUK_FAULTS_REPORT", "1") } else { matrix };
    let matrix = if resume { matrix.env("SOUK_FAULTS_RESUME", "1") } else { matrix };
    matrix.visible().run().await
}

/// moto's server: a DynamoDB that knows nothing of the local AWS.
pub async fn moto() -> Result<(Running, String)> {
    let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port();
    let server = Program::new("moto", paths::tool("python")).args(["xtask/python/second_dynamodb.py", &port.to_string()]);
    step("Start a second DynamoDB", None, async move {
        let mut server = server.start()?;
        let started = Instant::now();
        while TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_err() {
            if server.ended()?.is_some() || started.elapsed() > Duration::from_secs(30) {
                bail!(server.failure("did not start"));
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        Ok((server, format!("http://127.0.0.1:{port}")))
    })
    .await
}

async fn browser_tests(outputs: &str, chrome: &std::path::Path) -> Result<()> {
    let screenshots = paths::root().join("target/screenshots").display().to_string();
    let tests = Program::new("browser", paths::tool("pytest"))
        .args(["-p", "no:cacheprovider", "-q", "tests/browser"])
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .env("SOUK_OUTPUTS", outputs)
        .env("SOUK_CHROME", chrome.display().to_string())
        .env("SOUK_SCREENSHOTS", &screenshots)
        .visible();
    tests.run().await?;
    println!("screenshots: {screenshots}");
    Ok(())
}

/// An installed Chrome or Chromium; else one that Playwright may install.
async fn browser() -> Result<PathBuf> {
    if let Some(installed) = installed_browser() {
        return Ok(installed);
    }
    let install = Program::new("install-chromium", paths::tool("playwright")).args(["install", "chromium"]);
    let log = install.log();
    let installed = step("Install Chromium for the browser tests", Some(&log), install.run()).await;
    installed.map_err(|_| anyhow!("the browser tests need Chrome or Chromium, and none can be installed from here.\nwhat to do: apt install chromium, or set SOUK_CHROME to its path"))?;
    let script = "from playwright.sync_api import sync_playwright as p\nwith p() as it: print(it.chromium.executable_path)";
    let path = Program::new("find-chromium", paths::tool("python")).args(["-c", script]).output().await?;
    Ok(path.trim().into())
}

fn installed_browser() -> Option<PathBuf> {
    if let Some(chosen) = std::env::var_os("SOUK_CHROME") {
        return Some(chosen.into());
    }
    let names = ["google-chrome", "google-chrome-stable", "chromium", "chromium-browser"];
    let directories: Vec<PathBuf> = std::env::split_paths(&std::env::var_os("PATH")?).collect();
    names.iter().flat_map(|name| directories.iter().map(move |directory| directory.join(name))).find(|path| path.exists())
}

#[cfg(test)]
mod tests {
    use super::slice;

    #[test]
    fn a_slice_is_a_number_below_another() {
        for good in ["0/1", "3/48", "47/48"] {
            assert_eq!(slice(good).as_deref(), Ok(good));
        }
        for bad in ["", "all", "3", "3/", "48/48", "0/0", "-1/48", "a/b", "1/2/3"] {
            assert!(slice(bad).unwrap_err().contains("such as 3/48"), "{bad}");
        }
    }
}
