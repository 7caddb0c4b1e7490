//! Dollars: the counts at the list prices of `bench/prices.json`. How long something takes is not timed but assumed, from
//! the calls that were counted.

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use serde::Deserialize;

use super::counts::{Tally, Work};
use crate::paths;

const A_MILLION: f64 = 1_000_000.0;

/// The table.
#[derive(Debug, Deserialize)]
pub struct Prices {
    pub region: String,
    pub date: String,
    pub note: String,
    #[serde(rename = "prices")]
    pub list: BTreeMap<String, Price>,
    pub assumptions: BTreeMap<String, Assumption>,
}

#[derive(Debug, Deserialize)]
pub struct Price {
    pub usd: f64,
    pub per: f64,
    pub unit: String,
    pub source: String,
}

#[derive(Debug, Deserialize)]
pub struct Assumption {
    pub value: f64,
    pub why: String,
}

/// Dollars for a million, and what for.
#[derive(Clone, Debug)]
pub struct Bill {
    pub lines: Vec<(String, f64)>,
}

impl Bill {
    pub fn total(&self) -> f64 {
        self.lines.iter().map(|(_, dollars)| dollars).sum()
    }
}

impl Prices {
    pub fn read() -> Result<Self> {
        let file = paths::root().join("bench/prices.json");
        let prices: Self = serde_json::from_str(&std::fs::read_to_string(&file)?).context("bench/prices.json")?;
        for name in PRICES {
            prices.list.get(name).with_context(|| format!("bench/prices.json names no price for {name}"))?;
        }
        for name in ASSUMPTIONS {
            prices.assumptions.get(name).with_context(|| format!("bench/prices.json assumes nothing for {name}"))?;
        }
        Ok(prices)
    }

    fn assumed(&self, name: &str) -> f64 {
        self.assumptions.get(name).map_or(0.0, |assumption| assumption.value)
    }

    /// Dollars for a million of so many.
    fn million(&self, name: &str, count: f64) -> f64 {
        self.list.get(name).map_or(0.0, |price| price.usd / price.per) * count * A_MILLION
    }

    /// Milliseconds that a function runs, in all its invocations.
    fn runs(&self, work: &Work, workflow_ms: f64) -> f64 {
        let calls = real(work.dynamodb_calls) * self.assumed("dynamodb_ms")
            + real(work.aws_calls) * self.assumed("aws_ms")
            + real(work.provider_calls) * self.assumed("provider_ms");
        let wait = if work.waits_for_workflow { workflow_ms } else { 0.0 };
        real(work.invocations) * self.assumed("own_ms") + calls + wait
    }

    /// Milliseconds of the workflow that a customer waits for: its functions, one after the other, and its transitions.
    pub fn workflow_ms(&self, path: &Tally) -> f64 {
        let steps = path.functions.values().filter(|work| !work.waits_for_workflow).map(|work| self.runs(work, 0.0));
        if path.express_executions == 0 {
            return 0.0;
        }
        steps.sum::<f64>() + real(path.express_transitions) * self.assumed("transition_ms")
    }

    /// GB-seconds of the functions.
    fn gb_seconds(&self, tally: &Tally, workflow_ms: f64) -> f64 {
        let of_one = |work: &Work| f64::from(work.memory_mb) / 1024.0 * self.runs(work, workflow_ms) / 1000.0;
        tally.functions.values().map(of_one).sum()
    }

    /// Bytes that the logs take in.
    pub fn log_bytes(&self, tally: &Tally) -> f64 {
        let line = self.assumed("log_line_bytes");
        real(tally.logged_bytes)
            + real(tally.logged_lines) * line
            + real(tally.workflow_lines) * (self.assumed("workflow_line_bytes") + line)
            + real(tally.invocations()) * (self.assumed("platform_bytes") + 2.0 * line)
            + real(tally.api_requests) * (self.assumed("access_line_bytes") + line)
    }

    /// Requests to queues.
    pub fn queue_requests(&self, tally: &Tally) -> f64 {
        real(tally.messages) * self.assumed("sqs_requests")
    }

