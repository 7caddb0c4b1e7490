//! A letter: one design, one HTML and one text template, and one set of values for both. Each module has the words of one
//! occasion; all are written from the order as it was at its event, so that a repeat says the same.

mod cancellation;
mod confirmation;
mod payer;
mod payment_action;
mod refund;
mod rejection;

use askama::Template;
use lambda_runtime::Error;
use shared::domain::{order::Order, personal::OrderDetails};

use crate::occasion::Occasion;

/// What an e-mail says. The templates print just these, and the HTML one escapes them.
#[derive(Clone, Debug, Default)]
pub struct Letter {
    /// Names what was bought, and nothing of the person.
    pub subject: String,
    /// What an inbox shows after the subject.
    preview: String,
    heading: String,
    paragraphs: Vec<String>,
    /// What happens to her money, where that is what she asks herself first.
    money: Option<String>,
    lines: Vec<Line>,
    sums: Vec<Sum>,
    address: Vec<String>,
    button: &'static str,
    order_id: String,
    order_url: String,
}

#[derive(Clone, Debug)]
struct Line {
    name: String,
    note: String,
    amount: String,
}

#[derive(Clone, Debug)]
struct Sum {
    label: &'static str,
    amount: String,
}

#[derive(Template)]
#[template(path = "letter.html")]
struct Html<'l> {
    letter: &'l Letter,
}

#[derive(Template)]
#[template(path = "letter.txt", escape = "none")]
struct Text<'l> {
    letter: &'l Letter,
}

impl Letter {
    /// What is written on this occasion about the order, as it was then.
    pub fn on(occasion: Occasion<'_>, order: &Order, details: &OrderDetails, shop_url: &str) -> Self {
        let letter = match occasion {
            Occasion::Confirmed => confirmation::letter(order, details),
            Occasion::Cancelled(reason) => cancellation::letter(order, reason),
            Occasion::Rejected(reason) => rejection::letter(order, reason),
            Occasion::ActionRequired => payment_action::letter(order),
            Occasion::Refunded(refund) => refund::letter(order, refund),
        };
        let order_url = format!("{}/#/orders/{}", shop_url.trim_end_matches('/'), order.id);
        Self { order_id: order.id.to_string(), order_url, ..letter }
    }

    /// Its HTML part.
    ///
    /// # Errors
    /// When the template fails.
    pub fn html(&self) -> Result<String, Error> {
        Ok(Html { letter: self }.render()?)
    }

    /// Its text part.
    ///
    /// # Errors
    /// When the template fails.
    pub fn text(&self) -> Result<String, Error> {
        Ok(Text { letter: self }.render()?)
    }
}

/// `Confirmed: Steel Kettle and 2 more`.
fn subject(what_happened: &str, order: &Order) -> String {
    let items = &order.placed.items;
    let first = items.first().map_or("your order", |line| line.name.as_str());
    match items.len() {
        0 | 1 => format!("{what_happened}: {first}"),
        many => format!("{what_happened}: {first} and {} more", many - 1),
    }
}

/// What was ordered, each line with its price.
fn ordered(order: &Order) -> Vec<Line> {
    let line = |line: &shared::domain::event::Line| Line {
        name: line.name.clone(),
        note: format!("{} × {}", line.quantity, line.unit_price),
        // Checked when the order was placed.
        amount: line.unit_price.times(line.quantity).map_or_else(|_| String::new(), |amount| amount.to_string()),
    };
    order.placed.items.iter().map(line).collect()
}

fn total(order: &Order) -> Sum {
    Sum { label: "Total", amount: order.placed.total.to_string() }
}

/// The address as an envelope shows it.
pub fn address_lines(details: &OrderDetails) -> Vec<String> {
    let address = &details.shipping_address;
    let town = format!("{} {}", address.postal_code, address.city);
    let lines = [
        Some(address.name.clone()),
        Some(address.line1.clone()),
        address.line2.clone(),
        Some(town),
        Some(address.country.clone()),
    ];
    lines.into_iter().flatten().collect()
}
