/**
 * `Tensor`: a block of numbers, its shape, and a slot for the graph node that made it.
 *
 * The numbers are contiguous and row-major; there are no views and no strides to think about. Operations are free
 * functions (src/autograd); a tensor only holds. Next: kernels.ts, what can be computed on the numbers.
 */
import type { Node } from "../autograd/graph.ts";
import { ShapeError, UsageError } from "./errors.ts";
import { allocate, allocateLasting, declareVariable, type Floats, type Step, stepOf } from "./memory.ts";
import { formatTensor } from "./print.ts";
import { formatShape, type Shape, sizeOf, stridesOf } from "./shape.ts";

/** Numbers nested to the depth of a tensor's rank; a scalar is a plain number. */
export type NestedArray = number | readonly NestedArray[];

/** Values that are computed when somebody reads them. */
export interface Deferred {
  /** An array that they are computed from, and live as long as. */
  readonly source: Floats;
  compute(): Floats;
}

export class Tensor {
  readonly shape: Shape;
  /** Whether `backward` should compute the gradient of this leaf. Interior tensors have a `node` instead. */
  requiresGrad: boolean;
  /** The operation that produced this tensor, where it was recorded. */
  node: Node | null = null;
  /** Counts changes in place, so that `backward` notices a value that is not the one the forward pass used. */
  version = 0;
  /** One of these two is null. */
  #data: Floats | null = null;
  #deferred: Deferred | null = null;
  /** The step whose memory holds the values; undefined for ordinary arrays. */
  #step: Step | undefined;

  /** Wraps `data` (shared, not copied), or what computes it. Throws ShapeError if its length is not the product of `shape`. */
  constructor(data: Floats | Deferred, shape: Shape, requiresGrad = false) {
    if (ArrayBuffer.isView(data)) {
      if (data.length !== sizeOf(shape)) {
        throw new ShapeError(
          `tensor: ${data.length} values do not fill shape ${formatShape(shape)} (${sizeOf(shape)} elements)`,
        );
      }
      this.#data = data;
      this.#step = stepOf(data);
    } else {
      this.#deferred = data;
      this.#step = stepOf(data.source);
    }
    this.shape = shape;
    this.requiresGrad = requiresGrad;
  }

  /**
   * The values, row-major.
   *
   * @throws UsageError if they lived in the memory of a step that is over.
   */
  get data(): Floats {
    if (this.#step?.ended) {
      throw new UsageError(
        `tensor: the values of this ${formatShape(this.shape)} are gone with the step that computed them: return it from the function given to noGrad or valueAndGrad (as it is, in an array or in an object), or clone() it inside`,
      );
    }
    if (this.#data === null) {
      this.#data = this.#deferred!.compute();
      this.#deferred = null;
    }
    return this.#data;
  }

  /** What the values will be computed from, as long as nobody has read them; else null. */
  get deferred(): Deferred | null {
    return this.#deferred;
  }

  /** Whether `array` is where the values are. */
  holds(array: Floats): boolean {
    return this.#data === array;
  }

  get rank(): number {
    return this.shape.length;
  }

  get size(): number {
    return sizeOf(this.shape);
  }

  /** The one number of a tensor with one element. */
  item(): number {
    if (this.size !== 1) {
      throw new ShapeError(`item: needs a tensor with exactly one element, this one is ${formatShape(this.shape)}`);
    }
    return this.data[0];
  }

  /** The values as nested arrays, `number[][]` for a matrix, a plain number for a scalar. */
  toArray(): NestedArray {
    const { data, shape } = this;
    const strides = stridesOf(shape);
    const nest = (axis: number, offset: number): NestedArray =>
      axis === shape.length
        ? data[offset]
        : Array.from({ length: shape[axis] }, (_, i) => nest(axis + 1, offset + i * strides[axis]));
    return nest(0, 0);
  }

  /** The values laid out as NumPy prints them; long axes are abbreviated. */
  toString(): string {
    return formatTensor(this.data, this.shape);
  }

  /** A copy with its own storage, outside any graph. */
  clone(): Tensor {
    const data = allocateLasting(this.size, this.data);
    data.set(this.data);
    return new Tensor(data, this.shape, this.requiresGrad);
  }

  /** Copies the values out of the memory of the current step, so that they outlive it. The graph behind them does not. */
  outliveStep(): void {
    if (!this.#step || this.#step.ended) return;
    this.#data = this.clone().data;
    this.#step = undefined;
    this.node = null;
  }

  /** Overwrites the values in place. A graph recorded before refuses to run backward through the change. */
  assign(values: ArrayLike<number>): void {
    if (values.length !== this.size) {
      throw new ShapeError(`assign: ${values.length} values for a tensor ${formatShape(this.shape)}`);
    }
    this.data.set(values);
    this.changed();
  }

  /** To be called by who has written to `data` in place. */
  changed(): void {
    this.version++;
    declareVariable(this.data);
  }
}

/** A tensor for an operation's output: storage of the same type as `like`, contents undefined. */
export function empty(shape: Shape, like?: Tensor): Tensor {
  return new Tensor(allocate(sizeOf(shape), like?.data), shape);
}

/**
 * Makes everything in `value` outlive the current step: a tensor, or tensors in arrays, maps, plain objects and objects
 * with an `outliveStep` of their own.
 */
export function outliveStep(value: unknown): void {
  if (typeof value !== "object" || value === null || ArrayBuffer.isView(value)) return;
  const own = (value as { outliveStep?: unknown }).outliveStep;
  if (typeof own === "function") own.call(value);
  else if (Array.isArray(value)) value.forEach(outliveStep);
  else if (value instanceof Map) for (const entry of value.values()) outliveStep(entry);
  else if (isPlainObject(value)) Object.values(value).forEach(outliveStep);
}

function isPlainObject(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}
