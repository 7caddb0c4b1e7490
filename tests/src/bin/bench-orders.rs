//! Plays what the bench counts, each scenario once and alone on a running shop, and writes down all that was counted
//! meanwhile. `cargo xtask bench` starts it.

#![expect(clippy::expect_used, reason = "a bench that cannot do its work ends, and says why")]

use std::{path::PathBuf, time::Duration};

use aws_sdk_dynamodb::types::AttributeValue;
use serde_json::{Value, json};
use shared::domain::ids::{OrderId, Sku};
use system_tests::{Answer, Customer, Shop, new_key, purchase, root, setting};

const CARD: &str = "pm_card_visa";
const DECLINED: &str = "pm_card_visa_chargeDeclined";
const ASKED: &str = "pm_card_authenticationRequired";
const STOCKED: u32 = 5;
/// Nothing is called for so long when everything is over: longer than the tests' guard delay, and a queue's poll.
const QUIET: Duration = Duration::from_secs(10);
const PATIENCE: Duration = Duration::from_mins(2);

#[tokio::main]
async fn main() {
    let shop = Shop::running();
    let kareem = shop.sign_in("kareem").await;
    let bench = Bench { shop, kareem };

    // Processes that have started and caches that are full: what is counted is a healthy shop's.
    let warm = bench.order(CARD).await;
    bench.counted("warm-up", &warm, Click::Checkout, 201).await;
    bench.counted("warm-up", &warm, Click::Cancel, 200).await;
    bench.counted("warm-up", &bench.order(DECLINED).await, Click::Checkout, 402).await;

    let order = bench.order(CARD).await;
    let scenarios = [
        bench.counted("checkout", &order, Click::Checkout, 201).await,
        bench.counted("replay", &order, Click::Checkout, 201).await,
        bench.counted("cancel", &order, Click::Cancel, 200).await,
        bench.counted("decline", &bench.order(DECLINED).await, Click::Checkout, 402).await,
    ];
    bench.call_the_others().await;
    let file = PathBuf::from(setting("SOUK_BENCH_COUNTED"));
    std::fs::write(&file, json!({"scenarios": scenarios}).to_string()).expect("the counts can be written");
}

struct Bench {
    shop: Shop,
    kareem: Customer,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Click {
    Checkout,
    Cancel,
}

/// An order to be, of two products of its own, so that every call about them is known to be its.
struct Planned {
    id: OrderId,
    key: String,
    cancel_key: String,
    body: Value,
}

impl Bench {
    async fn order(&self, card: &str) -> Planned {
        let (key, cancel_key) = (new_key(), new_key());
        let id = self.kareem.order_id(&key);
        let own = format!("bench-{}", &id.as_str()[4..20]);
        let skus = [format!("{own}-a"), format!("{own}-b")];
        for sku in &skus {
            self.put_product(sku).await;
        }
        for alias in [&key, &cancel_key, &own] {
            self.alias(alias, &id).await;
        }
        let body = purchase(&[(&skus[0], 1), (&skus[1], 2)], card);
        Planned { id, key, cancel_key, body }
    }

    async fn put_product(&self, sku: &str) {
        let text = |text: &str| AttributeValue::S(text.to_owned());
        let price = [("amount".to_owned(), AttributeValue::N("1500".into())), ("currency".to_owned(), text("USD"))].into();
        let put = self.shop.dynamodb.put_item().table_name(self.shop.resource("ProductsTable"));
        let put = put.item("sku", text(sku)).item("name", text("A thing")).item("description", text("Bought in the bench"));
        let put = put.item("category", text("bench")).item("price", AttributeValue::M(price));
        put.item("images", AttributeValue::L(vec![])).send().await.expect("the product is put");
        let sku: Sku = sku.parse().expect("a SKU");
        self.shop.inventory().stock_first(&sku, STOCKED).await.expect("the product is stocked");
    }

    async fn alias(&self, alias: &str, order_id: &OrderId) {
        let url = format!("{}/aliases", self.shop.outputs.fault_proxy_url);
        let put = self.shop.http.put(url).json(&json!({"alias": alias, "order_id": order_id}));
        put.send().await.expect("the proxy answers").error_for_status().expect("the alias is taken");
    }

