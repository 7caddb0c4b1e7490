/** Who is shopping: tokens of this tab, refreshed when they run out. */

import * as cognito from "./cognito.js";
import { tab } from "./storage.js";

const STORED_AS = "souk.session";
const REFRESH_BEFORE_EXPIRY_MS = 60_000;

/** The shopper has to sign in (again) before this can go on. */
export class SignedOut extends Error {}

export const changes = new EventTarget();

/** `{id, name, email}`, or null when nobody is signed in. */
export function shopper() {
  const tokens = tab.read(STORED_AS);
  if (!tokens) return null;
  const claims = claimsOf(tokens.idToken);
  return { id: claims.sub, email: claims.email, name: claims.name ?? claims.given_name ?? claims.email?.split("@")[0] ?? "you" };
}

/** @returns {Promise<null|{username, challengeSession}>} a challenge when a new password must be chosen first */
export async function signIn(username, password) {
  const answer = await cognito.signInWithPassword(username, password);
  if (answer.ChallengeName === "NEW_PASSWORD_REQUIRED") {
    return { username: answer.ChallengeParameters?.USER_ID_FOR_SRP ?? username, challengeSession: answer.Session };
  }
  keepResult(answer);
  return null;
}

export async function chooseNewPassword({ username, challengeSession }, newPassword) {
  keepResult(await cognito.answerNewPassword(username, challengeSession, newPassword));
}

export function signOut() {
  tab.remove(STORED_AS);
  changes.dispatchEvent(new Event("change"));
}

/** A token that the API will take; throws `SignedOut` when there is none to be had. */
export async function idToken() {
  const tokens = tab.read(STORED_AS);
  if (!tokens) throw new SignedOut();
  const expiresAt = claimsOf(tokens.idToken).exp * 1000;
  if (Date.now() < expiresAt - REFRESH_BEFORE_EXPIRY_MS) return tokens.idToken;
  return refresh(tokens.refreshToken);
}

let refreshing = null;

function refresh(refreshToken) {
  refreshing ??= askForNewToken(refreshToken).finally(() => {
    refreshing = null;
  });
  return refreshing;
}

async function askForNewToken(refreshToken) {
  try {
    const answer = await cognito.signInWithRefreshToken(refreshToken);
    // Cognito sends a new refresh token only when rotation is on.
    keep({ refreshToken, ...tokensIn(answer) });
    return answer.AuthenticationResult.IdToken;
  } catch (error) {
    if (!(error instanceof cognito.SignInRefused)) throw error;
    signOut();
    throw new SignedOut();
  }
}

function keepResult(answer) {
  if (!answer.AuthenticationResult) {
    throw new cognito.SignInRefused(answer.ChallengeName, "This account needs a way of signing in that the shop does not offer yet.");
  }
  keep(tokensIn(answer));
}

function tokensIn({ AuthenticationResult: { IdToken, RefreshToken } }) {
  return RefreshToken ? { idToken: IdToken, refreshToken: RefreshToken } : { idToken: IdToken };
}

function keep(tokens) {
  tab.write(STORED_AS, tokens);
  changes.dispatchEvent(new Event("change"));
}

/** Read for display and expiry only; whether a token is genuine is for the API to judge. */
function claimsOf(jwt) {
  const payload = jwt.split(".")[1].replaceAll("-", "+").replaceAll("_", "/");
  const bytes = Uint8Array.from(atob(payload), (character) => character.charCodeAt(0));
  return JSON.parse(new TextDecoder().decode(bytes));
}
