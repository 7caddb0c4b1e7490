//! Compares the payment providers' books with ours, every hour: any difference is counted, alarmed and written into a report.

use std::collections::{BTreeMap, BTreeSet};

use aws_config::SdkConfig;
use aws_sdk_s3::{Client, error::DisplayErrorContext};
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use jiff::{SignedDuration, Timestamp};
use lambda_runtime::Error;
use serde::Serialize;
use shared::{
    config::{self, Missing},
    domain::{
        event::Provider,
        ids::OrderId,
        order::{Attempt, Order},
        payment::PaymentState,
    },
    metrics,
    payments::{ListedPayment, PaymentGateway, providers::Providers},
    repositories::{
        customer_orders::CustomerOrdersTable,
        order_events::{AdvanceError, OrderEvents},
    },
};

/// What the providers list of this time is compared: several runs look at each payment.
const RECENT: SignedDuration = SignedDuration::from_hours(6);

/// An order whose money is not settled is looked at for so long: longer than any authorisation lives.
const UNSETTLED: SignedDuration = SignedDuration::from_hours(35 * 24);

/// How many orders are compared at a time.
const AT_ONCE: usize = 16;

/// Where reports are kept.
#[derive(Clone, Debug)]
pub struct Reports {
    client: Client,
    bucket: String,
}

impl Reports {
    /// The bucket that `REPORTS_BUCKET` names.
    ///
    /// # Errors
    /// [`Missing`].
    pub fn from_env(aws: &SdkConfig) -> Result<Self, Missing> {
        // A bucket's name is part of the path where there is no wildcard DNS, as on a laptop.
        let settings = aws_sdk_s3::config::Builder::from(aws).force_path_style(config::is_local()).build();
        Ok(Self { client: Client::from_conf(settings), bucket: config::text("REPORTS_BUCKET")? })
    }

    async fn put(&self, report: &Report) -> Result<(), Error> {
        let put = self.client.put_object().bucket(&self.bucket).key(format!("money/{}.json", report.at));
        let put = put.content_type("application/json").body(serde_json::to_vec_pretty(report)?.into());
        put.send().await.map_err(|error| format!("the report was not written: {}", DisplayErrorContext(&error)))?;
        Ok(())
    }
}

/// What a run found.
#[derive(Debug, Serialize)]
pub struct Report {
    /// When it ran.
    pub at: Timestamp,
    /// How many attempts were compared with their provider.
    pub compared: usize,
    /// Where they differ.
    pub differences: Vec<Difference>,
}

/// One difference. It names no person.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Difference {
    /// Whose book.
    pub provider: Provider,
    /// The provider's reference.
    pub reference: String,
    /// The order, if the payment names one.
    pub order_id: Option<OrderId>,
    /// What is wrong.
    pub problem: String,
}

/// A payment in a provider's list that moved money and names an order. An unconfirmed object that no event names is what a
/// lost race leaves, and no difference.
type Moved = (Provider, String);

/// What comparing one order found.
#[derive(Debug)]
struct Compared {
    attempts: usize,
    differences: Vec<Difference>,
}

/// What the reconciliation works with.
#[derive(Debug)]
pub struct ReconcileMoney {
    /// Our book.
    pub events: OrderEvents,
    /// Which orders are not settled.
    pub view: CustomerOrdersTable,
    /// Their books.
    pub providers: Providers,
    /// Where reports go.
    pub reports: Reports,
}

