/** Making and changing elements. Text is only ever text: nothing here, or anywhere on the page, reads markup from a string. */

export type Child = Node | string | null;
type Attributes = Readonly<Record<string, string | number | boolean | null>>;

function filled<E extends Element>(element: E, attributes: Attributes, children: readonly Child[]): E {
  for (const [name, value] of Object.entries(attributes)) setAttribute(element, name, value);
  for (const child of children) if (child !== null) element.append(child);
  return element;
}

/** False and null take it away; true is an attribute without a value. */
export function setAttribute(element: Element, name: string, value: string | number | boolean | null): void {
  if (value === null || value === false) element.removeAttribute(name);
  else {
    const text = value === true ? "" : String(value);
    if (element.getAttribute(name) !== text) element.setAttribute(name, text);
  }
}

export const h = <K extends keyof HTMLElementTagNameMap>(
  tag: K,
  attributes: Attributes = {},
  ...children: Child[]
): HTMLElementTagNameMap[K] => filled(document.createElement(tag), attributes, children);

const SVG = "http://www.w3.org/2000/svg";
export const svg = <K extends keyof SVGElementTagNameMap>(
  tag: K,
  attributes: Attributes = {},
  ...children: Child[]
): SVGElementTagNameMap[K] => filled(document.createElementNS(SVG, tag), attributes, children);

/** Writes only what differs: what a person selects or a screen reader reads stays as it is. */
export function setText(element: Element, text: string): void {
  if (element.textContent !== text) element.textContent = text;
}

/** The same for a sentence: what stands between backticks is shown as code. */
export function setProse(element: Element, text: string): void {
  if (element.textContent === text.replaceAll("`", "")) return;
  const parts = text.split("`").map((part, index) => (index % 2 === 1 ? h("code", {}, part) : part));
  element.replaceChildren(...parts);
}

/** Replaces what is in an element; whoever is in it with the keyboard stays at what has the same name there. */
export function replaceAll(element: Element, ...children: Node[]): void {
  const { activeElement: active } = document;
  const alike = (): HTMLElement[] =>
    active instanceof HTMLElement
      ? [...element.querySelectorAll<HTMLElement>("a, button")].filter((each) => nameOf(each) === nameOf(active))
      : [];
  const place = alike().findIndex((each) => each.matches(":focus"));
  element.replaceChildren(...children);
  if (place >= 0) alike().at(place)?.focus({ preventScroll: true });
}
const nameOf = (element: Element): string => element.ariaLabel ?? element.textContent ?? "";

/** The element of index.html with this id. */
export function byId(id: string): HTMLElement {
  const element = document.getElementById(id);
  if (element === null) throw new Error(`index.html has no #${id}`);
  return element;
}

/** A button that does something. */
export function button(attributes: Attributes, does: () => void, ...children: Child[]): HTMLButtonElement {
  const element = h("button", { type: "button", ...attributes }, ...children);
  element.addEventListener("click", does);
  return element;
}

/** A link to an instance of the page. */
export const linkTo = (name: string): HTMLAnchorElement =>
  h("a", { href: `#/instance/${encodeURIComponent(name)}` }, name);

/** A time as `<time>`: the words, and the exact one to hover on. */
export function timeOf(iso: string, words: string): HTMLTimeElement {
  return h("time", { datetime: iso, title: iso }, words);
}
