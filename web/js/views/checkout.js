/** From "Buy now" to an order. */

import { product as loadProduct } from "../catalogue.js";
import { checkoutForm } from "../checkout-form.js";
import { config } from "../config.js";
import { el } from "../dom.js";
import { finishingPanel } from "../finishing.js";
import { formatMoney, times } from "../money.js";
import { notice, problemNotice } from "../notice.js";
import { CardRefused } from "../payment/card-refused.js";
import { paymentField } from "../payment/payment-field.js";
import { begin, finish, unfinished } from "../purchase.js";
import { address, go } from "../router.js";
import { shopper, SignedOut } from "../session.js";
import { remember, shippingOf } from "../shipping.js";

const MOST = 99;

export async function checkoutView(page) {
  if (!shopper()) return page.signInFirst();
  const sku = page.route.params[0];
  const quantity = quantityIn(page.route.query);

  const earlier = unfinished();
  let failure = null;
  if (earlier) {
    const here = address.checkout(sku, quantity);
    const there = addressOf(earlier);
    // An order without an answer comes first: its key would be lost under a second one.
    if (here !== there) return go(there, { replace: true });
    failure = await resume(page, earlier);
    if (!failure) return;
  }

  const [product, settings] = await Promise.all([loadProduct(sku, page.signal), config()]);
  if (product.available <= 0) return showSoldOut(page, product);
  const payment = await paymentField(settings);
  new Checkout(page, product, quantity, payment).show(failure);
}

async function resume(page, purchase) {
  const panel = finishingPanel();
  page.show("Your order", el("h1", {}, "Your order"), panel.element);
  panel.stillFinishing();
  return carryThrough(page, purchase, panel);
}

/** Resolves to the problem that ended the purchase; to null when the shopper has moved on. */
async function carryThrough(page, purchase, panel) {
  for (;;) {
    try {
      arrive(await finish(purchase, { signal: page.signal, onWaiting: panel.stillFinishing }));
      return null;
    } catch (error) {
      if (page.signal.aborted) return null;
      if (error instanceof SignedOut || error.status === 401) {
        page.signInFirst();
        return null;
      }
      if (!unfinished()) return error;
      await panel.askToTryAgain(error);
      panel.stillFinishing();
    }
  }
}

/** The order's page says what comes next, confirming the payment with a bank included. Back does not buy again. */
function arrive(order) {
  go(address.order(order.order_id), { replace: true });
}

class Checkout {
  constructor(page, product, quantity, payment) {
    this.page = page;
    this.lines = [{ sku: product.sku, quantity }];
    this.total = times(product.price, quantity);
    this.payment = payment;
    this.messages = el("div", { class: "messages", tabindex: -1 });
    this.panel = finishingPanel();
    this.totals = el("dd", { "data-testid": "total" });
    this.each = el("p", { class: "quiet" });
    this.form = checkoutForm({ payment, onSubmit: (values) => this.submit(values) });
    this.columns = el("div", { class: "checkout" }, this.summary(product), this.form.element);
    this.setTotal(this.total);
  }

  show(failure) {
    this.panel.element.hidden = true;
    this.page.show("Checkout", el("h1", {}, "Checkout"), this.messages, this.panel.element, this.columns);
    this.payment.attached();
    if (failure) this.explain(failure);
  }

  setTotal(total) {
    this.total = total;
    const [{ quantity }] = this.lines;
    // One product an order here, so its price is the total's share.
    this.each.textContent = `${quantity} × ${formatMoney({ ...total, amount: total.amount / quantity })}`;
    this.totals.textContent = formatMoney(total);
    this.form.setTotal(total);
  }

  summary(product) {
    return el("section", { class: "summary", "aria-label": "Order summary", "data-testid": "summary" },
      el("div", { class: "summary-line" },
        el("img", { class: "niche", src: product.images[0], alt: "", width: 72, height: 72 }),
        el("div", {}, el("h2", {}, product.name), this.each)),
      el("dl", { class: "sums" },
        el("div", {}, el("dt", {}, "Shipping"), el("dd", {}, "Included")),
        el("div", { class: "total" }, el("dt", {}, "Total"), this.totals)));
  }

  async submit(values) {
    this.form.setBusy(true);
    this.messages.replaceChildren();
    remember(values);
    try {
      await this.send({
        items: this.lines,
        payment_methods: await this.payment.methods(values),
        ...shippingOf(values),
        expected_total: this.total,
      });
    } catch (error) {
      if (error instanceof CardRefused) this.form.complainAboutCard(error.message);
      else this.messages.replaceChildren(problemNotice(error));
    } finally {
      this.form.setBusy(false);
    }
  }

  async send(body) {
    const purchase = begin(body);
    this.messages.replaceChildren();
    this.columns.hidden = true;
    this.panel.element.hidden = false;
    this.panel.placing();
    const failure = await carryThrough(this.page, purchase, this.panel);
    if (!failure) return;
    this.panel.element.hidden = true;
    this.columns.hidden = false;
    this.explain(failure, body);
  }

  /** @param {Object} [body] what was sent, when it was sent from this very form */
  explain(failure, body) {
    const actions = [];
    const newTotal = failure.code === "price_changed" ? failure.body.total : null;
    if (newTotal && body) actions.push(this.continueAt(newTotal, body));
    this.messages.replaceChildren(problemNotice(failure, ...actions));
    this.messages.focus();
    if (failure.code !== "validation_failed") return;
    const elsewhere = this.form.showComplaints(failure.body.errors ?? []);
    if (elsewhere.length) this.messages.append(el("p", { class: "field-error" }, elsewhere.join(" ")));
  }

  continueAt(total, body) {
    this.setTotal(total);
    return el("button", {
      class: "button", type: "button", "data-testid": "accept-price",
      on: { click: () => this.send({ ...body, expected_total: total }) },
    }, `Continue at ${formatMoney(total)}`);
  }
}

function showSoldOut(page, product) {
  page.show("Sold out", el("h1", {}, "Sold out"),
    notice({ tone: "warn", title: `${product.name} has sold out`, words: "Nothing was charged." },
      el("a", { class: "button", href: address.products() }, "See what else there is")));
}

function addressOf({ body: { items: [line] } }) {
  return address.checkout(line.sku, line.quantity);
}

function quantityIn(query) {
  const quantity = Math.trunc(Number(query.get("quantity") ?? 1));
  return Math.min(MOST, Math.max(1, quantity || 1));
}
