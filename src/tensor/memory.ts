/**
 * Where the numbers of new tensors come from.
 *
 * There are two kinds of memory: ordinary garbage-collected arrays, and an engine's pooled memory (simd/wasm/arena.ts),
 * which is faster to get and the only kind that SIMD kernels read without a copy. Pooled memory lives as long as a
 * *step*: everything computed inside `inStep` is pooled, its result is copied out, and the rest is recycled when it
 * ends. Tensors that a program creates itself (zeros, tensor, clone) are always ordinary.
 *
 * Every operation asks `allocate` for its output, without knowing which kind it gets. The contents of a new array are
 * undefined: a kernel must write every element of its output, and a test (with arrays full of NaN) checks that it does.
 *
 * Between kernels an array is `Values`: operations pass it on without looking inside. So no operation depends on where
 * the numbers are, and none can hand out memory that is about to be recycled; a person reads the numbers through
 * `Tensor.data`.
 */
import { checkBoolean } from "./arguments.ts";
import { UsageError } from "./errors.ts";

/** Arrays of numbers that this library's kernels compute on. Float64 is for gradient checks, on the plain tier. */
export type Floats = Float32Array | Float64Array;

declare const numbers: unique symbol;

/**
 * A tensor's numbers, wherever they are: in an ordinary array, in an engine's memory, or behind a handle. Kernels look
 * inside, operations do not; this type prevents it.
 */
export interface Values {
  readonly length: number;
  readonly [numbers]: never;
}

/** Memory that is handed out array by array and taken back all at once. */
export interface Pool {
  /** An array with undefined contents, or undefined where there is no room (and for float64, which few pools have). */
  allocate(size: number, float64: boolean): Floats | undefined;
  owns(array: Floats): boolean;
  /** Takes back one array that `allocate` returned, for reuse by the next ones. */
  release?(array: Floats): void;
  /** Told that an array for which there was no room is no longer needed. */
  forgo?(array: Floats): void;
  /** Takes back everything, and overwrites it with NaN if told to. */
  reset(wipe?: boolean): void;
  /** Whether results outside steps live here too, and are garbage-collected. */
  readonly everywhere?: boolean;
  /** The numbers of an array that is only a handle. Without this method, an array contains its numbers. */
  read?(array: Floats): Floats;
  /** A handle of elements `start` to `end` of an array. */
  part?(array: Floats, start: number, end: number): Floats;
}

/** The time from the beginning to the end of an outermost `inStep`. */
export interface Step {
  ended: boolean;
}

export type Allocator = (size: number, float64: boolean) => Floats;

const garbageCollected: Allocator = (size, float64) => (float64 ? new Float64Array(size) : new Float32Array(size));

const fromPool: Allocator = (size, float64) => {
  const pooled = pool && (step || pool.everywhere) ? pool.allocate(size, float64) : undefined;
  if (pooled) scope?.add(pooled);
  const array = pooled ?? garbageCollected(size, float64);
  return debugging ? array.fill(Number.NaN) : array;
};

let allocator = fromPool;
let pool: Pool | undefined;
let step: Step | undefined;
let debugging = false;
/** The pooled arrays of the innermost `inScope` that were not given back. */
let scope: Set<Floats> | undefined;

/** An ordinary array, in the type that kernels take. */
export function toValues(array: Floats): Values {
  return array as unknown as Values;
}

/**
 * The numbers behind `values`, to be read at once: they may be a step's memory, which is overwritten when it ends. Only
 * for the library's own loops between kernels; a person gets a copy (`Tensor.data`).
 */
export function numbersOf(values: Values): Floats {
  const array = values as unknown as Floats;
  return pool?.read?.(array) ?? array;
}

function isFloat64(values: Values | undefined): boolean {
  return (values as unknown) instanceof Float64Array;
}

/** The float64 array of the two, if there is one: results computed from both have its type. */
export function wider(p: Values, q: Values): Values {
  return isFloat64(q) ? q : p;
}

/** An array of `size` elements of the same type as `like`, contents undefined; pooled inside a step. */
export function allocate(size: number, like?: Values): Values {
  return toValues(allocator(size, isFloat64(like)));
}

/** Elements `start` to `end` of an array, in the same memory. */
export function partOf(values: Values, start: number, end: number): Values {
  const array = values as unknown as Floats;
  return toValues(pool?.part?.(array, start, end) ?? array.subarray(start, end));
}

