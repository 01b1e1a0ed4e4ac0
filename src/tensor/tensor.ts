/**
 * `Tensor`: a block of numbers, its shape, and a slot for the graph node that made it.
 *
 * The numbers are contiguous and row-major; there are no strides to think about. Operations are free functions
 * (src/autograd); a tensor only holds. Next: kernels.ts, what can be computed on the numbers.
 *
 * Its numbers have two doors. Operations take them by `valuesOf` and cannot look inside (memory.ts). A person reads them
 * through `data`, whose array is his from then on: it is an ordinary array, copied out of a step's memory when it is first
 * read, and the library copies before it changes in place what somebody has seen. To the rest of JavaScript a tensor is its
 * `shape` and its `data`: equality in test runners, structuredClone and postMessage look at own properties, of which there
 * are these two.
 */
import { describe } from "./check.ts";
import { isForeign, markCopy } from "./copies.ts";
import { ShapeError, UsageError } from "./errors.ts";
import {
  allocate,
  allocateLasting,
  currentStep,
  declareVariable,
  type Floats,
  isPooled,
  lastingCopy,
  numbersOf,
  type Step,
  toValues,
  type Values,
} from "./memory.ts";
import type { Recorded } from "./node.ts";
import { formatTensor } from "./print.ts";
import { checkShape, formatShape, type Shape, sizeOf, stridesOf } from "./shape.ts";

/** Numbers nested to the depth of a tensor's rank; a scalar is a plain number. */
export type NestedArray = number | readonly NestedArray[];

/**
 * What `toArray` returns: `number` for a scalar, `number[]` for a vector, `number[][]` for a matrix. Which one it is
 * depends on the rank, which types do not know, so this one can be used as any of them.
 */
export type NestedNumbers = number & NestedNumbers[];

/** Values that are computed when somebody reads them, or together with what follows (autograd/normalized.ts). */
export interface Deferred {
  compute(): Values;
  /** this + t for a t of the same shape, deferred as well; null if they cannot be computed together. */
  plus?(t: Tensor): Deferred | null;
  /** z = max(0, this) in one pass, and the gradient of `this` from gz. */
  relu?(): { readonly z: Values; gradient(gz: Values, z: Values): Values };
}

/** A tensor of double precision. Operations take it at run time, for gradient checks; types keep it out. */
export type Tensor64 = Tensor<ReturnType<Float64ArrayConstructor["of"]>>;

/** Numbers, and what several tensors that are views of the same numbers must agree on. */
class Storage {
  /** One of these two is null. */
  values: Values | null = null;
  deferred: Deferred | null = null;
  /** The step that computes them. */
  step: Step | undefined;
  /** Whether a person holds the array, so that it must not change. */
  seen = false;
  /** Counts changes in place. */
  version = 0;
}

/** What a tensor has beside its shape. One object, so that consoles, which show five fields, come to shape and data. */
interface Inner {
  readonly storage: Storage;
  /** The step that computed the tensor. */
  step: Step | undefined;
  node: Recorded<Tensor> | null;
  requiresGrad: boolean;
  wasTrainable: boolean;
}

/** What this file may do with a tensor's insides. */
interface Access {
  is(value: object): value is Tensor;
  current(t: Tensor): Values;
  show(t: Tensor): Floats;
  storage(t: Tensor): Storage;
  view(t: Tensor, shape: Shape): Tensor;
  inConsole(t: Tensor): string;
  wasTrainable(t: Tensor): boolean;
}

/** Opened by the first tensor: importing this file does nothing. */
let access: Access | undefined;

/** The name under which Node, Deno and Bun look for what a console shows. */
const INSPECT: symbol = /* @__PURE__ */ Symbol.for("nodejs.util.inspect.custom");

/** What browsers' consoles show, which call nothing of an object's own. */
const SHOWN_BY = "String(tensor) shows the numbers";

/** What looks like a tensor, and is none. */
const NO_INSIDES =
  "a Proxy or a copy of a tensor, which has none of its numbers: give the tensor itself (in Vue: markRaw(t) or shallowRef(t))";