    /// A million of these. `path` is the same scenario's path, whose workflow is waited for.
    pub fn bill(&self, tally: &Tally, path: &Tally) -> Bill {
        let workflow_ms = self.workflow_ms(path);
        let billed_seconds = (workflow_ms / 100.0).ceil() / 10.0;
        let express_gb_seconds = real(tally.express_executions) * self.assumed("express_mb") / 1024.0 * billed_seconds;
        let lines = [
            ("API Gateway", self.million("api_request", real(tally.api_requests))),
            ("Lambda, invocations", self.million("lambda_request", real(tally.invocations()))),
            ("Lambda, GB-seconds", self.million("lambda_gb_second", self.gb_seconds(tally, workflow_ms))),
            ("Step Functions Express, executions", self.million("express_request", real(tally.express_executions))),
            ("Step Functions Express, GB-seconds", self.million("express_gb_second", express_gb_seconds)),
            ("Step Functions Standard, transitions", self.million("standard_transition", real(tally.standard_transitions))),
            ("DynamoDB, write units", self.million("dynamodb_write", real(tally.write_units))),
            ("DynamoDB, read units", self.million("dynamodb_read", tally.read_units)),
            ("EventBridge, events", self.million("bus_event", real(tally.bus_events))),
            ("SQS, requests", self.million("sqs_request", self.queue_requests(tally))),
            ("CloudWatch Logs, bytes", self.million("log_gb", self.log_bytes(tally))),
            ("S3, PUTs", self.million("s3_put", real(tally.s3_puts))),
            ("SES, e-mails", self.million("email", real(tally.emails))),
        ];
        Bill { lines: lines.into_iter().map(|(name, dollars)| (name.to_owned(), dollars)).collect() }
    }

    /// What stands before the API and looks on: no function calls it.
    pub fn edge(&self, path: &Tally, all: &Tally) -> Bill {
        let unwaited = all.invocations().saturating_sub(path.invocations());
        let traces = real(1 + unwaited) * self.assumed("traced_share");
        let lines = [
            ("CloudFront, requests", self.million("cloudfront_request", real(path.api_requests))),
            ("X-Ray, traces", self.million("trace", traces)),
        ];
        Bill { lines: lines.into_iter().map(|(name, dollars)| (name.to_owned(), dollars)).collect() }
    }
}

const PRICES: [&str; 15] = [
    "api_request",
    "lambda_request",
    "lambda_gb_second",
    "express_request",
    "express_gb_second",
    "standard_transition",
    "dynamodb_write",
    "dynamodb_read",
    "bus_event",
    "sqs_request",
    "log_gb",
    "s3_put",
    "email",
    "cloudfront_request",
    "trace",
];

const ASSUMPTIONS: [&str; 12] = [
    "own_ms",
    "dynamodb_ms",
    "aws_ms",
    "provider_ms",
    "transition_ms",
    "express_mb",
    "log_line_bytes",
    "platform_bytes",
    "workflow_line_bytes",
    "access_line_bytes",
    "sqs_requests",
    "traced_share",
];

/// Counts here are far below what an `f64` holds exactly.
#[expect(clippy::cast_precision_loss, reason = "counts of one order are small")]
fn real(count: u64) -> f64 {
    count as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_write_unit_costs_what_the_table_says() {
        let prices = Prices::read().unwrap();
        let tally = Tally { write_units: 15, ..Tally::default() };
        let bill = prices.bill(&tally, &tally);
        assert!((bill.total() - 15.0 * prices.million("dynamodb_write", 1.0)).abs() < 1e-9, "{bill:?}");
    }

    #[test]
    fn a_function_that_waits_is_billed_for_the_workflow() {
        let prices = Prices::read().unwrap();
        let mut waits = Work { memory_mb: 1024, invocations: 1, ..Work::default() };
        let without = prices.runs(&waits, 500.0);
        waits.waits_for_workflow = true;
        assert!((prices.runs(&waits, 500.0) - without - 500.0).abs() < 1e-9);
    }
}
