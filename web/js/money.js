/** Money is integer minor units; how many make a unit is the currency's own affair. */

export function formatMoney({ amount, currency }) {
  const format = new Intl.NumberFormat(undefined, { style: "currency", currency });
  const decimals = format.resolvedOptions().maximumFractionDigits;
  return format.format(amount / 10 ** decimals);
}

export function times(money, quantity) {
  return { amount: money.amount * quantity, currency: money.currency };
}
