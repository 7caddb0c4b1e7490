//! Each rule of the state machine, and a gateway behind it.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use secrecy::ExposeSecret;

use super::*;
use crate::domain::{ids::CustomerId, money::Currency};

const RULES: Rules = Rules {
    failures: 5,
    window: Duration::from_mins(1),
    open: Duration::from_secs(30),
    probe_lease: Duration::from_secs(10),
    call: Duration::from_secs(5),
};

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_000_000 + second).unwrap()
}

fn after_failures(seconds: &[i64]) -> Health {
    seconds.iter().fold(Health::default(), |health, second| health.failed(at(*second), &RULES).unwrap_or(health))
}

fn open_since_0() -> Health {
    let health = after_failures(&[0, 0, 0, 0, 0]);
    assert!(health.is_open());
    health
}

fn probing_since(health: &Health, prober: &str, second: i64) -> Health {
    let Admission::Probe(probing) = health.admit(prober, at(second), &RULES) else { panic!("no probe at {second}") };
    probing
}

#[test]
fn five_failures_within_a_minute_open_it_and_four_do_not() {
    assert_eq!(after_failures(&[0, 10, 20, 30]).admit("p", at(30), &RULES), Admission::Pass);
    assert_eq!(after_failures(&[0, 10, 20, 30, 40]).admit("p", at(40), &RULES), Admission::Refuse);
}

#[test]
fn failures_older_than_the_window_do_not_count() {
    assert!(!after_failures(&[0, 10, 20, 30, 60]).is_open());
    assert!(after_failures(&[0, 10, 20, 30, 59]).is_open());
}

#[test]
fn an_answer_takes_the_failures_back_and_costs_nothing_where_there_are_none() {
    assert_eq!(Health::default().answered(), None);
    let well = after_failures(&[0, 0, 0, 0]).answered().unwrap();
    assert!(!well.failed(at(1), &RULES).unwrap().is_open());
    assert_eq!(well.answered(), None);
}

#[test]
fn while_it_is_open_neither_an_answer_nor_a_failure_changes_anything() {
    let open = open_since_0();
    assert_eq!(open.answered(), None);
    assert_eq!(open.failed(at(1), &RULES), None);
}

#[test]
fn it_stays_open_for_its_time_and_then_lets_one_probe_through() {
    let open = open_since_0();
    assert_eq!(open.admit("p", at(29), &RULES), Admission::Refuse);
    let probing = probing_since(&open, "first", 30);
    assert_eq!(probing.admit("second", at(31), &RULES), Admission::Refuse);
}

#[test]
fn a_probe_whose_prober_died_is_replaced_and_decides_nothing_any_more() {
    let probing = probing_since(&open_since_0(), "dead", 30);
    assert_eq!(probing.admit("heir", at(39), &RULES), Admission::Refuse);
    let replaced = probing_since(&probing, "heir", 40);
    assert_eq!(replaced.probed("dead", true, at(41)), None);
    assert!(!replaced.probed("heir", true, at(41)).unwrap().is_open());
}

#[test]
fn a_probe_that_is_answered_closes_it_and_one_that_fails_opens_it_for_as_long_again() {
    let probing = probing_since(&open_since_0(), "p", 30);
    let closed = probing.probed("p", true, at(31)).unwrap();
    assert_eq!(closed.admit("q", at(31), &RULES), Admission::Pass);
    assert_eq!(closed.answered(), None, "nothing is left over from before");
    let open = probing.probed("p", false, at(31)).unwrap();
    assert_eq!(open.admit("q", at(60), &RULES), Admission::Refuse);
    probing_since(&open, "q", 61);
}

#[test]
fn each_change_is_a_new_version() {
    let versions = [after_failures(&[0]), open_since_0(), probing_since(&open_since_0(), "p", 30)].map(|health| health.version());
    assert_eq!(versions, [1, 5, 6]);
}

#[test]
fn a_row_is_read_as_it_was_written() {
    let probing = probing_since(&open_since_0(), "p", 30);
    let item: std::collections::HashMap<String, aws_sdk_dynamodb::types::AttributeValue> =
        serde_dynamo::to_item(&probing).unwrap();
    assert_eq!(serde_dynamo::from_item::<_, Health>(item).unwrap(), probing);
}

/// A table in memory that counts what is asked of it, and can be out of reach.
#[derive(Debug, Default)]
struct Table {
    row: Mutex<Health>,
    reads: AtomicU32,
    writes: AtomicU32,
    /// The answer to the first write is lost: it took effect.
    loses_an_answer: AtomicBool,
    unreachable: bool,
}

