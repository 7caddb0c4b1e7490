//! Requests, parsed and validated. What fails here was never executed, so that its idempotency key stays free, as Stripe
//! has it: <https://docs.stripe.com/api/idempotent_requests>.

use std::collections::BTreeMap;

use super::{currencies, error::ApiError, form::Form, route::Route, tokens};

const CAPTURE_METHODS: &[&str] = &["automatic", "automatic_async", "manual"];
const CANCELLATION_REASONS: &[&str] = &["duplicate", "fraudulent", "requested_by_customer", "abandoned"];
const REFUND_REASONS: &[&str] = &["duplicate", "fraudulent", "requested_by_customer"];
const DEFAULT_PAGE: i64 = 10;
const LARGEST_PAGE: i64 = 100;

/// What Stripe is asked to do.
#[derive(Debug)]
pub(super) enum Command {
    Create(NewIntent),
    Retrieve(String),
    List(ListQuery),
    Confirm(String, Confirmation),
    /// The intent, and how much of it; none: all.
    Capture(String, Option<i64>),
    /// The intent, and why.
    Cancel(String, Option<&'static str>),
    Refund(NewRefund),
    ListRefunds(RefundQuery),
    RetrieveRefund(String),
    RetrieveMethod(String),
    RetrieveCustomer(String),
}

/// A command, and how its answer is wanted.
#[derive(Debug)]
pub(super) struct Asked {
    pub(super) command: Command,
    /// Whether the intent's latest charge is wanted whole, and not as an id.
    pub(super) expands_charge: bool,
}

/// A payment intent to be made.
#[derive(Debug)]
pub(super) struct NewIntent {
    pub(super) amount: i64,
    /// Lower case.
    pub(super) currency: String,
    pub(super) capture_method: &'static str,
    /// Whether the merchant left the choice of methods to Stripe, some of which redirect the customer.
    pub(super) automatic: Option<Redirects>,
    pub(super) customer: Option<String>,
    pub(super) metadata: BTreeMap<String, String>,
    pub(super) confirmation: Confirmation,
    /// Whether it is confirmed at once.
    pub(super) confirm: bool,
}

/// Whether automatic payment methods may send the customer elsewhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Redirects {
    Always,
    Never,
}

/// What a confirm brings.
#[derive(Debug)]
pub(super) struct Confirmation {
    pub(super) payment_method: Option<String>,
    pub(super) return_url: Option<String>,
}

/// Which payment intents to list.
#[derive(Debug)]
pub(super) struct ListQuery {
    /// Unix seconds, inclusive.
    pub(super) created_from: Option<i64>,
    pub(super) limit: usize,
    pub(super) starting_after: Option<String>,
}

/// Which refunds to list.
#[derive(Debug)]
pub(super) struct RefundQuery {
    /// None: those of any intent.
    pub(super) intent: Option<String>,
    pub(super) limit: usize,
    pub(super) starting_after: Option<String>,
}

/// A refund to be made.
#[derive(Debug)]
pub(super) struct NewRefund {
    pub(super) intent: String,
    /// None: all that is left.
    pub(super) amount: Option<i64>,
    pub(super) reason: Option<&'static str>,
    pub(super) metadata: BTreeMap<String, String>,
}

impl Asked {
    /// Reads the parameters that the call takes; any other is an error.
    pub(super) fn parse(route: Route, mut form: Form) -> Result<Self, ApiError> {
        let expands_charge = route.answers_with_intent() && expands_charge(&mut form)?;
        let command = Command::parse(route, &mut form)?;
        form.finish()?;
        Ok(Self { command, expands_charge })
    }
}

impl Command {
    fn parse(route: Route, form: &mut Form) -> Result<Self, ApiError> {
        Ok(match route {
            Route::Create => Self::Create(new_intent(form)?),
            Route::Retrieve(id) => Self::Retrieve(id),
            Route::List => Self::List(list_query(form)?),
            Route::Confirm(id) => Self::Confirm(id, confirmation(form)?),
            Route::Capture(id) => Self::Capture(id, form.positive("amount_to_capture")?),
            Route::Cancel(id) => Self::Cancel(id, form.choice("cancellation_reason", CANCELLATION_REASONS)?),
            Route::Refund => Self::Refund(new_refund(form)?),
            Route::ListRefunds => Self::ListRefunds(refund_query(form)?),
            Route::RetrieveRefund(id) => Self::RetrieveRefund(id),
            Route::RetrieveMethod(id) => Self::RetrieveMethod(id),
            Route::RetrieveCustomer(id) => Self::RetrieveCustomer(id),
        })
    }
}

