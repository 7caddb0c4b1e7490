use shared::domain::{
    event::{Cancellation, Event, Line, OrderPlaced, Provider, Rejection, Shortage},
    ids::{CustomerId, OrderId, RefundId},
    money::{Currency, Money},
    personal::Address,
};

use super::*;

const SHOP: &str = "https://shop.example/";
const ORDER_URL: &str = "https://shop.example/#/orders/ord_00000000000000000000000000000001";

fn order_id() -> OrderId {
    "ord_00000000000000000000000000000001".parse().unwrap()
}

fn money(amount: u64) -> Money {
    Money { amount, currency: Currency::USD }
}

fn placed(lines: usize, provider: Provider) -> Fact {
    let line = Line {
        sku: "kettle-steel".parse().unwrap(),
        name: "Kettle <steel> & \"co\"".into(),
        quantity: 2,
        unit_price: money(4599),
    };
    let items = vec![line; lines];
    Fact::OrderPlaced(OrderPlaced {
        customer_id: CustomerId("kareem".into()),
        fingerprint: "f".into(),
        total: shared::domain::order::total(&items).unwrap().unwrap(),
        items,
        payment_methods: vec![provider],
    })
}

fn history(facts: Vec<Fact>) -> Vec<Event> {
    let at = Timestamp::UNIX_EPOCH;
    (1..).zip(facts).map(|(sequence, fact)| Event { order_id: order_id(), sequence, at, fact }).collect()
}

fn prepared(provider: Provider) -> Vec<Fact> {
    let reference = "pi_secret".to_owned();
    vec![placed(1, provider), Fact::InventoryReserved {}, Fact::PaymentPrepared { attempt: 1, provider, reference }]
}

fn authorized(provider: Provider) -> Vec<Fact> {
    with(prepared(provider), [Fact::PaymentAuthorized { attempt: 1, capture_before: None }])
}

fn confirmed(provider: Provider) -> Vec<Fact> {
    with(authorized(provider), [Fact::OrderConfirmed { attempt: 1 }])
}

fn paid(provider: Provider) -> Vec<Fact> {
    with(confirmed(provider), [Fact::CaptureStarted { attempt: 1 }, Fact::PaymentCaptured { attempt: 1 }])
}

fn with(mut facts: Vec<Fact>, more: impl IntoIterator<Item = Fact>) -> Vec<Fact> {
    facts.extend(more);
    facts
}

fn refund(name: &str) -> RefundId {
    RefundId::for_request(&order_id(), name)
}

fn refunded(name: &str, amount: u64) -> [Fact; 2] {
    let refund = refund(name);
    [Fact::RefundStarted { refund: refund.clone(), amount: money(amount) }, Fact::PaymentRefunded { refund }]
}

fn cancelled(reason: Cancellation) -> [Fact; 1] {
    [Fact::OrderCancelled { reason }]
}

fn details() -> OrderDetails {
    OrderDetails {
        order_id: order_id(),
        customer_id: CustomerId("kareem".into()),
        email: "kareem@souk.example".into(),
        phone: None,
        shipping_address: Address {
            name: "كريم Kareem".into(),
            line1: "1 <Nile> St".into(),
            line2: None,
            city: "Cairo".into(),
            postal_code: "11511".into(),
            country: "EG".into(),
        },
        payment_methods: Vec::new(),
    }
}

fn order_of(lines: usize) -> Order {
    Order::from_events(&history(vec![placed(lines, Provider::Stripe)])).unwrap()
}

fn confirmation(lines: usize) -> Letter {
    Letter::on(Occasion::Confirmed, &order_of(lines), &details(), SHOP)
}

/// What is written about the last of these facts, nothing having happened since.
fn letter(facts: Vec<Fact>) -> Option<Letter> {
    letter_if(facts, [])
}

