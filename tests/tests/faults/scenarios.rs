//! What customers do: each scenario from its first click to its last, on SKUs and a key of its own.

use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use aws_sdk_sqs::{Client as Sqs, types::QueueAttributeName};
use serde_json::{Value, json};
use shared::domain::{
    event::{Cancellation, Rejection},
    ids::{OrderId, Sku},
    order::{Order, Outcome, Status},
};
use system_tests::{Answer, Customer, Shop, local_aws, new_key, purchase_with};

use crate::{
    answers::{self, Deed},
    cells::{Fault, KILL_BEFORE, function},
    promises::Broken,
    proxy,
    proxy::Proxy,
    redrive::DeadLetters,
};

/// How many of each SKU an order's shelf has.
pub(crate) const STOCKED: u32 = 5;

/// The running shop, with somebody who buys in it and somebody who runs it.
#[derive(Debug)]
pub(crate) struct Stage {
    pub(crate) shop: Shop,
    pub(crate) kareem: Customer,
    pub(crate) letters: DeadLetters,
    tokens: Mutex<Tokens>,
    /// How long after it was taken a queue's message may come again, by the function that works on it.
    comes_again: BTreeMap<&'static str, Duration>,
    /// The orders that were closed and judged, in this order.
    judged: Mutex<Vec<OrderId>>,
}

/// Of so many orders, the last ones, it is looked whether their guards have ended.
const SAMPLE: usize = 200;

#[derive(Clone, Debug)]
struct Tokens {
    kareem: String,
    admin: String,
}

/// How often a client repeats, a second apart: longer than two killed functions hold its key, one after the other. One may be
/// killed by the cell itself, or twice where it has just started, and one in another cell's place.
const PATIENCE: usize = 90;

/// How long a scenario waits for the order to come to where it goes on.
const TURN: Duration = Duration::from_secs(45);

/// How long somebody stays away who comes back later, at most: its guard may be killed twice.
const LATER: Duration = Duration::from_secs(100);

/// How long somebody stays away who did not hear of her cancel: longer than what was sent may be late.
const ANOTHER_DAY: Duration = Duration::from_secs(6);

/// A token is good for an hour, which the whole matrix takes longer than.
const SIGN_IN_EVERY: Duration = Duration::from_mins(20);

/// Whose messages come from which queue.
const QUEUES: [(&str, &str); 3] =
    [("send-email", "SendEmailQueue"), ("capture-payment", "CapturePaymentQueue"), ("guard-order", "GuardQueue")];

/// Between the end of a message's invisibility and its handling.
const UNTIL_TAKEN: Duration = Duration::from_secs(3);

impl Stage {
    pub(crate) async fn open(shop: Shop) -> Self {
        let (kareem, admin) = (shop.sign_in("kareem").await, shop.sign_in("admin").await);
        let tokens = Mutex::new(Tokens { kareem: kareem.token.clone(), admin: admin.token });
        let mut comes_again = BTreeMap::new();
        for (function, queue) in QUEUES {
            comes_again.insert(function, invisible(&shop, queue).await + UNTIL_TAKEN);
        }
        let letters = DeadLetters::from_now_on(&shop);
        Self { shop, kareem, letters, tokens, comes_again, judged: Mutex::default() }
    }

    /// Every promise held for this order, which is closed.
    pub(crate) fn note_judged(&self, order_id: &OrderId) {
        self.judged.lock().unwrap_or_else(PoisonError::into_inner).push(order_id.clone());
    }

    /// The last orders that were closed and judged.
    pub(crate) fn last_judged(&self) -> Vec<OrderId> {
        let judged = self.judged.lock().unwrap_or_else(PoisonError::into_inner);
        judged.iter().rev().take(SAMPLE).cloned().collect()
    }

    /// Signs both in again and again, until it is dropped.
    pub(crate) async fn stay_signed_in(&self) -> ! {
        loop {
            tokio::time::sleep(SIGN_IN_EVERY).await;
            let (kareem, admin) = (self.shop.sign_in("kareem").await.token, self.shop.sign_in("admin").await.token);
            *self.tokens.lock().unwrap_or_else(PoisonError::into_inner) = Tokens { kareem, admin };
        }
    }

