//! What xtask asks of AWS itself, through `operate.py`: on this machine's local AWS, or on AWS as the environment says.

use anyhow::{Context, Result, anyhow, bail};
use serde_json::Value;

use crate::{paths, process::Program};

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

/// Runs one action of `operate.py` and answers its JSON. Several may run at a time.
pub async fn operate(environment: Vec<(String, String)>, arguments: &[&str]) -> Result<Value> {
    let script = paths::root().join("xtask/python/operate.py").display().to_string();
    let name = format!("{}-{}", arguments[0], std::process::id());
    let program = Program::new(&name, paths::tool("python")).args([script]).args(arguments.iter().copied()).envs(environment);
    let log = program.log();
    let output = program.output().await.map_err(|error| anyhow!(error.to_string().replacen(&name, arguments[0], 1)))?;
    // Kept only when it failed, and says why.
    let _ = std::fs::remove_file(log);
    serde_json::from_str(&output).with_context(|| format!("operate.py {} printed no JSON", arguments[0]))
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

/// The running shop: the one whose outputs `SOUK_OUTPUTS` names, as in tests, else this machine's.
///
/// # Errors
/// When none runs, and how to start one.
pub fn running_outputs() -> Result<RunningOutputs> {
    let file = std::env::var_os("SOUK_OUTPUTS").map_or_else(|| paths::local().join("outputs.json"), Into::into);
    let Ok(text) = std::fs::read_to_string(&file) else { bail!("no shop runs on this machine.\nwhat to do: cargo xtask up") };
    Ok(serde_json::from_str(&text)?)
}
