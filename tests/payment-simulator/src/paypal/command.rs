//! Requests, parsed and validated as far as they can be without the objects that they are about.

use axum::http::Uri;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Map, Value, json};
use url::{Url, form_urlencoded};

use super::{body::Fields, error::ApiError, money::Money, route::Route, shapes::present};

const LONGEST_ID: usize = 127;
const LONGEST_REFERENCE: usize = 256;
const LONGEST_NOTE: usize = 255;
const LONGEST_DESCRIPTOR: usize = 22;
const LONGEST_LINE: usize = 300;
const LONGEST_URL: usize = 2048;
const LONGEST_VAULT_ID: usize = 255;
/// How far apart the ends of a search may be.
const LONGEST_SEARCH: SignedDuration = SignedDuration::from_hours(31 * 24);
const DEFAULT_PAGE_SIZE: usize = 100;
const LARGEST_PAGE_SIZE: usize = 500;

/// What PayPal is asked to do.
#[derive(Debug)]
pub(super) enum Command {
    CreateOrder(NewOrder),
    ReadOrder(String),
    Authorize(String, Authorizing),
    ReadAuthorization(String),
    Capture(String, NewCapture),
    Void(String),
    ReadCapture(String),
    Refund(String, NewRefund),
    ReadRefund(String),
    ReadToken(String),
    Transactions(Search),
}

/// An order to be made, with the intent to authorise it; the only purchase unit of it.
#[derive(Clone, Debug)]
pub(super) struct NewOrder {
    pub(super) amount: Money,
    pub(super) reference_id: Option<String>,
    /// The shop's order.
    pub(super) custom_id: Option<String>,
    pub(super) invoice_id: Option<String>,
    pub(super) description: Option<String>,
    pub(super) soft_descriptor: Option<String>,
    pub(super) shipping: Option<Value>,
    pub(super) back: Back,
}

/// Where the customer comes back to from PayPal's page.
#[derive(Clone, Debug, Default)]
pub(super) struct Back {
    pub(super) return_url: Option<Url>,
    pub(super) cancel_url: Option<Url>,
}

/// What an authorisation brings.
#[derive(Debug)]
pub(super) struct Authorizing {
    /// The saved account; none: whatever the customer approved.
    pub(super) vault_id: Option<String>,
    pub(super) back: Back,
}

/// A capture to be made.
#[derive(Debug)]
pub(super) struct NewCapture {
    /// None: all that is left.
    pub(super) amount: Option<Money>,
    pub(super) invoice_id: Option<String>,
    pub(super) note_to_payer: Option<String>,
    /// Whether what is left is let go.
    pub(super) is_final: bool,
}

/// A refund to be made.
#[derive(Debug)]
pub(super) struct NewRefund {
    /// None: all that is left.
    pub(super) amount: Option<Money>,
    pub(super) custom_id: Option<String>,
    pub(super) invoice_id: Option<String>,
    pub(super) note_to_payer: Option<String>,
}

/// Which transactions to show.
#[derive(Debug)]
pub(super) struct Search {
    pub(super) from: Timestamp,
    pub(super) to: Timestamp,
    /// From 1.
    pub(super) page: usize,
    pub(super) page_size: usize,
    pub(super) transaction_id: Option<String>,
    /// Whether only those are wanted that changed the shop's balance; an authorisation does not.
    pub(super) only_balance: bool,
}

impl Command {
    /// Reads what the call takes; anything else is an error.
    pub(super) fn parse(route: Route, uri: &Uri, body: &[u8]) -> Result<Self, ApiError> {
        let query = uri.query().unwrap_or_default();
        match &route {
            // It takes parameters of its own, and checks them.
            Route::Transactions => {}
            Route::ReadOrder(_) => check_query(query, &["fields"])?,
            _ => check_query(query, &[])?,
        }
        Ok(match route {
            Route::CreateOrder => Self::CreateOrder(new_order(Fields::parse(body)?)?),
            Route::ReadOrder(id) => Self::ReadOrder(id),
            Route::Authorize(id) => Self::Authorize(id, authorizing(Fields::parse(body)?)?),
            Route::ReadAuthorization(id) => Self::ReadAuthorization(id),
            Route::Capture(id) => Self::Capture(id, new_capture(Fields::parse(body)?)?),
            Route::Void(id) => {
                Fields::parse(body)?.finish()?;
                Self::Void(id)
            }
            Route::ReadCapture(id) => Self::ReadCapture(id),
            Route::Refund(id) => Self::Refund(id, new_refund(Fields::parse(body)?)?),
            Route::ReadRefund(id) => Self::ReadRefund(id),
            Route::ReadToken(id) => Self::ReadToken(id),
            Route::Transactions => Self::Transactions(search(query)?),
        })
    }
}

