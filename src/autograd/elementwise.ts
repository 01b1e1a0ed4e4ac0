/**
 * Element-wise operations: y_i = f(x_i), and y_i = a_i ∘ b_i under NumPy's broadcasting.
 *
 * Every operation here is one line of forward and one of derivative. The rules return gradients in the shape of y;
 * `binary` then sums them over the axes along which an input was stretched, because an element that was used k times
 * receives k gradients. Shapes that do not broadcast are a ShapeError that names the operation and both.
 * Next: activations.ts, the functions that networks put between their layers; unary.ts, what all of one argument have in common.
 */
import { checkNumber } from "../tensor/arguments.ts";
import { checkOptions, type OptionNames } from "../tensor/check.ts";
import { UsageError } from "../tensor/errors.ts";
import { broadcastGeometry } from "../tensor/geometry/broadcast.ts";
import type { BinaryOp } from "../tensor/kernels.ts";
import { allocate, type Values } from "../tensor/memory.ts";
import type { Rule } from "../tensor/node.ts";
import { type Shape, sameShape } from "../tensor/shape.ts";
import { computed, type Deferred, deferredOf, empty, type Tensor, valuesOf } from "../tensor/tensor.ts";
import { kernels } from "../tensor/tier.ts";
import { combine, negative, stretched, unbroadcast } from "./arrays.ts";
import { readByProduct, record } from "./graph.ts";
import { type Operand, operand } from "./operand.ts";
import { unary } from "./unary.ts";

export * from "./activations.ts";
export type { Operand };

/**
 * y = a + b. ∂y/∂a = ∂y/∂b = 1: the gradient passes to both unchanged. This is what a skip connection is made of.
 *
 * @example
 * add(tensor([1, 2]), tensor([10, 20])).toArray(); // [11, 22]
 */
export function add(a: Operand, b: Operand): Tensor {
  return binary("add", a, b, (gy) => [() => gy, () => gy]);
}

/**
 * y = a − b. ∂y/∂a = 1, ∂y/∂b = −1.
 *
 * @example
 * sub(10, tensor([1, 2])).toArray(); // [9, 8]
 */
export function sub(a: Operand, b: Operand): Tensor {
  return binary("sub", a, b, (gy) => [() => gy, () => negative(gy)]);
}

/**
 * y = a·b. ∂y/∂a = b, ∂y/∂b = a.
 *
 * @example
 * mul(tensor([[1], [2]]), tensor([3, 4])).toArray(); // [[3, 4], [6, 8]]
 */
export function mul(a: Operand, b: Operand): Tensor {
  return binary("mul", a, b, (gy, { a, b, shape }) => [
    () => combine("mul", gy, shape, valuesOf(b), b.shape),
    () => combine("mul", gy, shape, valuesOf(a), a.shape),
  ]);
}

/**
 * y = a / b. ∂y/∂a = 1/b, ∂y/∂b = −a/b² = −y/b.
 *
 * @example
 * div(tensor([1, 3]), 4).toArray(); // [0.25, 0.75]
 */
export function div(a: Operand, b: Operand): Tensor {
  return binary("div", a, b, (gy, { b, y, shape }) => {
    const ga = combine("div", gy, shape, valuesOf(b), b.shape);
    return [() => ga, () => negative(combine("mul", ga, shape, valuesOf(y), shape))];
  });
}

/**
 * y = aᵇ. ∂y/∂a = b·aᵇ⁻¹, ∂y/∂b = aᵇ·ln a.
 *
 * Where b = 0 the gradient of a is 0, and where a = 0 and b ≥ 0 the gradient of b is 0, as in PyTorch.
 *
 * @example
 * pow(tensor([1, 2, 3]), 2).toArray(); // [1, 4, 9]
 */
export function pow(a: Operand, b: Operand): Tensor {
  return binary("pow", a, b, (gy, context) => byKernel("pow", gy, context));
}

/**
 * y = max(a, b). The gradient goes to the larger one, half to each where they are equal. NaN if either is NaN.
 *
 * @example
 * maximum(tensor([-1, 5]), tensor([2, 3])).toArray(); // [2, 5]
 */
export function maximum(a: Operand, b: Operand): Tensor {
  return binary("maximum", a, b, (gy, context) => byKernel("maximum", gy, context));
}

/**
 * y = min(a, b). The gradient goes to the smaller one, half to each where they are equal. NaN if either is NaN.
 *
 * @example
 * minimum(tensor([-1, 5]), 3).toArray(); // [-1, 3]
 */
export function minimum(a: Operand, b: Operand): Tensor {
  return binary("minimum", a, b, (gy, context) => byKernel("minimum", gy, context));
}

/**
 * y = −x. y′ = −1.
 *
 * @example
 * neg(tensor([1, -2])).toArray(); // [-1, 2]
 */
export function neg(x: Tensor): Tensor {
  return unary("neg", x);
}

/**
 * y = eˣ. y′ = y.
 *
 * @example
 * exp(tensor([0, 1])).toArray(); // [1, 2.7183]
 */
export function exp(x: Tensor): Tensor {
  return unary("exp", x);
}

/**
 * y = ln x. y′ = 1/x.
 *
 * @example
 * log(tensor([1, Math.E])).toArray(); // [0, 1]
 */
export function log(x: Tensor): Tensor {
  return unary("log", x);
}

/**
 * y = √x. y′ = 1 / 2y.
 *
 * @example
 * sqrt(tensor([4, 9])).toArray(); // [2, 3]
 */
export function sqrt(x: Tensor): Tensor {
  return unary("sqrt", x);
}

/**
 * y = |x|. y′ = sign x, and 0 at 0.
 *
 * @example
 * abs(tensor([-3, 2])).toArray(); // [3, 2]
 */
