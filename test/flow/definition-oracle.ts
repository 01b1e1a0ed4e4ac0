/**
 * What a certificate must say, found by the definition alone: W as a dense float64 matrix, from x forward, one edge after the
 * other, each edge's map written down here from the operation's name, attributes, shapes and values. Nothing of src/flow is
 * used, and no derivative of the library (`node.rule`) is asked. For small graphs: every tensor has a matrix.
 */
import { type Node, nodesBefore } from "../../src/autograd/graph.ts";
import type { Tensor } from "../../src/tensor/tensor.ts";

/** y_out takes `factor` times x_in; without dropout's 1/(1 − p) it would take `undrawn` times. */
type Entry = readonly [out: number, into: number, factor: number, undrawn?: number];

/** The weightless part of ∂y/∂x. */
export interface DenseMap {
  readonly rows: number;
  readonly columns: number;
  /** W, row after row. */
  readonly w: Float64Array;
  /** The sum of all products' absolute values: how large what was added up in `w` was. */
  readonly size: Float64Array;
  /** W if every dropout's factor were 1. */
  readonly undrawn: Float64Array;
  /** Weightless ways from x to here. */
  readonly ways: number;
  /** Whether a map on one of them is another one for other values. */
  readonly onThisInput: boolean;
  readonly drawn: boolean;
  /** Whether a factor comes from a function that the library computes in float32, so that six digits are all there is. */
  readonly rough: boolean;
}

export type OracleVerdict = "identity" | "selection" | "mask" | "scale" | "mixed" | "zero" | "no weightless way";

export interface Finding {
  readonly verdict: OracleVerdict;
  readonly holds: boolean;
  /** What all nonzero entries of W are, if they are one number. */
  readonly factor: number | null;
  readonly onThisInput: boolean;
  readonly ways: number;
  readonly sent: number;
  readonly arriving: number;
}

/** Masks that dropout drew, by its output: values tell them only where they are not zero. */
export const drawnMasks: WeakMap<Tensor, ArrayLike<number>> = new WeakMap();

const SUMS = new Set("add sub neg reshape flatten squeeze unsqueeze tap transpose permute slice concat".split(" "));
for (const op of "stack pad indexSelect gather expand sum mean".split(" ")) SUMS.add(op);
const MASKS = new Set("relu leakyRelu clamp abs dropout max maximum minimum where topK".split(" "));
const PRODUCTS = new Set(["mul", "div", "matmul", "linear", "conv2d"]);
const ROUGH = new Set(["exp", "tanh", "sigmoid", "pow", "batchNorm"]);

/** Of sums of products of float32 numbers in float64: what is smaller than that, relative to its terms, is rounding. */
const ROUNDING = 1e-12;

/** @param isParameter of leaves; x is none. */
export function denseMap(y: Tensor, x: Tensor, isParameter: (leaf: Tensor) => boolean): DenseMap {
  const nodes = y === x ? [] : nodesBefore(y, [x]).reverse();
  const dependent = new Set<Tensor>();
  const reached = new Set([x]);
  const depends = (t: Tensor): boolean => t !== x && (t.node ? dependent.has(t) : isParameter(t));
  for (const { inputs, output } of nodes) {
    if (inputs.some(depends)) dependent.add(output);
    if (inputs.some((t) => reached.has(t))) reached.add(output);
  }
  const weightless = ({ op, inputs, attributes }: Node, input: number): boolean => {
    if (!reached.has(inputs[input])) return false;
    if (SUMS.has(op) || MASKS.has(op)) return true;
    const others = inputs.filter((_, i) => i !== input);
    // ∂(a/b)/∂b = −a/b² depends on b itself.
    if (PRODUCTS.has(op) && !(op === "div" && input === 1)) return !others.some(depends);
    if (op === "batchNorm" && !(attributes as { training: boolean }).training) return false;
    return !inputs.some(depends);
  };
  const useful = new Set([y]);
  for (const node of [...nodes].reverse()) {
    if (!useful.has(node.output)) continue;
    node.inputs.forEach((t, i) => {
      if (weightless(node, i)) useful.add(t);
    });
  }
  const maps = new Map([[x, identity(x.size)]]);
  for (const node of nodes) {
    if (!useful.has(node.output)) continue;
    const parts = node.inputs.flatMap((t, i) => {
      const before = maps.get(t);
      return before && weightless(node, i) ? [through(node, i, before, reached)] : [];
    });
    if (parts.length > 0) maps.set(node.output, parts.reduce(plus));
  }
  return maps.get(y) ?? nothing(y.size, x.size);
}

