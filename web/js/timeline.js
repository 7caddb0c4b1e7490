/** What happened to an order, growing as it happens. */

import { el } from "./dom.js";
import { eventWords } from "./order-words.js";
import { since, timeOfDay } from "./time.js";

export function timeline() {
  const list = el("ol", { class: "timeline", "data-testid": "timeline" });
  let lastSequence = 0;
  let start = null;

  return {
    element: list,
    /** Adds what is new; what is already there stays untouched. */
    update(events) {
      for (const event of [...events].sort((one, other) => one.sequence - other.sequence)) {
        if (event.sequence <= lastSequence) continue;
        start ??= event.at;
        list.append(entry(event, start));
        lastSequence = event.sequence;
      }
    },
  };
}

function entry({ type, at, data }, start) {
  const { words, tone } = eventWords(type, data);
  return el("li", { class: tone, "data-event": type },
    el("p", { class: "words" }, words),
    el("p", { class: "when" }, el("time", { datetime: at }, timeOfDay(at)), el("span", {}, since(start, at))));
}
