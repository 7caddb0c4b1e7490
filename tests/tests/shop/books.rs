//! The comparison of the books by itself, with a provider whose book is made up here.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use jiff::Timestamp;
use reconcile_money::{ReconcileMoney, Report, Reports, problems};
use secrecy::SecretString;
use shared::{
    domain::{
        event::{Cancellation, Provider},
        ids::{CustomerId, OrderId, RefundId},
        money::{Currency, Money},
        order::{Order, Owed},
    },
    payments::{
        ListedPayment, ListedRefund, MethodOwner, PaymentError, PaymentGateway, PaymentState, Preparation, RefundState,
        providers::Providers,
    },
    repositories::{
        customer_orders::{CustomerOrdersTable, OrderRow},
        order_events::OrderEvents,
    },
    saga::StepError,
};
use system_tests::{local_aws, new_key};

use crate::saga::Saga;

const HELD: PaymentState = PaymentState::Authorized { capture_before: None };
const DOLLAR: Money = Money { amount: 100, currency: Currency::USD };

/// A provider that is read, and may cancel.
#[derive(Debug)]
struct Book {
    listed: Result<Vec<ListedPayment>, PaymentError>,
    state: Result<PaymentState, PaymentError>,
    refunds: Mutex<Vec<ListedRefund>>,
    taken: Option<Money>,
    /// The order whose money moves, with our own events of it, just while the provider is asked.
    meanwhile: Option<(OrderEvents, OrderId)>,
    /// Where what is cancelled at Stripe is cancelled, if anywhere.
    cancels: Option<Providers>,
}

impl Book {
    fn of(listed: Vec<ListedPayment>, state: Result<PaymentState, PaymentError>) -> Self {
        Self { listed: Ok(listed), state, refunds: Mutex::default(), taken: None, meanwhile: None, cancels: None }
    }

    fn show(&self, refund: &RefundId) {
        let shown = ListedRefund { name: Some(refund.to_string()), amount: Some(DOLLAR), state: RefundState::Refunded };
        self.refunds.lock().unwrap().push(shown);
    }
}

#[async_trait]
impl PaymentGateway for Book {
    async fn list(&self, _: Timestamp) -> Result<Vec<ListedPayment>, PaymentError> {
        self.listed.clone()
    }

    async fn read(&self, _: &str) -> Result<PaymentState, PaymentError> {
        if let Some((events, order_id)) = &self.meanwhile
            && events.order(order_id).await.unwrap().captured_attempt().is_none()
        {
            events.advance(order_id, Order::start_capture).await.unwrap();
            events.advance(order_id, |order| order.capture(1)).await.unwrap();
        }
        self.state.clone()
    }

    async fn refunds(&self, _: &str) -> Result<Vec<ListedRefund>, PaymentError> {
        if let Some((events, order_id)) = &self.meanwhile {
            let refund = RefundId::for_request(order_id, &new_key());
            events.advance(order_id, |order| order.start_refund(&refund, DOLLAR)).await.unwrap();
            self.show(&refund);
        }
        Ok(self.refunds.lock().unwrap().clone())
    }

    async fn owner(&self, _: &SecretString) -> Result<MethodOwner, PaymentError> {
        unreachable!("it is read only")
    }

    async fn prepare(&self, _: &Preparation<'_>) -> Result<String, PaymentError> {
        unreachable!("it is read only")
    }

    async fn authorize(&self, _: &OrderId, _: &str, _: &SecretString) -> Result<PaymentState, PaymentError> {
        unreachable!("it is read only")
    }

    async fn action_url(&self, _: &str) -> Result<Option<SecretString>, PaymentError> {
        unreachable!("it is read only")
    }

    async fn void(&self, reference: &str) -> Result<PaymentState, PaymentError> {
        match &self.cancels {
            Some(providers) => providers.gateway(Provider::Stripe).void(reference).await,
            None => Err(PaymentError::Failed { provider: Provider::Stripe, reason: "500".into(), outage: true }),
        }
    }

    async fn capture(&self, _: &str, _: Money) -> Result<PaymentState, PaymentError> {
        unreachable!("it is read only")
    }

    async fn refund(&self, _: &str, _: &RefundId, _: &str, _: Money) -> Result<RefundState, PaymentError> {
        unreachable!("it is read only")
    }