function nothing(rows: number, columns: number): DenseMap {
  const zeros = (): Float64Array => new Float64Array(rows * columns);
  const flags = { ways: 0, onThisInput: false, drawn: false, rough: false };
  return { rows, columns, w: zeros(), size: zeros(), undrawn: zeros(), ...flags };
}

function identity(n: number): DenseMap {
  const map = nothing(n, n);
  for (const values of [map.w, map.size, map.undrawn]) for (let i = 0; i < n; i++) values[i * n + i] = 1;
  return { ...map, ways: 1 };
}

function plus(a: DenseMap, b: DenseMap): DenseMap {
  const sum = (p: Float64Array, q: Float64Array): Float64Array => p.map((v, i) => v + q[i]);
  return {
    ...a,
    w: sum(a.w, b.w),
    size: sum(a.size, b.size),
    undrawn: sum(a.undrawn, b.undrawn),
    ways: a.ways + b.ways,
    onThisInput: a.onThisInput || b.onThisInput,
    drawn: a.drawn || b.drawn,
    rough: a.rough || b.rough,
  };
}

/** The map to an input, followed by the edge from there. */
function through(node: Node, input: number, before: DenseMap, reached: ReadonlySet<Tensor>): DenseMap {
  const { op, inputs, output } = node;
  const { columns } = before;
  const map = nothing(output.size, columns);
  for (const [out, into, factor, undrawn = factor] of edge(node, input)) {
    for (let c = 0; c < columns; c++) {
      map.w[out * columns + c] += factor * before.w[into * columns + c];
      map.size[out * columns + c] += Math.abs(factor) * before.size[into * columns + c];
      map.undrawn[out * columns + c] += undrawn * before.undrawn[into * columns + c];
    }
  }
  const isProduct = PRODUCTS.has(op) && !(op === "div" && input === 1);
  const varies = isProduct ? inputs.some((t, i) => i !== input && reached.has(t)) : !SUMS.has(op);
  return {
    ...map,
    ways: before.ways,
    onThisInput: before.onThisInput || varies,
    drawn: before.drawn || op === "dropout",
    rough: before.rough || ROUGH.has(op) || (op === "div" && input === 1),
  };
}

/** Which of the verdicts W is: the first of them that fits. */
export function verdictOf(map: DenseMap): Finding {
  const { rows, columns, w, size, ways, drawn } = map;
  const isZero = (i: number): boolean => Math.abs(w[i]) <= ROUNDING * size[i];
  const isOne = (values: Float64Array) => (i: number) => Math.abs(values[i] - 1) <= ROUNDING * Math.max(1, size[i]);
  const used = [...w.keys()].filter((i) => !isZero(i));
  const inRows = new Set(used.map((i) => Math.floor(i / columns)));
  const inColumns = new Set(used.map((i) => i % columns));
  const single = inRows.size === used.length && inColumns.size === used.length;
  const ones = used.every(isOne(w));
  const diagonal = used.length === rows && rows === columns && used.every((i) => i % (columns + 1) === 0);
  let verdict: OracleVerdict;
  if (ways === 0) verdict = "no weightless way";
  else if (used.length === 0) verdict = "zero";
  else if (diagonal && ones) verdict = "identity";
  else if (!single) verdict = "mixed";
  else if (ones) verdict = map.onThisInput ? "mask" : "selection";
  else verdict = drawn && used.every(isOne(map.undrawn)) ? "mask" : "scale";
  const first = used.length > 0 ? w[used[0]] : null;
  return {
    verdict,
    holds: verdict === "identity" || verdict === "selection",
    factor: first !== null && used.every((i) => Math.abs(w[i] - first) <= 1e-10 * Math.abs(first)) ? first : null,
    onThisInput: map.onThisInput,
    ways,
    sent: rows,
    arriving: inRows.size,
  };
}