fn new_order(mut fields: Fields) -> Result<NewOrder, ApiError> {
    fields.required_choice("intent", &["AUTHORIZE"])?;
    fields.choice("processing_instruction", &["NO_INSTRUCTION"])?;
    let units = fields.required_objects("purchase_units")?;
    let back = context(&mut fields, "application_context")?;
    if fields.object("payment_source")?.is_some() {
        return Err(ApiError::invalid("NOT_SUPPORTED").field("/payment_source"));
    }
    fields.finish()?;
    let mut units = units.into_iter();
    let (Some(unit), None) = (units.next(), units.next()) else {
        return Err(ApiError::unprocessable("UNSUPPORTED_INTENT").field("/purchase_units"));
    };
    purchase_unit(unit, back)
}

fn purchase_unit(mut unit: Fields, back: Back) -> Result<NewOrder, ApiError> {
    let order = NewOrder {
        amount: Money::parse(unit.required_object("amount")?)?,
        reference_id: unit.text("reference_id", LONGEST_REFERENCE)?,
        custom_id: unit.text("custom_id", LONGEST_ID)?,
        invoice_id: unit.text("invoice_id", LONGEST_ID)?,
        description: unit.text("description", LONGEST_ID)?,
        soft_descriptor: unit.text("soft_descriptor", LONGEST_DESCRIPTOR)?,
        shipping: unit.object("shipping")?.map(shipping).transpose()?,
        back,
    };
    unit.finish()?;
    Ok(order)
}

/// Where the goods go, as PayPal shows it again.
fn shipping(mut fields: Fields) -> Result<Value, ApiError> {
    let kind = fields.choice("type", &["SHIPPING", "PICKUP_IN_PERSON", "PICKUP_IN_STORE", "PICKUP_FROM_PERSON"])?;
    let name = fields.object("name")?.map(|name| texts(name, &["full_name"])).transpose()?;
    let lines = ["address_line_1", "address_line_2", "admin_area_1", "admin_area_2", "postal_code", "country_code"];
    let address = fields.object("address")?.map(|address| texts(address, &lines)).transpose()?;
    fields.finish()?;
    Ok(present(json!({"type": kind, "name": name, "address": address})))
}

fn texts(mut fields: Fields, names: &[&str]) -> Result<Value, ApiError> {
    let text = |name: &&str| Ok(((*name).to_owned(), fields.text(name, LONGEST_LINE)?.into()));
    let texts = names.iter().map(text).collect::<Result<Map<_, _>, ApiError>>()?;
    fields.finish()?;
    Ok(present(Value::Object(texts)))
}

/// How PayPal's page is to look and where it leads.
fn context(fields: &mut Fields, name: &str) -> Result<Back, ApiError> {
    let Some(mut context) = fields.object(name)? else { return Ok(Back::default()) };
    let back = Back { return_url: address(&mut context, "return_url")?, cancel_url: address(&mut context, "cancel_url")? };
    for looks in ["brand_name", "locale", "landing_page", "shipping_preference", "user_action", "payment_method_preference"] {
        context.text(looks, LONGEST_ID)?;
    }
    context.finish()?;
    Ok(back)
}

fn address(fields: &mut Fields, name: &str) -> Result<Option<Url>, ApiError> {
    let Some(text) = fields.text(name, LONGEST_URL)? else { return Ok(None) };
    let wrong = || ApiError::invalid("INVALID_PARAMETER_SYNTAX").field(&fields.pointer(name)).value(&text);
    let url = Url::parse(&text).map_err(|_| wrong())?;
    if matches!(url.scheme(), "http" | "https") { Ok(Some(url)) } else { Err(wrong()) }
}

fn authorizing(mut fields: Fields) -> Result<Authorizing, ApiError> {
    let mut back = context(&mut fields, "application_context")?;
    let mut vault_id = None;
    if let Some(mut source) = fields.object("payment_source")? {
        let mut paypal = source.required_object("paypal")?;
        source.finish()?;
        vault_id = Some(paypal.required_text("vault_id", LONGEST_VAULT_ID)?);
        if let Some(stored) = paypal.object("stored_credential")? {
            stored_credential(stored)?;
        }
        let nearer = context(&mut paypal, "experience_context")?;
        paypal.finish()?;
        back.return_url = nearer.return_url.or(back.return_url);
        back.cancel_url = nearer.cancel_url.or(back.cancel_url);
    }
    fields.finish()?;
    Ok(Authorizing { vault_id, back })
}

