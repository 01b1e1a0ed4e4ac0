/**
 * All numbers of the tour for one state, each with its formula, the numbers it came from and those it goes to.
 *
 * Pure: no page. figure.ts draws it. The sources come from trace.ts; only the names of the quantities are written here.
 */
import type { Tensor } from "skipstone";
import { runTour, type TourRun, type TourState } from "./program.ts";
import { allUses, type Place, termsOf, type Use, type Uses, usesOf } from "./trace.ts";
import { backwardText, forwardText, written } from "./words.ts";

/** A block of numbers with a name. Ids of gradients are `g:` and the id of the tensor. */
export interface Quantity {
  readonly id: string;
  /** As the text writes it: `F(x)`. */
  readonly symbol: string;
  readonly rows: number;
  readonly columns: number;
  readonly cells: readonly Cell[];
}

/** One number. */
export interface Cell {
  /** `id/index`. */
  readonly key: string;
  readonly value: number;
  /** `F(x), row 3, column 3`. */
  readonly name: string;
  /** `0.5·3 + (−1)·2 = −0.5`. */
  readonly formula: string;
  /** Keys of the numbers it was computed from. */
  readonly sources: readonly string[];
  /** Keys of the numbers computed from it. */
  readonly targets: readonly string[];
  /** Whether it belongs to our pixel. */
  readonly here: boolean;
}

/** The numbers of a state, by the id of the quantity and by the key of the cell. */
export interface Scene {
  readonly state: TourState;
  readonly quantities: ReadonlyMap<string, Quantity>;
  readonly cells: ReadonlyMap<string, Cell>;
}

const SYMBOLS: Readonly<Record<string, string>> = {
  x: "x, the image",
  w: "w, the filter",
  v: "v, the last layer",
  branch: "F(x)",
  total: "x + F(x)",
  y: "y, after the ReLU",
  m: "m, the mean",
  logits: "scores",
  probabilities: "probabilities",
  loss: "loss",
  patch: "patch of x",
  products: "products",
  over: "at our pixel, over the shortcut",
  through: "through the filter",
};

/** A cell before its targets are known. */
type Draft = Omit<Cell, "targets">;

/** Rows and columns in which a tensor is shown: images as they are, everything else as a column. */
function sides(t: Tensor): [number, number] {
  return t.rank === 4 ? [t.shape[2], t.shape[3]] : [t.size, 1];
}

/** Keys of a quantity of nine numbers. */
function nine(id: string): string[] {
  return Array.from({ length: 9 }, (_, i) => `${id}/${i}`);
}

/** Collects quantities, then joins targets to sources. */
class Builder {
  readonly #drafts = new Map<string, { symbol: string; rows: number; columns: number; cells: Draft[] }>();
  readonly #names = new Map<Tensor, string>();
  readonly state: TourState;

  constructor(state: TourState) {
    this.state = state;
  }

  /** Index of our pixel in an image. */
  get pixel(): number {
    return this.state.row * 4 + this.state.column;
  }