// Places: an entry of a tensor as one number, and as one number per axis.

function coordinates(place: number, shape: readonly number[]): number[] {
  const result: number[] = [];
  let left = place;
  for (const length of [...shape].reverse()) {
    result.unshift(left % length);
    left = Math.floor(left / length);
  }
  return result;
}

function placeOf(coords: readonly number[], shape: readonly number[]): number {
  return shape.reduce((place, length, axis) => place * length + coords[axis], 0);
}

const range = (n: number): number[] => Array.from({ length: n }, (_, i) => i);

/** The entry of a smaller tensor that broadcasting puts at an entry of a larger one. */
function stretched(place: number, shape: readonly number[], small: readonly number[]): number {
  const coords = coordinates(place, shape).slice(shape.length - small.length);
  return placeOf(
    coords.map((c, axis) => (small[axis] === 1 ? 0 : c)),
    small,
  );
}

const positive = (axis: number, rank: number): number => (axis + rank) % rank;

/** ∂output/∂input, as the list of its nonzero entries. */
function edge(node: Node, input: number): Entry[] {
  const { op, inputs, output } = node;
  const x = inputs[input];
  const values = x.data;
  const y = output.data;
  // What each operation was asked; each case reads what it knows to be there.
  const asked = (node.attributes ?? {}) as Record<string, never>;
  const places = range(output.size);
  const one = (factor: (i: number) => number): Entry[] => places.map((i) => [i, i, factor(i)]);
  const broadcast = (factor: (i: number) => number): Entry[] =>
    places.map((i) => [i, stretched(i, output.shape, x.shape), factor(i)]);
  /** Entry `from(coordinates in the output)` of x; null where there is none. */
  const moved = (from: (coords: number[]) => number[] | null): Entry[] =>
    places.flatMap((i) => {
      const coords = from(coordinates(i, output.shape));
      return coords ? [[i, placeOf(coords, x.shape), 1] as const] : [];
    });
  const other = (i: number): number => {
    const t = inputs[1 - input];
    return t.data[stretched(i, output.shape, t.shape)];
  };
  switch (op) {
    case "reshape":
    case "flatten":
    case "squeeze":
    case "unsqueeze":
    case "tap":
      return one(() => 1);
    case "neg":
      return one(() => -1);
    case "add":
      return broadcast(() => 1);
    case "sub":
      return broadcast(() => (input === 0 ? 1 : -1));
    case "mul":
      return broadcast(other);
    case "div":
      return broadcast((i) => {
        if (input === 0) return 1 / other(i);
        const b = values[stretched(i, output.shape, x.shape)];
        return -other(i) / (b * b);
      });
    case "pow":
      if (input !== 0) throw new Error("oracle: pow by what depends on x");
      return broadcast((i) => other(i) * values[stretched(i, output.shape, x.shape)] ** (other(i) - 1));
    case "relu":
      return one((i) => (values[i] > 0 ? 1 : 0));
    case "leakyRelu":
      return one((i) => (values[i] > 0 ? 1 : asked.slope));
    case "clamp":
      return one((i) => (values[i] >= asked.low && values[i] <= asked.high ? 1 : 0));
    case "abs":
      return one((i) => Math.sign(values[i]));
    case "floor":
    case "gt":
      return [];
    case "where": {
      const [condition] = inputs;
      if (input === 0) return [];
      return broadcast((i) => {
        const isTaken = condition.data[stretched(i, output.shape, condition.shape)] !== 0;
        return Number(isTaken === (input === 1));
      });
    }
    case "topK": {
      // By rank: how many of the line come before an entry.
      const axis = positive(asked.axis, x.rank);
      const line = (coords: number[]): number[] =>
        range(x.shape[axis]).map((at) =>
          placeOf(
            coords.map((c, d) => (d === axis ? at : c)),
            x.shape,
          ),
        );
      return moved((c) => {
        const sorted = line(c).sort((i, j) => (asked.largest ? values[j] - values[i] : values[i] - values[j]) || i - j);
        return coordinates(sorted[c[axis]], x.shape);
      });
    }
    // At the values that were recorded: where float32 rounds tanh to 1, it is flat.
    case "exp":
      return one((i) => y[i]);
    case "tanh":
      return one((i) => 1 - y[i] ** 2);
    case "sigmoid":
      return one((i) => y[i] * (1 - y[i]));
    case "maximum":
    case "minimum":
      return broadcast((i) => {
        const own = values[stretched(i, output.shape, x.shape)];
        if (own === other(i)) return 0.5;
        return own > other(i) === (op === "maximum") ? 1 : 0;
      });
    case "dropout": {
      const mask = drawnMasks.get(output);
      return places.map((i) => {
        if (!mask && values[i] === 0) throw new Error("oracle: what dropout drew for a zero is not to be seen");
        const factor = mask ? mask[i] : y[i] / values[i];
        return [i, i, factor, factor === 0 ? 0 : 1];
      });
    }
    case "expand":
      return broadcast(() => 1);
    case "transpose":
    case "permute": {
      const axes = (asked.axes as readonly number[]).map((axis) => positive(axis, x.rank));
      return moved((c) => range(x.rank).map((axis) => c[axes.indexOf(axis)]));
    }
    case "slice": {
      const ranges = asked.ranges as readonly (readonly (number | null)[] | null)[];
      return moved((c) =>
        c.map((at, axis) => {
          const [start = 0, , step = 1] = ranges[axis] ?? [];
          const first = start ?? 0;
          return Math.min(first < 0 ? Math.max(0, first + x.shape[axis]) : first, x.shape[axis]) + at * (step ?? 1);
        }),
      );
    }
    case "pad": {
      const pads = asked.pads as readonly (readonly [number, number])[];
      return moved((c) => {
        const inside = c.map((at, axis) => at - pads[axis][0]);
        return inside.every((at, axis) => at >= 0 && at < x.shape[axis]) ? inside : null;
      });
    }
    case "indexSelect": {
      const axis = positive(asked.axis, x.rank);
      const index = asked.index as ArrayLike<number>;
      return moved((c) => c.map((at, d) => (d === axis ? index[at] : at)));
    }
    case "gather": {
      const axis = positive(asked.axis, x.rank);
      const index = asked.index as { data: ArrayLike<number> };
      return moved((c) => c.map((at, d) => (d === axis ? index.data[placeOf(c, output.shape)] : at)));
    }
    case "concat": {
      const axis = positive(asked.axis, x.rank);
      const first = inputs.slice(0, input).reduce((sum, t) => sum + t.shape[axis], 0);
      return moved((c) => {
        const at = c[axis] - first;
        return at >= 0 && at < x.shape[axis] ? c.map((v, d) => (d === axis ? at : v)) : null;
      });
    }
    case "stack": {
      const axis = positive(asked.axis, output.rank);
      return moved((c) => (c[axis] === input ? c.filter((_, d) => d !== axis) : null));
    }
    case "sum":
    case "mean":
    case "max": {
      const axes = asked.axes === undefined ? range(x.rank) : ([asked.axes].flat() as number[]);
      const reduced = new Set(axes.map((axis) => positive(axis, x.rank)));
      const kept = x.shape.map((length, axis) => (reduced.has(axis) ? 1 : length));
      const rowOf = range(x.size).map((i) => stretched(i, x.shape, kept));
      const isMost = (i: number): boolean => op !== "max" || values[i] === y[rowOf[i]];
      const shares = places.map((row) => range(x.size).filter((i) => rowOf[i] === row && isMost(i)).length);
      return rowOf.flatMap((row, i) => (isMost(i) ? [[row, i, op === "sum" ? 1 : 1 / shares[row]] as const] : []));
    }
    case "linear":
    case "matmul":
    case "conv2d":
      return productEntries(node, input);
    case "batchNorm":
      if (inputs.length > 1) throw new Error("oracle: it knows batch norms without a weight");
      return normEntries(x, asked.eps);
    default:
      throw new Error(`oracle: it does not know ${op}`);
  }
}

