//! What customers do: each scenario from its first click to its last, on SKUs and a key of its own.

use std::{
    sync::Mutex,
    time::{Duration, Instant},
};

use reqwest::{Response, StatusCode};
use serde_json::{Value, json};
use shared::domain::{
    ids::{OrderId, Sku},
    order::Status,
};
use system_tests::{Customer, Shop, new_key, purchase_with};

use crate::{proxy, proxy::Proxy};

/// How many of each SKU an order's shelf has.
pub(crate) const STOCKED: u32 = 5;

/// The running shop, with somebody who buys in it.
#[derive(Debug)]
pub(crate) struct Stage {
    pub(crate) shop: Shop,
    pub(crate) kareem: Customer,
    token: Mutex<String>,
}

/// How often a client repeats, a second apart: longer than a killed checkout holds its key.
const PATIENCE: usize = 40;

/// A token is good for an hour, which the whole matrix takes longer than.
const SIGN_IN_EVERY: Duration = Duration::from_mins(20);

impl Stage {
    pub(crate) async fn open(shop: Shop) -> Self {
        let kareem = shop.sign_in("kareem").await;
        Self { shop, token: Mutex::new(kareem.token.clone()), kareem }
    }

    /// Signs him in again and again, until it is dropped.
    pub(crate) async fn stay_signed_in(&self) -> ! {
        loop {
            tokio::time::sleep(SIGN_IN_EVERY).await;
            let again = self.shop.sign_in("kareem").await;
            *self.token.lock().expect("nobody panics with it") = again.token;
        }
    }

    fn token(&self) -> String {
        self.token.lock().expect("nobody panics with it").clone()
    }
}

/// How the simulated provider answers before the click.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Mood {
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
    /// She authenticates at her bank, whose word comes as a webhook.
    Authenticate,
}

/// A scenario.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Scenario {
    pub(crate) name: &'static str,
    pub(crate) methods: &'static [(&'static str, &'static str)],
    pub(crate) mood: Option<Mood>,
    pub(crate) then: Then,
    /// How the order ends.
    pub(crate) ends: Status,
}

const CARD: (&str, &str) = ("stripe", "pm_card_visa");
const PAYPAL: (&str, &str) = ("paypal", "vault_ok");