    async fn taken(&self, _: &str) -> Result<Option<Money>, PaymentError> {
        Ok(self.taken)
    }

    /// It has forgotten all of them.
    async fn order_of(&self, _: &str) -> Result<Option<OrderId>, PaymentError> {
        Ok(None)
    }

    async fn warm(&self) {}
}

#[tokio::test]
async fn what_happens_while_the_provider_is_asked_is_no_difference_and_what_stays_is_one() {
    let saga = Saga::confirmed(Provider::Stripe, "pm_card_visa").await;
    let meanwhile = Some((saga.events.clone(), saga.order_id.clone()));
    let book = Book { meanwhile, ..Book::of(Vec::new(), Ok(PaymentState::Captured)) };
    let compare = async || {
        let before = saga.order().await;
        let found = problems(&saga.events, &book, &before, &before.attempts()[0], Timestamp::now()).await.unwrap();
        assert!(before.sequence < saga.order().await.sequence, "it moved meanwhile");
        found
    };
    assert!(compare().await.is_empty(), "it was captured meanwhile");
    assert!(compare().await.is_empty(), "and some of it went back");
    book.show(&RefundId::for_request(&saga.order_id, "which no event speaks of"));
    assert_eq!(compare().await, ["the provider gave back money that no event speaks of"]);
}

#[tokio::test]
async fn another_amount_than_was_agreed_is_told() {
    let saga = Saga::confirmed(Provider::Stripe, "pm_card_visa").await;
    saga.capture().await.unwrap();
    let order = saga.order().await;
    let found = async |taken: Money| {
        let book = Book { taken: Some(taken), ..Book::of(Vec::new(), Ok(PaymentState::Captured)) };
        problems(&saga.events, &book, &order, &order.attempts()[0], Timestamp::now()).await.unwrap()
    };
    assert!(found(order.placed.total).await.is_empty());
    assert_eq!(found(DOLLAR).await, ["the provider took another amount than the order's total"]);
}

/// PayPal forgets an order that nobody authorised, after some hours.
#[tokio::test]
async fn a_payment_that_its_provider_has_forgotten_is_no_difference_unless_it_was_authorised() {
    let forgotten = || Err(PaymentError::Failed { provider: Provider::Paypal, reason: "404".into(), outage: false });
    let found = async |saga: &Saga| {
        let order = saga.order().await;
        let book = Book::of(Vec::new(), forgotten());
        problems(&saga.events, &book, &order, &order.attempts()[0], Timestamp::now()).await
    };
    let prepared = Saga::placed(Provider::Paypal, "vault_ok").await;
    prepared.reserve().await.unwrap();
    let prepare = |order: &Order| order.prepare_payment(1, Provider::Paypal, "5O190127TN364715T");
    prepared.events.advance(&prepared.order_id, prepare).await.unwrap();
    assert!(found(&prepared).await.unwrap().is_empty());
    prepared.events.advance(&prepared.order_id, |order| order.decline_payment(1, "REFUSED")).await.unwrap();
    assert!(found(&prepared).await.unwrap().is_empty());
    let authorized = Saga::authorized(Provider::Paypal, "vault_ok").await;
    found(&authorized).await.unwrap_err();
}

