/** A shopper's own orders. */

import { get, post } from "./api.js";
import { pause } from "./pause.js";

const PAGE_SIZE = 20;
const BUSY = new Set(["order_busy", "idempotency_in_progress"]);
const BUSY_FOR_MS = 1_500;
const OPEN = new Set(["pending", "payment_pending"]);
const CANCELLABLE = new Set(["pending", "payment_pending", "confirmed", "paid"]);
const WITH_RECEIPT = new Set(["confirmed", "paid", "shipped", "delivered"]);

export function orderPage(cursor, signal) {
  const query = new URLSearchParams({ limit: PAGE_SIZE, ...(cursor && { cursor }) });
  return get(`/orders?${query}`, { signal, signedIn: true });
}

export function order(orderId, signal) {
  return get(`/orders/${encodeURIComponent(orderId)}`, { signal, signedIn: true });
}

/** A link of a few minutes to the receipt, which lives on another origin. */
export async function receiptUrl(orderId, signal) {
  const { url } = await get(`/orders/${encodeURIComponent(orderId)}/receipt`, { signal, signedIn: true });
  return url;
}

/**
 * Cancels it; the same key makes every repeat of one wish the same request. While its money is being taken the shop says
 * that it is busy: then it is asked once more by itself, after `onBusy`.
 */
export async function cancel(orderId, key, { signal, onBusy }) {
  const ask = () => post(`/orders/${encodeURIComponent(orderId)}/cancel`, {}, { signal, headers: { "Idempotency-Key": key } });
  try {
    return await ask();
  } catch (error) {
    if (!BUSY.has(error.code)) throw error;
    onBusy();
    await pause(Math.max(BUSY_FOR_MS, error.retryAfterMs), signal);
    return ask();
  }
}

export function canBeCancelled({ status }) {
  return CANCELLABLE.has(status);
}

/** Whether something of it is still on its way: its outcome, its payment, or the money of a cancelled one. */
export function isMoving(order) {
  const { status, payment } = order;
  if (OPEN.has(status) || status === "confirmed") return true;
  const refund = refundOf(order);
  if (refund && !refund.sent) return true;
  return status === "cancelled" && ["authorized", "captured"].includes(payment?.status);
}

export function hasReceipt({ status }) {
  return WITH_RECEIPT.has(status);
}

/** What the shopper's bank or PayPal waits for: `{url, expiresAt}`, or null. Only a web address is ever followed. */
export function approvalOf({ payment }) {
  const { url, expires_at: expiresAt } = (payment?.status === "requires_action" && payment.action) || {};
  return url && /^https?:\/\//.test(url) ? { url, expiresAt } : null;
}

/** How much of what was paid goes back, and whether all of that was sent: `{amount, sent}`, or null. */
export function refundOf({ refund, timeline = [] }) {
  if (!refund || refund.status === "none") return null;
  const outcomes = new Map(timeline.filter(({ data }) => data?.refund).map(({ type, data }) => [data.refund, type]));
  return { amount: refund.amount, sent: ![...outcomes.values()].includes("RefundStarted") };
}
