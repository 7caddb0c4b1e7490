/** The button that opens the receipt in a tab of its own. */

import { el } from "./dom.js";
import { Problem } from "./failures.js";
import { problemNotice } from "./notice.js";
import { receiptUrl } from "./orders.js";
import { pause } from "./pause.js";

const WRITING_TAKES_MS = 10_000;
const ASK_EVERY_MS = 1_000;

export function receiptButton(orderId, signal) {
  const messages = el("div", { role: "status" });
  const button = el("button", { class: "button plain", type: "button", "data-testid": "receipt", on: { click: open } }, "Open receipt");

  async function open() {
    // Opened at once, while the click still counts as the shopper's own wish: later the browser would block it.
    const receiptTab = window.open("", "_blank");
    if (receiptTab) {
      receiptTab.opener = null;
      receiptTab.document.title = "Your receipt";
      receiptTab.document.body.textContent = "Your receipt is being prepared…";
    }
    button.disabled = true;
    messages.replaceChildren();
    try {
      const url = await whenWritten(orderId, signal);
      if (receiptTab) receiptTab.location.replace(url);
      else messages.replaceChildren(el("a", { href: url, target: "_blank", rel: "noopener" }, "Your receipt is ready: open it"));
    } catch (error) {
      receiptTab?.close();
      if (!signal.aborted) messages.replaceChildren(problemNotice(error));
    } finally {
      button.disabled = false;
    }
  }

  return el("div", {}, button, messages);
}

/** A receipt is written just after the confirmation: asked for at once, it may need a moment. */
async function whenWritten(orderId, signal) {
  const deadline = Date.now() + WRITING_TAKES_MS;
  for (;;) {
    try {
      return await receiptUrl(orderId, signal);
    } catch (error) {
      const notReady = error instanceof Problem && error.code === "receipt_not_ready";
      if (!notReady || Date.now() > deadline) throw error;
      await pause(ASK_EVERY_MS, signal);
    }
  }
}
