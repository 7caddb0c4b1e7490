//! Commands in any order, by executors that race: no history breaks a promise, and each can still be closed.

use proptest::prelude::*;

use super::*;

/// The promises that a history alone can break.
fn check_promises(history: &History) {
    let names = history.names();
    let count = |name: &str| names.iter().filter(|other| **other == name).count();
    let place = |name: &str| names.iter().position(|other| *other == name);
    let before = |first: &str, second: &str| place(second).is_none_or(|at| place(first).is_some_and(|other| other < at));
    for name in ["InventoryReserved", "InventoryReleased", "OrderConfirmed", "CaptureStarted", "PaymentCaptured", "CaptureFailed"]
    {
        assert!(count(name) <= 1, "{name} twice in {names:?}");
    }
    assert!(count("OrderRejected") + count("OrderCancelled") <= 1, "two ends in {names:?}");
    assert!(count("OrderConfirmed") + count("OrderRejected") <= 1, "two outcomes in {names:?}");
    assert!(count("PaymentCaptured") + count("CaptureFailed") <= 1, "two captures in {names:?}");
    assert!(before("InventoryReserved", "OrderConfirmed"), "confirmed without stock: {names:?}");
    assert!(before("PaymentAuthorized", "OrderConfirmed"), "confirmed without payment: {names:?}");
    assert!(before("OrderConfirmed", "CaptureStarted"), "captured unconfirmed: {names:?}");
    assert!(before("CaptureStarted", "PaymentCaptured"), "captured unannounced: {names:?}");
    assert!(before("PaymentCaptured", "RefundStarted"), "gave back what was never taken: {names:?}");
    assert!(before("InventoryReserved", "InventoryReleased"), "released what was never held: {names:?}");
    if let Some(released) = place("InventoryReleased") {
        let ended = place("OrderRejected").or(place("OrderCancelled"));
        assert!(ended.is_some_and(|at| at < released), "released before the end: {names:?}");
    }
    let order = history.order();
    let live = order.attempts().iter().filter(|attempt| !attempt.voided).count();
    assert!(live <= 1, "two attempts alive at once: {names:?}");
    let gone = order.refunds().iter().filter(|refund| refund.progress != RefundProgress::Failed);
    assert!(gone.map(|refund| refund.amount.amount).sum::<u64>() <= order.placed.total.amount, "gave too much back: {names:?}");
}

/// Does what the order owes until it is closed: every order can be.
fn settle(history: &mut History) {
    for _ in 0..40 {
        let order = history.order();
        let Some(owed) = order.owes().into_iter().next() else {
            assert!(order.is_closed(), "owes nothing and is not closed: {:?}", history.names());
            return;
        };
        let decision = match owed {
            Owed::Reserve => order.reserve(),
            Owed::Authorize { attempt } if order.attempt(attempt).is_none() => Prepare(attempt).decide(&order),
            Owed::Authorize { attempt } => order.authorize_payment(attempt, None),
            Owed::Confirm => order.confirm(),
            Owed::Reject(reason) => order.reject(&reason),
            Owed::Cancel(reason) => order.cancel(reason),
            Owed::Void { attempt } => order.void_payment(attempt),
            Owed::Release => order.release(),
            Owed::Capture { attempt } => match order.start_capture() {
                Decision::AlreadyDone => order.capture(attempt),
                start => start,
            },
            Owed::Refund => match under_way(&order) {
                Some(id) => order.finish_refund(&id),
                None => order.start_cancellation_refund(),
            },
        };
        assert!(matches!(decision, Decision::Append(_)), "what is owed is {decision:?} after {:?}", history.names());
        history.apply(decision);
        check_promises(history);
    }
    panic!("still owing: {:?}", history.order().owes());
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(4096) })]

    #[test]
    fn no_history_of_commands_in_any_order_breaks_a_promise(commands in prop::collection::vec(prop::sample::select(&COMMANDS[..]), 0..40)) {
        let mut history = History::placed();
        for command in commands {
            history.run(command);
            check_promises(&history);
        }
        settle(&mut history);
        check_promises(&history);
    }

    #[test]
    fn a_command_repeated_at_once_appends_nothing(commands in prop::collection::vec(prop::sample::select(&COMMANDS[..]), 0..40)) {
        let mut history = History::placed();
        for command in commands {
            history.run(command);
            let length = history.0.len();
            history.run(command);
            prop_assert_eq!(history.0.len(), length);
        }
    }

    /// Executors decide on the events that they loaded, then write; who loaded too long ago loses at the wall.
    #[test]
    fn executors_that_race_through_the_wall_break_no_promise(
        steps in prop::collection::vec((0_usize..3, prop::sample::select(&COMMANDS[..]), any::<bool>()), 0..80)
    ) {
        let mut history = History::placed();
        let mut loaded = vec![history.order(); 3];
        for (executor, command, reload) in steps {
            if reload {
                loaded[executor] = history.order();
            }
            let Decision::Append(fact) = command.decide(&loaded[executor]) else { continue };
            let event = loaded[executor].next_event(fact, Timestamp::UNIX_EPOCH);
            let written = event.sequence == history.order().sequence + 1;
            if written {
                history.0.push(event);
            }
            loaded[executor] = history.order();
            check_promises(&history);
        }
        settle(&mut history);
        check_promises(&history);
    }
}
