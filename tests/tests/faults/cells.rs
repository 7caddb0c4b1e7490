//! A cell: one call of one scenario, one fault, one kind of client.

use std::{collections::BTreeMap, fmt, sync::Arc};

use shared::domain::ids::OrderId;
use system_tests::Limits;

use crate::{
    promises::{self, Broken, Held, Strike},
    proxy::Call,
    scenarios::{Client, Play, Scenario, Stage},
};

/// How often a cell is played until its call is made, if it must be met: beside others not every run makes what all recordings
/// have.
const TRIES: usize = 12;

/// A way in which a call goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Fault {
    /// The fault proxy's name for it.
    pub(crate) name: &'static str,
    /// As the report heads its column.
    pub(crate) title: &'static str,
}

impl Fault {
    /// Whether it ends a process, and with it what that was doing for other orders.
    pub(crate) fn kills(self) -> bool {
        self.name.starts_with("kill_")
    }

    /// Whether each try of the call is struck: AWS's clients try three times.
    pub(crate) fn strikes_every_try(self) -> bool {
        ["refuse", "error", "throttle"].contains(&self.name)
    }
}

/// Whoever makes the call dies before it.
pub(crate) const KILL_BEFORE: Fault = Fault { name: "kill_before", title: "killed before" };

/// All of them.
pub(crate) const FAULTS: [Fault; 7] = [
    Fault { name: "refuse", title: "refused" },
    Fault { name: "error", title: "5xx" },
    Fault { name: "throttle", title: "throttled" },
    Fault { name: "lose_answer", title: "answer lost" },
    Fault { name: "delay", title: "late" },
    KILL_BEFORE,
    Fault { name: "kill_after", title: "killed after" },
];

/// One cell of the matrix.
#[derive(Clone, Debug)]
pub(crate) struct Cell {
    pub(crate) scenario: Scenario,
    pub(crate) call: String,
    pub(crate) fault: Fault,
    pub(crate) client: Client,
    /// How often its call is made.
    pub(crate) made: Made,
    delay_ms: Option<u64>,
}

/// How often a call is made by runs without faults.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Made {
    /// By every run.
    Always,
    /// By at least half of them, and no scenario has another call of its kind that every run of it makes.
    Mostly,
    /// By some, and there is such another, or fewer than half of them make it.
    Rarely,
}

impl Made {
    /// How often it is waited for.
    fn tries(self) -> usize {
        match self {
            Self::Always | Self::Mostly => TRIES,
            Self::Rarely => 1,
        }
    }

    /// Whether it, or one of its kind, must be met.
    pub(crate) fn must_be_met(self) -> bool {
        self != Self::Rarely
    }
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
    /// Every promise held but for what kills beside it can do, and this fault cannot: what that is.
    Suspect(String),
    /// A time limit was broken: what was not done by then.
    TooLate(String),
    /// A time limit was broken in company, and kept when it was played again with nothing beside it: what broke first. Or what a
    /// kill beside it explains, and the call was not made when it was played again.
    Unsteady(String),
    /// What broke.
    Broken(String),
}

impl Outcome {
    pub(crate) fn of(broken: &Broken, order_id: &OrderId) -> Self {
        match broken {
            Broken::Promise(what) => Self::Broken(format!("{what} [{order_id}]")),
            Broken::TimeLimit(what) => Self::TooLate(format!("{what} [{order_id}]")),
        }
    }

    /// What is to be looked at, if anything.
    pub(crate) fn in_doubt(&self) -> Option<&str> {
        match self {
            Self::Broken(why) | Self::Suspect(why) | Self::TooLate(why) => Some(why),
            Self::Held | Self::AtLeastOnce | Self::NotReached | Self::Unsteady(_) => None,
        }
    }
}

impl fmt::Display for Cell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let client = if self.client == Client::Repeats { "the client repeats" } else { "the client never comes back" };
        write!(f, "{} / {} / {} / {client}", self.scenario.name, self.call, self.fault.title)
    }
}

/// The calls of a run without faults, or what broke in it.
///
/// # Errors
/// What does not hold without a fault.
pub(crate) async fn record(stage: &Arc<Stage>, scenario: Scenario) -> Result<Vec<Call>, Broken> {
    let play = Play::prepare(stage, scenario, Client::Repeats).await;
    play.before().await;
    let calls = recorded(stage, &play).await?;
    let died = scenario.dies_before.is_none_or(|name| calls.iter().any(|call| call.name == name && call.status.is_none()));
    if died { Ok(calls) } else { Err(Broken::TimeLimit(format!("nobody died before {:?}", scenario.dies_before))) }
}

async fn recorded(stage: &Stage, play: &Play<'_>) -> Result<Vec<Call>, Broken> {
    let proxy = play.proxy();
    let before = proxy.calls(&play.order_id).await.last().map_or(0, |call| call.number);
    play.act().await?;
    let standing = promises::at_rest(stage, play, &[]).await?;
    // The repeats that come with the judgement are not the scenario's.
    let calls = proxy.calls(&play.order_id).await;
    promises::judge(stage, play, standing.as_ref()).await?;
    Ok(calls.into_iter().filter(|call| call.number > before).collect())
}

/// What several recordings have together, by name, and how often: 1, where all of them have it.
pub(crate) fn together(recordings: &[&[Call]]) -> Vec<(Call, f64)> {
    let mut calls: BTreeMap<&str, (&Call, usize)> = BTreeMap::new();
    for call in recordings.iter().copied().flatten() {
        calls.entry(&call.name).or_insert((call, 0)).1 += 1;
    }
    let share = |call: &Call, times: usize| if is_by_batch(&call.name) { 0.0 } else { real(times) / real(recordings.len()) };
    calls.into_values().map(|(call, times)| (call.clone(), share(call, times))).collect()
}