/// What is written about the last of these facts when the message arrives after these others.
fn letter_if(facts: Vec<Fact>, since: impl IntoIterator<Item = Fact>) -> Option<Letter> {
    let until = history(facts.clone());
    let now = Order::from_events(&history(with(facts, since))).unwrap();
    let occasion = Occasion::of(&until, &now)?;
    Some(Letter::on(occasion, &Order::from_events(&until).unwrap(), &details(), SHOP))
}

/// Both parts of it: what one says, the other says too.
fn parts(letter: &Letter) -> [String; 2] {
    [letter.html().unwrap(), letter.text().unwrap()]
}

fn assert_says(facts: Vec<Fact>, expected: &[&str]) {
    let letter = letter(facts).expect("a letter is written");
    for part in parts(&letter) {
        for words in expected.iter().chain(&[ORDER_URL]) {
            assert!(part.contains(words), "{words} in {part}");
        }
        assert!(!part.contains("pi_secret"), "{part}");
    }
    let text = letter.text().unwrap();
    assert!(!text.contains("\n\n\n"), "one empty line between paragraphs: {text}");
}

#[test]
fn the_html_escapes_what_a_customer_typed_and_the_text_does_not() {
    let letter = confirmation(1);
    let html = letter.html().unwrap();
    assert!(!html.contains("<Nile>") && !html.contains("<steel>"), "{html}");
    assert!(html.contains(ORDER_URL));
    let text = letter.text().unwrap();
    assert!(text.contains("1 <Nile> St") && text.contains("91.98 USD"), "{text}");
}

#[test]
fn the_confirmation_has_lines_total_and_address_in_both_parts() {
    let letter = confirmation(3);
    for part in parts(&letter) {
        for expected in ["91.98 USD", "275.94 USD", "11511 Cairo", "EG"] {
            assert!(part.contains(expected), "{expected} in {part}");
        }
    }
    assert!(letter.subject.ends_with("and 2 more"));
}

#[test]
fn a_confirmation_that_comes_after_the_cancellation_is_not_written() {
    assert!(letter(confirmed(Provider::Stripe)).is_some());
    assert!(letter_if(confirmed(Provider::Stripe), cancelled(Cancellation::CustomerRequest)).is_none());
    let captured = [Fact::CaptureStarted { attempt: 1 }, Fact::PaymentCaptured { attempt: 1 }];
    assert!(letter_if(confirmed(Provider::Stripe), captured).is_some(), "a paid order still stands");
}

#[test]
fn a_cancellation_says_why() {
    let cases = [
        (Cancellation::CustomerRequest, "As you asked"),
        (Cancellation::ShopRequest, "We had to cancel"),
        (Cancellation::PaymentTimedOut, "did not come about in time"),
        (Cancellation::PaymentUnavailable, "in any of the ways that you chose"),
        (Cancellation::AuthorizationLapsed, "let go of the money"),
        (Cancellation::DetailsErased, "were erased"),
    ];
    for (reason, words) in cases {
        assert_says(with(prepared(Provider::Stripe), cancelled(reason)), &[words, "Nothing was charged"]);
    }
}

#[test]
fn who_never_confirmed_at_her_bank_is_told_that_it_waited_for_her() {
    let waiting = with(prepared(Provider::Paypal), [Fact::PaymentActionRequired { attempt: 1 }]);
    assert_says(
        with(waiting, cancelled(Cancellation::PaymentTimedOut)),
        &["PayPal wanted you to confirm", "Nothing was charged."],
    );
}

