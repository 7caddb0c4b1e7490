//! The one place that makes payment providers, from configuration.

use std::{collections::BTreeMap, sync::Arc};

use aws_config::SdkConfig;

use super::{
    PaymentGateway,
    breaker::{Guarded, HealthStore, Rules},
    paypal::{self, Paypal},
    stripe::{self, Stripe},
};
use crate::{
    config::{self, Missing},
    domain::{
        event::Provider,
        money::{Currency, Money},
    },
    repositories::provider_health::ProviderHealthTable,
};

/// The providers that this process may charge with.
#[derive(Clone, Debug)]
pub struct Providers {
    stripe: Arc<dyn PaymentGateway>,
    paypal: Arc<dyn PaymentGateway>,
}

impl Providers {
    /// These, for a test.
    pub fn new(stripe: Arc<dyn PaymentGateway>, paypal: Arc<dyn PaymentGateway>) -> Self {
        Self { stripe, paypal }
    }

    /// As the environment configures them, each behind its circuit breaker.
    ///
    /// # Errors
    /// [`Missing`].
    pub fn from_env(aws: &SdkConfig) -> Result<Self, Missing> {
        let table: Arc<dyn HealthStore> = Arc::new(ProviderHealthTable::from_env(&aws_sdk_dynamodb::Client::new(aws))?);
        let rules = Rules::from_env()?;
        let guarded = |provider, gateway| Arc::new(Guarded::new(provider, gateway, table.clone(), rules));
        let stripe = guarded(Provider::Stripe, Box::new(Stripe::from_env(aws)?));
        let paypal = guarded(Provider::Paypal, Box::new(Paypal::from_env(aws)?));
        Ok(Self::new(stripe, paypal))
    }

    /// The gateway of this provider.
    pub fn gateway(&self, provider: Provider) -> &dyn PaymentGateway {
        match provider {
            Provider::Stripe => self.stripe.as_ref(),
            Provider::Paypal => self.paypal.as_ref(),
        }
    }

    /// Opens every provider's connection and fetches its credentials, side by side.
    pub async fn warm(&self) {
        tokio::join!(self.stripe.warm(), self.paypal.warm());
    }
}

/// The largest amount that Stripe takes, in minor units: eight digits (<https://docs.stripe.com/currencies#minimum-and-maximum-charge-amounts>).
const MOST_BY_STRIPE: u64 = 99_999_999;

/// What a provider takes: the currencies, each with its smallest amount. Checked before an order is written.
#[derive(Clone, Debug, Default)]
pub struct AcceptedAmounts(BTreeMap<Provider, BTreeMap<String, u64>>);

impl AcceptedAmounts {
    /// As `STRIPE_MINIMUM_AMOUNTS` and `PAYPAL_MINIMUM_AMOUNTS` say: `USD=50,EUR=50`, in minor units.
    ///
    /// # Errors
    /// [`Missing`], when one is not set.
    pub fn from_env() -> Result<Self, Missing> {
        let (stripe, paypal) = (config::text("STRIPE_MINIMUM_AMOUNTS")?, config::text("PAYPAL_MINIMUM_AMOUNTS")?);
        Ok(Self::parse(&[(Provider::Stripe, &stripe), (Provider::Paypal, &paypal)]))
    }

    /// From such lists.
    pub fn parse(lists: &[(Provider, &str)]) -> Self {
        let pair = |entry: &str| {
            let (currency, minimum) = entry.trim().split_once('=')?;
            Some((Currency::from_code(currency)?.code().to_owned(), minimum.parse().ok()?))
        };
        Self(lists.iter().map(|(provider, list)| (*provider, list.split(',').filter_map(pair).collect())).collect())
    }

