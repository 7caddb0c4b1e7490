/** What an order's states and events mean to the person who placed it. */

import { wentToApprove } from "./approval.js";
import { formatMoney } from "./money.js";
import { approvalOf, refundOf } from "./orders.js";
import { payerOf } from "./payer.js";

const STATUSES = {
  pending: { badge: "Being finished", tone: "warn", heading: "Order received!", sentence: "We have your order and are finishing it now. You can stay here or come back later; nothing more is needed from you." },
  payment_pending: { badge: "Payment under way", tone: "warn", heading: "Order received!", sentence: "We have your order, and the payment is taking a little longer than usual. We are finishing it and will e-mail you." },
  confirmed: { badge: "Confirmed", tone: "good", heading: "Thank you, your order is confirmed", sentence: "Everything is set aside for you. A confirmation is on its way to your inbox." },
  paid: { badge: "Paid", tone: "good", heading: "Thank you, your order is confirmed", sentence: "It is paid, and we are getting it ready to ship." },
  shipped: { badge: "Shipped", tone: "good", heading: "Your order is on its way", sentence: "It has left our hands and is coming to you." },
  delivered: { badge: "Delivered", tone: "good", heading: "Your order has arrived", sentence: "We hope you enjoy it." },
  rejected: { badge: "Not completed", tone: "bad", heading: "This order did not go through", sentence: "Nothing was charged. You are welcome to order again." },
  cancelled: { badge: "Cancelled", tone: "bad", heading: "This order was cancelled", sentence: "" },
};

const CANCELLATIONS = {
  customer_request: "The order was cancelled, as you asked",
  shop_request: "We had to cancel the order",
  payment_timed_out: "No payment came about in time, so the order was cancelled",
  payment_unavailable: "No way of paying worked, so the order was cancelled",
  authorization_lapsed: "The money could not be taken any more, so the order was cancelled",
  details_erased: "Your details were erased, so the order was cancelled",
};

const EVENTS = {
  OrderPlaced: { words: "We received your order" },
  InventoryReserved: { words: "Your items were set aside" },
  PaymentPrepared: { words: "The payment was prepared" },
  PaymentActionRequired: { words: "You were asked to confirm the payment" },
  PaymentAuthorized: { words: "Your payment was approved" },
  PaymentDeclined: { words: "The payment was declined", tone: "bad" },
  PaymentAbandoned: { words: "This way of paying was given up" },
  PaymentVoided: { words: "Nothing is held for this payment any more" },
  PaymentDeferred: { words: "The payment is taking longer; we keep at it" },
  OrderConfirmed: { words: "Your order was confirmed", tone: "good" },
  OrderRejected: { words: "The order could not be completed", tone: "bad" },
  OrderCancelled: { words: ({ reason }) => CANCELLATIONS[reason] ?? "The order was cancelled", tone: "bad" },
  InventoryReleased: { words: "The items went back on the shelf" },
  CaptureStarted: { words: "The payment is being taken" },
  PaymentCaptured: { words: "Your payment was completed", tone: "good" },
  CaptureFailed: { words: "The payment could not be taken", tone: "bad" },
  RefundStarted: { words: ({ amount }) => `${refundOfAmount(amount)} was started` },
  PaymentRefunded: { words: ({ amount }) => `${refundOfAmount(amount)} was sent`, tone: "good" },
  RefundFailed: { words: ({ amount }) => `${refundOfAmount(amount)} did not go through; we are on it`, tone: "bad" },
  OrderShipped: { words: "Your order was shipped", tone: "good" },
  OrderDelivered: { words: "Your order was delivered", tone: "good" },
};

/** `{badge, tone, heading, sentence}`; a state this page has not heard of is shown by its own name. */
export function statusWords(status) {
  return STATUSES[status] ?? { badge: plain(status), tone: "", heading: "Your order", sentence: `Its state is: ${plain(status)}.` };
}

/** As `statusWords`, for one order of which more is known: what it waits for, and where the money is. */
export function orderWords(order) {
  const words = statusWords(order.status);
  if (approvalOf(order)) return { ...words, ...approvalWords(order) };
  const money = order.status === "cancelled" ? moneyAfterwards(order) : refundSentence(order);
  return { ...words, sentence: [words.sentence, money].filter(Boolean).join(" ") };
}

/** `{words, tone}`; an event this page has not heard of is shown by its own name. */
export function eventWords(type, data = {}) {
  const { words, tone = "" } = EVENTS[type] ?? { words: plain(type) };
  return { tone, words: typeof words === "function" ? words(data) : words };
}

function approvalWords(order) {
  const { name, capitalised } = payerOf(order);
  if (wentToApprove(order)) {
    return { badge: "Being checked", heading: "Thank you, we are checking", sentence: `We are asking ${name} whether you confirmed, and this page shows it by itself. If you did not, you can still go back there.` };
  }
  return { badge: "Waiting for you", heading: "One more step", sentence: `${capitalised} wants to be sure that it is you who is paying. Confirm it there, and you come straight back to this page.` };
}

function moneyAfterwards(order) {
  const { account } = payerOf(order);
  const refund = refundSentence(order);
  if (refund) return refund;
  switch (order.payment?.status) {
    case "captured": return `What you paid is on its way back to ${account}.`;
    case "authorized": return "Nothing was charged. The money that was held for it is being released.";
    case "voided": return "Nothing was charged, and nothing is held any more.";
    default: return "Nothing was charged.";
  }
}

function refundSentence(order) {
  const refund = refundOf(order);
  if (!refund) return null;
  const { account } = payerOf(order);
  const amount = formatMoney(refund.amount);
  return refund.sent
    ? `We have sent ${amount} back to ${account}; it may take some days to show there.`
    : `A refund of ${amount} is on its way to ${account}.`;
}

function refundOfAmount(amount) {
  return amount ? `A refund of ${formatMoney(amount)}` : "A refund";
}

/** "PaymentMethodChanged" and "payment_pending" to "Payment method changed" and "Payment pending". */
function plain(name) {
  const words = String(name).replace(/([a-z\d])([A-Z])/g, "$1 $2").replaceAll("_", " ").toLowerCase();
  return words.charAt(0).toUpperCase() + words.slice(1);
}
