/** Waits that end early when the view is left, or when the network comes back. */

export function pause(milliseconds, signal, { untilOnline = false } = {}) {
  return new Promise((resolve, reject) => {
    const done = new AbortController();
    const timer = setTimeout(() => finish(resolve), milliseconds);
    const finish = (settle, value) => {
      clearTimeout(timer);
      done.abort();
      settle(value);
    };
    if (signal.aborted) return finish(reject, signal.reason);
    signal.addEventListener("abort", () => finish(reject, signal.reason), { signal: done.signal });
    if (untilOnline) window.addEventListener("online", () => finish(resolve), { signal: done.signal });
  });
}