/// As PayPal says of an authorisation that it denied since, or Stripe of a hold that its capture lost.
#[tokio::test]
async fn a_capture_that_is_declined_or_finds_nothing_held_ends_as_a_failed_capture_and_a_cancel() {
    let denied = || PaymentState::Declined("denied".into());
    for (provider, token, heard) in [
        (Provider::Paypal, "vault_ok", denied()),
        (Provider::Stripe, "pm_card_visa", denied()),
        (Provider::Stripe, "pm_card_visa", PaymentState::ActionRequired),
        (Provider::Stripe, "pm_card_visa", PaymentState::Prepared),
    ] {
        let mut saga = Saga::confirmed(provider, token).await;
        let working = saga.providers.clone();
        let book = |cancels| Arc::new(Book { cancels, ..Book::of(Vec::new(), Ok(heard.clone())) });
        saga.events.advance(&saga.order_id, Order::start_capture).await.unwrap();
        if provider == Provider::Stripe {
            saga.providers = Providers::new(book(None), book(None));
            saga.capture().await.unwrap_err();
            assert_eq!(saga.order().await.owes(), [Owed::Capture { attempt: 1 }], "while it lives it may be taken after all");
        }
        saga.providers = Providers::new(book(Some(working.clone())), book(None));
        saga.capture().await.unwrap();
        assert_eq!(saga.order().await.owes(), [Owed::Cancel(Cancellation::AuthorizationLapsed)], "{heard:?}");
        let dead = ["authorize", "void"];
        assert_eq!(saga.ledger().await, if provider == Provider::Stripe { &dead[..] } else { &dead[..1] });
        saga.providers = working;
        saga.cancel(Cancellation::AuthorizationLapsed).await.unwrap();
        saga.void().await.unwrap();
        saga.release().await.unwrap();
        assert!(saga.order().await.is_closed());
        assert_eq!(saga.ledger().await, ["authorize", "void"]);
    }
}

/// A confirmation that landed late held the money again, and somebody who saw that took it.
#[tokio::test]
async fn a_hold_that_was_lost_and_is_taken_after_all_is_captured() {
    let mut saga = Saga::confirmed(Provider::Stripe, "pm_card_visa").await;
    let (working, order) = (saga.providers.clone(), saga.order().await);
    saga.events.advance(&saga.order_id, Order::start_capture).await.unwrap();
    working.gateway(Provider::Stripe).capture(&order.attempts()[0].reference, order.placed.total).await.unwrap();
    let lost = Book::of(Vec::new(), Ok(PaymentState::Declined("denied".into())));
    let lost = Arc::new(Book { cancels: Some(working), ..lost });
    saga.providers = Providers::new(lost.clone(), lost);
    saga.capture().await.unwrap();
    assert_eq!(saga.order().await.captured_attempt(), Some(1));
    assert_eq!(saga.ledger().await, ["authorize", "capture"]);
}

/// PayPal's order keeps its authorisation, whatever became of it.
#[tokio::test]
async fn a_capture_that_is_shown_what_paypal_knew_before_the_hold_stays_owed_and_is_taken_later() {
    let mut saga = Saga::confirmed(Provider::Paypal, "vault_ok").await;
    let working = saga.providers.clone();
    saga.events.advance(&saga.order_id, Order::start_capture).await.unwrap();
    for heard in [PaymentState::ActionRequired, PaymentState::Prepared] {
        let book = || Arc::new(Book::of(Vec::new(), Ok(heard.clone())));
        saga.providers = Providers::new(book(), book());
        let failed = saga.capture().await.unwrap_err();
        assert!(matches!(failed, StepError::Unavailable(_)), "{heard:?}: {failed}");
        assert_eq!(saga.order().await.owes(), [Owed::Capture { attempt: 1 }]);
    }
    saga.providers = working;
    saga.capture().await.unwrap();
    assert_eq!(saga.ledger().await, ["authorize", "capture"]);
}

/// The shop's.
fn view(saga: &Saga) -> CustomerOrdersTable {
    CustomerOrdersTable::new(saga.shop.dynamodb.clone(), saga.shop.resource("CustomerOrdersTable"))
}

/// The comparison of this order's table with these books, and the report that it wrote.
async fn compared(saga: &Saga, stripe: Book, paypal: Book) -> (Result<Report, String>, Report) {
    let aws = local_aws(&saga.shop.outputs.aws_endpoint);
    let s3 = &saga.shop.s3;
    // Of its own: the shop's last report is another test's.
    let bucket = format!("books-{}", new_key());
    s3.create_bucket().bucket(&bucket).send().await.unwrap();
    let reconcile = ReconcileMoney {
        events: saga.events.clone(),
        view: view(saga),
        providers: Providers::new(Arc::new(stripe), Arc::new(paypal)),
        reports: Reports::new(&aws, &bucket),
    };
    let now = Timestamp::now();
    let answer = reconcile.handle(now).await.map_err(|error| error.to_string());
    let report = s3.get_object().bucket(bucket).key(format!("money/{now}.json")).send().await;
    let report = report.unwrap().body.collect().await.unwrap().into_bytes();
    (answer, serde_json::from_slice(&report).unwrap())
}

