//! What a person sees of the steps: a spinner with the time on a terminal, plain lines elsewhere.

use std::{
    io::IsTerminal,
    path::Path,
    sync::LazyLock,
    time::{Duration, Instant},
};

use anyhow::Result;
use indicatif::{MultiProgress, ProgressBar, ProgressStyle};

/// Steps may run side by side; each has its line.
static SPINNERS: LazyLock<MultiProgress> = LazyLock::new(MultiProgress::new);

/// Text in red, where colours are seen.
pub fn red(text: &str) -> String {
    coloured("31", text)
}

/// Text in green, where colours are seen.
pub fn green(text: &str) -> String {
    coloured("32", text)
}

/// Faint text, where that is seen.
pub fn faint(text: &str) -> String {
    coloured("2", text)
}

/// Bold text, where that is seen.
pub fn bold(text: &str) -> String {
    coloured("1", text)
}

fn coloured(code: &str, text: &str) -> String {
    let wanted = std::io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none();
    if wanted { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() }
}

/// Runs a step and shows that it runs, how long, and how it ended. `log` is the file whose last line tells what it does now.
pub async fn step<T>(title: &str, log: Option<&Path>, work: impl Future<Output = Result<T>>) -> Result<T> {
    let started = Instant::now();
    let spinner = std::io::stderr().is_terminal().then(|| spinner(title));
    tokio::pin!(work);
    let outcome = loop {
        tokio::select! {
            outcome = &mut work => break outcome,
            () = tokio::time::sleep(Duration::from_millis(200)) => {
                if let (Some(spinner), Some(log)) = (&spinner, log) {
                    spinner.set_message(last_line(log));
                }
            }
        }
    };
    if let Some(spinner) = spinner {
        spinner.finish_and_clear();
    }
    let mark = if outcome.is_ok() { green("✓") } else { red("✗") };
    let line = format!("{mark} {title} {}", faint(&format!("{:.1} s", started.elapsed().as_secs_f64())));
    SPINNERS.suspend(|| println!("{line}"));
    outcome
}

fn spinner(title: &str) -> ProgressBar {
    let bar = SPINNERS.add(ProgressBar::new_spinner());
    let style = ProgressStyle::with_template("{spinner:.cyan} {prefix} {elapsed:.dim} {wide_msg:.dim}");
    bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_spinner()));
    bar.set_prefix(title.to_owned());
    bar.enable_steady_tick(Duration::from_millis(100));
    bar
}

fn last_line(log: &Path) -> String {
    tail(log, 1).trim().to_owned()
}

/// The last lines of a file.
pub fn tail(file: &Path, lines: usize) -> String {
    let text = std::fs::read(file).map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default();
    let all: Vec<_> = text.lines().filter(|line| !line.trim().is_empty()).collect();
    all[all.len().saturating_sub(lines)..].join("\n")
}
