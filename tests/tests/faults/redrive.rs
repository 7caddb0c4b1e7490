//! The operator's part. A function works on the messages of several orders at once, and whoever kills it sends all of them
//! back: beside enough such cells a message fails five times and is put aside. An operator brings it back, as the runbook
//! `dead-letters` says, and so does the matrix. No cell can do that to its own message: it strikes once.

use std::{
    sync::atomic::{AtomicUsize, Ordering},
    time::Duration,
};

use aws_sdk_sqs::Client as Sqs;
use system_tests::{Shop, local_aws};

/// What SQS puts aside after five failures, and where it belongs.
const QUEUES: [(&str, &str); 2] =
    [("SendEmailDeadLetters", "SendEmailQueue"), ("CapturePaymentDeadLetters", "CapturePaymentQueue")];

/// How often the operator looks.
const ROUND: Duration = Duration::from_secs(5);

/// Brings dead letters back until it is dropped; counts them.
pub(crate) async fn redrive(shop: &Shop, brought_back: &AtomicUsize) -> ! {
    let sqs = Sqs::new(&local_aws(&shop.outputs.aws_endpoint));
    loop {
        for (dead_letters, queue) in QUEUES.map(|(from, to)| (shop.resource(from), shop.resource(to))) {
            let received = sqs.receive_message().queue_url(dead_letters).max_number_of_messages(10).send().await;
            for letter in received.ok().and_then(|received| received.messages).unwrap_or_default() {
                let body = letter.body().unwrap_or_default();
                let handle = letter.receipt_handle().unwrap_or_default();
                if sqs.send_message().queue_url(queue).message_body(body).send().await.is_ok() {
                    let _ = sqs.delete_message().queue_url(dead_letters).receipt_handle(handle).send().await;
                    brought_back.fetch_add(1, Ordering::Relaxed);
                }
            }
        }
        tokio::time::sleep(ROUND).await;
    }
}
