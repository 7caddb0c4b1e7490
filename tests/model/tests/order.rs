//! One order: promises 2 and 4, and what each rule is for.
#![allow(clippy::print_stdout, reason = "the figures are what these tests are for, beside failing")]

use std::time::Instant;

use order_model::{
    book::Rules,
    graph::node,
    order::{MOST_ON_THE_WAY, OrderModel, claims, way},
};
use shared::domain::event::Provider;
use stateright::{Checker, HasDiscoveries, Model, Property};

/// How many requests may be on their way at once, if `SOUK_MODEL_FAULTS` asks for more than a test does by itself.
fn at_least(on_the_way: usize) -> usize {
    let asked = std::env::var("SOUK_MODEL_FAULTS").ok().and_then(|faults| faults.parse().ok()).unwrap_or(0);
    on_the_way.max(asked).min(MOST_ON_THE_WAY)
}

fn told(model: &OrderModel, nodes: &[u64]) -> String {
    way(model, nodes).iter().fold(String::new(), |told, step| told + &format!("\n  {step:?}"))
}

/// Walks everything: every claim holds in every state, and every state comes to a good end by what happens for sure.
fn holds(name: &str, model: OrderModel) {
    let begun = Instant::now();
    let (graph, book, again) = (model.graph.clone(), model.book.clone(), model.clone());
    let first: Vec<_> = model.init_states().iter().map(node).collect();
    let checker = model.checker().threads(2).spawn_bfs().join();
    if let Some((claim, path)) = checker.discoveries().into_iter().next() {
        let nodes: Vec<_> = path.into_states().iter().map(node).collect();
        panic!("{name}: not true that {claim}:{}", told(&again, &nodes));
    }
    let ends = graph.ends(&first);
    println!(
        "{name}: {} states, {} steps, {} histories, {} good ends, {} of them final, {:.1?}",
        ends.states,
        ends.steps,
        book.len(),
        ends.good,
        ends.terminal,
        begun.elapsed()
    );
    assert_eq!(checker.unique_state_count(), ends.states, "two states have one fingerprint");
    if let Some(stuck) = ends.stuck {
        panic!("{name}: no good end is reached for sure:{}", told(&again, &stuck));
    }
    assert_eq!(ends.bad, 0, "a state without a step is no good end");
}

/// Walks until this claim is false.
fn breaks(name: &str, model: OrderModel, claim: &'static str) {
    let again = model.clone();
    let until = HasDiscoveries::AnyOf([claim].into());
    let checker = model.checker().threads(2).finish_when(until).spawn_bfs().join();
    let Some(path) = checker.discovery(claim) else { panic!("without {name} it is still true that {claim}") };
    let nodes: Vec<_> = path.into_states().iter().map(node).collect();
    println!("without {name}, after {} steps, it is not true that {claim}:{}", nodes.len() - 1, told(&again, &nodes));
}

/// Walks everything, and finds an order that never closes.
fn never_closes(name: &str, model: OrderModel) {
    let (graph, again) = (model.graph.clone(), model.clone());
    let first: Vec<_> = model.init_states().iter().map(node).collect();
    let states = model.checker().threads(2).spawn_bfs().join().unique_state_count();
    let Some(stuck) = graph.ends(&first).stuck else { panic!("without {name} every order closes, in {states} states") };
    println!("without {name}, after {} steps, the order never closes:{}", stuck.len() - 1, told(&again, &stuck));
}

fn without(leave_out: impl FnOnce(&mut Rules)) -> OrderModel {
    let mut rules = Rules::ALL;
    leave_out(&mut rules);
    OrderModel { rules, ..OrderModel::default() }
}

/// Two capture an order whose authorisation may still be on its way.
fn lost_while_it_is_captured(rules: Rules) -> OrderModel {
    let methods = vec![Provider::Stripe];
    OrderModel { methods, rules, subscriber: true, lapses: true, customer: false, ..OrderModel::default() }
}

fn paypal_first() -> Vec<Provider> {
    vec![Provider::Paypal, Provider::Stripe]
}

#[test]
fn every_order_closes_and_is_charged_at_most_once() {
    holds("an order", OrderModel { on_the_way: at_least(1), ..OrderModel::default() });
}

#[test]
fn two_requests_may_be_on_their_way_at_once() {
    holds("late landings", OrderModel { customer: false, on_the_way: at_least(2), ..OrderModel::default() });
}

#[test]
fn others_may_come_between_loading_and_appending() {
    holds("steps apart", OrderModel { customer: false, apart: true, on_the_way: at_least(1), ..OrderModel::default() });
}

