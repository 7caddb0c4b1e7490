//! The report: what `docs/benchmarks.md` says.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write,
    process::Command,
};

use super::{
    budgets::{Excuse, Verdict},
    counts::{Sides, Tally},
    prices::{Bill, Prices},
    release::Measured,
};
use crate::paths;

const INTRODUCTION: &str = "\
Written by `cargo xtask bench`; do not edit. Speed is counted and not timed: calls, units, invocations and bytes are the same on every \
machine. What is timed is only ever a ratio or a difference within one run. The counts come from the fault proxy, which sees every call \
of a function, and from the local AWS: the functions' invocations, the workflows' histories, the bus's rules, the lines logged. Each \
scenario was played once, alone, on a shop that was warm and ran the release builds, if any was made.";

/// All that is told.
#[derive(Debug)]
pub struct Findings<'a> {
    pub scenarios: &'a [Sides],
    pub prices: &'a Prices,
    pub measured: &'a Measured,
    pub not_measured: &'a [String],
    pub verdicts: &'a [Verdict],
}

/// The whole text.
pub fn markdown(findings: &Findings) -> String {
    let mut text = format!("# Benchmarks\n\n{INTRODUCTION}\n\n{}\n", machine());
    budgets(&mut text, findings.verdicts);
    if let Some(checkout) = findings.scenarios.first() {
        dollars(&mut text, checkout, findings.prices);
    }
    a_million_of_each(&mut text, findings.scenarios, findings.prices);
    text.push_str("\n## What each scenario takes\n");
    for scenario in findings.scenarios {
        counts(&mut text, scenario, findings.prices);
    }
    functions(&mut text, findings);
    prices(&mut text, findings.prices);
    text
}

fn line(text: &mut String, line: impl AsRef<str>) {
    text.push_str(line.as_ref());
    text.push('\n');
}

fn machine() -> String {
    let said = |program: &str, arguments: &[&str]| {
        let output = Command::new(program).args(arguments).current_dir(paths::root()).output();
        output.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned()).unwrap_or_default()
    };
    let processors = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = processors.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": "));
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    format!(
        "- date: {}\n- commit: {}\n- machine: {}, {cores} cores, {}\n- compiler: {}",
        said("date", &["-u", "+%Y-%m-%d"]),
        said("git", &["rev-parse", "--short", "HEAD"]),
        model.map_or("unknown processor", |(_, model)| model),
        said("uname", &["-srm"]),
        said("rustc", &["--version"]),
    )
}

fn budgets(text: &mut String, verdicts: &[Verdict]) {
    line(text, "\n## Budgets\n\nFrom `bench/budgets.json`. A broken one fails the bench, unless its reason is told there.\n");
    line(text, "| budget | limit | found | |\n|---|---:|---:|---|");
    for verdict in verdicts {
        let found = verdict.found.as_ref().map_or("not measured".into(), |(whose, value)| format!("{} ({whose})", short(*value)));
        let mark = match (&verdict.found, verdict.broken_by.is_empty(), verdict.fails()) {
            (None, ..) => "",
            (_, true, _) => "met",
            (_, _, true) => "**broken**",
            _ => "**not met**, see below",
        };
        let _ = writeln!(text, "| {} | {} | {found} | {mark} |", verdict.what, short(verdict.limit));
    }
    for verdict in verdicts {
        excuses(text, verdict);
    }
}

/// What breaks a budget, those together that have one reason.
fn excuses(text: &mut String, verdict: &Verdict) {
    let mut reasons: Vec<&Option<Excuse>> = Vec::new();
    for (_, _, excuse) in &verdict.broken_by {
        if !reasons.contains(&excuse) {
            reasons.push(excuse);
        }
    }
    for reason in reasons {
        let of = verdict.broken_by.iter().filter(|(_, _, excuse)| excuse == reason);
        let value = |value: &Option<f64>| value.map_or("not measured".to_owned(), short);
        let of: Vec<String> = of.map(|(whose, found, _)| format!("{whose} {}", value(found))).collect();
        let head = format!("\n**{}, limit {}: {}.**", verdict.what, short(verdict.limit), of.join(", "));
        match reason {
            Some(excuse) => {
                line(text, format!("{head} Let pass{}. Why: {} Next: {}", up_to(excuse), excuse.reason, excuse.next_step))
            }
            None => line(text, format!("{head} No reason in `bench/budgets.json` covers it.")),
        }
    }
}

fn up_to(excuse: &Excuse) -> String {
    excuse.up_to.map_or_else(String::new, |up_to| format!(" up to {}", short(up_to)))
}

