/** The main figure: the gradient at every layer of both networks, between their two diagrams, on one x axis. */
import { bordersOf, type Curve, drawFlow, type FlowData, flowLayout, layerAt, layerX } from "../draw/flow.ts";
import { GRADIENT_AXIS, grown, type LogAxis, RATIO_AXIS } from "../draw/scale.ts";
import type { Name } from "../state.ts";
import type { Flow } from "../store.ts";
import { factorInWords } from "../words.ts";
import type { Table } from "./csv.ts";
import { cells, figure, heard } from "./figure.ts";
import { h, mark, say } from "./h.ts";
import { type Actions, both, type Model, namesOf, type Panel } from "./model.ts";
import { healthOf, rowSentence, short } from "./words.ts";

/** What the figure and the diagrams draw, read off the stores once per step. */
export interface FlowReader {
  read(): {
    readonly a: Flow | null;
    readonly b: Flow | null;
    readonly axis: LogAxis;
    readonly reference: number | null;
  };
  /** The gradients, whatever the chart shows. */
  gradient(name: Name): Flow | null;
  /** The gradient at the first layers (median of the first three) over the last layer's; NaN before the first step. */
  factor(name: Name): number;
}

export function flowReader(model: Model): FlowReader {
  let [step, view, stores] = [-1, model.view, null as unknown];
  let axis: LogAxis = GRADIENT_AXIS;
  let found: { a: Flow | null; b: Flow | null; reference: number | null } = { a: null, b: null, reference: null };
  const known = { a: null as Flow | null, b: null as Flow | null, step: -1, of: null as unknown };
  // Medians of 24 steps at all layers cost something: once per step, for chart, diagrams and cards.
  const gradient = (name: Name): Flow | null => {
    if (known.step !== model.step || known.of !== model.stores.a) {
      for (const side of both) known[side] = model.stores[side]?.flow(model.step - 1) ?? null;
      [known.step, known.of] = [model.step, model.stores.a];
    }
    return known[name];
  };
  const get = (name: Name): Flow | null =>
    model.view === "ratio" ? (model.stores[name]?.ratios(model.step - 1) ?? null) : gradient(name);
  const read = (): ReturnType<FlowReader["read"]> => {
    if (model.stores.a !== stores || model.view !== view) {
      axis = model.view === "ratio" ? RATIO_AXIS : GRADIENT_AXIS;
      [step, view, stores] = [-1, model.view, model.stores.a];
    }
    if (model.step !== step) {
      step = model.step;
      const [a, b] = [get("a"), get("b")];
      for (const flow of [a, b])
        if (flow !== null) for (const values of [flow.now, flow.low]) axis = grown(axis, values);
      const last = (a ?? b)?.median.at(-1) ?? Number.NaN;
      found = { a, b, reference: model.view === "gradient" && last > 0 ? last : null };
    }
    return { ...found, axis };
  };
  return {
    read,
    gradient,
    factor(name) {
      const flow = gradient(name);
      if (flow === null) return Number.NaN;
      const first = Array.from(flow.median.subarray(0, 3)).sort((x, y) => x - y);
      return first[Math.floor(first.length / 2)]! / flow.median.at(-1)!;
    },
  };
}

export function flowPanel(
  model: Model,
  actions: Actions,
  reader: FlowReader,
  diagrams: Readonly<Record<Name, HTMLElement>>,
): Panel {
  let hover: number | null = null;
  const data = (): FlowData => {
    const network = model.sides.a.network ?? model.sides.b.network;
    return {
      view: model.view,
      ...reader.read(),
      names: namesOf(model.run),
      borders: network === null ? [] : bordersOf(network),
      hover,
    };
  };
  const views = (["gradient", "ratio"] as const).map((view) =>
    h(
      "button",
      { class: "small", type: "button", onclick: () => actions.view(view) },
      view === "gradient" ? "gradient" : "update ratio",
    ),
  );
  const parts = figure({
    name: "flow",
    title: "Gradient at every layer",
    caption: "",
    className: "lab-flow",
    canvasClass: "chart",
    draw: (pen, size, paint) => drawFlow(data(), size, paint, pen),
    table: () => tableOf(model, reader),
    controls: [h("span", { class: "row", role: "group", "aria-label": "What the chart shows" }, ...views)],
  });
  const { screen, hover: card, stage } = parts;
  stage.before(
    h(
      "div",
      { class: "ends" },
      h("span", {}, "image"),
      h("span", {}, "← the gradient travels this way; height and thickness: how much of it is there"),
      h("span", {}, "loss"),
    ),
    diagrams.a,
  );
  const stages = h("div", { class: "stages" });
  const tell = heard(screen.element);
  stage.after(diagrams.b, stages);
  screen.element.tabIndex = 0;

  const layout = (): ReturnType<typeof flowLayout> =>
    flowLayout((model.sides.a.network ?? model.sides.b.network)?.layers.length ?? 1, screen.size);
  function show(layer: number | null, y = 24): void {
    if (hover !== layer) screen.stale = true;
    hover = layer;
    if (layer === null) {
      card.hide();
      return;
    }
    card.show(layerX(layout(), layer), y, ...hoverWords(model, reader, layer));
  }
  screen.element.addEventListener("pointermove", ({ offsetX, offsetY }) =>
    show(layerAt(layout(), offsetX), Math.max(0, offsetY - 40)),
  );
  screen.element.addEventListener("pointerleave", () => show(null));
  screen.element.addEventListener("blur", () => show(null));
  screen.element.addEventListener("click", ({ offsetX }) => {
    const layer = layerAt(layout(), offsetX);
    if (layer !== null) chooseLayer(model, actions, layer);
  });
  screen.element.addEventListener("keydown", (event) => {
    const by = { ArrowLeft: -1, ArrowRight: 1, Home: Number.NEGATIVE_INFINITY, End: Number.POSITIVE_INFINITY }[
      event.key
    ];
    if (event.key === "Enter" && hover !== null) return chooseLayer(model, actions, hover);
    if (by === undefined) return;
    event.preventDefault();
    const { layers } = layout();
    show(Math.max(0, Math.min(layers - 1, (hover ?? (by > 0 ? -1 : layers)) + by)));
    if (hover !== null) actions.announce(hoverSentence(model, reader, hover));
  });
  return {
    element: parts.element,
    screen,
    update() {
      views.forEach((button, i) => {
        mark(button, "aria-pressed", String(model.view === (i === 0 ? "gradient" : "ratio")));
      });
      say(parts.title, model.view === "gradient" ? "Gradient at every layer" : "How much each layer changes in a step");
      say(
        parts.caption,
        model.view === "gradient"
          ? "The axis counts in powers of ten: from 1 down to 10⁻⁶ is a millionth. Line: the middle of the last 24 steps, band: their spread, symbols: this very step."
          : "Update ratio ‖Δw‖/‖w‖: by which part of its size a layer's weight changes in one step.",
      );
      if (card.open && hover !== null) show(hover);
      say(stages, stageWords(model));
      const states = both.map((name) => healthOf(reader.factor(name)));
      tell(() => sentence(model, reader), [model.playing, model.view, model.step > 0, ...states].join());
    },
    draw: () => screen.paint((pen, size, paint) => drawFlow(data(), size, paint, pen), model.paint),
  };
}

