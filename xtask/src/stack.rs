//! The shop on this machine: the local AWS, the payment simulator, the deployed template, and the page.

use std::{
    net::{Ipv4Addr, TcpListener},
    path::PathBuf,
    process::Command,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, anyhow, bail};
use base64::Engine;
use serde_json::{Value, json};

use crate::{
    aws::{self, local_environment, operate},
    paths,
    process::{Program, Running},
    progress::step,
    python,
    web::{self, Web},
};

/// The AWS services that the template uses.
const SERVICES: &str = "apigateway,cloudformation,cloudwatch,cognito-idp,dynamodb,dynamodbstreams,events,iam,kms,lambda,logs,s3,\
                        scheduler,secretsmanager,ses,sns,sqs,ssm,sts,stepfunctions";

/// The template's limits, as short as tests need them; each still fits into the next.
const TEST_LIMITS: [(&str, &str); 22] = [
    // One order's faults must not close the provider to another's test; the breaker has tests of its own.
    ("BreakerFailures", "1000000"),
    ("BreakerOpenMs", "5000"),
    ("ProviderCallTimeoutMs", "1500"),
    ("ProviderTotalTimeoutMs", "4000"),
    ("AwsAttemptTimeoutMs", "1500"),
    ("PaymentFunctionTimeoutSeconds", "10"),
    ("PaymentStepTimeoutSeconds", "11"),
    ("StepFunctionTimeoutSeconds", "4"),
    ("StepTimeoutSeconds", "5"),
    ("WorkflowTimeoutSeconds", "14"),
    ("WorkflowWaitMs", "15000"),
    ("IdempotencyLeaseMs", "35000"),
    ("GuardDelaySeconds", "4"),
    ("SettlementFirstWaitSeconds", "1"),
    ("SettlementLongestWaitSeconds", "4"),
    ("SettlementRestSeconds", "2"),
    ("RefundPauseMs", "200"),
    ("QueueVisibilitySeconds", "22"),
    ("RequestLifeMs", "20000"),
    ("SendEmailTimeoutSeconds", "6"),
    ("SendingLeaseMs", "8000"),
    ("SendEmailVisibilitySeconds", "12"),
];

/// What a shop is started with.
#[derive(Debug)]
pub struct Plan {
    /// What it writes.
    pub directory: PathBuf,
    ports: Ports,
    /// The ports of the fault proxy, if the functions' calls go through one.
    proxy: Option<ProxyPorts>,
    parameters: Vec<(&'static str, String)>,
}

#[derive(Clone, Copy, Debug)]
struct Ports {
    aws: u16,
    web: u16,
    stripe: u16,
    paypal: u16,
    simulator: u16,
}

#[derive(Clone, Copy, Debug)]
struct ProxyPorts {
    aws: u16,
    stripe: u16,
    paypal: u16,
    control: u16,
}

impl Plan {
    /// For a person: known ports, the template's own limits; or the tests' and the fault proxy, to watch faults by hand.
    ///
    /// # Errors
    /// A port that is in use.
    pub fn for_a_person(with_faults: bool) -> Result<Self> {
        let port = |variable: &str, default: u16, what: &str| -> Result<u16> {
            let port = match std::env::var(variable) {
                Ok(text) => text.parse().map_err(|_| anyhow!("{variable} must be a port, not {text:?}"))?,
                Err(_) => default,
            };
            if TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_err() {
                bail!("port {port}, for {what}, is in use.\nwhat to do: stop what uses it, or choose another with {variable}=…");
            }
            Ok(port)
        };
        let ports = Ports {
            aws: port("SOUK_AWS_PORT", 4566, "the local AWS")?,
            web: port("SOUK_WEB_PORT", 8080, "the page")?,
            stripe: port("SOUK_STRIPE_PORT", 12111, "the simulated Stripe")?,
            paypal: port("SOUK_PAYPAL_PORT", 12112, "the simulated PayPal")?,
            simulator: port("SOUK_SIMULATOR_PORT", 12110, "the payment simulator's control")?,
        };
        let plan = Self { directory: paths::local(), ports, proxy: None, parameters: Vec::new() };
        Ok(if with_faults { plan.with_faults(&free_ports()?) } else { plan })
    }

    /// For tests: free ports, beside a shop that may be running, every call of a function through the fault proxy, and
    /// short limits where a test waits for one.
    ///
    /// # Errors
    /// When no port is free.
    pub fn for_tests() -> Result<Self> {
        let free = free_ports()?;
        let ports = Ports { aws: free[0], web: free[1], stripe: free[2], paypal: free[3], simulator: free[4] };
        let plan = Self { directory: paths::local().join("test"), ports, proxy: None, parameters: Vec::new() };
        Ok(plan.with_faults(&free))
    }

