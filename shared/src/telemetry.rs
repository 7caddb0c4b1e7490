//! Structured logs: one JSON object a line on standard error, where Lambda collects them.

use tracing_subscriber::EnvFilter;

/// Starts logging at `LOG_LEVEL` (default `info`) for this function's crate and `shared`. The libraries below stay at
/// `warn`: at `debug` they would print whole requests, and with them personal data.
pub fn init(function: &str) {
    let level = std::env::var("LOG_LEVEL").unwrap_or_else(|_| "info".into()).to_lowercase();
    let filter = EnvFilter::new(format!("warn,shared={level},{function}={level}"));
    tracing_subscriber::fmt()
        .json()
        .flatten_event(true)
        .with_span_list(false)
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .init();
}
