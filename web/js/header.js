/** The navigation at the top: where one is, and who. */

import { el } from "./dom.js";
import { address, go } from "./router.js";
import { shopper, signOut } from "./session.js";

export function drawHeader(route) {
  const current = (name) => (route.name === name ? "page" : null);
  const who = shopper();
  document.getElementById("site-nav").replaceChildren(
    el("a", { href: address.products(), "aria-current": current("") }, "Shop"),
    el("a", { href: address.orders(), "aria-current": current("orders"), "data-testid": "nav-orders" }, "Orders"),
    ...(who ? signedIn(who) : [el("a", { href: address.signIn(), "aria-current": current("sign-in"), "data-testid": "nav-sign-in" }, "Sign in")]));
}

function signedIn({ name }) {
  return [
    el("span", { class: "shopper", "data-testid": "shopper" }, name),
    el("button", { type: "button", "data-testid": "sign-out", on: { click: leave } }, "Sign out"),
  ];
}

function leave() {
  signOut();
  go(address.products());
}
