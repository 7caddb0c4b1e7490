/** Stripe's card field, in Stripe's frame: the number never touches our page. */

import { el } from "../dom.js";
import { Unreachable } from "../failures.js";
import { CardRefused } from "./card-refused.js";

const SCRIPT = "https://js.stripe.com/v3/";

export async function stripeCard(publishableKey) {
  const stripe = await loadStripe(publishableKey);
  const card = stripe.elements().create("card", { hidePostalCode: true, style: { base: { fontSize: "16px" } } });
  const place = el("div", { class: "card-element", "data-testid": "stripe-card" });
  return {
    element: place,
    hint: "Handled by Stripe. We never see the card's number.",
    attached: () => card.mount(place),
    focus: () => card.focus(),
    async methods({ name }) {
      const { paymentMethod, error } = await stripe.createPaymentMethod({ type: "card", card, billing_details: { name } });
      if (error) throw new CardRefused(error.message);
      return [{ provider: "stripe", token: paymentMethod.id }];
    },
  };
}

async function loadStripe(publishableKey) {
  if (!window.Stripe) await loadScript(SCRIPT);
  return window.Stripe(publishableKey);
}

function loadScript(src) {
  return new Promise((resolve, reject) => {
    const script = el("script", { src, on: { load: resolve, error: () => failed() } });
    const failed = () => {
      script.remove();
      reject(new Unreachable());
    };
    document.head.append(script);
  });
}