/** The own property `data` of every tensor. */
const DATA: PropertyDescriptor & ThisType<Tensor> = {
  get() {
    if (!isTensor(this)) throw new UsageError(`tensor: data was asked of ${NO_INSIDES}`);
    return access!.show(this);
  },
  set() {
    throw new UsageError("tensor: data cannot be replaced: assign(values) overwrites the values");
  },
  enumerable: true,
};

/** Numbers in a shape, float32 unless said otherwise, and where they came from. */
export class Tensor<Numbers extends Floats = ReturnType<Float32ArrayConstructor["of"]>> {
  readonly shape: Shape;
  /**
   * The values, row-major. The array is yours: the library neither changes nor recycles it. Writing to it changes the
   * tensor, as long as you call `changed()` afterwards; `assign` does both.
   *
   * @throws UsageError if they lived in the memory of a step that is over.
   */
  declare readonly data: Numbers;
  /** Browsers' consoles show private fields first, and call no `toString`: this says what to call. */
  readonly #print: string = SHOWN_BY;
  readonly #inner: Inner;

  /** Wraps `data` (shared, not copied). Throws ShapeError if its length is not the product of `shape`. */
  constructor(data: Float32Array, shape: Shape, requiresGrad = false) {
    access ??= this.#open();
    const isOurs = (data as unknown) instanceof Storage;
    const storage = isOurs ? (data as unknown as Storage) : givenBy(data, shape);
    this.#inner = { storage, step: storage.step, node: null, requiresGrad, wasTrainable: requiresGrad };
    this.shape = isOurs ? shape : Object.freeze([...shape]);
    Object.defineProperty(this, "data", DATA);
  }

  #open(): Access {
    markCopy(Tensor.prototype, "tensor");
    Object.defineProperty(Tensor.prototype, INSPECT, {
      value(this: Tensor): string {
        return access!.inConsole(this);
      },
    });
    return {
      is: (value): value is Tensor => #print in value,
      current: (t) => t.#current(),
      show: (t) => t.#show(),
      storage: (t) => t.#inner.storage,
      view: (t, shape) => {
        t.#current();
        const view = new Tensor(t.#inner.storage as never, shape);
        view.#inner.step = currentStep();
        return view;
      },
      inConsole: (t) => {
        const head = `Tensor ${formatShape(t.shape)}`;
        if (t.#inner.step?.ended) return `${head} (its values are gone with the step that computed them)`;
        if (t.#wasTransferred()) return `${head} (its values were transferred away)`;
        return t.rank === 0 ? `${head} ${t}` : `${head}\n${t}`;
      },
      wasTrainable: (t) => t.#inner.wasTrainable,
    };
  }

  /** Whether `backward` should compute the gradient of this leaf. Interior tensors have a `node` instead. */
  get requiresGrad(): boolean {
    return this.#inner.requiresGrad;
  }

  set requiresGrad(wanted: boolean) {
    if (typeof wanted !== "boolean") {
      throw new UsageError(`tensor: requiresGrad must be true or false, got ${describe(wanted)}`);
    }
    this.#inner.requiresGrad = wanted;
    if (wanted) this.#inner.wasTrainable = true;
  }

  /** The operation that produced this tensor, where it was recorded. */
  get node(): Recorded<Tensor> | null {
    return this.#inner.node;
  }

  set node(node: Recorded<Tensor> | null) {
    this.#inner.node = node;
  }

  /** Counts changes in place, so that `backward` notices a value that is not the one the forward pass used. */
  get version(): number {
    return this.#inner.storage.version;
  }

  get rank(): number {
    return this.shape.length;
  }

  get size(): number {
    return sizeOf(this.shape);
  }

  /** Where the numbers are, computed by now. */
  #current(): Values {
    const storage = this.#inner.storage;
    if (this.#inner.step?.ended) {
      throw new UsageError(
        `tensor: the values of this ${formatShape(this.shape)} are gone with the step that computed them: return it from the function given to noGrad or valueAndGrad (as it is, or in arrays, maps, sets or objects), or clone() it inside`,
      );
    }
    if (storage.values === null) {
      storage.values = storage.deferred!.compute();
      storage.deferred = null;
    }
    if (this.#wasTransferred()) {
      throw new UsageError(
        `tensor: the values of this ${formatShape(this.shape)} were transferred away (postMessage or structuredClone with its buffer in the list): clone() it before`,
      );
    }
    return storage.values;
  }

  #wasTransferred(): boolean {
    return this.#inner.storage.values?.length === 0 && this.size > 0;
  }

