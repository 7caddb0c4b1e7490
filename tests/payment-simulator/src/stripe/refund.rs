//! A refund and its life: <https://docs.stripe.com/refunds>.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::{command::NewRefund, id, intent::Intent, tokens::RefundFate};

/// A refund of a part of an intent, or of all of it.
#[derive(Debug)]
pub(super) struct Refund {
    pub(super) id: String,
    pub(super) intent: String,
    pub(super) charge: Option<String>,
    pub(super) amount: i64,
    pub(super) currency: String,
    pub(super) reason: Option<&'static str>,
    pub(super) metadata: BTreeMap<String, String>,
    /// Unix seconds.
    pub(super) created: i64,
    pub(super) status: &'static str,
    pub(super) failure_reason: Option<&'static str>,
    pub(super) fate: RefundFate,
}

impl Refund {
    /// Gives back so much, which the intent has already accounted for.
    pub(super) fn new(intent: &Intent, new: &NewRefund, amount: i64, now: Timestamp) -> Self {
        let fate = intent.payment_method.as_ref().map_or(RefundFate::Arrives, |method| method.card.refunds);
        Self {
            id: id("re"),
            intent: intent.id.clone(),
            charge: intent.latest_charge.clone(),
            amount,
            currency: intent.currency.clone(),
            reason: new.reason,
            metadata: new.metadata.clone(),
            created: now.as_second(),
            status: if fate == RefundFate::ArrivesLater { "pending" } else { "succeeded" },
            failure_reason: None,
            fate,
        }
    }

    /// What was to come of it has come.
    pub(super) fn settle(&mut self) {
        if self.fate == RefundFate::Fails {
            self.status = "failed";
            self.failure_reason = Some("unknown");
        } else {
            self.status = "succeeded";
        }
    }
}
