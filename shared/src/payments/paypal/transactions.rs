//! `PayPal`'s own list of what moved: <https://developer.paypal.com/docs/api/transaction-search/v1/>. It shows a
//! transaction up to three hours late.
//!
//! A transaction names our order in `custom_field`. `PayPal`'s order, the attempt's reference, it names only where its
//! `paypal_reference_id` is of type `ODR`; else its authorisation or capture is read, which may name it. An authorisation,
//! its void and its capture are one payment; what goes back to her is none. Of a payment that is not ours, or that names no
//! order of `PayPal`'s, the reference is a transaction's id.

use std::collections::BTreeMap;

use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use jiff::{SignedDuration, Timestamp};
use reqwest::StatusCode;

use super::{
    super::{ListedPayment, PaymentError, PaymentState},
    Paypal, Refused, custom_id,
    shapes::{OfOrder, Transaction, Transactions},
};

/// The longest span of time that one search may cover.
const WINDOW: SignedDuration = SignedDuration::from_hours(31 * 24);

const PAGE_SIZE: &str = "500";

/// How many payments are looked up at a time.
const AT_ONCE: usize = 8;

impl Paypal {
    /// The payments that were made between the two, each with all that was heard of it.
    pub(super) async fn list_transactions(&self, since: Timestamp, until: Timestamp) -> Result<Vec<ListedPayment>, PaymentError> {
        let mut all = Payments::default();
        for (from, to) in windows(since, until) {
            self.list_window(from, to, &mut all).await?;
        }
        let named = all.by_reference.into_values().map(|payment| self.named_by_its_order(payment));
        stream::iter(named).buffered(AT_ONCE).try_collect().await
    }

    /// The payment under the reference that events name: `PayPal`'s order. One that is not ours is not looked up.
    async fn named_by_its_order(&self, payment: ListedPayment) -> Result<ListedPayment, PaymentError> {
        if payment.names_attempt || payment.order_id.is_none() {
            return Ok(payment);
        }
        for kind in ["authorizations", "captures"] {
            match self.get::<OfOrder>(&["v2", "payments", kind, &payment.reference], &[]).await {
                Ok(found) => {
                    return Ok(match found.order_id() {
                        Some(reference) => ListedPayment { reference, names_attempt: true, ..payment },
                        None => payment,
                    });
                }
                Err(Refused::ByPaypal(StatusCode::NOT_FOUND, _)) => {}
                Err(refused) => return Err(self.error(refused)),
            }
        }
        Ok(payment)
    }

    async fn list_window(&self, from: Timestamp, to: Timestamp, all: &mut Payments) -> Result<(), PaymentError> {
        let (from, to) = (millis(from), millis(to));
        for page in 1_u32.. {
            let number = page.to_string();
            let query = [
                ("start_date", from.as_str()),
                ("end_date", to.as_str()),
                ("fields", "transaction_info"),
                // Else authorisations are left out.
                ("balance_affecting_records_only", "N"),
                ("page_size", PAGE_SIZE),
                ("page", number.as_str()),
            ];
            let found: Transactions =
                self.get(&["v1", "reporting", "transactions"], &query).await.map_err(|refused| self.error(refused))?;
            for detail in found.transaction_details {
                all.add(detail.transaction_info);
            }
            if page >= found.total_pages {
                break;
            }
        }
        Ok(())
    }
}

/// The spans, each no longer than a search may cover, that make up the time between the two.
fn windows(since: Timestamp, until: Timestamp) -> Vec<(Timestamp, Timestamp)> {
    let (mut spans, mut from) = (Vec::new(), since);
    while from < until {
        let to = from.checked_add(WINDOW).unwrap_or(until).min(until);
        spans.push((from, to));
        from = to;
    }
    spans
}

/// The time to the millisecond, as the search takes it.
fn millis(at: Timestamp) -> String {
    Timestamp::from_millisecond(at.as_millisecond()).unwrap_or(at).to_string()
}

/// Transactions, put together to the payments that they belong to.
#[derive(Debug, Default)]
struct Payments {
    by_reference: BTreeMap<String, ListedPayment>,
    /// The payment's reference by each of its transactions' ids.
    reference_of: BTreeMap<String, String>,
}

impl Payments {
    fn add(&mut self, transaction: Transaction) {
        let (Some(state), Some(id)) = (transaction.state(), transaction.id) else { return };
        let named = transaction.paypal_reference_id;
        let (reference, names_attempt) = match (transaction.paypal_reference_id_type.as_deref(), named) {
            (Some("ODR"), Some(order)) => (order, true),
            // Its authorisation, whose own transaction may be older than what is listed.
            (Some("TXN"), Some(other)) => (self.reference_of.get(&other).cloned().unwrap_or(other), false),
            _ => (id.clone(), false),
        };
        self.reference_of.insert(id, reference.clone());
        let order_id = transaction.custom_field.as_deref().and_then(custom_id::order);
        let payment = self.by_reference.entry(reference.clone()).or_insert_with(|| ListedPayment {
            reference,
            names_attempt,
            order_id: None,
            state: state.clone(),
        });
        payment.order_id = payment.order_id.take().or(order_id);
        if weight(&state) > weight(&payment.state) {
            payment.state = state;
        }
    }
}

/// What of a payment's states is its last: a hold comes after what was not decided, and its end after it.
fn weight(state: &PaymentState) -> u8 {
    match state {
        PaymentState::Captured => 3,
        PaymentState::Voided => 2,
        PaymentState::Authorized { .. } => 1,
        _ => 0,
    }
}