  name(id: string, t: Tensor): void {
    if (!this.#names.has(t)) this.#names.set(t, id);
  }

  key(place: Place, prefix = ""): string {
    return `${prefix}${this.#names.get(place.tensor)}/${place.index}`;
  }

  put(id: string, symbol: string, [rows, columns]: readonly [number, number], cells: readonly Partial<Draft>[]): void {
    const made = cells.map((cell, i): Draft => {
      const place =
        columns > 1
          ? `, row ${Math.floor(i / columns) + 1}, column ${(i % columns) + 1}`
          : rows > 1
            ? `, number ${i + 1}`
            : "";
      const here = rows === 4 && columns === 4 && i === this.pixel;
      return { key: `${id}/${i}`, value: 0, name: `${symbol}${place}`, formula: "given", sources: [], here, ...cell };
    });
    this.#drafts.set(id, { symbol, rows, columns, cells: made });
  }

  build(): Scene {
    const targets = new Map<string, string[]>();
    const drafts = [...this.#drafts.values()];
    for (const { cells } of drafts) {
      for (const { key, sources } of cells) for (const s of sources) targets.set(s, [...(targets.get(s) ?? []), key]);
    }
    const quantities = new Map<string, Quantity>();
    const all = new Map<string, Cell>();
    for (const [id, draft] of this.#drafts) {
      const cells = draft.cells.map((cell): Cell => ({ ...cell, targets: targets.get(cell.key) ?? [] }));
      quantities.set(id, { ...draft, id, cells });
      for (const cell of cells) all.set(cell.key, cell);
    }
    return { state: this.state, quantities, cells: all };
  }
}

/** Runs the program for a state and finds where every number came from. */
export function sceneOf(state: TourState): Scene {
  const run = runTour(state);
  const builder = new Builder(state);
  for (const [id, t] of Object.entries(run.tensors)) builder.name(id, t as Tensor);
  putForward(builder, run);
  const uses = allUses(run.tensors.loss);
  putBackward(builder, run, uses);
  putPatch(builder, run);
  putArrivals(builder, run, uses);
  return builder.build();
}

function putForward(builder: Builder, { tensors }: TourRun): void {
  for (const [id, t] of Object.entries(tensors) as [string, Tensor][]) {
    const cells = Array.from(t.data, (value, i): Partial<Draft> => {
      // Cut, x + F(x) is F(x) itself.
      if (id === "total" && t === tensors.branch) {
        return { value, formula: `the shortcut is cut, F(x) alone = ${written(value)}`, sources: [`branch/${i}`] };
      }
      if (t.node === null) return { value, formula: `given: ${written(value)}` };
      const terms = termsOf(t.node, i);
      const places = terms.flatMap(({ from, by }) => [from, by]).filter((place) => place !== null);
      // A loss is −ln of a probability, which is another output of the same numbers.
      const sources = id === "loss" ? ["probabilities/0"] : places.map((place) => builder.key(place));
      if (id === "branch" && i === builder.pixel) sources.push(...nine("patch"), ...nine("products"));
      return { value, formula: forwardText(t.node, i, terms), sources };
    });
    builder.put(id, SYMBOLS[id], sides(t), cells);
  }
}

function putBackward(builder: Builder, { tensors, grads }: TourRun, uses: Uses): void {
  for (const [id, t] of Object.entries(tensors) as [string, Tensor][]) {
    if (id === "loss" || !grads.has(t)) continue;
    const cells = Array.from(grads.get(t).data, (value, index): Partial<Draft> => {
      if (id === "branch" && t === tensors.total) {
        return {
          value,
          formula: `the same gradient as that of x + F(x): ${written(value)}`,
          sources: [`g:total/${index}`],
        };
      }
      const parts = id === "x" && index === builder.pixel ? ["over/0", ...nine("through")] : [];
      const { formula, sources } = arrival(builder, { tensor: t, index }, tensors, grads, uses, value);
      return { value, formula, sources: [...sources, ...parts] };
    });
    builder.put(`g:${id}`, `gradient of ${SYMBOLS[id]}`, sides(t), cells);
  }
}

/** Formula and sources of the gradient at a place: over all its uses, the gradient there times the factor. */
function arrival(
  builder: Builder,
  at: Place,
  tensors: TourRun["tensors"],
  grads: TourRun["grads"],
  uses: Uses,
  value: number,
): Pick<Draft, "formula" | "sources"> {
  const arrivals = usesOf(uses, at).map((use) => [use, gradientAt(use, tensors, grads)] as const);
  const formula = backwardText(arrivals, value);
  const sources = arrivals.flatMap(([{ node, to, by }]) => {
    if (node.op === "crossEntropy") return [`probabilities/${at.index}`];
    const mask = node.op === "relu" ? [builder.key(at)] : [];
    return [builder.key(to, "g:"), ...(by ? [builder.key(by)] : mask)];
  });
  return { formula, sources };
}

function gradientAt({ to }: Use, { loss }: TourRun["tensors"], grads: TourRun["grads"]): number {
  return to.tensor === loss ? 1 : grads.get(to.tensor).data[to.index];
}

/** The convolution at our pixel: its nine numbers and products. */
function putPatch(builder: Builder, { tensors: { branch } }: TourRun): void {
  const terms = termsOf(branch.node!, builder.pixel);
  builder.put(
    "patch",
    SYMBOLS.patch,
    [3, 3],
    terms.map(({ from, value }) =>
      from
        ? { value, formula: `x at our pixel or beside it: ${written(value)}`, sources: [builder.key(from)] }
        : { value, formula: "outside the image: padding with 0" },
    ),
  );
  builder.put(
    "products",
    SYMBOLS.products,
    [3, 3],
    terms.map(({ value, factor, by }, i) => ({
      value: value * factor,
      formula: `${written(factor)}·${value < 0 ? `(${written(value)})` : written(value)} = ${written(value * factor)}`,
      sources: [`patch/${i}`, builder.key(by!)],
    })),
  );
}

/** The gradient at our pixel, part by part: over the shortcut, and through each tap of the filter. */
function putArrivals(builder: Builder, { tensors, grads }: TourRun, uses: Uses): void {
  const at = { tensor: tensors.x, index: builder.pixel };
  const shortcut: Partial<Draft>[] = [];
  const taps = Array.from({ length: 9 }, (): Partial<Draft> => ({ formula: "outside the image: no output there" }));
  for (const use of usesOf(uses, at)) {
    const g = gradientAt(use, tensors, grads);
    const value = g * use.factor;
    const formula = `${written(use.factor)}·${g < 0 ? `(${written(g)})` : written(g)} = ${written(value)}`;
    const sources = [builder.key(use.to, "g:"), ...(use.by ? [builder.key(use.by)] : [])];
    if (use.by) taps[use.by.index] = { value, formula, sources };
    else shortcut.push({ value, formula, sources });
  }
  if (shortcut.length === 0) shortcut.push({ formula: "the shortcut is cut: nothing arrives over it" });
  builder.put("over", SYMBOLS.over, [1, 1], shortcut);
  builder.put("through", SYMBOLS.through, [3, 3], taps);
}
