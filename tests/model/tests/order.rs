//! x
#![allow(clippy::print_stdout)]
use std::time::Instant;
use order_model::order::*;
use stateright::{Checker, Model};

fn run(name: &str, model: OrderModel) {
    let t = Instant::now();
    let (book, graph) = (model.book.clone(), model.graph.clone());
    let first: Vec<_> = model.init_states().iter().map(order_model::graph::node).collect();
    let m2 = model.clone();
    let checker = model.checker().threads(2).spawn_bfs().join();
    for (name, path) in checker.discoveries() {
        println!("VIOLATED {name}");
        for a in path.into_actions() { println!("   {a:?}"); }
    }
    println!("{name}: {} unique, {} generated, depth {}, histories {}, {:?}", checker.unique_state_count(), checker.state_count(), checker.max_depth(), book.len(), t.elapsed());
    let ends = graph.ends(&first);
    println!("   states {} edges {} good {} terminal {} stuck {:?} {:?}", ends.states, ends.edges, ends.good, ends.terminal, ends.stuck.as_ref().map(|s| s.len()), t.elapsed());
    if let Some(s) = ends.stuck { for a in way(&m2, &s) { println!("   {a:?}"); } }
}

#[test]
fn probe() {
    let d = OrderModel::default;
    run("bare", OrderModel { customer: false, on_the_way: 0, ..d() });
    run("customer", OrderModel { on_the_way: 0, ..d() });
    run("customer way1", d());
    if std::env::var("MORE").is_ok() {
    run("customer sub", OrderModel { subscriber: true, on_the_way: 0, ..d() });
    run("webhook", OrderModel { webhook: true, on_the_way: 0, ..d() });
    run("actions lapses", OrderModel { actions: true, lapses: true, on_the_way: 0, ..d() });
    }
}
