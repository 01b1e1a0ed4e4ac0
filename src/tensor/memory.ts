/**
 * Where the numbers of new tensors come from.
 *
 * Two kinds of memory: ordinary garbage-collected arrays, and the pooled memory of an engine (simd/arena.ts), which is
 * faster to get and the only one that SIMD kernels read without a copy. Pooled memory lives as long as a *step*: what is
 * computed inside `inStep` is pooled, what `inStep` returns is copied out, and the rest is recycled when it ends. Tensors
 * that a program creates itself (zeros, tensor, clone) are ordinary ones, always.
 *
 * Every operation asks `allocate` for its output and does not know which kind it gets. The contents of a new array are
 * undefined: a kernel writes every element of its output, and a test (with arrays full of NaN) holds it to it.
 */
import { UsageError } from "./errors.ts";

/** The storage of a tensor. Float64 is accepted by the plain kernels, for gradient checks. */
export type Floats = Float32Array | Float64Array;

/** Memory that is handed out array by array and taken back all at once. */
export interface Pool {
  /** An array with undefined contents, or undefined where there is no room. */
  allocate(size: number): Float32Array | undefined;
  owns(array: Floats): boolean;
  /** Takes back one array that `allocate` returned, for the next one of the same size. */
  release?(array: Floats): void;
  /** Takes back everything, and overwrites it with NaN if told to. */
  reset(wipe?: boolean): void;
}

/** The time between the beginning and the end of an outermost `inStep`. */
export interface Step {
  ended: boolean;
}

export type Allocator = (size: number, float64: boolean) => Floats;

const garbageCollected: Allocator = (size, float64) => (float64 ? new Float64Array(size) : new Float32Array(size));

const fromPool: Allocator = (size, float64) => {
  const array = (step && pool && !float64 ? pool.allocate(size) : undefined) ?? garbageCollected(size, float64);
  return debugging ? array.fill(Number.NaN) : array;
};

let allocator = fromPool;
let pool: Pool | undefined;
let step: Step | undefined;
let debugging = false;

/** An array of `size` elements of the same type as `like`, contents undefined; pooled inside a step. */
export function allocate(size: number, like?: Floats): Floats {
  return allocator(size, like instanceof Float64Array);
}

/** An array of `size` zeros of the same type as `like`; pooled inside a step. */
export function allocateZeros(size: number, like?: Floats): Floats {
  return allocate(size, like).fill(0);
}

/** Gives an array back before its step ends. For the one who knows that nothing refers to it any more: `backward`. */
export function release(data: Floats): void {
  if (!step || !pool?.owns(data)) return;
  if (debugging) data.fill(Number.NaN);
  pool.release?.(data);
}

/** An ordinary array of zeros, for what outlives the step it is made in: parameters, the state of an optimiser. */
export function allocateLasting(size: number, like?: Floats): Floats {
  return garbageCollected(size, like instanceof Float64Array);
}

/** Replaces the allocator (undefined: the default one) and returns the one that was in use. For tests. */
export function useAllocator(next: Allocator | undefined): Allocator {
  const previous = allocator;
  allocator = next ?? fromPool;
  return previous;
}

const constants = /* @__PURE__ */ new WeakMap<Floats, object>();

/** Declares that nothing will be written to an array until `declareVariable`: kernels may keep what they make of it. */
export function declareConstant(data: Floats): void {
  constants.set(data, {});
}

export function declareVariable(data: Floats): void {
  constants.delete(data);
}

/** Where the array has been declared constant, an object that stands for this declaration. */
export function constantOf(data: Floats): object | undefined {
  return constants.get(data);
}

/**
 * Sets the memory that steps use from now on; undefined for none. Throws inside a step that has one: its tensors live
 * there. (The first kernel of a program may run inside a step, and brings its memory with it.)
 */
export function usePool(next: Pool | undefined): void {
  if (step && pool && next !== pool) throw new UsageError("usePool: the memory cannot be changed inside a step");
  pool = next;
}

/**
 * In debug mode memory is NaN where nothing has been written since it was handed out, and a finished step's memory is NaN
 * all over: an array that was taken out of a tensor (`t.data`) and kept too long shows itself. Slower. Returns whether it
 * was on before.
 */
export function debugMemory(on: boolean): boolean {
  const before = debugging;
  debugging = on;
  return before;
}

/** The step that `data` lives in, if it is pooled. */
export function stepOf(data: Floats): Step | undefined {
  return step && pool?.owns(data) ? step : undefined;
}

/**
 * Runs `fn` as a step: arrays allocated inside are pooled, and recycled at the end. `rescue` is called with the result
 * before that, to copy out what should live on. Inside another step, `fn` is simply a part of it.
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
