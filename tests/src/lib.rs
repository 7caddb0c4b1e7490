//! The harness of the black-box tests: the running shop, its customers, and what stands behind the answers.

#![expect(clippy::expect_used, reason = "a harness that cannot do its work fails the test, and says why")]

use std::{collections::BTreeMap, path::PathBuf, time::Duration};

use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_dynamodb::{
    Client as DynamoDb,
    config::Credentials,
    types::{AttributeValue, ReturnValue},
};
use aws_sdk_s3::Client as S3;
use reqwest::{Client, Response, StatusCode, redirect::Policy};
use serde::Deserialize;
use serde_json::{Value, json};
use shared::{
    domain::{
        event::Event,
        ids::{CustomerId, OrderId, Sku},
        order::Order,
        personal::OrderDetails,
    },
    repositories::{
        customer_orders::OrderRow, inventory::InventoryTable, order_details::OrderDetailsTable, order_events::OrderEvents,
        provider_health::ProviderHealthTable,
    },
};
use uuid::Uuid;

/// The repository's root.
///
/// # Panics
/// Never: this crate is inside it.
pub fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).parent().expect("tests/ is inside the repository").to_owned()
}

/// What the running shop wrote of itself.
#[derive(Clone, Debug, Deserialize)]
pub struct Outputs {
    /// The gateway, without `/v1`.
    pub api_url: String,
    /// The local AWS.
    pub aws_endpoint: String,
    /// For signing in.
    pub client_id: String,
    /// The payment simulator's control API.
    pub payment_simulator_url: String,
    /// The simulated Stripe.
    pub stripe_url: String,
    /// The simulated `PayPal`.
    pub paypal_url: String,
    /// The fault proxy's control API.
    pub fault_proxy_url: String,
    /// Who can sign in.
    pub users: BTreeMap<String, User>,
    /// How long its functions wait for what they call.
    pub limits: Limits,
    /// The stack's outputs: names of tables and queues.
    pub stack: BTreeMap<String, String>,
}

/// How long the functions wait for what they call, in milliseconds, as they were deployed.
#[derive(Clone, Copy, Debug, Deserialize)]
pub struct Limits {
    /// One try of an AWS call.
    pub aws_attempt_ms: u64,
    /// One call to a payment provider.
    pub provider_call_ms: u64,
    /// A question to a provider that no order waits for.
    pub provider_question_ms: u64,
    /// The checkout's workflow.
    pub workflow_wait_ms: u64,
}

/// One movement of money at a provider.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct LedgerLine {
    /// Who moved it: `stripe` or `paypal`.
    pub provider: String,
    /// `authorize`, `capture`, `void` or `refund`.
    pub operation: String,
    /// In minor units.
    pub amount: u64,
    /// ISO 4217.
    pub currency: String,
}

/// A local account.
#[derive(Clone, Debug, Deserialize)]
pub struct User {
    /// Her e-mail address.
    pub username: String,
    /// Of this machine only.
    pub password: String,
}

/// A header for what no client of ours calls: the local AWS looks at who calls, not at the signature.
pub fn caller(service: &str) -> String {
    format!("AWS4-HMAC-SHA256 Credential=test/20261123/us-east-1/{service}/aws4_request, SignedHeaders=host, Signature=none")
}

/// A setting that `cargo xtask test` makes.
///
/// # Panics
/// When it is missing, with what to do.
pub fn setting(name: &str) -> String {
    std::env::var(name)
        .unwrap_or_else(|_| panic!("{name} is not set: this test needs a running shop. Run it with: cargo xtask test"))
}

/// A client configuration for a local AWS.
pub fn local_aws(endpoint: &str) -> SdkConfig {
    SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("us-east-1"))
        .endpoint_url(endpoint)
        .credentials_provider(aws_config_credentials())
        .sleep_impl(aws_sdk_dynamodb::config::SharedAsyncSleep::new(TokioSleep))
        .build()
}

fn aws_config_credentials() -> aws_sdk_dynamodb::config::SharedCredentialsProvider {
    aws_sdk_dynamodb::config::SharedCredentialsProvider::new(Credentials::new("test", "test", None, None, "local"))
}

