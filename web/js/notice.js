/** A box that says what happened and what can be done about it. */

import { el } from "./dom.js";
import { tell } from "./problems.js";

export function notice({ tone = "", title, words, reference = null }, ...actions) {
  return el("div", { class: `notice ${tone}`, role: "alert", "data-testid": "notice" },
    el("strong", {}, title),
    el("p", {}, words),
    reference && el("p", { class: "reference", "data-testid": "reference" }, `Reference: ${reference}`),
    actions.length ? el("div", { class: "buttons" }, ...actions) : null);
}

export function problemNotice(error, ...actions) {
  return notice(tell(error), ...actions);
}
