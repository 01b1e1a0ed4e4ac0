/**
 * Element-wise operations: y_i = f(x_i), and y_i = a_i ∘ b_i under NumPy's broadcasting.
 *
 * Every operation here is one line of forward and one of derivative. The rules return gradients in the shape of y;
 * `binary` then sums them over the axes along which an input was stretched, because an element that was used k times
 * receives k gradients. Shapes that do not broadcast are a ShapeError that names the operation and both.
 */
import { broadcastGeometry, stretchedAxes } from "../tensor/geometry/broadcast.ts";
import { reduceGeometry } from "../tensor/geometry/reduce.ts";
import { type BinaryOp, kernels, type UnaryOp } from "../tensor/kernels.ts";
import { allocate, type Floats } from "../tensor/memory.ts";
import { type Shape, sameShape, sizeOf } from "../tensor/shape.ts";
import { empty, Tensor } from "../tensor/tensor.ts";
import type { Operation } from "./attributes.ts";
import { record } from "./graph.ts";
import { Normalized } from "./normalized.ts";

/** A tensor, or a number that broadcasts as a scalar. */
export type Operand = Tensor | number;

/** y = a + b. ∂y/∂a = ∂y/∂b = 1: the gradient passes to both unchanged. This is what a skip connection is made of. */
export function add(a: Operand, b: Operand): Tensor {
  const waiting = a instanceof Tensor && b instanceof Tensor ? addToNormalized(a, b) : null;
  return waiting ?? binary("add", a, b, (gy) => [() => gy, () => gy]);
}

/** a + b, where one of them is a batch norm's output that waits; the sum waits too. */
function addToNormalized(a: Tensor, b: Tensor): Tensor | null {
  if (!sameShape(a.shape, b.shape)) return null;
  const plus = (s: Tensor, t: Tensor): Normalized | null =>
    s.deferred instanceof Normalized ? s.deferred.plus(t) : null;
  const sum = plus(a, b) ?? plus(b, a);
  return sum && record("add", new Tensor(sum, a.shape), [a, b], (gy) => [gy, gy]);
}

/** y = a − b. ∂y/∂a = 1, ∂y/∂b = −1. */
export function sub(a: Operand, b: Operand): Tensor {
  return binary("sub", a, b, (gy) => [() => gy, () => negative(gy)]);
}

/** y = a·b. ∂y/∂a = b, ∂y/∂b = a. */
export function mul(a: Operand, b: Operand): Tensor {
  return binary("mul", a, b, (gy, { a, b, shape }) => [
    () => combine("mul", gy, shape, b.data, b.shape),
    () => combine("mul", gy, shape, a.data, a.shape),
  ]);
}

/** y = a / b. ∂y/∂a = 1/b, ∂y/∂b = −a/b² = −y/b. */
export function div(a: Operand, b: Operand): Tensor {
  return binary("div", a, b, (gy, { b, y, shape }) => {
    const ga = combine("div", gy, shape, b.data, b.shape);
    return [() => ga, () => negative(combine("mul", ga, shape, y.data, shape))];
  });
}

/**
 * y = aᵇ. ∂y/∂a = b·aᵇ⁻¹, ∂y/∂b = aᵇ·ln a.
 *
 * Where b = 0 the gradient of a is 0, and where a = 0 and b ≥ 0 the gradient of b is 0, as in PyTorch.
 */
export function pow(a: Operand, b: Operand): Tensor {
  return binary("pow", a, b, (gy, { a, b, y, shape }) => {
    const base = stretch(a, shape);
    const exponent = stretch(b, shape);
    const power = y.data;
    return [
      () => times(gy, (i) => (exponent[i] === 0 ? 0 : exponent[i] * base[i] ** (exponent[i] - 1))),
      () => times(gy, (i) => (base[i] === 0 && exponent[i] >= 0 ? 0 : power[i] * Math.log(base[i]))),
    ];
  });
}

/** y = max(a, b). The gradient goes to the larger one, half to each where they are equal. NaN if either is NaN. */
export function maximum(a: Operand, b: Operand): Tensor {
  return binary("maximum", a, b, (gy, { a, b, shape }) => whereLarger(gy, stretch(a, shape), stretch(b, shape)));
}

/** y = min(a, b). The gradient goes to the smaller one, half to each where they are equal. NaN if either is NaN. */
export function minimum(a: Operand, b: Operand): Tensor {
  // a is the smaller one where b is larger.
  return binary("minimum", a, b, (gy, { a, b, shape }) => whereLarger(gy, stretch(b, shape), stretch(a, shape)));
}

/** y = −x. y′ = −1. */
export function neg(x: Tensor): Tensor {
  return unary("neg", x);
}

/** y = eˣ. y′ = y. */
export function exp(x: Tensor): Tensor {
  return unary("exp", x);
}

/** y = ln x. y′ = 1/x. */
export function log(x: Tensor): Tensor {
  return unary("log", x);
}

/** y = √x. y′ = 1 / 2y. */
export function sqrt(x: Tensor): Tensor {
  return unary("sqrt", x);
}

/** y = |x|. y′ = sign x, and 0 at 0. */
export function abs(x: Tensor): Tensor {
  return unary("abs", x);
}

/** y = max(x, 0). y′ = 1 where x > 0, else 0 (also at 0). NaN stays NaN. */
export function relu(x: Tensor): Tensor {
  const waiting = x.deferred;
  if (!(waiting instanceof Normalized)) return unary("relu", x);
  const y = new Tensor(waiting.relu(), x.shape);
  return record("relu", y, [x], (gy) => [waiting.reluGradient(gy, y.data)]);
}

