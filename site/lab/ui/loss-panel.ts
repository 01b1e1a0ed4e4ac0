/** The loss of each batch and its running mean. */
import { drawLoss, type LossData, type LossSeries, type Mark, stepAt } from "../draw/loss.ts";
import type { Name } from "../state.ts";
import type { Store } from "../store.ts";
import type { Table } from "./csv.ts";
import { cells, figure, heard } from "./figure.ts";
import { h } from "./h.ts";
import { both, type Model, namesOf, type Panel } from "./model.ts";
import { short } from "./words.ts";

/** A store's losses up to step `end` (not included): the figure shows the same step of both networks. */
function upTo(store: Store | null, end: number): LossSeries | null {
  if (store === null) return null;
  const { losses } = store;
  let { length } = losses;
  while (length > 0 && losses.step(length - 1) >= end) length--;
  return { length, step: (i) => losses.step(i), loss: (i) => losses.loss(i), mean: (i) => losses.mean(i) };
}

/** The last place whose step is not after `step`. */
function nearest(series: LossSeries, step: number): number {
  let [low, high] = [0, series.length - 1];
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (series.step(middle) <= step) low = middle;
    else high = middle - 1;
  }
  return low;
}

export function lossPanel(model: Model): Panel {
  let hover: number | null = null;
  const data = (): LossData => ({
    a: upTo(model.stores.a, model.step),
    b: upTo(model.stores.b, model.step),
    names: namesOf(model.run),
    marks: marksOf(model),
    hover,
  });
  const table = (): Table => {
    const { a, b } = data();
    const every = Math.max(1, Math.ceil((a?.length ?? 0) / 500));
    const rows = Array.from({ length: Math.floor((a?.length ?? 0) / every) }, (_, i) => {
      const at = i * every;
      return [
        a!.step(at),
        ...[a, b].flatMap((one) => [short(one?.loss(at) ?? Number.NaN), short(one?.mean(at) ?? Number.NaN)]),
      ];
    });
    const { a: nameA, b: nameB } = namesOf(model.run);
    return { columns: ["step", nameA, "its mean", nameB, "its mean"], rows };
  };
  const parts = figure({
    name: "loss",
    title: "Loss of each batch",
    caption: "How wrong each batch was answered, and the running mean. Down is better. ✂ marks a cut.",
    className: "lab-loss",
    canvasClass: "medium",
    draw: (pen, size, paint) => drawLoss(data(), size, paint, pen),
    table,
  });
  const { screen, hover: card } = parts;
  const tell = heard(screen.element);
  screen.element.addEventListener("pointermove", ({ offsetX, offsetY }) => {
    hover = stepAt(data(), screen.size, offsetX);
    screen.stale = true;
    if (hover === null || hover >= model.step) return card.close();
    const names = namesOf(model.run);
    const series = data();
    const rows = both.flatMap((name) => {
      const one = series[name];
      if (one === null || one.length === 0) return [];
      const at = nearest(one, hover!);
      return [cells(names[name], one.loss(at).toFixed(2), `mean ${one.mean(at).toFixed(2)}`)];
    });
    card.show(offsetX, offsetY, h("b", {}, `Step ${hover}`), h("table", {}, ...rows));
  });
  screen.element.addEventListener("pointerleave", () => {
    hover = null;
    screen.stale = true;
    card.hide();
  });
  return {
    element: parts.element,
    screen,
    update() {
      const series = data();
      const last = (name: Name): string => {
        const one = series[name];
        return one === null || one.length === 0 ? "nothing yet" : one.mean(one.length - 1).toFixed(1);
      };
      const names = namesOf(model.run);
      const sentence = (): string =>
        `Loss, running mean: ${names.a} ${last("a")}, ${names.b} ${last("b")}. Guessing costs 2.3.`;
      tell(sentence, [model.playing, model.step > 0].join());
    },
    draw: () => screen.paint((pen, size, paint) => drawLoss(data(), size, paint, pen), model.paint),
  };
}

function marksOf({ run }: Model): Mark[] {
  const seen = new Set<string>();
  return run.events.flatMap(({ step, change, side }) => {
    const kind = change.kind === "rate" ? "rate" : change.part === "none" ? "rejoin" : "cut";
    const key = `${step}${kind}`;
    if (seen.has(key)) return [];
    seen.add(key);
    return [
      { step, kind, label: change.kind === "rate" ? String(change.value) : side === "both" ? "both" : "" } as Mark,
    ];
  });
}
