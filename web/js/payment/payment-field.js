/**
 * How a shopper pays at this stage. Each way has an `element` and its `hint`,
 * `attached()` for when that is on the page, `token()` for the API, and `focus()`.
 */

import { stripeCard } from "./stripe-card.js";
import { testCards } from "./test-cards.js";

export async function paymentField({ payment }) {
  if (payment.test_cards) return testCards();
  return stripeCard(payment.stripe_publishable_key);
}
