//! Webhooks: what the providers tell the shop by themselves. The newest events are kept; where the shop has named an
//! address, each is sent there at least once, in the background, signed as its provider signs.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Arc, Mutex, OnceLock},
    time::Duration,
};

use hmac::{Hmac, KeyInit, Mac};
use jiff::Timestamp;
use reqwest::{Client, RequestBuilder};
use serde::{Serialize, Serializer};
use serde_json::Value;
use sha2::Sha256;
use tokio::{task::spawn_blocking, time::sleep};
use url::Url;
use uuid::Uuid;

use crate::{
    World,
    certificates::{Certificates, FILE_NAME},
    lock,
    operation::Provider,
};

/// How long each attempt to deliver waits first, in milliseconds; after the last the event is given up, until it is
/// replayed.
const ATTEMPTS: [u64; 6] = [0, 100, 300, 1000, 3000, 5000];
/// How long the shop has to answer.
const PATIENCE: Duration = Duration::from_secs(30);

/// How many events are kept: enough for every test, and few enough for a long run under load.
const KEPT: usize = 10_000;

/// What a provider tells.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Event {
    pub(crate) provider: Provider,
    pub(crate) order_id: Option<String>,
    /// The same in every delivery of it.
    pub(crate) id: String,
    #[serde(rename = "type")]
    pub(crate) kind: String,
    pub(crate) at: Timestamp,
    /// In the provider's own shape.
    pub(crate) body: Value,
}

/// An event, and how often the shop has taken it.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Record {
    #[serde(flatten, serialize_with = "shared")]
    event: Arc<Event>,
    attempts: u64,
    delivered: u64,
}

fn shared<S: Serializer>(event: &Arc<Event>, serializer: S) -> Result<S::Ok, S::Error> {
    event.as_ref().serialize(serializer)
}

/// How a provider proves that an event is its own.
#[derive(Clone, Debug)]
pub(crate) enum Proof {
    /// Stripe's: a secret that both know.
    Secret(String),
    /// PayPal's: the id of the webhook, signed along.
    WebhookId(String),
}

/// Where a provider's events go.
#[derive(Clone, Debug)]
pub(crate) struct Target {
    pub(crate) url: Url,
    pub(crate) proof: Proof,
    /// The types of event that are wanted there; one that ends with `*` stands for all that begin so. None: all.
    pub(crate) events: Option<Vec<String>>,
}

impl Target {
    fn wants(&self, kind: &str) -> bool {
        let is = |wanted: &String| wanted.strip_suffix('*').map_or(wanted == kind, |start| kind.starts_with(start));
        self.events.as_ref().is_none_or(|events| events.iter().any(is))
    }
}

/// Which events to send again.
#[derive(Debug)]
pub(crate) struct Replay {
    pub(crate) times: usize,
    pub(crate) shuffle: bool,
    /// None: those of any order.
    pub(crate) order_id: Option<String>,
}

#[derive(Debug, Default)]
struct State {
    /// Grows when everything is forgotten: what is still being sent then is of no interest.
    era: u64,
    targets: HashMap<Provider, Target>,
    /// Oldest first.
    records: VecDeque<Record>,
    /// How many were there before the oldest.
    dropped: usize,
}

/// All events, and where they go.
#[derive(Debug)]
pub(crate) struct Webhooks {
    http: Client,
    /// PayPal's own address, where its certificates are.
    paypal_url: String,
    certificates: OnceLock<Option<Certificates>>,
    state: Mutex<State>,
}

/// One event on its way.
#[derive(Debug)]
struct Delivery {
    era: u64,
    /// The event's place among all that there ever were.
    place: usize,
    event: Arc<Event>,
    target: Target,
}

impl Webhooks {
    /// With nothing to tell, and nobody to tell it to.
    ///
    /// # Errors
    /// No client can be made.
    pub(crate) fn new(paypal_url: String) -> reqwest::Result<Self> {
        let http = Client::builder().timeout(PATIENCE).build()?;
        Ok(Self { http, paypal_url, certificates: OnceLock::new(), state: Mutex::default() })
    }

    /// Sends a provider's events there from now on.
    pub(crate) fn set_target(&self, provider: Provider, target: Target) {
        lock(&self.state).targets.insert(provider, target);
    }

    /// Sends no events any more.
    pub(crate) fn clear_targets(&self) {
        lock(&self.state).targets.clear();
    }

    /// Where events go.
    pub(crate) fn targets(&self) -> Vec<(Provider, Target)> {
        lock(&self.state).targets.iter().map(|(provider, target)| (*provider, target.clone())).collect()
    }

    /// The events of one order, or all that are kept, as they came.
    pub(crate) fn records(&self, order_id: Option<&str>) -> Vec<Record> {
        let wanted = |record: &&Record| order_id.is_none() || record.event.order_id.as_deref() == order_id;
        lock(&self.state).records.iter().filter(wanted).cloned().collect()
    }

    /// Forgets the events and where they go.
    pub(crate) fn clear(&self) {
        let mut state = lock(&self.state);
        *state = State { era: state.era + 1, ..State::default() };
    }

    /// The root that PayPal's certificates go back to, as PEM.
    pub(crate) fn root(&self) -> Option<&str> {
        self.certificates().map(Certificates::root)
    }

