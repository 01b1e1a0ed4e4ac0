/**
 * Where the numbers of new tensors come from.
 *
 * Every operation asks `allocate` for its output. Today that is an ordinary garbage-collected typed array; an engine
 * with pooled memory replaces the allocator and no operation notices. The contents of a new array are undefined: a
 * kernel writes every element of its output, and a test (with an allocator that fills arrays with NaN) holds it to it.
 */

/** The storage of a tensor. Float64 is accepted by the plain kernels, for gradient checks. */
export type Floats = Float32Array | Float64Array;

export type Allocator = (size: number, float64: boolean) => Floats;

const garbageCollected: Allocator = (size, float64) => (float64 ? new Float64Array(size) : new Float32Array(size));

let allocator = garbageCollected;

/** An array of `size` elements of the same type as `like`, contents undefined. */
export function allocate(size: number, like?: Floats): Floats {
  return allocator(size, like instanceof Float64Array);
}

/** An array of `size` zeros of the same type as `like`. */
export function allocateZeros(size: number, like?: Floats): Floats {
  return allocate(size, like).fill(0);
}

/** Replaces the allocator (undefined: the default one) and returns the one that was in use. */
export function useAllocator(next: Allocator | undefined): Allocator {
  const previous = allocator;
  allocator = next ?? garbageCollected;
  return previous;
}
