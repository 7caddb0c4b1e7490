//! Structured logs: one JSON object a line on standard error, where Lambda collects them.

use tracing_subscriber::EnvFilter;

/// Starts logging at `LOG_LEVEL` (default `info`). The libraries below stay at `warn`: at `debug` they would print
/// whole requests, and with them personal data.
pub fn init() {
    let level = std::env::var("LOG_LEVEL").unwrap_or_else(|_| "info".into()).to_lowercase();
    let own = ["shared", env_crate()].map(|target| format!("{target}={level}"));
    let filter = EnvFilter::new(format!("warn,{}", own.join(",")));
    tracing_subscriber::fmt()
        .json()
        .flatten_event(true)
        .with_env_filter(filter)
        .with_current_span(true)
        .with_span_list(false)
        .with_writer(std::io::stderr)
        .init();
}

/// The running binary's crate, as log targets name it: `bootstrap` on Lambda, so the function's own name is asked first.
fn env_crate() -> &'static str {
    static NAME: std::sync::OnceLock<String> = std::sync::OnceLock::new();
    NAME.get_or_init(|| {
        let name = std::env::var("SOUK_FUNCTION").unwrap_or_else(|_| "souk".into());
        name.replace('-', "_")
    })
}