#[async_trait]
impl HealthStore for Table {
    async fn load(&self, _: Provider) -> Result<Health, RepositoryError> {
        self.reads.fetch_add(1, Ordering::Relaxed);
        self.reached()?;
        Ok(self.row.lock().unwrap().clone())
    }

    async fn replace(&self, _: Provider, before: &Health, next: &Health) -> Result<bool, RepositoryError> {
        self.reached()?;
        let mut row = self.row.lock().unwrap();
        let is_first = row.version == before.version;
        if is_first {
            *row = next.clone();
            self.writes.fetch_add(1, Ordering::Relaxed);
        }
        if self.loses_an_answer.swap(false, Ordering::Relaxed) {
            return Err(RepositoryError::Aws { operation: "test", reason: "no answer".into() });
        }
        Ok(is_first)
    }
}

impl Table {
    fn reached(&self) -> Result<(), RepositoryError> {
        if self.unreachable {
            return Err(RepositoryError::Aws { operation: "test", reason: "out of reach".into() });
        }
        Ok(())
    }

    fn is_open(&self) -> bool {
        self.row.lock().unwrap().is_open()
    }

    fn reads(&self) -> u32 {
        self.reads.load(Ordering::Relaxed)
    }

    fn writes(&self) -> u32 {
        self.writes.load(Ordering::Relaxed)
    }
}

/// Answers as it is told, and counts what reaches it.
#[derive(Debug, Default)]
struct Scripted {
    prepare_outage: bool,
    owner_outage: bool,
    /// Whose the method is; else nobody's.
    owner: Option<MethodOwner>,
    asked: Arc<AtomicU32>,
    hangs: Option<Hanging>,
    /// What the last preparation named.
    account: Arc<Mutex<Option<String>>>,
    authorize: Option<PaymentError>,
    prepared: Arc<AtomicU32>,
    warmed: Arc<AtomicU32>,
}

/// The call that never comes back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Hanging {
    Prepare,
    Warm,
}

fn outage() -> PaymentError {
    PaymentError::Unknown { provider: Provider::Stripe, reason: "503".into(), outage: true }
}

#[async_trait]
impl PaymentGateway for Scripted {
    async fn owner(&self, _: &SecretString) -> Result<MethodOwner, PaymentError> {
        self.asked.fetch_add(1, Ordering::Relaxed);
        if self.owner_outage { Err(outage()) } else { Ok(self.owner.clone().unwrap_or(MethodOwner::Bearer)) }
    }
    async fn prepare(&self, preparation: &Preparation<'_>) -> Result<String, PaymentError> {
        self.prepared.fetch_add(1, Ordering::Relaxed);
        *self.account.lock().unwrap() = preparation.account.map(ToOwned::to_owned);
        if self.hangs == Some(Hanging::Prepare) {
            std::future::pending::<()>().await;
        }
        if self.prepare_outage { Err(outage().certain()) } else { Ok("pi_1".into()) }
    }
    async fn authorize(&self, _: &OrderId, _: &str, _: &SecretString) -> Result<PaymentState, PaymentError> {
        self.authorize.clone().map_or(Ok(PaymentState::Declined("card_declined".into())), Err)
    }
    async fn read(&self, _: &str) -> Result<PaymentState, PaymentError> {
        Ok(PaymentState::Prepared)
    }
    async fn action_url(&self, _: &str) -> Result<Option<SecretString>, PaymentError> {
        Ok(Some("https://bank.example".into()))
    }
    async fn void(&self, _: &str) -> Result<PaymentState, PaymentError> {
        Ok(PaymentState::Voided)
    }
    async fn capture(&self, _: &str, _: Money) -> Result<PaymentState, PaymentError> {
        Ok(PaymentState::Captured)
    }
    async fn refund(&self, _: &str, _: &RefundId, _: &str, _: Money) -> Result<RefundState, PaymentError> {
        Ok(RefundState::Refunded)
    }
    async fn refunds(&self, _: &str) -> Result<Vec<ListedRefund>, PaymentError> {
        let name = Some(RefundId::for_request(&order_id(), "k").to_string());
        Ok(vec![ListedRefund { name, amount: None, state: RefundState::Pending }])
    }
    async fn taken(&self, _: &str) -> Result<Option<Money>, PaymentError> {
        Ok(Some(Money { amount: 4599, currency: Currency::USD }))
    }
    async fn order_of(&self, _: &str) -> Result<Option<OrderId>, PaymentError> {
        Ok(Some(order_id()))
    }
    async fn list(&self, _: Timestamp) -> Result<Vec<ListedPayment>, PaymentError> {
        Ok(vec![ListedPayment { reference: "pi_1".into(), names_attempt: true, order_id: None, state: PaymentState::Captured }])
    }
    async fn warm(&self) {
        self.warmed.fetch_add(1, Ordering::Relaxed);
        if self.hangs == Some(Hanging::Warm) {
            std::future::pending::<()>().await;
        }
    }
}

