/** Times as the shopper's own clock shows them. */

const PLACED = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" });
const PRECISE = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit", second: "2-digit" });

export function placedOn(instant) {
  return PLACED.format(new Date(instant));
}

export function timeOfDay(instant) {
  return PRECISE.format(new Date(instant));
}

/** How long after `start` something happened: "+128 ms", "+3.2 s", "+4 min". */
export function since(start, instant) {
  const milliseconds = Math.max(0, new Date(instant) - new Date(start));
  if (milliseconds < 10_000) return `+${milliseconds.toLocaleString()} ms`;
  if (milliseconds < 120_000) return `+${(milliseconds / 1000).toFixed(1)} s`;
  return `+${Math.round(milliseconds / 60_000).toLocaleString()} min`;
}
