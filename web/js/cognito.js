/** The few Cognito calls a shop needs, as plain requests: no library, and so no build. */

import { config } from "./config.js";
import { Unreachable } from "./failures.js";

/** Cognito's "no", by its own name: NotAuthorizedException, PasswordResetRequiredException … */
export class SignInRefused extends Error {
  constructor(name, message) {
    super(message);
    this.reason = name;
  }
}

export async function signInWithPassword(username, password) {
  return call("InitiateAuth", {
    AuthFlow: "USER_PASSWORD_AUTH",
    AuthParameters: { USERNAME: username, PASSWORD: password },
  });
}

export async function signInWithRefreshToken(refreshToken) {
  return call("InitiateAuth", {
    AuthFlow: "REFRESH_TOKEN_AUTH",
    AuthParameters: { REFRESH_TOKEN: refreshToken },
  });
}

export async function answerNewPassword(username, challengeSession, newPassword) {
  return call("RespondToAuthChallenge", {
    ChallengeName: "NEW_PASSWORD_REQUIRED",
    Session: challengeSession,
    ChallengeResponses: { USERNAME: username, NEW_PASSWORD: newPassword },
  });
}

async function call(action, input) {
  const { cognito } = await config();
  let response;
  let answer;
  try {
    response = await fetch(cognito.endpoint, {
      method: "POST",
      headers: {
        "Content-Type": "application/x-amz-json-1.1",
        "X-Amz-Target": `AWSCognitoIdentityProviderService.${action}`,
      },
      body: JSON.stringify({ ClientId: cognito.client_id, ...input }),
    });
    answer = await response.json();
  } catch (error) {
    throw new Unreachable(error);
  }
  if (response.ok) return answer;
  if (response.status >= 500) throw new Unreachable();
  // The name may come with a namespace in front: "com.amazonaws…#NotAuthorizedException".
  const name = String(answer.__type ?? "").split("#").pop();
  throw new SignInRefused(name, answer.message ?? answer.Message ?? name);
}
