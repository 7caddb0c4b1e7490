//! The confirmation e-mail: HTML and text, from one set of values.

use askama::Template;
use lambda_runtime::Error;
use shared::domain::{order::Order, personal::OrderDetails};

/// What the e-mail says. Both templates escape or print just these.
#[derive(Clone, Debug)]
pub struct Confirmation {
    order_id: String,
    first_name: String,
    lines: Vec<Line>,
    total: String,
    address: Vec<String>,
    order_url: String,
}

#[derive(Clone, Debug)]
struct Line {
    name: String,
    quantity: u32,
    unit_price: String,
    amount: String,
}

#[derive(Template)]
#[template(path = "confirmation.html")]
struct Html<'c> {
    mail: &'c Confirmation,
}

#[derive(Template)]
#[template(path = "confirmation.txt", escape = "none")]
struct Text<'c> {
    mail: &'c Confirmation,
}

impl Confirmation {
    /// The confirmation of this order.
    pub fn of(order: &Order, details: &OrderDetails, shop_url: &str) -> Self {
        let lines = order.placed.items.iter().map(|line| Line {
            name: line.name.clone(),
            quantity: line.quantity,
            unit_price: line.unit_price.to_string(),
            // Checked when the order was placed.
            amount: line.unit_price.times(line.quantity).map_or_else(|_| String::new(), |amount| amount.to_string()),
        });
        Self {
            order_id: order.id.to_string(),
            first_name: details.shipping_address.name.split_whitespace().next().unwrap_or_default().to_owned(),
            lines: lines.collect(),
            total: order.placed.total.to_string(),
            address: address_lines(details),
            order_url: format!("{}/#/orders/{}", shop_url.trim_end_matches('/'), order.id),
        }
    }

    /// Its subject.
    pub fn subject(&self) -> String {
        let first = self.lines.first().map_or("your order", |line| line.name.as_str());
        match self.lines.len() {
            0 | 1 => format!("Confirmed: {first}"),
            many => format!("Confirmed: {first} and {} more", many - 1),
        }
    }

    /// Its HTML part.
    ///
    /// # Errors
    /// When the template fails.
    pub fn html(&self) -> Result<String, Error> {
        Ok(Html { mail: self }.render()?)
    }

    /// Its text part.
    ///
    /// # Errors
    /// When the template fails.
    pub fn text(&self) -> Result<String, Error> {
        Ok(Text { mail: self }.render()?)
    }
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