fn dollars(text: &mut String, checkout: &Sides, prices: &Prices) {
    line(text, format!("\n## Dollars for a million checkouts\n\nThe counts below at the list prices of {}.\n", prices.date));
    line(text, "| | on the path | in all, without the e-mail | the e-mail and its receipt |\n|---|---:|---:|---:|");
    let bills = [&checkout.path, &checkout.all, &checkout.mail].map(|side| prices.bill(side, &checkout.path));
    let lines = bills.iter().map(|bill| &bill.lines);
    let [path, all, mail] = lines.collect::<Vec<_>>()[..] else { return };
    for ((path, all), mail) in path.iter().zip(all).zip(mail) {
        if path.1 + all.1 + mail.1 > 0.0 {
            let _ = writeln!(text, "| {} | {:.2} | {:.2} | {:.2} |", path.0, path.1, all.1, mail.1);
        }
    }
    let [path, all, mail] = bills.map(|bill| bill.total());
    let _ = writeln!(text, "| **together** | **{path:.2}** | **{all:.2}** | **{mail:.2}** |");

    let edge = prices.edge(&checkout.path, &checkout.all);
    let _ = writeln!(
        text,
        "\nNot in these, since no function calls it: {}. With that, in all and with the e-mail: {:.2}.",
        told(&edge),
        all + mail + edge.total()
    );
    let webhooks = &checkout.webhooks;
    let _ = writeln!(
        text,
        "Of what it takes in all, the provider's {} webhooks take {} write units and {:.2} dollars.",
        webhooks.api_requests,
        webhooks.write_units,
        prices.bill(webhooks, &checkout.path).total()
    );
    let _ = writeln!(
        text,
        "The workflow is taken to last {:.0} ms, by the calls counted and the assumptions at the end of this page.",
        prices.workflow_ms(&checkout.path)
    );
}

fn a_million_of_each(text: &mut String, scenarios: &[Sides], prices: &Prices) {
    line(
        text,
        "\n| a million of each, dollars | on the path | in all, without the e-mail | the e-mail and its receipt |\n|---|---:|---:|---:|",
    );
    for scenario in scenarios {
        let sides = [&scenario.path, &scenario.all, &scenario.mail];
        let [path, all, mail] = sides.map(|side| prices.bill(side, &scenario.path).total());
        let _ = writeln!(text, "| {} | {path:.2} | {all:.2} | {mail:.2} |", title(&scenario.name));
    }
}

fn told(bill: &Bill) -> String {
    bill.lines.iter().map(|(name, dollars)| format!("{name} {dollars:.2}")).collect::<Vec<_>>().join("; ")
}

fn counts(text: &mut String, scenario: &Sides, prices: &Prices) {
    let events = if scenario.events.is_empty() { "nothing".into() } else { scenario.events.join(", ") };
    let _ = writeln!(text, "\n### {}\n\nAnswered {}; appended: {events}.\n", title(&scenario.name), scenario.status);
    line(text, "| | on the path | in all, without the e-mail | the e-mail and its receipt |\n|---|---:|---:|---:|");
    let sides = [&scenario.path, &scenario.all, &scenario.mail];
    let mut row = |name: &str, value: &dyn Fn(&Tally) -> f64| {
        let [path, all, mail] = sides.map(|side| short(value(side)));
        let _ = writeln!(text, "| {name} | {path} | {all} | {mail} |");
    };
    row("calls to AWS", &|side| real(side.aws_calls()));
    row("calls to payment providers", &|side| real(side.provider_calls.values().sum()));
    row("write units", &|side| real(side.write_units));
    row("read units", &|side| side.read_units);
    row("function invocations", &|side| real(side.invocations()));
    row("Express executions", &|side| real(side.express_executions));
    row("Express transitions (free)", &|side| real(side.express_transitions));
    row("Standard transitions", &|side| real(side.standard_transitions));
    row("events on the bus", &|side| real(side.bus_events));
    row("queue requests", &|side| prices.queue_requests(side));
    row("bytes logged", &|side| prices.log_bytes(side));
    row("of these written by functions", &|side| real(side.logged_bytes));
    if let Some(view) = scenario.all.functions.get("project-orders") {
        let _ = writeln!(
            text,
            "\nThe order's {} events came from its stream in {} batches. How many come together is the one thing here that is a matter of \
             time; each batch that has an event of the order puts the view's row once.",
            scenario.events.len(),
            view.invocations
        );
    }
    line(text, "\n| operation | on the path | in all, without the e-mail | the e-mail and its receipt |\n|---|---:|---:|---:|");
    operations(text, sides.map(|side| &side.calls));
    operations(text, sides.map(|side| &side.provider_calls));
    line(text, "\n| function | invocations on the path | in all |\n|---|---:|---:|");
    let names: BTreeSet<&String> = sides.iter().flat_map(|side| side.functions.keys()).collect();
    for name in names {
        let of = |side: &Tally| side.functions.get(name).map_or(0, |work| work.invocations);
        let _ = writeln!(text, "| {name} | {} | {} |", of(sides[0]), of(sides[1]) + of(sides[2]));
    }
}