fn order_id() -> OrderId {
    "ord_00000000000000000000000000000001".parse().unwrap()
}

fn guarded(gateway: Scripted, table: &Arc<Table>, rules: Rules) -> Guarded {
    Guarded::new(Provider::Stripe, Box::new(gateway), table.clone(), rules)
}

async fn prepare(guarded: &Guarded) -> Result<String, PaymentError> {
    let amount = Money { amount: 4599, currency: Currency::USD };
    guarded.prepare(&Preparation { order_id: &order_id(), attempt: 1, amount, account: None }).await
}

async fn prepare_unasked(guarded: &Guarded) -> Result<String, PaymentError> {
    let (order_id, token, customer) = (order_id(), "pm_1".into(), CustomerId("kareem".into()));
    let amount = Money { amount: 4599, currency: Currency::USD };
    let preparation = Preparation { order_id: &order_id, attempt: 1, amount, account: None };
    guarded.prepare_unasked(&preparation, Unasked { token: &token, customer: &customer }).await
}

async fn authorize(guarded: &Guarded) -> Result<PaymentState, PaymentError> {
    guarded.authorize(&order_id(), "pi_1", &"pm_card_visa".into()).await
}

#[tokio::test]
async fn a_healthy_provider_costs_no_write_and_a_decline_is_no_failure() {
    let table = Arc::new(Table::default());
    let guarded = guarded(Scripted::default(), &table, RULES);
    for _ in 0..10 {
        prepare(&guarded).await.unwrap();
        authorize(&guarded).await.unwrap();
    }
    assert_eq!(table.writes(), 0);
}

#[tokio::test]
async fn an_open_breaker_holds_up_a_preparation_certainly_and_nothing_else() {
    let table = Arc::new(Table::default());
    let prepared = Arc::new(AtomicU32::new(0));
    let gateway = Scripted { prepare_outage: true, prepared: prepared.clone(), ..Scripted::default() };
    let guarded = guarded(gateway, &table, RULES);
    for _ in 0..5 {
        assert!(prepare(&guarded).await.unwrap_err().is_outage());
    }
    assert!(table.is_open());
    let refused = prepare(&guarded).await.unwrap_err();
    assert!(
        matches!(&refused, PaymentError::Failed { outage: false, reason, .. } if reason.contains("breaker is open")),
        "{refused}"
    );
    assert_eq!(prepared.load(Ordering::Relaxed), 5, "the sixth never left");
    authorize(&guarded).await.unwrap();
    guarded.read("pi_1").await.unwrap();
    guarded.void("pi_1").await.unwrap();
    assert!(table.is_open(), "only a probe closes it");
}

#[tokio::test]
async fn an_open_breaker_holds_up_the_question_whose_a_method_is_that_comes_before_a_preparation() {
    let table = Arc::new(Table::default());
    let (asked, prepared) = (Arc::new(AtomicU32::new(0)), Arc::new(AtomicU32::new(0)));
    let gateway = Scripted { owner_outage: true, asked: asked.clone(), prepared: prepared.clone(), ..Scripted::default() };
    let guarded = guarded(gateway, &table, RULES);
    for _ in 0..5 {
        assert!(matches!(prepare_unasked(&guarded).await, Err(PaymentError::Failed { outage: true, .. })), "certain");
    }
    assert!(table.is_open());
    assert!(prepare_unasked(&guarded).await.unwrap_err().to_string().contains("breaker is open"));
    assert_eq!((asked.load(Ordering::Relaxed), prepared.load(Ordering::Relaxed)), (5, 0), "the sixth was not asked");
}

#[tokio::test]
async fn a_question_and_a_preparation_that_together_take_too_long_are_a_failure_and_are_noted() {
    let table = Arc::new(Table::default());
    let rules = Rules { failures: 1, call: Duration::from_millis(20), ..RULES };
    let late = prepare_unasked(&guarded(Scripted { hangs: Some(Hanging::Prepare), ..Scripted::default() }, &table, rules)).await;
    assert!(matches!(late, Err(PaymentError::Failed { outage: true, .. })), "{late:?}");
    assert!(table.is_open());
}

