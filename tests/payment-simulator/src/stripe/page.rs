//! The page of the simulated bank, on which a customer authenticates.

use std::sync::Arc;

use axum::{
    body::Bytes,
    extract::State,
    http::{StatusCode, Uri},
    response::{IntoResponse, Response},
};
use url::{Url, form_urlencoded};

use super::{
    Stripe, currencies,
    intent::{Intent, Status},
};
use crate::pages::{self, Question, notice};

/// Where it is.
pub(super) const PATH: &str = "/3d_secure_2/hosted";

/// Shows what is to be confirmed.
pub(super) async fn show(State(stripe): State<Arc<Stripe>>, uri: Uri) -> Response {
    let id = pages::parameter(&uri, "payment_intent");
    let question = stripe.with_objects(|objects, _| {
        let intent = objects.intent(&id).filter(|intent| intent.status == Status::RequiresAction)?;
        Some(question(intent))
    });
    question.map_or_else(gone, |question| question.page())
}

/// Does what the customer chose, and sends her back to the shop.
pub(super) async fn decide(State(stripe): State<Arc<Stripe>>, uri: Uri, body: Bytes) -> Response {
    let id = pages::parameter(&uri, "payment_intent");
    let confirmed = pages::is_yes(&body);
    let back = stripe.with_objects(|objects, execution| {
        let decided = objects.authenticate(&id, confirmed, execution);
        objects.intent(&id).filter(|_| decided).map(|intent| back_to_the_shop(intent, confirmed))
    });
    match back {
        None => gone(),
        Some(None) if confirmed => notice("Confirmed", "Thank you. You can close this page and go back to the shop."),
        Some(None) => notice("Refused", "Nothing was paid. You can close this page and go back to the shop."),
        Some(Some(url)) => pages::see_other(&url),
    }
}

/// The shop's address with what Stripe adds to it; none, when the shop gave none that can be followed.
fn back_to_the_shop(intent: &Intent, confirmed: bool) -> Option<Url> {
    let mut url = Url::parse(intent.return_url.as_deref()?).ok()?;
    url.query_pairs_mut()
        .append_pair("payment_intent", &intent.id)
        .append_pair("payment_intent_client_secret", &intent.client_secret)
        .append_pair("redirect_status", if confirmed { "succeeded" } else { "failed" });
    Some(url)
}

fn question(intent: &Intent) -> Question {
    Question {
        who: "The simulated bank",
        title: "Confirm the payment",
        text: "The shop asks for a payment with your card. No real money moves.",
        amount: currencies::written(intent.amount, &intent.currency),
        order_id: intent.order_id().unwrap_or("–").into(),
        action: format!(
            "{PATH}?{}",
            form_urlencoded::Serializer::new(String::new()).append_pair("payment_intent", &intent.id).finish()
        ),
        yes: "Confirm",
        no: "Refuse",
    }
}

fn gone() -> Response {
    let page = notice("Nothing to confirm", "This payment does not wait for a confirmation, or does not exist.");
    (StatusCode::NOT_FOUND, page).into_response()
}
