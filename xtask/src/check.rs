//! The checks that need no running shop.

use anyhow::Result;

use crate::{
    paths,
    process::Program,
    progress::{self, step},
    python, stack,
};

/// Format, lints, documentation, template and dependencies. All are run; the first failure is told in full.
pub async fn run() -> Result<()> {
    python::prepare().await?;
    let host = stack::host()?;
    let workspace = ["--workspace", "--target", &host];
    let cargo = |name: &str, arguments: &[&str]| {
        Program::new(name, "cargo").args(arguments.iter().copied()).env("CARGO_TERM_COLOR", "never")
    };
    let checks = [
        ("Format", cargo("fmt", &["fmt", "--all", "--check"]).hint("cargo fmt --all")),
        (
            "Lints",
            cargo("clippy", &["clippy", "--all-targets", "--features", "system-tests/judge,system-tests/bench"])
                .args(workspace)
                .args(["--", "-D", "warnings"]),
        ),
        (
            "Documentation",
            cargo("doc", &["doc", "--no-deps", "--document-private-items"]).args(workspace).env("RUSTDOCFLAGS", "-D warnings"),
        ),
        (
            "sam validate --lint",
            Program::new("sam-validate", paths::tool("sam"))
                .args(["validate", "--lint"])
                .env("AWS_DEFAULT_REGION", "us-east-1")
                .env("SAM_CLI_TELEMETRY", "0"),
        ),
        ("cfn-lint", Program::new("cfn-lint", paths::tool("cfn-lint")).args(["template.yaml"])),
        (
            "cargo-deny",
            cargo("cargo-deny", &["deny", "--workspace", "check", "bans", "licenses", "sources"])
                .hint("cargo install --locked cargo-deny, when it is missing"),
        ),
    ];
    let mut failures = Vec::new();
    for (title, program) in checks {
        let log = program.log();
        if let Err(error) = step(title, Some(&log), program.run()).await {
            failures.push(format!("{title}: {error:#}"));
        }
    }
    if failures.is_empty() {
        println!("{}", progress::green("All checks passed."));
        return Ok(());
    }
    anyhow::bail!("{}", failures.join("\n\n"))
}
