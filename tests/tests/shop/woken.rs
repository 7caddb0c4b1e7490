//! A step that is frozen between deciding and acting, and goes on from there after the order has ended: as a function whose
//! sandbox stood still. (Where `frozen` holds a request, the step that sent it gives up and sends another.)

use std::{
    sync::{
        Mutex,
        atomic::{AtomicBool, AtomicU32, Ordering},
        mpsc::{Receiver, Sender, channel},
    },
    thread::{self, JoinHandle},
    time::Duration,
};

use aws_sdk_dynamodb::{
    Client as DynamoDb,
    config::{
        Builder, ConfigBag, Intercept, RuntimeComponents,
        interceptors::{BeforeTransmitInterceptorContextRef, FinalizerInterceptorContextRef},
    },
    error::BoxError,
};
use shared::{
    domain::event::{Cancellation, Provider},
    saga::{OrderRef, StepError},
};
use system_tests::local_aws;
use tokio::runtime::Runtime;

use crate::saga::Saga;

const CARD: (Provider, &str) = (Provider::Stripe, "pm_card_visa");
const PAYPAL: (Provider, &str) = (Provider::Paypal, "vault_ok");

/// Longer than anything that goes on meanwhile.
const PATIENCE: Duration = Duration::from_mins(2);

#[derive(Clone, Copy, Debug)]
enum Step {
    Reserve,
    Authorize,
    Confirm,
    Capture,
    Void,
    Release,
    Refund,
}

/// Where a step stands still.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum At {
    /// It knows what to write, and has not sent it.
    BeforeItsWrite,
    /// It has announced what it is about to ask of the provider, and has not asked.
    AfterItsWrite,
}

/// Stops the thread at the first write.
#[derive(Debug)]
struct Freeze {
    at: At,
    /// The call under way is a write.
    is_write: AtomicBool,
    writes: AtomicU32,
    frozen: Mutex<Sender<()>>,
    thaw: Mutex<Receiver<()>>,
}

impl Freeze {
    fn here(&self, at: At) {
        if at == self.at && self.is_write.load(Ordering::Relaxed) && self.writes.fetch_add(1, Ordering::Relaxed) == 0 {
            self.frozen.lock().unwrap().send(()).unwrap();
            self.thaw.lock().unwrap().recv_timeout(PATIENCE).unwrap();
        }
    }
}

impl Intercept for Freeze {
    fn name(&self) -> &'static str {
        "Freeze"
    }

    fn read_before_transmit(
        &self,
        context: &BeforeTransmitInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let target = context.request().headers().get("x-amz-target").unwrap_or_default();
        self.is_write.store(target.ends_with(".PutItem") || target.ends_with(".TransactWriteItems"), Ordering::Relaxed);
        self.here(At::BeforeItsWrite);
        Ok(())
    }

    fn read_after_attempt(
        &self,
        _: &FinalizerInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        self.here(At::AfterItsWrite);
        Ok(())
    }
}

/// A step that stands still, in a thread of its own.
struct Sleeper {
    step: Step,
    thaw: Sender<()>,
    thread: JoinHandle<Result<OrderRef, StepError>>,
}

impl Sleeper {
    /// Starts the step, and waits until it stands still.
    async fn of(saga: &Saga, step: Step, at: At) -> Self {
        let ((frozen, is_frozen), (thaw, thawed)) = (channel(), channel());
        let (frozen, thawed) = (Mutex::new(frozen), Mutex::new(thawed));
        let freeze = Freeze { at, is_write: AtomicBool::new(false), writes: AtomicU32::new(0), frozen, thaw: thawed };
        let settings = Builder::from(&local_aws(&saga.shop.outputs.aws_endpoint)).interceptor(freeze);
        let saga = saga.elsewhere(DynamoDb::from_conf(settings.build()));
        let run = async move {
            match step {
                Step::Reserve => saga.reserve().await,
                Step::Authorize => saga.authorize_within(2 * PATIENCE).await,
                Step::Confirm => saga.confirm().await,
                Step::Capture => saga.capture().await,
                Step::Void => saga.void().await,
                Step::Release => saga.release().await,
                Step::Refund => saga.refund().await,
            }
        };
        let thread = thread::spawn(move || Runtime::new().unwrap().block_on(run));
        let stands = tokio::task::spawn_blocking(move || is_frozen.recv_timeout(PATIENCE));
        assert!(stands.await.unwrap().is_ok(), "{step:?} comes to a write");
        Self { step, thaw, thread }
    }

    /// It goes on, and comes to its end.
    async fn wake(self) -> Result<OrderRef, StepError> {
        self.thaw.send(()).unwrap_or_else(|_| panic!("{:?} stood still too long", self.step));
        tokio::task::spawn_blocking(|| self.thread.join().unwrap()).await.unwrap()
    }
}

