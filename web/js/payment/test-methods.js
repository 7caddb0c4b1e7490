/** Ways to pay by name, where no money is real: Stripe's own test cards, and the payment simulator's PayPal accounts. */

import { el } from "../dom.js";
import { field } from "../field.js";

const CARDS = {
  title: "Card",
  provider: "stripe",
  methods: [
    { token: "pm_card_visa", name: "Visa, succeeds" },
    { token: "pm_card_authenticationRequired", name: "Asks for 3-D Secure" },
    { token: "pm_card_visa_chargeDeclined", name: "Declined" },
    { token: "pm_card_visa_chargeDeclinedInsufficientFunds", name: "Declined: insufficient funds" },
    { token: "pm_card_visa_chargeDeclinedLostCard", name: "Declined: lost card" },
    { token: "pm_card_chargeDeclinedExpiredCard", name: "Declined: expired" },
  ],
};

const PAYPAL = {
  title: "PayPal",
  provider: "paypal",
  methods: [
    { token: "vault_ok", name: "Saved account, succeeds" },
    { token: "vault_action", name: "Asks for approval" },
    { token: "vault_declined", name: "Declined" },
  ],
};

/** @param {{paypal: boolean}} offered PayPal's are known to the simulator only */
export function testMethods({ paypal }) {
  const groups = paypal ? [CARDS, PAYPAL] : [CARDS];
  const providers = new Map(groups.flatMap(({ provider, methods }) => methods.map(({ token }) => [token, provider])));
  const first = firstChoice(groups);
  const second = secondChoice(groups);
  first.element.addEventListener("change", () => second.leaveOut(first.token()));
  second.leaveOut(first.token());
  return {
    element: el("div", { class: "methods" }, first.element, second.element),
    hint: "All of these are for testing: no money moves.",
    attached() {},
    methods: async () => [first.token(), second.token()].filter(Boolean).map((token) => ({ provider: providers.get(token), token })),
    focus: first.focus,
  };
}

function firstChoice(groups) {
  const inputs = [];
  const choice = ({ token, name }, provider) => {
    const kind = provider === "stripe" ? "card" : provider;
    const input = el("input", { type: "radio", name: "method", value: token, checked: inputs.length === 0, "data-testid": `${kind}-${token}` });
    inputs.push(input);
    return el("label", { class: "choice" }, input, el("span", {}, name));
  };
  const chosen = () => inputs.find((input) => input.checked);
  return {
    element: el("div", { class: "methods", role: "radiogroup", "aria-label": "Way to pay" }, ...groups.map(({ title, provider, methods }) =>
      el("div", {}, el("h3", { class: "choice-title" }, title), ...methods.map((method) => choice(method, provider))))),
    token: () => chosen().value,
    focus: () => chosen().focus(),
  };
}

function secondChoice(groups) {
  const options = (methods) => methods.map(({ token, name }) => el("option", { value: token }, name));
  const select = el("select", {}, el("option", { value: "" }, "Nothing else"),
    ...groups.map(({ title, methods }) => el("optgroup", { label: title }, ...options(methods))));
  const { element } = field({
    name: "second-method",
    label: "If that cannot be reached, use",
    input: select,
    optional: true,
    hint: "Only while the first is out of order. When it says no, nothing else is charged.",
  });
  return {
    element,
    token: () => select.value,
    /** What is the first choice already cannot be the second. */
    leaveOut(token) {
      for (const option of select.options) option.disabled = option.value === token;
      if (select.value === token) select.value = "";
    },
  };
}
