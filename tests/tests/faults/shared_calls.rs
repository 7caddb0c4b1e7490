//! Calls that name no order: what a function asks when it starts, and what orders share. Each is struck while an order needs
//! it, in a process that was killed for it to start again; whichever order meets the fault, every promise holds for all.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use shared::domain::ids::OrderId;
use tokio::task::JoinSet;

use crate::{
    cells::{self, FAULTS, Fault, KILL_BEFORE, Outcome, function, past_its_timeout, stem},
    promises::{self, Broken, Strike},
    proxy::{Call, Proxy},
    scenarios::{Client, Play, Scenario, Stage},
};

/// How often a call is waited for, each time with another order, and in another scenario: functions are looked at side by
/// side, so that a call may have been another scenario's than that in which it was seen.
const TRIES: usize = 8;

/// What came of a call that names no order.
#[derive(Clone, Debug)]
pub(crate) struct Struck {
    /// Its name without its occurrence.
    pub(crate) call: String,
    pub(crate) fault: Fault,
    pub(crate) client: Client,
    pub(crate) outcome: Outcome,
}

/// A function's calls that name no order, all struck in one way.
#[derive(Clone, Debug)]
pub(crate) struct Calls {
    function: String,
    fault: Fault,
    /// The scenarios that the function has a part in, each with its first call there.
    firsts: Vec<(Scenario, String)>,
}

impl Calls {
    /// What it is sliced by: which scenarios the function had a part in does not move it to another slice.
    pub(crate) fn name(&self) -> String {
        format!("{} / {}", self.function, self.fault.name)
    }
}

/// A call that names no order, as it is to be struck.
#[derive(Clone, Debug)]
struct SharedCall {
    /// Its name without its occurrence.
    name: String,
    /// Where the function has a part, with its first call for an order there: it starts again when that one kills it. The
    /// scenario in which this call was seen comes first.
    firsts: Vec<(Scenario, String)>,
    delay_ms: u64,
}

/// Every function of these recordings with every fault.
pub(crate) fn all(recordings: &[(Scenario, Vec<Call>)]) -> Vec<Calls> {
    let mut functions: BTreeMap<&str, Vec<(Scenario, String)>> = BTreeMap::new();
    let (mut recordings, mut known) = (recordings.iter().collect::<Vec<_>>(), BTreeSet::new());
    recordings.sort_by_key(|(scenario, _)| scenario.only_adds());
    for (scenario, calls) in recordings {
        for call in calls {
            // A scenario that only adds is played for those functions alone that no other calls.
            if !scenario.only_adds() {
                known.insert(function(&call.name));
            } else if known.contains(function(&call.name)) {
                continue;
            }
            let firsts = functions.entry(function(&call.name)).or_default();
            if !firsts.iter().any(|(of, _)| of.name == scenario.name) {
                firsts.push((*scenario, call.name.clone()));
            }
        }
    }
    let with_every_fault = |(function, firsts): (&str, Vec<(Scenario, String)>)| {
        let function = function.to_owned();
        FAULTS.map(|fault| Calls { function: function.clone(), fault, firsts: firsts.clone() })
    };
    functions.into_iter().flat_map(with_every_fault).collect()
}

/// Strikes them: functions side by side, the calls of each one after the other, for two could not tell whose was struck. What
/// is doubtful then is struck again alone. And what broke though nothing was struck but the functions' starts.
pub(crate) async fn strike(stage: &Arc<Stage>, chosen: Vec<Calls>) -> (Vec<Struck>, Vec<String>) {
    let mut by_function: BTreeMap<String, Vec<Calls>> = BTreeMap::new();
    for calls in chosen {
        by_function.entry(calls.function.clone()).or_default().push(calls);
    }
    let mut running = JoinSet::new();
    for chosen in by_function.into_values() {
        let stage = stage.clone();
        running.spawn(async move {
            let (found, broken) = find(&stage, &chosen[0]).await;
            let mut struck = Vec::new();
            for fault in chosen.iter().map(|calls| calls.fault) {
                for (call, client) in found.iter().flat_map(|call| [(call, Client::Repeats), (call, Client::NeverBack)]) {
                    let (outcome, order_id) = call.strike(&stage, fault, client).await;
                    struck.push((call.clone(), fault, client, outcome, order_id));
                }
            }
            (struck, broken)
        });
    }
    let (struck, broken): (Vec<_>, Vec<_>) = running.join_all().await.into_iter().unzip();
    if !struck.is_empty() {
        stage.letters.are_all_seen(&stage.shop).await;
    }
    let mut outcomes = Vec::new();
    for (call, fault, client, outcome, order_id) in struck.concat() {
        let outcome = match cells::doubt(stage, &outcome, &order_id) {
            Some(first) => call.strike_again(stage, fault, client, first).await,
            None => outcome,
        };
        outcomes.push(Struck { call: call.name, fault, client, outcome });
    }
    outcomes.sort_by(|one, other| (&one.call, one.fault.name).cmp(&(&other.call, other.fault.name)));
    (outcomes, broken.concat())
}

