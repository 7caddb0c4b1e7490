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
        let nodes: Vec<_> = path.into_states().iter().map(order_model::graph::node).collect();
        for a in way(&m2, &nodes) { println!("   {a:?}"); }
    }
    println!("{name}: {} unique, {} generated, depth {}, histories {}, {:?}", checker.unique_state_count(), checker.state_count(), checker.max_depth(), book.len(), t.elapsed());
    let ends = graph.ends(&first);
    println!("   states {} edges {} good {} terminal {} bad {} stuck {:?} {:?}", ends.states, ends.steps, ends.good, ends.terminal, ends.bad, ends.stuck.as_ref().map(|s| s.len()), t.elapsed());
    if let Some(s) = ends.stuck { for a in way(&m2, &s) { println!("   {a:?}"); } }
}

#[test]
fn probe() {
    let d = OrderModel::default;
    run("confirmed", OrderModel { confirmed: true, subscriber: true, lapses: true, webhook: true, failing_refunds: true, on_the_way: 2, ..d() });
    run("actions lapses", OrderModel { actions: true, lapses: true, on_the_way: 0, customer: false, ..d() });
    run("actions way1", OrderModel { actions: true, on_the_way: 1, customer: false, ..d() });
    run("actions lapses webhook", OrderModel { actions: true, lapses: true, webhook: true, on_the_way: 0, customer: false, ..d() });
    run("paypal first", OrderModel { methods: vec![shared::domain::event::Provider::Paypal, shared::domain::event::Provider::Stripe], actions: true, customer: false, ..d() });
    run("erasure", OrderModel { erasure: true, on_the_way: 0, ..d() });
    let st = order_model::stock::StockModel::default();
    let t = Instant::now();
    let (book, graph) = (st.book.clone(), st.graph.clone());
    let first: Vec<_> = st.init_states().iter().map(order_model::graph::node).collect();
    let checker = st.checker().threads(2).spawn_bfs().join();
    for (name, path) in checker.discoveries() {
        println!("VIOLATED {name}");
        for a in path.into_actions() { println!("   {:?}", a.what); }
    }
    println!("stock: {} {} {:?}", checker.unique_state_count(), book.len(), t.elapsed());
    let ends = graph.ends(&first);
    println!("   states {} edges {} good {} terminal {} bad {} stuck {:?} {:?}", ends.states, ends.steps, ends.good, ends.terminal, ends.bad, ends.stuck.as_ref().map(|s| s.len()), t.elapsed());
}
