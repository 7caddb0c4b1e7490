//! Independent judges, who know nothing of the local AWS or of each other. They need Java 17 with Maven, and Go.

use std::{
    net::{Ipv4Addr, TcpListener, TcpStream},
    path::PathBuf,
    process::Command,
    time::{Duration, Instant},
};

use anyhow::{Result, bail};

use crate::{
    paths,
    process::{Program, Running},
    progress::{bold, green, red, step},
    stack,
};

const STRIPE_MOCK: &str = "github.com/stripe/stripe-mock@v0.203.0";
const OASDIFF: &str = "github.com/oasdiff/oasdiff@v1.36.0";

/// Asks all of them; the first that objects is told in full.
pub async fn run() -> Result<()> {
    demand("java", &["-version"], "Java 17 or newer: apt install openjdk-17-jre-headless")?;
    demand("mvn", &["--version"], "Maven: apt install maven")?;
    demand("go", &["version"], "Go 1.24 or newer: from go.dev, or your system's packages")?;
    stack::prepare().await?;
    std::fs::create_dir_all(directory())?;
    dynamodb_local().await?;
    stripe_mock().await?;
    official_clients().await?;
    api_changes().await?;
    println!("\n{}", green("No judge objects."));
    Ok(())
}

fn demand(program: &str, arguments: &[&str], how: &str) -> Result<()> {
    let answers = Command::new(program).args(arguments).output().is_ok_and(|output| output.status.success());
    if answers { Ok(()) } else { bail!("{program} is missing, and a judge needs it.\nwhat to do: install {how}") }
}

fn directory() -> PathBuf {
    paths::local().join("judge")
}

fn free_port() -> Result<u16> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port())
}

/// Starts a server and waits until it listens.
async fn listening(program: Program, port: u16) -> Result<Running> {
    let mut server = program.start()?;
    let started = Instant::now();
    while TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_err() {
        if server.ended()?.is_some() || started.elapsed() > Duration::from_secs(40) {
            bail!(server.failure("did not start"));
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    Ok(server)
}

/// `cargo test` of one file of tests, with one variable. It is asked for in the whole workspace: of one package alone cargo would
/// choose other features, and build most dependencies again.
async fn cargo_test(features: &[&str], test: &str, variable: (&str, String)) -> Result<()> {
    let tests =
        Program::new(test, "cargo").args(["test", "--workspace", "--exclude", "xtask", "--target"]).args([stack::host()?]);
    tests.args(features.iter().copied()).args(["--test", test]).env(variable.0, variable.1).visible().run().await
}

/// AWS's own DynamoDB Local: the repositories' tests once more.
async fn dynamodb_local() -> Result<()> {
    println!("\n{}", bold("AWS's own DynamoDB Local, on the repositories"));
    let jars = directory().join("dynamodb-3.1.0");
    if !jars.exists() {
        let copy = Program::new("dynamodb-local-jars", "mvn")
            .args(["-q", "-B", "-f", "tests/judge/pom.xml", "dependency:copy-dependencies"])
            .args([format!("-DoutputDirectory={}", jars.display())]);
        let log = copy.log();
        step("Get DynamoDB Local", Some(&log), copy.run()).await?;
    }
    let port = free_port()?;
    let server = Program::new("dynamodb-local", "java")
        .args([format!("-Djava.library.path={}", jars.display()), "-cp".into(), format!("{}/*", jars.display())])
        .args(["software.amazon.dynamodb.services.local.main.ServerRunner", "-inMemory", "-port"])
        .args([port.to_string()]);
    let _server = listening(server, port).await?;
    cargo_test(&[], "repositories", ("SOUK_DYNAMODBS", format!("http://127.0.0.1:{port}"))).await
}

async fn go_install(package: &str) -> Result<()> {
    let install = Program::new("go-install", "go").args(["install", package]).env("GOBIN", directory().display().to_string());
    let log = install.log();
    step(&format!("Get {package}"), Some(&log), install.run()).await
}

/// stripe-mock: the adapter's requests against Stripe's published document.
async fn stripe_mock() -> Result<()> {
    println!("\n{}", bold("stripe-mock, on the Stripe adapter"));
    go_install(STRIPE_MOCK).await?;
    let port = free_port()?;
    // By itself it takes a port of its own for HTTPS too, where a shop of this machine may have its PayPal.
    let (http, https) = (format!("127.0.0.1:{port}"), format!("127.0.0.1:{}", free_port()?));
    let server = Program::new("stripe-mock", directory().join("stripe-mock")).args(["-http-addr", &http, "-https-addr", &https]);
    let _server = listening(server, port).await?;
    cargo_test(&["--features", "system-tests/judge"], "stripe_mock", ("SOUK_STRIPE_MOCK", format!("http://127.0.0.1:{port}/")))
        .await
}

/// The providers' official clients, unchanged, on the payment simulator.
async fn official_clients() -> Result<()> {
    println!("\n{}", bold("Stripe's and PayPal's official clients, on the payment simulator"));
    let (stripe, paypal, control) = (free_port()?, free_port()?, free_port()?);
    let simulator = Program::new("payment-simulator-judge", stack::payment_simulator()?);
    let simulator =
        simulator.args(["--stripe-port".to_owned(), stripe.to_string(), "--control-port".into(), control.to_string()]);
    let simulator = simulator.args(["--paypal-port".to_owned(), paypal.to_string()]);
    let _simulator = listening(simulator, stripe).await?;
    let url = |port: u16| format!("http://127.0.0.1:{port}");
    let tests = Program::new("official-clients", paths::tool("pytest")).args(["-p", "no:cacheprovider", "-q", "tests/judge"]);
    let tests =
        tests.env("SOUK_STRIPE_URL", url(stripe)).env("SOUK_PAYPAL_URL", url(paypal)).env("SOUK_SIMULATOR_URL", url(control));
    tests.env("PYTHONDONTWRITEBYTECODE", "1").visible().run().await
}

fn git(arguments: &[&str]) -> Result<String> {
    let output = Command::new("git").args(arguments).current_dir(paths::root()).output()?;
    if !output.status.success() {
        bail!("git {}: {}", arguments.join(" "), String::from_utf8_lossy(&output.stderr));
    }
    Ok(String::from_utf8(output.stdout)?)
}

/// oasdiff: the API document against that of the last release, which is the last tag `v…`.
async fn api_changes() -> Result<()> {
    println!("\n{}", bold("oasdiff, on the API document"));
    go_install(OASDIFF).await?;
    let tags = git(&["tag", "--list", "v*", "--sort=-v:refname"])?;
    let now = paths::root().join("openapi.yaml");
    let before = match tags.lines().next() {
        Some(tag) => {
            let document = git(&["show", &format!("{tag}:openapi.yaml")])?;
            let file = directory().join("released.yaml");
            std::fs::write(&file, document)?;
            println!("compared with {tag}");
            file
        }
        None => {
            let shallow = git(&["rev-parse", "--is-shallow-repository"])?.trim() == "true";
            let why = if shallow {
                "this clone is shallow and has no tags, so what the last release was is not known (git fetch --unshallow --tags)"
            } else {
                "nothing is released yet, so there is nothing to break"
            };
            println!("{}", red(&format!("{why}: the document is only read")));
            now.clone()
        }
    };
    let diff = Program::new("oasdiff", directory().join("oasdiff")).args(["breaking", "--fail-on", "ERR"]);
    diff.args([before.display().to_string(), now.display().to_string()])
        .hint("/v1 only adds: what must go gets a new version")
        .run()
        .await?;
    println!("no breaking change");
    Ok(())
}
