//! What a provider can say of an attempt to pay, and what that means for the order.

use jiff::{SignedDuration, Timestamp};

use super::{
    ids::RefundId,
    money::Money,
    order::{Attempt, Decision, Order, Outcome, Refund, RefundProgress},
};

/// A hold that is not needed any more is freed within this time of the provider being reachable, or somebody must look.
const HOLD_OVERSTAYS: SignedDuration = SignedDuration::from_hours(1);

/// What a provider says of a prepared attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PaymentState {
    /// Nothing was done with it: it may be authorised.
    Prepared,
    /// It waits for the customer to authenticate or approve.
    ActionRequired,
    /// The money is held.
    Authorized {
        /// Until when it can be captured.
        capture_before: Option<Timestamp>,
    },
    /// The method was refused, with the provider's own code.
    Declined(String),
    /// The provider has not decided.
    Undecided,
    /// It is dead: nothing is held and nothing can be charged.
    Voided,
    /// The money was taken.
    Captured,
}

/// What became of a refund at the provider.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RefundState {
    /// The money is on its way back.
    Refunded,
    /// The provider has not decided.
    Pending,
    /// It did not come about, for this reason.
    Failed(String),
}

/// A refund as its provider lists it, whoever made it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListedRefund {
    /// What we called it; something else or nothing, if we did not make it.
    pub name: Option<String>,
    /// How much it is of; nothing, if that cannot be read.
    pub amount: Option<Money>,
    /// What became of it.
    pub state: RefundState,
}

impl ListedRefund {
    /// Whether it is this one.
    pub fn is(&self, id: &RefundId) -> bool {
        self.name.as_deref() == Some(id.as_str())
    }

    /// What became of this one; nothing, if it is not among those.
    pub fn state_of<'a>(id: &RefundId, listed: &'a [Self]) -> Option<&'a RefundState> {
        listed.iter().find(|refund| refund.is(id)).map(|refund| &refund.state)
    }

    /// Whether the money is gone, or on its way.
    fn stands(state: &RefundState) -> bool {
        !matches!(state, RefundState::Failed(_))
    }
}

impl Order {
    /// The provider said this of an attempt, whoever asked: a step, a webhook, or the reconciliation.
    pub fn observed(&self, attempt: u32, state: &PaymentState) -> Decision {
        match state {
            PaymentState::Prepared | PaymentState::Undecided => Decision::AlreadyDone,
            PaymentState::ActionRequired => self.require_action(attempt),
            PaymentState::Authorized { capture_before } => self.authorize_payment(attempt, *capture_before),
            PaymentState::Declined(code) => self.decline_payment(attempt, code),
            PaymentState::Voided if self.capture_is_under_way(attempt) => {
                self.fail_capture(attempt, "the provider says that the authorisation is gone")
            }
            PaymentState::Voided => self.void_payment(attempt),
            PaymentState::Captured => self.capture(attempt),
        }
    }

