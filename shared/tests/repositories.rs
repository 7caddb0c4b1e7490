//! The repositories against every DynamoDB that is at hand: implementations that know nothing of each other.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests fail by panicking")]

use std::{
    collections::{BTreeMap, BTreeSet},
    env,
    time::Duration,
};

use aws_sdk_dynamodb::{
    Client, Config,
    config::{BehaviorVersion, Credentials, Region},
    types::{AttributeDefinition, BillingMode, KeySchemaElement, KeyType, ScalarAttributeType, TransactWriteItem},
};
use jiff::{SignedDuration, Timestamp};
use shared::{
    domain::{
        event::{Cancellation, Event, Fact, Line, OrderPlaced, Provider, Rejection, Shortage},
        ids::{CustomerId, OrderId, Sku},
        money::{Currency, Money},
        order::{Order, Refusal},
        personal::{Address, OrderDetails, PaymentMethod},
        product::Product,
    },
    payments::breaker::{Admission, Health, Rules},
    repositories::{
        customer_orders::{CustomerOrdersTable, OrderRow},
        idempotency_keys::{IdempotencyKeysTable, NextAction, RequestKey, SavedAnswer},
        inventory::{InventoryTable, shortages},
        order_details::OrderDetailsTable,
        order_events::{AdvanceError, OrderEvents},
        products::ProductsTable,
        provider_health::ProviderHealthTable,
        webhook_events::WebhookEventsTable,
    },
};
use tokio::task::JoinSet;
use uuid::Uuid;

/// Tables of one test's own, in one DynamoDB.
struct Tables {
    endpoint: String,
    events: OrderEvents,
    details: OrderDetailsTable,
    inventory: InventoryTable,
    keys: IdempotencyKeysTable,
    orders: CustomerOrdersTable,
    products: ProductsTable,
    health: ProviderHealthTable,
    webhooks: WebhookEventsTable,
}

const LEASE: Duration = Duration::from_secs(45);
const KEPT: Duration = Duration::from_hours(24);

impl Tables {
    /// Fresh tables in every DynamoDB that the run names.
    async fn in_each() -> Vec<Self> {
        let mut all = Vec::new();
        let endpoints = env::var("SOUK_DYNAMODBS")
            .expect("SOUK_DYNAMODBS is not set: these tests need DynamoDBs at hand. Run them with: cargo xtask test");
        for endpoint in endpoints.split(',') {
            all.push(Self::fresh(endpoint).await);
        }
        all
    }

    async fn fresh(endpoint: &str) -> Self {
        let client = client(endpoint);
        let run = Uuid::new_v4().simple().to_string();
        for (table, key) in [
            ("events", &[("order_id", ScalarAttributeType::S), ("sequence", ScalarAttributeType::N)][..]),
            ("details", &[("order_id", ScalarAttributeType::S)]),
            ("inventory", &[("sku", ScalarAttributeType::S)]),
            ("keys", &[("request_key", ScalarAttributeType::S)]),
            ("orders", &[("customer_id", ScalarAttributeType::S), ("placed_order", ScalarAttributeType::S)]),
            ("products", &[("sku", ScalarAttributeType::S)]),
            ("health", &[("provider", ScalarAttributeType::S)]),
            ("webhooks", &[("event_id", ScalarAttributeType::S)]),
        ] {
            create(&client, &format!("{table}-{run}"), key).await;
        }
        Self::named(endpoint, client, &run)
    }

    /// Tables that are not there.
    fn missing(endpoint: &str) -> Self {
        Self::named(endpoint, client(endpoint), "missing")
    }

    fn named(endpoint: &str, client: Client, run: &str) -> Self {
        let name = |table: &str| format!("{table}-{run}");
        Self {
            endpoint: endpoint.to_owned(),
            events: OrderEvents::new(client.clone(), name("events")),
            details: OrderDetailsTable::new(client.clone(), name("details")),
            inventory: InventoryTable::new(client.clone(), name("inventory")),
            keys: IdempotencyKeysTable::new(client.clone(), name("keys"), LEASE, KEPT),
            orders: CustomerOrdersTable::new(client.clone(), name("orders")),
            products: ProductsTable::new(client.clone(), name("products")),
            health: ProviderHealthTable::new(client.clone(), name("health")),
            webhooks: WebhookEventsTable::new(client, name("webhooks")),
        }
    }