fn stored_credential(mut fields: Fields) -> Result<(), ApiError> {
    let patterns = [
        "IMMEDIATE",
        "DEFERRED",
        "RECURRING_PREPAID",
        "RECURRING_POSTPAID",
        "THRESHOLD_PREPAID",
        "THRESHOLD_POSTPAID",
        "SUBSCRIPTION_PREPAID",
        "SUBSCRIPTION_POSTPAID",
        "UNSCHEDULED_PREPAID",
        "UNSCHEDULED_POSTPAID",
        "INSTALLMENT_PREPAID",
        "INSTALLMENT_POSTPAID",
    ];
    fields.required_choice("payment_initiator", &["CUSTOMER", "MERCHANT"])?;
    fields.choice("usage", &["FIRST", "SUBSEQUENT", "DERIVED"])?;
    fields.choice("charge_pattern", &patterns)?;
    fields.choice("usage_pattern", &patterns)?;
    fields.finish()
}

fn new_capture(mut fields: Fields) -> Result<NewCapture, ApiError> {
    let capture = NewCapture {
        amount: fields.object("amount")?.map(Money::parse).transpose()?,
        invoice_id: fields.text("invoice_id", LONGEST_ID)?,
        note_to_payer: fields.text("note_to_payer", LONGEST_NOTE)?,
        is_final: fields.flag("final_capture")?,
    };
    fields.text("soft_descriptor", LONGEST_DESCRIPTOR)?;
    fields.finish()?;
    Ok(capture)
}

fn new_refund(mut fields: Fields) -> Result<NewRefund, ApiError> {
    let refund = NewRefund {
        amount: fields.object("amount")?.map(Money::parse).transpose()?,
        custom_id: fields.text("custom_id", LONGEST_ID)?,
        invoice_id: fields.text("invoice_id", LONGEST_ID)?,
        note_to_payer: fields.text("note_to_payer", LONGEST_NOTE)?,
    };
    fields.finish()?;
    Ok(refund)
}

fn check_query(query: &str, allowed: &[&str]) -> Result<(), ApiError> {
    match form_urlencoded::parse(query.as_bytes()).find(|(name, _)| !allowed.contains(&name.as_ref())) {
        None => Ok(()),
        Some((name, _)) => Err(in_query("UNKNOWN_PARAMETER", &name)),
    }
}

fn in_query(issue: &'static str, name: &str) -> ApiError {
    ApiError::invalid(issue).field(name).location("query")
}

fn search(query: &str) -> Result<Search, ApiError> {
    const NAMES: &[&str] =
        &["start_date", "end_date", "fields", "page", "page_size", "transaction_id", "balance_affecting_records_only"];
    check_query(query, NAMES)?;
    let get = |name: &str| form_urlencoded::parse(query.as_bytes()).find(|(known, _)| known == name).map(|(_, value)| value);
    let date = |name: &str| {
        let text = get(name).ok_or_else(|| in_query("MISSING_REQUIRED_PARAMETER", name))?;
        text.parse::<Timestamp>().map_err(|_| in_query("INVALID_PARAMETER_SYNTAX", name).value(&text))
    };
    let number = |name: &str, default: usize, largest: usize| {
        let Some(text) = get(name) else { return Ok(default) };
        let number = text.parse().ok().filter(|number| (1..=largest).contains(number));
        number.ok_or_else(|| in_query("INVALID_PARAMETER_VALUE", name).value(&text))
    };
    let search = Search {
        from: date("start_date")?,
        to: date("end_date")?,
        page: number("page", 1, usize::MAX)?,
        page_size: number("page_size", DEFAULT_PAGE_SIZE, LARGEST_PAGE_SIZE)?,
        transaction_id: get("transaction_id").map(Into::into),
        only_balance: get("balance_affecting_records_only").is_none_or(|value| value != "N"),
    };
    if search.to < search.from || search.to.duration_since(search.from) > LONGEST_SEARCH {
        return Err(in_query("DATE_RANGE", "end_date"));
    }
    Ok(search)
}