    fn with_faults(mut self, free: &[u16; 9]) -> Self {
        self.proxy = Some(ProxyPorts { aws: free[5], stripe: free[6], paypal: free[7], control: free[8] });
        self.parameters = TEST_LIMITS.map(|(name, value)| (name, value.to_owned())).to_vec();
        self
    }

    fn endpoint(&self) -> String {
        format!("http://127.0.0.1:{}", self.ports.aws)
    }

    fn web_url(&self) -> String {
        format!("http://127.0.0.1:{}", self.ports.web)
    }
}

/// Ports that nobody uses, held together so that none is given twice.
fn free_ports() -> Result<[u16; 9]> {
    let held = [(); 9].map(|()| TcpListener::bind((Ipv4Addr::LOCALHOST, 0)));
    let mut free = [0; 9];
    for (port, listener) in free.iter_mut().zip(&held) {
        *port = listener.as_ref().map_err(|error| anyhow!("no port is free: {error}"))?.local_addr()?.port();
    }
    Ok(free)
}

/// A running shop. Dropping it stops all of it.
#[derive(Debug)]
pub struct Stack {
    /// What `outputs.json` says.
    pub outputs: Value,
    directory: PathBuf,
    // Dropped in this order: the page first, the local AWS with its functions last.
    web: Web,
    proxy: Option<Running>,
    simulator: Running,
    aws: Running,
}

impl Stack {
    /// Answers when some part of it ended by itself, with what it said.
    pub async fn broke(&mut self) -> anyhow::Error {
        loop {
            for part in [Some(&mut self.aws), Some(&mut self.simulator), self.proxy.as_mut()].into_iter().flatten() {
                if let Ok(Some(status)) = part.ended() {
                    return anyhow!(part.failure(&format!("ended by itself with {status}")));
                }
            }
            tokio::time::sleep(Duration::from_millis(300)).await;
        }
    }
}

impl Drop for Stack {
    fn drop(&mut self) {
        self.web.stop();
        let _ = std::fs::remove_file(self.directory.join("outputs.json"));
    }
}

/// This machine's target, in whose directory cargo-lambda builds.
///
/// # Errors
/// When rustc does not say.
pub fn host() -> Result<String> {
    let output = Command::new("rustc").arg("-vV").output().context("rustc does not run")?;
    let text = String::from_utf8(output.stdout)?;
    let host = text.lines().find_map(|line| line.strip_prefix("host: "));
    host.map(ToOwned::to_owned).ok_or_else(|| anyhow!("rustc -vV names no host"))
}

/// Builds every function and the payment simulator, once and all together.
pub async fn build() -> Result<()> {
    let program = Program::new("build", paths::tool("cargo-lambda"))
        .args(["lambda", "build", "--workspace", "--exclude", "xtask", "--compiler", "cargo", "--output-format", "zip"])
        .env("CARGO_TERM_COLOR", "never")
        .hint("correct the error above and run the command again");
    let log = program.log();
    step("Build the functions", Some(&log), program.run()).await
}

/// Starts a shop: what `build` made, deployed.
pub async fn start(plan: &Plan) -> Result<Stack> {
    if plan.directory.join("aws").exists() {
        std::fs::remove_dir_all(plan.directory.join("aws"))?;
    }
    std::fs::create_dir_all(plan.directory.join("aws"))?;
    let (aws, simulator, proxy) = step("Start the local AWS and the payment simulator", None, async {
        let mut aws = local_aws(plan)?;
        let mut simulator = start_payment_simulator(plan)?;
        let proxy = plan.proxy.map(|proxy| start_fault_proxy(plan, proxy)).transpose()?;
        answers(&mut aws, &format!("{}/_ministack/health", plan.endpoint())).await?;
        answers(&mut simulator, &format!("http://127.0.0.1:{}/ledger", plan.ports.simulator)).await?;
        Ok((aws, simulator, proxy))
    })
    .await?;
    let root = webhook_root(plan).await?;
    let deploy = sam_deploy(plan, &root);
    let log = deploy.log();
    step("Deploy the template", Some(&log), deploy.run()).await?;
    let prepared = step("Create the customers and stock the shelves", None, async {
        let prepared = operate(local_environment(&plan.endpoint()), &["prepare-local", "--stack", "souk"]).await?;
        operate(local_environment(&plan.endpoint()), &["seed", "--stack", "souk"]).await?;
        Ok(prepared)
    })
    .await?;
    let outputs = outputs(plan, &prepared)?;
    send_webhooks(plan, &outputs).await?;
    let web = web::serve(plan.ports.web, &outputs).await?;
    std::fs::write(plan.directory.join("lambda.env"), lambda_env(plan, &prepared))?;
    std::fs::write(plan.directory.join("outputs.json"), serde_json::to_string_pretty(&outputs)?)?;
    Ok(Stack { outputs, directory: plan.directory.clone(), web, proxy, simulator, aws })
}

fn local_aws(plan: &Plan) -> Result<Running> {
    let directory = plan.directory.join("aws");
    let inside = |name: &str| directory.join(name).display().to_string();
    let port = plan.ports.aws.to_string();
    let name = if plan.directory == paths::local() { "local-aws" } else { "local-aws-test" };
    Program::new(name, paths::tool("python"))
        .args([paths::root().join("xtask/python/local_aws.py").display().to_string()])
        .clean_environment()
        .directory(&directory)
        .envs(local_environment(&plan.endpoint()))
        // Where functions send their calls: this variable wins over the template's.
        .env("AWS_ENDPOINT_URL", plan.proxy.map_or_else(|| plan.endpoint(), |proxy| format!("http://127.0.0.1:{}", proxy.aws)))
        .env("AUTH", "true")
        .env("BIND_HOST", "127.0.0.1")
        .env("GATEWAY_PORT", port)
        .env("IOT_MTLS_ENABLED", "0")
        .env("MINISTACK_REGION", aws::LOCAL_REGION)
        .env("SERVICES", SERVICES)
        .env("STATE_DIR", inside("state"))
        .env("S3_DATA_DIR", inside("s3"))
        .env("TMPDIR", inside(""))
        .start()
}

/// The payment simulator, as [`build`] made it.
///
/// # Errors
/// When rustc names no host.
pub fn payment_simulator() -> Result<PathBuf> {
    Ok(paths::root().join("target").join(host()?).join("debug").join("payment-simulator"))
}

fn start_payment_simulator(plan: &Plan) -> Result<Running> {
    let name = if plan.directory == paths::local() { "payment-simulator" } else { "payment-simulator-test" };
    let port = |port: u16| port.to_string();
    let ports =
        [("--stripe-port", plan.ports.stripe), ("--paypal-port", plan.ports.paypal), ("--control-port", plan.ports.simulator)];
    let ports = ports.into_iter().flat_map(|(name, number)| [name.to_owned(), port(number)]);
    Program::new(name, payment_simulator()?).args(ports).start()
}

/// Every call of a function goes through it, so that tests can count calls and make chosen ones go wrong.
fn start_fault_proxy(plan: &Plan, proxy: ProxyPorts) -> Result<Running> {
    let upstream = |port: u16| format!("http://127.0.0.1:{port}");
    let program = paths::root().join("target").join(host()?).join("debug").join("fault-proxy");
    Program::new("fault-proxy-test", program)
        .args(["--aws-upstream".to_owned(), plan.endpoint(), "--aws-port".into(), proxy.aws.to_string()])
        .args(["--stripe-upstream".to_owned(), upstream(plan.ports.stripe), "--stripe-port".into(), proxy.stripe.to_string()])
        .args(["--paypal-upstream".to_owned(), upstream(plan.ports.paypal), "--paypal-port".into(), proxy.paypal.to_string()])
        .args(["--control-port".to_owned(), proxy.control.to_string()])
        .start()
}

/// The simulated PayPal's root certificate, as the template takes it: its PEM in base64.
async fn webhook_root(plan: &Plan) -> Result<String> {
    let url = format!("http://127.0.0.1:{}/paypal-root.pem", plan.ports.simulator);
    let pem = reqwest::get(url).await?.error_for_status()?.bytes().await?;
    Ok(base64::engine::general_purpose::STANDARD_NO_PAD.encode(pem))
}

/// What the shop has Stripe tell, as README says it.
const STRIPE_EVENTS: [&str; 5] = [
    "payment_intent.amount_capturable_updated",
    "payment_intent.payment_failed",
    "payment_intent.canceled",
    "payment_intent.succeeded",
    "refund.*",
];

/// And PayPal.
const PAYPAL_EVENTS: [&str; 2] = ["CHECKOUT.ORDER.APPROVED", "PAYMENT.*"];

/// Has the simulator send its webhooks to the shop.
async fn send_webhooks(plan: &Plan, outputs: &Value) -> Result<()> {
    let api = outputs["api_url"].as_str().unwrap_or_default();
    for webhooks in [
        json!({"provider": "stripe", "url": format!("{api}/v1/webhooks/stripe"), "secret": "whsec_simulator", "events": STRIPE_EVENTS}),
        json!({"provider": "paypal", "url": format!("{api}/v1/webhooks/paypal"), "webhook_id": "WH-SIMULATOR", "events": PAYPAL_EVENTS}),
    ] {
        let put = reqwest::Client::new().put(format!("http://127.0.0.1:{}/webhooks", plan.ports.simulator)).json(&webhooks);
        put.send().await?.error_for_status()?;
    }
    Ok(())
}

async fn answers(running: &mut Running, url: &str) -> Result<()> {
    let client = reqwest::Client::new();
    let started = Instant::now();
    while started.elapsed() < Duration::from_secs(30) {
        if let Some(status) = running.ended()? {
            bail!(running.failure(&format!("ended with {status}")));
        }
        if client.get(url).send().await.is_ok_and(|answer| answer.status().is_success()) {
            return Ok(());
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    bail!(running.failure("did not answer within 30 s"))
}

fn sam_deploy(plan: &Plan, webhook_root: &str) -> Program {
    let architecture = if cfg!(target_arch = "aarch64") { "arm64" } else { "x86_64" };
    let mut parameters = vec![
        ("Stage", "local".to_owned()),
        ("Architecture", architecture.to_owned()),
        ("StripeBaseUrl", format!("http://127.0.0.1:{}/", plan.proxy.map_or(plan.ports.stripe, |proxy| proxy.stripe))),
        ("PaypalBaseUrl", format!("http://127.0.0.1:{}/", plan.proxy.map_or(plan.ports.paypal, |proxy| proxy.paypal))),
        ("PaypalWebhookRoot", webhook_root.to_owned()),
        ("LocalShopUrl", plan.web_url()),
    ];
    parameters.extend(plan.parameters.clone());
    let overrides = parameters.iter().map(|(name, value)| format!("{name}={value}"));
    Program::new("deploy", paths::tool("sam"))
        .args(["deploy", "--stack-name", "souk", "--template-file", "template.yaml", "--resolve-s3", "--no-confirm-changeset"])
        .args(["--capabilities", "CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND", "--parameter-overrides"])
        .args(overrides)
        .envs(local_environment(&plan.endpoint()))
        .env("SAM_CLI_TELEMETRY", "0")
        .env("SAM_CLI_CHECK_VERSION", "0")
        .hint("the template or a function's binary is wrong: read the message above")
}

fn outputs(plan: &Plan, prepared: &Value) -> Result<Value> {
    let stack = &prepared["stack"];
    Ok(json!({
        "api_url": format!("{}/_aws/execute-api/{}/local", plan.endpoint(), stack["ApiId"].as_str().unwrap_or_default()),
        "web_url": plan.web_url(),
        "aws_endpoint": plan.endpoint(),
        "user_pool_id": stack["UserPoolId"],
        "client_id": stack["UserPoolClientId"],
        "payment_simulator_url": format!("http://127.0.0.1:{}", plan.ports.simulator),
        "stripe_url": format!("http://127.0.0.1:{}", plan.ports.stripe),
        "paypal_url": format!("http://127.0.0.1:{}", plan.ports.paypal),
        "fault_proxy_url": plan.proxy.map(|proxy| format!("http://127.0.0.1:{}", proxy.control)),
        "users": prepared["users"],
        "limits": limits(prepared)?,
        "stack": stack,
    }))
}

/// How long the functions wait for what they call, as they were deployed.
fn limits(prepared: &Value) -> Result<Value> {
    let limit = |variable: &str| -> Result<u64> {
        let text = prepared["lambda_env"][variable].as_str().unwrap_or_default();
        text.parse().map_err(|_| anyhow!("the deployed functions have no {variable} in milliseconds, but {text:?}"))
    };
    Ok(json!({
        "aws_attempt_ms": limit("AWS_ATTEMPT_TIMEOUT_MS")?,
        "provider_call_ms": limit("PROVIDER_CALL_TIMEOUT_MS")?,
        "provider_question_ms": limit("PROVIDER_QUESTION_TIMEOUT_MS")?,
        "workflow_wait_ms": limit("WORKFLOW_WAIT_MS")?,
    }))
}

/// Every function's variables, for `cargo lambda watch --env-file`.
fn lambda_env(plan: &Plan, prepared: &Value) -> String {
    let variables = prepared["lambda_env"].as_object().into_iter().flatten();
    let variables = variables.map(|(name, value)| (name.clone(), value.as_str().unwrap_or_default().to_owned()));
    let lines = variables.chain(local_environment(&plan.endpoint())).map(|(name, value)| format!("{name}=\"{value}\"\n"));
    lines.collect()
}

/// Makes the tools and builds: what every start needs first.
pub async fn prepare() -> Result<()> {
    python::prepare().await?;
    build().await
}
