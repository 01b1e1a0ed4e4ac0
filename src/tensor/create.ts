/** Making tensors: from numbers, filled, counted, random. */
import { ShapeError, UsageError, ValueError } from "./errors.ts";
import { allocateLasting, type Floats } from "./memory.ts";
import type { Rng } from "./rng.ts";
import { checkShape, formatShape, type Shape, sizeOf } from "./shape.ts";
import { type NestedArray, Tensor } from "./tensor.ts";

export interface TensorOptions {
  /** Whether `backward` should compute this tensor's gradient. Default false. */
  requiresGrad?: boolean;
}

/**
 * A tensor from nested arrays, or from flat values and a shape. The values are copied.
 *
 * @example
 * const m = tensor([[1, 2, 3], [4, 5, 6]]);
 * const same = tensor(new Float32Array([1, 2, 3, 4, 5, 6]), [2, 3]);
 *
 * @throws ShapeError if the nesting is ragged or the values do not fill the shape.
 */
export function tensor(values: NestedArray | Floats, shape?: Shape, options?: TensorOptions): Tensor;
export function tensor(values: NestedArray | Floats, options?: TensorOptions): Tensor;
export function tensor(
  values: NestedArray | Floats,
  shapeOrOptions?: Shape | TensorOptions,
  options?: TensorOptions,
): Tensor {
  const shape = Array.isArray(shapeOrOptions) ? (shapeOrOptions as Shape) : undefined;
  const { requiresGrad = false } = options ?? (shape ? {} : ((shapeOrOptions as TensorOptions | undefined) ?? {}));
  if (shape) checkShape("tensor", shape);
  if (ArrayBuffer.isView(values)) {
    const data = allocateLasting(values.length, values);
    data.set(values);
    return new Tensor(data, shape ? [...shape] : [values.length], requiresGrad);
  }
  const flat: number[] = [];
  const nested = nestingOf(values, flat, []);
  const data = allocateLasting(flat.length);
  data.set(flat);
  return new Tensor(data, shape ? [...shape] : nested, requiresGrad);
}

/** Appends the numbers in `values` to `flat` and returns the nesting's shape. */
function nestingOf(values: NestedArray, flat: number[], path: readonly number[]): number[] {
  if (typeof values === "number") {
    flat.push(values);
    return [];
  }
  if (!Array.isArray(values)) throw new UsageError(`tensor: expected numbers or nested arrays of them, got ${values}`);
  let inner: number[] | undefined;
  for (let i = 0; i < values.length; i++) {
    const shape = nestingOf(values[i] as NestedArray, flat, [...path, i]);
    if (inner && inner.join() !== shape.join()) {
      throw new ShapeError(
        `tensor: ragged nesting: the part at [${[...path, i].join("][")}] has shape ${formatShape(shape)}, its neighbours ${formatShape(inner)}`,
      );
    }
    inner = shape;
  }
  return [values.length, ...(inner ?? [])];
}

/**
 * A tensor whose every element is `value`.
 *
 * @throws ShapeError, here and below, unless every axis length is a whole number of 0 or more.
 */
export function full(shape: Shape, value: number, options?: TensorOptions): Tensor {
  return filled("full", shape, value, options);
}

/** A tensor of zeros. */
export function zeros(shape: Shape, options?: TensorOptions): Tensor {
  return filled("zeros", shape, 0, options);
}

/** A tensor of ones. */
export function ones(shape: Shape, options?: TensorOptions): Tensor {
  return filled("ones", shape, 1, options);
}

function filled(op: string, shape: Shape, value: number, { requiresGrad = false }: TensorOptions = {}): Tensor {
  checkShape(op, shape);
  return new Tensor(allocateLasting(sizeOf(shape)).fill(value), [...shape], requiresGrad);
}

/**
 * The numbers start, start + step, … below `stop` (above it for a negative step). `arange(4)` is `[0, 1, 2, 3]`.
 *
 * @throws ValueError unless all three are finite and the step is not 0.
 */
export function arange(start: number, stop?: number, step = 1): Tensor {
  if (stop === undefined) [start, stop] = [0, start];
  if (step === 0 || ![start, stop, step].every(Number.isFinite)) {
    throw new ValueError(`arange: needs finite numbers and a step other than 0, got ${start}, ${stop}, ${step}`);
  }
  const count = Math.max(0, Math.ceil((stop - start) / step));
  const data = allocateLasting(count);
  for (let i = 0; i < count; i++) data[i] = start + i * step;
  return new Tensor(data, [count]);
}

/** The n × n identity matrix. */
export function eye(n: number): Tensor {
  const identity = filled("eye", [n, n], 0);
  for (let i = 0; i < n; i++) identity.data[i * n + i] = 1;
  return identity;
}

/** Independent normal numbers with mean 0 and standard deviation 1. */
export function randn(shape: Shape, rng: Rng, options?: TensorOptions): Tensor {
  const t = filled("randn", shape, 0, options);
  for (let i = 0; i < t.size; i++) t.data[i] = rng.normal();
  return t;
}

/** Independent uniform numbers in [low, high). */
export function uniform(shape: Shape, rng: Rng, low = 0, high = 1, options?: TensorOptions): Tensor {
  const t = filled("uniform", shape, low, options);
  for (let i = 0; i < t.size; i++) {
    // Rounded to float32, a number just below `high` can become `high`: draw again.
    do t.data[i] = rng.uniform(low, high);
    while (t.data[i] >= high && Math.fround(low) < high);
  }
  return t;
}