    fn token(&self, deed: Deed) -> String {
        let tokens = self.tokens.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if deed == Deed::Refund { tokens.admin } else { tokens.kareem }
    }

    /// How long after this fault a queue may bring again what was being worked on: a function that is killed has done
    /// nothing, and one whose call fails says that it must come again. What got no answer from AWS is sent again at once, but for an e-mail.
    pub(crate) fn comes_again(&self, call: &str, fault: Fault) -> Duration {
        let is_sent_once = ["/stripe.", "/paypal.", "/ses.SendEmail"].iter().any(|service| call.contains(service));
        let fails = fault.kills() || fault.strikes_every_try() || is_sent_once;
        let again = fails.then(|| self.comes_again.get(function(call))).flatten();
        again.copied().unwrap_or_default()
    }
}

/// How long a queue hides a message that is worked on.
async fn invisible(shop: &Shop, queue: &str) -> Duration {
    let get = Sqs::new(&local_aws(&shop.outputs.aws_endpoint)).get_queue_attributes().queue_url(shop.resource(queue));
    let got =
        get.attribute_names(QueueAttributeName::VisibilityTimeout).send().await.expect("the queue's attributes can be read");
    let seconds = got.attributes.as_ref().and_then(|all| all.get(&QueueAttributeName::VisibilityTimeout)?.parse().ok());
    Duration::from_secs(seconds.expect("a queue has a visibility timeout"))
}

/// How the simulated provider answers before the click.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Mood {
    pub(crate) provider: &'static str,
    pub(crate) operation: &'static str,
    pub(crate) fault: &'static str,
    pub(crate) times: u32,
}

/// What is done after the click.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Then {
    Nothing,
    /// She cancels the order once it is paid; only what follows from that is struck.
    CancelPaid,
    /// An administrator gives some of the money back once the order is paid; only what follows from that is struck.
    RefundPaid,
    /// She authenticates at her bank, whose word comes as a webhook.
    Authenticate,
    /// She cancels the order instead of authenticating.
    CancelWaiting,
    /// She cancels the order while the provider thinks about holding the money.
    CancelUnanswered,
    /// Stripe lets go of the money before it is taken.
    Lapse,
    /// She comes back once the order is closed, if she does at all.
    ComeBackLater,
}

/// How an order ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ending {
    Paid,
    Declined,
    OutOfStock,
    CancelledByHer,
    Lapsed,
}

impl Ending {
    pub(crate) fn is_of(self, order: &Order) -> bool {
        match (self, order.outcome()) {
            (Self::Paid, _) => order.status() == Status::Paid,
            (Self::Declined, Outcome::Rejected(Rejection::PaymentDeclined { .. }))
            | (Self::OutOfStock, Outcome::Rejected(Rejection::OutOfStock { .. }))
            | (Self::CancelledByHer, Outcome::Cancelled(Cancellation::CustomerRequest))
            | (Self::Lapsed, Outcome::Cancelled(Cancellation::AuthorizationLapsed)) => true,
            _ => false,
        }
    }
}

/// A scenario.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Scenario {
    pub(crate) name: &'static str,
    pub(crate) methods: &'static [(&'static str, &'static str)],
    /// How many of each SKU.
    pub(crate) buys: [u32; 2],
    pub(crate) mood: Option<Mood>,
    pub(crate) then: Then,
    pub(crate) ends: Ending,
    /// Whoever makes this call dies before it, the first time, whatever else is struck.
    pub(crate) dies_before: Option<&'static str>,
    pub(crate) strikes: Strikes,
}

/// Which of a scenario's calls are struck.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Strikes {
    /// All of them.
    All,
    /// All of these functions', and of others the kinds that no scenario before it always makes.
    AllOf(&'static [&'static str]),
}

impl Scenario {
    /// Whether it is only there for what no other scenario has.
    pub(crate) fn only_adds(&self) -> bool {
        self.strikes != Strikes::All
    }
}

const CARD: (&str, &str) = ("stripe", "pm_card_visa");
const PAYPAL: (&str, &str) = ("paypal", "vault_ok");
const THREE_D_SECURE: (&str, &str) = ("stripe", "pm_card_authenticationRequired");

