/** One product, and the button that buys it. */

import { categoryName, product as loadProduct, stockOf } from "../catalogue.js";
import { el } from "../dom.js";
import { field } from "../field.js";
import { formatMoney } from "../money.js";
import { address, go } from "../router.js";

const MOST = 99;

export async function productView(page) {
  const product = await loadProduct(page.route.params[0], page.signal);
  const stock = stockOf(product);
  page.show(product.name,
    el("a", { class: "back", href: address.products(product.category) }, `← ${categoryName(product.category)}`),
    el("div", { class: "product-page" },
      el("img", { class: "niche", src: product.images[0], alt: `Drawing: ${product.name}`, width: 512, height: 512 }),
      el("div", { class: "product-words" },
        el("h1", { "data-testid": "product-name" }, product.name),
        el("p", { class: "price", "data-testid": "price" }, formatMoney(product.price)),
        el("p", { class: "description" }, product.description),
        el("p", { class: `stock ${stock.tone}`, "data-testid": "stock" }, stock.words),
        buyForm(product))));
}

function buyForm({ sku, available }) {
  const soldOut = available <= 0;
  const most = Math.min(MOST, available);
  const quantity = field({
    name: "quantity", label: "Quantity", type: "number", inputmode: "numeric", min: 1, max: Math.max(1, most), step: 1, value: 1, disabled: soldOut,
  });

  function buy(event) {
    event.preventDefault();
    const wanted = Number(quantity.control.value);
    if (!Number.isInteger(wanted) || wanted < 1 || wanted > most) {
      quantity.complain(`Choose 1 to ${most}.`);
      quantity.control.focus();
      return;
    }
    go(address.checkout(sku, wanted));
  }

  return el("form", { class: "buy", novalidate: true, on: { submit: buy } },
    quantity.element,
    el("button", { class: "button", type: "submit", disabled: soldOut, "data-testid": "buy" }, soldOut ? "Sold out" : "Buy now"));
}