    /// The certificates of that name, as PEM.
    pub(crate) fn chain(&self, name: &str) -> Option<String> {
        self.certificates().filter(|_| name == FILE_NAME).map(|certificates| certificates.chain().into())
    }

    fn certificates(&self) -> Option<&Certificates> {
        self.certificates.get_or_init(|| Certificates::generate().ok()).as_ref()
    }

    /// Keeps an event; returns its way, if it has one.
    fn keep(&self, event: Event) -> Option<Delivery> {
        let event = Arc::new(event);
        let mut state = lock(&self.state);
        if state.records.len() == KEPT {
            state.records.pop_front();
            state.dropped += 1;
        }
        let place = state.dropped + state.records.len();
        state.records.push_back(Record { event: event.clone(), attempts: 0, delivered: 0 });
        let target = state.targets.get(&event.provider).filter(|target| target.wants(&event.kind))?.clone();
        Some(Delivery { era: state.era, place, event, target })
    }

    fn again(&self, replay: &Replay) -> Vec<Delivery> {
        let state = lock(&self.state);
        let wanted = |record: &Record| replay.order_id.is_none() || record.event.order_id == replay.order_id;
        let past = state.records.iter().enumerate().filter(|(_, record)| wanted(record));
        let mut deliveries: Vec<_> = past
            .filter_map(|(index, record)| {
                let event = record.event.clone();
                let target = state.targets.get(&event.provider).filter(|target| target.wants(&event.kind))?.clone();
                Some(Delivery { era: state.era, place: state.dropped + index, event, target })
            })
            .collect();
        if replay.shuffle {
            fastrand::shuffle(&mut deliveries);
        }
        deliveries
    }

    /// Notes an attempt. False: all is forgotten meanwhile.
    fn note(&self, delivery: &Delivery, change: impl FnOnce(&mut Record)) -> bool {
        let mut state = lock(&self.state);
        let current = state.era == delivery.era;
        let index = delivery.place.checked_sub(state.dropped).filter(|_| current);
        if let Some(record) = index.and_then(|index| state.records.get_mut(index)) {
            change(record);
        }
        current
    }

    async fn deliver(&self, delivery: &Delivery, world: &World) {
        for wait in ATTEMPTS {
            sleep(Duration::from_millis(wait)).await;
            if !self.note(delivery, |record| record.attempts += 1) {
                return;
            }
            let Some(request) = self.request(delivery, world.clock.now()) else { return };
            if request.send().await.is_ok_and(|answer| answer.status().is_success()) {
                self.note(delivery, |record| record.delivered += 1);
                return;
            }
        }
    }

    /// The request that delivers an event; none when it cannot be signed.
    fn request(&self, delivery: &Delivery, now: Timestamp) -> Option<RequestBuilder> {
        let body = delivery.event.body.to_string();
        let request = self.http.post(delivery.target.url.clone()).header("content-type", "application/json");
        let request = match &delivery.target.proof {
            Proof::Secret(secret) => request.header("stripe-signature", stripe_signature(secret, &body, now)?),
            Proof::WebhookId(webhook_id) => {
                let id = Uuid::new_v4().to_string();
                let time = now.strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
                let message = format!("{id}|{time}|{webhook_id}|{}", crc32fast::hash(body.as_bytes()));
                request
                    .header("paypal-transmission-sig", self.certificates()?.sign(&message).ok()?)
                    .header("paypal-transmission-id", id)
                    .header("paypal-transmission-time", time)
                    .header("paypal-auth-algo", "SHA256withRSA")
                    .header("paypal-cert-url", format!("{}/v1/notifications/certs/{FILE_NAME}", self.paypal_url))
            }
        };
        Some(request.body(body))
    }
}

/// <https://docs.stripe.com/webhooks#verify-manually>
fn stripe_signature(secret: &str, body: &str, now: Timestamp) -> Option<String> {
    let time = now.as_second();
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).ok()?;
    mac.update(format!("{time}.{body}").as_bytes());
    let digits = mac.finalize().into_bytes().iter().fold(String::new(), |text, byte| text + &format!("{byte:02x}"));
    Some(format!("t={time},v1={digits}"))
}

impl World {
    /// Keeps an event, and sends it where its provider's events go.
    pub(crate) fn announce(self: &Arc<Self>, event: Event) {
        if let Some(delivery) = self.webhooks.keep(event) {
            self.send(vec![delivery]);
        }
    }

    /// Sends past events again, one after the other; returns how many deliveries that makes.
    pub(crate) fn replay(self: &Arc<Self>, replay: &Replay) -> usize {
        let deliveries: Vec<_> = (0..replay.times).flat_map(|_| self.webhooks.again(replay)).collect();
        let count = deliveries.len();
        self.send(deliveries);
        count
    }

    /// Makes the certificates, unless they are there: beside the runtime, since it takes a while.
    pub(crate) async fn prepare_certificates(self: &Arc<Self>) {
        let world = self.clone();
        let _ = spawn_blocking(move || world.webhooks.certificates().is_some()).await;
    }

    fn send(self: &Arc<Self>, deliveries: Vec<Delivery>) {
        let world = self.clone();
        tokio::spawn(async move {
            for delivery in &deliveries {
                if matches!(delivery.target.proof, Proof::WebhookId(_)) {
                    world.prepare_certificates().await;
                }
                world.webhooks.deliver(delivery, &world).await;
            }
        });
    }
}
