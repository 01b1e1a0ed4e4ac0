/** The card of one network: how well it reads, and what becomes of its gradient, in words. */

import type { Name } from "../state.ts";
import { h, mark, say } from "./h.ts";
import { type Actions, imageWord, type Model, type Panel, sideTitle } from "./model.ts";
import { healthOf, percent, readingWords, verdictBrief, verdictSentence } from "./words.ts";

/** The gradient at the first layers over that at the last, as the figure's median has it; NaN before the first step. */
export type FactorOf = (name: Name) => number;

export function card(name: Name, factorOf: FactorOf, actions: Actions): Panel {
  const title = h("span");
  const number = h("div", { class: "number" }, "–");
  const reading = h("span");
  const verdict = h("span");
  const words = h("p", { class: "words" }, reading, verdict);
  const brief = h("p", { class: "brief" });
  const element = h(
    "section",
    {
      class: `lab-card lab-${name}`,
      "data-place": `card-${name}`,
      "aria-label": name === "a" ? "Upper network" : "Lower network",
    },
    h("h2", {}, lineSign(name), title),
    number,
    words,
    brief,
  );
  let health = "";
  return {
    element,
    update(model) {
      const side = model.sides[name];
      say(title, sideTitle(model.run, name));
      const { tested } = side;
      say(number, tested === null ? "–" : percent(tested.accuracy));
      say(reading, `${readingWords(tested?.accuracy ?? 0, tested?.images ?? 0, imageWord(model.run.data))}.`);
      const factor = factorOf(name);
      const sentence = stateSentence(model, name, factor);
      say(verdict, sentence);
      say(
        brief,
        side.failed !== null
          ? `stopped at step ${side.failed.step}`
          : Number.isNaN(factor) && model.step === 0
            ? ""
            : verdictBrief(factor),
      );
      mark(element, "data-health", healthOf(factor));
      const now = side.failed !== null ? "failed" : model.step > 0 ? healthOf(factor) : "";
      if (now !== health && now !== "") actions.announce(`${sideTitle(model.run, name)}: ${sentence}`);
      health = now;
    },
  };
}

function stateSentence(model: Model, name: Name, factor: number): string {
  const { failed } = model.sides[name];
  if (failed !== null) return `Stopped at step ${failed.step}: ${failed.message}`;
  if (model.step === 0) return "Not trained yet.";
  return verdictSentence(factor);
}

/** The network's line as the figures draw it, so that colour is never alone: solid with a dot, dashed with a triangle. */
function lineSign(name: Name): HTMLElement {
  const sign = h("span", { class: "sign", "aria-hidden": "true" });
  sign.innerHTML =
    name === "a"
      ? '<svg width="34" height="10"><path d="M0 5h34" stroke="var(--residual)" stroke-width="2.5"/><circle cx="17" cy="5" r="3.5" fill="var(--residual)"/></svg>'
      : '<svg width="34" height="10"><path d="M0 5h34" stroke="var(--plain)" stroke-width="2.5" stroke-dasharray="6 4"/><path d="M17 0l4.5 8.5h-9z" fill="var(--background)" stroke="var(--plain)" stroke-width="1.5"/></svg>';
  return sign;
}
