/** "Cancel order", and the question whether she means it. */

import { el } from "./dom.js";
import { Problem } from "./failures.js";
import { formatMoney } from "./money.js";
import { problemNotice } from "./notice.js";
import { canBeCancelled, cancel } from "./orders.js";
import { payerOf } from "./payer.js";
import { SignedOut } from "./session.js";

/** What becomes of the money, before it is cancelled. */
const MONEY = {
  pending: () => "Nothing has been charged.",
  payment_pending: () => "Nothing has been charged.",
  confirmed: (amount) => `Nothing has been charged. The ${amount} that is held for this order is released.`,
  paid: (amount, { account }) => `You paid ${amount}. It goes back to ${account}.`,
};

export function cancellation(page, orderId) {
  const open = el("button", { class: "button faint", type: "button", "data-testid": "cancel", on: { click: ask } }, "Cancel order");
  const money = el("p", {});
  const messages = el("div", { role: "status" });
  const yes = el("button", { class: "button danger", type: "button", "data-testid": "cancel-yes", on: { click: doIt } }, "Yes, cancel it");
  const no = el("button", { class: "button plain", type: "button", "data-testid": "cancel-no", on: { click: () => dialog.close() } }, "Keep the order");
  const dialog = el("dialog", { class: "question", "aria-labelledby": "cancel-question", "data-testid": "cancel-dialog" },
    el("h2", { id: "cancel-question" }, "Cancel this order?"), money, messages, el("div", { class: "buttons" }, yes, no));
  const element = el("div", {}, open, dialog);
  // One wish, one key, until the shop has answered it.
  let key = null;
  let tooLate = false;

  // What has been sent cannot be taken back by closing the question.
  dialog.addEventListener("cancel", (event) => no.disabled && event.preventDefault());
  dialog.addEventListener("close", () => tooLate && page.reload());

  function ask() {
    messages.replaceChildren();
    dialog.showModal();
  }

  function setBusy(busy) {
    yes.disabled = busy;
    no.disabled = busy;
  }

  function wait(words) {
    messages.replaceChildren(el("p", { class: "waiting", "data-testid": "cancelling" }, words));
  }

  async function doIt() {
    key ??= crypto.randomUUID();
    setBusy(true);
    wait("Cancelling…");
    try {
      await cancel(orderId, key, { signal: page.signal, onBusy: () => wait("We are just taking the payment. Trying again in a moment…") });
      key = null;
      dialog.close();
      page.reload();
    } catch (error) {
      if (!page.signal.aborted) explain(error);
    } finally {
      setBusy(false);
    }
  }

  function explain(error) {
    if (error instanceof SignedOut || error.status === 401) return page.signInFirst();
    if (error instanceof Problem && error.status < 500) key = null;
    messages.replaceChildren(problemNotice(error));
    tooLate = error.code === "order_not_cancellable";
    yes.hidden = tooLate;
    if (tooLate) no.textContent = "Close";
  }

  return {
    element,
    update(order) {
      const possible = canBeCancelled(order);
      // A question that stands open is not taken away: its answer says what became of the order.
      element.hidden = !possible && !dialog.open;
      if (possible) money.textContent = MONEY[order.status](formatMoney(order.total), payerOf(order));
    },
  };
}
