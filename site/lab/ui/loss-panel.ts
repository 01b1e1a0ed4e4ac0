/** The loss of each batch and its running mean. */
import { drawLoss, type LossData, type LossSeries, type Mark, stepAt } from "../draw/loss.ts";
import type { Name } from "../state.ts";
import type { Store } from "../store.ts";
import type { Table } from "./csv.ts";
import { cells, describe, figure } from "./figure.ts";
import { h } from "./h.ts";
import { both, type Model, namesOf, type Panel } from "./model.ts";
import { short } from "./words.ts";

/** A store's losses as the arrays that the figure wants; they grow, and are filled only where new. */
class Series implements LossSeries {
  count = 0;
  steps = new Float64Array(1024);
  losses = new Float64Array(1024);
  means = new Float64Array(1024);
  private of: Store | null = null;
  private first = -1;

  /** Takes what the store has, up to step `end` (not included). */
  read(store: Store | null, end: number): LossSeries | null {
    if (store === null) return null;
    const { losses } = store;
    const first = losses.length > 0 ? losses.step(0) : -1;
    // A store that forgets its oldest steps has other places: read it anew.
    if (store !== this.of || first !== this.first || losses.length < this.count) this.count = 0;
    [this.of, this.first] = [store, first];
    while (this.count < losses.length && losses.step(this.count) < end) {
      if (this.count === this.steps.length) this.grow();
      this.steps[this.count] = losses.step(this.count);
      this.losses[this.count] = losses.loss(this.count);
      this.means[this.count] = losses.mean(this.count);
      this.count++;
    }
    return this;
  }

  private grow(): void {
    for (const key of ["steps", "losses", "means"] as const) {
      const longer = new Float64Array(2 * this[key].length);
      longer.set(this[key]);
      this[key] = longer;
    }
  }
}

export function lossPanel(model: Model): Panel {
  const series = { a: new Series(), b: new Series() };
  let hover: number | null = null;
  const data = (): LossData => ({
    a: series.a.read(model.stores.a, model.step),
    b: series.b.read(model.stores.b, model.step),
    names: namesOf(model.run),
    marks: marksOf(model),
    hover,
  });
  const table = (): Table => {
    const { a, b } = data();
    const every = Math.max(1, Math.ceil((a?.count ?? 0) / 500));
    const rows = Array.from({ length: Math.floor((a?.count ?? 0) / every) }, (_, i) => {
      const at = i * every;
      return [
        a!.steps[at]!,
        ...[a, b].flatMap((one) => [short(one?.losses[at] ?? Number.NaN), short(one?.means[at] ?? Number.NaN)]),
      ];
    });
    const { a: nameA, b: nameB } = namesOf(model.run);
    return { columns: ["step", nameA, "its mean", nameB, "its mean"], rows };
  };
  const parts = figure({
    name: "loss",
    title: "Loss of each batch, and its running mean",
    caption: "How wrong each answer was. Down is better; dotted: what guessing costs. ✂ marks a cut.",
    className: "lab-loss",
    canvasClass: "medium",
    draw: (pen, size, paint) => drawLoss(data(), size, paint, pen),
    table,
  });
  const { screen, hover: card } = parts;
  const nearest = (name: Name, step: number): number => {
    const one = series[name];
    let [low, high] = [0, one.count - 1];
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (one.steps[middle]! <= step) low = middle;
      else high = middle - 1;
    }
    return low;
  };
  screen.element.addEventListener("pointermove", ({ offsetX, offsetY }) => {
    hover = stepAt(data(), screen.size, offsetX);
    screen.stale = true;
    if (hover === null || hover >= model.step) return card.close();
    const names = namesOf(model.run);
    const rows = both
      .filter((name) => series[name].count > 0)
      .map((name) => {
        const at = nearest(name, hover!);
        return cells(names[name], series[name].losses[at]!.toFixed(2), `mean ${series[name].means[at]!.toFixed(2)}`);
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
      const last = (name: Name): string => {
        const one = series[name];
        return one.count === 0 ? "nothing yet" : one.means[one.count - 1]!.toFixed(1);
      };
      const names = namesOf(model.run);
      describe(
        screen.element,
        `Loss, running mean: ${names.a} ${last("a")}, ${names.b} ${last("b")}. Guessing costs 2.3.`,
      );
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