#[tokio::test]
async fn what_is_prepared_unasked_names_her_account_if_the_method_is_hers_and_nobody_elses() {
    for (owner, named) in [("kareem", Some("cus_1")), ("amina", None)] {
        let account = Arc::new(Mutex::new(None));
        let owner = MethodOwner::Customer { id: CustomerId(owner.into()), account: Some("cus_1".into()) };
        let gateway = Scripted { owner: Some(owner), account: account.clone(), ..Scripted::default() };
        prepare_unasked(&guarded(gateway, &Arc::new(Table::default()), RULES)).await.unwrap();
        assert_eq!(account.lock().unwrap().as_deref(), named);
    }
}

#[tokio::test]
async fn a_probe_fails_with_the_question_that_comes_before_it_and_is_as_good_as_its_preparation() {
    let row = || Mutex::new(after_failures(&[0, 0, 0, 0, 0]));
    let down = Arc::new(Table { row: row(), ..Table::default() });
    prepare_unasked(&guarded(Scripted { owner_outage: true, ..Scripted::default() }, &down, RULES)).await.unwrap_err();
    assert!(down.is_open());
    assert_eq!(down.writes(), 2, "the probe's lease, and what it found");
    let well = Arc::new(Table { row: row(), ..Table::default() });
    prepare_unasked(&guarded(Scripted::default(), &well, RULES)).await.unwrap();
    assert!(!well.is_open());
}

#[tokio::test]
async fn authorisations_that_fail_open_it_though_preparations_and_reads_are_answered() {
    let table = Arc::new(Table::default());
    let guarded = guarded(Scripted { authorize: Some(outage()), ..Scripted::default() }, &table, RULES);
    for _ in 0..5 {
        prepare(&guarded).await.unwrap();
        authorize(&guarded).await.unwrap_err();
        guarded.read("pi_1").await.unwrap();
    }
    assert!(table.is_open());
}

#[tokio::test]
async fn a_refusal_that_is_no_outage_does_not_open_it() {
    let table = Arc::new(Table::default());
    let refused = PaymentError::Failed { provider: Provider::Stripe, reason: "429".into(), outage: false };
    let guarded = guarded(Scripted { authorize: Some(refused), ..Scripted::default() }, &table, RULES);
    for _ in 0..10 {
        authorize(&guarded).await.unwrap_err();
    }
    assert_eq!(table.writes(), 0);
}

#[tokio::test]
async fn the_probe_of_a_provider_that_is_well_again_closes_it_for_all() {
    let table = Arc::new(Table { row: Mutex::new(after_failures(&[0, 0, 0, 0, 0])), ..Table::default() });
    let guarded = guarded(Scripted::default(), &table, RULES);
    prepare(&guarded).await.unwrap();
    assert!(!table.is_open());
    assert_eq!(table.writes(), 2, "the probe's lease, and what it found");
}

#[tokio::test]
async fn only_one_of_many_instances_probes() {
    let table = Arc::new(Table { row: Mutex::new(after_failures(&[0, 0, 0, 0, 0])), ..Table::default() });
    let prepared = Arc::new(AtomicU32::new(0));
    let instances: Vec<_> = (0..8)
        .map(|_| guarded(Scripted { prepare_outage: true, prepared: prepared.clone(), ..Scripted::default() }, &table, RULES))
        .collect();
    let outcomes = futures_util::future::join_all(instances.iter().map(prepare)).await;
    assert!(outcomes.iter().all(Result::is_err));
    assert_eq!(prepared.load(Ordering::Relaxed), 1);
    assert!(table.is_open(), "its failure opened it again");
}

#[tokio::test]
async fn a_table_out_of_reach_holds_up_nothing() {
    let table = Arc::new(Table { unreachable: true, ..Table::default() });
    let guarded = guarded(Scripted { authorize: Some(outage()), ..Scripted::default() }, &table, RULES);
    for _ in 0..10 {
        prepare(&guarded).await.unwrap();
        authorize(&guarded).await.unwrap_err();
    }
}

#[tokio::test]
async fn what_is_known_is_read_again_after_a_second() {
    let table = Arc::new(Table::default());
    let guarded = guarded(Scripted::default(), &table, RULES);
    for _ in 0..10 {
        prepare(&guarded).await.unwrap();
    }
    assert_eq!(table.reads(), 1);
    tokio::time::sleep(KEPT + Duration::from_millis(50)).await;
    prepare(&guarded).await.unwrap();
    assert_eq!(table.reads(), 2);
}

#[tokio::test]
async fn a_provider_that_does_not_answer_keeps_no_function_from_starting() {
    let guarded = guarded(Scripted { hangs: Some(Hanging::Warm), ..Scripted::default() }, &Arc::default(), RULES);
    timeout(10 * WARMED_WITHIN, guarded.warm()).await.unwrap();
}

