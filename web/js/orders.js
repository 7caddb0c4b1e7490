/** A shopper's own orders. */

import { get } from "./api.js";

const PAGE_SIZE = 20;
const OPEN = new Set(["pending", "payment_pending"]);
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

/** Whether its outcome is still to come. */
export function isOpen({ status }) {
  return OPEN.has(status);
}

export function hasReceipt({ status }) {
  return WITH_RECEIPT.has(status);
}

/** Where the shopper's bank or wallet wants to ask her something, if it does. Only a web address is ever followed. */
export function approvalUrl({ payment }) {
  const url = payment?.status === "requires_action" ? payment.action?.url : null;
  return url && /^https?:\/\//.test(url) ? url : null;
}
