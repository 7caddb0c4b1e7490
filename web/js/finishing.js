/** What is shown while an order is on its way, and when its answer stays away. */

import { announce, el } from "./dom.js";
import { problemNotice } from "./notice.js";

const PLACING = "Placing your order…";
const STILL = "Still finishing your order…";

export function finishingPanel() {
  const words = el("p", { class: "waiting", "data-testid": "finishing" });
  const hint = el("p", { class: "quiet" });
  const element = el("div", { class: "finishing" });

  const wait = (sentence, more) => {
    words.textContent = sentence;
    hint.textContent = more;
    element.replaceChildren(words, hint);
    announce(sentence);
  };

  return {
    element,
    placing: () => wait(PLACING, "This takes a moment."),
    stillFinishing: () => wait(STILL, navigator.onLine
      ? "The answer is taking longer than usual. You can leave this page open: it is one order, however often we ask."
      : "You are offline. We go on as soon as you are connected again."),
    /** Resolves when the shopper wants to go on; never, when she leaves. */
    askToTryAgain: (error) => new Promise((resolve) => {
      const again = el("button", { class: "button", type: "button", "data-testid": "try-again", on: { click: resolve } }, "Try again");
      element.replaceChildren(problemNotice(error, again));
      again.focus();
    }),
  };
}