/** Chooses the block to which a layer belongs. */
function chooseLayer(model: Model, actions: Actions, layer: number): void {
  const side = model.chosen?.side ?? "a";
  const block = model.sides[side].network?.blocks.findIndex(({ layers }) => layers.includes(layer)) ?? -1;
  if (block >= 0) actions.choose(side, block, block);
}

function layerName(model: Model, layer: number): string {
  return (model.sides.a.network ?? model.sides.b.network)?.layers[layer] ?? "";
}

function hoverWords(model: Model, reader: FlowReader, layer: number): Node[] {
  const flows = reader.read();
  const names = namesOf(model.run);
  const rows = both.map((name) => {
    const flow: Curve | null = flows[name];
    if (flow === null) return cells(names[name], "nothing yet");
    const value = flow.now[layer]!;
    if (model.view === "ratio") return cells(names[name], short(value));
    const factor = flow.median[layer]! / flow.median[flow.median.length - 1]!;
    return cells(names[name], short(value), `${factorInWords(factor)}: ${healthOf(factor)}`);
  });
  return [
    h("b", {}, `Layer ${layer + 1}, ${layerName(model, layer)}`),
    h("table", {}, ...rows),
    h("div", { class: "faint" }, "click: choose its block"),
  ];
}

function hoverSentence(model: Model, reader: FlowReader, layer: number): string {
  const flows = reader.read();
  const names = namesOf(model.run);
  return `Layer ${layer + 1}: ${both.map((name) => `${names[name]} ${flows[name] === null ? "nothing yet" : short(flows[name].now[layer]!)}`).join(", ")}`;
}

/** What a screen reader says of the figure. */
export function sentence(model: Model, reader: FlowReader): string {
  const flows = reader.read();
  const names = namesOf(model.run);
  const words = both.map((name) =>
    flows[name] === null ? `${names[name]}: nothing yet` : rowSentence(names[name], flows[name].median),
  );
  const what = model.view === "gradient" ? "Gradient at every layer" : "Update ratio of every layer";
  return `${what}. ${words.join("; ")}. Step ${model.step}. Arrow keys go from layer to layer.`;
}

function tableOf(model: Model, reader: FlowReader): Table {
  const flows = reader.read();
  const names = namesOf(model.run);
  const layers = (model.sides.a.network ?? model.sides.b.network)?.layers ?? [];
  return {
    columns: ["layer", "name", ...both.flatMap((name) => [names[name], "median of 24"])],
    rows: layers.map((name, i) => [
      i + 1,
      name,
      ...both.flatMap((side) =>
        [flows[side]?.now[i], flows[side]?.median[i]].map((value) => (value === undefined ? "–" : short(value))),
      ),
    ]),
  };
}

/** "stage 1: 4 channels, 14×14 · stage 2: …" */
function stageWords(model: Model): string {
  const blocks = (model.sides.a.network ?? model.sides.b.network)?.blocks ?? [];
  const stages = [...new Set(blocks.map(({ stage }) => stage))];
  return stages
    .map((stage) => blocks.filter((block) => block.stage === stage).at(-1)!)
    .map(({ stage, outChannels, pixels }) => `stage ${stage + 1}: ${outChannels} channels, ${pixels}×${pixels}`)
    .join("   ·   ");
}
