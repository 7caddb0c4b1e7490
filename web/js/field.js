/** A labelled input that can say what is wrong with it. */

import { el } from "./dom.js";

/**
 * @param {{name, label, input?: HTMLElement, optional?: boolean, hint?: string, wide?: boolean}} spec
 *   other keys become attributes of the input
 */
export function field({ name, label, input = null, optional = false, hint = null, wide = false, ...attributes }) {
  const id = `field-${name}`;
  const control = input ?? el("input", { type: "text", ...attributes });
  control.id = id;
  control.name = name;
  control.setAttribute("data-testid", `field-${name}`);
  control.setAttribute("aria-describedby", `${id}-hint ${id}-error`);
  if (!optional) control.setAttribute("aria-required", "true");
  const error = el("p", { class: "field-error", id: `${id}-error`, "data-testid": `error-${name}` });
  const complain = (words) => {
    error.textContent = words ?? "";
    if (words) control.setAttribute("aria-invalid", "true");
    else control.removeAttribute("aria-invalid");
  };
  control.addEventListener("input", () => complain(null));

  return {
    control,
    complain,
    element: el("div", { class: wide ? "field full" : "field" },
      el("label", { for: id }, label, optional ? el("span", { class: "optional" }, " (optional)") : null),
      control,
      hint && el("p", { class: "field-hint", id: `${id}-hint` }, hint),
      error),
  };
}