/**
 * Gives an array back before its step ends. Only for a caller who knows that nothing refers to it any more: `backward`.
 */
export function release(values: Values): void {
  if (!step) return;
  const array = values as unknown as Floats;
  if (!isPooled(values)) {
    pool?.forgo?.(array);
    return;
  }
  if (debugging) array.fill(Number.NaN);
  scope?.delete(array);
  pool?.release?.(array);
}

/** An ordinary array of zeros, for things that outlive their step: parameters, the state of an optimiser. */
export function allocateLasting(size: number, like?: Values): Floats {
  return garbageCollected(size, isFloat64(like));
}

/** A copy in an ordinary array. */
export function lastingCopy(values: Values): Floats {
  return numbersOf(values).slice();
}

/** Whether the array lies in memory that is taken back at the end of a step. */
export function isPooled(values: Values): boolean {
  return pool?.owns(values as unknown as Floats) ?? false;
}

/** Replaces the allocator (undefined: by the default one) and returns the previous one. For tests. */
export function useAllocator(next: Allocator | undefined): Allocator {
  const previous = allocator;
  allocator = next ?? fromPool;
  return previous;
}

const constants = /* @__PURE__ */ new WeakMap<object, object>();

/**
 * Promises that nothing will be written to an array until `declareVariable`: kernels may keep what they derive from it.
 */
export function declareConstant(values: Values): void {
  constants.set(values, {});
}

export function declareVariable(values: Values): void {
  constants.delete(values);
}

/** Whether the array was declared constant. */
export function isConstant(values: Values): boolean {
  return constants.has(values);
}

/** An object that stands for the array's declaration as constant; undefined if there is none. */
export function constantOf(array: Floats): object | undefined {
  return constants.get(array);
}

/**
 * Sets the memory that steps use from now on; undefined for none. Throws inside a step that already has one, because
 * its tensors live there. (A program's first kernel may run inside a step, and brings its memory with it.)
 */
export function usePool(next: Pool | undefined): void {
  if (step && pool && next !== pool) throw new UsageError("usePool: the memory cannot be changed inside a step");
  pool = next;
}

/**
 * In debug mode, memory is NaN until something is written after it is handed out, and a finished step's memory becomes
 * NaN throughout, so that wrong reads show. Slower. Returns whether it was on before.
 *
 * @example
 * const before = debugMemory(true);
 * relu(tensor([-1, 1])).toArray(); // [0, 1]
 * debugMemory(before);
 */
export function debugMemory(on: boolean): boolean {
  checkBoolean("debugMemory", "its argument", on);
  const before = debugging;
  debugging = on;
  return before;
}

/** The current step. */
export function currentStep(): Step | undefined {
  return step;
}

/**
 * Runs `fn` as a step: arrays allocated inside are pooled, and recycled at the end. Before that, `rescue` is called
 * with the result, to copy out everything that should live on. Inside another step, `fn` is simply part of it.
 */
export function inStep<T>(fn: () => T, rescue: (result: T) => void): T {
  if (step) return fn();
  const mine: Step = { ended: false };
  step = mine;
  try {
    const result = fn();
    rescue(result);
    return result;
  } finally {
    mine.ended = true;
    step = undefined;
    pool?.reset(debugging);
  }
}

/**
 * `inStep`, also inside another step: then the memory is recycled when the other one ends, but what was computed inside
 * is unreadable from the end of this one, and `rescue` has nothing to do.
 */
export function inOwnStep<T>(fn: () => T, rescue: (result: T) => void): T {
  if (!step) return inStep(fn, rescue);
  const around = step;
  const mine: Step = { ended: false };
  step = mine;
  try {
    return fn();
  } finally {
    mine.ended = true;
    step = around;
  }
}

/**
 * `inOwnStep` inside another step, whose memory is given back at its end already, but for the arrays that `keeps` names. A
 * nested one's go over to the one around it.
 */
export function inScope<T>(fn: () => T, keeps: (array: Values) => boolean): T {
  const around = scope;
  const mine = new Set<Floats>();
  scope = mine;
  try {
    return inOwnStep(fn, () => {});
  } finally {
    scope = around;
    for (const array of mine) {
      if (keeps(toValues(array))) around?.add(array);
      else release(toValues(array));
    }
  }
}