#[test]
fn a_cancellation_says_what_happens_to_her_money() {
    let cancel = || cancelled(Cancellation::CustomerRequest);
    assert_says(with(vec![placed(1, Provider::Stripe)], cancel()), &["Nothing was charged."]);
    assert_says(with(prepared(Provider::Stripe), cancel()), &["Should your bank show a hold"]);
    assert_says(
        with(confirmed(Provider::Stripe), cancel()),
        &["Your bank holds 91.98 USD for this order, which we are releasing"],
    );
    assert_says(with(paid(Provider::Stripe), cancel()), &["refund of 91.98 USD is on its way to your card"]);
    assert_says(with(paid(Provider::Paypal), cancel()), &["refund of 91.98 USD is on its way to your PayPal account"]);
    let partly = with(paid(Provider::Stripe), refunded("a", 2000));
    assert_says(with(partly, cancel()), &["refund of 71.98 USD is on its way"]);
    let wholly = with(paid(Provider::Stripe), refunded("a", 9198));
    assert_says(with(wholly, cancel()), &["nothing left to refund"]);
    let voided = with(authorized(Provider::Stripe), [Fact::PaymentVoided { attempt: 1 }]);
    assert_says(with(voided, cancel()), &["Nothing was charged."]);
}

#[test]
fn a_letter_says_what_was_true_at_its_event_however_late_it_is_written() {
    let facts = with(paid(Provider::Stripe), cancelled(Cancellation::CustomerRequest));
    let late = letter_if(facts.clone(), refunded("a", 9198)).unwrap();
    assert_eq!(parts(&late), parts(&letter(facts).unwrap()));
}

#[test]
fn a_rejection_is_written_only_to_who_was_told_that_the_order_was_received() {
    let declined = |code: &str| {
        let decline_code = code.to_owned();
        let reason = Rejection::PaymentDeclined { decline_code: decline_code.clone() };
        [Fact::PaymentDeclined { attempt: 1, decline_code }, Fact::OrderRejected { reason }]
    };
    assert!(letter(with(prepared(Provider::Stripe), declined("insufficient_funds"))).is_none());
    let deferred = |provider| with(prepared(provider), [Fact::PaymentDeferred { unanswered: false }]);
    let received = "had received your order";
    assert_says(
        with(deferred(Provider::Stripe), declined("insufficient_funds")),
        &[received, "not enough money", "Nothing was charged"],
    );
    assert_says(with(deferred(Provider::Stripe), declined("stolen_card")), &["Your bank did not approve the card"]);
    assert_says(with(deferred(Provider::Paypal), declined("INSTRUMENT_DECLINED")), &["PayPal did not approve"]);
    for (provider, code) in [
        (Provider::Stripe, "payment_method_not_yours"),
        (Provider::Paypal, "payment_method_not_yours"),
        (Provider::Stripe, "resource_missing"),
        (Provider::Paypal, "TOKEN_ID_NOT_FOUND"),
    ] {
        assert_says(with(deferred(provider), declined(code)), &["did not find this way of paying among yours"]);
    }
}

#[test]
fn a_rejection_for_want_of_stock_names_what_fell_short() {
    let shortage = Shortage { sku: "kettle-steel".parse().unwrap(), requested: 2, available: 1 };
    let reason = Rejection::OutOfStock { items: vec![shortage] };
    let facts = vec![placed(1, Provider::Stripe), Fact::PaymentDeferred { unanswered: false }, Fact::OrderRejected { reason }];
    assert_says(facts, &["You asked for 2, and 1 is left."]);
}

#[test]
fn a_request_to_confirm_is_written_only_while_the_order_waits_and_she_has_left_the_page() {
    let asked = || with(prepared(Provider::Stripe), [Fact::PaymentActionRequired { attempt: 1 }]);
    assert!(letter(asked()).is_none(), "she is in front of the page");
    assert!(
        letter_if(asked(), [Fact::PaymentDeferred { unanswered: false }]).is_none(),
        "her click was answered with where to confirm"
    );
    let deferred = || {
        with(
            prepared(Provider::Stripe),
            [Fact::PaymentDeferred { unanswered: false }, Fact::PaymentActionRequired { attempt: 1 }],
        )
    };
    let authorized = || [Fact::PaymentAuthorized { attempt: 1, capture_before: None }];
    assert!(letter_if(deferred(), authorized()).is_none(), "she has confirmed meanwhile");
    let asks = ["Your bank wants to be sure that it is you", "Nothing is charged until you confirm"];
    assert_says(deferred(), &asks);

    let unanswered = [Fact::PaymentDeferred { unanswered: true }];
    assert!(letter(with(asked(), [Fact::PaymentDeferred { unanswered: false }])).is_none(), "her click was answered");
    assert_says(with(asked(), unanswered.clone()), &asks);
    assert!(letter_if(with(asked(), unanswered.clone()), authorized()).is_none(), "she has confirmed meanwhile");
    let deferred = with(prepared(Provider::Stripe), unanswered);
    assert!(letter(deferred.clone()).is_none(), "nothing waits for her");
    let later = [Fact::PaymentActionRequired { attempt: 1 }];
    assert!(letter_if(deferred.clone(), later.clone()).is_none(), "the event that asks for her tells her, and no other");
    assert_says(with(deferred, later), &asks);
}