#[expect(clippy::cast_precision_loss, reason = "a dozen at most")]
fn real(count: usize) -> f64 {
    count as f64
}

/// Whether a call may fall away: of an order's events that come in one batch, the view is written once.
fn is_by_batch(name: &str) -> bool {
    name.starts_with("project-orders/") && !name.ends_with("#1")
}

/// The cells of a call.
pub(crate) fn of_call(scenario: Scenario, call: &Call, made: Made, limits: Limits) -> impl Iterator<Item = Cell> {
    FAULTS.into_iter().flat_map(move |fault| {
        [Client::Repeats, Client::NeverBack].map(|client| Cell {
            scenario,
            call: call.name.clone(),
            fault,
            client,
            made,
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
        // It is waited for as long as for three tries of others.
        "aws" if call.name.contains("ses.SendEmail") => 3 * limits.aws_attempt_ms,
        "aws" => limits.aws_attempt_ms,
        _ => limits.provider_call_ms.max(limits.provider_question_ms),
    };
    limit + MARGIN_MS
}

impl Cell {
    /// Plays the scenario with this one call struck. A call that a run does not make is tried again with another order. Answers
    /// the order of the last try, too.
    pub(crate) async fn run(&self, stage: &Stage, is_again: bool) -> (Outcome, OrderId) {
        // What was met once and is in doubt is waited for longer.
        let mut tries = if is_again { TRIES } else { self.made.tries() };
        loop {
            tries -= 1;
            match self.play(stage).await {
                (Outcome::NotReached, _) if tries > 0 => {}
                played => return played,
            }
        }
    }

    async fn play(&self, stage: &Stage) -> (Outcome, OrderId) {
        let play = Play::prepare(stage, self.scenario, self.client).await;
        play.before().await;
        let proxy = play.proxy();
        let id = proxy.fault(Some(&play.order_id), &self.call, self.fault, self.delay_ms).await;
        let strike = Strike { id, again: stage.comes_again(&self.call, self.fault) };
        let held = match play.act().await {
            Ok(()) => promises::hold(stage, &play, &[strike]).await,
            Err(broken) => Err(broken),
        };
        // A function that gave up meanwhile cannot be killed any more: that is not this fault, and is tried again.
        let outcome = match held {
            Err(broken) => Outcome::of(&broken, &play.order_id),
            Ok(_) if !proxy.did_strike(id).await => Outcome::NotReached,
            Ok(held) => of(held, self.may_lose_the_note(), &play.order_id),
        };
        (outcome, play.order_id)
    }

    /// Whether this fault may leave an e-mail that SES took unnoted: its own answer is lost or comes too late, or whoever sent it
    /// dies before it is noted. A note that does not get through otherwise is sent again.
    fn may_lose_the_note(&self) -> bool {
        match stem(&self.call) {
            "send-email/ses.SendEmail" => ["lose_answer", "delay", "kill_after"].contains(&self.fault.name),
            "send-email/dynamodb.UpdateItem(SentEmailsTable)" => self.fault.name == "kill_before",
            _ => false,
        }
    }
}

/// What is to be said of a cell that was struck. `lost`: its fault may leave an e-mail unnoted, which SES then sends twice, for
/// it has no idempotency token. It is lost too when another cell kills the function, which sends the e-mails of several
/// orders at once.
pub(crate) fn of(held: Held, lost: bool, order_id: &OrderId) -> Outcome {
    match held {
        Held::Once => Outcome::Held,
        Held::TwiceMailedUnnoted if lost => Outcome::AtLeastOnce,
        Held::TwiceMailedUnnoted => Outcome::Suspect(format!("promise 5: an e-mail came twice [{order_id}]")),
        Held::OftenMailedUnnoted => Outcome::Suspect(format!("promise 5: an e-mail came more than twice [{order_id}]")),
        Held::TwiceMailed => Outcome::Broken(format!("promise 5: an e-mail that was noted came twice [{order_id}]")),
    }
}

/// What is not left at that: what broke, and what a kill beside it can do.
pub(crate) fn doubt(stage: &Stage, outcome: &Outcome, order_id: &OrderId) -> Option<Outcome> {
    match outcome {
        Outcome::Broken(_) | Outcome::Suspect(_) | Outcome::TooLate(_) => Some(outcome.clone()),
        Outcome::Held | Outcome::AtLeastOnce if stage.letters.has_one_of(order_id) => {
            Some(Outcome::Suspect(format!("a message of its order was put aside [{order_id}]")))
        }
        Outcome::Held | Outcome::AtLeastOnce | Outcome::NotReached | Outcome::Unsteady(_) => None,
    }
}

/// What a doubt comes to, once it was played again without what may have done it. A promise that was broken once is broken.
pub(crate) fn verdict(first: Outcome, again: Outcome, doubt: Option<Outcome>) -> Outcome {
    match (first, again, doubt) {
        (Outcome::Broken(why), again, _) => Outcome::Broken(format!("{why}; played again: {again:?}")),
        (_, _, Some(Outcome::Broken(why) | Outcome::Suspect(why) | Outcome::TooLate(why))) => Outcome::Broken(why),
        (Outcome::TooLate(why), Outcome::NotReached, _) => Outcome::Broken(format!("{why}; played again, its call was not made")),
        (Outcome::TooLate(why), _, _) | (Outcome::Suspect(why), Outcome::NotReached, _) => Outcome::Unsteady(why),
        (_, again, _) => again,
    }
}

/// A call's name without its occurrence.
pub(crate) fn stem(name: &str) -> &str {
    name.split('#').next().unwrap_or(name)
}

/// Whose call it is.
pub(crate) fn function(name: &str) -> &str {
    name.split('/').next().unwrap_or(name)
}
