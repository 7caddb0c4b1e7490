/** Stripe's own test cards by name, where no money is real. */

import { el } from "../dom.js";

const CARDS = [
  { token: "pm_card_visa", name: "Visa, succeeds" },
  { token: "pm_card_visa_chargeDeclined", name: "Declined" },
  { token: "pm_card_visa_chargeDeclinedInsufficientFunds", name: "Declined: insufficient funds" },
  { token: "pm_card_visa_chargeDeclinedLostCard", name: "Declined: lost card" },
  { token: "pm_card_chargeDeclinedExpiredCard", name: "Declined: expired" },
];

export function testCards() {
  const inputs = CARDS.map(({ token }, index) =>
    el("input", { type: "radio", name: "card", value: token, checked: index === 0, "data-testid": `card-${token}` }));
  const choices = CARDS.map(({ name }, index) => el("label", { class: "choice" }, inputs[index], el("span", {}, name)));
  return {
    element: el("div", { role: "radiogroup", "aria-label": "Test card" }, ...choices),
    hint: "These are test cards: no money moves.",
    attached() {},
    token: async () => inputs.find((input) => input.checked).value,
    focus: () => inputs.find((input) => input.checked).focus(),
  };
}
