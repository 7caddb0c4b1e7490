//! The operator's part. A function works on the messages of several orders at once, and whoever kills it sends all of them
//! back: beside enough such cells a message fails five times and is put aside. An operator brings it back, as the runbook
//! `dead-letters` says, and so does the matrix. No cell can do that to its own message, for it strikes once: whose letter came
//! is remembered, and its cell is played again with no kill beside it.

use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use aws_sdk_sqs::{
    Client as Sqs,
    types::{Message, MessageSystemAttributeName, QueueAttributeName},
};
use jiff::Timestamp;
use serde_json::Value;
use shared::domain::ids::OrderId;
use system_tests::{Shop, local_aws};

/// What SQS puts aside after five failures, and where it belongs.
const BROUGHT_BACK: [(&str, &str); 2] =
    [("SendEmailDeadLetters", "SendEmailQueue"), ("CapturePaymentDeadLetters", "CapturePaymentQueue")];

/// Where no kill puts anything: a guard never dies, and a stream brings a batch again for a day.
const LEFT_ALONE: [&str; 3] = ["GuardDeadLetters", "PublishEventsDeadLetters", "ProjectOrdersDeadLetters"];

/// How often the operator looks.
const ROUND: Duration = Duration::from_secs(5);

/// A message that fails each time is put aside within this time.
pub(crate) const UNTIL_PUT_ASIDE: Duration = Duration::from_secs(130);

/// The dead letters that came since the matrix began.
#[derive(Debug)]
pub(crate) struct DeadLetters {
    sqs: Sqs,
    since: Timestamp,
    /// How often each order's message was brought back.
    brought_back: Mutex<BTreeMap<String, usize>>,
    /// By their messages' ids: what no kill explains.
    unexplained: Mutex<BTreeMap<String, String>>,
}

impl DeadLetters {
    pub(crate) fn from_now_on(shop: &Shop) -> Self {
        let sqs = Sqs::new(&local_aws(&shop.outputs.aws_endpoint));
        Self { sqs, since: Timestamp::now(), brought_back: Mutex::default(), unexplained: Mutex::default() }
    }

    /// Brings back what kills put aside, and notes everything, until it is dropped.
    pub(crate) async fn redrive(&self, shop: &Shop) -> ! {
        loop {
            self.look(shop).await;
            tokio::time::sleep(ROUND).await;
        }
    }

    pub(crate) async fn look(&self, shop: &Shop) {
        for (dead_letters, queue) in BROUGHT_BACK.map(|(from, to)| (shop.resource(from), shop.resource(to))) {
            loop {
                let letters = self.receive(dead_letters).await;
                for letter in &letters {
                    self.bring_back(letter, dead_letters, queue).await;
                }
                if letters.is_empty() {
                    break;
                }
            }
        }
        for queue in LEFT_ALONE {
            for letter in self.receive(shop.resource(queue)).await.into_iter().filter(|letter| self.is_new(letter)) {
                let id = letter.message_id().unwrap_or_default().to_owned();
                let told = format!("{queue} has a letter: {}", letter.body().unwrap_or_default());
                self.unexplained.lock().unwrap_or_else(PoisonError::into_inner).insert(id, told);
            }
        }
    }

    async fn receive(&self, queue: &str) -> Vec<Message> {
        let receive = self.sqs.receive_message().queue_url(queue).max_number_of_messages(10);
        let received = receive.message_system_attribute_names(MessageSystemAttributeName::SentTimestamp).send().await;
        received.expect("the dead letters can be read").messages.unwrap_or_default()
    }

    async fn bring_back(&self, letter: &Message, dead_letters: &str, queue: &str) {
        let body = letter.body().unwrap_or_default();
        if self.sqs.send_message().queue_url(queue).message_body(body).send().await.is_ok() {
            let handle = letter.receipt_handle().unwrap_or_default();
            let _ = self.sqs.delete_message().queue_url(dead_letters).receipt_handle(handle).send().await;
            *self.brought_back.lock().unwrap_or_else(PoisonError::into_inner).entry(order_of(body)).or_default() += 1;
        }
    }

    /// What others left there before is not this run's.
    fn is_new(&self, letter: &Message) -> bool {
        let sent = letter.attributes().and_then(|all| all.get(&MessageSystemAttributeName::SentTimestamp)?.parse::<i64>().ok());
        sent.is_none_or(|sent| sent >= self.since.as_millisecond())
    }

    /// Waits until no message is left that could still be put aside, and has looked once more.
    pub(crate) async fn are_all_seen(&self, shop: &Shop) {
        for (_, queue) in BROUGHT_BACK {
            let started = Instant::now();
            while !self.is_empty(shop.resource(queue)).await {
                assert!(started.elapsed() < 2 * UNTIL_PUT_ASIDE, "{queue} is never empty");
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
        }
        self.look(shop).await;
    }

    async fn is_empty(&self, queue: &str) -> bool {
        let counts = [
            QueueAttributeName::ApproximateNumberOfMessages,
            QueueAttributeName::ApproximateNumberOfMessagesNotVisible,
            QueueAttributeName::ApproximateNumberOfMessagesDelayed,
        ];
        let get = self.sqs.get_queue_attributes().queue_url(queue).set_attribute_names(Some(counts.to_vec()));
        let attributes = get.send().await.ok().and_then(|got| got.attributes);
        attributes.is_some_and(|counts| counts.values().all(|count| count == "0"))
    }

    /// Whether a message of this order was put aside.
    pub(crate) fn has_one_of(&self, order_id: &OrderId) -> bool {
        self.brought_back.lock().unwrap_or_else(PoisonError::into_inner).contains_key(order_id.as_str())
    }

    /// How many messages were brought back.
    pub(crate) fn count(&self) -> usize {
        self.brought_back.lock().unwrap_or_else(PoisonError::into_inner).values().sum()
    }

    /// What lies where no kill puts anything.
    pub(crate) fn unexplained(&self) -> Vec<String> {
        self.unexplained.lock().unwrap_or_else(PoisonError::into_inner).values().cloned().collect()
    }
}

/// The order of an event in its envelope; empty for what holds none.
fn order_of(body: &str) -> String {
    let body: Value = serde_json::from_str(body).unwrap_or_default();
    body["detail"]["order_id"].as_str().unwrap_or_default().to_owned()
}
