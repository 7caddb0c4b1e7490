//! The table that a person reads, in the terminal and in docs/faults.md.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
    fs,
    process::Command,
    time::Duration,
};

use system_tests::root;

use crate::{
    cells::{self, Cell, FAULTS, Fault, Made, Outcome},
    scenarios::{Client, SCENARIOS},
    shared_calls::Struck,
};

/// What came of one call, by fault and by whether the client repeats.
type Row<'a> = BTreeMap<(Fault, bool), &'a Outcome>;

/// What the matrix found.
#[derive(Debug)]
pub(crate) struct Report {
    pub(crate) outcomes: Vec<(Cell, Outcome)>,
    /// Calls that belong to no order.
    pub(crate) shared: Vec<Struck>,
    pub(crate) all: usize,
    pub(crate) slice: u64,
    pub(crate) slices: u64,
    /// Nothing was left out.
    pub(crate) is_whole: bool,
    /// Cells that an earlier run of the same code had played, before it was broken off.
    pub(crate) resumed: usize,
    /// Messages that kills of other cells had put into the dead letters, and that were brought back.
    pub(crate) redriven: usize,
    pub(crate) elapsed: Duration,
}

/// Days since 1970: which slice is run today.
pub(crate) fn today() -> u64 {
    u64::try_from(jiff::Timestamp::now().as_second()).unwrap_or_default() / 86_400
}

impl Report {
    fn outcomes(&self) -> impl Iterator<Item = &Outcome> {
        self.outcomes.iter().map(|(_, outcome)| outcome)
    }

    fn shared(&self) -> impl Iterator<Item = &Outcome> {
        self.shared.iter().map(|struck| &struck.outcome)
    }

    pub(crate) fn broken(&self) -> usize {
        self.outcomes().chain(self.shared()).filter(|outcome| is_broken(outcome)).count()
    }

    /// Broken beside others, and held alone.
    pub(crate) fn unsteady(&self) -> usize {
        self.outcomes().chain(self.shared()).filter(|outcome| matches!(outcome, Outcome::Unsteady(_))).count()
    }

    /// Never struck, though every run without faults makes the call.
    pub(crate) fn missed(&self) -> usize {
        let missed = |(cell, outcome): &&(Cell, Outcome)| cell.made == Made::Always && *outcome == Outcome::NotReached;
        self.outcomes.iter().filter(missed).count()
    }

    /// Every kind of call that at least half the runs of some scenario make, with each fault and client.
    fn kinds(&self) -> BTreeSet<(&str, Fault, bool)> {
        self.outcomes.iter().filter(|(cell, _)| cell.made.must_be_met()).map(|(cell, _)| kind(cell)).collect()
    }

    /// Those of them that no cell met.
    pub(crate) fn never_struck(&self) -> BTreeSet<(&str, Fault, bool)> {
        let met = self.outcomes.iter().filter(|(_, outcome)| *outcome != Outcome::NotReached).map(|(cell, _)| kind(cell));
        let met: BTreeSet<_> = met.collect();
        self.kinds().difference(&met).copied().collect()
    }

    /// Of the calls that name no order, but for those that no strike met: one run made them, and no other start.
    pub(crate) fn missed_shared(&self) -> usize {
        let missed = |struck: &&Struck| struck.outcome == Outcome::NotReached && self.is_met(&struck.call);
        self.shared.iter().filter(missed).count()
    }

    /// Whether some strike met this call that names no order.
    fn is_met(&self, call: &str) -> bool {
        self.shared.iter().any(|struck| struck.call == call && struck.outcome != Outcome::NotReached)
    }

    /// How many calls went wrong as they were to.
    pub(crate) fn struck(&self) -> usize {
        self.outcomes().chain(self.shared()).filter(|outcome| **outcome != Outcome::NotReached).count()
    }

    pub(crate) fn print(&self) {
        println!("\n{}", self.tables());
        println!("{}", self.summary());
    }

    fn summary(&self) -> String {
        let count = |is: fn(&Outcome) -> bool| self.outcomes().filter(|outcome| is(outcome)).count();
        let not_struck = count(|outcome| *outcome == Outcome::NotReached);
        let asked = self.outcomes.len();
        let which = if self.slices == 1 {
            String::new()
        } else {
            format!(" (slice {} of {}; there are {} cells)", self.slice, self.slices, self.all)
        };
        let mut text = format!(
            "{} of {asked} cells{which} were struck: {} held, {} at least once, {} too late at first and in time alone, {} broken. {} were \
             never struck though every run makes the call; {} more are of calls that only some runs make, and theirs did not.{} Of {} strikes at calls that name no order (each call, each way, either client), {} met: {} held, {} too late at first and \
             in time alone, {} broken. It took {:.0} s.",
            asked - not_struck,
            count(|outcome| *outcome == Outcome::Held),
            count(|outcome| *outcome == Outcome::AtLeastOnce),
            count(|outcome| matches!(outcome, Outcome::Unsteady(_))),
            count(is_broken),
            self.missed(),
            not_struck - self.missed(),
            self.by_kind(),
            self.shared.len(),
            self.shared().filter(|outcome| **outcome != Outcome::NotReached).count(),
            self.shared().filter(|outcome| matches!(outcome, Outcome::Held | Outcome::AtLeastOnce)).count(),
            self.shared().filter(|outcome| matches!(outcome, Outcome::Unsteady(_))).count(),
            self.shared().filter(|outcome| is_broken(outcome)).count(),
            self.elapsed.as_secs_f64(),
        );
        if self.redriven > 0 {
            let _ = write!(text, " {} messages were brought back, which kills beside them had put aside.", self.redriven);
        }
        if self.resumed > 0 {
            let _ = write!(
                text,
                " {} cells were played by an earlier run, which is neither in that time nor in the search for secrets.",
                self.resumed
            );
        }
        text
    }