export function abs(x: Tensor): Tensor {
  return unary("abs", x);
}

/**
 * y = sign x: 1, −1, or 0 at 0 and for NaN, as in PyTorch. y′ = 0.
 *
 * @example
 * sign(tensor([-3, 0, 2])).toArray(); // [-1, 0, 1]
 */
export function sign(x: Tensor): Tensor {
  return unary("sign", x);
}

/**
 * y = the nearest whole number, of two equally near ones the even one: 0.5 gives 0, 1.5 gives 2, as in PyTorch. y′ = 0.
 *
 * @example
 * round(tensor([0.5, 1.5, 2.4])).toArray(); // [0, 2, 2]
 */
export function round(x: Tensor): Tensor {
  return unary("round", x);
}

/**
 * y = ⌊x⌋, the largest whole number that is not above x. y′ = 0.
 *
 * @example
 * floor(tensor([1.7, -1.2])).toArray(); // [1, -2]
 */
export function floor(x: Tensor): Tensor {
  return unary("floor", x);
}

/**
 * y = ⌈x⌉, the smallest whole number that is not below x. y′ = 0.
 *
 * @example
 * ceil(tensor([1.2, -1.7])).toArray(); // [2, -1]
 */
export function ceil(x: Tensor): Tensor {
  return unary("ceil", x);
}

/** The bounds of `clamp` by name. At least one is given. */
export interface ClampBounds {
  /** Default −∞. */
  min?: number | undefined;
  /** Default ∞. */
  max?: number | undefined;
}

const CLAMP_BOUNDS: OptionNames<ClampBounds> = { min: true, max: true };

/**
 * y = x held to [low, high]; a bound that is undefined does not hold. y′ = 1 inside and at the bounds, else 0. Where low is
 * above high, y = high, as in PyTorch.
 *
 * @example
 * clamp(tensor([-2, 0, 2]), -1, 1).toArray(); // [-1, 0, 1]
 * clamp(tensor([-2, 0, 2]), { min: 0 }).toArray(); // [0, 0, 2]
 *
 * @throws UsageError without any bound.
 */
export function clamp(x: Tensor, bounds: ClampBounds): Tensor;
export function clamp(x: Tensor, low: number | undefined, high?: number): Tensor;
export function clamp(x: Tensor, first: ClampBounds | number | undefined, second?: number): Tensor {
  const [min, max] = boundsOf(first, second);
  if (min === undefined && max === undefined) {
    throw new UsageError("clamp: at least one bound must be given, clamp(x, 0, 1) or clamp(x, { min: 0 }), got none");
  }
  const [low, high] = [min ?? Number.NEGATIVE_INFINITY, max ?? Number.POSITIVE_INFINITY];
  return unary("clamp", x, ["clamp", { low, high }], low, high);
}

function boundsOf(first: ClampBounds | number | undefined, second: number | undefined): (number | undefined)[] {
  const byName = typeof first === "object" && first !== null && second === undefined;
  if (byName) checkOptions("clamp", first, CLAMP_BOUNDS);
  const bounds = byName ? { min: first.min, max: first.max } : { low: first, high: second };
  for (const [name, bound] of Object.entries(bounds)) if (bound !== undefined) checkNumber("clamp", name, bound);
  return Object.values(bounds) as (number | undefined)[];
}

interface BinaryContext {
  readonly a: Tensor;
  readonly b: Tensor;
  readonly y: Tensor;
  /** Shape of y. */
  readonly shape: Shape;
}

/** Gradients of both inputs in the shape of y, each computed only if it is needed. */
type BinaryRule = (gy: Values, context: BinaryContext) => readonly [() => Values, () => Values];

function binary(op: BinaryOp, left: Operand, right: Operand, rule: BinaryRule): Tensor {
  const a = operand(op, "a", left, right);
  const b = operand(op, "b", right, left);
  const g = broadcastGeometry(op, a.shape, b.shape);
  const together = op === "add" ? deferredSum(a, b) : null;
  const y = together ? computed(together, g.shape) : empty(g.shape, a);
  if (!together) kernels.binary(op, valuesOf(a), valuesOf(b), valuesOf(y), g);
  const reads = op === "add" || op === "sub" ? [] : op === "mul" ? readByProduct(a, b) : undefined;
  const bothWays: Rule = (gy, [needA, needB]) => {
    const [ga, gb] = rule(gy, { a, b, y, shape: y.shape });
    return [needA ? unbroadcast(ga(), y.shape, a.shape) : null, needB ? unbroadcast(gb(), y.shape, b.shape) : null];
  };
  return record(op, y, [a, b], bothWays, reads);
}

/** a + b, not computed yet either, where one of them is not and takes the other along; else null. */
function deferredSum(a: Tensor, b: Tensor): Deferred | null {
  if (!sameShape(a.shape, b.shape)) return null;
  return deferredOf(a)?.plus?.(b) ?? deferredOf(b)?.plus?.(a) ?? null;
}

/** The gradients that a kernel computes from a, b and y, all read in the shape of y. */
function byKernel(
  op: "pow" | "maximum" | "minimum",
  gy: Values,
  { a, b, y, shape }: BinaryContext,
): readonly [() => Values, () => Values] {
  const [p, q] = [a, b].map((t) => stretched(valuesOf(t), t.shape, shape));
  const gradient = (ga: Values | null, gb: Values | null): void =>
    kernels.binaryGradient(op, gy, p, q, valuesOf(y), ga, gb);
  return [
    () => {
      const ga = allocate(gy.length, gy);
      gradient(ga, null);
      return ga;
    },
    () => {
      const gb = allocate(gy.length, gy);
      gradient(null, gb);
      return gb;
    },
  ];
}
