/** Making tensors: from numbers, filled, counted, random. */
import { checkBoolean, checkNumberIn, checkRng } from "./arguments.ts";
import { checkOptions, describe, type OptionNames } from "./check.ts";
import { readClone, type SavedTensor } from "./clone.ts";
import { ShapeError, UsageError, ValueError } from "./errors.ts";
import type { NestedArray } from "./nested.ts";
import type { Rng } from "./rng.ts";
import { checkShape, formatShape, type Shape, sizeOf } from "./shape.ts";
import { owned, type Tensor, type Tensor64 } from "./tensor.ts";

/** Options of every function that makes a tensor. */
export interface TensorOptions {
  /** Whether `backward` should compute this tensor's gradient. Default false. */
  requiresGrad?: boolean;
}

const NAMES: OptionNames<TensorOptions> = { requiresGrad: true };

/**
 * A tensor from nested arrays, from flat values and a shape, or from a clone of another. The values are copied and
 * rounded to float32. Only a Float64Array keeps its precision; its tensor has another type, which only plain kernels
 * compute with: for checks.
 *
 * @example
 * const m = tensor([[1, 2, 3], [4, 5, 6]]);
 * const same = tensor(new Float32Array([1, 2, 3, 4, 5, 6]), [2, 3]);
 * const again = tensor(structuredClone(m));
 *
 * @throws ShapeError if the nesting is ragged or the values do not fill the shape; UsageError for anything but numbers.
 */
export function tensor(values: Float64Array, shape?: Shape | TensorOptions, options?: TensorOptions): Tensor64;
export function tensor(values: NestedArray | TypedNumbers, shape?: Shape, options?: TensorOptions): Tensor;
export function tensor(values: NestedArray | TypedNumbers | SavedTensor, options?: TensorOptions): Tensor;
export function tensor(
  values: NestedArray | TypedNumbers | Float64Array | SavedTensor,
  shapeOrOptions?: Shape | TensorOptions,
  options?: TensorOptions,
): Tensor | Tensor64 {
  const shape = Array.isArray(shapeOrOptions) ? (shapeOrOptions as Shape) : undefined;
  const given = options ?? (shape ? undefined : (shapeOrOptions as TensorOptions | undefined));
  const requiresGrad = wantsGrad("tensor", given);
  if (shape) checkShape("tensor", shape);
  const { flat, nesting } = numbersIn(values);
  const data = flat instanceof Float64Array ? new Float64Array(flat.length) : new Float32Array(flat.length);
  data.set(flat);
  if (shape && sizeOf(shape) !== data.length) {
    throw new ShapeError(
      `tensor: ${data.length} values do not fill shape ${formatShape(shape)} (${sizeOf(shape)} elements)`,
    );
  }
  return owned(data, [...(shape ?? nesting)], requiresGrad);
}

function wantsGrad(op: string, options: TensorOptions | undefined): boolean {
  checkOptions(op, options, NAMES);
  const { requiresGrad = false } = options ?? {};
  checkBoolean(op, "requiresGrad", requiresGrad);
  return requiresGrad;
}

/** Flat numbers. */
export type TypedNumbers =
  | Float32Array
  | Int8Array
  | Uint8Array
  | Uint8ClampedArray
  | Int16Array
  | Uint16Array
  | Int32Array
  | Uint32Array;

function numbersIn(values: NestedArray | TypedNumbers | Float64Array | SavedTensor): {
  flat: ArrayLike<number>;
  nesting: Shape;
} {
  if (ArrayBuffer.isView(values)) {
    if (values instanceof DataView || values instanceof BigInt64Array || values instanceof BigUint64Array) {
      throw new UsageError(`tensor: expected numbers, got ${describe(values)}`);
    }
    return { flat: values, nesting: [values.length] };
  }
  if (typeof values === "object" && values !== null && "shape" in values && "data" in values) {
    const { shape, data } = readClone("tensor: the clone", values);
    // Any type: only float64 keeps its precision, and numbers from JSON came from a float32 tensor.
    return { flat: Array.isArray(values.data) ? Float32Array.from(data) : data, nesting: shape };
  }
  const flat: number[] = [];
  return { nesting: nestingOf(values as NestedArray, flat, []), flat };
}