/// Cancels, and undoes what there is.
async fn end(saga: &Saga) {
    saga.cancel(Cancellation::CustomerRequest).await.unwrap();
    saga.void().await.unwrap();
    saga.release().await.unwrap();
}

#[tokio::test]
async fn a_step_that_goes_on_after_its_order_was_cancelled_and_undone_writes_and_moves_nothing() {
    for (provider, token) in [CARD, PAYPAL] {
        for step in [Step::Reserve, Step::Authorize, Step::Confirm, Step::Capture] {
            let saga = Saga::placed(provider, token).await;
            if !matches!(step, Step::Reserve) {
                saga.reserve().await.unwrap();
            }
            if matches!(step, Step::Confirm | Step::Capture) {
                saga.authorize().await.unwrap();
            }
            if matches!(step, Step::Capture) {
                saga.confirm().await.unwrap();
            }
            let sleeper = Sleeper::of(&saga, step, At::BeforeItsWrite).await;
            end(&saga).await;
            let before = (saga.length().await, saga.ledger().await);
            let woken = sleeper.wake().await;
            assert!(matches!(woken, Err(StepError::NotAllowed(_))), "{provider} {step:?}: {woken:?}");
            assert_eq!((saga.length().await, saga.ledger().await), before, "{provider} {step:?}");
            assert_eq!(saga.available().await, 5, "{provider} {step:?}");
            assert!(saga.order().await.is_closed(), "{provider} {step:?}");
        }
    }
}

/// Stripe was told to cancel the attempt, so that nothing can be held by it any more.
#[tokio::test]
async fn an_authorisation_by_card_that_goes_on_after_its_attempt_was_cancelled_holds_nothing() {
    let saga = Saga::placed(CARD.0, CARD.1).await;
    saga.reserve().await.unwrap();
    let sleeper = Sleeper::of(&saga, Step::Authorize, At::AfterItsWrite).await;
    end(&saga).await;
    assert!(saga.order().await.is_closed());
    let before = saga.length().await;
    sleeper.wake().await.unwrap_err();
    assert_eq!((saga.length().await, saga.available().await), (before, 5));
    assert_eq!(saga.ledger().await, [""; 0]);
}

/// PayPal has no call that cancels what was never authorised: the order is watched for as long as that may still happen.
#[tokio::test]
async fn an_authorisation_at_paypal_that_goes_on_after_the_cancel_is_voided_by_who_watches() {
    let saga = Saga::placed(PAYPAL.0, PAYPAL.1).await;
    saga.reserve().await.unwrap();
    let sleeper = Sleeper::of(&saga, Step::Authorize, At::AfterItsWrite).await;
    saga.cancel(Cancellation::CustomerRequest).await.unwrap();
    saga.void().await.unwrap_err();
    saga.release().await.unwrap();
    assert!(!saga.order().await.is_closed(), "it is watched");
    sleeper.wake().await.unwrap_err();
    saga.void().await.unwrap();
    assert!(saga.order().await.is_closed());
    assert_eq!((saga.ledger().await, saga.available().await), (vec!["authorize".to_owned(), "void".to_owned()], 5));
}

#[tokio::test]
async fn an_undo_that_goes_on_after_another_has_done_it_does_nothing_again() {
    for (provider, token) in [CARD, PAYPAL] {
        for step in [Step::Void, Step::Release] {
            let saga = Saga::authorized(provider, token).await;
            saga.cancel(Cancellation::CustomerRequest).await.unwrap();
            let sleeper = Sleeper::of(&saga, step, At::BeforeItsWrite).await;
            saga.void().await.unwrap();
            saga.release().await.unwrap();
            let before = saga.length().await;
            sleeper.wake().await.unwrap();
            assert_eq!((saga.length().await, saga.available().await), (before, 5), "{provider} {step:?}");
            assert_eq!(saga.ledger().await, ["authorize", "void"], "{provider} {step:?}");
        }
        for at in [At::BeforeItsWrite, At::AfterItsWrite] {
            let saga = Saga::paid(provider, token).await;
            saga.cancel(Cancellation::CustomerRequest).await.unwrap();
            let sleeper = Sleeper::of(&saga, Step::Refund, at).await;
            saga.refund().await.unwrap();
            saga.release().await.unwrap();
            let before = saga.length().await;
            sleeper.wake().await.unwrap();
            assert_eq!((saga.length().await, saga.available().await), (before, 5), "{provider} {at:?}");
            assert_eq!(saga.ledger().await, ["authorize", "capture", "refund"], "{provider} {at:?}");
        }
    }
}
