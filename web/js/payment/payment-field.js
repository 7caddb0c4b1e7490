/**
 * How a shopper pays at this stage. Each way has an `element` and its `hint`,
 * `attached()` for when that is on the page, `methods()` for the API in her order of preference, and `focus()`.
 */

import { stripeCard } from "./stripe-card.js";
import { testMethods } from "./test-methods.js";

export async function paymentField({ stage, payment }) {
  if (payment.test_cards) return testMethods({ paypal: stage === "local" });
  return stripeCard(payment.stripe_publishable_key);
}