#[tokio::test]
async fn everything_but_a_preparation_goes_through_an_open_breaker_as_the_provider_answers_it() {
    let table = Arc::new(Table { row: Mutex::new(after_failures(&[0, 0, 0, 0, 0])), ..Table::default() });
    let warmed = Arc::new(AtomicU32::new(0));
    let guarded = guarded(Scripted { warmed: warmed.clone(), ..Scripted::default() }, &table, RULES);
    guarded.warm().await;
    assert_eq!((warmed.load(Ordering::Relaxed), table.reads()), (1, 1), "its table is read ahead too");
    let (refund, amount) = (RefundId::for_request(&order_id(), "k"), Money { amount: 1, currency: Currency::USD });
    assert_eq!(guarded.owner(&"pm_1".into()).await, Ok(MethodOwner::Bearer));
    assert_eq!(guarded.read("pi_1").await, Ok(PaymentState::Prepared));
    assert_eq!(guarded.action_url("pi_1").await.unwrap().unwrap().expose_secret(), "https://bank.example");
    assert_eq!(guarded.void("pi_1").await, Ok(PaymentState::Voided));
    assert_eq!(guarded.capture("pi_1", amount).await, Ok(PaymentState::Captured));
    assert_eq!(guarded.refund("pi_1", &refund, "key", amount).await, Ok(RefundState::Refunded));
    assert_eq!(guarded.find_refund("pi_1", &refund).await, Ok(Some(RefundState::Pending)));
    assert_eq!(guarded.taken("pi_1").await.unwrap().unwrap().amount, 4599);
    assert_eq!(guarded.order_of("pi_1").await, Ok(Some(order_id())));
    assert_eq!(guarded.list(Timestamp::UNIX_EPOCH).await.unwrap().len(), 1);
    assert!(table.is_open());
}

#[tokio::test]
async fn an_authorisation_without_an_answer_proves_nothing() {
    let table = Arc::new(Table { row: Mutex::new(after_failures(&[0])), ..Table::default() });
    let unasked = PaymentError::Failed { provider: Provider::Stripe, reason: "the secret cannot be read".into(), outage: false };
    let gateway = Scripted { authorize: Some(unasked), ..Scripted::default() };
    authorize(&guarded(gateway, &table, RULES)).await.unwrap_err();
    assert_eq!(table.writes(), 0);
}

#[tokio::test]
async fn an_authorisation_that_is_answered_takes_earlier_failures_back() {
    let table = Arc::new(Table { row: Mutex::new(after_failures(&[0])), ..Table::default() });
    authorize(&guarded(Scripted::default(), &table, RULES)).await.unwrap();
    assert_eq!((table.writes(), &*table.row.lock().unwrap()), (1, &after_failures(&[0]).answered().unwrap()));
}

#[tokio::test]
async fn a_probe_whose_lease_was_written_though_no_answer_came_is_made_all_the_same() {
    let row = Mutex::new(after_failures(&[0, 0, 0, 0, 0]));
    let table = Arc::new(Table { row, loses_an_answer: AtomicBool::new(true), ..Table::default() });
    prepare(&guarded(Scripted::default(), &table, RULES)).await.unwrap();
    assert!(!table.is_open(), "the probe was answered");
}

#[tokio::test]
async fn who_finds_another_probing_at_the_last_moment_lets_nothing_through() {
    let open = after_failures(&[0, 0, 0, 0, 0]);
    let table = Arc::new(Table { row: Mutex::new(open.clone()), ..Table::default() });
    let prepared = Arc::new(AtomicU32::new(0));
    let guarded = guarded(Scripted { prepared: prepared.clone(), ..Scripted::default() }, &table, RULES);
    guarded.warm().await;
    let Admission::Probe(probing) = open.admit("another", Timestamp::now(), &RULES) else { panic!("a probe is due") };
    *table.row.lock().unwrap() = probing;
    assert!(prepare(&guarded).await.unwrap_err().to_string().contains("breaker is open"));
    assert_eq!(prepared.load(Ordering::Relaxed), 0);
}

#[test]
fn each_change_of_the_breaker_has_its_name() {
    let (closed, open) = (Health::default(), after_failures(&[0, 0, 0, 0, 0]));
    let probing = probing_since(&open, "one", 40);
    assert_eq!(transition(&closed, &closed), None);
    assert_eq!(transition(&closed, &open), Some("BreakerOpened"));
    assert_eq!(transition(&open, &probing), Some("BreakerProbed"));
    assert_eq!(transition(&probing, &open), Some("BreakerReopened"));
    assert_eq!(transition(&probing, &closed), Some("BreakerClosed"));
}
