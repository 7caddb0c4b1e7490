/** A shopper's orders, newest first. */

import { el } from "../dom.js";
import { formatMoney } from "../money.js";
import { problemNotice } from "../notice.js";
import { statusWords } from "../order-words.js";
import { orderPage } from "../orders.js";
import { address } from "../router.js";
import { shopper } from "../session.js";
import { placedOn } from "../time.js";

export async function ordersView(page) {
  if (!shopper()) return page.signInFirst();
  const first = await orderPage(null, page.signal);
  const heading = el("h1", {}, "Your orders");
  if (first.orders.length === 0) return page.show("Your orders", heading, nothingYet());

  const list = el("ul", { class: "order-list", "data-testid": "orders" }, ...first.orders.map(orderRow));
  page.show("Your orders", heading, list, ...(first.next_cursor ? [moreButton(page, list, first.next_cursor)] : []));
}

function nothingYet() {
  return el("div", { class: "empty" },
    el("p", { class: "quiet" }, "You have not ordered anything yet."),
    el("a", { class: "button", href: address.products() }, "Look around the shop"));
}

function moreButton(page, list, cursor) {
  const messages = el("div", {});
  const button = el("button", { class: "button plain", type: "button", "data-testid": "load-more", on: { click: loadMore } }, "Load more");
  let next = cursor;

  async function loadMore() {
    button.disabled = true;
    messages.replaceChildren();
    try {
      const { orders, next_cursor: following } = await orderPage(next, page.signal);
      const rows = orders.map(orderRow);
      list.append(...rows);
      rows[0]?.querySelector("a").focus();
      next = following;
      button.hidden = !following;
    } catch (error) {
      if (!page.signal.aborted) messages.replaceChildren(problemNotice(error));
    } finally {
      button.disabled = false;
    }
  }

  return el("div", { class: "more" }, messages, button);
}

function orderRow(order) {
  const { badge, tone } = statusWords(order.status);
  return el("li", { class: "order-row", "data-testid": "order-row", "data-order-id": order.order_id },
    el("a", { class: "what", href: address.order(order.order_id) }, contents(order)),
    el("span", { class: "price" }, formatMoney(order.total)),
    el("span", { class: "quiet" }, placedOn(order.placed_at)),
    el("span", { class: `badge ${tone}` }, badge));
}

function contents({ items, item_count: count }) {
  if (items?.length) return items.map(({ name, sku, quantity }) => (quantity > 1 ? `${quantity} × ${name ?? sku}` : name ?? sku)).join(", ");
  if (count) return count === 1 ? "1 item" : `${count} items`;
  return "Order";
}
