//! Compares the payment providers' books with ours, every hour: any difference is counted, alarmed and written into a report.

use std::collections::{BTreeMap, BTreeSet};

use aws_config::SdkConfig;
use aws_sdk_s3::{Client, error::DisplayErrorContext};
use futures_util::{StreamExt as _, future::try_join, stream};
use jiff::{SignedDuration, Timestamp};
use lambda_runtime::Error;
use serde::{Deserialize, Serialize};
use shared::{
    books::{Difference, lasting_problems},
    config::{self, Missing},
    domain::{
        event::Provider,
        ids::OrderId,
        order::{Attempt, Order, PaymentAnswer},
        payment::PaymentState,
    },
    metrics,
    payments::{ListedPayment, PaymentError, PaymentGateway, providers::Providers},
    repositories::{
        customer_orders::CustomerOrdersTable,
        order_events::{AdvanceError, OrderEvents},
    },
};

/// What was placed, and what the providers list, of this time is compared: several runs look at each payment.
const RECENT: SignedDuration = SignedDuration::from_hours(6);

/// An order whose money is not settled, a dead one too, is looked at for so long: longer than any authorisation lives.
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
        Ok(Self::new(aws, config::text("REPORTS_BUCKET")?))
    }

    /// In this bucket.
    pub fn new(aws: &SdkConfig, bucket: impl Into<String>) -> Self {
        // A bucket's name is part of the path where there is no wildcard DNS, as on a laptop.
        let settings = aws_sdk_s3::config::Builder::from(aws).force_path_style(aws.endpoint_url().is_some()).build();
        Self { client: Client::from_conf(settings), bucket: bucket.into() }
    }

    async fn put(&self, report: &Report) -> Result<(), Error> {
        let put = self.client.put_object().bucket(&self.bucket).key(format!("money/{}.json", report.at));
        let put = put.content_type("application/json").body(serde_json::to_vec_pretty(report)?.into());
        put.send().await.map_err(|error| format!("the report was not written: {}", DisplayErrorContext(&error)))?;
        Ok(())
    }
}

/// What a run found.
#[derive(Debug, Serialize, Deserialize)]
pub struct Report {
    /// When it ran.
    pub at: Timestamp,
    /// How many attempts were compared with their provider.
    pub compared: usize,
    /// Where they differ.
    pub differences: Vec<Difference>,
    /// The orders that could not be compared, since a provider or the events could not be read.
    pub not_compared: Vec<OrderId>,
    /// The providers whose list could not be read: what it alone names was not compared.
    #[serde(default)]
    pub not_listed: Vec<Provider>,
}

/// A payment in a provider's list that moved money.
#[derive(Debug)]
struct MovedPayment {
    provider: Provider,
    reference: String,
    names_attempt: bool,
}

impl MovedPayment {
    fn of(provider: Provider, listed: ListedPayment) -> Option<Self> {
        let ListedPayment { reference, names_attempt, state, .. } = listed;
        let moved = matches!(state, PaymentState::Authorized { .. } | PaymentState::Captured);
        moved.then_some(Self { provider, reference, names_attempt })
    }

    /// Whether the order's events speak of it. Where the provider does not say which attempt it belongs to, one that was made
    /// there must do: each is read by itself.
    fn is_named_by(&self, order: &Order) -> bool {
        if self.names_attempt {
            order.attempt_by_reference(self.provider, &self.reference).is_some()
        } else {
            order.attempts().iter().any(|attempt| attempt.provider == self.provider)
        }
    }
}

/// What comparing one order found.
#[derive(Debug)]
struct Comparison {
    attempts: usize,
    differences: Vec<Difference>,
}

