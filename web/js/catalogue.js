/** What is for sale. */

import { get } from "./api.js";

const PAGE_SIZE = 50;
const FEW = 10;

export async function allProducts(signal) {
  const products = [];
  let cursor = null;
  do {
    const query = new URLSearchParams({ limit: PAGE_SIZE, ...(cursor && { cursor }) });
    const page = await get(`/products?${query}`, { signal });
    products.push(...page.products);
    cursor = page.next_cursor;
  } while (cursor);
  return products;
}

export function product(sku, signal) {
  return get(`/products/${encodeURIComponent(sku)}`, { signal });
}

/** `{words, tone}` for how many are left. */
export function stockOf({ available }) {
  if (available <= 0) return { words: "Sold out", tone: "none" };
  if (available <= FEW) return { words: `Only ${available} left`, tone: "warn" };
  return { words: "In stock", tone: "good" };
}

export function categoryName(slug) {
  const words = slug.replaceAll("-", " ");
  return words.charAt(0).toUpperCase() + words.slice(1);
}
