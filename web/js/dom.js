/** Elements, made without ever parsing a string as HTML: whatever comes from data stays text. */

/**
 * @param {string} tag
 * @param {Object} props attributes; `on` holds listeners; `null`, `undefined` and `false` are left out
 * @param {...(Node|string|null)} children
 */
export function el(tag, props = {}, ...children) {
  const element = document.createElement(tag);
  const { on = {}, ...attributes } = props;
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    element.setAttribute(name, value === true ? "" : String(value));
  }
  for (const [event, listener] of Object.entries(on)) element.addEventListener(event, listener);
  element.append(...children.filter((child) => child !== null && child !== undefined));
  return element;
}

/** Says something to people who listen to the page instead of looking at it. */
export function announce(words) {
  document.getElementById("announcer").textContent = words;
}