/// All of them.
pub(crate) const SCENARIOS: [Scenario; 8] = [
    Scenario { name: "checkout by card", methods: &[CARD], mood: None, then: Then::Nothing, ends: Status::Paid },
    Scenario { name: "checkout by PayPal", methods: &[PAYPAL], mood: None, then: Then::Nothing, ends: Status::Paid },
    Scenario {
        name: "a declined card",
        methods: &[("stripe", "pm_card_visa_chargeDeclined")],
        mood: None,
        then: Then::Nothing,
        ends: Status::Rejected,
    },
    Scenario {
        name: "settlement after an outage",
        methods: &[CARD],
        mood: Some(Mood { operation: "authorize", fault: "error", times: 2 }),
        then: Then::Nothing,
        ends: Status::Paid,
    },
    Scenario {
        name: "the second method after the first",
        methods: &[CARD, PAYPAL],
        mood: Some(Mood { operation: "authorize", fault: "error", times: 1 }),
        then: Then::Nothing,
        ends: Status::Paid,
    },
    Scenario { name: "cancel of a paid order", methods: &[CARD], mood: None, then: Then::CancelPaid, ends: Status::Cancelled },
    Scenario {
        name: "cancel of an order paid with PayPal",
        methods: &[PAYPAL],
        mood: None,
        then: Then::CancelPaid,
        ends: Status::Cancelled,
    },
    Scenario {
        name: "3-D Secure and its webhook",
        methods: &[("stripe", "pm_card_authenticationRequired")],
        mood: None,
        then: Then::Authenticate,
        ends: Status::Paid,
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

/// One order of one scenario.
#[derive(Debug)]
pub(crate) struct Play<'a> {
    stage: &'a Stage,
    scenario: Scenario,
    client: Client,
    key: String,
    cancel_key: String,
    patience: usize,
    pub(crate) order_id: OrderId,
    pub(crate) skus: [Sku; 2],
}

impl<'a> Play<'a> {
    /// Puts two products of its own on the shelf, and makes the provider's mood.
    pub(crate) async fn prepare(stage: &'a Stage, scenario: Scenario, client: Client) -> Self {
        let key = new_key();
        let order_id = stage.kareem.order_id(&key);
        let short = order_id.as_str()[4..20].to_owned();
        let skus = [format!("cell-{short}-a"), format!("cell-{short}-b")].map(|sku| sku.parse().expect("a SKU"));
        let play = Self { stage, scenario, client, cancel_key: new_key(), key, patience: PATIENCE, order_id, skus };
        for sku in &play.skus {
            stage.shop.shelve(sku, STOCKED).await;
        }
        let proxy = play.proxy();
        proxy.alias(&play.key, &play.order_id).await;
        proxy.alias(&play.cancel_key, &play.order_id).await;
        proxy.alias(&format!("cell-{short}"), &play.order_id).await;
        if let Some(mood) = scenario.mood {
            stage.shop.fault(&play.order_id, mood.operation, mood.fault, mood.times).await;
        }
        play
    }

    /// Where two kills in a row may hold the key, one after the other.
    pub(crate) fn killed_twice(self) -> Self {
        Self { patience: 2 * PATIENCE, ..self }
    }

    pub(crate) fn proxy(&self) -> Proxy {
        proxy(self.stage)
    }

    /// Everything that comes before what is struck.
    pub(crate) async fn before(&self) {
        if self.scenario.then == Then::CancelPaid {
            self.click(Client::Repeats).await.expect("an undisturbed checkout is answered");
            self.closed().await;
            // What the purchase itself set off is over: its guard is done, and its e-mail is sent.
            crate::promises::quiet(self.stage, self, Status::Paid).await.expect("the purchase comes to rest");
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
    pub(crate) async fn act(&self) -> Result<(), String> {
        match self.scenario.then {
            Then::Nothing => self.click(self.client).await,
            Then::CancelPaid => self.cancel().await,
            Then::Authenticate => {
                self.click(self.client).await?;
                self.authenticate().await
            }
        }
    }

    async fn click(&self, client: Client) -> Result<(), String> {
        let (first, second) = (self.skus[0].as_str(), self.skus[1].as_str());
        let body = purchase_with(&[(first, 1), (second, 2)], self.scenario.methods);
        self.send("/v1/checkout", &self.key, &body, client, &[201, 202, 402]).await
    }

    async fn cancel(&self) -> Result<(), String> {
        let path = format!("/v1/orders/{}/cancel", self.order_id);
        self.send(&path, &self.cancel_key, &json!({}), self.client, &[200]).await
    }

    /// Sends, and repeats while the answer says that it may be worth it, or there is none.
    async fn send(&self, path: &str, key: &str, body: &Value, client: Client, ends: &[u16]) -> Result<(), String> {
        let mut last = String::new();
        for _ in 0..self.patience {
            let request = self.stage.shop.http.post(self.stage.shop.url(path)).bearer_auth(self.stage.token());
            let answer = request.header("Idempotency-Key", key).json(body).send().await;
            match answer {
                Ok(answer) if ends.contains(&answer.status().as_u16()) => return Ok(()),
                Ok(answer) if client == Client::Repeats && worth_another_try(&answer) => {
                    last = answer.status().to_string();
                }
                Ok(answer) if client == Client::Repeats => {
                    return Err(format!("{path} was answered {}: {}", answer.status(), answer.text().await.unwrap_or_default()));
                }
                Err(error) if client == Client::Repeats => last = error.to_string(),
                Ok(_) | Err(_) => return Ok(()),
            }
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
        Err(format!("{path} was never answered well; the last was {last}"))
    }

    /// She confirms on her bank's page, if the order got so far.
    async fn authenticate(&self) -> Result<(), String> {
        let (started, proxy) = (Instant::now(), self.proxy());
        let mut watch = proxy.watch(&self.order_id).await;
        while started.elapsed() < Duration::from_secs(45) {
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

    /// No order came of the click: its first write was struck, and nobody repeats it.
    pub(crate) async fn nothing_was_written(&self) -> bool {
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

fn worth_another_try(answer: &Response) -> bool {
    answer.status().is_server_error() || (answer.status() == StatusCode::CONFLICT && answer.headers().contains_key("retry-after"))
}
