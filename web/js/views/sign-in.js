/** Signing in, and choosing a password when the first one was only lent. */

import { SignInRefused } from "../cognito.js";
import { config } from "../config.js";
import { el } from "../dom.js";
import { field } from "../field.js";
import { notice, problemNotice } from "../notice.js";
import { address, go } from "../router.js";
import { chooseNewPassword, signIn } from "../session.js";

const REFUSALS = {
  NotAuthorizedException: "The e-mail address or the password is not right. Please try again.",
  UserNotFoundException: "The e-mail address or the password is not right. Please try again.",
  UserNotConfirmedException: "This account has not been confirmed yet. Please follow the link in the e-mail we sent you.",
  PasswordResetRequiredException: "This account needs a new password. Please ask us for a reset.",
  InvalidPasswordException: "That password is too easy to guess. Please choose a longer one, with letters, numbers and a symbol.",
  TooManyRequestsException: "There were too many attempts. Please wait a minute and try again.",
  LimitExceededException: "There were too many attempts. Please wait a minute and try again.",
};

export async function signInView(page) {
  const next = nextOf(page.route.query);
  const { test_users: testUsers = [] } = await config();
  const messages = el("div", {});
  const attempt = attempts(messages);

  const enter = async (username, password) => {
    const challenge = await signIn(username, password);
    if (challenge) showNewPassword(page, challenge, next);
    else go(next, { replace: true });
  };

  page.show("Sign in", el("div", { class: "narrow" },
    el("h1", {}, "Sign in"),
    next === address.products() ? null : el("p", { class: "quiet" }, "Then we go on where you were."),
    messages,
    passwordForm(attempt, enter),
    testUsers.length ? shortcuts(testUsers, attempt, enter) : null));
}

function passwordForm(attempt, enter) {
  const username = field({ name: "username", label: "E-mail", type: "email", autocomplete: "username" });
  const password = field({ name: "password", label: "Password", type: "password", autocomplete: "current-password" });
  const button = el("button", { class: "button wide", type: "submit", "data-testid": "sign-in" }, "Sign in");
  return formOf("Sign in", [username.element, password.element, button], () => {
    const empty = complainIfEmpty([[username, "Enter your e-mail address."], [password, "Enter your password."]]);
    if (!empty) attempt(button, () => enter(username.control.value.trim(), password.control.value));
  });
}

function shortcuts(users, attempt, enter) {
  const shortcut = ({ name, username, password }) => {
    const button = el("button", { class: "button plain", type: "button", "data-testid": `sign-in-as-${name.toLowerCase()}` }, `Sign in as ${name}`);
    button.addEventListener("click", () => attempt(button, () => enter(username, password)));
    return button;
  };
  return el("div", { class: "shortcuts" }, el("p", { class: "quiet" }, "Only on this local shop:"), ...users.map(shortcut));
}

function showNewPassword(page, challenge, next) {
  const messages = el("div", {});
  const attempt = attempts(messages);
  const password = field({ name: "new-password", label: "New password", type: "password", autocomplete: "new-password" });
  const button = el("button", { class: "button wide", type: "submit", "data-testid": "choose-password" }, "Save and sign in");
  const form = formOf("New password", [password.element, button], () => {
    if (complainIfEmpty([[password, "Enter a new password."]])) return;
    attempt(button, async () => {
      await chooseNewPassword(challenge, password.control.value);
      go(next, { replace: true });
    });
  });
  page.show("Choose a password", el("div", { class: "narrow" },
    el("h1", {}, "Choose a password"),
    el("p", { class: "quiet" }, "The one you signed in with was only lent to you."),
    messages, form));
  password.control.focus();
}

function formOf(label, children, onSubmit) {
  return el("form", { class: "form", novalidate: true, "aria-label": label, on: { submit: (event) => { event.preventDefault(); onSubmit(); } } }, ...children);
}

/** Complains at every empty field and goes to the first; answers whether there was one. */
function complainIfEmpty(checks) {
  const empty = checks.filter(([{ control }]) => !control.value.trim());
  for (const [{ complain }, words] of empty) complain(words);
  empty[0]?.[0].control.focus();
  return empty.length > 0;
}

/** Runs one try at a time, and says in `messages` why it failed. */
function attempts(messages) {
  return async (button, work) => {
    if (button.disabled) return;
    button.disabled = true;
    messages.replaceChildren();
    try {
      await work();
    } catch (error) {
      messages.replaceChildren(refusal(error));
    } finally {
      button.disabled = false;
    }
  };
}

function refusal(error) {
  if (error instanceof SignInRefused) return notice({ tone: "bad", title: "That did not work", words: REFUSALS[error.reason] ?? error.message });
  return problemNotice(error);
}

/** Only an address of this shop: a link must not be able to send a shopper elsewhere once she has signed in. */
function nextOf(query) {
  const next = query.get("next");
  return next?.startsWith("#/") && !next.startsWith("#/sign-in") ? next : address.products();
}
