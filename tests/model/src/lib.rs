//! Every interleaving and every fault of an order, within stated bounds, checked against the real rules.
//!
//! The rules are [`shared::domain::order::Order`]'s own: [`book`] asks its commands and folds its events, and holds no copy
//! of them. What is modelled here is what surrounds them: the functions that load, decide, act at a provider and append
//! ([`order`]), the provider's objects, requests that land late, and the guard. [`stock`] lets two orders want the same last
//! piece. [`graph`] says whether every state can still come to a closed order.

pub mod book;
pub mod graph;
pub mod order;
pub mod stock;
