/** Elements without a framework: `h("button", { class: "key", onclick: start }, "Start")`. */

/** A listener, a text or number for an attribute, true for an attribute without value; false, null, undefined: left out. */
export type Attribute = string | number | boolean | null | undefined | ((event: never) => void);
export type Child = Node | string | null;

/** An element with attributes and listeners (names that begin with `on`) and children; null children are left out. */
export function h<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  attributes: Record<string, Attribute> = {},
  ...children: readonly Child[]
): HTMLElementTagNameMap[K] {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === "function") element.addEventListener(name.slice(2), value as EventListener);
    else if (value !== false && value !== null && value !== undefined) {
      element.setAttribute(name, value === true ? "" : String(value));
    }
  }
  element.append(...children.filter((child) => child !== null));
  return element;
}

/** Writes a text only if it is another one, so that nothing is laid out or read aloud anew. */
export function say(element: HTMLElement, words: string): void {
  if (element.textContent !== words) element.textContent = words;
}

/** Sets or removes an attribute, only if that changes it. */
export function mark(element: Element, name: string, value: string | boolean): void {
  if (value === false) {
    if (element.hasAttribute(name)) element.removeAttribute(name);
  } else {
    const text = value === true ? "" : value;
    if (element.getAttribute(name) !== text) element.setAttribute(name, text);
  }
}