/** Products that add up many terms: `y[out] += a[p]·b[q]` for each triple. */
function* terms({ op, inputs, output, attributes }: Node): Generator<readonly [number, number, number]> {
  const [a, b] = inputs;
  if (op === "linear") {
    const [outputs, features] = b.shape;
    for (let out = 0; out < output.size; out++) {
      const [sample, o] = [Math.floor(out / outputs), out % outputs];
      for (let i = 0; i < features; i++) yield [out, sample * features + i, o * features + i];
    }
  } else if (op === "matmul") {
    if (a.rank !== 2 || b.rank !== 2) throw new Error("oracle: it knows products of two matrices");
    const [k, n] = b.shape;
    for (let out = 0; out < output.size; out++) {
      for (let p = 0; p < k; p++) yield [out, Math.floor(out / n) * k + p, p * n + (out % n)];
    }
  } else {
    const g = attributes as Readonly<Record<"sh" | "sw" | "ph" | "pw" | "dh" | "dw" | "groups", number>>;
    const [filters, channels, height, width] = b.shape;
    for (let out = 0; out < output.size; out++) {
      const [n, o, i, j] = coordinates(out, output.shape);
      const group = Math.floor(o / (filters / g.groups));
      for (let tap = 0; tap < channels * height * width; tap++) {
        const [c, u, v] = coordinates(tap, [channels, height, width]);
        const at = [n, group * channels + c, i * g.sh + u * g.dh - g.ph, j * g.sw + v * g.dw - g.pw];
        const inside = at[2] >= 0 && at[2] < a.shape[2] && at[3] >= 0 && at[3] < a.shape[3];
        if (inside) yield [out, placeOf(at, a.shape), placeOf([o, c, u, v], b.shape)];
      }
    }
  }
}