    /// What is wrong between this attempt's events and what its provider says now; nothing, when they agree or when what
    /// they differ in is owed and being settled.
    pub fn difference(&self, attempt: &Attempt, state: &PaymentState, now: Timestamp) -> Option<&'static str> {
        let captured = self.captured_attempt() == Some(attempt.number);
        let confirmed = *self.outcome() == Outcome::Confirmed { attempt: attempt.number };
        let overstays = || self.ended_at().is_some_and(|ended| now.duration_since(ended) > HOLD_OVERSTAYS);
        match state {
            PaymentState::Captured if captured || self.capture_is_under_way(attempt.number) => None,
            PaymentState::Captured => Some("the provider took money that no event speaks of"),
            _ if captured => Some("the events say that money was taken, and the provider does not"),
            PaymentState::Authorized { .. } if attempt.voided => {
                Some("the provider holds money for an attempt that is called dead")
            }
            PaymentState::Authorized { .. } if self.may_void(attempt) && overstays() => {
                Some("the provider holds money that is not needed, for over an hour")
            }
            PaymentState::Authorized { .. } => None,
            // The provider has not decided on the capture.
            PaymentState::Undecided if self.capture_is_under_way(attempt.number) => None,
            // Its hold was lost: it is about to be cancelled.
            _ if confirmed && self.capture_has_failed() => None,
            _ if confirmed => Some("the order is confirmed, and the provider holds no money for it"),
            _ => None,
        }
    }

    /// What is wrong with how much its provider took of the payment that was captured: always the whole order.
    pub fn amount_difference(&self, taken: Option<Money>) -> Option<&'static str> {
        self.captured_attempt()?;
        taken.filter(|taken| *taken != self.placed.total)?;
        Some("the provider took another amount than the order's total")
    }

    /// What is wrong between the refunds that the events speak of and all that the provider lists for the payment that was
    /// captured; nothing, when they agree or are on their way.
    pub fn refund_difference(&self, listed: &[ListedRefund]) -> Option<&'static str> {
        let is_expected = |listed: &ListedRefund| {
            self.refunds().iter().any(|refund| refund.progress != RefundProgress::Failed && listed.is(&refund.id))
        };
        let is_of_another_amount = |refund: &Refund| {
            listed.iter().any(|listed| {
                listed.is(&refund.id)
                    && ListedRefund::stands(&listed.state)
                    && listed.amount.is_some_and(|of| of != refund.amount)
            })
        };
        let is_missing = |id: &RefundId| !ListedRefund::state_of(id, listed).is_some_and(ListedRefund::stands);
        if listed.iter().any(|refund| ListedRefund::stands(&refund.state) && !is_expected(refund)) {
            Some("the provider gave back money that no event speaks of")
        } else if self.refunds().iter().any(|refund| refund.progress == RefundProgress::Refunded && is_missing(&refund.id)) {
            Some("the events say that money was given back, and the provider does not")
        } else if self.refunds().iter().any(is_of_another_amount) {
            Some("the provider gave back another amount than the events say")
        } else {
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{
        event::{Cancellation, Event, Fact, Line, OrderPlaced, Provider},
        ids::CustomerId,
        money::{Currency, Money},
    };

    fn order(facts: &[Fact]) -> Order {
        let price = Money { amount: 4599, currency: Currency::USD };
        let placed = OrderPlaced {
            customer_id: CustomerId("kareem".into()),
            fingerprint: "f".into(),
            items: vec![Line { sku: "mug".parse().unwrap(), name: "Mug".into(), quantity: 1, unit_price: price }],
            total: price,
            payment_methods: vec![Provider::Stripe],
        };
        let prepared = Fact::PaymentPrepared { attempt: 1, provider: Provider::Stripe, reference: "pi_1".into() };
        let facts = [Fact::OrderPlaced(placed), Fact::InventoryReserved {}, prepared].into_iter().chain(facts.iter().cloned());
        let order_id: crate::domain::ids::OrderId = "ord_00000000000000000000000000000001".parse().unwrap();
        let event = |(sequence, fact)| Event { order_id: order_id.clone(), sequence, at: Timestamp::UNIX_EPOCH, fact };
        Order::from_events(&(1..).zip(facts).map(event).collect::<Vec<_>>()).unwrap()
    }

    fn paid(facts: &[Fact]) -> Order {
        let authorized = Fact::PaymentAuthorized { attempt: 1, capture_before: None };
        let paid = [authorized, Fact::OrderConfirmed { attempt: 1 }, Fact::CaptureStarted { attempt: 1 }];
        order(&[&paid[..], &[Fact::PaymentCaptured { attempt: 1 }], facts].concat())
    }

    fn differs(facts: &[Fact], state: &PaymentState, minutes: i64) -> bool {
        let order = order(facts);
        let now = Timestamp::UNIX_EPOCH.saturating_add(SignedDuration::from_mins(minutes)).unwrap();
        order.difference(order.attempt(1).unwrap(), state, now).is_some()
    }

    const HELD: PaymentState = PaymentState::Authorized { capture_before: None };

    #[test]
    fn a_hold_that_is_gone_while_it_is_captured_is_a_failed_capture() {
        let authorized = Fact::PaymentAuthorized { attempt: 1, capture_before: None };
        let capturing = [authorized, Fact::OrderConfirmed { attempt: 1 }, Fact::CaptureStarted { attempt: 1 }];
        let observed = |state: PaymentState| order(&capturing).observed(1, &state);
        assert!(matches!(observed(PaymentState::Voided), Decision::Append(Fact::CaptureFailed { attempt: 1, .. })));
        let old = observed(PaymentState::Declined("denied".into()));
        assert!(matches!(old, Decision::NotAllowed(_)), "it may be news from before the hold");
    }

    #[test]
    fn money_that_no_event_speaks_of_is_a_difference() {
        let confirmed = [Fact::PaymentAuthorized { attempt: 1, capture_before: None }, Fact::OrderConfirmed { attempt: 1 }];
        let capturing = [&confirmed[..], &[Fact::CaptureStarted { attempt: 1 }]].concat();
        let captured = [&capturing[..], &[Fact::PaymentCaptured { attempt: 1 }]].concat();
        assert!(differs(&[], &PaymentState::Captured, 0));
        assert!(differs(&confirmed, &PaymentState::Captured, 0));
        assert!(!differs(&capturing, &PaymentState::Captured, 0), "it is being heard of");
        assert!(!differs(&captured, &PaymentState::Captured, 0));
        assert!(differs(&captured, &HELD, 0));
        assert!(differs(&captured, &PaymentState::Voided, 0));
        assert!(differs(&confirmed, &PaymentState::Voided, 0));
        assert!(differs(&confirmed, &PaymentState::Prepared, 0));
        assert!(!differs(&confirmed, &HELD, 0));
        let lost = [&capturing[..], &[Fact::CaptureFailed { attempt: 1, reason: "gone".into() }]].concat();
        assert!(!differs(&lost, &PaymentState::Voided, 0), "it is about to be cancelled");
        assert!(differs(&lost, &PaymentState::Captured, 0));
        assert!(!differs(&capturing, &PaymentState::Undecided, 0), "PayPal may take days over a capture");
        assert!(differs(&confirmed, &PaymentState::Undecided, 0));
        assert!(differs(&captured, &PaymentState::Undecided, 0));
    }

    #[test]
    fn a_hold_that_is_not_needed_is_a_difference_once_it_overstays() {
        let cancelled = [Fact::OrderCancelled { reason: Cancellation::CustomerRequest }];
        assert!(!differs(&cancelled, &HELD, 60));
        assert!(differs(&cancelled, &HELD, 61));
        let voided = [&cancelled[..], &[Fact::PaymentVoided { attempt: 1 }]].concat();
        assert!(differs(&voided, &HELD, 0));
        assert!(!differs(&voided, &PaymentState::Voided, 0));
    }

    #[test]
    fn an_attempt_without_an_outcome_is_no_difference() {
        for state in [PaymentState::Prepared, PaymentState::Undecided, PaymentState::ActionRequired, PaymentState::Voided, HELD] {
            assert!(!differs(&[], &state, 0), "{state:?}");
        }
    }

    #[test]
    fn a_refund_that_only_one_side_knows_is_a_difference() {
        let id = RefundId::for_request(&paid(&[]).id, "key");
        let amount = Money { amount: 1000, currency: Currency::USD };
        let started = [Fact::RefundStarted { refund: id.clone(), amount }];
        let refunded = [&started[..], &[Fact::PaymentRefunded { refund: id.clone() }]].concat();
        let failed = [&started[..], &[Fact::RefundFailed { refund: id.clone(), reason: "refused".into() }]].concat();
        let listed = |name: Option<&str>, state: RefundState| ListedRefund {
            name: name.map(ToOwned::to_owned),
            amount: Some(amount),
            state,
        };
        let ours = |state: RefundState| listed(Some(id.as_str()), state);
        let gone = Some("the provider gave back money that no event speaks of");
        let lacking = Some("the events say that money was given back, and the provider does not");
        let refused = || RefundState::Failed("refused".into());

        for nothing in [&[][..], &[listed(None, refused())]] {
            assert_eq!(paid(&[]).refund_difference(nothing), None);
            assert_eq!(paid(&started).refund_difference(nothing), None, "it is on its way");
            assert_eq!(paid(&refunded).refund_difference(nothing), lacking);
            assert_eq!(paid(&failed).refund_difference(nothing), None);
        }
        for state in [RefundState::Refunded, RefundState::Pending] {
            assert_eq!(paid(&started).refund_difference(&[ours(state.clone())]), None);
            assert_eq!(paid(&refunded).refund_difference(&[ours(state.clone())]), None);
            assert_eq!(paid(&failed).refund_difference(&[ours(state.clone())]), gone);
            assert_eq!(paid(&[]).refund_difference(&[listed(None, state.clone())]), gone, "made by hand");
            assert_eq!(paid(&refunded).refund_difference(&[ours(state.clone()), listed(Some("ord_1"), state)]), gone);
        }
        assert_eq!(paid(&refunded).refund_difference(&[ours(refused())]), lacking, "it failed since");

        let of = |amount: Option<Money>| [ListedRefund { amount, ..ours(RefundState::Refunded) }];
        let another = Some("the provider gave back another amount than the events say");
        for more_or_other in [Money { amount: 1001, ..amount }, Money { currency: Currency::EUR, ..amount }] {
            assert_eq!(paid(&refunded).refund_difference(&of(Some(more_or_other))), another);
        }
        assert_eq!(paid(&refunded).refund_difference(&of(None)), None, "what cannot be read is no difference");
    }

    #[test]
    fn another_amount_than_the_whole_order_is_a_difference_once_it_was_captured() {
        let total = paid(&[]).placed.total;
        let another = Some("the provider took another amount than the order's total");
        assert_eq!(paid(&[]).amount_difference(Some(total)), None);
        assert_eq!(paid(&[]).amount_difference(None), None);
        for other in [Money { amount: 100, ..total }, Money { currency: Currency::EUR, ..total }] {
            assert_eq!(paid(&[]).amount_difference(Some(other)), another);
            assert_eq!(order(&[]).amount_difference(Some(other)), None, "what no event speaks of is another difference");
        }
    }
}
