//! The pages that customers see: a question with two answers, and a notice.

use askama::Template;
use axum::{
    http::{StatusCode, Uri, header::LOCATION},
    response::{Html, IntoResponse, Response},
};
use url::{Url, form_urlencoded};

/// A question that a customer answers with a button.
#[derive(Debug, Template)]
#[template(path = "question.html")]
pub(crate) struct Question {
    /// Whose page it is.
    pub(crate) who: &'static str,
    pub(crate) title: &'static str,
    pub(crate) text: &'static str,
    /// With its currency.
    pub(crate) amount: String,
    pub(crate) order_id: String,
    /// Where the answer is posted to.
    pub(crate) action: String,
    pub(crate) yes: &'static str,
    pub(crate) no: &'static str,
}

#[derive(Debug, Template)]
#[template(path = "notice.html")]
struct Notice {
    title: &'static str,
    text: &'static str,
}

impl Question {
    /// The page.
    pub(crate) fn page(&self) -> Response {
        page(self)
    }
}

/// A page that says something.
pub(crate) fn notice(title: &'static str, text: &'static str) -> Response {
    page(&Notice { title, text })
}

fn page(template: &impl Template) -> Response {
    match template.render() {
        Ok(html) => Html(html).into_response(),
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

/// A parameter of the page's address; empty when it is not there.
pub(crate) fn parameter(uri: &Uri, name: &str) -> String {
    let query = uri.query().unwrap_or_default();
    form_urlencoded::parse(query.as_bytes())
        .find(|(known, _)| known == name)
        .map(|(_, value)| value.into_owned())
        .unwrap_or_default()
}

/// Whether the first of the two buttons was pressed.
pub(crate) fn is_yes(form: &[u8]) -> bool {
    form_urlencoded::parse(form).any(|(name, value)| name == "answer" && value == "yes")
}

/// Sends the customer back to the shop.
pub(crate) fn see_other(url: &Url) -> Response {
    (StatusCode::SEE_OTHER, [(LOCATION, url.to_string())]).into_response()
}
