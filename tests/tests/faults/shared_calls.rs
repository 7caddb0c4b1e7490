//! Calls that name no order: what a function asks when it starts, and what orders share. Each is struck while an order needs
//! it, in a process that was killed for it to start again; whichever order meets the fault, every promise holds for all.

use std::{collections::BTreeMap, sync::Arc};

use tokio::task::JoinSet;

use crate::{
    cells::{FAULTS, Fault, Outcome, past_its_timeout, stem},
    promises,
    proxy::{Call, Proxy},
    scenarios::{Client, Play, Scenario, Stage},
};

/// How often a call is waited for, each time with another order, and in another scenario: functions are looked at side by
/// side, so that a call may have been another scenario's than that in which it was seen.
const TRIES: usize = 8;

/// A function's calls that name no order, all struck in one way.
#[derive(Clone, Debug)]
pub(crate) struct Calls {
    function: String,
    fault: Fault,
    /// The scenarios that the function has a part in, each with its first call there.
    firsts: Vec<(Scenario, String)>,
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
    for (scenario, calls) in recordings {
        for call in calls {
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

/// Strikes them: functions side by side, the calls of each one after the other, for two could not tell whose was struck.
pub(crate) async fn strike(stage: &Arc<Stage>, chosen: Vec<Calls>) -> Vec<(String, Fault, Outcome)> {
    let mut by_function: BTreeMap<String, Vec<Calls>> = BTreeMap::new();
    for calls in chosen {
        by_function.entry(calls.function.clone()).or_default().push(calls);
    }
    let mut running = JoinSet::new();
    for chosen in by_function.into_values() {
        let stage = stage.clone();
        running.spawn(async move {
            let found = find(&stage, &chosen[0]).await;
            let mut outcomes = Vec::new();
            for fault in chosen.iter().map(|calls| calls.fault) {
                for call in &found {
                    let outcome = call.strike(&stage, fault).await;
                    if let Outcome::Broken(why) = &outcome {
                        println!("broken: {} / {}\n        {why}", call.name, fault.title);
                    }
                    outcomes.push((call.name.clone(), fault, outcome));
                }
            }
            outcomes
        });
    }
    let mut outcomes = running.join_all().await.concat();
    outcomes.sort_by(|(one, fault, _), (other, other_fault, _)| (one, fault.name).cmp(&(other, other_fault.name)));
    outcomes
}

/// Has the function killed at its first call in each scenario: what it then calls, beside what names an order, it shares.
async fn find(stage: &Arc<Stage>, calls: &Calls) -> Vec<SharedCall> {
    let mut found: BTreeMap<String, SharedCall> = BTreeMap::new();
    for (index, (scenario, first)) in calls.firsts.iter().enumerate() {
        let proxy = crate::proxy(stage);
        let before = proxy.all_calls().await.last().map_or(0, |call| call.number);
        let play = Play::prepare(stage, *scenario, Client::Repeats).await;
        play.before().await;
        proxy.fault(&play.order_id, first, "kill_before", None).await;
        let held = match play.act().await {
            Ok(()) => promises::hold(stage, &play).await.map(drop),
            Err(broken) => Err(broken),
        };
        held.unwrap_or_else(|error| panic!("{} with {} killed: {error}", scenario.name, calls.function));
        let shared = |call: &Call| call.number > before && call.order_id.is_none() && function(&call.name) == calls.function;
        for call in proxy.all_calls().await.into_iter().filter(shared) {
            let (name, delay_ms) = (stem(&call.name).to_owned(), past_its_timeout(&call, &stage.shop.outputs.limits));
            let mut firsts = calls.firsts.clone();
            firsts.rotate_left(index);
            found.entry(name.clone()).or_insert(SharedCall { name, firsts, delay_ms });
        }
    }
    found.into_values().collect()
}

impl SharedCall {
    async fn strike(&self, stage: &Stage, fault: Fault) -> Outcome {
        for (scenario, first) in self.firsts.iter().cycle().take(TRIES) {
            match self.play(stage, *scenario, first, fault).await {
                Outcome::NotReached => {}
                outcome => return outcome,
            }
        }
        Outcome::NotReached
    }

    async fn play(&self, stage: &Stage, scenario: Scenario, first: &str, fault: Fault) -> Outcome {
        let play = Play::prepare(stage, scenario, Client::Repeats).await.killed_twice();
        play.before().await;
        let proxy: Proxy = play.proxy();
        proxy.fault(&play.order_id, first, "kill_before", None).await;
        let made = proxy.all_calls().await.into_iter().filter(|call| call.order_id.is_none() && stem(&call.name) == self.name);
        let next = made.map(|call| call.occurrence).max().unwrap_or(0) + 1;
        let delay_ms = (fault.name == "delay").then_some(self.delay_ms);
        let id = proxy.fault_shared(&format!("{}#{next}", self.name), fault.name, delay_ms).await;
        let acted = play.act().await;
        let held = match acted {
            Ok(()) => promises::hold(stage, &play).await,
            Err(broken) => Err(broken),
        };
        proxy.withdraw(id).await;
        match held {
            Err(broken) => Outcome::Broken(format!("{broken} [{}]", play.order_id)),
            Ok(_) if proxy.did_strike(id).await => Outcome::Held,
            Ok(_) => Outcome::NotReached,
        }
    }
}

fn function(name: &str) -> &str {
    name.split('/').next().unwrap_or(name)
}