/// Has the function killed at its first call in each scenario: what it then calls, beside what names an order, it shares. And
/// the promises that this broke.
async fn find(stage: &Arc<Stage>, calls: &Calls) -> (Vec<SharedCall>, Vec<String>) {
    let mut found: BTreeMap<String, SharedCall> = BTreeMap::new();
    let mut promises = Vec::new();
    let mut killed = 0;
    for (index, (scenario, first)) in calls.firsts.iter().enumerate() {
        let proxy = crate::proxy(stage);
        let before = proxy.all_calls().await.last().map_or(0, |call| call.number);
        // Others are killed beside it: a time limit that breaks is looked at again.
        let was_killed = match looked_at(stage, *scenario, first).await {
            Ok(was_killed) => was_killed,
            Err(broken) => {
                println!("doubtful: {} with {} killed\n          {broken}", scenario.name, calls.function);
                if let Broken::Promise(what) = broken {
                    promises.push(format!("{} with {} killed: {what}", scenario.name, calls.function));
                }
                let again = looked_at(stage, *scenario, first).await;
                again.unwrap_or_else(|error| panic!("{} with {} killed: {error}", scenario.name, calls.function))
            }
        };
        if !was_killed {
            continue;
        }
        killed += 1;
        let shared = |call: &Call| call.number > before && call.order_id.is_none() && function(&call.name) == calls.function;
        for call in proxy.all_calls().await.into_iter().filter(shared) {
            let (name, delay_ms) = (stem(&call.name).to_owned(), past_its_timeout(&call, &stage.shop.outputs.limits));
            let mut firsts = calls.firsts.clone();
            firsts.rotate_left(index);
            found.entry(name.clone()).or_insert(SharedCall { name, firsts, delay_ms });
        }
    }
    assert!(killed > 0, "{} was never killed, so that it never started again", calls.function);
    (found.into_values().collect(), promises)
}

/// Plays a scenario in which the function is killed at its first call. `false`: this run made no such call.
async fn looked_at(stage: &Stage, scenario: Scenario, first: &str) -> Result<bool, Broken> {
    let play = Play::prepare(stage, scenario, Client::Repeats).await;
    play.before().await;
    let killed = kill(stage, &play, first).await;
    play.act().await?;
    promises::hold(stage, &play, &[killed]).await?;
    Ok(play.proxy().did_strike(killed.id).await)
}

/// Has the function killed at its first call for the order: another process starts.
async fn kill(stage: &Stage, play: &Play<'_>, first: &str) -> Strike {
    let id = play.proxy().fault(Some(&play.order_id), first, KILL_BEFORE, None).await;
    Strike { id, again: stage.comes_again(first, KILL_BEFORE) }
}

impl SharedCall {
    async fn strike(&self, stage: &Stage, fault: Fault, client: Client) -> (Outcome, OrderId) {
        let mut tries = self.firsts.iter().cycle().take(TRIES).peekable();
        loop {
            let (scenario, first) = tries.next().expect("the last try is answered");
            match self.play(stage, *scenario, first, fault, client).await {
                (Outcome::NotReached, _) if tries.peek().is_some() => {}
                played => return played,
            }
        }
    }

    /// Alone, after it was doubtful beside others.
    async fn strike_again(&self, stage: &Stage, fault: Fault, client: Client, first: Outcome) -> Outcome {
        let (outcome, order_id) = self.strike(stage, fault, client).await;
        stage.letters.are_all_seen(&stage.shop).await;
        let doubt = cells::doubt(stage, &outcome, &order_id);
        let verdict = cells::verdict(first, outcome, doubt);
        println!("again: {} / {}: {verdict:?}", self.name, fault.title);
        verdict
    }

    async fn play(&self, stage: &Stage, scenario: Scenario, first: &str, fault: Fault, client: Client) -> (Outcome, OrderId) {
        let play = Play::prepare(stage, scenario, client).await;
        play.before().await;
        let proxy: Proxy = play.proxy();
        let killed = kill(stage, &play, first).await;
        let made = proxy.all_calls().await.into_iter().filter(|call| call.order_id.is_none() && stem(&call.name) == self.name);
        let next = made.map(|call| call.occurrence).max().unwrap_or(0) + 1;
        let delay_ms = (fault.name == "delay").then_some(self.delay_ms);
        let id = proxy.fault(None, &format!("{}#{next}", self.name), fault, delay_ms).await;
        let strike = Strike { id, again: stage.comes_again(&self.name, fault) };
        let held = match play.act().await {
            Ok(()) => promises::hold(stage, &play, &[killed, strike]).await,
            Err(broken) => Err(broken),
        };
        proxy.withdraw(id).await;
        let outcome = match held {
            Err(broken) => Outcome::of(&broken, &play.order_id),
            Ok(_) if !proxy.did_strike(id).await => Outcome::NotReached,
            Ok(held) => cells::of(held, false, &play.order_id),
        };
        if let Some(why) = outcome.in_doubt() {
            println!("doubtful: {} / {}\n          {why}", self.name, fault.title);
        }
        (outcome, play.order_id)
    }
}
