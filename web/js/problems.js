/** Whatever went wrong, in words for a shopper: `{tone, title, words, reference}`. */

import { Problem, Unreachable } from "./failures.js";
import { StillUnknown } from "./purchase.js";
import { SignedOut } from "./session.js";

// Nobody refused it: it is another's, was removed, or was never there.
const NOT_FOUND = "We did not find this way of paying among yours. Please choose another one.";

const DECLINES = {
  payment_method_not_yours: NOT_FOUND,
  resource_missing: NOT_FOUND,
  TOKEN_ID_NOT_FOUND: NOT_FOUND,
  insufficient_funds: "There is not enough money on this card. Please try another one.",
  expired_card: "This card has expired. Please try another one.",
  incorrect_cvc: "The security code does not match this card. Please check it, or try another card.",
  invalid_cvc: "The security code does not match this card. Please check it, or try another card.",
  incorrect_number: "The card number is not right. Please check it, or try another card.",
  processing_error: "The bank could not process the card just now. Please try again in a moment, or use another card.",
  // A lost or stolen card gets the plain decline: its finder need not be told.
  card_declined: "Your bank did not approve this card. Please try another one, or ask your bank.",
};

/** PayPal writes its codes in capitals and digits, such as INSTRUMENT_DECLINED and 5120; cards' codes never are. */
const PAYPAL_CODE = /^([A-Z0-9_]{4,}|denied)$/;
const PAYPAL_DECLINE = "PayPal did not approve the payment. Please look into your PayPal account, or pay in another way.";

const BY_CODE = {
  payment_declined: ({ body }) => ({
    title: "The payment was declined",
    words: `${declined(body.decline_code)} Nothing was charged.`,
  }),
  out_of_stock: ({ body }) => ({
    tone: "warn",
    title: "Not enough left",
    words: `${(body.items ?? []).map(shortage).join(" ") || "Somebody was faster."} Nothing was charged.`,
  }),
  price_changed: () => ({
    tone: "warn",
    title: "The price has changed",
    words: "It changed while you were on this page. Nothing was charged.",
  }),
  validation_failed: () => ({
    title: "Please check what is marked",
    words: "Some of what you entered cannot be used yet. Nothing was ordered.",
  }),
  idempotency_key_reused: () => ({
    title: "This order got mixed up with another",
    words: "Please look at your orders first; if it is not there, press Pay again.",
  }),
  order_cancelled: () => ({
    tone: "warn",
    title: "This order was cancelled",
    words: "You find it among your orders, with what became of the money. You are welcome to order again.",
  }),
  order_busy: () => ({
    tone: "warn",
    title: "We are just taking the payment",
    words: "Until that is done the order cannot be cancelled. Please try again in a moment.",
  }),
  idempotency_in_progress: () => ({
    tone: "warn",
    title: "We are still at it",
    words: "Your last request is being worked on. Please try again in a moment.",
  }),
  order_not_cancellable: () => ({
    title: "This order cannot be cancelled any more",
    words: "It has moved on since this page was opened. Close this to see how it stands now.",
  }),
  receipt_not_ready: () => ({
    tone: "warn",
    title: "The receipt is still being written",
    words: "It usually takes a few seconds. Please try again.",
  }),
};

const BY_STATUS = {
  400: { title: "That did not work", words: "The shop did not understand the request. Nothing was ordered; please try again." },
  401: { tone: "warn", title: "Please sign in again", words: "You have been signed out for your safety." },
  403: { title: "This is not open to you", words: "Your account may not see or do this." },
  404: { title: "We cannot find that", words: "It may have been moved, or the address may be mistyped." },
  405: { title: "That did not work", words: "The shop does not offer this. Please reload the page and try again." },
  413: { title: "That is too much at once", words: "The order is larger than the shop can take. Please order less at a time." },
  415: { title: "That did not work", words: "The shop did not understand the request. Please reload the page and try again." },
  429: { tone: "warn", title: "A little slower, please", words: "There were too many requests in a short time. Please wait a moment and try again." },
  503: { tone: "warn", title: "The shop is very busy", words: "Please try again in a moment." },
};

const OURS = { title: "Something went wrong on our side", words: "We are sorry. Please try again; if it keeps happening, let us know." };

export function tell(error) {
  return { tone: "bad", reference: null, ...wordsFor(error) };
}

function wordsFor(error) {
  if (error instanceof StillUnknown) {
    return {
      tone: "warn",
      title: "We have not heard back yet",
      words: "Your order is safe with us: trying again never orders or charges twice.",
      reference: error.cause?.reference ?? null,
    };
  }
  if (error instanceof SignedOut) return BY_STATUS[401];
  if (error instanceof Unreachable) return unreachable();
  if (!(error instanceof Problem)) return OURS;
  const words = BY_CODE[error.code]?.(error) ?? BY_STATUS[error.status] ?? OURS;
  return { ...words, reference: error.status >= 500 ? error.reference : null };
}

function unreachable() {
  if (!navigator.onLine) return { tone: "warn", title: "You are offline", words: "We go on as soon as you are connected again." };
  return { tone: "warn", title: "The shop cannot be reached", words: "Please check your connection and try again." };
}

function declined(code) {
  return DECLINES[code] ?? (PAYPAL_CODE.test(code) ? PAYPAL_DECLINE : DECLINES.card_declined);
}

function shortage({ requested, available }) {
  if (available <= 0) return "It has just sold out.";
  return `You asked for ${requested}, and only ${available} ${available === 1 ? "is" : "are"} left.`;
}