/// What most scenarios are, but for their names.
const PLAIN: Scenario = Scenario {
    name: "",
    methods: &[CARD],
    buys: [1, 2],
    mood: None,
    then: Then::Nothing,
    ends: Ending::Paid,
    dies_before: None,
    strikes: Strikes::All,
};

const fn at_stripe(operation: &'static str, fault: &'static str, times: u32) -> Mood {
    Mood { provider: "stripe", operation, fault, times }
}

/// PayPal holds the money long after it was asked to, and after nobody waits for its answer.
const SLOW_PAYPAL: Mood = Mood { provider: "paypal", operation: "authorize", fault: "delay", times: 50 };

/// All of them; those that only add come last.
pub(crate) const SCENARIOS: [Scenario; 14] = [
    Scenario { name: "checkout by card", ..PLAIN },
    Scenario { name: "checkout by PayPal", methods: &[PAYPAL], ..PLAIN },
    Scenario { name: "a declined card", methods: &[("stripe", "pm_card_visa_chargeDeclined")], ends: Ending::Declined, ..PLAIN },
    Scenario { name: "settlement after an outage", mood: Some(at_stripe("authorize", "error", 2)), ..PLAIN },
    Scenario {
        name: "the second method after the first",
        methods: &[CARD, PAYPAL],
        mood: Some(at_stripe("authorize", "error", 1)),
        ..PLAIN
    },
    Scenario { name: "cancel of a paid order", then: Then::CancelPaid, ends: Ending::CancelledByHer, ..PLAIN },
    Scenario {
        name: "cancel of an order paid with PayPal",
        methods: &[PAYPAL],
        then: Then::CancelPaid,
        ends: Ending::CancelledByHer,
        ..PLAIN
    },
    Scenario { name: "3-D Secure and its webhook", methods: &[THREE_D_SECURE], then: Then::Authenticate, ..PLAIN },
    Scenario {
        name: "the shelf is empty",
        buys: [1, STOCKED + 1],
        ends: Ending::OutOfStock,
        strikes: Strikes::AllOf(&["reserve-inventory", "reject-order"]),
        ..PLAIN
    },
    Scenario {
        name: "cancel of an order that waits for 3-D Secure",
        methods: &[THREE_D_SECURE],
        then: Then::CancelWaiting,
        ends: Ending::CancelledByHer,
        strikes: Strikes::AllOf(&["amend-orders"]),
        ..PLAIN
    },
    Scenario {
        name: "cancel before PayPal has held the money",
        methods: &[PAYPAL],
        mood: Some(SLOW_PAYPAL),
        then: Then::CancelUnanswered,
        ends: Ending::CancelledByHer,
        strikes: Strikes::AllOf(&[]),
        ..PLAIN
    },
    Scenario {
        name: "an authorisation that lapses",
        mood: Some(at_stripe("capture", "error", 50)),
        then: Then::Lapse,
        ends: Ending::Lapsed,
        strikes: Strikes::AllOf(&[]),
        ..PLAIN
    },
    Scenario {
        name: "a refund by the administrator",
        then: Then::RefundPaid,
        strikes: Strikes::AllOf(&["amend-orders"]),
        ..PLAIN
    },
    Scenario {
        name: "a checkout that dies before it defers the order",
        mood: Some(at_stripe("authorize", "error", 2)),
        dies_before: Some("checkout/dynamodb.PutItem(OrderEventsTable)#1"),
        then: Then::ComeBackLater,
        strikes: Strikes::AllOf(&["guard-order", "plan-settlement"]),
        ..PLAIN
    },
];

/// What a client does when its request is not answered as it hoped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Client {
    /// It repeats with its key until there is an answer.
    Repeats,
    /// It never comes back.
    NeverBack,
}

/// One request of hers, or of an administrator.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    pub(crate) deed: Deed,
    path: String,
    key: String,
    body: Value,
}

