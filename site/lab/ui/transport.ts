/** Pause, step, again, speed, and the settings as chips: what stands between the lede and the figures, below on a phone. */

import type { Pace } from "../state.ts";
import { h, mark, say } from "./h.ts";
import type { Actions, Model, Panel } from "./model.ts";

const paces: readonly (readonly [Pace, string])[] = [
  ["opening", "slow start"],
  ["1", "1 a second"],
  ["5", "5 a second"],
  ["20", "20 a second"],
  ["free", "full speed"],
];

/** `openSettings` shows the form, with the field of that name in focus. */
export function transport(actions: Actions, openSettings: (field: string | null) => void): Panel {
  const words = h("span", { class: "words" }, "Start");
  const sign = h("span", { "aria-hidden": "true" }, "▶");
  const pause = h(
    "button",
    { class: "main pause", type: "button", "aria-keyshortcuts": "K", onclick: actions.toggle },
    sign,
    words,
  );
  const one = h(
    "button",
    { type: "button", "aria-label": "One step", "aria-keyshortcuts": ".", onclick: actions.oneStep },
    h("span", { "aria-hidden": "true" }, "▸|"),
    h("span", { class: "words" }, "Step"),
  );
  const again = h(
    "button",
    {
      type: "button",
      "aria-label": "Again, with the same first weights",
      "aria-keyshortcuts": "R",
      onclick: actions.again,
    },
    h("span", { "aria-hidden": "true" }, "⟲"),
    h("span", { class: "words" }, "Again"),
  );
  const step = h("span", { class: "step" });
  const speed = h(
    "select",
    { "aria-label": "Speed", onchange: () => actions.pace(speed.value as Pace) },
    ...paces.map(([value, label]) => h("option", { value }, label)),
  );
  const chips = h("div", { class: "chips", role: "group", "aria-label": "Settings" });
  const open = h(
    "button",
    { class: "open-settings push", type: "button", onclick: () => openSettings(null) },
    "Settings",
  );
  const element = h(
    "div",
    { class: "lab-bar", role: "group", "aria-label": "Training" },
    pause,
    one,
    again,
    step,
    h("label", { class: "speed" }, h("span", {}, "speed"), speed),
    open,
    chips,
  );
  let shown = "";
  return {
    element,
    update(model) {
      const label = model.playing ? "Pause" : model.step === 0 ? "Start" : "Go on";
      say(words, label);
      say(sign, model.playing ? "❚❚" : "▶");
      mark(pause, "aria-label", label);
      say(step, `step ${model.step}`);
      mark(step, "title", model.speed > 0 ? `${model.speed.toFixed(0)} steps a second here` : "");
      if (speed.value !== model.pace) speed.value = model.pace;
      const list = chipsOf(model);
      if (list.join() === shown) return;
      shown = list.join();
      chips.replaceChildren(
        ...list.map(([field, text]) =>
          h("button", { class: "chip", type: "button", onclick: () => openSettings(field) }, text),
        ),
      );
    },
  };
}

/** The settings that are worth a chip, each with its field's name in the form. */
function chipsOf({ run }: Model): (readonly [field: string, text: string])[] {
  const pair = (a: string, b: string): string => (a === b ? a : `${a} | ${b}`);
  return [
    ["depth", `depth ${run.depth}`],
    ["width", `width ${run.width}`],
    ["a.shortcut", `${run.a.shortcut} | ${run.b.shortcut}`],
    ["a.order", pair(run.a.order, run.b.order)],
    ["a.batchNorm", `norm ${pair(run.a.batchNorm ? "✓" : "–", run.b.batchNorm ? "✓" : "–")}`],
    ["a.learningRate", `lr ${pair(String(run.a.learningRate), String(run.b.learningRate))}`],
    ["seed", `seed ${run.seed}`],
    ["data", run.data],
    ["", "all …"],
  ];
}
