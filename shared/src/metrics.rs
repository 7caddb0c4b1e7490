//! Metrics: one line of JSON on standard output, which `CloudWatch` reads as metrics (the embedded metric format), so that
//! counting costs no call. <https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html>

use std::io::{self, Write as _};

use jiff::Timestamp;
use serde_json::{Map, Value, json};

/// The namespace of every metric of the shop's own.
const NAMESPACE: &str = "Souk";

/// Counts one of these. A name and its dimensions are few and fixed: never an id, a token or an address.
pub fn count(name: &str, dimensions: &[(&str, &str)]) {
    // A metric that cannot be written is no reason to fail what it counts.
    let _ = writeln!(io::stdout().lock(), "{}", line(name, dimensions, Timestamp::now()));
}

fn line(name: &str, dimensions: &[(&str, &str)], now: Timestamp) -> Value {
    let names: Vec<&str> = dimensions.iter().map(|(name, _)| *name).collect();
    let mut line: Map<String, Value> = dimensions.iter().map(|(name, value)| ((*name).to_owned(), json!(value))).collect();
    line.insert(name.to_owned(), json!(1));
    // By its dimensions and, for the alarms, without any.
    let sets: Vec<Vec<&str>> = if names.is_empty() { vec![names] } else { vec![names, Vec::new()] };
    let metrics = json!([{"Namespace": NAMESPACE, "Dimensions": sets, "Metrics": [{"Name": name, "Unit": "Count"}]}]);
    line.insert("_aws".to_owned(), json!({"Timestamp": now.as_millisecond(), "CloudWatchMetrics": metrics}));
    Value::Object(line)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_count_is_one_line_that_cloudwatch_reads_as_a_metric() {
        let line = line("BreakerOpened", &[("provider", "stripe")], Timestamp::from_millisecond(1_700_000_000_123).unwrap());
        let expected = json!({
            "_aws": {
                "Timestamp": 1_700_000_000_123_i64,
                "CloudWatchMetrics": [{
                    "Namespace": "Souk",
                    "Dimensions": [["provider"], []],
                    "Metrics": [{"Name": "BreakerOpened", "Unit": "Count"}],
                }],
            },
            "provider": "stripe",
            "BreakerOpened": 1,
        });
        assert_eq!(line, expected);
        assert!(!line.to_string().contains('\n'));
    }
}
