/** Reminds a shopper who walked away from an order that had no answer yet. */

import { el } from "./dom.js";
import { unfinished } from "./purchase.js";
import { address } from "./router.js";
import { shopper } from "./session.js";

export function drawUnfinishedOrder(route) {
  const purchase = route.name !== "checkout" && shopper() ? unfinished() : null;
  document.getElementById("unfinished-order").replaceChildren(...(purchase ? [reminder(purchase)] : []));
}

function reminder({ body: { items: [line] } }) {
  return el("div", { class: "notice warn", role: "status", "data-testid": "unfinished-order" },
    el("p", {}, "We have not heard back about your last order. Going on never orders twice."),
    el("a", { class: "button", href: address.checkout(line.sku, line.quantity) }, "Finish it"));
}