fn expands_charge(form: &mut Form) -> Result<bool, ApiError> {
    let wanted = form.list("expand").unwrap_or_default();
    match wanted.iter().find(|property| *property != "latest_charge") {
        None => Ok(!wanted.is_empty()),
        Some(other) => Err(ApiError::invalid(format!("This property cannot be expanded ({other}).")).param("expand")),
    }
}

fn new_intent(form: &mut Form) -> Result<NewIntent, ApiError> {
    let amount = form.positive("amount")?.ok_or_else(|| ApiError::missing("amount"))?;
    let currency = currencies::currency(&form.required("currency")?)?;
    currencies::check_amount(amount, &currency)?;
    let intent = NewIntent {
        amount,
        currency,
        capture_method: form.choice("capture_method", CAPTURE_METHODS)?.unwrap_or("automatic_async"),
        automatic: payment_method_types(form)?,
        customer: customer(form)?,
        metadata: form.map("metadata"),
        confirmation: confirmation(form)?,
        confirm: form.flag("confirm")?,
    };
    if intent.confirmation.return_url.is_some() && !intent.confirm {
        let message = "The parameter return_url cannot be passed when creating a PaymentIntent unless confirm is set to true.";
        return Err(ApiError::invalid(message).param("return_url"));
    }
    Ok(intent)
}

/// Every id that looks like a customer's is one.
fn customer(form: &mut Form) -> Result<Option<String>, ApiError> {
    let Some(id) = form.text("customer")? else { return Ok(None) };
    let known = tokens::customer_id(&id).is_some();
    if known { Ok(Some(id)) } else { Err(ApiError::no_such_parameter("customer", &id, "customer")) }
}

/// Only cards are played here. Who names no types has them chosen by Stripe.
fn payment_method_types(form: &mut Form) -> Result<Option<Redirects>, ApiError> {
    let automatic = automatic_payment_methods(form)?;
    let Some(types) = form.list("payment_method_types") else {
        return Ok(Some(automatic.unwrap_or(Redirects::Always)));
    };
    if automatic.is_some() {
        let message = "You may only specify one of these parameters: automatic_payment_methods, payment_method_types.";
        return Err(ApiError::invalid(message));
    }
    match types.iter().find(|name| *name != "card") {
        None => Ok(None),
        Some(name) => Err(ApiError::invalid(format!("The payment method type provided: {name} is invalid."))
            .code("payment_intent_invalid_parameter")
            .param("payment_method_types")),
    }
}

fn automatic_payment_methods(form: &mut Form) -> Result<Option<Redirects>, ApiError> {
    let enabled = form.flag("automatic_payment_methods[enabled]")?;
    let redirects = form.choice("automatic_payment_methods[allow_redirects]", &["always", "never"])?;
    let redirects = if redirects == Some("never") { Redirects::Never } else { Redirects::Always };
    Ok(enabled.then_some(redirects))
}

fn confirmation(form: &mut Form) -> Result<Confirmation, ApiError> {
    Ok(Confirmation { payment_method: form.text("payment_method")?, return_url: form.text("return_url")? })
}

fn list_query(form: &mut Form) -> Result<ListQuery, ApiError> {
    Ok(ListQuery {
        created_from: form.integer("created[gte]")?,
        limit: limit(form)?,
        starting_after: form.text("starting_after")?,
    })
}

fn refund_query(form: &mut Form) -> Result<RefundQuery, ApiError> {
    Ok(RefundQuery { intent: form.text("payment_intent")?, limit: limit(form)?, starting_after: form.text("starting_after")? })
}

fn limit(form: &mut Form) -> Result<usize, ApiError> {
    let limit = form.positive("limit")?.unwrap_or(DEFAULT_PAGE);
    if limit > LARGEST_PAGE {
        let message = format!("This value must be less than or equal to {LARGEST_PAGE} (it currently is '{limit}').");
        return Err(ApiError::invalid(message).code("parameter_invalid_integer").param("limit"));
    }
    Ok(usize::try_from(limit).unwrap_or(usize::MAX))
}

fn new_refund(form: &mut Form) -> Result<NewRefund, ApiError> {
    Ok(NewRefund {
        intent: form.required("payment_intent")?,
        amount: form.positive("amount")?,
        reason: form.choice("reason", REFUND_REASONS)?,
        metadata: form.map("metadata"),
    })
}
