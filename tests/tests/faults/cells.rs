//! A cell: one call of one scenario, one fault, one kind of client.

use std::{collections::BTreeMap, fmt, sync::Arc};

use system_tests::Limits;

use crate::{
    promises,
    proxy::Call,
    scenarios::{Client, Play, Scenario, Stage},
};

/// How often a cell is played until its call is made.
const TRIES: usize = 6;

/// How often, where only some runs make it.
pub(crate) const RARE_TRIES: usize = 2;

/// A way in which a call goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Fault {
    /// The fault proxy's name for it.
    pub(crate) name: &'static str,
    /// As the report heads its column.
    pub(crate) title: &'static str,
}

/// All of them.
pub(crate) const FAULTS: [Fault; 7] = [
    Fault { name: "refuse", title: "refused" },
    Fault { name: "error", title: "5xx" },
    Fault { name: "throttle", title: "throttled" },
    Fault { name: "lose_answer", title: "answer lost" },
    Fault { name: "delay", title: "late" },
    Fault { name: "kill_before", title: "killed before" },
    Fault { name: "kill_after", title: "killed after" },
];

/// One cell of the matrix.
#[derive(Clone, Debug)]
pub(crate) struct Cell {
    pub(crate) scenario: Scenario,
    pub(crate) call: String,
    pub(crate) fault: Fault,
    pub(crate) client: Client,
    /// Every run without faults makes this call.
    pub(crate) always: bool,
    delay_ms: Option<u64>,
}

/// How a cell came out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// Every promise held.
    Held,
    /// Every promise held; she got an e-mail twice, which promise 5 allows where SES's own answer is lost.
    AtLeastOnce,
    /// The call was not made in this run, try as it might: the promises held without it.
    NotReached,
    /// Broken in company, held when it was played again with nothing beside it: what broke first.
    Unsteady(String),
    /// What broke.
    Broken(String),
}

impl fmt::Display for Cell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let client = if self.client == Client::Repeats { "the client repeats" } else { "the client never comes back" };
        write!(f, "{} / {} / {} / {client}", self.scenario.name, self.call, self.fault.title)
    }
}

/// The calls of a run without faults.
pub(crate) async fn record(stage: &Arc<Stage>, scenario: Scenario) -> Vec<Call> {
    let play = Play::prepare(stage, scenario, Client::Repeats).await;
    play.before().await;
    let proxy = play.proxy();
    let before = proxy.calls(&play.order_id).await.last().map_or(0, |call| call.number);
    play.act().await.unwrap_or_else(|error| panic!("{} without faults: {error}", scenario.name));
    promises::hold(stage, &play).await.unwrap_or_else(|error| panic!("{} without faults: {error}", scenario.name));
    let calls = proxy.calls(&play.order_id).await;
    calls.into_iter().filter(|call| call.number > before).collect()
}

/// What several recordings have together, by name; true: all of them have it.
pub(crate) fn together(recordings: &[&[Call]]) -> Vec<(Call, bool)> {
    let mut calls: BTreeMap<&str, (&Call, usize)> = BTreeMap::new();
    for call in recordings.iter().copied().flatten() {
        calls.entry(&call.name).or_insert((call, 0)).1 += 1;
    }
    let always = |call: &Call, times| times == recordings.len() && !is_by_batch(&call.name);
    calls.into_values().map(|(call, times)| (call.clone(), always(call, times))).collect()
}

/// Whether a call may fall away: of an order's events that come in one batch, the view is written once.
fn is_by_batch(name: &str) -> bool {
    name.starts_with("project-orders/") && !name.ends_with("#1")
}

/// The cells of a call.
pub(crate) fn of_call(scenario: Scenario, call: &Call, always: bool, limits: Limits) -> impl Iterator<Item = Cell> {
    FAULTS.into_iter().flat_map(move |fault| {
        [Client::Repeats, Client::NeverBack].map(|client| Cell {
            scenario,
            call: call.name.clone(),
            fault,
            client,
            always,
            delay_ms: (fault.name == "delay").then(|| past_its_timeout(call, &limits)),
        })
    })
}

/// So much longer than its limit a call is late: whoever called has given up for certain when it lands.
const MARGIN_MS: u64 = 1_000;

/// So long that whoever called has given up: the call lands late.
pub(crate) fn past_its_timeout(call: &Call, limits: &Limits) -> u64 {
    let limit = match call.upstream.as_str() {
        "aws" if call.name.contains("StartSyncExecution") => limits.workflow_wait_ms,
        "aws" => limits.aws_attempt_ms,
        _ => limits.provider_call_ms.max(limits.provider_question_ms),
    };
    limit + MARGIN_MS
}

impl Cell {
    /// Plays the scenario with this one call struck. A call that a run does not make is tried again with another order.
    pub(crate) async fn run(&self, stage: &Stage) -> Outcome {
        for _ in 0..if self.always { TRIES } else { RARE_TRIES } {
            match self.play(stage).await {
                Outcome::NotReached => {}
                outcome => return outcome,
            }
        }
        Outcome::NotReached
    }

    async fn play(&self, stage: &Stage) -> Outcome {
        let play = Play::prepare(stage, self.scenario, self.client).await;
        play.before().await;
        let proxy = play.proxy();
        proxy.fault(&play.order_id, &self.call, self.fault.name, self.delay_ms).await;
        if let Err(broken) = play.act().await {
            return Outcome::Broken(broken);
        }
        let held = promises::hold(stage, &play).await;
        // A function that gave up meanwhile cannot be killed any more: that is not this fault, and is tried again.
        let struck = proxy.struck(&play.order_id).await;
        match held {
            Err(broken) => Outcome::Broken(format!("{broken} [{}]", play.order_id)),
            Ok(_) if !struck => Outcome::NotReached,
            Ok(promises::Held::Once) => Outcome::Held,
            // SES has no idempotency token: where its answer, or the note of it, is lost, one repeat is allowed. It is lost too
            // when another cell kills the function, which sends the e-mails of several orders at once.
            Ok(promises::Held::TwiceMailedUnnoted) => Outcome::AtLeastOnce,
            Ok(promises::Held::TwiceMailed) if self.call.contains("send-email/") => Outcome::AtLeastOnce,
            Ok(promises::Held::TwiceMailed) => Outcome::Broken(format!("she got an e-mail twice [{}]", play.order_id)),
        }
    }
}

/// A call's name without its occurrence.
pub(crate) fn stem(name: &str) -> &str {
    name.split('#').next().unwrap_or(name)
}
