/**
 * What each operation does to a gradient, as a linear map.
 *
 * The maps are written down from the operation's name, attributes and values; the derivative that the library uses
 * (`node.rule`) is not asked, because it is what weightless.ts compares them with. Which of them count: segment.ts. The maps of
 * windows and images: image-maps.ts.
 */
import type { OpAttributes } from "../autograd/attributes.ts";
import { type Node, noGrad } from "../autograd/graph.ts";
import { concat, expand, gather, indexSelect, pad, permute, slice, stack } from "../autograd/shape.ts";
import type { ResampleGeometry } from "../tensor/geometry/interpolate.ts";
import { type PoolGeometry, poolGeometry } from "../tensor/geometry/pool.ts";
import { log, pow } from "../tensor/math/index.ts";
import { numbersOf, toValues } from "../tensor/memory.ts";
import { normalizeAxis, type Shape, sameShape, sizeOf } from "../tensor/shape.ts";
import { owned, peek, type Tensor } from "../tensor/tensor.ts";
import { averaged, convolved, convolvedBack, pooled, resampled } from "./image-maps.ts";
import { IDENTITY, isPowerOfTwo, type LinearMap, selecting, summing, ZERO } from "./linear-map.ts";

/** The map ∂output/∂input of one edge, exact where its factors are. */
export function edgeMap(node: Node, input: number): LinearMap {
  const { op, inputs, output, attributes } = node;
  const x = inputs[input];
  switch (op) {
    case "reshape":
    case "flatten":
    case "squeeze":
    case "unsqueeze":
    case "tap":
      return IDENTITY;
    case "add":
      return broadcast(x, output);
    case "sub":
      return broadcast(x, output, () => (input === 0 ? 1 : -1));
    case "neg":
      return { kind: "multiple", factor: -1, exact: true };
    case "mul":
      return byOther(x, output, inputs[1 - input], (other) => other);
    case "div":
      if (input === 0) return byOther(x, output, inputs[1], (other) => 1 / other);
      // y = a/b, ∂y/∂b = −y/b.
      return byOther(x, output, x, (b, i) => -peek(output)[i] / b, false);
    case "pow":
      return power(node, input);
    case "transpose":
    case "permute":
    case "slice":
    case "pad":
    case "indexSelect":
    case "gather":
    case "expand":
    case "concat":
    case "stack":
      return moved(node, input);
    case "sum":
      return summed(node, () => 1, true);
    case "mean": {
      const count = x.size / output.size;
      return summed(node, () => 1 / count, isPowerOfTwo(count));
    }
    case "cumsum":
      return runningSums(x, attributes as OpAttributes["cumsum"]);
    case "prod": {
      // The product of the others, which decides nothing exactly: the rule may say it.
      const factors = factorsOf(node);
      return summed(node, (i) => factors[i], false);
    }
    case "max":
    case "min": {
      const ties = new Float64Array(output.size);
      const isExtreme = (i: number, j: number): boolean => peek(x)[i] === peek(output)[j];
      rowOfEach(node).forEach((j, i) => {
        if (isExtreme(i, j)) ties[j]++;
      });
      return summed(node, (i, j) => (isExtreme(i, j) ? 1 / ties[j] : 0), ties.every(isPowerOfTwo));
    }
    case "maxWithIndices":
    case "minWithIndices": {
      // The first of those that are taken.
      const taken = new Set<number>();
      return summed(
        node,
        (i, j) => {
          if (taken.has(j) || !Object.is(peek(x)[i], peek(output)[j])) return 0;
          taken.add(j);
          return 1;
        },
        true,
      );
    }
    case "topK":
      return sortedOut(node);
    case "relu":
      return diagonal(x, (v) => (v > 0 ? 1 : 0));
    case "leakyRelu": {
      const { slope } = attributes as OpAttributes["leakyRelu"];
      return diagonal(x, (v) => (v > 0 ? 1 : slope));
    }
    case "clamp": {
      const { low, high } = attributes as OpAttributes["clamp"];
      return diagonal(x, (v) => (v >= low && v <= high ? 1 : 0));
    }
    case "abs":
      return diagonal(x, Math.sign);
    case "maximum":
    case "minimum": {
      const sign = op === "maximum" ? 1 : -1;
      const other = broadcastPlaces(inputs[1 - input].shape, output.shape);
      const [own, b] = [broadcastPlaces(x.shape, output.shape), peek(inputs[1 - input])];
      const a = peek(x);
      return selecting(own, (i) => (1 + Math.sign(sign * (a[own[i]] - b[other[i]]))) / 2);
    }
    case "where": {
      if (input === 0) return ZERO;
      const [condition, taken] = [peek(inputs[0]), broadcastPlaces(inputs[0].shape, output.shape)];
      return selecting(broadcastPlaces(x.shape, output.shape), (i) =>
        Number((condition[taken[i]] !== 0) === (input === 1)),
      );
    }
    case "dropout":
      return drawnMask(node);
    case "maxPool2d":
      return pooled(node, poolGeometry(op, x.shape, attributes as OpAttributes["maxPool2d"]), "max");
    case "avgPool2d":
      return pooled(node, poolGeometry(op, x.shape, attributes as OpAttributes["avgPool2d"]), "average");
    case "globalAvgPool2d":
      return averaged(node);
    case "adaptiveAvgPool2d":
      return pooled(node, attributes as PoolGeometry, "average");
    case "conv2d":
    case "conv1d":
      return input === 0 ? convolved(node) : unknown(op);
    case "convTranspose2d":
      return input === 0 ? convolvedBack(node) : unknown(op);
    case "interpolate":
      return resampled(node, attributes as ResampleGeometry);
    case "matmul": {
      const [other, [rows, inner], columns] = [inputs[1 - input], inputs[0].shape, inputs[1].shape[1]];
      if (x.rank !== 2 || other.rank !== 2) return unknown("matmul of batches");
      return product([rows, inner, columns], input, (p, q) => peek(other)[p * other.shape[1] + q]);
    }
    case "linear": {
      const [outputs, inner] = inputs[1].shape;
      const w = peek(inputs[1]);
      return input === 0 ? product([x.size / inner, inner, outputs], 0, (k, j) => w[j * inner + k]) : unknown(op);
    }
    case "sign":
    case "round":
    case "floor":
    case "ceil":
    case "eq":
    case "ne":
    case "lt":
    case "le":
    case "gt":
    case "ge":
      return ZERO;
    case "exp":
    case "log":
    case "sqrt":
    case "sigmoid":
    case "tanh":
    case "gelu":
    case "softplus":
    case "silu":
    case "hardswish":
    case "selu":
    case "elu": {
      // Factors that differ from entry to entry: what they are exactly decides nothing, so the rule may say it.
      const factors = factorsOf(node);
      return selecting(everyPlace(factors.length), (i) => factors[i], false);
    }
    default:
      return unknown(op);
  }
}

