/**
 * The life of a thread: claims chunks of work, one after the other, and does what is written in each.
 *
 * Work travels through shared memory, as numbers. A *chunk* is a list of calls of compiled functions:
 *
 *   calls     │ function, mask, arguments … │ function, mask, arguments … │ …      float64
 *   starts    chunk k begins at calls[starts[k mod CHUNKS]] and ends at calls[ends[k mod CHUNKS]]
 *
 * Chunks are numbered for ever: `published` counts those that may be claimed, `claimed` those that somebody has taken, `done`
 * those that are finished. A thread claims a chunk by moving `claimed` on, so a slow one holds nobody up. Bit i of the mask
 * says that argument i is an address of the thread's own scratch.
 *
 * The function stands alone: workers get it as text. So it uses nothing from outside, and has no functions inside, to which a
 * bundler might add something.
 */

/** Where the counters are, as indices of int32. Each has a cache line of its own. */
export const PUBLISHED: number = 0;
export const CLAIMED: number = 16;
export const DONE: number = 32;
/** Programs written to the ring so far: its end, in bytes. */
export const WRITTEN: number = 48;
/** Threads that sleep until `WOKEN` changes. */
export const SLEEPING: number = 64;
export const WOKEN: number = 80;
/** 1: workers end. */
export const ENDED: number = 96;
/** Workers that are ready. */
export const READY: number = 112;
/** How far each worker has read the ring; worker t at READ + 16t. */
export const READ: number = 128;

export const COUNTERS: number = 128 + 16 * 256;
/** Chunks that can be open at once. */
export const CHUNKS: number = 1024;
/** Numbers of calls that can be open at once. */
export const CALLS: number = 1 << 20;
/** Bytes of the ring through which programs reach the workers. */
export const RING: number = 1 << 20;
/** Arguments of a call, at most. */
export const ARGUMENTS: number = 20;

/** The shared buffers. */
export interface Shared {
  readonly memory: object;
  readonly counters: Int32Array;
  /** Starts and ends of chunks. */
  readonly bounds: Int32Array;
  readonly calls: Float64Array;
  readonly ring: Uint8Array;
  /** Number 0: bytes of scratch of one thread. */
  readonly settings: Float64Array;
}

/** A compiled function. */
export type Callable = (...args: number[]) => void;

interface Platform {
  readonly WebAssembly: {
    readonly Module: new (bytes: Uint8Array) => object;
    readonly Instance: new (module: object, imports: object) => { readonly exports: Record<string, Callable> };
  };
}

/**
 * Thread 0 is the caller: it returns when nothing is left to claim. The others return when `ENDED` is set.
 *
 * @param functions by number. A worker adds those that arrive in the ring.
 */
export function work(shared: Shared, functions: Callable[], thread: number): void {
  const { memory, counters, bounds, calls, ring, settings } = shared;
  const { WebAssembly } = globalThis as unknown as Platform;
  let idle = 0;
  let read = 0;
  if (thread > 0) Atomics.add(counters, 112, 1);
  for (;;) {
    if (thread > 0 && Atomics.load(counters, 48) !== read) {
      // A record: length, number of the first function, the module.
      const at = read & (ring.length - 1);
      const header = new Int32Array(ring.buffer, ring.byteOffset + at, 2);
      const length = header[0];
      if (length < 0) {
        // The record did not fit before the end.
        read = (read + ring.length - at) | 0;
      } else {
        const module = new WebAssembly.Module(ring.slice(at + 8, at + 8 + length));
        const { exports } = new WebAssembly.Instance(module, { env: { memory } });
        let number = header[1];
        for (const name in exports) functions[number++] = exports[name];
        read = (read + 8 + length + 3) & ~3;
      }
      Atomics.store(counters, 128 + 16 * thread, read);
      continue;
    }
    const chunk = Atomics.load(counters, 16);
    if (((Atomics.load(counters, 0) - chunk) | 0) > 0) {
      // What was published before it may have come with programs.
      if (thread > 0 && Atomics.load(counters, 48) !== read) continue;
      if (Atomics.compareExchange(counters, 16, chunk, (chunk + 1) | 0) !== chunk) continue;
      idle = 0;
      const slot = chunk & 1023;
      const shift = thread * settings[0];
      const end = bounds[1024 + slot];
      for (let i = bounds[slot]; i < end; i += 22) {
        const mask = calls[i + 1];
        functions[calls[i]](
          calls[i + 2] + (mask & 1 ? shift : 0),
          calls[i + 3] + (mask & 2 ? shift : 0),
          calls[i + 4] + (mask & 4 ? shift : 0),
          calls[i + 5] + (mask & 8 ? shift : 0),
          calls[i + 6] + (mask & 16 ? shift : 0),
          calls[i + 7] + (mask & 32 ? shift : 0),
          calls[i + 8] + (mask & 64 ? shift : 0),
          calls[i + 9] + (mask & 128 ? shift : 0),
          calls[i + 10] + (mask & 256 ? shift : 0),
          calls[i + 11] + (mask & 512 ? shift : 0),
          calls[i + 12] + (mask & 1024 ? shift : 0),
          calls[i + 13] + (mask & 2048 ? shift : 0),
          calls[i + 14] + (mask & 4096 ? shift : 0),
          calls[i + 15] + (mask & 8192 ? shift : 0),
          calls[i + 16] + (mask & 16384 ? shift : 0),
          calls[i + 17] + (mask & 32768 ? shift : 0),
          calls[i + 18] + (mask & 65536 ? shift : 0),
          calls[i + 19] + (mask & 131072 ? shift : 0),
          calls[i + 20] + (mask & 262144 ? shift : 0),
          calls[i + 21] + (mask & 524288 ? shift : 0),
        );
      }
      Atomics.add(counters, 32, 1);
      continue;
    }
    if (thread === 0 || Atomics.load(counters, 96) === 1) return;
    if (++idle < 20000) continue;
    // Nothing for a while: sleep until there is.
    const woken = Atomics.load(counters, 80);
    Atomics.add(counters, 64, 1);
    if (
      Atomics.load(counters, 0) === Atomics.load(counters, 16) &&
      Atomics.load(counters, 48) === read &&
      Atomics.load(counters, 96) === 0
    ) {
      Atomics.wait(counters, 80, woken);
    }
    Atomics.sub(counters, 64, 1);
    idle = 0;
  }
}
