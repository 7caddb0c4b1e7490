//! The transactions report.

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::{PayPal, usd};
use crate::harness::Answer;

/// From an hour ago to an hour from now, with more parameters.
async fn report(paypal: &PayPal, more: &str) -> Answer {
    let hour = SignedDuration::from_hours(1);
    let (from, to) = (Timestamp::now() - hour, Timestamp::now() + hour);
    paypal.get(&format!("v1/reporting/transactions?start_date={from}&end_date={to}&fields=all{more}")).await
}

fn rows(report: &Answer) -> Vec<(Value, Value)> {
    let row = |row: &Value| {
        let info = &row["transaction_info"];
        (info["transaction_event_code"].clone(), info["transaction_amount"]["value"].clone())
    };
    report.body["transaction_details"].as_array().unwrap().iter().map(row).collect()
}

#[tokio::test]
async fn all_that_happened_to_an_orders_money_is_in_the_report() {
    let paypal = PayPal::start().await;
    let id = paypal.held("ord_1").await;
    let taken = paypal.capture(&id, json!({"amount": usd("40.00")})).await.text("id");
    paypal.refund(&taken, json!({"amount": usd("10.00")})).await;
    paypal.void(&id).await;
    let all = report(&paypal, "&balance_affecting_records_only=N").await;
    let row = |code: &str, value: &str| (json!(code), json!(value));
    let expected = [row("T1300", "45.99"), row("T0006", "40.00"), row("T1107", "-10.00"), row("T1302", "-5.99")];
    assert_eq!(rows(&all), expected);
    let capture = &all.body["transaction_details"][1]["transaction_info"];
    assert_eq!((&capture["transaction_id"], &capture["paypal_reference_id"]), (&json!(taken), &json!(id)));
    assert_eq!((&capture["custom_field"], &capture["transaction_status"]), (&json!("ord_1"), &json!("S")));
}

#[tokio::test]
async fn holds_are_left_out_unless_they_are_asked_for() {
    let paypal = PayPal::start().await;
    paypal.captured("ord_1", "vault_ok").await;
    assert_eq!(rows(&report(&paypal, "").await), [(json!("T0006"), json!("45.99"))]);
    assert_eq!(rows(&report(&paypal, "&balance_affecting_records_only=Y").await).len(), 1);
}

#[tokio::test]
async fn the_report_comes_in_pages() {
    let paypal = PayPal::start().await;
    for _ in 0..3 {
        paypal.captured("ord_1", "vault_ok").await;
    }
    let ids = |page: &Answer| rows(page).len();
    let (first, second) = (report(&paypal, "&page_size=2&page=1").await, report(&paypal, "&page_size=2&page=2").await);
    assert_eq!((ids(&first), ids(&second)), (2, 1));
    assert_eq!((&first.body["total_items"], &first.body["total_pages"]), (&json!(3), &json!(2)));
    assert_eq!(report(&paypal, "&page_size=501").await.issue(), (400, "INVALID_PARAMETER_VALUE".into()));
}

#[tokio::test]
async fn the_report_covers_31_days_at_most_and_needs_both_its_ends() {
    let paypal = PayPal::start().await;
    let get = async |query: &str| paypal.get(&format!("v1/reporting/transactions?{query}")).await;
    let within = "start_date=2026-01-01T00:00:00Z&end_date=2026-02-01T00:00:00Z";
    assert_eq!(get(within).await.status, 200);
    let beyond = "start_date=2026-01-01T00:00:00Z&end_date=2026-02-01T00:00:01Z";
    assert_eq!(get(beyond).await.issue(), (400, "DATE_RANGE".into()));
    let backwards = "start_date=2026-01-02T00:00:00Z&end_date=2026-01-01T00:00:00Z";
    assert_eq!(get(backwards).await.status, 400);
    assert_eq!(get("start_date=2026-01-01T00:00:00Z").await.issue(), (400, "MISSING_REQUIRED_PARAMETER".into()));
    assert_eq!(get("start_date=today&end_date=2026-01-01T00:00:00Z").await.issue().0, 400);
}