impl ReconcileMoney {
    /// Compares, reports and counts. A repeat changes nothing but the report's time.
    ///
    /// # Errors
    /// When a book could not be read or the report not be written: then nothing counts as reconciled.
    pub async fn handle(&self, now: Timestamp) -> Result<Report, Error> {
        let unsettled = self.view.unsettled_since(before(now, UNSETTLED)).await?;
        let mut orders: BTreeMap<OrderId, Vec<Moved>> = unsettled.into_iter().map(|order_id| (order_id, Vec::new())).collect();
        let mut differences = BTreeSet::new();
        for provider in Provider::ALL {
            for ListedPayment { reference, order_id, state } in self.providers.gateway(provider).list(before(now, RECENT)).await?
            {
                let moved =
                    matches!(state, PaymentState::Authorized { .. } | PaymentState::Captured).then_some((provider, reference));
                match (order_id, moved) {
                    (Some(order_id), moved) => orders.entry(order_id).or_default().extend(moved),
                    (None, Some((provider, reference))) => {
                        let problem = "a payment that names no order".into();
                        differences.insert(Difference { provider, reference, order_id: None, problem });
                    }
                    (None, None) => {}
                }
            }
        }
        let compared = orders.iter().map(|(order_id, moved)| self.compare(order_id, moved, now));
        let compared: Vec<Compared> = stream::iter(compared).buffer_unordered(AT_ONCE).try_collect().await?;
        let attempts = compared.iter().map(|of_order| of_order.attempts).sum();
        differences.extend(compared.into_iter().flat_map(|of_order| of_order.differences));
        let report = Report { at: now, compared: attempts, differences: differences.into_iter().collect() };
        for difference in &report.differences {
            let Difference { provider, reference, order_id, problem } = difference;
            let order_id = order_id.as_ref().map(tracing::field::display);
            tracing::error!(%provider, reference, order_id, problem, "the books differ");
            metrics::count("MoneyDifference", &[("provider", provider.name())]);
        }
        self.reports.put(&report).await?;
        metrics::count("MoneyReconciled", &[]);
        tracing::info!(compared = attempts, differences = report.differences.len(), "the money is reconciled");
        Ok(report)
    }

    /// Everything of one order: what its provider lists, and each of its attempts.
    async fn compare(&self, order_id: &OrderId, moved: &[Moved], now: Timestamp) -> Result<Compared, Error> {
        let difference = |provider, reference: &str, problem: &str| Difference {
            provider,
            reference: reference.to_owned(),
            order_id: Some(order_id.clone()),
            problem: problem.to_owned(),
        };
        let order = known(&self.events, order_id).await?;
        let is_named = |(provider, reference): &&Moved| {
            order.as_ref().is_some_and(|order| order.attempt_by_reference(*provider, reference).is_some())
        };
        let problem = "a payment that no event of its order names";
        let unknown = moved.iter().filter(|payment| !is_named(payment));
        let mut differences: Vec<_> = unknown.map(|(provider, reference)| difference(*provider, reference, problem)).collect();
        let Some(order) = order else { return Ok(Compared { attempts: 0, differences }) };
        for attempt in order.attempts() {
            let gateway = self.providers.gateway(attempt.provider);
            let problems = problems(&self.events, gateway, &order, attempt, now).await?;
            differences.extend(problems.into_iter().map(|problem| difference(attempt.provider, &attempt.reference, problem)));
        }
        Ok(Compared { attempts: order.attempts().len(), differences })
    }
}

/// What the provider says of an attempt now, and of what went back of it, against the order's events. What happens
/// meanwhile is no difference: one stands before the provider was asked, and after.
///
/// # Errors
/// When the provider or the events could not be read.
pub async fn problems(
    events: &OrderEvents,
    gateway: &dyn PaymentGateway,
    order: &Order,
    attempt: &Attempt,
    now: Timestamp,
) -> Result<Vec<&'static str>, Error> {
    let state = gateway.read(&attempt.reference).await?;
    let refunds = match order.captured_attempt() {
        Some(number) if number == attempt.number => Some(gateway.refunds(&attempt.reference).await?),
        _ => None,
    };
    let compare = |order: &Order| {
        let refunds = refunds.as_deref().and_then(|listed| order.refund_difference(listed));
        let attempt = order.attempt(attempt.number).unwrap_or(attempt);
        order.difference(attempt, &state, now).into_iter().chain(refunds).collect::<Vec<_>>()
    };
    let mut problems = compare(order);
    if !problems.is_empty() {
        let since = known(events, &order.id).await?.map_or_else(Vec::new, |order| compare(&order));
        problems.retain(|problem| since.contains(problem));
    }
    Ok(problems)
}

async fn known(events: &OrderEvents, order_id: &OrderId) -> Result<Option<Order>, Error> {
    match events.order(order_id).await {
        Ok(order) => Ok(Some(order)),
        Err(AdvanceError::NoSuchOrder(_)) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

fn before(now: Timestamp, duration: SignedDuration) -> Timestamp {
    now.checked_sub(duration).unwrap_or(Timestamp::MIN)
}
