/**
 * W by its definition, as a dense matrix in float64: for small graphs, to hold `certify` against.
 *
 * Written from the definition alone (docs/instruments.md): for every tensor between x and y the matrix of its weightless part,
 * from x forward. Nothing of src/flow is used, no derivative is asked. Operations that this does not know throw.
 */
import { type Node, nodesBefore } from "../../src/autograd/graph.ts";
import type { Tensor } from "../../src/tensor/tensor.ts";

/** One row for each entry of a tensor, one column for each entry of x. */
export type Dense = Float64Array[];

export interface Oracle {
  readonly matrix: Dense;
  readonly ways: number;
  /** Whether a value or a draw decides what passes. */
  readonly valueDependent: boolean;
  readonly drawn: boolean;
}

type Attributes = Record<string, never> & {
  axes?: number | number[];
  axis: number;
  index: ArrayLike<number>;
  pads: [number, number][];
  ranges: unknown[];
  slope: number;
  low: number;
  high: number;
};

const LINEAR =
  "add sub neg reshape flatten squeeze unsqueeze tap transpose permute slice concat stack pad indexSelect expand sum mean".split(
    " ",
  );
const MASKS = "relu leakyRelu clamp abs dropout maximum minimum".split(" ");

export function denseW(y: Tensor, x: Tensor, isParameter: (leaf: Tensor) => boolean): Oracle {
  const nodes = y === x ? [] : nodesBefore(y, [x]).reverse();
  const bound = new Map<Tensor, boolean>([[x, false]]);
  const isBound = (t: Tensor): boolean => bound.get(t) ?? isParameter(t);
  const none = { matrix: [] as Dense, ways: 0, valueDependent: false, drawn: false };
  const found = new Map<Tensor, Oracle>();
  const eye = Array.from({ length: x.size }, (_, i) =>
    Float64Array.from({ length: x.size }, (_, j) => (i === j ? 1 : 0)),
  );
  found.set(x, { ...none, matrix: eye, ways: 1 });
  const reached = new Set([x]);
  for (const node of nodes) {
    bound.set(node.output, node.inputs.some(isBound));
    if (!node.inputs.some((t) => reached.has(t))) continue;
    reached.add(node.output);
    const matrix = Array.from({ length: node.output.size }, () => new Float64Array(x.size));
    let { ways, valueDependent, drawn } = none;
    node.inputs.forEach((t, i) => {
      const before = found.get(t);
      if (!before || before.ways === 0 || !isWeightless(node, i, isBound)) return;
      ways += before.ways;
      const others = node.inputs.some((other, k) => k !== i && reached.has(other));
      const moves =
        LINEAR.includes(node.op) ||
        (["mul", "div", "linear", "conv2d"].includes(node.op) && !(node.op === "div" && i === 1) && !others);
      valueDependent ||= before.valueDependent || !moves;
      drawn ||= before.drawn || node.op === "dropout";
      for (const [row, column, factor] of entries(node, i)) {
        const source = before.matrix[column];
        for (let k = 0; k < x.size; k++) matrix[row][k] += factor * source[k];
      }
    });
    if (ways > 0) found.set(node.output, { matrix, ways, valueDependent, drawn });
  }
  return found.get(y) ?? none;
}

function isWeightless({ op, inputs }: Node, input: number, isBound: (t: Tensor) => boolean): boolean {
  if (LINEAR.includes(op) || MASKS.includes(op)) return true;
  if (["mul", "linear", "conv2d"].includes(op) || (op === "div" && input === 0)) {
    return inputs.every((t, i) => i === input || !isBound(t));
  }
  return inputs.every((t) => !isBound(t));
}

/** Row-major position to place in each axis, and back. */
function placeOf(position: number, shape: readonly number[]): number[] {
  const place = new Array<number>(shape.length);
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    place[axis] = position % shape[axis];
    position = Math.floor(position / shape[axis]);
  }
  return place;
}

function positionOf(place: readonly number[], shape: readonly number[]): number {
  return place.reduce((position, at, axis) => position * shape[axis] + at, 0);
}

/** The entry of a tensor of shape `from` that broadcasting puts at `row` of one of shape `to`. */
function stretched(row: number, from: readonly number[], to: readonly number[]): number {
  const place = placeOf(row, to).slice(to.length - from.length);
  return positionOf(
    place.map((at, axis) => (from[axis] === 1 ? 0 : at)),
    from,
  );
}