#[test]
fn a_confirmed_order_is_captured_cancelled_and_refunded_whatever_fails() {
    let model = OrderModel { confirmed: true, subscriber: true, lapses: true, webhook: true, ..OrderModel::default() };
    holds("a confirmed order", OrderModel { failing_refunds: true, on_the_way: at_least(2), ..model });
}

#[test]
fn webhooks_may_tell_old_news() {
    holds("webhooks", OrderModel { webhook: true, on_the_way: at_least(0), ..OrderModel::default() });
}

#[test]
fn all_executors_work_on_one_order_from_its_first_event_on() {
    let model = OrderModel { subscriber: true, webhook: true, ..OrderModel::default() };
    holds("everybody", OrderModel { on_the_way: at_least(0), ..model });
}

#[test]
fn a_provider_may_ask_for_the_customer() {
    holds("customer actions", OrderModel { actions: true, customer: false, on_the_way: at_least(1), ..OrderModel::default() });
}

#[test]
fn a_provider_may_let_go_by_itself() {
    let model = OrderModel { actions: true, lapses: true, customer: false, ..OrderModel::default() };
    holds("lapses", OrderModel { on_the_way: at_least(0), ..model });
}

#[test]
fn a_hold_that_is_lost_while_it_is_captured_is_never_taken_afterwards() {
    let model = lost_while_it_is_captured(Rules::ALL);
    holds("lost while it is captured", OrderModel { on_the_way: at_least(2), ..model });
}

#[test]
fn the_method_that_cannot_be_cancelled_may_come_first() {
    let model = OrderModel { methods: paypal_first(), actions: true, customer: false, ..OrderModel::default() };
    holds("PayPal first", OrderModel { on_the_way: at_least(1), ..model });
}

#[test]
fn the_tokens_may_be_erased_at_any_time() {
    holds("erasure", OrderModel { erasure: true, on_the_way: at_least(0), ..OrderModel::default() });
}

#[test]
#[ignore = "minutes and gigabytes: run it by name"]
fn webhooks_may_tell_old_news_of_what_lapses_and_waits_for_the_customer() {
    let model = OrderModel { actions: true, lapses: true, webhook: true, customer: false, ..OrderModel::default() };
    holds("actions, lapses and webhooks", OrderModel { on_the_way: 0, ..model });
}

#[test]
#[ignore = "minutes and gigabytes: run it by name"]
fn an_order_is_placed_paid_cancelled_and_refunded_with_late_landings() {
    let model = OrderModel { subscriber: true, failing_refunds: true, ..OrderModel::default() };
    holds("the whole way to the refund", model);
}

#[test]
#[ignore = "minutes and gigabytes: run it by name"]
fn all_executors_work_on_one_order_while_a_request_of_any_is_on_its_way() {
    let model = OrderModel { subscriber: true, webhook: true, ..OrderModel::default() };
    holds("everybody, and late landings", OrderModel { on_the_way: at_least(1), ..model });
}

/// The claims would hold of a model in which nothing happens.
#[test]
fn the_model_reaches_what_it_is_about() {
    let model = OrderModel { subscriber: true, failing_refunds: true, recorded: false, ..OrderModel::default() };
    let checker = Reaches(model).checker().threads(2).finish_when(HasDiscoveries::All).spawn_bfs().join();
    checker.assert_properties();
}

struct Reaches(OrderModel);

impl Model for Reaches {
    type State = order_model::order::State;
    type Action = order_model::order::Move;

    fn init_states(&self) -> Vec<Self::State> {
        self.0.init_states()
    }

    fn actions(&self, state: &Self::State, actions: &mut Vec<Self::Action>) {
        self.0.actions(state, actions);
    }

    fn next_state(&self, _: &Self::State, action: Self::Action) -> Option<Self::State> {
        Some(action.to)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        use shared::domain::order::Status;
        vec![
            Property::sometimes("paid by the first method", |_, state: &Self::State| {
                state.log.order().captured_attempt() == Some(1)
            }),
            Property::sometimes("paid by the second method", |_, state: &Self::State| {
                state.log.order().captured_attempt() == Some(2) && state.log.order().attempts().len() == 2
            }),
            Property::sometimes("a good end of a paid order", |model: &Self, state: &Self::State| {
                state.log.order().status() == Status::Paid && model.0.is_good_end(state)
            }),
            Property::sometimes("a good end of a rejected order", |model: &Self, state: &Self::State| {
                state.log.order().status() == Status::Rejected && model.0.is_good_end(state) && state.stocked == 1
            }),
            Property::sometimes("out of stock", |_, state: &Self::State| {
                state.log.order().status() == Status::Rejected && state.stocked == 0
            }),
            Property::sometimes("a good end of a cancelled order that was held", |model: &Self, state: &Self::State| {
                let order = state.log.order();
                order.status() == Status::Cancelled && !order.attempts().is_empty() && model.0.is_good_end(state)
            }),
            Property::sometimes("refunded at the second try", |model: &Self, state: &Self::State| {
                state.log.order().refunds().len() == 2 && model.0.is_good_end(state)
            }),
        ]
    }
}

