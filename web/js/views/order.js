/** One order, followed live until there is nothing more to wait for. */

import { approvalStep } from "../approval.js";
import { cancellation } from "../cancellation.js";
import { announce, el } from "../dom.js";
import { formatMoney, times } from "../money.js";
import { orderWords } from "../order-words.js";
import { hasReceipt, isMoving, order as loadOrder, refundOf } from "../orders.js";
import { pause } from "../pause.js";
import { receiptButton } from "../receipt.js";
import { address } from "../router.js";
import { shopper, SignedOut } from "../session.js";
import { placedOn } from "../time.js";
import { timeline } from "../timeline.js";

const POLL_MS = 1_500;
const SLOWEST_POLL_MS = 15_000;
const SLOWER_BY = 1.4;
const SURELY_FOLLOW_MS = 15_000;

export async function orderView(page) {
  if (!shopper()) return page.signInFirst();
  const orderId = page.route.params[0];
  const order = await loadOrder(orderId, page.signal);
  const screen = orderScreen(order, page);
  page.show("Your order", el("a", { class: "back", href: address.orders() }, "← Your orders"), screen.head, screen.body);
  screen.update(order);
  await follow(orderId, order, screen, page.signal);
}

/** Soon after it was opened an order may still change even when all of it is known: its stock is given back, a hold is released. */
async function follow(orderId, first, screen, signal) {
  const opened = Date.now();
  let order = first;
  let wait = POLL_MS;
  while (isMoving(order) || Date.now() - opened < SURELY_FOLLOW_MS) {
    await pause(wait, signal);
    order = await loadOrder(orderId, signal).catch((error) => asLastSeen(order, error));
    screen.update(order);
    if (Date.now() - opened > SURELY_FOLLOW_MS) wait = Math.min(SLOWEST_POLL_MS, wait * SLOWER_BY);
  }
}

/** A poll that fails is not news: the order stays as it was last seen. Being signed out is. */
function asLastSeen(order, error) {
  if (error instanceof SignedOut || error.status === 401) throw error;
  return order;
}

function orderScreen(order, page) {
  const heading = el("h1", { "data-testid": "order-heading" });
  const badge = el("span", { "data-testid": "order-status" });
  const sentence = el("p", { class: "sentence", "data-testid": "order-sentence" });
  const approval = approvalStep(order.order_id);
  const receipt = receiptButton(order.order_id, page.signal);
  const cancel = cancellation(page, order.order_id);
  const refund = refundRow();
  const events = timeline();
  let shown = null;

  return {
    head: el("div", { class: "order-head" }, heading, badge, sentence, approval.element, el("div", { class: "buttons" }, receipt, cancel.element)),
    body: el("div", { class: "order-page" },
      el("section", { "aria-label": "What you ordered" }, el("h2", {}, "What you ordered"), ...orderedItems(order, refund.element)),
      el("section", { "aria-label": "What happened" }, el("h2", {}, "What happened so far"), events.element)),
    update(latest) {
      events.update(latest.timeline ?? []);
      approval.update(latest);
      cancel.update(latest);
      refund.update(latest);
      receipt.hidden = !hasReceipt(latest);
      const words = orderWords(latest);
      heading.textContent = words.heading;
      badge.className = `badge ${words.tone}`;
      badge.textContent = words.badge;
      badge.dataset.status = latest.status;
      if (words.sentence === shown) return;
      sentence.textContent = words.sentence;
      if (shown) announce(`${words.heading}. ${words.sentence}`);
      shown = words.sentence;
    },
  };
}

function orderedItems(order, refund) {
  return [
    el("ul", { class: "order-items" }, ...order.items.map(orderedItem)),
    el("dl", { class: "sums" },
      el("div", { class: "total" }, el("dt", {}, "Total"), el("dd", { "data-testid": "total" }, formatMoney(order.total))),
      refund),
    el("p", { class: "order-id" }, `Placed ${placedOn(order.placed_at)}`, el("br"), "Order ", el("span", { "data-testid": "order-id" }, order.order_id)),
  ];
}

function refundRow() {
  const label = el("dt", {});
  const amount = el("dd", {});
  const element = el("div", { "data-testid": "refund" }, label, amount);
  return {
    element,
    update(order) {
      const refund = refundOf(order);
      element.hidden = !refund;
      if (!refund) return;
      label.textContent = refund.sent ? "Refunded" : "Refund on its way";
      amount.textContent = formatMoney(refund.amount);
    },
  };
}

function orderedItem({ sku, name, quantity, unit_price: price }) {
  return el("li", { class: "order-item" },
    el("img", { class: "niche", src: `/pictures/${encodeURIComponent(sku)}.svg`, alt: "", width: 72, height: 72 }),
    el("div", {}, el("a", { href: address.product(sku) }, name ?? sku), el("p", { class: "quiet" }, `${quantity} × ${formatMoney(price)}`)),
    el("span", { class: "price" }, formatMoney(times(price, quantity))));
}
