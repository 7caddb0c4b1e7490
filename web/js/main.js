/** Starts the shop: for each address a view, and one view at a time. */

import { el } from "./dom.js";
import { drawHeader } from "./header.js";
import { problemNotice } from "./notice.js";
import { address, go, routeOf } from "./router.js";
import * as session from "./session.js";
import { drawUnfinishedOrder } from "./unfinished-order.js";
import { checkoutView } from "./views/checkout.js";
import { notFoundView } from "./views/not-found.js";
import { orderView } from "./views/order.js";
import { ordersView } from "./views/orders.js";
import { productView } from "./views/product.js";
import { productsView } from "./views/products.js";
import { signInView } from "./views/sign-in.js";

const main = document.getElementById("main");
let leaveView = new AbortController();
let firstView = true;

function viewFor({ name, params }) {
  const views = {
    "/0": productsView,
    "products/1": productView,
    "sign-in/0": signInView,
    "checkout/1": checkoutView,
    "orders/0": ordersView,
    "orders/1": orderView,
  };
  return views[`${name}/${params.length}`] ?? notFoundView;
}

async function openView() {
  leaveView.abort();
  leaveView = new AbortController();
  const route = routeOf(location.hash);
  const page = pageFor(route, leaveView.signal);
  drawHeader(route);
  drawUnfinishedOrder(route);
  main.setAttribute("aria-busy", "true");
  try {
    await viewFor(route)(page);
  } catch (error) {
    if (page.signal.aborted) return;
    if (error instanceof session.SignedOut || error.status === 401) return page.signInFirst();
    console.warn(error);
    page.show("Something is not right", el("h1", {}, "Something is not right"), problemNotice(error,
      el("button", { class: "button", type: "button", on: { click: openView } }, "Try again"),
      el("a", { class: "button plain", href: address.products() }, "Back to the shop")));
  }
}

/** What a view may do to the page it is on. Once it has been left, showing does nothing. */
function pageFor(route, signal) {
  let shown = false;
  return {
    route,
    signal,
    show(title, ...nodes) {
      if (signal.aborted) return;
      main.replaceChildren(...nodes);
      main.removeAttribute("aria-busy");
      document.title = title === "Souk" ? title : `${title} · Souk`;
      if (!shown && !firstView) startAtTop();
      shown = true;
      firstView = false;
    },
    /** Opens the same view afresh. */
    reload: openView,
    /** Leaves for the sign-in page, which comes back here. */
    signInFirst() {
      session.signOut();
      go(address.signIn(route.hash), { replace: true });
    },
  };
}

/** A new view begins where a new page would: at the top, with its heading read out. */
function startAtTop() {
  window.scrollTo(0, 0);
  const heading = main.querySelector("h1");
  heading?.setAttribute("tabindex", "-1");
  heading?.focus({ preventScroll: true });
}

window.addEventListener("hashchange", openView);
session.changes.addEventListener("change", () => drawHeader(routeOf(location.hash)));
document.getElementById("skip-link").addEventListener("click", (event) => {
  // Its target is no address of ours.
  event.preventDefault();
  main.focus();
});
openView();