/// What the reconciliation works with.
#[derive(Debug)]
pub struct ReconcileMoney {
    /// Our book.
    pub events: OrderEvents,
    /// Which orders are recent, or not settled.
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
    /// When a list could not be read, an order not be compared, or the report not be written: then nothing counts as
    /// reconciled, and what was compared is in the report nevertheless.
    pub async fn handle(&self, now: Timestamp) -> Result<Report, Error> {
        let ours = self.view.recent_or_unsettled(before(now, RECENT), before(now, UNSETTLED)).await?;
        let mut orders: BTreeMap<OrderId, Vec<MovedPayment>> = ours.into_iter().map(|order_id| (order_id, vec![])).collect();
        let mut differences = BTreeSet::new();
        let mut not_listed = Vec::new();
        for provider in Provider::ALL {
            let list = self.providers.gateway(provider).list(before(now, RECENT)).await.unwrap_or_else(|error| {
                tracing::warn!(%provider, %error, "the provider's list could not be read");
                not_listed.push(provider);
                Vec::new()
            });
            for mut listed in list {
                let order_id = listed.order_id.take();
                match (order_id, MovedPayment::of(provider, listed)) {
                    // An unconfirmed object that no event names is what a lost race leaves, and no difference; its order is
                    // compared.
                    (Some(order_id), moved) => orders.entry(order_id).or_default().extend(moved),
                    (None, Some(moved)) => {
                        let problem = "a payment that names no order".into();
                        differences.insert(Difference { provider, reference: moved.reference, order_id: None, problem });
                    }
                    (None, None) => {}
                }
            }
        }
        let comparisons =
            orders.iter().map(|(order_id, moved)| async move { (order_id, self.compare(order_id, moved, now).await) });
        let comparisons: Vec<_> = stream::iter(comparisons).buffered(AT_ONCE).collect().await;
        let (mut compared, mut not_compared) = (0, Vec::new());
        for (order_id, comparison) in comparisons {
            match comparison {
                Ok(comparison) => {
                    compared += comparison.attempts;
                    differences.extend(comparison.differences);
                }
                Err(reason) => {
                    tracing::warn!(%order_id, reason, "the order could not be compared");
                    not_compared.push(order_id.clone());
                }
            }
        }
        let report = Report { at: now, compared, differences: differences.into_iter().collect(), not_compared, not_listed };
        report.differences.iter().for_each(|difference| difference.tell("reconcile-money"));
        self.reports.put(&report).await?;
        if let Some(first) = report.not_compared.first() {
            let (missing, all) = (report.not_compared.len(), orders.len());
            return Err(
                format!("{missing} of {all} orders could not be compared, {first} among them; the report has the rest").into()
            );
        }
        if let Some(provider) = report.not_listed.first() {
            return Err(format!("the list of {provider} could not be read; the report has the rest").into());
        }
        metrics::count("MoneyReconciled", &[]);
        tracing::info!(compared, differences = report.differences.len(), "the money is reconciled");
        Ok(report)
    }

    /// Everything of one order: what the providers list, and each of its attempts.
    async fn compare(&self, order_id: &OrderId, moved: &[MovedPayment], now: Timestamp) -> Result<Comparison, Error> {
        let difference = |provider, reference: &str, problem: &str| Difference {
            provider,
            reference: reference.to_owned(),
            order_id: Some(order_id.clone()),
            problem: problem.to_owned(),
        };
        let order = known(&self.events, order_id).await?;
        let is_unknown = |payment: &&MovedPayment| !order.as_ref().is_some_and(|order| payment.is_named_by(order));
        let problem = "a payment that no event of its order names";
        let unknown = moved.iter().filter(is_unknown);
        let mut differences: Vec<_> = unknown.map(|payment| difference(payment.provider, &payment.reference, problem)).collect();
        let Some(order) = &order else { return Ok(Comparison { attempts: 0, differences }) };
        for attempt in order.attempts() {
            let gateway = self.providers.gateway(attempt.provider);
            let found = problems(&self.events, gateway, order, attempt, now).await?;
            differences.extend(found.into_iter().map(|problem| difference(attempt.provider, &attempt.reference, problem)));
        }
        Ok(Comparison { attempts: order.attempts().len(), differences })
    }
}

/// What the provider says of an attempt now, and of what went back of it, against the order's events.
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
    let state = state(gateway, attempt).await?;
    let moved = match order.captured_attempt() {
        Some(number) if number == attempt.number => {
            Some(try_join(gateway.taken(&attempt.reference), gateway.refunds(&attempt.reference)).await?)
        }
        _ => None,
    };
    let compare = |order: &Order| {
        let attempt = order.attempt(attempt.number).unwrap_or(attempt);
        let of_amount = moved.as_ref().and_then(|(taken, _)| order.amount_difference(*taken));
        let of_refunds = moved.as_ref().and_then(|(_, listed)| order.refund_difference(listed));
        [order.difference(attempt, &state, now), of_amount, of_refunds].into_iter().flatten().collect()
    };
    Ok(lasting_problems(events, order, compare).await?)
}

/// What the provider says of an attempt. Of one that was never authorised nothing is left once `PayPal` has forgotten its
/// order: then nothing can be held by it.
async fn state(gateway: &dyn PaymentGateway, attempt: &Attempt) -> Result<PaymentState, PaymentError> {
    let read = gateway.read(&attempt.reference).await;
    let never_authorized = !matches!(attempt.answer, Some(PaymentAnswer::Authorized { .. }));
    if read.is_err() && never_authorized && gateway.order_of(&attempt.reference).await?.is_none() {
        return Ok(PaymentState::Prepared);
    }
    read
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