fn operations(text: &mut String, sides: [&BTreeMap<String, u64>; 3]) {
    let names: BTreeSet<&String> = sides.iter().flat_map(|side| side.keys()).collect();
    for name in names {
        let [path, all, mail] = sides.map(|side| side.get(name).copied().unwrap_or_default());
        let _ = writeln!(text, "| {name} | {path} | {all} | {mail} |");
    }
}

fn title(name: &str) -> &str {
    match name {
        "checkout" => "A checkout of two lines",
        "replay" => "The same request again",
        "cancel" => "A cancel of that order, which is paid",
        "decline" => "A declined card",
        other => other,
    }
}

fn functions(text: &mut String, findings: &Findings) {
    line(text, "\n## The functions as they ship\n");
    let measured = findings.measured;
    if measured.functions.is_empty() {
        line(text, "None was built in this run (`--release-functions none`).");
        return;
    }
    line(
        text,
        "Release builds for this machine, one process each with nothing beside it; AWS and the providers are stood in for by a server that answers \
         at once, without TLS. *Start*: from exec to the first `/next`, the connections opened ahead included, as a ratio to the empty runtime, \
         which was started in turn with the function. *First call*: the first invocation's time less the second's, with the same event. Both are \
         medians of 15 processes in this one run on this one machine. The stand-in holds nothing: a function that reads an order ends at that \
         read. *Peak*: the highest `VmHWM` of the function's processes in the shop in which the scenarios above were played, after real \
         work: orders, their webhooks, a list, a receipt, a reconciliation.\n",
    );
    line(text, "| function | bootstrap, MB | zip, MB | start | first call, ms | peak, MiB |\n|---|---:|---:|---:|---:|---:|");
    let megabytes = |bytes: u64| format!("{:.2}", real(bytes) / 1e6);
    let mebibytes = |kib: u64| format!("{:.1}", real(kib) / 1024.0);
    let _ = writeln!(
        text,
        "| an empty runtime ({:.2} ms) | {} | | 1 | | |",
        measured.empty_start.as_secs_f64() * 1000.0,
        megabytes(measured.empty_bytes)
    );
    for of in &measured.functions {
        let first = of.first_call_ms.map_or("not measured".to_owned(), |difference| format!("{difference:+.2}"));
        let _ = writeln!(
            text,
            "| {} | {} | {} | {:.2} ({:.2} ms) | {first} | {} |",
            of.function,
            megabytes(of.bootstrap_bytes),
            megabytes(of.zip_bytes),
            of.start_ratio,
            of.start.as_secs_f64() * 1000.0,
            mebibytes(of.peak_kib)
        );
    }
    if !findings.not_measured.is_empty() {
        let _ = writeln!(text, "\nNot built in this run: {}.", findings.not_measured.join(", "));
    }
}

fn prices(text: &mut String, prices: &Prices) {
    let _ = writeln!(text, "\n## Prices\n\n{}, {}. {}\n", prices.region, prices.date, prices.note);
    line(text, "| what | dollars | for so many | source |\n|---|---:|---:|---|");
    for price in prices.list.values() {
        let _ = writeln!(text, "| {} | {} | {} | {} |", price.unit, price.usd, price.per, price.source);
    }
    line(
        text,
        "\n## Assumptions\n\nWhat cannot be counted here, and is therefore assumed.\n\n| what | value | |\n|---|---:|---|",
    );
    for (name, assumption) in &prices.assumptions {
        let _ = writeln!(text, "| {} | {} | {} |", name.replace('_', " "), assumption.value, assumption.why);
    }
}

/// With decimals only where there are some.
fn short(value: f64) -> String {
    if value.fract().abs() < 1e-9 { format!("{value:.0}") } else { format!("{value:.2}") }
}

#[expect(clippy::cast_precision_loss, reason = "counts and sizes here are small")]
fn real(count: u64) -> f64 {
    count as f64
}
