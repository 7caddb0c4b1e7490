/** Addresses after the `#`: the files are static, so the server never needs to know them. */

/** @returns {{name: string, params: string[], query: URLSearchParams, hash: string}} */
export function routeOf(hash) {
  const address = hash.replace(/^#/, "") || "/";
  const [path, search = ""] = address.split("?");
  const [name = "", ...params] = path.split("/").filter(Boolean).map(decoded);
  return { name, params, query: new URLSearchParams(search), hash: `#${address}` };
}

/** Goes there; with `replace`, Back does not return to where we are now. */
export function go(hash, { replace = false } = {}) {
  if (replace) location.replace(hash);
  else location.hash = hash;
}

export const address = {
  products: (category) => (category ? `#/?${new URLSearchParams({ category })}` : "#/"),
  product: (sku) => `#/products/${encodeURIComponent(sku)}`,
  signIn: (next) => (next ? `#/sign-in?${new URLSearchParams({ next })}` : "#/sign-in"),
  checkout: (sku, quantity) => `#/checkout/${encodeURIComponent(sku)}?${new URLSearchParams({ quantity })}`,
  orders: () => "#/orders",
  order: (orderId) => `#/orders/${encodeURIComponent(orderId)}`,
};

function decoded(part) {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}