    /// Whether this provider takes this amount.
    ///
    /// # Errors
    /// What the customer can do about it.
    pub fn check(&self, provider: Provider, total: Money) -> Result<(), String> {
        let code = total.currency.code();
        match self.0.get(&provider).and_then(|minimums| minimums.get(code)) {
            None => Err(format!("{provider} does not take {code} here; choose another payment method")),
            Some(minimum) if total.amount < *minimum => {
                let minimum = Money { amount: *minimum, ..total };
                Err(format!("{provider} takes {minimum} or more; add something, or choose another payment method"))
            }
            Some(_) if provider == Provider::Stripe && total.amount > MOST_BY_STRIPE => {
                let most = Money { amount: MOST_BY_STRIPE, ..total };
                Err(format!("{provider} takes {most} at most; order less at a time, or choose another payment method"))
            }
            Some(_) => is_countable(provider, total).map_err(|reason| format!("{reason}; choose another payment method")),
        }
    }
}

/// Whether this provider can move exactly this amount: it may not count so finely, or in another unit than ISO 4217.
///
/// # Errors
/// Why it cannot.
pub fn is_countable(provider: Provider, money: Money) -> Result<(), String> {
    let code = money.currency.code();
    match provider {
        Provider::Stripe if !stripe::amounts::counts_as_iso(money.currency) => {
            Err(format!("{provider} counts {code} in another unit than this shop does"))
        }
        Provider::Stripe if !stripe::amounts::is_taken(money) => {
            Err(format!("{provider} takes amounts of {code} only whose last decimal is 0"))
        }
        Provider::Paypal if paypal::amounts::decimal(money).is_none() => {
            Err(format!("{provider} takes whole units of {code} only"))
        }
        Provider::Stripe | Provider::Paypal => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_amount_below_the_smallest_or_in_a_foreign_currency_is_refused() {
        let accepted = AcceptedAmounts::parse(&[(Provider::Stripe, "USD=50, JPY=50")]);
        let check = |amount, currency| accepted.check(Provider::Stripe, Money { amount, currency });
        assert_eq!(check(50, Currency::USD), Ok(()));
        assert!(check(49, Currency::USD).unwrap_err().contains("0.50 USD or more"));
        assert_eq!(check(99_999_999, Currency::USD), Ok(()));
        assert!(check(100_000_000, Currency::USD).unwrap_err().contains("999999.99 USD at most"));
        assert!(check(5000, Currency::CHF).unwrap_err().contains("does not take CHF"));
    }

    #[test]
    fn each_provider_has_its_own_smallest_amounts_and_paypal_its_whole_currencies() {
        let accepted = AcceptedAmounts::parse(&[(Provider::Stripe, "USD=50,HUF=17500"), (Provider::Paypal, "USD=1,HUF=100")]);
        let check = |provider, amount, currency| accepted.check(provider, Money { amount, currency });
        assert!(check(Provider::Stripe, 1, Currency::USD).is_err());
        assert_eq!(check(Provider::Paypal, 1, Currency::USD), Ok(()));
        assert_eq!(check(Provider::Stripe, 20_050, Currency::HUF), Ok(()));
        assert!(check(Provider::Paypal, 20_050, Currency::HUF).unwrap_err().contains("whole units of HUF"));
        assert_eq!(check(Provider::Paypal, 20_000, Currency::HUF), Ok(()));
    }

    #[test]
    fn stripe_takes_no_currency_that_it_counts_otherwise_and_no_last_decimal_of_three() {
        let accepted = AcceptedAmounts::parse(&[(Provider::Stripe, "MGA=1,ISK=1,UGX=1,KWD=1,JPY=1,HUF=1")]);
        let check = |amount, currency| accepted.check(Provider::Stripe, Money { amount, currency });
        for currency in [Currency::MGA, Currency::ISK, Currency::UGX] {
            assert!(check(1000, currency).unwrap_err().contains("in another unit"), "{currency:?}");
        }
        assert!(check(1001, Currency::KWD).unwrap_err().contains("whose last decimal is 0"));
        for (amount, currency) in [(1010, Currency::KWD), (1001, Currency::JPY), (1001, Currency::HUF)] {
            assert_eq!(check(amount, currency), Ok(()), "{currency:?}");
        }
    }
}
