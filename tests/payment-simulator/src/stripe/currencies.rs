//! Which currencies Stripe takes, and from which amount on: <https://docs.stripe.com/currencies>.

use super::error::ApiError;

/// The smallest charge in minor units, where Stripe publishes one.
const MINIMUMS: &[(&str, i64)] = &[
    ("aed", 200),
    ("aud", 50),
    ("bgn", 100),
    ("brl", 50),
    ("cad", 50),
    ("chf", 50),
    ("czk", 1500),
    ("dkk", 250),
    ("eur", 50),
    ("gbp", 30),
    ("hkd", 400),
    ("huf", 17_500),
    ("inr", 50),
    ("jpy", 50),
    ("mxn", 1000),
    ("myr", 200),
    ("nok", 300),
    ("nzd", 50),
    ("pln", 200),
    ("ron", 200),
    ("sek", 300),
    ("sgd", 50),
    ("thb", 1000),
    ("usd", 50),
];

/// Taken too; their minimum depends on the day's rate, and is not played here.
const OTHERS: &str = "afn all amd ang aoa ars awg azn bam bbd bdt bif bmd bnd bob bsd bwp byn bzd cdf clp cny cop crc cve djf \
    dop dzd egp etb fjd fkp gel gip gmd gnf gtq gyd hnl htg idr ils isk jmd kes kgs khr kmf krw kyd kzt lak lbp lkr lrd lsl mad \
    mdl mga mkd mmk mnt mop mur mvr mwk mzn nad ngn nio npr pab pen pgk php pkr pyg qar rsd rub rwf sar sbd scr shp sle sos srd \
    std szl tjs top try ttd twd tzs uah ugx uyu uzs vnd vuv wst xaf xcd xof xpf yer zar zmw";

/// Those that Stripe has no decimals for: <https://docs.stripe.com/currencies#zero-decimal>.
const WITHOUT_DECIMALS: &str = "bif clp djf gnf jpy kmf krw mga pyg rwf vnd vuv xaf xof xpf";

/// Stripe takes eight digits.
const LARGEST: i64 = 99_999_999;

/// The currency as Stripe writes it: lower case.
pub(super) fn currency(given: &str) -> Result<String, ApiError> {
    let currency = given.to_lowercase();
    let known = MINIMUMS.iter().any(|(known, _)| *known == currency) || OTHERS.split(' ').any(|known| known == currency);
    if known { Ok(currency) } else { Err(ApiError::invalid(format!("Invalid currency: {given}.")).param("currency")) }
}

/// Whether Stripe would charge so little or so much.
pub(super) fn check_amount(amount: i64, currency: &str) -> Result<(), ApiError> {
    let minimum = MINIMUMS.iter().find(|(known, _)| *known == currency).map_or(1, |(_, minimum)| *minimum);
    if amount < minimum {
        let message = format!("Amount must be at least {minimum} {currency}, in its smallest unit.");
        return Err(ApiError::invalid(message).code("amount_too_small").param("amount"));
    }
    if amount > LARGEST {
        let message = format!("Amount must be no more than {LARGEST} {currency}, in its smallest unit.");
        return Err(ApiError::invalid(message).code("amount_too_large").param("amount"));
    }
    Ok(())
}

/// An amount in minor units, as people write it.
pub(super) fn written(amount: i64, currency: &str) -> String {
    let code = currency.to_uppercase();
    if WITHOUT_DECIMALS.split(' ').any(|known| known == currency) {
        format!("{amount} {code}")
    } else {
        format!("{}.{:02} {code}", amount / 100, amount % 100)
    }
}
