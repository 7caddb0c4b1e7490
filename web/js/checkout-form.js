/** The form of the checkout: address, payment, and a button that says what it costs. */

import { el } from "./dom.js";
import { formatMoney } from "./money.js";
import { FIELDS } from "./shipping.js";
import { shippingForm } from "./shipping-form.js";

export function checkoutForm({ payment, onSubmit }) {
  const shipping = shippingForm();
  const cardError = el("p", { class: "field-error", role: "alert", "data-testid": "error-card" });
  const pay = el("button", { class: "button wide", type: "submit", "data-testid": "pay" });
  const element = el("form", { novalidate: true, "aria-label": "Checkout", "data-testid": "checkout-form", on: { submit: submitted } },
    shipping.element,
    el("fieldset", {}, el("legend", {}, "How would you like to pay?"), payment.element, el("p", { class: "field-hint" }, payment.hint), cardError),
    pay);

  function submitted(event) {
    event.preventDefault();
    cardError.textContent = "";
    if (pay.disabled || !shipping.check()) return;
    onSubmit(shipping.values());
  }

  return {
    element,
    /** While an order is on its way the button is dead, so a second click is no second order. */
    setBusy(busy) {
      pay.disabled = busy;
    },
    setTotal(total) {
      pay.textContent = `Pay ${formatMoney(total)}`;
    },
    complainAboutCard(words) {
      cardError.textContent = words;
      payment.focus();
    },
    /** Shows the API's complaints at the fields they are about, and answers those that belong to none. */
    showComplaints(errors) {
      const wrong = {};
      const elsewhere = [];
      for (const { pointer, detail } of errors) {
        const target = FIELDS.find((spec) => spec.pointer === pointer);
        if (target) wrong[target.name] = detail;
        else if (pointer.startsWith("/payment_methods")) cardError.textContent = detail;
        else elsewhere.push(detail);
      }
      shipping.complain(wrong);
      if (Object.keys(wrong).length === 0 && cardError.textContent) payment.focus();
      return elsewhere;
    },
  };
}