impl Transaction {
    /// By the codes of <https://developer.paypal.com/reports/reference/t-codes>: T13 is an authorisation (T1302 a void),
    /// T00 a payment.
    fn state(&self) -> Option<PaymentState> {
        let (code, status) = (self.code.as_deref()?, self.status.as_deref()?);
        match (code, status) {
            (code, "D") if is_payment(code) => Some(PaymentState::Declined("denied".into())),
            ("T1302", "S") => Some(PaymentState::Voided),
            (code, "V") if code.starts_with("T13") => Some(PaymentState::Voided),
            (code, "S") if code.starts_with("T13") => Some(PaymentState::Authorized { capture_before: None }),
            (code, "S" | "V") if code.starts_with("T00") => Some(PaymentState::Captured),
            (code, "P") if is_payment(code) => Some(PaymentState::Undecided),
            _ => None,
        }
    }
}

fn is_payment(code: &str) -> bool {
    code.starts_with("T13") || code.starts_with("T00")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listed(transactions: &str) -> Vec<ListedPayment> {
        let mut payments = Payments::default();
        for transaction in serde_json::from_str::<Vec<Transaction>>(transactions).unwrap() {
            payments.add(transaction);
        }
        payments.by_reference.into_values().collect()
    }

    #[test]
    fn a_hold_and_its_capture_are_one_payment_under_paypals_order() {
        let one = listed(
            r#"[{"transaction_id":"A1","paypal_reference_id":"5O1","paypal_reference_id_type":"ODR","transaction_event_code":"T1300",
                 "transaction_status":"S","custom_field":"ord_00000000000000000000000000000001"},
                {"transaction_id":"C1","paypal_reference_id":"A1","paypal_reference_id_type":"TXN","transaction_event_code":"T0006",
                 "transaction_status":"S"}]"#,
        );
        let order_id = "ord_00000000000000000000000000000001".parse().ok();
        assert_eq!(
            one,
            [ListedPayment { reference: "5O1".into(), names_attempt: true, order_id, state: PaymentState::Captured }]
        );
    }

    #[test]
    fn what_names_no_order_of_paypals_is_known_by_its_authorisation() {
        let alone = listed(
            r#"[{"transaction_id":"C2","paypal_reference_id":"A9","paypal_reference_id_type":"TXN","transaction_event_code":"T0006",
                 "transaction_status":"S","custom_field":"somebody else's"}]"#,
        );
        assert_eq!(
            alone,
            [ListedPayment { reference: "A9".into(), names_attempt: false, order_id: None, state: PaymentState::Captured }]
        );
    }

    #[test]
    fn a_payments_last_state_counts_in_whatever_order_its_transactions_are_listed() {
        let part = |id: &str, code: &str, status: &str| {
            format!(
                r#"{{"transaction_id":"{id}","paypal_reference_id":"A1","paypal_reference_id_type":"TXN",
                    "transaction_event_code":"{code}","transaction_status":"{status}"}}"#
            )
        };
        let (asked, held) = (part("A0", "T1300", "P"), part("A1", "T1300", "S"));
        let (voided, taken) = (part("V1", "T1302", "S"), part("C1", "T0006", "S"));
        let authorized = PaymentState::Authorized { capture_before: None };
        for (one, other, last) in
            [(&asked, &held, authorized), (&held, &voided, PaymentState::Voided), (&voided, &taken, PaymentState::Captured)]
        {
            for order in [[one, other], [other, one]] {
                let listed = listed(&format!("[{},{}]", order[0], order[1]));
                let expected =
                    ListedPayment { reference: "A1".into(), names_attempt: false, order_id: None, state: last.clone() };
                assert_eq!(listed, [expected], "{order:?}");
            }
        }
    }

    #[test]
    fn the_codes_tell_a_hold_a_void_and_a_payment_apart_and_what_goes_back_is_no_payment() {
        let state = |code: &str, status: &str| {
            let transaction = Transaction { code: Some(code.into()), status: Some(status.into()), ..Transaction::default() };
            transaction.state()
        };
        assert_eq!(state("T1300", "S"), Some(PaymentState::Authorized { capture_before: None }));
        assert_eq!(state("T1300", "V"), Some(PaymentState::Voided));
        assert_eq!(state("T1302", "S"), Some(PaymentState::Voided));
        assert_eq!(state("T1300", "D"), Some(PaymentState::Declined("denied".into())));
        assert_eq!(state("T1300", "P"), Some(PaymentState::Undecided));
        assert_eq!(state("T0006", "S"), Some(PaymentState::Captured));
        assert_eq!(state("T0006", "V"), Some(PaymentState::Captured), "what was taken back was taken");
        assert_eq!(state("T0006", "P"), Some(PaymentState::Undecided));
        assert_eq!(state("T0006", "D"), Some(PaymentState::Declined("denied".into())));
        for status in ["S", "V", "D", "P"] {
            assert_eq!(state("T1107", status), None, "{status}");
        }
        assert_eq!(state("T1300", "?"), None);
    }

    #[test]
    fn a_long_time_is_searched_in_windows_of_31_days_without_gaps() {
        let since: Timestamp = "2026-01-01T00:00:00Z".parse().unwrap();
        let until: Timestamp = "2026-03-15T00:00:00Z".parse().unwrap();
        let spans = windows(since, until);
        assert_eq!(spans.len(), 3);
        assert_eq!((spans[0].0, spans[2].1), (since, until));
        assert!(spans.windows(2).all(|pair| pair[0].1 == pair[1].0));
        assert!(spans.iter().all(|(from, to)| to.duration_since(*from) <= WINDOW));
    }
}
