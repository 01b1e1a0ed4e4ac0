/** Notices under the controls: what the reader should know, each with a way to put it away, some with something to do. */
import { h } from "./h.ts";

export interface Notices {
  readonly element: HTMLElement;
  /** Shows a notice; one with the same key is replaced. */
  show(key: string, words: string, act?: { readonly label: string; readonly run: () => void }): void;
  remove(key: string): void;
}

export function notices(): Notices {
  const element = h("div", { class: "lab-notice", role: "status", hidden: true });
  const all = new Map<string, HTMLElement>();
  const remove = (key: string): void => {
    all.get(key)?.remove();
    all.delete(key);
    element.hidden = all.size === 0;
  };
  return {
    element,
    remove,
    show(key, words, act) {
      remove(key);
      const close = h(
        "button",
        { class: "small", type: "button", "aria-label": "Close this notice", onclick: () => remove(key) },
        "✕",
      );
      const button = act === undefined ? null : h("button", { type: "button", onclick: act.run }, act.label);
      const row = h("div", {}, h("span", {}, words), h("span", { class: "row" }, button, close));
      all.set(key, row);
      element.append(row);
      element.hidden = false;
    },
  };
}
