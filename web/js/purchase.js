/**
 * One click on "Pay", carried through to an answer.
 *
 * A purchase is a key and a body, written down before anything is sent. Until the shop has said what became of it, every
 * repeat, also after a reload, sends the same key and the same body: so there is one order, whatever gets lost on the way.
 */

import { post } from "./api.js";
import { Problem, Unreachable } from "./failures.js";
import { pause } from "./pause.js";
import { shopper } from "./session.js";
import { tab } from "./storage.js";

const PATIENCE_MS = 90_000;
const FIRST_WAIT_MS = 800;
const LONGEST_WAIT_MS = 10_000;
const TRY_AGAIN_STATUSES = new Set([408, 429, 502, 503, 504]);
const TRY_AGAIN_CODES = new Set(["idempotency_in_progress", "order_busy"]);

/** Patience ran out before an answer came. The purchase is kept, and may be tried again. */
export class StillUnknown extends Error {
  constructor(cause) {
    super("No answer yet.", { cause });
  }
}

/** Each shopper's own, so that nobody sends another's order from a shared tab. */
function storedAs() {
  return `souk.purchase.${shopper()?.id}`;
}

export function unfinished() {
  return tab.read(storedAs());
}

export function begin(body) {
  const purchase = { key: crypto.randomUUID(), body };
  tab.write(storedAs(), purchase);
  return purchase;
}

/**
 * Sends the purchase until there is an answer.
 *
 * Resolves to the order. Throws the `Problem` that ended the purchase (nothing is kept then: another try is another
 * purchase), or else `SignedOut`, `StillUnknown` or a `Problem` of the shop's own, and keeps it.
 */
export async function finish(purchase, { signal, onWaiting }) {
  const storedUnder = storedAs();
  const deadline = Date.now() + PATIENCE_MS;
  for (let attempt = 0; ; attempt += 1) {
    try {
      const order = await post("/checkout", purchase.body, { signal, headers: { "Idempotency-Key": purchase.key } });
      tab.remove(storedUnder);
      return order;
    } catch (error) {
      if (endsPurchase(error)) tab.remove(storedUnder);
      if (!isWorthRepeating(error)) throw error;
      const wait = Math.max(backoff(attempt), error.retryAfterMs ?? 0);
      if (Date.now() + wait > deadline) throw new StillUnknown(error);
      onWaiting(error);
      await pause(wait, signal, { untilOnline: error instanceof Unreachable });
    }
  }
}

function isWorthRepeating(error) {
  if (error instanceof Unreachable) return true;
  return error instanceof Problem && (TRY_AGAIN_STATUSES.has(error.status) || TRY_AGAIN_CODES.has(error.code));
}

/** Whether the shop has said that no order came of it. After a 401 or a 5xx the same key still does. */
function endsPurchase(error) {
  return error instanceof Problem && !isWorthRepeating(error) && error.status !== 401 && error.status < 500;
}

/** Full jitter over the upper half: shoppers who were cut off together do not come back together. */
function backoff(attempt) {
  const longest = Math.min(LONGEST_WAIT_MS, FIRST_WAIT_MS * 2 ** attempt);
  return longest * (0.5 + Math.random() / 2);
}
