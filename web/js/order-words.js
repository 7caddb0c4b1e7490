/** What an order's states and events mean to the person who placed it. */

const STATUSES = {
  pending: { badge: "Being finished", tone: "warn", heading: "Order received!", sentence: "We have your order and are finishing it now. You can stay here or come back later; nothing more is needed from you." },
  payment_pending: { badge: "Payment under way", tone: "warn", heading: "Order received!", sentence: "We have your order, and the payment is taking a little longer than usual. We are finishing it and will e-mail you." },
  confirmed: { badge: "Confirmed", tone: "good", heading: "Thank you, your order is confirmed", sentence: "Everything is set aside for you. A confirmation is on its way to your inbox." },
  paid: { badge: "Paid", tone: "good", heading: "Thank you, your order is confirmed", sentence: "It is paid, and we are getting it ready to ship." },
  shipped: { badge: "Shipped", tone: "good", heading: "Your order is on its way", sentence: "It has left our hands and is coming to you." },
  delivered: { badge: "Delivered", tone: "good", heading: "Your order has arrived", sentence: "We hope you enjoy it." },
  rejected: { badge: "Not completed", tone: "bad", heading: "This order did not go through", sentence: "Nothing was charged. You are welcome to order again." },
  cancelled: { badge: "Cancelled", tone: "bad", heading: "This order was cancelled", sentence: "Whatever was held for it is being released." },
};

const EVENTS = {
  OrderPlaced: { words: "We received your order" },
  InventoryReserved: { words: "Your items were set aside" },
  PaymentPrepared: { words: "The payment was prepared" },
  PaymentActionRequired: { words: "Your bank wants to ask you something" },
  PaymentAuthorized: { words: "Your payment was approved" },
  PaymentDeclined: { words: "The payment was declined", tone: "bad" },
  PaymentAbandoned: { words: "This way of paying was given up" },
  PaymentVoided: { words: "The hold on your card was released" },
  PaymentDeferred: { words: "The payment is taking longer; we keep at it" },
  OrderConfirmed: { words: "Your order was confirmed", tone: "good" },
  OrderRejected: { words: "The order could not be completed", tone: "bad" },
  OrderCancelled: { words: "The order was cancelled", tone: "bad" },
  InventoryReleased: { words: "The items went back on the shelf" },
  CaptureStarted: { words: "Your card is being charged" },
  PaymentCaptured: { words: "Your payment was completed", tone: "good" },
  CaptureFailed: { words: "Your card could not be charged", tone: "bad" },
  RefundStarted: { words: "A refund was started" },
  PaymentRefunded: { words: "The refund was sent to your card", tone: "good" },
  RefundFailed: { words: "The refund did not go through; we are on it", tone: "bad" },
  OrderShipped: { words: "Your order was shipped", tone: "good" },
  OrderDelivered: { words: "Your order was delivered", tone: "good" },
};

/** `{badge, tone, heading, sentence}`; a state this page has not heard of is shown by its own name. */
export function statusWords(status) {
  return STATUSES[status] ?? { badge: plain(status), tone: "", heading: "Your order", sentence: `Its state is: ${plain(status)}.` };
}

/** `{words, tone}`; an event this page has not heard of is shown by its own name. */
export function eventWords(type) {
  return { tone: "", ...(EVENTS[type] ?? { words: plain(type) }) };
}

/** "PaymentMethodChanged" and "payment_pending" to "Payment method changed" and "Payment pending". */
function plain(name) {
  const words = String(name).replace(/([a-z\d])([A-Z])/g, "$1 $2").replaceAll("_", " ").toLowerCase();
  return words.charAt(0).toUpperCase() + words.slice(1);
}
