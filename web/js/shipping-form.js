/** The address part of the checkout form. */

import { el } from "./dom.js";
import { field } from "./field.js";
import { complaints, countries, FIELDS, remembered } from "./shipping.js";

export function shippingForm() {
  const known = remembered();
  const fields = new Map(FIELDS.map((spec) => [spec.name, shippingField(spec, known[spec.name] ?? "")]));

  const values = () => Object.fromEntries([...fields].map(([name, { control }]) => [name, valueOf(name, control)]));

  /** Marks the fields, by name, and goes to the first of them. */
  const complain = (wrong) => {
    for (const [name, { complain: mark }] of fields) mark(wrong[name]);
    const first = [...fields.keys()].find((name) => wrong[name]);
    if (first) fields.get(first).control.focus();
  };

  return {
    element: el("fieldset", {}, el("legend", {}, "Where should it go?"),
      el("div", { class: "address" }, ...[...fields.values()].map(({ element }) => element))),
    values,
    complain,
    /** True when everything is filled in; otherwise marks what is not. */
    check() {
      const wrong = complaints(values());
      complain(wrong);
      return Object.keys(wrong).length === 0;
    },
  };
}

function shippingField({ name, label, optional, hint, wide, type, autocomplete }, value) {
  const spec = { name, label, optional, hint, wide };
  if (name === "country") return field({ ...spec, input: countrySelect(value, autocomplete) });
  return field({ ...spec, type, autocomplete, value, maxlength: 200 });
}

function countrySelect(value, autocomplete) {
  const options = countries().map(({ code, name }) => el("option", { value: code, selected: code === value }, name));
  return el("select", { autocomplete }, el("option", { value: "" }, "Choose…"), ...options);
}

function valueOf(name, { value }) {
  const trimmed = value.trim();
  // People write numbers in groups; the API takes digits.
  return name === "phone" ? trimmed.replace(/[\s().-]/g, "") : trimmed;
}