/** ∂output/∂input, as [row, column, factor]. */
function* entries({ op, inputs, output, attributes }: Node, input: number): Generator<[number, number, number]> {
  const x = inputs[input];
  const a = attributes as unknown as Attributes;
  const xs = x.data;
  const ys = output.data;
  const each = function* (factor: (row: number, column: number) => number): Generator<[number, number, number]> {
    for (let row = 0; row < output.size; row++) {
      const column = stretched(row, x.shape, output.shape);
      yield [row, column, factor(row, column)];
    }
  };
  const other = (row: number): number => inputs[1 - input].data[stretched(row, inputs[1 - input].shape, output.shape)];
  switch (op) {
    case "reshape":
    case "flatten":
    case "squeeze":
    case "unsqueeze":
    case "tap":
      for (let i = 0; i < x.size; i++) yield [i, i, 1];
      return;
    case "add":
    case "expand":
      return yield* each(() => 1);
    case "sub":
      return yield* each(() => (input === 0 ? 1 : -1));
    case "neg":
      return yield* each(() => -1);
    case "mul":
      return yield* each(other);
    case "div":
      if (input === 1) throw new Error("div by what comes from x");
      return yield* each((row) => 1 / other(row));
    case "relu":
      return yield* each((_, i) => (xs[i] > 0 ? 1 : 0));
    case "leakyRelu":
      return yield* each((_, i) => (xs[i] > 0 ? 1 : a.slope));
    case "clamp":
      return yield* each((_, i) => (xs[i] >= a.low && xs[i] <= a.high ? 1 : 0));
    case "abs":
      return yield* each((_, i) => Math.sign(xs[i]));
    case "dropout":
      // p is ½ in these tests. Of an entry that is zero it cannot be seen whether it was dropped.
      if (xs.includes(0)) throw new Error("the oracle does not know what dropout did to a zero");
      return yield* each((row) => (ys[row] === 0 ? 0 : 2));
    case "maximum":
      return yield* each((row, i) => (xs[i] === other(row) ? 0.5 : xs[i] > other(row) ? 1 : 0));
    case "minimum":
      return yield* each((row, i) => (xs[i] === other(row) ? 0.5 : xs[i] < other(row) ? 1 : 0));
    case "exp":
      return yield* each((row) => ys[row]);
    case "tanh":
      return yield* each((row) => 1 - ys[row] * ys[row]);
    case "sigmoid":
      return yield* each((row) => ys[row] * (1 - ys[row]));
    case "permute":
    case "transpose":
      for (let row = 0; row < output.size; row++) {
        const place = placeOf(row, output.shape);
        const back = new Array<number>(place.length);
        (a.axes as number[]).forEach((axis, k) => {
          back[(axis + place.length) % place.length] = place[k];
        });
        yield [row, positionOf(back, x.shape), 1];
      }
      return;
    case "slice":
      for (let row = 0; row < output.size; row++) {
        const place = placeOf(row, output.shape).map((at, axis) => {
          const range = a.ranges[axis] as [number | null, number | null, number?] | null | undefined;
          return (range?.[0] ?? 0) + at * (range?.[2] ?? 1);
        });
        yield [row, positionOf(place, x.shape), 1];
      }
      return;
    case "pad":
      for (let column = 0; column < x.size; column++) {
        const place = placeOf(column, x.shape).map((at, axis) => at + a.pads[axis][0]);
        yield [positionOf(place, output.shape), column, 1];
      }
      return;
    case "concat": {
      const before = inputs.slice(0, input).reduce((sum, t) => sum + t.shape[a.axis], 0);
      for (let column = 0; column < x.size; column++) {
        const place = placeOf(column, x.shape);
        place[a.axis] += before;
        yield [positionOf(place, output.shape), column, 1];
      }
      return;
    }
    case "stack":
      for (let column = 0; column < x.size; column++) {
        const place = placeOf(column, x.shape);
        place.splice(a.axis, 0, input);
        yield [positionOf(place, output.shape), column, 1];
      }
      return;
    case "indexSelect":
      for (let row = 0; row < output.size; row++) {
        const place = placeOf(row, output.shape);
        place[a.axis] = a.index[place[a.axis]];
        yield [row, positionOf(place, x.shape), 1];
      }
      return;
    case "sum":
    case "mean": {
      const axes = a.axes === undefined ? x.shape.map((_, i) => i) : [a.axes].flat();
      const factor = op === "sum" ? 1 : output.size / x.size;
      for (let column = 0; column < x.size; column++) {
        const place = placeOf(column, x.shape).map((at, axis) => (axes.includes(axis) ? 0 : at));
        const kept = x.shape.map((length, axis) => (axes.includes(axis) ? 1 : length));
        yield [positionOf(place, kept), column, factor];
      }
      return;
    }
    case "linear": {
      const [outputs, width] = inputs[1].shape;
      for (let row = 0; row < output.size; row++) {
        for (let i = 0; i < width; i++) {
          yield [row, Math.floor(row / outputs) * width + i, inputs[1].data[(row % outputs) * width + i]];
        }
      }
      return;
    }
    default:
      throw new Error(`the oracle does not know ${op}`);
  }
}

export interface OracleVerdict {
  readonly verdict: "identity" | "selection" | "mask" | "scale" | "mixed" | "zero" | "no way";
  readonly arriving: number;
}

/** What the matrix is; "?" where its numbers are so near to another verdict's that rounding could have made them. */
export function judge({ matrix, ways, valueDependent, drawn }: Oracle, columns: number): OracleVerdict | "?" {
  if (ways === 0) return { verdict: "no way", arriving: 0 };
  const all = matrix.flatMap((row) => [...row]);
  const tiny = (v: number): boolean => v !== 0 && Math.abs(v) < 1e-6;
  if (all.some((v) => tiny(v) || tiny(v - 1))) return "?";
  const passing = matrix.map((row) => [...row.keys()].filter((i) => row[i] !== 0));
  const arriving = passing.filter((row) => row.length > 0).length;
  if (arriving === 0) return { verdict: "zero", arriving };
  const isOne = (row: number, column: number): boolean => matrix[row][column] === 1;
  if (matrix.length === columns && passing.every((row, i) => row.length === 1 && row[0] === i && isOne(i, i))) {
    return { verdict: "identity", arriving };
  }
  const taken = passing.flat();
  if (passing.some((row) => row.length > 1) || new Set(taken).size < taken.length)
    return { verdict: "mixed", arriving };
  const factors = all.filter((v) => v !== 0);
  if (factors.every((f) => f === 1)) return { verdict: valueDependent ? "mask" : "selection", arriving };
  if (drawn && factors.every((f) => f === factors[0])) return { verdict: "mask", arriving };
  return { verdict: "scale", arriving };
}
