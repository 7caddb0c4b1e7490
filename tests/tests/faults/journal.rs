//! What was found so far, cell by cell: a run that was broken off goes on where it was, as long as the code is the same.
//!
//! A cell is written down once none of its messages can become a dead letter any more.

use std::{
    collections::BTreeMap,
    fs::{self, File},
    io::Write as _,
    process::Command,
    sync::{Mutex, PoisonError},
    time::Instant,
};

use shared::domain::ids::OrderId;
use system_tests::root;

use crate::cells::{Cell, Outcome};

/// Outcomes by cell, of this run and of those that it goes on with.
#[derive(Debug)]
pub(crate) struct Journal {
    known: BTreeMap<String, Outcome>,
    /// What is not written yet: when it was found, of which order, and the line.
    found: Mutex<Vec<(Instant, OrderId, String)>>,
    file: Mutex<File>,
}

impl Journal {
    /// A new one of this name; with `resume`, that of its last run, if the code is the same and all of it is committed.
    pub(crate) fn open(name: &str, resume: bool) -> Self {
        let (path, code) = (root().join(format!("target/{name}.tsv")), code());
        let is_of_this_code = |text: &String| resume && code.is_some() && text.lines().next() == code.as_deref();
        let before = fs::read_to_string(&path).ok().filter(is_of_this_code);
        let known = before.iter().flat_map(|text| text.lines().skip(1)).filter_map(parsed).collect();
        let mut file = File::options().create(true).append(true).open(&path).expect("target/ is there");
        if before.is_none() {
            file.set_len(0).expect("the journal is a file");
            writeln!(file, "{}", code.as_deref().unwrap_or("not committed")).expect("the journal can be written");
        }
        Self { known, found: Mutex::default(), file: Mutex::new(file) }
    }

    /// The cells that are known, with their outcomes, and those that are still to be played.
    pub(crate) fn divide(&self, cells: Vec<Cell>) -> (Vec<(Cell, Outcome)>, Vec<Cell>) {
        let (mut known, mut open) = (Vec::new(), Vec::new());
        for cell in cells {
            match self.known.get(&cell.to_string()) {
                Some(outcome) => known.push((cell, outcome.clone())),
                None => open.push(cell),
            }
        }
        (known, open)
    }

    /// What is broken is not noted, nor what was not struck and should be: a run that goes on plays it again.
    pub(crate) fn note(&self, cell: &Cell, outcome: &Outcome, order_id: &OrderId) {
        if *outcome == Outcome::NotReached && cell.made.must_be_met() {
            return;
        }
        let Some((word, _)) = WORDS.iter().find(|(_, of)| of == outcome) else { return };
        let found = (Instant::now(), order_id.clone(), format!("{cell}\t{word}"));
        self.found.lock().unwrap_or_else(PoisonError::into_inner).push(found);
    }

    /// Writes down what was found before this time, but for orders that are doubtful since.
    pub(crate) fn write(&self, before: Instant, is_doubtful: impl Fn(&OrderId) -> bool) {
        let mut found = self.found.lock().unwrap_or_else(PoisonError::into_inner);
        let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        for (_, order_id, line) in found.extract_if(.., |(at, ..)| *at < before) {
            if !is_doubtful(&order_id) {
                writeln!(file, "{line}").expect("the journal can be written");
            }
        }
    }
}

const WORDS: [(&str, Outcome); 3] =
    [("held", Outcome::Held), ("at least once", Outcome::AtLeastOnce), ("not reached", Outcome::NotReached)];

fn parsed(line: &str) -> Option<(String, Outcome)> {
    let (cell, word) = line.split_once('\t')?;
    let (_, outcome) = WORDS.iter().find(|(known, _)| *known == word)?;
    Some((cell.to_owned(), outcome.clone()))
}

/// What a cell depends on: the code that is struck, and the code that strikes and judges it.
const CODE: [&str; 18] = [
    ".cargo",
    "Cargo.lock",
    "Cargo.toml",
    "catalogue",
    "functions",
    "openapi.yaml",
    "rust-toolchain.toml",
    "shared",
    "statemachines",
    "template.yaml",
    "tests/Cargo.toml",
    "tests/fault-proxy",
    "tests/payment-simulator",
    "tests/python",
    "tests/src/lib.rs",
    "tests/tests/faults",
    "xtask/python",
    "xtask/src/stack.rs",
];

/// The last commit of that code; nothing, if some of it is not committed.
fn code() -> Option<String> {
    let git = |arguments: &[&str]| {
        let output = Command::new("git").args(arguments).arg("--").args(CODE).current_dir(root()).output();
        String::from_utf8_lossy(&output.expect("git is there").stdout).trim().to_owned()
    };
    git(&["status", "--porcelain"]).is_empty().then(|| git(&["rev-list", "--max-count=1", "HEAD"]))
}