/** y = x where x > 0, else slope·x. y′ = 1 or slope (at 0: slope). */
export function leakyRelu(x: Tensor, slope = 0.01): Tensor {
  return unary("leakyRelu", x, ["leakyRelu", { slope }], slope);
}

/** y = 1 / (1 + e⁻ˣ). y′ = y(1 − y). */
export function sigmoid(x: Tensor): Tensor {
  return unary("sigmoid", x);
}

/** y = tanh x. y′ = 1 − y². */
export function tanh(x: Tensor): Tensor {
  return unary("tanh", x);
}

export interface GeluOptions {
  /** `"none"` is the exact x·Φ(x); `"tanh"` the usual approximation. Default "none". */
  approximate?: "none" | "tanh";
}

/**
 * y = x·Φ(x) with Φ the standard normal distribution (Hendrycks & Gimpel 2016). y′ = Φ(x) + x·φ(x).
 *
 * With `approximate: "tanh"`: y = ½x(1 + tanh(√(2/π)·(x + 0.044715x³))).
 */
export function gelu(x: Tensor, { approximate = "none" }: GeluOptions = {}): Tensor {
  return unary(approximate === "tanh" ? "geluTanh" : "gelu", x, ["gelu", { approximate }]);
}

/** y = ln(1 + e^βx) / β, and y = x where βx > threshold. y′ = sigmoid(βx). */
export function softplus(x: Tensor, { beta = 1, threshold = 20 }: { beta?: number; threshold?: number } = {}): Tensor {
  return unary("softplus", x, ["softplus", { beta, threshold }], beta, threshold);
}

/** y = x held to [low, high]. y′ = 1 inside and at the bounds, else 0. */
export function clamp(x: Tensor, low: number, high: number): Tensor {
  return unary("clamp", x, ["clamp", { low, high }], low, high);
}

function unary(op: UnaryOp, x: Tensor, operation: Operation = op, p?: number, q?: number): Tensor {
  const y = empty(x.shape, x);
  kernels.unary(op, x.data, y.data, p, q);
  return record(operation, y, [x], (gy) => {
    const gx = allocate(gy.length, gy);
    kernels.unaryGradient(op, gy, x.data, y.data, gx, p, q);
    return [gx];
  });
}

interface BinaryContext {
  readonly a: Tensor;
  readonly b: Tensor;
  readonly y: Tensor;
  /** Shape of y. */
  readonly shape: Shape;
}

/** Gradients of both inputs in the shape of y, each computed only if it is needed. */
type BinaryRule = (gy: Floats, context: BinaryContext) => readonly [() => Floats, () => Floats];

function binary(op: BinaryOp, left: Operand, right: Operand, rule: BinaryRule): Tensor {
  const a = typeof left === "number" ? scalarLike(left, right) : left;
  const b = typeof right === "number" ? scalarLike(right, left) : right;
  const g = broadcastGeometry(op, a.shape, b.shape);
  const y = empty(g.shape, a);
  kernels.binary(op, a.data, b.data, y.data, g);
  return record(op, y, [a, b], (gy, [needA, needB]) => {
    const [ga, gb] = rule(gy, { a, b, y, shape: y.shape });
    return [needA ? unbroadcast(ga(), y.shape, a.shape) : null, needB ? unbroadcast(gb(), y.shape, b.shape) : null];
  });
}

function scalarLike(value: number, other: Operand): Tensor {
  const data = allocate(1, typeof other === "number" ? undefined : other.data);
  return new Tensor(data.fill(value), []);
}

/** Sums a gradient over the axes along which `from` was stretched to `to`. */
export function unbroadcast(gy: Floats, to: Shape, from: Shape): Floats {
  if (sameShape(from, to)) return gy;
  const g = reduceGeometry("broadcast", to, stretchedAxes(from, to), false);
  const gx = allocate(sizeOf(from), gy);
  kernels.reduce("sum", gy, gx, g);
  return gx;
}

/** p ∘ q in the shape of p, to which q is stretched. */
export function combine(op: BinaryOp, p: Floats, shape: Shape, q: Floats, qShape: Shape): Floats {
  const y = allocate(p.length, p);
  kernels.binary(op, p, q, y, broadcastGeometry(op, shape, qShape));
  return y;
}

function negative(x: Floats): Floats {
  const y = allocate(x.length, x);
  kernels.unary("neg", x, y);
  return y;
}

/** The values of `t` read in `shape`. */
function stretch(t: Tensor, shape: Shape): Floats {
  if (sameShape(t.shape, shape)) return t.data;
  return combine("add", allocate(sizeOf(shape), t.data).fill(0), shape, t.data, t.shape);
}

/** gy where p > q, and gy where q > p; where they are equal, half of it in both. */
function whereLarger(gy: Floats, p: Floats, q: Floats): readonly [() => Floats, () => Floats] {
  // As in PyTorch, a NaN on either side gives both the whole gradient.
  const share = (v: number, w: number): number => (v < w ? 0 : v === w ? 0.5 : 1);
  return [() => times(gy, (i) => share(p[i], q[i])), () => times(gy, (i) => share(q[i], p[i]))];
}

/** gy_i · derivative(i). */
function times(gy: Floats, derivative: (i: number) => number): Floats {
  const gx = allocate(gy.length, gy);
  for (let i = 0; i < gx.length; i++) gx[i] = gy[i] * derivative(i);
  return gx;
}