#[derive(Debug)]
struct TokioSleep;

impl aws_sdk_dynamodb::config::AsyncSleep for TokioSleep {
    fn sleep(&self, duration: Duration) -> aws_sdk_dynamodb::config::Sleep {
        aws_sdk_dynamodb::config::Sleep::new(tokio::time::sleep(duration))
    }
}

/// The running shop.
#[derive(Clone, Debug)]
pub struct Shop {
    /// What it wrote of itself.
    pub outputs: Outputs,
    /// A client that follows no redirect.
    pub http: Client,
    /// Its tables.
    pub dynamodb: DynamoDb,
    /// Its buckets.
    pub s3: S3,
}

/// A customer who is signed in.
#[derive(Clone, Debug)]
pub struct Customer {
    /// Her identity.
    pub id: CustomerId,
    /// Her ID token.
    pub token: String,
    shop: Shop,
}

impl Shop {
    /// The one that `cargo xtask test` started.
    ///
    /// # Panics
    /// When there is none, with what to do.
    pub fn running() -> Self {
        let text =
            std::fs::read_to_string(setting("SOUK_OUTPUTS")).expect("the shop's outputs cannot be read: run cargo xtask test");
        let outputs: Outputs = serde_json::from_str(&text).expect("outputs.json is as the harness knows it");
        let http = Client::builder().redirect(Policy::none()).timeout(Duration::from_mins(1)).build().expect("a client");
        let aws = local_aws(&outputs.aws_endpoint);
        let s3 = S3::from_conf(aws_sdk_s3::config::Builder::from(&aws).force_path_style(true).build());
        Self { outputs, http, dynamodb: DynamoDb::new(&aws), s3 }
    }

    /// A resource of the stack, by its output's name.
    ///
    /// # Panics
    /// When the stack has no such output.
    pub fn resource(&self, name: &str) -> &str {
        self.outputs.stack.get(name).unwrap_or_else(|| panic!("the stack has no output {name}"))
    }

    /// Signs a customer in, through Cognito, as the page does.
    ///
    /// # Panics
    /// When she is not let in.
    pub async fn sign_in(&self, name: &str) -> Customer {
        let tokens = self.tokens(name).await;
        let token = tokens["IdToken"].as_str().expect("an ID token").to_owned();
        let claims = self.cognito("GetUser", &json!({"AccessToken": tokens["AccessToken"]})).await;
        let attributes = claims["UserAttributes"].as_array().expect("attributes");
        let sub = attributes.iter().find(|attribute| attribute["Name"] == "sub").expect("a sub");
        Customer { id: CustomerId(sub["Value"].as_str().expect("text").to_owned()), token, shop: self.clone() }
    }

    /// A customer's tokens.
    ///
    /// # Panics
    /// When she is not let in.
    pub async fn tokens(&self, name: &str) -> Value {
        let user = &self.outputs.users[name];
        let request = json!({
            "AuthFlow": "USER_PASSWORD_AUTH",
            "ClientId": self.outputs.client_id,
            "AuthParameters": {"USERNAME": user.username, "PASSWORD": user.password},
        });
        self.cognito("InitiateAuth", &request).await["AuthenticationResult"].clone()
    }

    async fn cognito(&self, operation: &str, request: &Value) -> Value {
        let answer = self
            .http
            .post(&self.outputs.aws_endpoint)
            .header("X-Amz-Target", format!("AWSCognitoIdentityProviderService.{operation}"))
            .header("Content-Type", "application/x-amz-json-1.1")
            .body(request.to_string())
            .send();
        let answer = answer.await.expect("Cognito answers");
        assert!(answer.status().is_success(), "Cognito refused {operation}: {}", answer.text().await.unwrap_or_default());
        answer.json().await.expect("Cognito answers JSON")
    }

    /// An API path's URL.
    pub fn url(&self, path: &str) -> String {
        format!("{}{path}", self.outputs.api_url)
    }

    /// The orders' events.
    pub fn events(&self) -> OrderEvents {
        OrderEvents::new(self.dynamodb.clone(), self.resource("OrderEventsTable"))
    }

