//! Promise 6, once for the whole run: what functions logged, and what executions and events keep, after every way in which a
//! call can go wrong.

use serde::Deserialize;
use system_tests::never_recorded;

use crate::scenarios::Stage;

/// What `leaks.py` prints.
#[derive(Debug, Deserialize)]
struct Looked {
    /// How much was looked at.
    logs: usize,
    executions: usize,
    events: usize,
    /// Where something stands that may not, each with what stands around it.
    found: Vec<String>,
}

/// What may not be recorded and is; also, where nothing was recorded at all.
pub(crate) async fn found(stage: &Stage) -> Vec<String> {
    let secrets = serde_json::to_string(&never_recorded(&stage.kareem)).expect("texts are JSON");
    let printed = stage.shop.python("leaks.py", &[stage.shop.resource("OrderEventsTable"), &secrets]).await;
    let looked: Looked = serde_json::from_str(&printed).expect("leaks.py prints what it found");
    println!("\nlooked for secrets in {} log lines, {} executions, {} events", looked.logs, looked.executions, looked.events);
    let vacuous = [("log lines", looked.logs), ("executions", looked.executions), ("events", looked.events)];
    let vacuous = vacuous
        .into_iter()
        .filter(|(_, count)| *count == 0)
        .map(|(what, _)| format!("promise 6: there are no {what} to look at"));
    vacuous.chain(looked.found.into_iter().map(|found| format!("promise 6: {found}"))).collect()
}
