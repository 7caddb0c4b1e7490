//! What an operator asks and does, as the runbooks say: on a deployed stage, or in the shop on this machine.

use anyhow::{Result, bail};
use clap::Args;
use serde_json::Value;

use crate::{
    aws::{local_environment, operate, running_outputs},
    progress::{bold, faint, green, red},
    python,
};

/// Which shop.
#[derive(Debug, Args)]
pub struct Target {
    /// A deployed stage; without it, the shop on this machine
    #[arg(long, value_parser = ["dev", "staging", "prod"])]
    stage: Option<String>,
}

impl Target {
    async fn ask(&self, action: &str, arguments: &[&str]) -> Result<Value> {
        python::prepare().await?;
        let (environment, stack) = match &self.stage {
            Some(stage) => (Vec::new(), format!("souk-{stage}")),
            None => (local_environment(&running_outputs()?.aws_endpoint), "souk".to_owned()),
        };
        operate(environment, &[&[action, "--stack", &stack], arguments].concat()).await
    }
}

/// Brings an order's events to every subscriber again. Each subscriber takes an event once, so this repeats nothing that
/// was done.
pub async fn republish(target: &Target, order_id: &str) -> Result<()> {
    let answer = target.ask("republish", &["--order-id", order_id]).await?;
    println!("{} has {} events; {} went out again", bold(order_id), answer["events"], answer["published"]);
    Ok(())
}

/// Lists the orders that are open.
pub async fn orders(target: &Target) -> Result<()> {
    let answer = target.ask("orders", &[]).await?;
    let columns = ["order_id", "placed_at", "status", "settlement", "since"];
    let rows: Vec<_> = each(&answer["orders"]).map(|order| columns.map(|column| text(&order[column]))).collect();
    if rows.is_empty() {
        println!("{}", green("no order is open"));
    } else {
        table(["order", "placed", "in her list", "settlement", "since"], &rows);
    }
    Ok(())
}

/// Shows where an order stands.
pub async fn order(target: &Target, order_id: &str) -> Result<()> {
    let order = target.ask("order", &["--order-id", order_id]).await?;
    println!("{}", bold(order_id));
    let events = each(&order["events"])
        .map(|event| [text(&event["sequence"]), text(&event["at"]), text(&event["type"]), members(&event["data"])]);
    table(["event", "at", "type", "what"], &events.collect::<Vec<_>>());
    match &order["row"] {
        Value::Null => println!("\nin her list: {}", red("no row")),
        row => println!("\nin her list: {} since event {}", bold(&text(&row["status"])), row["sequence"]),
    }
    println!("it owes: {}", owed(&order["plan"]));
    let settlements: Vec<_> = each(&order["settlements"])
        .map(|execution| ["started", "status", "now", "name"].map(|column| text(&execution[column])))
        .collect();
    if settlements.is_empty() {
        println!("settlements: none");
    } else {
        println!("settlements:");
        table(["started", "status", "now", "name"], &settlements);
    }
    Ok(())
}

fn owed(plan: &Value) -> String {
    if let Some(failure) = plan["failure"].as_str() {
        return red(&format!("unknown: {failure}"));
    }
    let steps: Vec<_> = each(&plan["steps"]).map(|step| text(&step["name"])).collect();
    match (plan["is_closed"].as_bool(), steps.is_empty()) {
        (Some(true), _) => green("nothing; it is closed"),
        (_, true) => "nothing now".to_owned(),
        (_, false) => bold(&steps.join(", ")),
    }
}

/// Shows what functions logged of an order.
pub async fn logs(target: &Target, order_id: &str) -> Result<()> {
    let answer = target.ask("logs", &["--order-id", order_id]).await?;
    each(&answer["lines"]).for_each(|line| println!("{}", text(line)));
    Ok(())
}

/// Starts a settlement of an order.
pub async fn settle(target: &Target, order_id: &str) -> Result<()> {
    let answer = target.ask("settle", &["--order-id", order_id]).await?;
    println!("the settlement {} was started\nwatch it: cargo xtask order {order_id}", bold(&text(&answer["execution"])));
    Ok(())
}

/// Compares the providers' books with ours, or shows the last report.
pub async fn reconcile(target: &Target, last: bool) -> Result<()> {
    let report = target.ask("reconcile", if last { &["--last"] } else { &[] }).await?;
    println!("{} payments were compared at {}", report["compared"], text(&report["at"]));
    let differences: Vec<_> = each(&report["differences"])
        .map(|difference| ["problem", "provider", "reference", "order_id"].map(|column| text(&difference[column])))
        .collect();
    let not_compared: Vec<_> = each(&report["not_compared"]).map(text).collect();
    if !not_compared.is_empty() {
        println!("{}", red(&format!("{} orders could not be compared: {}", not_compared.len(), not_compared.join(", "))));
    }
    let not_listed: Vec<_> = each(&report["not_listed"]).map(text).collect();
    if !not_listed.is_empty() {
        println!("{}", red(&format!("the payments of {} could not be listed", not_listed.join(" and "))));
    }
    if differences.is_empty() && not_compared.is_empty() && not_listed.is_empty() {
        println!("{}", green("the books agree"));
    } else if !differences.is_empty() {
        println!("{}", red(&format!("the books differ in {}:", differences.len())));
        table(["problem", "provider", "reference", "order"], &differences);
    }
    println!("{}", faint(&format!("the report: {}", text(&report["key"]))));
    Ok(())
}