fn listed(reference: &str, names_attempt: bool, order_id: Option<&OrderId>) -> ListedPayment {
    ListedPayment { reference: reference.into(), names_attempt, order_id: order_id.cloned(), state: HELD }
}

#[tokio::test]
async fn an_order_that_cannot_be_compared_fails_the_run_and_hides_no_difference_of_others() {
    let saga = Saga::authorized(Provider::Stripe, "pm_card_visa").await;
    let silent = PaymentError::Failed { provider: Provider::Stripe, reason: "no connection".into(), outage: true };
    let stripe = vec![listed("pi_ours", true, Some(&saga.order_id)), listed("pi_nobodys", true, None)];
    let (answer, report) = compared(&saga, Book::of(stripe, Err(silent)), Book::of(Vec::new(), Ok(HELD))).await;
    let refused = answer.unwrap_err();
    assert!(refused.contains(saga.order_id.as_str()) && refused.contains("could not be compared"), "{refused}");
    assert_eq!(report.not_compared, std::slice::from_ref(&saga.order_id));
    assert_eq!(report.differences.iter().map(|found| found.reference.as_str()).collect::<Vec<_>>(), ["pi_nobodys"]);
}

#[tokio::test]
async fn a_list_that_cannot_be_read_fails_the_run_and_hides_no_difference_at_the_other_provider() {
    let saga = Saga::authorized(Provider::Stripe, "pm_card_visa").await;
    let silent = PaymentError::Failed { provider: Provider::Stripe, reason: "no connection".into(), outage: true };
    let stripe = Book { listed: Err(silent), ..Book::of(Vec::new(), Ok(HELD)) };
    let paypal = Book::of(vec![listed("A1", true, None)], Ok(HELD));
    let (answer, report) = compared(&saga, stripe, paypal).await;
    assert!(answer.unwrap_err().contains("the list of stripe could not be read"));
    assert_eq!((report.not_listed.as_slice(), report.not_compared.len()), (&[Provider::Stripe][..], 0));
    assert_eq!(report.differences.iter().map(|found| found.reference.as_str()).collect::<Vec<_>>(), ["A1"]);
}

/// PayPal's report has nothing of money that did not move.
#[tokio::test]
async fn an_order_of_the_last_hours_that_no_provider_lists_is_read_by_reference_though_it_is_settled() {
    let saga = Saga::paid(Provider::Paypal, "vault_ok").await;
    let order = saga.order().await;
    let reference = order.attempts()[0].reference.clone();
    // Of a customer of its own: her list is another test's.
    let row = OrderRow { customer_id: CustomerId(new_key()), ..OrderRow::of(&order) };
    assert!(row.settled && view(&saga).put_if_later(&row).await.unwrap());
    let (answer, report) = compared(&saga, Book::of(Vec::new(), Ok(HELD)), Book::of(Vec::new(), Ok(PaymentState::Voided))).await;
    answer.unwrap();
    assert_eq!(report.compared, 1);
    let told: Vec<_> = report.differences.iter().map(|found| (found.reference.as_str(), found.problem.as_str())).collect();
    assert_eq!(told, [(reference.as_str(), "the events say that money was taken, and the provider does not")]);
}

#[tokio::test]
async fn a_transaction_of_paypals_that_tells_no_attempt_needs_one_that_was_to_be_paid_there() {
    for (provider, token, names_attempt, is_told) in [
        (Provider::Paypal, "vault_ok", false, false),
        (Provider::Paypal, "vault_ok", true, true),
        (Provider::Stripe, "pm_card_visa", false, true),
    ] {
        let saga = Saga::authorized(provider, token).await;
        let paypal = Book::of(vec![listed("A1", names_attempt, Some(&saga.order_id))], Ok(HELD));
        let (answer, report) = compared(&saga, Book::of(Vec::new(), Ok(HELD)), paypal).await;
        answer.unwrap();
        let told: Vec<_> = report.differences.iter().map(|found| (found.reference.as_str(), found.problem.as_str())).collect();
        let expected = [("A1", "a payment that no event of its order names")];
        assert_eq!(told, expected[..usize::from(is_told)], "{provider} {names_attempt}");
    }
}