function productEntries(node: Node, input: number): Entry[] {
  const [a, b] = node.inputs;
  if (input > 1) throw new Error("oracle: a bias that depends on x");
  return Array.from(terms(node), ([out, p, q]) => (input === 0 ? [out, p, b.data[q]] : [out, q, a.data[p]]));
}

/** ∂x̂_j/∂x_i = (δ_ij − 1/n − x̂_i x̂_j/n)/√(variance + eps) within a channel, in training, without a weight of its own. */
function normEntries(x: Tensor, eps: number): Entry[] {
  const channelOf = (i: number): number => coordinates(i, x.shape)[1];
  return range(x.shape[1]).flatMap((channel) => {
    const members = range(x.size).filter((i) => channelOf(i) === channel);
    const n = members.length;
    const mean = members.reduce((sum, i) => sum + x.data[i], 0) / n;
    const variance = members.reduce((sum, i) => sum + (x.data[i] - mean) ** 2, 0) / n;
    const rstd = 1 / Math.sqrt(variance + eps);
    const hat = (i: number): number => (x.data[i] - mean) * rstd;
    return members.flatMap((j) =>
      members.map((i): Entry => [j, i, rstd * ((i === j ? 1 : 0) - 1 / n - (hat(i) * hat(j)) / n)]),
    );
  });
}