    async fn place(&self, items: &[(&str, u32)]) -> OrderId {
        let order_id = OrderId::for_request(&CustomerId("kareem".into()), &Uuid::new_v4().to_string());
        assert!(
            self.events
                .place(&placed(&order_id, items), vec![self.details.first_write(&details(&order_id)).unwrap()])
                .await
                .unwrap()
        );
        order_id
    }

    async fn reserve(&self, order_id: &OrderId) -> Result<Order, AdvanceError> {
        self.events.advance_with(order_id, Order::reserve, |order| self.inventory.take(&order.quantities())).await
    }

    async fn available(&self, sku: &str) -> u32 {
        self.inventory.level(&sku.parse().unwrap()).await.unwrap().unwrap().available
    }
}

fn client(endpoint: &str) -> Client {
    let config = Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("us-east-1"))
        .endpoint_url(endpoint)
        .credentials_provider(Credentials::new("test", "test", None, None, "local"));
    Client::from_conf(config.build())
}

async fn create(client: &Client, name: &str, key: &[(&str, ScalarAttributeType)]) {
    let mut table = client.create_table().table_name(name).billing_mode(BillingMode::PayPerRequest);
    for ((attribute, kind), role) in key.iter().zip([KeyType::Hash, KeyType::Range]) {
        table = table
            .attribute_definitions(
                AttributeDefinition::builder().attribute_name(*attribute).attribute_type(kind.clone()).build().unwrap(),
            )
            .key_schema(KeySchemaElement::builder().attribute_name(*attribute).key_type(role).build().unwrap());
    }
    table.send().await.unwrap_or_else(|error| panic!("{name} cannot be created: {error:?}"));
}

fn placed(order_id: &OrderId, items: &[(&str, u32)]) -> Event {
    let unit_price = Money { amount: 4599, currency: Currency::USD };
    let line =
        |(sku, quantity): &(&str, u32)| Line { sku: sku.parse().unwrap(), name: (*sku).into(), quantity: *quantity, unit_price };
    let items: Vec<_> = items.iter().map(line).collect();
    let placed = OrderPlaced {
        customer_id: CustomerId("kareem".into()),
        fingerprint: "f".into(),
        total: shared::domain::order::total(&items).unwrap().unwrap(),
        items,
        payment_methods: vec![Provider::Stripe],
    };
    Event { order_id: order_id.clone(), sequence: 1, at: Timestamp::now(), fact: Fact::OrderPlaced(placed) }
}

fn details(order_id: &OrderId) -> OrderDetails {
    OrderDetails {
        order_id: order_id.clone(),
        customer_id: CustomerId("kareem".into()),
        email: "kareem@souk.example".into(),
        phone: None,
        shipping_address: Address {
            name: "Kareem".into(),
            line1: "1 Nile St".into(),
            line2: None,
            city: "Cairo".into(),
            postal_code: "11511".into(),
            country: "EG".into(),
        },
        payment_methods: vec![PaymentMethod {
            provider: Provider::Stripe,
            token: "pm_card_visa".into(),
            owner_known: true,
            account: None,
        }],
    }
}

fn sku(name: &str) -> Sku {
    name.parse().unwrap()
}

#[tokio::test]
async fn an_order_is_placed_once_with_its_details_and_read_back_as_it_was() {
    for tables in Tables::in_each().await {
        let order_id = OrderId::for_request(&CustomerId("kareem".into()), "once");
        let first = placed(&order_id, &[("mug", 2)]);
        let write = || vec![tables.details.first_write(&details(&order_id)).unwrap()];
        assert!(tables.events.place(&first, write()).await.unwrap());
        let second = Event { at: Timestamp::UNIX_EPOCH, ..placed(&order_id, &[("mug", 9)]) };
        assert!(!tables.events.place(&second, write()).await.unwrap(), "{}", tables.endpoint);
        assert_eq!(tables.events.load(&order_id).await.unwrap(), [first]);
        let stored = tables.details.load(&order_id).await.unwrap().unwrap();
        assert_eq!(stored.shipping_address, details(&order_id).shipping_address);
        assert_eq!(secrecy::ExposeSecret::expose_secret(&stored.payment_methods[0].token), "pm_card_visa");
    }
}