/** Appends the numbers in `values` to `flat` and returns the nesting's shape. */
function nestingOf(values: NestedArray, flat: number[], path: readonly number[]): number[] {
  if (typeof values === "number") {
    flat.push(values);
    return [];
  }
  if (!Array.isArray(values)) {
    throw new UsageError(`tensor: expected numbers or nested arrays of them, got ${describe(values)}`);
  }
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
 * A tensor filled with `value`.
 *
 * @example
 * full([2, 2], 7).toArray(); // [[7, 7], [7, 7]]
 *
 * @throws ShapeError, here and below, unless every axis length is a whole number of 0 or more.
 */
export function full(shape: Shape, value: number, options?: TensorOptions): Tensor {
  return filled("full", shape, value, options);
}

/**
 * A tensor of zeros.
 *
 * @example
 * const b = zeros([2], { requiresGrad: true });
 * b.toArray(); // [0, 0]
 */
export function zeros(shape: Shape, options?: TensorOptions): Tensor {
  return filled("zeros", shape, 0, options);
}

/**
 * A tensor of ones.
 *
 * @example
 * ones([3]).toArray(); // [1, 1, 1]
 */
export function ones(shape: Shape, options?: TensorOptions): Tensor {
  return filled("ones", shape, 1, options);
}

function filled(op: string, shape: Shape, value: number, options?: TensorOptions): Tensor {
  checkNumberIn(op, "value", value, "a number", () => true);
  return made(op, shape, (data) => data.fill(value), options);
}

/** A tensor made from an array of zeros that `write` fills. */
function made(op: string, shape: Shape, write: (data: Float32Array) => void, options?: TensorOptions): Tensor {
  checkShape(op, shape);
  const requiresGrad = wantsGrad(op, options);
  const data = new Float32Array(sizeOf(shape));
  write(data);
  return owned(data, [...shape], requiresGrad);
}

/**
 * The numbers start, start + step, … below `stop` (above it for a negative step). `arange(4)` is `[0, 1, 2, 3]`.
 *
 * @example
 * arange(4).toArray(); // [0, 1, 2, 3]
 * arange(1, 2, 0.25).toArray(); // [1, 1.25, 1.5, 1.75]
 *
 * @throws ValueError unless all three are finite and the step is not 0.
 */
export function arange(start: number, stop?: number, step = 1): Tensor {
  if (stop === undefined) [start, stop] = [0, start];
  if (step === 0 || ![start, stop, step].every(Number.isFinite)) {
    const got = [start, stop, step].map(describe).join(", ");
    throw new ValueError(`arange: needs finite numbers and a step other than 0, got ${got}`);
  }
  const [first, by] = [start, step];
  return made("arange", [Math.max(0, Math.ceil((stop - start) / step))], (data) => {
    for (let i = 0; i < data.length; i++) data[i] = first + i * by;
  });
}

/**
 * The n × n identity matrix.
 *
 * @example
 * eye(2).toArray(); // [[1, 0], [0, 1]]
 */
export function eye(n: number, options?: TensorOptions): Tensor {
  const write = (data: Float32Array): void => {
    for (let i = 0; i < n; i++) data[i * n + i] = 1;
  };
  return made("eye", [n, n], write, options);
}

/**
 * Independent normal numbers with mean 0 and standard deviation 1.
 *
 * @example
 * const x = randn([2, 3, 8, 8], new Rng(0));
 * x.shape; // [2, 3, 8, 8]
 * randn([4], new Rng(7)).data[0] === randn([4], new Rng(7)).data[0]; // true
 *
 * @throws UsageError, here and below, without an rng.
 */
export function randn(shape: Shape, rng: Rng, options?: TensorOptions): Tensor {
  checkRng("randn", rng, "randn([2, 3], new Rng(seed))");
  return made(
    "randn",
    shape,
    (data) => {
      for (let i = 0; i < data.length; i++) data[i] = rng.normal();
    },
    options,
  );
}

/**
 * Independent uniform numbers in [low, high).
 *
 * @example
 * const x = uniform([1000], new Rng(0), -1, 1);
 * max(abs(x)).item() <= 1; // true
 */
export function uniform(shape: Shape, rng: Rng, low = 0, high = 1, options?: TensorOptions): Tensor {
  checkRng("uniform", rng, "uniform([2, 3], new Rng(seed))");
  if (!(Number.isFinite(low) && Number.isFinite(high))) {
    throw new ValueError(`uniform: low and high must be finite numbers, got ${describe(low)} and ${describe(high)}`);
  }
  return made(
    "uniform",
    shape,
    (data) => {
      for (let i = 0; i < data.length; i++) {
        // Rounding to float32 can turn a number just below `high` into `high`: draw again.
        do data[i] = rng.uniform(low, high);
        while (data[i] >= high && Math.fround(low) < high);
      }
    },
    options,
  );
}