/// One order of one scenario.
#[derive(Debug)]
pub(crate) struct Play<'a> {
    stage: &'a Stage,
    scenario: Scenario,
    client: Client,
    key: String,
    /// Of the cancel, or of the refund.
    second_key: String,
    /// Of the cancel of somebody whose first one was not answered, and who comes another day.
    third_key: String,
    /// What was answered for good.
    answers: Mutex<Vec<(Request, Answer)>>,
    pub(crate) order_id: OrderId,
    pub(crate) skus: [Sku; 2],
}

impl<'a> Play<'a> {
    /// Puts two products of its own on the shelf, and makes the provider's mood.
    pub(crate) async fn prepare(stage: &'a Stage, scenario: Scenario, client: Client) -> Self {
        let (key, second_key, third_key) = (new_key(), new_key(), new_key());
        let order_id = stage.kareem.order_id(&key);
        let short = order_id.as_str()[4..20].to_owned();
        let skus = [format!("cell-{short}-a"), format!("cell-{short}-b")].map(|sku| sku.parse().expect("a SKU"));
        let answers = Mutex::default();
        let play = Self { stage, scenario, client, key, second_key, third_key, answers, order_id, skus };
        for sku in &play.skus {
            stage.shop.shelve(sku, STOCKED).await;
        }
        let proxy = play.proxy();
        proxy.alias(&play.key, &play.order_id).await;
        proxy.alias(&play.second_key, &play.order_id).await;
        proxy.alias(&play.third_key, &play.order_id).await;
        proxy.alias(&format!("cell-{short}"), &play.order_id).await;
        if let Some(Mood { provider, operation, fault, times }) = scenario.mood {
            stage.shop.fault_at(provider, &play.order_id, operation, fault, times).await;
        }
        if let Some(call) = scenario.dies_before {
            proxy.fault(Some(&play.order_id), call, KILL_BEFORE, None).await;
        }
        play
    }

    pub(crate) fn proxy(&self) -> Proxy {
        proxy(self.stage)
    }

    /// Everything that comes before what is struck.
    pub(crate) async fn before(&self) {
        if matches!(self.scenario.then, Then::CancelPaid | Then::RefundPaid) {
            self.ask(self.purchase(), Client::Repeats).await.expect("an undisturbed checkout is answered");
            self.closed().await;
            // What the purchase itself set off is over: its guard is done, and its e-mail is sent.
            crate::promises::quiet(self.stage, self).await.expect("the purchase comes to rest");
        }
    }

    async fn closed(&self) {
        let (started, proxy) = (Instant::now(), self.proxy());
        let mut watch = proxy.watch(&self.order_id).await;
        while !self.stage.shop.events().order(&self.order_id).await.is_ok_and(|order| order.is_closed()) {
            assert!(started.elapsed() < Duration::from_mins(2), "an undisturbed purchase is not closed");
            watch.next().await;
        }
    }

    /// What is struck.
    ///
    /// # Errors
    /// What a client that repeats may never see.
    pub(crate) async fn act(&self) -> Result<(), Broken> {
        match self.scenario.then {
            Then::CancelPaid => self.ask(self.cancel(), self.client).await,
            Then::RefundPaid => self.ask(self.refund(), self.client).await,
            Then::CancelUnanswered => {
                let click = self.ask(self.purchase(), self.client);
                let (clicked, cancelled) =
                    tokio::join!(click, self.cancel_once_called("authorize-payment/paypal.AuthorizeOrder#1"));
                clicked.and(cancelled)
            }
            Then::ComeBackLater => self.come_back_later().await,
            Then::Nothing | Then::Authenticate | Then::CancelWaiting | Then::Lapse => {
                self.ask(self.purchase(), self.client).await?;
                self.go_on().await
            }
        }
    }

    /// The order is closed without her; what she reads then is how it came out. Where nothing was written, she clicks again.
    async fn come_back_later(&self) -> Result<(), Broken> {
        self.ask(self.purchase(), Client::NeverBack).await?;
        if self.client == Client::NeverBack {
            return Ok(());
        }
        if !self.nothing_was_written().await {
            let (started, proxy) = (Instant::now(), self.proxy());
            let mut watch = proxy.watch(&self.order_id).await;
            while !self.stage.shop.events().order(&self.order_id).await.is_ok_and(|order| order.is_closed()) {
                let waited = started.elapsed();
                if waited > LATER {
                    return Err(Broken::after("promise 4: the order is not closed", waited));
                }
                watch.next().await;
            }
        }
        self.ask(self.purchase(), Client::Repeats).await
    }

