//! Deploying to AWS: the release build, the same template, SAM CLI with the stage of `samconfig.toml`.

use anyhow::{Result, bail};
use serde_json::json;

use crate::{
    aws::operate,
    paths,
    process::Program,
    progress::{bold, step},
    python,
};

/// Builds for Lambda's own machine, deploys, stocks the shelves and uploads the page.
pub async fn run(stage: &str) -> Result<()> {
    publishable_key(stage)?;
    python::prepare().await?;
    let stack = format!("souk-{stage}");
    let build = Program::new("build-release", paths::tool("cargo-lambda"))
        .args(["lambda", "build", "--workspace", "--exclude", "xtask", "--exclude", "payment-simulator"])
        .args(["--release", "--arm64", "--output-format", "zip"])
        .env("PATH", path_with_tools());
    let log = build.log();
    step("Build the functions for AWS", Some(&log), build.run()).await?;
    let deploy = Program::new("deploy", paths::tool("sam"))
        .args(["deploy", "--config-env", stage])
        .env("SAM_CLI_TELEMETRY", "0")
        .hint("sign in to AWS first; the account's e-mail identity must be verified for SES to send");
    deploy.visible().run().await?;
    let outputs = operate(Vec::new(), &["outputs", "--stack", &stack]).await?;
    operate(Vec::new(), &["seed", "--stack", &stack]).await?;
    upload_page(stage, &outputs).await?;
    println!("\n{} {}", bold("The shop is open:"), outputs["WebUrl"].as_str().unwrap_or_default());
    println!("\nOnce for each stage, give it the providers' keys:");
    for (output, secret) in SECRETS {
        let id = outputs[output].as_str().unwrap_or_default();
        println!("  aws secretsmanager put-secret-value --secret-id {id} --secret-string '{secret}'");
    }
    Ok(())
}

/// The secrets among the stack's outputs, and what the functions expect in each.
const SECRETS: [(&str, &str); 2] = [
    ("StripeSecret", r#"{"api_key": "sk_…", "webhook_secrets": ["whsec_…"]}"#),
    ("PaypalSecret", r#"{"client_id": "…", "client_secret": "…", "webhook_id": "…"}"#),
];

async fn upload_page(stage: &str, outputs: &serde_json::Value) -> Result<()> {
    let pool = outputs["UserPoolId"].as_str().unwrap_or_default();
    let region = pool.split('_').next().unwrap_or_default();
    let config = json!({
        "stage": stage,
        "cognito": {"endpoint": format!("https://cognito-idp.{region}.amazonaws.com"), "client_id": outputs["UserPoolClientId"]},
        "payment": {"stripe_publishable_key": publishable_key(stage)?, "test_cards": publishable_key(stage)?.is_none()},
    });
    let file = paths::local().join("config.json");
    std::fs::write(&file, config.to_string())?;
    let arguments =
        ["upload-page", "--stack", &format!("souk-{stage}"), "--config", &file.display().to_string()].map(ToOwned::to_owned);
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    operate(Vec::new(), &arguments).await.map(drop)
}

/// Stripe's publishable key, for the card field that Stripe's own script makes. Without it dev and staging offer Stripe's
/// named test cards; prod has nothing to offer, so it is demanded before anything is built.
fn publishable_key(stage: &str) -> Result<Option<String>> {
    let key = std::env::var("STRIPE_PUBLISHABLE_KEY").ok().filter(|key| !key.is_empty());
    if key.is_none() && stage == "prod" {
        bail!(
            "STRIPE_PUBLISHABLE_KEY is not set, and the page needs it to take cards.\nwhat to do: STRIPE_PUBLISHABLE_KEY=pk_live_… cargo xtask deploy --stage prod"
        );
    }
    Ok(key)
}

/// Zig, which links for the C library of Lambda's own machine, comes with the Python tools.
fn path_with_tools() -> String {
    format!("{}:{}", paths::local().join("venv/bin").display(), std::env::var("PATH").unwrap_or_default())
}
