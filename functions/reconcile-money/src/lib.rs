//! Compares the payment providers' books with ours, every hour: any difference is counted, alarmed and written into a report.

use std::collections::BTreeSet;

use aws_config::SdkConfig;
use aws_sdk_s3::{Client, error::DisplayErrorContext};
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
    payments::{ListedPayment, providers::Providers},
    repositories::{
        customer_orders::CustomerOrdersTable,
        order_events::{AdvanceError, OrderEvents},
    },
};

/// What the providers list of this time is compared: several runs look at each payment.
const RECENT: SignedDuration = SignedDuration::from_hours(6);

/// An order whose money is not settled is looked at for so long: longer than any authorisation lives.
const UNSETTLED: SignedDuration = SignedDuration::from_hours(35 * 24);

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
        let mut orders: BTreeSet<OrderId> = self.view.unsettled_since(before(now, UNSETTLED)).await?.into_iter().collect();
        let mut differences = BTreeSet::new();
        for provider in Provider::ALL {
            let listed = self.providers.gateway(provider).list(before(now, RECENT)).await?;
            for payment in listed {
                match payment.order_id.clone() {
                    Some(order_id) => {
                        differences.extend(self.unknown_payment(provider, &payment, &order_id).await?);
                        orders.insert(order_id);
                    }
                    None if moved(&payment.state) => {
                        let problem = "a payment that names no order".into();
                        differences.insert(Difference { provider, reference: payment.reference, order_id: None, problem });
                    }
                    None => {}
                }
            }
        }
        let mut compared = 0;
        for order_id in &orders {
            let Some(order) = self.order(order_id).await? else { continue };
            for attempt in order.attempts() {
                compared += 1;
                differences.extend(self.problems(&order, attempt, now).await?.into_iter().map(|problem| Difference {
                    provider: attempt.provider,
                    reference: attempt.reference.clone(),
                    order_id: Some(order_id.clone()),
                    problem: problem.into(),
                }));
            }
        }
        let report = Report { at: now, compared, differences: differences.into_iter().collect() };
        for difference in &report.differences {
            tracing::error!(provider = %difference.provider, reference = difference.reference, order_id = ?difference.order_id, problem = difference.problem, "the books differ");
            metrics::count("MoneyDifference", &[("provider", difference.provider.name())]);
        }
        self.reports.put(&report).await?;
        metrics::count("MoneyReconciled", &[]);
        tracing::info!(compared, differences = report.differences.len(), "the money is reconciled");
        Ok(report)
    }

    /// What the provider says of an attempt now, and of what went back of it, against the order's events. What happens
    /// meanwhile is no difference: one stands before the provider was asked, and after.
    async fn problems(&self, order: &Order, attempt: &Attempt, now: Timestamp) -> Result<Vec<&'static str>, Error> {
        let gateway = self.providers.gateway(attempt.provider);
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
            let since = self.order(&order.id).await?.map_or_else(Vec::new, |order| compare(&order));
            problems.retain(|problem| since.contains(problem));
        }
        Ok(problems)
    }

    /// A payment that moved money and that none of its order's events names. An unconfirmed object that no event names is
    /// what a lost race leaves, and no difference.
    async fn unknown_payment(
        &self,
        provider: Provider,
        payment: &ListedPayment,
        order_id: &OrderId,
    ) -> Result<Option<Difference>, Error> {
        if !moved(&payment.state) {
            return Ok(None);
        }
        let known = self.order(order_id).await?.is_some_and(|order| names(&order, provider, &payment.reference));
        let difference = |problem: &str| Difference {
            provider,
            reference: payment.reference.clone(),
            order_id: Some(order_id.clone()),
            problem: problem.into(),
        };
        Ok((!known).then(|| difference("a payment that no event of its order names")))
    }

    async fn order(&self, order_id: &OrderId) -> Result<Option<Order>, Error> {
        match self.events.order(order_id).await {
            Ok(order) => Ok(Some(order)),
            Err(AdvanceError::NoSuchOrder(_)) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }
}

fn before(now: Timestamp, duration: SignedDuration) -> Timestamp {
    now.checked_sub(duration).unwrap_or(Timestamp::MIN)
}

fn moved(state: &PaymentState) -> bool {
    matches!(state, PaymentState::Authorized { .. } | PaymentState::Captured)
}

/// Stripe lists payments by the reference that events name. `PayPal` lists transactions, which have names of their own:
/// there it must be an order that was to be paid with `PayPal`, and its attempts are read one by one.
fn names(order: &Order, provider: Provider, reference: &str) -> bool {
    match provider {
        Provider::Stripe => order.attempt_by_reference(provider, reference).is_some(),
        Provider::Paypal => order.attempts().iter().any(|attempt| attempt.provider == provider),
    }
}