    /// One click that is answered as it should, and all that it sets off.
    async fn counted(&self, name: &str, order: &Planned, click: Click, expected: u16) -> Value {
        let events_before = self.shop.event_names(&order.id).await.len();
        let before = self.counters().await;
        let last_before = number(self.calls(&order.id).await.last());

        let answer = self.click(order, click).await;
        assert_eq!(answer.status, expected, "{name}: {}", answer.body);
        let answered = number(self.calls(&order.id).await.last());
        self.rest(order).await;

        let calls: Vec<Value> = self.calls(&order.id).await.into_iter().filter(|call| number(Some(call)) > last_before).collect();
        let events = &self.shop.event_names(&order.id).await[events_before..];
        eprintln!("{name}: {} calls, answered {}, {events:?}", calls.len(), answer.status);
        json!({
            "name": name,
            "order_id": order.id,
            "status": answer.status,
            "response_bytes": answer.body.to_string().len(),
            "answered": answered,
            "calls": calls,
            "events": events,
            "before": before,
            "after": self.counters().await,
        })
    }

    /// Whatever no scenario calls works once, too: its peak memory is told.
    async fn call_the_others(&self) {
        let bought = self.order(CARD).await;
        assert_eq!(self.click(&bought, Click::Checkout).await.status, 201);
        self.rest(&bought).await;
        let (order, receipt) = (format!("/v1/orders/{}", bought.id), format!("/v1/orders/{}/receipt", bought.id));
        for (path, status) in [("/v1/products", 200), ("/v1/orders", 200), (&order, 200), (&receipt, 302)] {
            let answer = self.kareem.get(path).await;
            assert_eq!(answer.status, status, "{path}: {}", answer.body);
        }
        let report = self.shop.invoke("ReconcileMoneyFunction", &json!({})).await;
        assert!(report["compared"].is_u64(), "{report}");

        let waiting = self.order(ASKED).await;
        assert_eq!(self.click(&waiting, Click::Checkout).await.status, 202);
        let cancel = json!({"order_id": waiting.id, "reason": "payment_timed_out"});
        let cancelled = self.shop.invoke("CancelOrderFunction", &cancel).await;
        assert_eq!(cancelled["order_id"], waiting.id.as_str(), "{cancelled}");
        self.rest(&waiting).await;
    }

    async fn click(&self, order: &Planned, click: Click) -> Answer {
        match click {
            Click::Checkout => self.kareem.checkout(&order.key, &order.body).await,
            Click::Cancel => {
                let path = format!("/v1/orders/{}/cancel", order.id);
                self.kareem.post(&path, &order.cancel_key, &json!({})).await
            }
        }
    }

    /// Waits until the order is closed and nothing is called for it any more.
    async fn rest(&self, order: &Planned) {
        self.shop.closed(&order.id).await;
        let (mut calls, mut quiet, mut waited) = (0, Duration::ZERO, Duration::ZERO);
        let pause = Duration::from_millis(500);
        while quiet < QUIET {
            assert!(waited < PATIENCE, "{} does not come to rest", order.id);
            tokio::time::sleep(pause).await;
            waited += pause;
            let now = self.calls(&order.id).await.len();
            quiet = if now == calls { quiet + pause } else { Duration::ZERO };
            calls = now;
        }
    }

    /// The order's calls, and those of no order: none but this one is in the shop.
    async fn calls(&self, order_id: &OrderId) -> Vec<Value> {
        let url = format!("{}/calls", self.shop.outputs.fault_proxy_url);
        let calls = self.shop.http.get(url).send().await.expect("the proxy answers");
        let mut calls: Vec<Value> = calls.json().await.expect("the proxy answers JSON");
        calls.retain(|call| call["order_id"].is_null() || call["order_id"] == order_id.as_str());
        calls
    }

    async fn counters(&self) -> Value {
        let mut command = tokio::process::Command::new(root().join(".local/venv/bin/python"));
        command.arg(root().join("tests/python/counted.py")).env("AWS_ENDPOINT_URL", &self.shop.outputs.aws_endpoint);
        command.env("SOUK_LOCAL_AWS_LOG", setting("SOUK_LOCAL_AWS_LOG"));
        command.env("AWS_DEFAULT_REGION", "us-east-1").env("AWS_ACCESS_KEY_ID", "test").env("AWS_SECRET_ACCESS_KEY", "test");
        let output = command.output().await.expect("Python runs");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        serde_json::from_slice(&output.stdout).expect("the counters are JSON")
    }
}

fn number(call: Option<&Value>) -> u64 {
    call.and_then(|call| call["number"].as_u64()).unwrap_or_default()
}