function unknown(op: string): LinearMap {
  return { kind: "unknown", why: `the map of ${op} is not written down` };
}

function diagonal(x: Tensor, factor: (value: number) => number): LinearMap {
  const values = peek(x);
  return selecting(everyPlace(x.size), (i) => factor(values[i]));
}

function everyPlace(size: number): Int32Array {
  return new Int32Array(size).map((_, i) => i);
}

/** For each entry of `to`, the entry of `from` that broadcasting puts there. */
function broadcastPlaces(from: Shape, to: Shape): ArrayLike<number> {
  if (sameShape(from, to)) return everyPlace(sizeOf(to));
  return places(from, (t) => expand(t, to));
}

function broadcast(x: Tensor, output: Tensor, factor: () => number = () => 1): LinearMap {
  if (sameShape(x.shape, output.shape)) return { kind: "multiple", factor: factor(), exact: true };
  return selecting(broadcastPlaces(x.shape, output.shape), factor);
}

/** y = x ∘ other, entry by entry: the factor of each entry. */
function byOther(
  x: Tensor,
  output: Tensor,
  other: Tensor,
  factor: (other: number, i: number) => number,
  exact = true,
): LinearMap {
  const values = peek(other);
  const isExact = exact && values.every((v) => factor(v, 0) === v || isPowerOfTwo(v));
  if (other.size === 1 && other !== x && sameShape(x.shape, output.shape)) {
    const only = factor(values[0], 0);
    return only === 0 ? ZERO : { kind: "multiple", factor: only, exact: isExact };
  }
  const theirs = broadcastPlaces(other.shape, output.shape);
  return selecting(broadcastPlaces(x.shape, output.shape), (i) => factor(values[theirs[i]], i), isExact);
}

/** y = aᵇ: b·aᵇ⁻¹ for a, y·ln a for b. */
function power({ inputs: [a, b], output }: Node, input: number): LinearMap {
  const [base, exponent, y] = [peek(a), peek(b), peek(output)];
  const [placeA, placeB] = [a, b].map((t) => broadcastPlaces(t.shape, output.shape));
  if (input === 1) return selecting(placeB, (i) => y[i] * log(base[placeA[i]]), false);
  const exact = exponent.every((v) => v === 1);
  return selecting(placeA, (i) => exponent[placeB[i]] * pow(base[placeA[i]], exponent[placeB[i]] - 1), exact);
}

/** Where the entries come from when an operation moves them: it is done to the numbers 1, 2, 3, …, and 0 is none. */
function places(shape: Shape, move: (numbered: Tensor) => Tensor): Int32Array {
  const numbered = owned(
    new Float64Array(sizeOf(shape)).map((_, i) => i + 1),
    shape,
  );
  return new Int32Array(peek(noGrad(() => move(numbered)))).map((number) => number - 1);
}