    async fn go_on(&self) -> Result<(), Broken> {
        match self.scenario.then {
            Then::Authenticate => self.authenticate().await,
            Then::CancelWaiting if self.comes_to(|order| order.awaited_action().is_some()).await? => self.cancel_for_sure().await,
            Then::Lapse if self.comes_to(|order| order.capture_is_under_way(1)).await? => self.let_go().await,
            _ => Ok(()),
        }
    }

    fn purchase(&self) -> Request {
        let lines: Vec<_> = self.skus.iter().map(Sku::as_str).zip(self.scenario.buys).collect();
        let body = purchase_with(&lines, self.scenario.methods);
        Request { deed: Deed::Checkout, path: "/v1/checkout".into(), key: self.key.clone(), body }
    }

    fn cancel(&self) -> Request {
        self.cancel_with(&self.second_key)
    }

    fn cancel_with(&self, key: &str) -> Request {
        let path = format!("/v1/orders/{}/cancel", self.order_id);
        Request { deed: Deed::Cancel, path, key: key.to_owned(), body: json!({}) }
    }

    fn refund(&self) -> Request {
        let path = format!("/v1/orders/{}/refunds", self.order_id);
        let body = json!({"amount": {"amount": 1000, "currency": "USD"}});
        Request { deed: Deed::Refund, path, key: self.second_key.clone(), body }
    }

    /// An order that nobody cancels waits for an hour: she whose request left nothing behind makes another, in the end. Who
    /// never comes back to one that was written down, does not.
    async fn cancel_for_sure(&self) -> Result<(), Broken> {
        self.ask(self.cancel(), self.client).await?;
        if self.answers().iter().any(|(request, _)| request.deed == Deed::Cancel) {
            return Ok(());
        }
        tokio::time::sleep(ANOTHER_DAY).await;
        let order = self.stage.shop.events().order(&self.order_id).await;
        if order.is_ok_and(|order| matches!(order.outcome(), Outcome::Cancelled(_))) {
            return Ok(());
        }
        self.ask(self.cancel_with(&self.third_key), Client::Repeats).await
    }

    /// Sends, and keeps the final answer.
    async fn ask(&self, request: Request, client: Client) -> Result<(), Broken> {
        if let Some(answer) = self.send(&request, client).await? {
            self.answers.lock().unwrap_or_else(PoisonError::into_inner).push((request, answer));
        }
        Ok(())
    }

