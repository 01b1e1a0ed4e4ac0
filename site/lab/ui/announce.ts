/** What a screen reader hears: one polite sentence at a time, never a flood. */
import { h } from "./h.ts";
import { Paced } from "./paced.ts";

export interface Announcer {
  readonly element: HTMLElement;
  /** Says a sentence; of those that come within two seconds only the last is said. */
  say(sentence: string): void;
}

export function announcer(): Announcer {
  const element = h("p", { class: "ear", role: "status", "aria-live": "polite" });
  const paced = new Paced<string>((sentence) => {
    // The same words twice would not be read twice: a no-break space at the end makes them others.
    element.textContent = element.textContent === sentence ? `${sentence}\u00a0` : sentence;
  }, 2000);
  return { element, say: (sentence) => paced.push(sentence) };
}
