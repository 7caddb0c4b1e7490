/** Where an order goes: the fields of an address, and the address used last time. */

import { shopper } from "./session.js";
import { device } from "./storage.js";

/** `pointer` is where the field stands in the request, which is how the API names it in a complaint. */
export const FIELDS = [
  { name: "name", label: "Full name", missing: "Enter the name of who receives it.", autocomplete: "name", wide: true },
  { name: "line1", label: "Address", missing: "Enter a street and number.", autocomplete: "address-line1", wide: true },
  { name: "line2", label: "Apartment, floor", autocomplete: "address-line2", optional: true, wide: true },
  { name: "city", label: "City", missing: "Enter a city.", autocomplete: "address-level2" },
  { name: "postal_code", label: "Postal code", missing: "Enter a postal code.", autocomplete: "postal-code" },
  { name: "country", label: "Country", missing: "Choose a country.", autocomplete: "country" },
  { name: "phone", label: "Phone", autocomplete: "tel", type: "tel", optional: true, hint: "With the country code: +20 100 123 4567" },
].map((field) => ({ ...field, pointer: field.name === "phone" ? "/phone" : `/shipping_address/${field.name}` }));

const E164 = /^\+[1-9]\d{6,14}$/;

const COUNTRY_CODES = "AD AE AF AG AI AL AM AO AR AS AT AU AW AX AZ BA BB BD BE BF BG BH BI BJ BL BM BN BO BQ BR BS BT BW BY BZ CA CC CD CF CG CH CI CK CL CM CN CO CR CU CV CW CX CY CZ DE DJ DK DM DO DZ EC EE EG EH ER ES ET FI FJ FK FM FO FR GA GB GD GE GF GG GH GI GL GM GN GP GQ GR GT GU GW GY HK HN HR HT HU ID IE IL IM IN IO IQ IR IS IT JE JM JO JP KE KG KH KI KM KN KP KR KW KY KZ LA LB LC LI LK LR LS LT LU LV LY MA MC MD ME MF MG MH MK ML MM MN MO MP MQ MR MS MT MU MV MW MX MY MZ NA NC NE NF NG NI NL NO NP NR NU NZ OM PA PE PF PG PH PK PL PM PN PR PS PT PW PY QA RE RO RS RU RW SA SB SC SD SE SG SH SI SJ SK SL SM SN SO SR SS ST SV SX SY SZ TC TD TF TG TH TJ TK TL TM TN TO TR TT TV TW TZ UA UG US UY UZ VA VC VE VG VI VN VU WF WS YE YT ZA ZM ZW".split(" ");

/** `[{code, name}]`, sorted as the shopper's language sorts. */
export function countries() {
  const names = new Intl.DisplayNames(undefined, { type: "region" });
  return COUNTRY_CODES
    .map((code) => ({ code, name: names.of(code) }))
    .sort((one, other) => one.name.localeCompare(other.name));
}

/** What is wrong with the values, by field name; empty when nothing is. */
export function complaints(values) {
  const wrong = {};
  for (const { name, optional, missing } of FIELDS) {
    if (!optional && !values[name]) wrong[name] = missing;
  }
  if (values.phone && !E164.test(values.phone)) wrong.phone = "Enter the number with its country code, for example +201001234567.";
  return wrong;
}

/** The shipping part of a checkout request; what is optional and empty is left out. */
export function shippingOf({ phone, ...values }) {
  const shipping_address = Object.fromEntries(Object.entries(values).filter(([, value]) => value));
  return phone ? { shipping_address, phone } : { shipping_address };
}

/** Each shopper's own, so that a shared computer shows nobody another's address. */
function storedAs() {
  return `souk.shipping.${shopper()?.id}`;
}

export function remembered() {
  return device.read(storedAs()) ?? {};
}

export function remember(values) {
  device.write(storedAs(), values);
}