function moved({ op, inputs, output, attributes }: Node, input: number): LinearMap {
  const move = (t: Tensor): Tensor => {
    const all = (): Tensor[] =>
      inputs.map((other, i) => (i === input ? t : owned(new Float64Array(other.size), other.shape)));
    switch (op) {
      case "transpose":
      case "permute":
        return permute(t, (attributes as OpAttributes["permute"]).axes);
      case "slice":
        return slice(t, (attributes as OpAttributes["slice"]).ranges);
      case "pad":
        return pad(t, (attributes as OpAttributes["pad"]).pads);
      case "indexSelect": {
        const { axis, index } = attributes as OpAttributes["indexSelect"];
        return indexSelect(t, axis, index);
      }
      case "gather": {
        const { axis, index } = attributes as OpAttributes["gather"];
        return gather(t, axis, index);
      }
      case "concat":
        return concat(all(), (attributes as OpAttributes["concat"]).axis);
      case "stack":
        return stack(all(), (attributes as OpAttributes["stack"]).axis);
      default:
        return expand(t, output.shape);
    }
  };
  return selecting(places(inputs[input].shape, move));
}

/** The row of the output that each entry of a reduction's input goes to. */
function rowOfEach({ inputs: [x], output, attributes }: Node): Int32Array {
  const { axes } = attributes as OpAttributes["sum"];
  const reduced = new Set(
    (axes === undefined ? x.shape.map((_, i) => i) : [axes].flat()).map((axis) => (axis + x.rank) % x.rank),
  );
  const kept = x.shape.map((length, axis) => (reduced.has(axis) ? 1 : length));
  return places(output.shape, (t) => expand(owned(peek(t), kept), x.shape));
}

/** A reduction: entry i of x goes to row j times `factor`. */
function summed(node: Node, factor: (i: number, j: number) => number, exact: boolean): LinearMap {
  const rows: [number, number][][] = Array.from({ length: node.output.size }, () => []);
  rowOfEach(node).forEach((j, i) => {
    rows[j].push([i, factor(i, j)]);
  });
  return summing(rows.length, (row) => rows[row], exact);
}

/** Each entry takes in the entries before it along the axis. */
function runningSums(x: Tensor, { axis }: OpAttributes["cumsum"]): LinearMap {
  const along = axis < 0 ? axis + x.rank : axis;
  const step = sizeOf(x.shape.slice(along + 1));
  const places = (row: number): number => Math.floor(row / step) % x.shape[along];
  const terms = (row: number) => Array.from({ length: places(row) + 1 }, (_, k) => [row - k * step, 1] as const);
  return summing(x.size, terms, true);
}

/** What the rule of an operation on one tensor multiplies by: its gradients for an upstream gradient of ones. */
function factorsOf(node: Node): ArrayLike<number> {
  return numbersOf(node.rule(toValues(new Float64Array(node.output.size).fill(1)), [true])[0]!);
}

/** Of topK: each value is the first of its line that is equal to it and not yet taken. */
function sortedOut({ inputs: [x], output, attributes }: Node): LinearMap {
  const { axis } = attributes as OpAttributes["topK"];
  const along = normalizeAxis("topK", axis, x.rank);
  const inner = sizeOf(x.shape.slice(along + 1));
  const [length, k] = [x.shape[along], output.shape[along]];
  const [values, taken] = [peek(x), new Set<number>()];
  return selecting(
    Array.from(peek(output), (value, i) => {
      let from = Math.floor(i / (k * inner)) * length * inner + (i % inner);
      while (taken.has(from) || !Object.is(values[from], value)) from += inner;
      taken.add(from);
      return from;
    }),
  );
}

/**
 * The mask that dropout drew is nowhere written down: it is what the rule multiplies by, if what came out is what went in
 * times that.
 */
function drawnMask(node: Node): LinearMap {
  const factors = factorsOf(node);
  const [x, y] = [peek(node.inputs[0]), peek(node.output)];
  const round = x instanceof Float32Array ? Math.fround : (v: number): number => v;
  if (!Array.from(factors).every((f, i) => y[i] === round(x[i] * f) || Number.isNaN(y[i]))) {
    return { kind: "unknown", why: "dropout's values are not its input times its mask" };
  }
  return selecting(
    everyPlace(x.length),
    (i) => factors[i],
    Array.from(factors).every((f) => f === 0 || isPowerOfTwo(f)),
  );
}

/** y_ij = Σ_k a_ik·b_kj, as a map from a (input 0) or from b (1); `other` gives the entries of the other one. */
function product(
  [rows, inner, columns]: readonly number[],
  input: number,
  other: (p: number, q: number) => number,
): LinearMap {
  const terms = function* (row: number): Generator<readonly [number, number]> {
    const [i, j] = [Math.floor(row / columns), row % columns];
    for (let k = 0; k < inner; k++) yield input === 0 ? [i * inner + k, other(k, j)] : [k * columns + j, other(i, k)];
  };
  return rows * columns * inner === 0 ? ZERO : summing(rows * columns, terms, true);
}
