use shared::domain::{
    event::{Line, OrderPlaced, Provider},
    ids::CustomerId,
    money::{Currency, Money},
    personal::{Address, PaymentMethod},
};

use super::*;

fn order_of(lines: usize) -> (Order, OrderDetails) {
    let order_id: shared::domain::ids::OrderId = "ord_00000000000000000000000000000001".parse().unwrap();
    let customer_id = CustomerId("kareem".into());
    let price = Money { amount: 4599, currency: Currency::USD };
    let line =
        Line { sku: "kettle-steel".parse().unwrap(), name: "Kettle <steel> & \"co\"".into(), quantity: 2, unit_price: price };
    let items = vec![line; lines];
    let placed = OrderPlaced {
        customer_id: customer_id.clone(),
        fingerprint: "f".into(),
        total: shared::domain::order::total(&items).unwrap().unwrap(),
        items,
        payment_methods: vec![Provider::Stripe],
    };
    let event = Event { order_id: order_id.clone(), sequence: 1, at: Timestamp::UNIX_EPOCH, fact: Fact::OrderPlaced(placed) };
    let details = OrderDetails {
        order_id,
        customer_id,
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
        payment_methods: vec![PaymentMethod { provider: Provider::Stripe, token: "pm_card_visa".into() }],
    };
    (Order::from_events(&[event]).unwrap(), details)
}

#[test]
fn the_html_escapes_what_a_customer_typed_and_the_text_does_not() {
    let (order, details) = order_of(1);
    let mail = Confirmation::of(&order, &details, "https://shop.example/");
    let html = mail.html().unwrap();
    assert!(!html.contains("<Nile>") && !html.contains("<steel>"), "{html}");
    assert!(html.contains("https://shop.example/#/orders/ord_00000000000000000000000000000001"));
    let text = mail.text().unwrap();
    assert!(text.contains("1 <Nile> St") && text.contains("91.98 USD"), "{text}");
}

#[test]
fn the_confirmation_has_lines_total_and_address_in_both_parts() {
    let (order, details) = order_of(3);
    let mail = Confirmation::of(&order, &details, "https://shop.example");
    for part in [mail.html().unwrap(), mail.text().unwrap()] {
        for expected in ["91.98 USD", "275.94 USD", "11511 Cairo", "EG"] {
            assert!(part.contains(expected), "{expected} in {part}");
        }
    }
    assert!(mail.subject().ends_with("and 2 more"));
}

#[test]
fn a_receipt_of_forty_lines_takes_a_second_page_and_a_short_one_does_not() {
    let pages = |lines| {
        let (order, details) = order_of(lines);
        let pdf = receipt::pdf(&order, &details).unwrap();
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
