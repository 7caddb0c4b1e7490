/** One order, followed live until there is nothing more to wait for. */

import { announce, el } from "../dom.js";
import { formatMoney, times } from "../money.js";
import { statusWords } from "../order-words.js";
import { approvalUrl, hasReceipt, isOpen, order as loadOrder } from "../orders.js";
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
  const screen = orderScreen(order, page.signal);
  page.show("Your order", el("a", { class: "back", href: address.orders() }, "← Your orders"), screen.head, screen.body);
  screen.update(order);
  await follow(orderId, order, screen, page.signal);
}

/** Soon after it was opened an order may still change even when its outcome is known: it gets paid, a hold is released. */
async function follow(orderId, first, screen, signal) {
  const opened = Date.now();
  let order = first;
  let wait = POLL_MS;
  while (isOpen(order) || Date.now() - opened < SURELY_FOLLOW_MS) {
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

function orderScreen(order, signal) {
  const heading = el("h1", { "data-testid": "order-heading" });
  const badge = el("span", { "data-testid": "order-status" });
  const sentence = el("p", { class: "sentence" });
  const approval = el("a", { class: "button", "data-testid": "approve" }, "Approve the payment");
  const receipt = receiptButton(order.order_id, signal);
  const events = timeline();
  let shownStatus = null;

  return {
    head: el("div", { class: "order-head" }, heading, badge, sentence, approval, receipt),
    body: el("div", { class: "order-page" },
      el("section", { "aria-label": "What you ordered" }, el("h2", {}, "What you ordered"), ...orderedItems(order)),
      el("section", { "aria-label": "What happened" }, el("h2", {}, "What happened so far"), events.element)),
    update(latest) {
      events.update(latest.timeline ?? []);
      const url = approvalUrl(latest);
      approval.hidden = !url;
      if (url) approval.href = url;
      receipt.hidden = !hasReceipt(latest);
      if (latest.status === shownStatus) return;
      const words = statusWords(latest.status);
      heading.textContent = words.heading;
      badge.className = `badge ${words.tone}`;
      badge.textContent = words.badge;
      badge.dataset.status = latest.status;
      sentence.textContent = words.sentence;
      if (shownStatus) announce(`${words.heading}. ${words.sentence}`);
      shownStatus = latest.status;
    },
  };
}

function orderedItems(order) {
  return [
    el("ul", { class: "order-items" }, ...order.items.map(orderedItem)),
    el("dl", { class: "sums" }, el("div", { class: "total" }, el("dt", {}, "Total"), el("dd", { "data-testid": "total" }, formatMoney(order.total)))),
    el("p", { class: "order-id" }, `Placed ${placedOn(order.placed_at)}`, el("br"), "Order ", el("span", { "data-testid": "order-id" }, order.order_id)),
  ];
}

function orderedItem({ sku, name, quantity, unit_price: price }) {
  return el("li", { class: "order-item" },
    el("img", { class: "niche", src: `/pictures/${encodeURIComponent(sku)}.svg`, alt: "", width: 72, height: 72 }),
    el("div", {}, el("a", { href: address.product(sku) }, name ?? sku), el("p", { class: "quiet" }, `${quantity} × ${formatMoney(price)}`)),
    el("span", { class: "price" }, formatMoney(times(price, quantity))));
}
