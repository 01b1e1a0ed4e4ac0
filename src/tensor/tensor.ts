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
import { checkNumbers } from "./arguments.ts";
import { describe } from "./check.ts";
import { markCopy } from "./copies.ts";
import { ShapeError, UsageError } from "./errors.ts";
import {
  allocate,
  allocateLasting,
  currentStep,
  declareVariable,
  type Floats,
  lastingCopy,
  numbersOf,
  type Step,
  toValues,
  type Values,
} from "./memory.ts";
import { type NestedNumbers, nested } from "./nested.ts";
import type { Recorded } from "./node.ts";
import { formatTensor } from "./print.ts";
import { formatShape, type Shape, sizeOf } from "./shape.ts";
import { type Computing, type Repeating, Storage, storageOf } from "./storage.ts";

/** Values that are computed when somebody reads them, or together with what follows (autograd/normalized.ts). */
export interface Deferred extends Computing {
  /** this + t for a t of the same shape, deferred as well; null if they cannot be computed together. */
  plus?(t: Tensor): Deferred | null;
  /** z = max(0, this) in one pass, and the gradient of `this` from gz. */
  relu?(): {
    readonly z: Values;
    gradient(gz: Values, z: Values): Values;
    /** Computes z once more, where that is alone. */
    readonly again: Repeating | null;
  };
}

/** A tensor of double precision. Operations take it at run time, for gradient checks; types keep it out. */
export type Tensor64 = Tensor<ReturnType<Float64ArrayConstructor["of"]>>;

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
export const NO_INSIDES =
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

/**
 * Numbers in a shape, float32 unless said otherwise, and where they came from.
 *
 * @example
 * const x = tensor([[1, 2, 3], [4, 5, 6]]);
 * x.shape; // [2, 3]
 * x.data; // [1, 2, 3, 4, 5, 6]
 * const shared = new Tensor(Float32Array.of(1, 2), [2, 1]); // no copy
 * shared.toArray(); // [[1], [2]]
 */
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
    const storage = isOurs ? (data as unknown as Storage) : storageOf(data, shape);
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
        if (t.#inner.storage.wasTransferred(t.shape)) return `${head} (its values were transferred away)`;
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
    return this.#inner.storage.current(this.shape, this.#inner.step);
  }

  /** The array that a person gets. */
  #show(): Numbers {
    const { storage } = this.#inner;
    this.#current();
    storage.seen = true;
    return storage.leavePool() as Numbers;
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
    return nested(numbersOf(this.#current()), this.shape);
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
    this.#current();
    this.#inner.storage.leavePool();
    this.#inner.storage.step = undefined;
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
    undoLater?.(storage);
    next.set(numbers);
    storage.values = toValues(next);
    storage.again = null;
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

/**
 * Whether this is a tensor of this copy of the library.
 *
 * @example
 * isTensor(tensor(3)); // true
 * isTensor([3]); // false
 */
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
  undoLater?.(storage);
  declareVariable(values);
  if (storage.seen || storage.lent) {
    values = toValues(lastingCopy(values));
    storage.values = values;
    storage.seen = false;
    storage.lent = false;
  }
  storage.again = null;
  storage.version++;
  return values;
}

/** Notes what a storage has before it is changed, while `undoingChanges` runs. */
let undoLater: ((storage: Storage) => void) | null = null;

/** Runs `fn`, then undoes what it changed in place: for what has been done before, running statistics included. */
export function undoingChanges<T>(fn: () => T): T {
  const around = undoLater;
  const undo = new Map<Storage, () => void>();
  undoLater = (storage) => {
    if (undo.has(storage)) return;
    const { values, seen, lent, version, again } = storage;
    const numbers = seen || lent ? values : toValues(lastingCopy(values!));
    undo.set(storage, () => Object.assign(storage, { values: numbers, seen, lent, version, again }));
  };
  try {
    return fn();
  } finally {
    undoLater = around;
    for (const put of undo.values()) put();
  }
}

/** What the values will be computed from, as long as nobody has read them; else null. */
export function deferredOf(t: Tensor): Deferred | null {
  return access!.storage(t).deferred;
}

/** What t shares with its views. */
export function storageBehind(t: Tensor): Storage {
  return access!.storage(t);
}

/** A tensor of numbers that were computed, or will be: inside a step it is a part of it, and ends with it. */
export function computed(values: Values | Deferred, shape: Shape): Tensor {
  const storage = new Storage();
  if ("compute" in values) storage.deferred = values;
  else storage.values = values;
  storage.step = currentStep();
  return new Tensor(storage as never, shape);
}

/** A tensor of numbers that go on being somebody else's: for the current step. Who reads `data` gets a copy. */
export function lent(values: Values, shape: Shape): Tensor {
  const t = computed(values, shape);
  access!.storage(t).lent = true;
  return t;
}

/** The numbers of t in an array that nobody else holds or has seen, if the current step computed them; else a copy. */
export function freshValuesOf(t: Tensor): Values {
  const values = valuesOf(t);
  const { step, seen } = access!.storage(t);
  return step !== undefined && step === currentStep() && !seen ? values : toValues(lastingCopy(values));
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
