/**
 * Every setting of a run. A change that needs new networks starts both anew, when the field is left, not while a slider moves;
 * the learning rate changes while it runs. What the library refuses is greyed, with the library's own sentence.
 */
import {
  clamp,
  LIMITS,
  type Limits,
  type Name,
  ORDER_NAMES,
  plainTwin,
  type Run,
  SHORTCUT_KINDS,
  type Side,
  STARTS,
} from "../state.ts";
import { h, mark, say } from "./h.ts";
import { type Actions, both, isPlainTwin, type Model, orderWords, type Panel, startWords } from "./model.ts";

/** Why a network cannot be made; refusal.ts, loaded when the form is opened, since it holds the library's models. */
type Refusal = (run: Run, side: Side) => string | null;

export interface Settings extends Panel {
  /** Shows the form, that field in focus; null: hides it if it is open. */
  open(field: string | null): void;
}

type NumberKey = "depth" | "width" | "batch" | "seed";
const numbers: readonly (readonly [NumberKey, string])[] = [
  ["depth", "depth (layers)"],
  ["width", "width (channels)"],
  ["batch", "batch (images)"],
  ["seed", "seed"],
];

export function settings(model: Model, actions: Actions): Settings {
  let refusal: Refusal | null = null;
  const why = h("p", { class: "why", role: "status" });
  const syncs: (() => void)[] = [];
  const start = (run: Run): void => {
    const words = refusal === null ? null : (refusal(run, run.a) ?? refusal(run, run.b));
    say(why, words === null ? "" : words);
    if (words === null) actions.start({ ...run, events: [] });
    else for (const sync of syncs) sync();
  };
  const fields = h(
    "div",
    { class: "fields" },
    ...numbers.map(([key, label]) => numberField(key, label, model, start, syncs)),
  );
  fields.append(
    h(
      "button",
      { type: "button", onclick: () => start({ ...model.run, seed: (model.run.seed * 31 + 7) % 1000 }) },
      "Another seed",
    ),
    choice(
      "data",
      "images",
      ["digits", "fashion"],
      () => model.run.data,
      (data) => start({ ...model.run, data: data as Run["data"] }),
      syncs,
    ),
    choice(
      "pixels",
      "size of an image",
      ["14", "28"],
      () => String(model.run.pixels),
      (pixels) => start({ ...model.run, pixels: Number(pixels) as 14 | 28 }),
      syncs,
      (value) => `${value} × ${value}`,
    ),
  );
  const twin = checkbox(
    "twin",
    "B is the plain twin of A",
    () => isPlainTwin(model.run),
    (on) => start({ ...model.run, b: on ? plainTwin(model.run.a) : { ...model.run.b, shortcut: "scale" } }),
    syncs,
  );
  const refusals: (() => void)[] = [];
  const sides = both.map((name) => sideFields(name, model, actions, start, syncs, refusals, () => refusal));
  const element = h(
    "form",
    {
      class: "lab-settings",
      hidden: true,
      "aria-label": "Settings",
      onsubmit: (event: Event) => event.preventDefault(),
    },
    h(
      "div",
      { class: "head" },
      h("h2", {}, "Settings"),
      h("span", { class: "quiet" }, "a change starts both networks anew; the learning rate changes at once"),
      h("button", { class: "small", type: "button", onclick: () => toggle(false) }, "Close"),
    ),
    fields,
    twin,
    h("div", { class: "sides" }, ...sides),
    why,
  );
  const refresh = (): void => {
    for (const sync of [...syncs, ...refusals]) sync();
  };
  function toggle(open: boolean): void {
    element.hidden = !open;
    if (!open) return;
    refresh();
    if (refusal === null) {
      import("../refusal.ts").then(
        (module) => {
          refusal = module.refusal;
          refresh();
        },
        () => say(why, "What cannot be combined is not known now: the file could not be loaded."),
      );
    }
  }
  let shown: Run | null = null;
  return {
    element,
    open(field) {
      toggle(field !== null || element.hidden !== false);
      if (field === null || field === "") return;
      (element.elements.namedItem(field) as HTMLElement | null)?.focus();
    },
    update() {
      if (element.hidden || shown === model.run) return;
      shown = model.run;
      refresh();
    },
  };
}

function numberField(
  key: NumberKey,
  label: string,
  model: Model,
  start: (run: Run) => void,
  syncs: (() => void)[],
): HTMLElement {
  const limits: Limits = LIMITS[key];
  const shown = h("span");
  const input = h("input", {
    name: key,
    type: key === "seed" ? "number" : "range",
    min: limits.min,
    max: limits.max,
    step: limits.step ?? "any",
    // Previewed while it moves, begun when it is let go.
    oninput: () => say(shown, `${label}: ${input.value}`),
    onchange: () => {
      const value = clamp(Number(input.value), limits);
      if (value !== model.run[key]) start({ ...model.run, [key]: value });
    },
  });
  const sync = (): void => {
    input.value = String(model.run[key]);
    say(shown, key === "seed" ? label : `${label}: ${input.value}`);
  };
  syncs.push(sync);
  sync();
  return h("label", {}, shown, input);
}

