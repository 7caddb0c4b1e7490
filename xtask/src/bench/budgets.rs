//! What it may cost: the limits of `bench/budgets.json`. One that is broken fails the bench, unless the file tells beside
//! it why it cannot be met, how far it may go until then, and what is to be done next.

use std::collections::BTreeMap;

use anyhow::{Context, Result, bail};
use serde::Deserialize;

use super::{counts::Sides, prices::Prices, release::Measured};
use crate::paths;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Budget {
    limit: f64,
    what: String,
    #[serde(default)]
    unmet: Vec<Unmet>,
}

/// Who may break it: scenarios or functions, by name. Who is not named may not, nor a function that comes to be.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Unmet {
    of: Vec<String>,
    /// None: it cannot be measured.
    up_to: Option<f64>,
    reason: String,
    next_step: String,
}

/// Why a budget is not met.
#[derive(Clone, Debug, PartialEq)]
pub struct Excuse {
    /// Beyond this it is no excuse; none, for what cannot be measured.
    pub up_to: Option<f64>,
    pub reason: String,
    pub next_step: String,
}

/// How one budget stands.
#[derive(Debug)]
pub struct Verdict {
    pub what: String,
    pub limit: f64,
    /// The worst that was found, and whose it is; none, if nothing was measured.
    pub found: Option<(String, f64)>,
    /// What breaks it, or was not measured, and why if that is told.
    pub broken_by: Vec<(String, Option<f64>, Option<Excuse>)>,
}

impl Verdict {
    /// Whether the bench fails of it.
    pub fn fails(&self) -> bool {
        self.broken_by.iter().any(|(_, _, excuse)| excuse.is_none())
    }
}

/// Judges all of them.
///
/// # Errors
/// A file that does not name every budget.
pub fn judge(checkout: &Sides, prices: &Prices, measured: &Measured) -> Result<Vec<Verdict>> {
    let file = paths::root().join("bench/budgets.json");
    let mut budgets: BTreeMap<String, Budget> =
        serde_json::from_str(&std::fs::read_to_string(file)?).context("bench/budgets.json")?;
    let verdicts = findings(checkout, prices, measured)
        .into_iter()
        .map(|(name, found)| {
            let budget = budgets.remove(name).with_context(|| format!("bench/budgets.json has no {name}"))?;
            Ok(verdict(&budget, found))
        })
        .collect::<Result<Vec<_>>>()?;
    if let Some(unknown) = budgets.keys().next() {
        bail!("bench/budgets.json has {unknown}, which nothing measures");
    }
    Ok(verdicts)
}

/// Whose it is, and what was found; none, where it was not measured.
type Found = (String, Option<f64>);

/// For each budget, in the order in which they are told: what was found.
fn findings(checkout: &Sides, prices: &Prices, measured: &Measured) -> Vec<(&'static str, Vec<Found>)> {
    let (path, all) = (&checkout.path, &checkout.all);
    let of_checkout = |value: f64| vec![(checkout.name.clone(), Some(value))];
    let functions = || measured.functions.iter();
    vec![
        ("path_express_executions", of_checkout(real(path.express_executions))),
        ("path_invocations", of_checkout(real(path.invocations()))),
        ("path_write_units", of_checkout(real(path.write_units))),
        ("path_dollars", of_checkout(prices.bill(path, path).total())),
        ("all_write_units", of_checkout(real(all.write_units))),
        ("all_dollars", of_checkout(prices.bill(all, path).total())),
        ("bootstrap_mb", functions().map(|of| (of.function.clone(), Some(real(of.bootstrap_bytes) / 1e6))).collect()),
        ("start_ratio", functions().map(|of| (of.function.clone(), Some(of.start_ratio))).collect()),
        ("first_call_ms", functions().map(|of| (of.function.clone(), of.first_call_ms)).collect()),
    ]
}

fn verdict(budget: &Budget, found: Vec<Found>) -> Verdict {
    let measured = found.iter().filter_map(|(name, value)| Some((name.clone(), (*value)?)));
    let worst = measured.max_by(|(_, one), (_, other)| one.total_cmp(other));
    let broken = found.into_iter().filter(|(_, value)| value.is_none_or(|value| value > budget.limit));
    let broken_by = broken.map(|(name, value)| {
        let covers = |unmet: &Unmet| match (value, unmet.up_to) {
            (Some(value), Some(up_to)) => value <= up_to,
            (value, up_to) => value.is_none() && up_to.is_none(),
        };
        let told = budget.unmet.iter().find(|unmet| unmet.of.contains(&name) && covers(unmet));
        let excuse =
            told.map(|unmet| Excuse { up_to: unmet.up_to, reason: unmet.reason.clone(), next_step: unmet.next_step.clone() });
        (name, value, excuse)
    });
    Verdict { broken_by: broken_by.collect(), what: budget.what.clone(), limit: budget.limit, found: worst }
}

#[expect(clippy::cast_precision_loss, reason = "counts and sizes here are small")]
fn real(count: u64) -> f64 {
    count as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn budget(unmet: &str) -> Budget {
        serde_json::from_str(&format!(r#"{{"limit": 3, "what": "things", "unmet": [{unmet}]}}"#)).unwrap()
    }

    #[test]
    fn a_budget_is_broken_only_above_its_limit() {
        let verdict = verdict(&budget(""), vec![("a".into(), Some(3.0)), ("b".into(), Some(1.0))]);
        assert_eq!(verdict.found, Some(("a".into(), 3.0)));
        assert!(verdict.broken_by.is_empty() && !verdict.fails());
    }

    #[test]
    fn a_reason_counts_only_for_what_it_names_and_as_far_as_it_says() {
        let told = r#"{"of": ["a"], "up_to": 4, "reason": "r", "next_step": "n"}"#;
        assert!(!verdict(&budget(told), vec![("a".into(), Some(4.0))]).fails());
        assert!(verdict(&budget(told), vec![("a".into(), Some(4.1))]).fails());
        assert!(verdict(&budget(told), vec![("a".into(), Some(4.0)), ("b".into(), Some(4.0))]).fails());
        assert!(verdict(&budget(""), vec![("a".into(), Some(4.0))]).fails());
    }

    #[test]
    fn a_reason_may_name_several() {
        let told = r#"{"of": ["a", "b"], "up_to": 4, "reason": "r", "next_step": "n"}"#;
        assert!(!verdict(&budget(told), vec![("a".into(), Some(4.0)), ("b".into(), Some(4.0))]).fails());
        assert!(verdict(&budget(told), vec![("b".into(), Some(4.0)), ("c".into(), Some(4.0))]).fails());
    }

    #[test]
    fn what_is_not_measured_needs_a_reason_too() {
        let told = r#"{"of": ["a"], "up_to": null, "reason": "r", "next_step": "n"}"#;
        assert!(!verdict(&budget(told), vec![("a".into(), None)]).fails());
        assert!(verdict(&budget(told), vec![("a".into(), Some(4.0))]).fails(), "it can be measured now");
        assert!(verdict(&budget(told), vec![("b".into(), None)]).fails());
        let to_a_limit = r#"{"of": ["a"], "up_to": 4, "reason": "r", "next_step": "n"}"#;
        assert!(verdict(&budget(to_a_limit), vec![("a".into(), None)]).fails());
    }
}