#[tokio::test]
async fn writers_that_race_for_a_sequence_append_one_event() {
    for tables in Tables::in_each().await {
        tables.inventory.stock_first(&sku("mug"), 100).await.unwrap();
        let order_id = tables.place(&[("mug", 2)]).await;
        let mut writers = JoinSet::new();
        for _ in 0..8 {
            let (events, inventory, order_id) = (tables.events.clone(), tables.inventory.clone(), order_id.clone());
            writers.spawn(async move {
                events.advance_with(&order_id, Order::reserve, |order| inventory.take(&order.quantities())).await.unwrap();
            });
        }
        writers.join_all().await;
        assert_eq!(tables.events.load(&order_id).await.unwrap().len(), 2, "{}", tables.endpoint);
        assert_eq!(tables.available("mug").await, 98, "the stock is taken once");
        let mut alone = JoinSet::new();
        for _ in 0..8 {
            let (events, order_id) = (tables.events.clone(), order_id.clone());
            alone.spawn(async move {
                events.advance_first(&order_id, |order| order.cancel(Cancellation::CustomerRequest)).await.unwrap().1
            });
        }
        let first = alone.join_all().await.into_iter().filter(|first| *first).count();
        assert_eq!((tables.events.load(&order_id).await.unwrap().len(), first), (3, 1), "one was first, at {}", tables.endpoint);
    }
}

#[tokio::test]
async fn a_shortage_takes_nothing_and_says_what_is_short() {
    for tables in Tables::in_each().await {
        tables.inventory.stock_first(&sku("mug"), 10).await.unwrap();
        tables.inventory.stock_first(&sku("vase"), 1).await.unwrap();
        let order_id = tables.place(&[("mug", 2), ("vase", 1), ("vase", 1), ("unknown", 1)]).await;
        let Err(AdvanceError::Refused(reasons)) = tables.reserve(&order_id).await else { panic!("not refused") };
        let order = tables.events.order(&order_id).await.unwrap();
        let short = |sku: &str, requested, available| Shortage { sku: sku.parse().unwrap(), requested, available };
        assert_eq!(
            shortages(&order.quantities(), &reasons),
            [short("unknown", 1, 0), short("vase", 2, 1)],
            "{}",
            tables.endpoint
        );
        assert_eq!((tables.available("mug").await, tables.available("vase").await), (10, 1), "all lines or none");
        assert_eq!(order.sequence, 1);
    }
}

#[tokio::test]
async fn two_hundred_buyers_of_fifty_units_get_exactly_fifty() {
    for tables in Tables::in_each().await {
        tables.inventory.stock_first(&sku("lamp"), 50).await.unwrap();
        let mut orders = Vec::new();
        for _ in 0..200 {
            orders.push(tables.place(&[("lamp", 1)]).await);
        }
        let mut buyers = JoinSet::new();
        for order_id in orders {
            let (events, inventory) = (tables.events.clone(), tables.inventory.clone());
            buyers.spawn(async move {
                events.advance_with(&order_id, Order::reserve, |order| inventory.take(&order.quantities())).await.is_ok()
            });
        }
        let sold = buyers.join_all().await.into_iter().filter(|sold| *sold).count();
        assert_eq!((sold, tables.available("lamp").await), (50, 0), "{}", tables.endpoint);
    }
}