function choice(
  name: string,
  label: string,
  values: readonly string[],
  get: () => string,
  set: (value: string) => void,
  syncs: (() => void)[],
  words: (value: string) => string = (value) => value,
): HTMLElement {
  const select = h(
    "select",
    { name, onchange: () => set(select.value) },
    ...values.map((value) => h("option", { value }, words(value))),
  );
  syncs.push(() => {
    select.value = get();
  });
  select.value = get();
  return h("label", {}, label, select);
}

function checkbox(
  name: string,
  label: string,
  get: () => boolean,
  set: (on: boolean) => void,
  syncs: (() => void)[],
): HTMLElement {
  const input = h("input", { name, type: "checkbox", onchange: () => set(input.checked) });
  syncs.push(() => {
    input.checked = get();
  });
  return h("label", { class: "check" }, input, label);
}

function sideFields(
  name: Name,
  model: Model,
  actions: Actions,
  start: (run: Run) => void,
  syncs: (() => void)[],
  refusals: (() => void)[],
  refusal: () => Refusal | null,
): HTMLElement {
  // A twin follows in everything but its shortcut.
  const set = (part: Partial<Side>): void => {
    const { run } = model;
    const side = { ...run[name], ...part };
    start(name === "a" && isPlainTwin(run) ? { ...run, a: side, b: plainTwin(side) } : { ...run, [name]: side });
  };
  const side = (): Side => model.run[name];
  const number = (key: "lambda" | "gateBias", label: string): HTMLElement => {
    const input = h("input", {
      name: `${name}.${key}`,
      type: "number",
      min: LIMITS[key].min,
      max: LIMITS[key].max,
      step: key === "lambda" ? 0.1 : 1,
      onchange: () => set({ [key]: clamp(Number(input.value), LIMITS[key]) }),
    });
    const field = h("label", {}, label, input);
    syncs.push(() => {
      input.value = String(side()[key]);
      field.hidden =
        side().shortcut !== (key === "lambda" ? "scale" : "gate") &&
        !(key === "gateBias" && side().shortcut === "shortcutGate");
    });
    return field;
  };
  const pick = <K extends "shortcut" | "order" | "start">(
    key: K,
    label: string,
    values: readonly Side[K][],
    words?: Record<string, string>,
  ): HTMLElement => {
    const field = choice(
      `${name}.${key}`,
      label,
      values,
      () => side()[key] as string,
      (value) => set({ [key]: value } as Partial<Side>),
      syncs,
      (value) => words?.[value] ?? value,
    );
    refusals.push(() =>
      greyOut(field.querySelector("select")!, (value) => refusal()?.(model.run, { ...side(), [key]: value }) ?? null),
    );
    return field;
  };
  return h(
    "fieldset",
    { class: name === "b" ? "second" : null },
    h("legend", {}, name === "a" ? "A, the upper network" : "B, the lower network"),
    h(
      "div",
      { class: "fields" },
      pick("shortcut", "shortcut", SHORTCUT_KINDS),
      number("lambda", "times λ"),
      number("gateBias", "gate's bias at the start"),
      pick("order", "order in a block", ORDER_NAMES, orderWords),
      pick("start", "start of the branches", STARTS, startWords),
      checkbox(
        `${name}.batchNorm`,
        "batch norm",
        () => side().batchNorm,
        (batchNorm) => set({ batchNorm }),
        syncs,
      ),
      rateField(name, model, actions, syncs),
    ),
  );
}

/** Greys the options that the library refuses, each with its sentence. */
function greyOut(select: HTMLSelectElement, why: (value: string) => string | null): void {
  for (const option of select.options) {
    const words = option.value === select.value ? null : why(option.value);
    option.disabled = words !== null;
    mark(option, "title", words ?? false);
    option.dataset["label"] ??= option.textContent ?? "";
    const label = option.dataset["label"];
    say(option, words === null ? label : `${label} (${words})`.slice(0, 120));
  }
}

/** The learning rate on a log scale; it changes at the next step, without a new start. */
function rateField(name: Name, model: Model, actions: Actions, syncs: (() => void)[]): HTMLElement {
  const shown = h("span");
  const value = (): number => Number((10 ** Number(input.value)).toPrecision(2));
  const input = h("input", {
    name: `${name}.learningRate`,
    type: "range",
    min: -3,
    max: 0,
    step: 0.05,
    oninput: () => say(shown, `learning rate: ${value()}`),
    onchange: () => actions.rate(name, value()),
  });
  syncs.push(() => {
    const rate = rateNow(model.run, name);
    input.value = String(Math.log10(rate));
    say(shown, `learning rate: ${rate}`);
  });
  return h("label", {}, shown, input);
}

/** The learning rate after the run's events. */
export function rateNow(run: Run, name: Name): number {
  let rate = run[name].learningRate;
  for (const { side, change } of run.events)
    if (change.kind === "rate" && (side === name || side === "both")) rate = change.value;
  return rate;
}
