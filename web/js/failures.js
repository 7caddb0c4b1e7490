/** The two ways in which a request fails. */

/** The API said no, in an `application/problem+json` body (or in none, when something in front of it answered). */
export class Problem extends Error {
  constructor(response, body) {
    super(body.detail ?? body.title ?? `The shop answered ${response.status}.`);
    this.status = response.status;
    this.code = body.code ?? null;
    this.reference = body.instance ?? null;
    this.body = body;
    this.retryAfterMs = retryAfterMs(response.headers.get("Retry-After"));
  }
}

/** No answer came, or none that can be read: what was asked for may or may not have happened. */
export class Unreachable extends Error {
  constructor(cause) {
    super("The shop could not be reached.", { cause });
  }
}

function retryAfterMs(header) {
  if (!header) return 0;
  const seconds = Number(header);
  const wait = Number.isFinite(seconds) ? seconds * 1000 : Date.parse(header) - Date.now();
  return Math.max(0, wait || 0);
}