    /// The events of an order, by name.
    ///
    /// # Panics
    /// When the table does not answer.
    pub async fn event_names(&self, order_id: &OrderId) -> Vec<&'static str> {
        let events: Vec<Event> = self.events().load(order_id).await.expect("the events can be read");
        events.iter().map(|event| event.fact.name()).collect()
    }

    /// Lets the answer that is kept for this request expire.
    ///
    /// # Panics
    /// When none is kept.
    pub async fn forget(&self, customer: &CustomerId, route: &str, key: &str) {
        let key = AttributeValue::S(format!("{customer}#{route}#{key}"));
        let delete = self.dynamodb.delete_item().table_name(self.resource("IdempotencyKeysTable")).key("request_key", key);
        let deleted = delete.return_values(ReturnValue::AllOld).send().await.expect("the keys can be written");
        assert!(deleted.attributes.is_some(), "there was a saved answer to forget");
    }

    /// The stock.
    pub fn inventory(&self) -> InventoryTable {
        InventoryTable::new(self.dynamodb.clone(), self.resource("InventoryTable"))
    }

    /// The providers' health, as their breakers know it.
    pub fn provider_health(&self) -> ProviderHealthTable {
        ProviderHealthTable::new(self.dynamodb.clone(), self.resource("ProviderHealthTable"))
    }

    /// Puts a product of a test's own on the shelf, for 15.00 USD.
    ///
    /// # Panics
    /// When the tables do not answer.
    pub async fn shelve(&self, sku: &Sku, stock: u32) {
        let text = |text: &str| AttributeValue::S(text.to_owned());
        let price = [("amount".to_owned(), AttributeValue::N("1500".into())), ("currency".to_owned(), text("USD"))].into();
        let put = self.dynamodb.put_item().table_name(self.resource("ProductsTable")).item("sku", text(sku.as_str()));
        let put = put.item("name", text("A thing")).item("description", text("Of a test")).item("category", text("tests"));
        let put = put
            .item("price", AttributeValue::M(price))
            .item("images", AttributeValue::L(vec![text("/pictures/kettle-steel.svg")]));
        put.send().await.expect("the product is put");
        self.inventory().stock_first(sku, stock).await.expect("the product is stocked");
    }

    /// A product that no other test touches.
    ///
    /// # Panics
    /// When the tables do not answer.
    pub async fn own_product(&self, stock: u32) -> Sku {
        let sku = format!("own-{}", Uuid::new_v4().simple()).parse().expect("a SKU");
        self.shelve(&sku, stock).await;
        sku
    }

    /// A table of order events that only one test writes to, by its name: it has no stream, so nothing in the shop reacts to it.
    ///
    /// # Panics
    /// When it cannot be made.
    pub async fn own_events_table(&self) -> String {
        use aws_sdk_dynamodb::types::{AttributeDefinition, BillingMode, KeySchemaElement, KeyType, ScalarAttributeType};
        let name = format!("own-events-{}", Uuid::new_v4().simple());
        let mut table = self.dynamodb.create_table().table_name(&name).billing_mode(BillingMode::PayPerRequest);
        for (attribute, kind, role) in
            [("order_id", ScalarAttributeType::S, KeyType::Hash), ("sequence", ScalarAttributeType::N, KeyType::Range)]
        {
            let definition = AttributeDefinition::builder().attribute_name(attribute).attribute_type(kind).build();
            let key = KeySchemaElement::builder().attribute_name(attribute).key_type(role).build();
            table = table.attribute_definitions(definition.expect("a definition")).key_schema(key.expect("a key"));
        }
        table.send().await.expect("the table is made");
        name
    }

    /// How many of it are available.
    ///
    /// # Panics
    /// When it was never stocked.
    pub async fn available(&self, sku: &str) -> u32 {
        let sku: Sku = sku.parse().expect("a SKU");
        self.inventory().level(&sku).await.expect("the stock can be read").expect("it is stocked").available
    }

    /// What the payment providers did for an order, oldest first.
    ///
    /// # Panics
    /// When the simulator does not answer.
    pub async fn ledger_lines(&self, order_id: &OrderId) -> Vec<LedgerLine> {
        let url = format!("{}/ledger?order_id={order_id}", self.outputs.payment_simulator_url);
        self.http.get(url).send().await.expect("a ledger").json().await.expect("JSON")
    }

    /// As [`ledger_lines`](Self::ledger_lines), the operations alone.
    ///
    /// # Panics
    /// When the simulator does not answer.
    pub async fn ledger(&self, order_id: &OrderId) -> Vec<String> {
        self.ledger_lines(order_id).await.into_iter().map(|line| line.operation).collect()
    }

    /// What the payment providers were asked for an order, oldest first: operations, as in the ledger, and `prepare` and `read`.
    ///
    /// # Panics
    /// When the simulator does not answer.
    pub async fn asked_of_providers(&self, order_id: &OrderId) -> Vec<String> {
        let url = format!("{}/requests", self.outputs.payment_simulator_url);
        let requests: Vec<Value> = self.http.get(url).send().await.expect("requests").json().await.expect("JSON");
        let ours = requests.iter().filter(|request| request["order_id"] == order_id.as_str());
        ours.filter_map(|request| Some(request["operation"].as_str()?.to_owned())).collect()
    }

    /// Lets the next `times` calls of this operation for this order go wrong.
    ///
    /// # Panics
    /// When the simulator refuses the fault.
    pub async fn fault(&self, order_id: &OrderId, operation: &str, fault: &str, times: u32) {
        self.fault_at("stripe", order_id, operation, fault, times).await;
    }

    /// As [`fault`](Self::fault), at this provider.
    ///
    /// # Panics
    /// When the simulator refuses the fault.
    pub async fn fault_at(&self, provider: &str, order_id: &OrderId, operation: &str, fault: &str, times: u32) {
        let delay_ms = if fault == "delay" { 20_000 } else { 0 };
        let fault = json!({
            "provider": provider, "operation": operation, "fault": fault, "times": times, "delay_ms": delay_ms, "order_id": order_id
        });
        let answer = self.http.put(format!("{}/faults", self.outputs.payment_simulator_url)).json(&fault).send().await;
        let answer = answer.expect("the simulator answers");
        assert!(answer.status().is_success(), "{}", answer.text().await.unwrap_or_default());
    }

    /// The fault proxy strikes this call of this order, once.
    ///
    /// # Panics
    /// When the proxy refuses.
    pub async fn strike(&self, order_id: &OrderId, call: &str, fault: &str) {
        let mut body = json!({"order_id": order_id, "call": call, "fault": fault});
        if fault == "freeze" {
            body["resume"] = "manual".into();
        }
        let answer = self.http.put(format!("{}/faults", self.outputs.fault_proxy_url)).json(&body).send().await;
        let answer = answer.expect("the fault proxy answers");
        assert!(answer.status().is_success(), "{}", answer.text().await.unwrap_or_default());
    }

    /// Lets a frozen call go on. `false`: it is not held.
    ///
    /// # Panics
    /// When the proxy does not answer.
    pub async fn thaw(&self, order_id: &OrderId, call: &str) -> bool {
        let body = json!({"order_id": order_id, "call": call});
        let answer = self.http.post(format!("{}/thaw", self.outputs.fault_proxy_url)).json(&body).send().await;
        answer.expect("the fault proxy answers").status().is_success()
    }

    /// Whether this call of this order is frozen now.
    ///
    /// # Panics
    /// When the proxy does not answer.
    pub async fn is_held(&self, order_id: &OrderId, call: &str) -> bool {
        let url = format!("{}/faults?order_id={order_id}", self.outputs.fault_proxy_url);
        let faults: Vec<Value> = self.http.get(url).send().await.expect("the fault proxy answers").json().await.expect("JSON");
        faults.iter().any(|fault| fault["call"] == call && fault["held"] == true)
    }

    /// How many calls of this kind were made for an order: of a function, an operation and a table.
    ///
    /// # Panics
    /// When the fault proxy does not answer.
    pub async fn calls(&self, order_id: &OrderId, kind: &str) -> usize {
        let url = format!("{}/calls?order_id={order_id}", self.outputs.fault_proxy_url);
        let calls: Vec<Value> = self.http.get(url).send().await.expect("the fault proxy answers").json().await.expect("JSON");
        calls.iter().filter(|call| call["name"].as_str().is_some_and(|name| name.split('#').next() == Some(kind))).count()
    }

    /// Has the providers send all their webhooks about an order again, so often and in any order; answers how many that makes.
    ///
    /// # Panics
    /// When the simulator refuses.
    pub async fn replay_webhooks(&self, order_id: &OrderId, times: u32) -> u64 {
        let replay = json!({"times": times, "shuffle": true, "order_id": order_id});
        let put = self.http.put(format!("{}/webhooks/replay", self.outputs.payment_simulator_url)).json(&replay).send().await;
        let answer = put.expect("the simulator answers");
        assert!(answer.status().is_success(), "{}", answer.text().await.unwrap_or_default());
        answer.json::<Value>().await.expect("JSON")["deliveries"].as_u64().expect("a number of deliveries")
    }

    /// Runs a script of `tests/python` against the local AWS, and answers what it printed.
    ///
    /// # Panics
    /// When it fails, with what it said.
    pub async fn python(&self, script: &str, arguments: &[&str]) -> String {
        let mut command = tokio::process::Command::new(root().join(".local/venv/bin/python"));
        command.arg(root().join("tests/python").join(script)).args(arguments);
        command.env("AWS_ENDPOINT_URL", &self.outputs.aws_endpoint).env("AWS_DEFAULT_REGION", "us-east-1");
        command.env("AWS_ACCESS_KEY_ID", "test").env("AWS_SECRET_ACCESS_KEY", "test");
        let output = command.output().await.expect("Python runs: cargo xtask test installs it");
        assert!(output.status.success(), "{script}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).expect("text")
    }

    /// What a function answers to this event; `function` is its name in the template.
    ///
    /// # Panics
    /// When it cannot be called, or answers no JSON.
    pub async fn invoke(&self, function: &str, event: &Value) -> Value {
        let url = format!("{}/2015-03-31/functions/{}/invocations", self.outputs.aws_endpoint, self.resource(function));
        let invoke = self.http.post(url).header("Authorization", caller("lambda")).json(event);
        invoke.send().await.expect("the function is called").json().await.expect("JSON")
    }

    /// How often the functions counted this so far, with this provider's name; of none: with none.
    ///
    /// # Panics
    /// When their logs cannot be read.
    pub async fn counted(&self, metric: &str, provider: &str) -> u64 {
        let told = self.python("metrics.py", &[self.resource("FunctionLogs"), metric]).await;
        let by_provider: BTreeMap<String, u64> = serde_json::from_str(&told).expect("counts by provider");
        by_provider.get(provider).copied().unwrap_or_default()
    }

    /// Waits until it was counted more often than before. Other tests count too: it may be by more than one.
    ///
    /// # Panics
    /// When it is not within a minute.
    pub async fn counted_since(&self, metric: &str, provider: &str, before: u64) {
        eventually(metric, || async { self.counted(metric, provider).await > before }).await;
    }

    /// What one provider did for an order.
    ///
    /// # Panics
    /// When the simulator does not answer.
    pub async fn ledger_at(&self, provider: &str, order_id: &OrderId) -> Vec<String> {
        let ours = self.ledger_lines(order_id).await.into_iter().filter(|line| line.provider == provider);
        ours.map(|line| line.operation).collect()
    }

    /// Waits until an order is closed, and answers it.
    ///
    /// # Panics
    /// When it is not closed within a minute, with its events.
    pub async fn closed(&self, order_id: &OrderId) -> Order {
        for _ in 0..300 {
            if let Ok(order) = self.events().order(order_id).await
                && order.is_closed()
            {
                return order;
            }
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
        panic!("{order_id} is not closed after a minute: {:?}", self.event_names(order_id).await);
    }

    /// The order's row in its customer's list, if it is there.
    ///
    /// # Panics
    /// When the table does not answer.
    pub async fn row(&self, order: &Order) -> Option<OrderRow> {
        let key = OrderRow::of(order);
        let get = self.dynamodb.get_item().table_name(self.resource("CustomerOrdersTable"));
        let get =
            get.key("customer_id", AttributeValue::S(key.customer_id.0)).key("placed_order", AttributeValue::S(key.placed_order));
        let item = get.send().await.expect("the list can be read").item;
        item.map(|item| serde_dynamo::from_item(item).expect("a row"))
    }

    /// Whether the order's receipt is kept.
    ///
    /// # Panics
    /// When the local AWS does not answer.
    pub async fn has_receipt(&self, order_id: &OrderId) -> bool {
        let key = format!("receipts/{order_id}.pdf");
        match self.s3.head_object().bucket(self.resource("ReceiptsBucket")).key(key).send().await {
            Ok(_) => true,
            Err(error) if error.as_service_error().is_some_and(|error| error.is_not_found()) => false,
            Err(error) => panic!("the receipts cannot be read: {error:?}"),
        }
    }

    /// The details of an order, unless they were erased.
    ///
    /// # Panics
    /// When the table does not answer.
    pub async fn details(&self, order_id: &OrderId) -> Option<OrderDetails> {
        let table = OrderDetailsTable::new(self.dynamodb.clone(), self.resource("OrderDetailsTable"));
        table.load(order_id).await.expect("the details can be read")
    }

    /// The e-mails that mention this.
    ///
    /// # Panics
    /// When the local AWS does not answer.
    pub async fn mails(&self, text: &str) -> Vec<Value> {
        let url = format!("{}/_ministack/ses/messages", self.outputs.aws_endpoint);
        let sent: Value = self.http.get(url).send().await.expect("a mailbox").json().await.expect("JSON");
        let all = sent["messages"]
            .as_object()
            .into_iter()
            .flatten()
            .flat_map(|(_, mails)| mails.as_array().cloned().unwrap_or_default());
        all.filter(|mail| mail["BodyText"].as_str().is_some_and(|body| body.contains(text))).collect()
    }

    /// The subjects of the e-mails about an order.
    ///
    /// # Panics
    /// When the mailbox does not answer.
    pub async fn subjects(&self, order_id: &OrderId) -> Vec<String> {
        let mails = self.mails(order_id.as_str()).await;
        mails.iter().map(|mail| mail["Subject"].as_str().unwrap_or_default().to_owned()).collect()
    }
}

impl Customer {
    /// The order that this key will make.
    pub fn order_id(&self, key: &str) -> OrderId {
        OrderId::for_request(&self.id, key)
    }

    /// Buys, with this key.
    ///
    /// # Panics
    /// When nobody answers.
    pub async fn checkout(&self, key: &str, body: &Value) -> Answer {
        let request = self.shop.http.post(self.shop.url("/v1/checkout")).bearer_auth(&self.token).header("Idempotency-Key", key);
        Answer::of(request.json(body).send().await.expect("the gateway answers")).await
    }

    /// Buys, and follows `Retry-After` as a client would.
    ///
    /// # Panics
    /// When it is told to wait for ever.
    pub async fn checkout_patiently(&self, key: &str, body: &Value) -> Answer {
        for _ in 0..60 {
            let answer = self.checkout(key, body).await;
            let Some(seconds) = answer.header("retry-after") else { return answer };
            tokio::time::sleep(Duration::from_secs(seconds.parse().expect("seconds"))).await;
        }
        panic!("told to try again for ever");
    }

    /// Posts a body to a path, with this key.
    ///
    /// # Panics
    /// When nobody answers.
    pub async fn post(&self, path: &str, key: &str, body: &Value) -> Answer {
        let request = self.shop.http.post(self.shop.url(path)).bearer_auth(&self.token).header("Idempotency-Key", key);
        Answer::of(request.json(body).send().await.expect("the gateway answers")).await
    }

    /// Cancels the order of this key, and follows `Retry-After` as a client would.
    ///
    /// # Panics
    /// When it is told to wait for ever.
    pub async fn cancel_patiently(&self, order_id: &OrderId) -> Answer {
        let key = new_key();
        for _ in 0..60 {
            let answer = self.post(&format!("/v1/orders/{order_id}/cancel"), &key, &json!({})).await;
            let Some(seconds) = answer.header("retry-after") else { return answer };
            tokio::time::sleep(Duration::from_secs(seconds.parse().expect("seconds"))).await;
        }
        panic!("told to try again for ever");
    }

    /// Reads a path.
    ///
    /// # Panics
    /// When nobody answers.
    pub async fn get(&self, path: &str) -> Answer {
        Answer::of(self.shop.http.get(self.shop.url(path)).bearer_auth(&self.token).send().await.expect("the gateway answers"))
            .await
    }
}

/// An answer, with its body read.
#[derive(Clone, Debug)]
pub struct Answer {
    /// Its status.
    pub status: u16,
    /// Its body; null when it is no JSON.
    pub body: Value,
    headers: reqwest::header::HeaderMap,
}

impl Answer {
    /// This response, read.
    ///
    /// # Panics
    /// When the body breaks off.
    pub async fn of(response: Response) -> Self {
        assert_ne!(response.status(), StatusCode::BAD_GATEWAY, "a function failed under the gateway");
        Self::read(response).await.expect("a whole body")
    }

    /// This response, read, whatever it says.
    ///
    /// # Errors
    /// The body breaks off.
    pub async fn read(response: Response) -> reqwest::Result<Self> {
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let text = response.text().await?;
        Ok(Self { status, body: serde_json::from_str(&text).unwrap_or_default(), headers })
    }

    /// A header.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    /// Its contract code, for a problem.
    ///
    /// # Panics
    /// When it is no problem in the contract's format.
    pub fn problem(&self) -> (u16, &str) {
        assert_eq!(self.header("content-type"), Some("application/problem+json"), "{self:?}");
        for member in ["type", "title", "status", "detail", "instance", "code"] {
            assert!(!self.body[member].is_null(), "{member} is missing in {:?}", self.body);
        }
        assert_eq!(self.body["status"], self.status);
        (self.status, self.body["code"].as_str().expect("a code"))
    }
}

/// A purchase of these.
pub fn purchase(lines: &[(&str, u32)], token: &str) -> Value {
    purchase_with(lines, &[("stripe", token)])
}

/// A purchase of these, with these payment methods in their order.
pub fn purchase_with(lines: &[(&str, u32)], methods: &[(&str, &str)]) -> Value {
    let methods: Vec<_> = methods.iter().map(|(provider, token)| json!({"provider": provider, "token": token})).collect();
    let items: Vec<_> = lines.iter().map(|(sku, quantity)| json!({"sku": sku, "quantity": quantity})).collect();
    json!({
        "items": items,
        "payment_methods": methods,
        "shipping_address": {"name": "Kareem Q. Addressee", "line1": "26 Secretstreet", "city": "Cairo", "postal_code": "11511", "country": "EG"},
        "phone": "+201001234567",
    })
}

/// What may stand in no log, event or execution, once this customer bought with [`purchase_with`] and the simulators' tokens.
pub fn never_recorded(customer: &Customer) -> Vec<String> {
    let emails = customer.shop.outputs.users.values().map(|user| user.username.as_str());
    // Every token begins as hers does.
    let token = customer.token.split('.').next().unwrap_or(&customer.token);
    let texts = [
        "Secretstreet",
        "Addressee",
        "+201001234567",
        "pm_card",
        "pm card",
        "sk_test_",
        "vault_ok",
        "simulator-secret",
        "whsec_",
        "3d_secure",
        token,
    ];
    emails.chain(texts).map(ToOwned::to_owned).collect()
}

/// A key that nobody used.
pub fn new_key() -> String {
    Uuid::new_v4().to_string()
}

/// Waits until this is true, for at most 20 s.
///
/// # Panics
/// When it does not come true, naming what was waited for.
pub async fn eventually<F: Future<Output = bool>>(what: &str, holds: impl Fn() -> F) {
    for _ in 0..100 {
        if holds().await {
            return;
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    panic!("waited 20 s, and still not: {what}");
}