  /** The array that a person gets. */
  #show(): Numbers {
    const storage = this.#inner.storage;
    const values = this.#current();
    if (isPooled(values)) storage.values = toValues(lastingCopy(values));
    storage.seen = true;
    return storage.values as unknown as Numbers;
  }

  /** The one number of a tensor with one element. */
  item(): number {
    if (this.size !== 1) {
      throw new ShapeError(`item: needs a tensor with exactly one element, this one is ${formatShape(this.shape)}`);
    }
    return numbersOf(this.#current())[0];
  }

  /** The values as nested arrays, `number[][]` for a matrix, a plain number for a scalar. */
  toArray(): NestedNumbers {
    const { shape } = this;
    const data = numbersOf(this.#current());
    const strides = stridesOf(shape);
    const nest = (axis: number, offset: number): NestedArray =>
      axis === shape.length
        ? data[offset]
        : Array.from({ length: shape[axis] }, (_, i) => nest(axis + 1, offset + i * strides[axis]));
    return nest(0, 0) as NestedNumbers;
  }

  /** The values laid out as NumPy prints them; long axes are abbreviated. */
  toString(): string {
    return formatTensor(numbersOf(this.#current()), this.shape);
  }

  /** The values one after the other, row-major: `[...t]`, `Math.max(...t)`. */
  [Symbol.iterator](): IterableIterator<number> {
    return this.#show().values();
  }

  /**
   * What JSON.stringify writes: the shape and the values, those that JSON has no number for (NaN, ±Infinity, −0) as
   * strings. `tensor(JSON.parse(text))` makes a tensor of it again, and `loadStateDict` takes it.
   */
  toJSON(): { shape: Shape; data: (number | string)[] } {
    const inJson = (v: number): number | string => (Number.isFinite(v) ? (Object.is(v, -0) ? "-0" : v) : `${v}`);
    return { shape: this.shape, data: Array.from(numbersOf(this.#current()), inJson) };
  }

  /**
   * What JavaScript's own operators see: the number, of a tensor with one element. `t + 1` with more of them is a text, as
   * with any object, and `t * 2` an error: `add` and `mul` compute with tensors.
   */
  [Symbol.toPrimitive](hint: "number" | "string" | "default"): number | string {
    if (hint === "string" || (hint === "default" && this.size !== 1)) return this.toString();
    if (this.size === 1) return this.item();
    throw new UsageError(
      `tensor: ${formatShape(this.shape)} is not a number, so JavaScript's operators do not compute with it: use add, sub, mul, div`,
    );
  }

  /**
   * All that makes two tensors equal, as text. Some libraries compare objects by `valueOf`, else by `toString` (fast-deep-equal,
   * react-fast-compare), which leaves out most of a large tensor.
   */
  valueOf(): string {
    return JSON.stringify(this);
  }

  /** A copy with its own storage, outside any graph. */
  clone(): Tensor<Numbers> {
    return owned(lastingCopy(this.#current()), this.shape, this.requiresGrad) as unknown as Tensor<Numbers>;
  }

  /** Copies the values out of the memory of the current step, so that they outlive it. The graph behind them does not. */
  outliveStep(): void {
    if (!isTensor(this)) throw new UsageError(`outliveStep: what leaves the step is ${NO_INSIDES}`);
    if (!this.#inner.step || this.#inner.step.ended) return;
    const values = this.#current();
    if (isPooled(values)) this.#inner.storage.values = toValues(lastingCopy(values));
    this.#inner.step = undefined;
    this.node = null;
  }

  /**
   * Overwrites the values in place. A graph recorded before refuses to run backward through the change.
   *
   * @throws ShapeError for another number of values, UsageError for what is no number. Nothing is changed then.
   */
  assign(values: ArrayLike<number> | Tensor): void {
    const numbers = isTensor(values) ? numbersOf(valuesOf(values)) : (values as ArrayLike<number>);
    if (typeof numbers?.length !== "number") {
      throw new UsageError(`assign: takes an array of numbers or a tensor, got ${describe(values)}`);
    }
    if (numbers.length !== this.size) {
      throw new ShapeError(`assign: ${numbers.length} values for a tensor ${formatShape(this.shape)}`);
    }
    if (!ArrayBuffer.isView(numbers) || typeof numbers[0] === "bigint") checkNumbers("assign", numbers);
    const storage = this.#inner.storage;
    const next = allocateLasting(this.size, this.#current());
    next.set(numbers);
    storage.values = toValues(next);
    storage.seen = false;
    storage.version++;
  }

  /**
   * To be called by who has written to `data` in place.
   *
   * @throws UsageError if the library has changed the values since `data` was read: what was written did not reach them.
   */
  changed(): void {
    if (!this.#inner.storage.seen) {
      throw new UsageError(
        `changed: the values of this ${formatShape(this.shape)} have been changed (by an optimizer, say) since data was last read, so what was written to an older array is not in them: read data again, then write`,
      );
    }
    this.#inner.storage.version++;
    declareVariable(this.#current());
  }
}

/** Whether this is a tensor of this copy of the library. */
export function isTensor(value: unknown): value is Tensor {
  return typeof value === "object" && value !== null && access?.is(value) === true;
}

/** The numbers of a tensor, for kernels. Throws UsageError if they were in the memory of a step that is over. */
export function valuesOf(t: Tensor): Values {
  return access!.current(t);
}

/** The same, for a kernel that changes them in place: an array that nobody has seen. To be called for each change. */
export function valuesToChange(t: Tensor): Values {
  const storage = access!.storage(t);
  let values = valuesOf(t);
  declareVariable(values);
  if (storage.seen) {
    values = toValues(lastingCopy(values));
    storage.values = values;
    storage.seen = false;
  }
  storage.version++;
  return values;
}

/** What the values will be computed from, as long as nobody has read them; else null. */
export function deferredOf(t: Tensor): Deferred | null {
  return access!.storage(t).deferred;
}

/** Where the numbers of t are, if they are computed. */
export function heldBy(t: Tensor): Values | null {
  return access!.storage(t).values;
}

/** A tensor of numbers that were computed, or will be: inside a step it is a part of it, and ends with it. */
export function computed(values: Values | Deferred, shape: Shape): Tensor {
  const storage = new Storage();
  if ("compute" in values) storage.deferred = values;
  else storage.values = values;
  storage.step = currentStep();
  return new Tensor(storage as never, shape);
}

/** The numbers of t in another shape of the same size: shared, not copied. */
export function viewOf(t: Tensor, shape: Shape): Tensor {
  return access!.view(t, shape);
}

/**
 * A tensor around an ordinary array that nobody else holds: for what lasts, as parameters do. The only way to one of
 * float64, which `requiresGrad` makes a point for a gradient check.
 */
export function owned(data: Floats, shape: Shape, requiresGrad = false): Tensor {
  const storage = new Storage();
  storage.values = toValues(data);
  // Frozen, since other tensors come to share it. (Not where one is computed: freezing takes as long as making a tensor.)
  return new Tensor(storage as never, Object.isFrozen(shape) ? shape : Object.freeze([...shape]), requiresGrad);
}

/** Whether t has been trainable at some time: created so, or switched on. Freezing does not undo it. */
export function wasTrainable(t: Tensor): boolean {
  return access!.wasTrainable(t);
}

/** What somebody gave, who may go on writing to it and reading from it. */
function givenBy(data: Float32Array, shape: Shape): Storage {
  if (!(data instanceof Float32Array)) {
    throw new UsageError(
      `Tensor: needs a Float32Array and a shape, got ${describe(data)}: tensor(…) takes other numbers`,
    );
  }
  if (!Array.isArray(shape))
    throw new UsageError(`Tensor: the shape must be a list of lengths, got ${describe(shape)}`);
  checkShape("tensor", shape);
  if (data.length !== sizeOf(shape)) {
    throw new ShapeError(
      `tensor: ${data.length} values do not fill shape ${formatShape(shape)} (${sizeOf(shape)} elements)`,
    );
  }
  const storage = new Storage();
  // Memory that another thread writes to, or that can shrink, would change behind everybody's back.
  const { buffer } = data as { readonly buffer: ArrayBufferLike & { readonly resizable?: boolean } };
  storage.values = toValues(buffer instanceof ArrayBuffer && !buffer.resizable ? data : data.slice());
  storage.seen = true;
  return storage;
}

/** Throws UsageError unless every element is a number. */
export function checkNumbers(op: string, values: ArrayLike<unknown>): void {
  for (let i = 0; i < values.length; i++) {
    if (typeof values[i] !== "number") {
      throw new UsageError(`${op}: the value at ${i} must be a number, is ${describe(values[i])}`);
    }
  }
}

/**
 * Throws unless `value` is a tensor of this copy of the library. (Each copy has kernels, steps and graphs of its own, so that
 * tensors of two cannot be computed with together.)
 *
 * @throws UsageError that names the operation and the argument.
 */
export function checkTensor(op: string, name: string, value: unknown): asserts value is Tensor {
  if (isTensor(value)) return;
  throw new UsageError(`${op}: ${name} must be a tensor, got ${inWords(value)}`);
}

function inWords(value: unknown): string {
  if (isForeign(value)) return describe(value);
  if (value instanceof Tensor) return NO_INSIDES;
  const isClone = typeof value === "object" && value !== null && "shape" in value && "data" in value;
  if (isClone) return `${describe(value)} (a clone?): tensor(it) makes one of it`;
  return `${describe(value)}${typeof value === "number" || Array.isArray(value) ? ": tensor(…) makes one of it" : ""}`;
}

/** `checkTensor` for several: each a tensor, or where `null` is allowed null or undefined. */
export function checkTensors(
  op: string,
  needed: Record<string, unknown>,
  optional: Record<string, unknown> = {},
): void {
  for (const name in needed) checkTensor(op, name, needed[name]);
  for (const name in optional) if (optional[name] != null) checkTensor(op, name, optional[name]);
}

/**
 * The numbers of a tensor, for the library's own loops outside operations: no copy, so they are to be read at once, and
 * neither kept nor changed.
 */
export function peek(t: Tensor): Floats {
  return numbersOf(valuesOf(t));
}

/** A tensor for an operation's output: storage of the same type as `like`, contents undefined. */
export function empty(shape: Shape, like?: Tensor): Tensor {
  return computed(allocate(sizeOf(shape), like && valuesOf(like)), shape);
}

/**
 * Makes everything in `value` outlive the current step: a tensor, or tensors in arrays, maps, sets, objects, and objects with
 * an `outliveStep` of their own. Getters are not called.
 */
export function outliveStep(value: unknown): void {
  const found = new Set<unknown>([value]);
  // `found` grows while it is read. Not recursive: a list may be linked, and any depth is fine.
  for (const next of found) {
    if (typeof next !== "object" || next === null || ArrayBuffer.isView(next)) continue;
    const own = (next as { outliveStep?: unknown }).outliveStep;
    if (typeof own === "function") own.call(next);
    else if (Array.isArray(next) || next instanceof Set) for (const member of next) found.add(member);
    else if (next instanceof Map) for (const entry of next) for (const part of entry) found.add(part);
    else for (const { value } of Object.values(Object.getOwnPropertyDescriptors(next))) found.add(value);
  }
}