#[tokio::test]
async fn a_release_gives_back_once_whatever_is_repeated() {
    for tables in Tables::in_each().await {
        tables.inventory.stock_first(&sku("mug"), 10).await.unwrap();
        let order_id = tables.place(&[("mug", 3)]).await;
        tables.reserve(&order_id).await.unwrap();
        assert_eq!(tables.available("mug").await, 7);
        let release = async || {
            tables.events.advance_with(&order_id, Order::release, |order| tables.inventory.give_back(&order.quantities())).await
        };
        assert!(matches!(release().await, Err(AdvanceError::NotAllowed(Refusal::NotEnded))), "{}", tables.endpoint);
        tables.events.advance(&order_id, |order| order.prepare_payment(1, Provider::Stripe, "pi_1")).await.unwrap();
        tables.events.advance(&order_id, |order| order.decline_payment(1, "card_declined")).await.unwrap();
        let reason = Rejection::PaymentDeclined { decline_code: "card_declined".into() };
        tables.events.advance(&order_id, |order| order.reject(&reason)).await.unwrap();
        for _ in 0..3 {
            release().await.unwrap();
        }
        assert_eq!(tables.available("mug").await, 10);
    }
}

#[tokio::test]
async fn an_order_of_forty_lines_fits_into_its_transaction() {
    for tables in Tables::in_each().await {
        let names: Vec<_> = (0..40).map(|number| format!("sku-{number}")).collect();
        for name in &names {
            tables.inventory.stock_first(&sku(name), 1).await.unwrap();
        }
        let lines: Vec<_> = names.iter().map(|name| (name.as_str(), 1)).collect();
        let order_id = tables.place(&lines).await;
        tables.reserve(&order_id).await.unwrap();
        let skus: Vec<Sku> = names.iter().map(|name| sku(name)).collect();
        let levels = tables.inventory.available(&skus.iter().collect::<Vec<_>>()).await.unwrap();
        assert_eq!((levels.len(), levels.values().sum::<u32>()), (40, 0), "{}", tables.endpoint);
    }
}

#[tokio::test]
async fn stocking_again_changes_nothing() {
    for tables in Tables::in_each().await {
        tables.inventory.stock_first(&sku("mug"), 10).await.unwrap();
        tables.inventory.stock_first(&sku("mug"), 99).await.unwrap();
        assert_eq!(tables.available("mug").await, 10, "{}", tables.endpoint);
    }
}

#[tokio::test]
async fn an_order_that_is_not_there_is_named() {
    for tables in Tables::in_each().await {
        let nobody = OrderId::for_request(&CustomerId("nobody".into()), "none");
        assert!(matches!(tables.events.order(&nobody).await, Err(AdvanceError::NoSuchOrder(id)) if id == nobody));
        assert!(tables.details.load(&nobody).await.unwrap().is_none());
        tables.details.erase_tokens(&nobody).await.unwrap();
        assert!(tables.details.load(&nobody).await.unwrap().is_none(), "nothing was made of it");
    }
}

fn key(name: &str) -> RequestKey {
    RequestKey::new(&CustomerId("kareem".into()), "POST /v1/checkout", name)
}

