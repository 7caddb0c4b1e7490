//! The page on which a customer approves an order, at `/checkoutnow?token=<order>`.

use std::sync::Arc;

use axum::{
    body::Bytes,
    extract::State,
    http::{StatusCode, Uri},
    response::{IntoResponse, Response},
};
use url::{Url, form_urlencoded};

use super::{PayPal, order::Order};
use crate::pages::{self, Question, notice};

/// Shows what is to be approved.
pub(super) async fn show(State(paypal): State<Arc<PayPal>>, uri: Uri) -> Response {
    let token = pages::parameter(&uri, "token");
    let question = paypal.with_objects(|objects, execution| {
        let order = objects.order(&token, execution).ok().filter(|order| order.awaits_approval(execution.now))?;
        Some(question(order))
    });
    question.map_or_else(gone, |question| question.page())
}

/// Does what the customer chose, and sends her back to the shop.
pub(super) async fn decide(State(paypal): State<Arc<PayPal>>, uri: Uri, body: Bytes) -> Response {
    let token = pages::parameter(&uri, "token");
    let approved = pages::is_yes(&body);
    let back = paypal.with_objects(|objects, execution| {
        let order = objects.order(&token, execution).ok().filter(|order| order.awaits_approval(execution.now))?;
        let back = if approved { order.back.return_url.clone() } else { cancel_url(order) };
        if approved {
            objects.approve(&token, execution);
        }
        Some(back)
    });
    match back {
        None => gone(),
        Some(None) if approved => notice("Approved", "Thank you. You can close this page and go back to the shop."),
        Some(None) => notice("Not approved", "Nothing was paid. You can close this page and go back to the shop."),
        Some(Some(url)) => pages::see_other(&named(url, &token, approved)),
    }
}

fn cancel_url(order: &Order) -> Option<Url> {
    order.back.cancel_url.clone().or_else(|| order.back.return_url.clone())
}

/// The shop's address with what PayPal adds to it.
fn named(mut url: Url, token: &str, approved: bool) -> Url {
    url.query_pairs_mut().append_pair("token", token);
    if approved {
        url.query_pairs_mut().append_pair("PayerID", "SIMULATEDPAYER");
    }
    url
}

fn question(order: &Order) -> Question {
    let amount = &order.unit.amount;
    Question {
        who: "PayPal, simulated",
        title: "Approve the payment",
        text: "The shop asks to be paid from this PayPal account. No real money moves.",
        amount: format!("{} {}", amount.value(), amount.currency.code),
        order_id: order.order_id().unwrap_or("–").into(),
        action: format!(
            "/checkoutnow?{}",
            form_urlencoded::Serializer::new(String::new()).append_pair("token", &order.id).finish()
        ),
        yes: "Approve",
        no: "Cancel",
    }
}

fn gone() -> Response {
    let page = notice("Nothing to approve", "This payment does not wait for an approval, or does not exist.");
    (StatusCode::NOT_FOUND, page).into_response()
}