    /// What was answered for good.
    pub(crate) fn answers(&self) -> Vec<(Request, Answer)> {
        self.answers.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Once more by a client that repeats: it is answered as it was.
    ///
    /// # Errors
    /// It is not.
    pub(crate) async fn repeat(&self) -> Result<(), Broken> {
        if self.client == Client::NeverBack {
            return Ok(());
        }
        for (request, first) in self.answers() {
            let again = self.send(&request, Client::Repeats).await?.ok_or("the contract: a repeat is not answered")?;
            answers::agree(&first, &again)?;
        }
        Ok(())
    }

    /// Sends, and repeats while the answer says that it may be worth it, or there is none. None: it did not repeat.
    async fn send(&self, request: &Request, client: Client) -> Result<Option<Answer>, Broken> {
        let mut last = String::new();
        for _ in 0..PATIENCE {
            match self.post(request).await {
                Ok(answer) if request.deed.is_finally(&answer) => return Ok(Some(answer)),
                Ok(answer) if worth_another_try(&answer) => last = answer.status.to_string(),
                Ok(answer) => return Err(format!("{} was answered {}: {}", request.path, answer.status, answer.body).into()),
                Err(error) => last = error.to_string(),
            }
            if client == Client::NeverBack {
                return Ok(None);
            }
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
        Err(Broken::TimeLimit(format!("{} was never answered well; the last was {last}", request.path)))
    }

    async fn post(&self, request: &Request) -> reqwest::Result<Answer> {
        let shop = &self.stage.shop;
        let post = shop.http.post(shop.url(&request.path)).bearer_auth(self.stage.token(request.deed));
        Answer::read(post.header("Idempotency-Key", &request.key).json(&request.body).send().await?).await
    }

    /// Waits until the order is ready. `false`: it never will be, for nothing was written, or it has come to its end.
    async fn comes_to(&self, ready: impl Fn(&Order) -> bool) -> Result<bool, Broken> {
        let (started, proxy) = (Instant::now(), self.proxy());
        let mut watch = proxy.watch(&self.order_id).await;
        while started.elapsed() < TURN {
            match self.stage.shop.events().order(&self.order_id).await {
                Ok(order) if ready(&order) => return Ok(true),
                Ok(order) if order.is_closed() => return Ok(false),
                Err(_) if self.client == Client::NeverBack && self.nothing_was_written().await => return Ok(false),
                Ok(_) | Err(_) => watch.next().await,
            }
        }
        Err(Broken::after("the order has not come to where the scenario goes on", TURN))
    }

    /// Cancels when this is called for the order; an order that nobody wrote is not cancelled.
    async fn cancel_once_called(&self, name: &str) -> Result<(), Broken> {
        let (started, proxy) = (Instant::now(), self.proxy());
        while started.elapsed() < TURN {
            if proxy.calls(&self.order_id).await.iter().any(|call| call.name == name) {
                return self.cancel_for_sure().await;
            }
            tokio::time::sleep(Duration::from_millis(400)).await;
        }
        let nobody = self.client == Client::NeverBack && self.nothing_was_written().await;
        if nobody { Ok(()) } else { Err(Broken::after(&format!("{name} was not called"), TURN)) }
    }

    /// She confirms on her bank's page, if the order got so far.
    async fn authenticate(&self) -> Result<(), Broken> {
        let (started, proxy) = (Instant::now(), self.proxy());
        let mut watch = proxy.watch(&self.order_id).await;
        while started.elapsed() < TURN {
            let order = self.stage.shop.events().order(&self.order_id).await;
            let Ok(order) = order else {
                if self.client == Client::NeverBack && self.nothing_was_written().await {
                    return Ok(());
                }
                watch.next().await;
                continue;
            };
            if let Some(attempt) = order.awaited_action() {
                let bank =
                    format!("{}/3d_secure_2/hosted?payment_intent={}", self.stage.shop.outputs.stripe_url, attempt.reference);
                let form = self.stage.shop.http.post(bank).header("Content-Type", "application/x-www-form-urlencoded");
                let answer = form.body("answer=yes").send().await.map_err(|error| error.to_string())?;
                if answer.status().is_redirection() || answer.status().is_success() {
                    return Ok(());
                }
            }
            if !order.is_open() {
                return Ok(());
            }
            watch.next().await;
        }
        Err("the order never waited for her".into())
    }

    /// Stripe lets go of the money by itself, as after seven days.
    async fn let_go(&self) -> Result<(), Broken> {
        let shop = &self.stage.shop;
        let order = shop.events().order(&self.order_id).await.map_err(|error| error.to_string())?;
        let reference = order.attempt(1).map(|attempt| attempt.reference.as_str()).unwrap_or_default();
        let cancel = shop.http.post(format!("{}/v1/payment_intents/{reference}/cancel", shop.outputs.stripe_url));
        let cancel = cancel.bearer_auth("sk_test_simulator").header("Stripe-Version", "2026-01-01");
        let answer = cancel.send().await.map_err(|error| error.to_string())?;
        if answer.status().is_success() { Ok(()) } else { Err(format!("Stripe does not let go: {}", answer.status()).into()) }
    }

    /// No order came of the click: its first write was struck, and nobody repeats it.
    async fn nothing_was_written(&self) -> bool {
        tokio::time::sleep(Duration::from_secs(4)).await;
        self.stage.shop.events().load(&self.order_id).await.is_ok_and(|events| events.is_empty())
    }

    pub(crate) fn scenario(&self) -> Scenario {
        self.scenario
    }

    pub(crate) fn client(&self) -> Client {
        self.client
    }
}

fn worth_another_try(answer: &Answer) -> bool {
    answer.status >= 500 || (answer.status == 409 && answer.header("retry-after").is_some())
}
