/** Requests to /v1. They answer JSON, or throw a `Problem` or `Unreachable`. */

import { Problem, Unreachable } from "./failures.js";
import { idToken } from "./session.js";

const ANSWER_WITHIN_MS = 35_000;

export async function get(path, { signal, signedIn = false } = {}) {
  return request(path, { signal, headers: signedIn ? await authorization() : {} });
}

export async function post(path, body, { signal, headers = {} }) {
  return request(path, {
    method: "POST",
    signal,
    headers: { ...(await authorization()), "Content-Type": "application/json", ...headers },
    body: JSON.stringify(body),
  });
}

async function authorization() {
  return { Authorization: `Bearer ${await idToken()}` };
}

async function request(path, { signal, headers, ...options }) {
  const limits = [AbortSignal.timeout(ANSWER_WITHIN_MS), ...(signal ? [signal] : [])];
  let response;
  let text;
  try {
    response = await fetch(`/v1${path}`, {
      ...options,
      headers: { Accept: "application/json", ...headers },
      signal: AbortSignal.any(limits),
      cache: "no-store",
    });
    text = await response.text();
  } catch (error) {
    signal?.throwIfAborted();
    throw new Unreachable(error);
  }
  const body = parsed(text);
  if (!response.ok) throw new Problem(response, body ?? {});
  if (body === null) throw new Unreachable();
  return body;
}

function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
