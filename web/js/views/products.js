/** Everything in the shop, or one category of it. */

import { allProducts, categoryName, stockOf } from "../catalogue.js";
import { el } from "../dom.js";
import { formatMoney } from "../money.js";
import { address } from "../router.js";

export async function productsView(page) {
  const products = await allProducts(page.signal);
  const category = page.route.query.get("category");
  const categories = [...new Set(products.map((product) => product.category))].sort();
  const shown = category ? products.filter((product) => product.category === category) : products;
  const title = category ? categoryName(category) : "Everyday things, well made";

  page.show(category ? title : "Souk",
    el("div", { class: "shop-head" },
      el("h1", {}, title),
      category ? null : el("p", { class: "lead" }, "For the kitchen, the table and the desk, from people who know their craft."),
      categoryLinks(categories, category)),
    shown.length
      ? el("ul", { class: "product-grid", "data-testid": "products" }, ...shown.map(productCard))
      : el("p", { class: "quiet" }, "There is nothing here at the moment."));
}

function categoryLinks(categories, current) {
  const link = (slug, name) => el("li", {},
    el("a", { href: address.products(slug), "aria-current": slug === current ? "page" : null, "data-testid": `category-${slug ?? "all"}` }, name));
  return el("nav", { "aria-label": "Categories" },
    el("ul", { class: "categories" }, link(null, "All"), ...categories.map((slug) => link(slug, categoryName(slug)))));
}

function productCard(product) {
  const stock = stockOf(product);
  return el("li", { class: stock.tone === "none" ? "product-card sold-out" : "product-card", "data-testid": `product-${product.sku}` },
    el("img", { class: "niche", src: product.images[0], alt: "", width: 400, height: 400, loading: "lazy" }),
    el("h2", {}, el("a", { href: address.product(product.sku) }, product.name)),
    el("p", { class: "price" }, formatMoney(product.price)),
    el("p", { class: `stock ${stock.tone}` }, stock.words));
}
