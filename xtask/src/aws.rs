//! What xtask asks of AWS itself, through `operate.py`: on this machine's local AWS, or on AWS as the environment says.

use anyhow::{Context, Result, bail};
use serde_json::Value;

use crate::{paths, process::Program, progress::bold, python};

/// The region that the local AWS pretends to be.
pub const LOCAL_REGION: &str = "us-east-1";

/// What every client of the local AWS needs to know.
pub fn local_environment(endpoint: &str) -> Vec<(String, String)> {
    let variables = [
        ("AWS_ENDPOINT_URL", endpoint),
        ("AWS_ACCESS_KEY_ID", "test"),
        ("AWS_SECRET_ACCESS_KEY", "test"),
        ("AWS_REGION", LOCAL_REGION),
        ("AWS_DEFAULT_REGION", LOCAL_REGION),
    ];
    variables.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec()
}

/// Runs one action of `operate.py` and answers its JSON.
pub async fn operate(environment: Vec<(String, String)>, arguments: &[&str]) -> Result<Value> {
    let script = paths::root().join("xtask/python/operate.py").display().to_string();
    let program =
        Program::new(arguments[0], paths::tool("python")).args([script]).args(arguments.iter().copied()).envs(environment);
    let output = program.output().await?;
    serde_json::from_str(&output).with_context(|| format!("operate.py {} printed no JSON", arguments[0]))
}

/// Brings an order's events to every subscriber again. Each subscriber takes an event once, so this repeats nothing that
/// was done.
pub async fn republish(order_id: &str, stage: Option<&str>) -> Result<()> {
    python::prepare().await?;
    let (environment, stack) = match stage {
        Some(stage) => (Vec::new(), format!("souk-{stage}")),
        None => (local_environment(&running_outputs()?.aws_endpoint), "souk".to_owned()),
    };
    let answer = operate(environment, &["republish", "--stack", &stack, "--order-id", order_id]).await?;
    let published = answer["published"].as_array().map_or(0, Vec::len);
    println!("{} has {} events; {} went out again", bold(order_id), answer["events"], published);
    Ok(())
}

/// What the running shop wrote of itself.
#[derive(Debug, serde::Deserialize)]
pub struct RunningOutputs {
    /// The local AWS.
    pub aws_endpoint: String,
    /// The page.
    pub web_url: String,
    /// For signing in.
    pub client_id: String,
    /// Who can.
    pub users: std::collections::BTreeMap<String, User>,
}

/// A local account.
#[derive(Debug, serde::Deserialize)]
pub struct User {
    /// Her e-mail address.
    pub username: String,
    /// Known to everybody: it works on this machine only.
    pub password: String,
}

/// The running shop.
///
/// # Errors
/// When none runs, and how to start one.
pub fn running_outputs() -> Result<RunningOutputs> {
    let file = paths::local().join("outputs.json");
    let Ok(text) = std::fs::read_to_string(&file) else { bail!("no shop runs on this machine.\nwhat to do: cargo xtask up") };
    Ok(serde_json::from_str(&text)?)
}
