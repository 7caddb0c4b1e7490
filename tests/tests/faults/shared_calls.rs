//! Calls that name no order: what a function asks when it starts, and what orders share. Each is struck while an order needs
//! it, in a process that was killed for it to start again; whichever order meets the fault, every promise holds for all.

use std::{collections::BTreeMap, sync::Arc};

use tokio::task::JoinSet;

use crate::{
    cells::{FAULTS, Fault, Outcome, past_its_timeout, record, stem},
    promises,
    proxy::{Call, Proxy},
    scenarios::{Client, Play, SCENARIOS, Scenario, Stage},
};

/// How often a call is waited for, each time with another order.
const TRIES: usize = 5;

/// A call that names no order, as it is to be struck.
#[derive(Clone, Debug)]
pub(crate) struct SharedCall {
    /// Its name without its occurrence.
    pub(crate) name: String,
    scenario: Scenario,
    /// The first call for an order by the same function, which starts again when this one kills it.
    first: String,
    delay_ms: u64,
}

/// Every such call of the scenarios, struck in every way.
pub(crate) async fn strike_all(stage: &Arc<Stage>) -> Vec<(String, Fault, Outcome)> {
    let mut by_function: BTreeMap<String, Vec<SharedCall>> = BTreeMap::new();
    for call in find(stage).await {
        by_function.entry(function(&call.name).to_owned()).or_default().push(call);
    }
    // One order for each function at a time: two could not tell whose call was struck.
    let mut running = JoinSet::new();
    for calls in by_function.into_values() {
        let stage = stage.clone();
        running.spawn(async move {
            let mut outcomes = Vec::new();
            for call in calls {
                for fault in FAULTS {
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
    outcomes.sort_by(|(one, ..), (other, ..)| one.cmp(other));
    outcomes
}

/// Plays each scenario as often as it has functions; each time another one is killed at its first call, and starts again.
async fn find(stage: &Arc<Stage>) -> Vec<SharedCall> {
    let mut found: BTreeMap<String, SharedCall> = BTreeMap::new();
    for scenario in SCENARIOS {
        let calls = record(stage, scenario).await;
        let mut firsts: BTreeMap<&str, &str> = BTreeMap::new();
        for call in &calls {
            firsts.entry(function(&call.name)).or_insert(&call.name);
        }
        firsts.retain(|function, _| !found.values().any(|call| self::function(&call.name) == *function));
        for (function, first) in firsts {
            let proxy = crate::proxy(stage);
            let before = proxy.all_calls().await.last().map_or(0, |call| call.number);
            let play = Play::prepare(stage, scenario, Client::Repeats).await;
            play.before().await;
            proxy.fault(Some(&play.order_id), first, "kill_before", None).await;
            play.act().await.unwrap_or_else(|error| panic!("{} with {function} killed: {error}", scenario.name));
            let held = promises::hold(stage, &play).await;
            held.unwrap_or_else(|error| panic!("{} with {function} killed: {error}", scenario.name));
            let of_function = |call: &Call| call.number > before && call.order_id.is_none() && self::function(&call.name) == function;
            for call in proxy.all_calls().await.into_iter().filter(of_function) {
                found.entry(stem(&call.name).to_owned()).or_insert_with(|| SharedCall {
                    name: stem(&call.name).to_owned(),
                    scenario,
                    first: first.to_owned(),
                    delay_ms: past_its_timeout(&call),
                });
            }
        }
    }
    found.into_values().collect()
}

impl SharedCall {
    async fn strike(&self, stage: &Stage, fault: Fault) -> Outcome {
        for _ in 0..TRIES {
            match self.play(stage, fault).await {
                Outcome::NotReached => {}
                outcome => return outcome,
            }
        }
        Outcome::NotReached
    }

    async fn play(&self, stage: &Stage, fault: Fault) -> Outcome {
        let play = Play::prepare(stage, self.scenario, Client::Repeats).await;
        play.before().await;
        let proxy: Proxy = play.proxy();
        proxy.fault(Some(&play.order_id), &self.first, "kill_before", None).await;
        let made = proxy.all_calls().await.into_iter().filter(|call| call.order_id.is_none() && stem(&call.name) == self.name);
        let next = made.map(|call| call.occurrence).max().unwrap_or(0) + 1;
        let delay_ms = (fault.name == "delay").then_some(self.delay_ms);
        let id = proxy.fault(None, &format!("{}#{next}", self.name), fault.name, delay_ms).await;
        let acted = play.act().await;
        let held = match acted {
            Ok(()) => promises::hold(stage, &play).await,
            Err(broken) => Err(broken),
        };
        match (held, proxy.did_strike(id).await) {
            (Err(broken), _) => Outcome::Broken(format!("{broken} [{}]", play.order_id)),
            (Ok(_), Err(error)) => Outcome::Broken(format!("the fault could not be made: {error}")),
            (Ok(_), Ok(false)) => Outcome::NotReached,
            (Ok(_), Ok(true)) => Outcome::Held,
        }
    }
}

fn function(name: &str) -> &str {
    name.split('/').next().unwrap_or(name)
}
