//! The transactions report: <https://developer.paypal.com/docs/api/transaction-search/v1/>, with the event codes of
//! <https://developer.paypal.com/reports/reference/t-codes>. PayPal's own lags by hours; this one does not.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::{
    command::Search,
    money::Money,
    order::Order,
    payment::{RefundStatus, Status},
    shapes::{present, time},
};

const AUTHORIZED: &str = "T1300";
const VOIDED: &str = "T1302";
const CAPTURED: &str = "T0006";
const REFUNDED: &str = "T1107";

/// One row of the report.
#[derive(Debug)]
struct Transaction<'a> {
    id: &'a str,
    code: &'static str,
    at: Timestamp,
    updated: Timestamp,
    amount: Money,
    status: &'static str,
    /// What it goes back to.
    reference: Option<&'a str>,
    custom: Option<&'a str>,
    invoice: Option<&'a str>,
}

impl Transaction<'_> {
    /// An authorisation and its end move nothing on the shop's account.
    fn affects_balance(&self) -> bool {
        matches!(self.code, CAPTURED | REFUNDED)
    }

    fn to_json(&self) -> Value {
        let info = present(json!({
            "transaction_id": self.id,
            "paypal_reference_id": self.reference,
            "paypal_reference_id_type": self.reference.map(|_| "TXN"),
            "transaction_event_code": self.code,
            "transaction_initiation_date": time(self.at),
            "transaction_updated_date": time(self.updated),
            "transaction_amount": self.amount.to_json(),
            "transaction_status": self.status,
            "invoice_id": self.invoice,
            "custom_field": self.custom,
            "protection_eligibility": "02",
        }));
        json!({"transaction_info": info})
    }
}

fn of_order(order: &Order) -> Vec<Transaction<'_>> {
    let Some(authorization) = &order.authorization else { return Vec::new() };
    let (custom, invoice) = (order.order_id(), order.unit.invoice_id.as_deref());
    let mut transactions = vec![Transaction {
        id: &authorization.id,
        code: AUTHORIZED,
        at: authorization.created,
        updated: authorization.updated,
        amount: authorization.amount.clone(),
        status: match authorization.status {
            Status::Denied => "D",
            Status::Pending => "P",
            _ => "S",
        },
        reference: None,
        custom,
        invoice,
    }];
    if let Some(void) = &authorization.void {
        let reference = Some(authorization.id.as_str());
        let (at, amount) = (void.at, void.amount.of(-void.amount.minor));
        transactions.push(Transaction {
            id: &void.id,
            code: VOIDED,
            at,
            updated: at,
            amount,
            status: "S",
            reference,
            custom,
            invoice,
        });
    }
    for capture in &authorization.captures {
        let invoice = capture.invoice_id.as_deref().or(invoice);
        transactions.push(Transaction {
            id: &capture.id,
            code: CAPTURED,
            at: capture.created,
            updated: capture.updated,
            amount: capture.amount.clone(),
            status: "S",
            reference: Some(&authorization.id),
            custom,
            invoice,
        });
        transactions.extend(capture.refunds.iter().map(|refund| Transaction {
            id: &refund.id,
            code: REFUNDED,
            at: refund.created,
            updated: refund.updated,
            amount: refund.amount.of(-refund.amount.minor),
            status: match refund.status {
                RefundStatus::Pending => "P",
                RefundStatus::Completed => "S",
                RefundStatus::Failed => "D",
            },
            reference: Some(&capture.id),
            custom: refund.custom_id.as_deref().or(custom),
            invoice: refund.invoice_id.as_deref(),
        }));
    }
    transactions
}

/// A page of the transactions of these orders, oldest first.
pub(super) fn report<'a>(orders: impl Iterator<Item = &'a Order>, search: &Search, now: Timestamp) -> Value {
    let wanted = |transaction: &Transaction<'_>| {
        (search.from..=search.to).contains(&transaction.at)
            && (!search.only_balance || transaction.affects_balance())
            && search.transaction_id.as_deref().is_none_or(|id| id == transaction.id)
    };
    let mut found: Vec<_> = orders.flat_map(of_order).filter(wanted).collect();
    found.sort_by(|one, other| (one.at, one.id).cmp(&(other.at, other.id)));
    let skipped = (search.page - 1).saturating_mul(search.page_size);
    let page: Vec<_> = found.iter().skip(skipped).take(search.page_size).map(Transaction::to_json).collect();
    json!({
        "transaction_details": page,
        "account_number": "SIMULATEDSHOP",
        "start_date": time(search.from),
        "end_date": time(search.to),
        "last_refreshed_datetime": time(now),
        "page": search.page,
        "total_items": found.len(),
        "total_pages": found.len().div_ceil(search.page_size),
        "links": [],
    })
}