    /// What the whole matrix says of kinds of calls: the same operation of the same function, whichever time it is made.
    fn by_kind(&self) -> String {
        if !self.is_whole {
            return String::new();
        }
        let (kinds, never) = (self.kinds(), self.never_struck());
        let calls: BTreeSet<_> = kinds.iter().map(|(call, ..)| call).collect();
        let mut text = format!(
            " At least half the runs of some scenario make {} kinds of calls, which with every fault and client are {}: {} of these were struck, {} never.",
            calls.len(),
            kinds.len(),
            kinds.len() - never.len(),
            never.len()
        );
        for (call, fault, repeats) in never {
            let client = if repeats { "repeats" } else { "never comes back" };
            let _ = write!(text, " Never: {call}, {}, where the client {client}.", fault.title);
        }
        text
    }

    fn tables(&self) -> String {
        let mut text = String::new();
        for scenario in SCENARIOS {
            let of_scenario = self.outcomes.iter().filter(|(cell, _)| cell.scenario.name == scenario.name);
            let mut rows: BTreeMap<(&str, bool), Row> = BTreeMap::new();
            for (cell, outcome) in of_scenario {
                rows.entry((&cell.call, cell.made == Made::Always))
                    .or_default()
                    .insert((cell.fault, cell.client == Client::Repeats), outcome);
            }
            if rows.is_empty() {
                continue;
            }
            let _ = writeln!(text, "### {}\n", scenario.name);
            let titles: Vec<_> = FAULTS.iter().map(|fault| fault.title).collect();
            let _ = writeln!(text, "| call | {} |", titles.join(" | "));
            let _ = writeln!(text, "|---|{}", "---|".repeat(FAULTS.len()));
            for ((call, always), cells) in rows {
                let marks: Vec<_> = FAULTS.iter().map(|fault| marks(&cells, *fault)).collect();
                let sometimes = if always { "" } else { " °" };
                let _ = writeln!(text, "| {call}{sometimes} | {} |", marks.join(" | "));
            }
            text.push('\n');
        }
        let titles: Vec<_> = FAULTS.iter().map(|fault| fault.title).collect();
        let _ = writeln!(text, "### Calls that name no order\n\n| call | {} |", titles.join(" | "));
        let _ = writeln!(text, "|---|{}", "---|".repeat(FAULTS.len()));
        let mut rows: BTreeMap<&str, Row> = BTreeMap::new();
        for Struck { call, fault, client, outcome } in &self.shared {
            rows.entry(call).or_default().insert((*fault, *client == Client::Repeats), outcome);
        }
        for (call, cells) in rows {
            let marks: Vec<_> = FAULTS.iter().map(|fault| marks(&cells, *fault)).collect();
            let luck = if self.is_met(call) { "" } else { " °" };
            let _ = writeln!(text, "| {call}{luck} | {} |", marks.join(" | "));
        }
        text
    }

    /// Writes docs/faults.md.
    pub(crate) fn write(&self) {
        let text = format!(
            "# The fault matrix\n\nGenerated by `cargo xtask faults --report` on {}, commit {}. Each cell is one call that goes wrong in one way with one client, in a run of its own;\n\
             of each pair of marks the first is with a client that repeats its request, the second with one that never comes back (but for a cancel of which nothing was\n\
             written: she sends another, or the order would wait for an hour). What is refused, fails or is throttled\n\
             does so at each try of AWS's client, three times. Once the order was at rest and the call had\n\
             landed, every promise was checked against answers, tables, ledger, e-mails, receipt and view. ✓ held · ≥ at least once (promise 5's exception) · – the call was not made · ° not every run makes it, or it is a further one of a scenario that only adds ·\n\
             ~ too late beside others and in time alone (the machine was out of breath) · ✗ broken · a dot: not of this slice.\n\n{}\n\n{}",
            jiff::Timestamp::now().strftime("%Y-%m-%d"),
            commit(),
            self.summary(),
            self.tables(),
        );
        fs::write(root().join("docs/faults.md"), text).expect("docs/faults.md can be written");
    }
}

fn commit() -> String {
    let output = Command::new("git").args(["rev-parse", "--short", "HEAD"]).current_dir(root()).output();
    String::from_utf8_lossy(&output.expect("git is there").stdout).trim().to_owned()
}

fn kind(cell: &Cell) -> (&str, Fault, bool) {
    (cells::stem(&cell.call), cell.fault, cell.client == Client::Repeats)
}

fn is_broken(outcome: &Outcome) -> bool {
    outcome.in_doubt().is_some()
}

fn marks(cells: &Row<'_>, fault: Fault) -> String {
    let mark = |repeats: bool| mark(cells.get(&(fault, repeats)).copied());
    format!("{} {}", mark(true), mark(false))
}

fn mark(outcome: Option<&Outcome>) -> &'static str {
    match outcome {
        None => "·",
        Some(Outcome::Held) => "✓",
        Some(Outcome::AtLeastOnce) => "≥",
        Some(Outcome::NotReached) => "–",
        Some(Outcome::Unsteady(_)) => "~",
        Some(Outcome::Suspect(_) | Outcome::TooLate(_) | Outcome::Broken(_)) => "✗",
    }
}