#[test]
fn a_refund_is_told_once_by_its_own_letter_or_by_the_cancellation() {
    assert_says(with(paid(Provider::Stripe), refunded("a", 2000)), &["We have sent 20.00 USD back to your card"]);
    let twice = with(with(paid(Provider::Stripe), refunded("a", 2000)), refunded("b", 1000));
    assert_says(twice, &["We have sent 10.00 USD back", "Refunded before", "20.00 USD"]);

    let after = with(paid(Provider::Stripe), cancelled(Cancellation::CustomerRequest));
    assert!(letter(with(after, refunded("a", 9198))).is_none(), "the cancellation announced it");
    let [started, finished] = refunded("a", 2000);
    let across = with(with(paid(Provider::Stripe), [started]), cancelled(Cancellation::CustomerRequest));
    assert_says(with(across, [finished]), &["We have sent 20.00 USD back"]);
}

#[test]
fn a_refund_that_failed_after_all_is_not_told() {
    let failed = Fact::RefundFailed { refund: refund("a"), reason: "the card is closed".into() };
    assert!(letter_if(with(paid(Provider::Stripe), refunded("a", 2000)), [failed]).is_none());
}

#[test]
fn no_other_event_is_an_occasion_to_write() {
    let facts = with(paid(Provider::Stripe), refunded("a", 2000));
    let spoken = ["OrderConfirmed", "PaymentRefunded"];
    for length in 1..=facts.len() {
        let until = facts[..length].to_vec();
        let name = until.last().unwrap().name();
        assert_eq!(letter(until).is_some(), spoken.contains(&name), "{name}");
    }
}

#[test]
fn no_subject_names_the_person() {
    let cancel = with(paid(Provider::Stripe), cancelled(Cancellation::CustomerRequest));
    for facts in [confirmed(Provider::Stripe), cancel, with(paid(Provider::Stripe), refunded("a", 2000))] {
        let subject = letter(facts).unwrap().subject;
        assert!(subject.ends_with(": Kettle <steel> & \"co\""), "{subject}");
    }
}

#[test]
fn a_receipt_of_forty_lines_takes_a_second_page_and_a_short_one_does_not() {
    let pages = |lines| {
        let pdf = receipt::pdf(&order_of(lines), &details()).unwrap();
        assert!(pdf.starts_with(b"%PDF-"));
        String::from_utf8_lossy(&pdf)
            .matches("/Type/Page/")
            .count()
            .max(String::from_utf8_lossy(&pdf).matches("/Type /Page\n").count())
    };
    assert_eq!(pages(1), 1);
    assert!(pages(40) > 1);
}

#[test]
fn a_line_that_mixes_directions_is_set_as_lines_of_one_direction() {
    assert_eq!(receipt::one_way_runs("1 Nile St, Cairo"), ["1 Nile St, Cairo"]);
    assert_eq!(receipt::one_way_runs("كريم عادل Kareem"), ["كريم عادل", "Kareem"]);
    assert_eq!(receipt::one_way_runs("12 شارع النيل"), ["12", "شارع النيل"]);
}