#[test]
fn cancelled_before_it_is_abandoned_an_authorisation_that_the_order_rests_on_is_destroyed() {
    breaks("abandoning first", without(|rules| rules.abandon_before_cancel = false), claims::NO_DESTRUCTION);
}

#[test]
fn a_decline_taken_for_a_death_leaves_a_hold() {
    breaks("the void after a decline", without(|rules| rules.void_after_decline = false), claims::CLOSED);
}

#[test]
fn without_the_wall_every_race_is_lost() {
    breaks("the wall", OrderModel { apart: true, ..without(|rules| rules.wall = false) }, claims::ONE_ALIVE);
}

#[test]
fn without_a_guard_on_a_cancel_a_paid_order_is_not_refunded() {
    let model = OrderModel { confirmed: true, ..without(|rules| rules.guard_on_cancel = false) };
    never_closes("a guard on OrderCancelled", model);
}

#[test]
fn without_a_guard_on_a_failed_refund_the_money_stays() {
    let model = OrderModel { confirmed: true, failing_refunds: true, ..without(|rules| rules.guard_on_refund_failure = false) };
    never_closes("a guard on RefundFailed", model);
}

#[test]
fn cancelled_while_it_is_captured_an_order_is_dead_and_charged() {
    let model = OrderModel { confirmed: true, subscriber: true, ..without(|rules| rules.no_cancel_while_capturing = false) };
    breaks("waiting for the capture's outcome", model, claims::ONLY_CONFIRMED);
}

#[test]
fn captured_unannounced_an_order_is_dead_and_charged() {
    let model = OrderModel { confirmed: true, subscriber: true, ..without(|rules| rules.announce_capture = false) };
    breaks("CaptureStarted", model, claims::ONLY_CONFIRMED);
}

#[test]
fn a_capture_called_failed_for_a_decline_from_before_the_hold_may_have_been_taken() {
    let model = without(|rules| rules.decline_fails_capture_where_it_is_heard = false);
    breaks("concluding only where it is heard", OrderModel { subscriber: true, webhook: true, ..model }, claims::ONLY_CONFIRMED);
}

#[test]
fn a_capture_called_failed_while_the_attempt_lives_may_be_taken_after_all() {
    let model = lost_while_it_is_captured(Rules { cancel_what_lost_its_hold: false, ..Rules::ALL });
    breaks("cancelling what lost its hold", model, claims::ONLY_CONFIRMED);
}

#[test]
fn authorised_before_it_is_named_a_hold_is_known_to_nobody() {
    breaks("preparing first", without(|rules| rules.prepare_first = false), claims::CLOSED);
}

#[test]
fn another_method_before_the_first_is_dead_makes_two_that_can_be_charged() {
    breaks("waiting for PaymentVoided", without(|rules| rules.second_only_after_voided = false), claims::ONE_ALIVE);
}

#[test]
fn what_cannot_be_cancelled_and_is_given_up_can_still_be_charged() {
    let model = OrderModel { methods: paypal_first(), ..without(|rules| rules.never_abandon_uncancellable = false) };
    breaks("keeping what cannot be cancelled", model, claims::ONE_ALIVE);
}

#[test]
fn what_cannot_be_cancelled_and_is_not_watched_is_held_after_the_end() {
    let model = OrderModel { methods: paypal_first(), ..without(|rules| rules.watch_unauthorized = false) };
    breaks("watching", model, claims::CLOSED);
}

#[test]
fn a_refund_without_a_name_goes_back_twice() {
    let model = OrderModel { confirmed: true, ..without(|rules| rules.refund_by_id = false) };
    breaks("the refund's own id", model, claims::NO_MORE_BACK);
}

#[test]
fn a_guard_on_a_failed_capture_is_one_more_than_needed() {
    let rules = Rules { guard_on_capture_failure: false, ..Rules::ALL };
    let model = OrderModel { confirmed: true, subscriber: true, lapses: true, webhook: true, rules, ..OrderModel::default() };
    holds("no guard on CaptureFailed: the one of OrderPlaced still lives", model);
}