fn answer() -> SavedAnswer {
    SavedAnswer { status: 201, body: r#"{"a":1}"#.into(), headers: vec![("Location".into(), "/v1/orders/x".into())] }
}

#[tokio::test]
async fn a_key_has_one_owner_and_its_answer_is_kept() {
    for tables in Tables::in_each().await {
        let now = Timestamp::now();
        let NextAction::Start(lease) = tables.keys.claim(key("k"), "f", now).await.unwrap() else { panic!("not ours") };
        let NextAction::InProgress(left) = tables.keys.claim(key("k"), "f", now).await.unwrap() else { panic!("taken twice") };
        assert_eq!(left, LEASE, "{}", tables.endpoint);
        assert_eq!(tables.keys.claim(key("k"), "other", now).await.unwrap(), NextAction::Mismatch);
        assert!(tables.keys.save(&lease, &answer()).await.unwrap());
        assert_eq!(tables.keys.claim(key("k"), "f", now).await.unwrap(), NextAction::Replay(answer()));
        assert_eq!(tables.keys.claim(key("k"), "other", now).await.unwrap(), NextAction::Mismatch);
    }
}

#[tokio::test]
async fn a_dead_owners_request_is_taken_over_and_its_late_answer_is_not_kept() {
    for tables in Tables::in_each().await {
        let now = Timestamp::now();
        let NextAction::Start(dead) = tables.keys.claim(key("k"), "f", now).await.unwrap() else { panic!("not ours") };
        let later = now + LEASE + Duration::from_millis(1);
        assert_eq!(tables.keys.claim(key("k"), "other", later).await.unwrap(), NextAction::Mismatch, "{}", tables.endpoint);
        let NextAction::Start(heir) = tables.keys.claim(key("k"), "f", later).await.unwrap() else { panic!("not taken over") };
        assert!(!tables.keys.save(&dead, &answer()).await.unwrap(), "the lease is another's");
        tables.keys.release(&dead).await.unwrap();
        assert!(tables.keys.save(&heir, &answer()).await.unwrap(), "a dead owner gives nothing free");
    }
}

#[tokio::test]
async fn an_answer_that_expired_is_gone_even_before_the_table_deletes_it() {
    for tables in Tables::in_each().await {
        let now = Timestamp::now();
        let NextAction::Start(lease) = tables.keys.claim(key("k"), "f", now).await.unwrap() else { panic!("not ours") };
        tables.keys.save(&lease, &answer()).await.unwrap();
        let tomorrow = now + KEPT + Duration::from_secs(1);
        let next = tables.keys.claim(key("k"), "other", tomorrow).await.unwrap();
        assert!(matches!(next, NextAction::Start(_)), "{}", tables.endpoint);
    }
}

#[tokio::test]
async fn a_key_given_free_can_be_claimed_with_another_body() {
    for tables in Tables::in_each().await {
        let now = Timestamp::now();
        let NextAction::Start(lease) = tables.keys.claim(key("k"), "f", now).await.unwrap() else { panic!("not ours") };
        tables.keys.release(&lease).await.unwrap();
        let next = tables.keys.claim(key("k"), "other", now).await.unwrap();
        assert!(matches!(next, NextAction::Start(_)), "{}", tables.endpoint);
    }
}

#[tokio::test]
async fn a_row_goes_by_sequence_and_not_by_arrival() {
    for tables in Tables::in_each().await {
        let order_id = tables.place(&[("mug", 1)]).await;
        let early = tables.events.order(&order_id).await.unwrap();
        tables.inventory.stock_first(&sku("mug"), 1).await.unwrap();
        let late = tables.reserve(&order_id).await.unwrap();
        assert!(tables.orders.put_if_later(&OrderRow::of(&late)).await.unwrap());
        assert!(!tables.orders.put_if_later(&OrderRow::of(&early)).await.unwrap(), "{}", tables.endpoint);
        let page = tables.orders.page(&CustomerId("kareem".into()), 10, None).await.unwrap();
        assert_eq!(page.items, [OrderRow::of(&late)]);
    }
}

#[tokio::test]
async fn a_customers_list_is_newest_first_in_pages_without_gaps() {
    for tables in Tables::in_each().await {
        let mut expected = Vec::new();
        for _ in 0..5 {
            let order_id = tables.place(&[("mug", 1)]).await;
            tables.orders.put_if_later(&OrderRow::of(&tables.events.order(&order_id).await.unwrap())).await.unwrap();
            expected.insert(0, order_id);
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        let (mut listed, mut after) = (Vec::new(), None::<String>);
        loop {
            let page = tables.orders.page(&CustomerId("kareem".into()), 2, after.as_deref()).await.unwrap();
            listed.extend(page.items.into_iter().map(|row| row.order_id));
            let Some(next) = page.next else { break };
            after = next.get("placed_order").cloned();
        }
        assert_eq!(listed, expected, "{}", tables.endpoint);
        assert!(tables.orders.page(&CustomerId("amina".into()), 10, None).await.unwrap().items.is_empty());
    }
}

#[tokio::test]
async fn orders_are_found_by_their_time_the_older_ones_only_while_their_money_is_not_settled() {
    for tables in Tables::in_each().await {
        let mut rows = Vec::new();
        for settled in [false, false, true] {
            let order_id = tables.place(&[("mug", 1)]).await;
            let row = OrderRow { settled, ..OrderRow::of(&tables.events.order(&order_id).await.unwrap()) };
            assert!(tables.orders.put_if_later(&row).await.unwrap());
            rows.push(row);
        }
        let of = |rows: &[OrderRow]| rows.iter().map(|row| row.order_id.clone()).collect::<BTreeSet<_>>();
        let (first, later) = (rows[0].placed_at, Timestamp::now() + SignedDuration::from_mins(1));
        let found = async |recent, unsettled| -> BTreeSet<_> {
            tables.orders.recent_or_unsettled(recent, unsettled).await.unwrap().into_iter().collect()
        };
        assert_eq!(found(later, first).await, of(&rows[..2]), "{}", tables.endpoint);
        assert_eq!(found(first, later).await, of(&rows), "{}", tables.endpoint);
        assert!(found(later, later).await.is_empty(), "{}", tables.endpoint);
    }
}

#[tokio::test]
async fn a_table_that_is_not_there_is_an_error_and_never_an_answer() {
    for fresh in Tables::in_each().await {
        let order_id = fresh.place(&[("mug", 1)]).await;
        let order = fresh.events.order(&order_id).await.unwrap();
        let (mug, now, kareem) = (sku("mug"), Timestamp::now(), CustomerId("kareem".into()));
        let NextAction::Start(lease) = fresh.keys.claim(RequestKey::new(&kareem, "POST /", "k"), "f", now).await.unwrap() else {
            panic!("nobody else has it")
        };
        let tables = Tables::missing(&fresh.endpoint);
        assert!(tables.events.place(&placed(&order_id, &[("mug", 1)]), Vec::new()).await.is_err());
        assert!(tables.events.load(&order_id).await.is_err());
        assert!(matches!(tables.events.order(&order_id).await, Err(AdvanceError::Repository(_))));
        assert!(tables.details.load(&order_id).await.is_err());
        assert!(tables.details.erase_tokens(&order_id).await.is_err());
        assert!(tables.inventory.available(&[&mug]).await.is_err());
        assert!(tables.inventory.level(&mug).await.is_err());
        assert!(tables.inventory.stock_first(&mug, 1).await.is_err());
        assert!(tables.keys.claim(RequestKey::new(&kareem, "POST /", "k"), "f", now).await.is_err());
        assert!(tables.keys.save(&lease, &SavedAnswer { status: 201, body: "{}".into(), headers: Vec::new() }).await.is_err());
        assert!(tables.keys.release(&lease).await.is_err());
        assert!(tables.orders.put_if_later(&OrderRow::of(&order)).await.is_err());
        assert!(tables.orders.page(&kareem, 1, None).await.is_err());
        assert!(tables.orders.recent_or_unsettled(now, now).await.is_err());
        assert!(tables.products.get(&mug).await.is_err());
        assert!(tables.products.get_all(&[&mug]).await.is_err());
        assert!(tables.health.load(Provider::Stripe).await.is_err());
        assert!(tables.health.replace(Provider::Stripe, &Health::default(), &Health::default()).await.is_err());
        assert!(tables.webhooks.was_applied(Provider::Stripe, "evt_1", now).await.is_err());
        assert!(tables.webhooks.remember(Provider::Stripe, "evt_1", now).await.is_err());
    }
}

#[tokio::test]
async fn products_are_put_read_and_listed() {
    for tables in Tables::in_each().await {
        let product = |name: &str| Product {
            sku: sku(name),
            name: name.into(),
            description: "d".into(),
            category: "kitchen".into(),
            price: Money { amount: 4599, currency: Currency::USD },
            images: vec!["/pictures/x.svg".into()],
        };
        for name in ["a", "b", "c"] {
            tables.products.put(&product(name)).await.unwrap();
        }
        assert_eq!(tables.products.get(&sku("b")).await.unwrap(), Some(product("b")));
        let (a, missing) = (sku("a"), sku("missing"));
        let found = tables.products.get_all(&[&a, &missing]).await.unwrap();
        assert_eq!(found, BTreeMap::from([(sku("a"), product("a"))]), "{}", tables.endpoint);
        let (mut listed, mut after) = (0, None);
        loop {
            let page = tables.products.page(None, 2, after.as_ref()).await.unwrap();
            listed += page.items.len();
            after = page.next;
            if after.is_none() {
                break;
            }
        }
        assert_eq!(listed, 3);
    }
}

#[tokio::test]
async fn an_items_condition_that_fails_beside_the_event_writes_neither() {
    for tables in Tables::in_each().await {
        let order_id = tables.place(&[("mug", 1)]).await;
        let impossible = || -> Vec<TransactWriteItem> { vec![tables.details.first_write(&details(&order_id)).unwrap()] };
        let outcome = tables.events.advance_with(&order_id, Order::reserve, |_| Ok(impossible())).await;
        assert!(matches!(outcome, Err(AdvanceError::Refused(_))), "{}", tables.endpoint);
        assert_eq!(tables.events.load(&order_id).await.unwrap().len(), 1);
    }
}

#[tokio::test]
async fn of_many_who_change_a_providers_health_one_is_first_and_one_probes() {
    let rules = Rules {
        failures: 1,
        window: Duration::from_mins(1),
        open: Duration::ZERO,
        probe_lease: Duration::from_mins(1),
        call: Duration::ZERO,
    };
    for tables in Tables::in_each().await {
        let (stripe, now) = (Provider::Stripe, Timestamp::now());
        let well = tables.health.load(stripe).await.unwrap();
        assert_eq!(well, Health::default(), "{}", tables.endpoint);
        let open = well.failed(now, &rules).unwrap();
        assert!(tables.health.replace(stripe, &well, &open).await.unwrap());
        assert!(!tables.health.replace(stripe, &well, &open).await.unwrap(), "it is not the one that it followed on");
        assert_eq!(tables.health.load(stripe).await.unwrap(), open);
        let mut probers = JoinSet::new();
        for number in 0..8 {
            let (health, open) = (tables.health.clone(), open.clone());
            let Admission::Probe(next) = open.admit(&number.to_string(), now, &rules) else { panic!("no probe") };
            probers.spawn(async move { health.replace(stripe, &open, &next).await.unwrap() });
        }
        let first = probers.join_all().await.into_iter().filter(|first| *first).count();
        assert_eq!(first, 1, "{}", tables.endpoint);
        let probing = tables.health.load(stripe).await.unwrap();
        assert_eq!(probing.admit("late", now, &rules), Admission::Refuse);
        assert_eq!(tables.health.load(Provider::Paypal).await.unwrap(), Health::default());
    }
}

#[tokio::test]
async fn an_event_is_remembered_for_thirty_days_from_its_last_delivery() {
    for tables in Tables::in_each().await {
        let (webhooks, stripe, now) = (&tables.webhooks, Provider::Stripe, Timestamp::now());
        assert!(!webhooks.was_applied(stripe, "evt_1", now).await.unwrap(), "{}", tables.endpoint);
        let thirty_days = Duration::from_hours(30 * 24);
        webhooks.remember(stripe, "evt_1", now - thirty_days).await.unwrap();
        assert!(!webhooks.was_applied(stripe, "evt_1", now).await.unwrap(), "{}: it has expired", tables.endpoint);
        webhooks.remember(stripe, "evt_1", now).await.unwrap();
        assert!(webhooks.was_applied(stripe, "evt_1", now).await.unwrap(), "{}", tables.endpoint);
        let last = now + thirty_days - Duration::from_secs(1);
        assert!(webhooks.was_applied(stripe, "evt_1", last).await.unwrap(), "{}", tables.endpoint);
        assert!(!webhooks.was_applied(Provider::Paypal, "evt_1", now).await.unwrap(), "the other provider's event");
        assert!(!webhooks.was_applied(stripe, "evt_2", now).await.unwrap(), "another event");
    }
}
