//! Two orders on a stock of one: promise 3.
#![allow(clippy::print_stdout, reason = "the figures are what these tests are for, beside failing")]

use std::time::Instant;

use order_model::{
    book::Rules,
    graph::node,
    stock::{CONSERVED, NEVER_NEGATIVE, StockModel},
};
use stateright::{Checker, HasDiscoveries, Model};

fn holds(name: &str, model: StockModel) {
    let begun = Instant::now();
    let (graph, first) = (model.graph.clone(), model.init_states().iter().map(node).collect::<Vec<_>>());
    let checker = model.checker().threads(2).spawn_bfs().join();
    let broken: Vec<_> = checker.discoveries().into_keys().collect();
    let ends = graph.ends(&first);
    println!("{name}: {} states, {} steps, {} good ends, {:.1?}", ends.states, ends.steps, ends.good, begun.elapsed());
    assert!(broken.is_empty(), "{broken:?}");
    assert_eq!(checker.unique_state_count(), ends.states, "no two states have one fingerprint");
    assert!(ends.stuck.is_none(), "some state comes to no good end");
    assert_eq!(ends.bad, 0, "every state without a step is a good end");
}

/// Walks until this claim is false.
fn breaks(name: &str, model: StockModel, claim: &'static str) {
    let until = HasDiscoveries::AnyOf([claim].into());
    let checker = model.checker().threads(2).finish_when(until).spawn_bfs().join();
    let Some(path) = checker.discovery(claim) else { panic!("without {name} it is still true that {claim}") };
    let way: Vec<_> = path.into_actions().into_iter().map(|step| step.what).collect();
    println!("without {name}, after {} steps, it is not true that {claim}: {way:?}", way.len());
}

#[test]
fn the_last_piece_is_sold_once_whatever_crashes_and_whatever_is_lost() {
    holds("two orders on one piece", StockModel { customers: false, on_the_way: 2, ..StockModel::default() });
}

#[test]
fn the_last_piece_is_sold_once_while_the_customers_cancel() {
    holds("two orders on one piece, cancelled", StockModel::default());
}

#[test]
fn without_the_wall_stock_is_taken_or_given_back_twice() {
    let rules = Rules { wall: false, ..Rules::ALL };
    breaks("the wall", StockModel { rules, ..StockModel::default() }, CONSERVED);
}

#[test]
fn without_the_condition_more_is_sold_than_there_is() {
    breaks("the condition", StockModel { condition: false, ..StockModel::default() }, NEVER_NEGATIVE);
}
