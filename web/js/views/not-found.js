/** An address that leads nowhere. */

import { el } from "../dom.js";
import { address } from "../router.js";

export async function notFoundView(page) {
  page.show("Not found",
    el("h1", {}, "There is no such page"),
    el("div", { class: "empty" },
      el("p", {}, "The address may be mistyped, or the page may have moved."),
      el("a", { class: "button", href: address.products() }, "Back to the shop")));
}