/// Shows the providers' circuit breakers, after closing one if asked to.
pub async fn breaker(target: &Target, close: Option<&str>) -> Result<()> {
    let arguments = close.map_or_else(Vec::new, |provider| vec!["--close", provider]);
    let answer = target.ask("breaker", &arguments).await?;
    let rows = each(&answer["providers"]).map(|health| {
        let state = match (health["open_seconds"].as_i64(), health["probed"].as_bool()) {
            (None, _) => "closed".to_owned(),
            (Some(seconds), Some(true)) => format!("open for {seconds} s, a probe is under way"),
            (Some(seconds), _) => format!("open for {seconds} s"),
        };
        [text(&health["provider"]), state, text(&health["failures"])]
    });
    table(["provider", "breaker", "failures since"], &rows.collect::<Vec<_>>());
    Ok(())
}

/// Which dead letters, and what to do with them.
#[derive(Debug, Args)]
pub struct Redrive {
    /// Whose dead letters
    #[arg(value_parser = ["send-email", "capture-payment", "guard", "publish-events", "project-orders"])]
    queue: String,
    /// Only those of this order
    #[arg(long, value_name = "ORDER_ID")]
    order: Option<String>,
    /// Only list them
    #[arg(long)]
    dry_run: bool,
    /// Delete this letter instead, with which nothing can be done
    #[arg(long, value_name = "LETTER", conflicts_with_all = ["order", "dry_run"])]
    discard: Option<String>,
    #[command(flatten)]
    target: Target,
}

/// Brings dead letters back.
///
/// # Errors
/// When some of them stayed.
pub async fn redrive(asked: &Redrive) -> Result<()> {
    let queue = ["--queue", &asked.queue];
    let answer = if let Some(letter) = &asked.discard {
        asked.target.ask("discard", &[&queue[..], &["--letter", letter]].concat()).await?
    } else {
        let dry_run: &[&str] = if asked.dry_run { &["--dry-run"] } else { &[] };
        let order = asked.order.as_ref().map_or_else(Vec::new, |order_id| vec!["--order-id", order_id]);
        asked.target.ask("redrive", &[&queue[..], dry_run, &order].concat()).await?
    };
    let letters: Vec<_> = each(&answer["letters"])
        .map(|letter| {
            let reason = match &letter["reason"] {
                Value::Null => "not in the letter".to_owned(),
                reason => text(reason),
            };
            let told = |column: &str| text(&letter[column]);
            [told("letter"), told("since"), told("order_id"), told("sequence"), told("type"), reason, told("done")]
        })
        .collect();
    if letters.is_empty() {
        println!("{} has no dead letters{}", asked.queue, if asked.order.is_some() { " of this order" } else { "" });
    } else {
        table(["letter", "since", "order", "event", "type", "reason", "what was done"], &letters);
    }
    if answer["more"] == true {
        println!("there may be more: run it again");
    }
    let stayed = each(&answer["letters"]).filter(|letter| letter["stays"] == true).count();
    if stayed > 0 && !asked.dry_run {
        let letters = if stayed == 1 { "letter stays" } else { "letters stay" };
        bail!("{stayed} {letters}.\nwhat to do: see docs/runbooks/dead-letters.md, \"What stays\"");
    }
    Ok(())
}

fn each(list: &Value) -> impl Iterator<Item = &Value> {
    list.as_array().into_iter().flatten()
}

/// A value as a person reads it.
fn text(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        Value::Array(list) if list.iter().all(Value::is_string) => list.iter().map(text).collect::<Vec<_>>().join(" "),
        Value::Array(list) => list.len().to_string(),
        Value::Object(money) if money.contains_key("currency") => {
            format!("{} {}", text(&money["amount"]), text(&money["currency"]))
        }
        other => other.to_string(),
    }
}

/// An event's data in one line.
fn members(data: &Value) -> String {
    let members = data.as_object().into_iter().flatten();
    members.map(|(name, value)| format!("{}: {}", name.replace('_', " "), text(value))).collect::<Vec<_>>().join(", ")
}

fn table<const COLUMNS: usize>(header: [&str; COLUMNS], rows: &[[String; COLUMNS]]) {
    let width =
        |column: usize| rows.iter().map(|row| row[column].chars().count()).chain([header[column].len()]).max().unwrap_or(0);
    let widths: [usize; COLUMNS] = std::array::from_fn(width);
    let line = |cells: [&str; COLUMNS]| {
        let padded = cells.iter().zip(widths).map(|(cell, width)| format!("{cell:width$}"));
        padded.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    };
    println!("{}", faint(&line(header)));
    for row in rows {
        println!("{}", line(std::array::from_fn(|column| row[column].as_str())));
    }
}
