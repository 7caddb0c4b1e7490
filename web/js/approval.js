/** The way to where the shopper's bank, or PayPal, waits for her word. It leaves this page, and comes back to it. */

import { el } from "./dom.js";
import { approvalOf } from "./orders.js";
import { payerOf } from "./payer.js";
import { tab } from "./storage.js";
import { placedOn } from "./time.js";

function storedAs(orderId) {
  return `souk.approval.${orderId}`;
}

/** Whether she went there from this tab: on her return it takes a moment until the shop hears what she said. */
export function wentToApprove({ order_id: orderId }) {
  return tab.read(storedAs(orderId)) === true;
}

export function approvalStep(orderId) {
  const link = el("a", { class: "button", "data-testid": "approve", on: { click: () => tab.write(storedAs(orderId), true) } });
  const until = el("p", { class: "quiet" });
  const element = el("div", { class: "approval" }, link, until);
  return {
    element,
    update(order) {
      const approval = approvalOf(order);
      element.hidden = !approval;
      if (!approval) return;
      const payer = payerOf(order);
      const again = wentToApprove(order);
      link.href = approval.url;
      link.className = again ? "button plain" : "button";
      link.textContent = again ? `Back to ${payer.name}` : payer.approve;
      until.textContent = approval.expiresAt ? `Your items stay set aside until ${placedOn(approval.expiresAt)}.` : "";
    },
  };
}
