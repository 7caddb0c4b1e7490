//! What was found so far, cell by cell: a run that was broken off goes on where it was, as long as the code is the same.

use std::{
    collections::BTreeMap,
    fs::{self, File},
    io::Write as _,
    process::Command,
    sync::Mutex,
};

use system_tests::root;

use crate::cells::{Cell, Outcome};

/// Outcomes by cell, of this run and of those that it goes on with.
#[derive(Debug)]
pub(crate) struct Journal {
    known: BTreeMap<String, Outcome>,
    file: Mutex<File>,
}

impl Journal {
    /// A new one; with `resume`, that of the last run of the same code.
    pub(crate) fn open(resume: bool) -> Self {
        let (path, code) = (root().join("target/faults.tsv"), code());
        let before = fs::read_to_string(&path).ok().filter(|text| resume && text.lines().next() == Some(code.as_str()));
        let known = before.iter().flat_map(|text| text.lines().skip(1)).filter_map(parsed).collect();
        let mut file = File::options().create(true).append(true).open(&path).expect("target/ is there");
        if before.is_none() {
            file.set_len(0).expect("the journal is a file");
            writeln!(file, "{code}").expect("the journal can be written");
        }
        Self { known, file: Mutex::new(file) }
    }

    /// How this cell came out before.
    pub(crate) fn of(&self, cell: &Cell) -> Option<Outcome> {
        self.known.get(&cell.to_string()).cloned()
    }

    /// What is broken is not noted: a run that goes on plays it again.
    pub(crate) fn note(&self, cell: &Cell, outcome: &Outcome) {
        let Some((word, _)) = WORDS.iter().find(|(_, of)| of == outcome) else { return };
        let mut file = self.file.lock().expect("nobody panics with it");
        writeln!(file, "{cell}\t{word}").expect("the journal can be written");
    }
}

const WORDS: [(&str, Outcome); 3] =
    [("held", Outcome::Held), ("at least once", Outcome::AtLeastOnce), ("not reached", Outcome::NotReached)];

fn parsed(line: &str) -> Option<(String, Outcome)> {
    let (cell, word) = line.split_once('\t')?;
    let (_, outcome) = WORDS.iter().find(|(known, _)| *known == word)?;
    Some((cell.to_owned(), outcome.clone()))
}

/// What a cell's outcome depends on: the shop, the simulated providers, and what is played and promised.
const CODE: [&str; 8] = [
    "functions",
    "shared/src",
    "statemachines",
    "template.yaml",
    "Cargo.lock",
    "tests/payment-simulator",
    "tests/tests/faults/scenarios.rs",
    "tests/tests/faults/promises.rs",
];

/// Names the code that is running: what is committed of it, and what is changed since.
fn code() -> String {
    let git = |arguments: &[&str]| {
        let output =
            Command::new("git").args(arguments).args(["--"]).args(CODE).current_dir(root()).output().expect("git is there");
        String::from_utf8_lossy(&output.stdout).lines().map(str::trim).collect::<Vec<_>>().join(",")
    };
    let changed = git(&["status", "--porcelain"]);
    format!("{} {changed}", git(&["rev-list", "--max-count=1", "HEAD"])).trim().to_owned()
}
