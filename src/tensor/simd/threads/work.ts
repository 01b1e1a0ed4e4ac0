/**
 * The life of a thread: claims chunks of work, one after the other, and does what is written in each.
 *
 * Work travels through shared memory, as numbers. A *chunk* is a list of calls of compiled functions:
 *
 *     calls    │ function, kinds, arguments … │ function, kinds, arguments … │ …
 *     chunks   of chunk k, at slot k mod CHUNKS: its start, its end, and its number once it is taken, and once it is done
 *
 * Chunks are numbered for ever. Those from `FIRST` to `PUBLISHED` belong to the kernel that runs now; `DONE` counts the
 * finished ones. The j-th of them is meant for thread j mod `COUNT`, which so meets the same part of a batch in every kernel: it is
 * in its cache. (Cores may have none in common; then what another core wrote comes at 260 ns a line.) Who has nothing left
 * takes what others have not begun, so a busy core holds nobody up. To take a chunk is to write its number in its slot by
 * compare-and-swap.
 *
 * The function stands alone: workers get it as text. So it uses nothing from outside but two globals, and has no functions
 * inside, to which a bundler might add something.
 */

/** Where the counters are, as indices of int32. Each has a cache line of its own. */
export const FIRST: number = 0;
export const PUBLISHED: number = 16;
export const DONE: number = 32;
/** Threads that take part, and each one's bytes of scratch in this kernel. */
export const COUNT: number = 48;
export const SCRATCH: number = 49;
/** Where the ring of programs ends, in bytes written so far. */
export const WRITTEN: number = 64;
/** 1: some worker sleeps, or is about to, until `WOKEN` changes. */
export const SLEEPING: number = 80;
export const WOKEN: number = 96;
/** 1: workers end. */
export const ENDED: number = 112;
/** 1: the main thread sleeps until `DONE` changes. */
export const WAITING: number = 128;
/** Thread t has three numbers from 144 + 16t on: bytes of the ring read, calls made, its state. */
export const THREAD: number = 144;
export const READ = 0;
export const CALLED = 1;
export const STATE = 2;

/** The states of a worker. One that is broken has thrown an error; one that is gone does not count any more. */
export const STARTING = 0;
export const WORKING = 1;
export const BROKEN = 2;
export const GONE = 3;

export const MOST_THREADS: number = 64;
export const COUNTERS: number = THREAD + 16 * MOST_THREADS;
/** Chunks that can be open at once. */
export const CHUNKS: number = 512;
/** Numbers of calls that can be open at once. */
export const CALLS: number = 2 ** 20;
/** Bytes of the ring through which programs reach the workers. */
export const RING: number = 2 ** 20;
/** Arguments of a call, at most. */
export const ARGUMENTS: number = 20;

/** The shared buffers. */
export interface Shared {
  readonly memory: object;
  readonly counters: Int32Array;
  /** Of each slot the start; then of each slot the end; then, of each, the last chunk taken; then the last one done. */
  readonly chunks: Int32Array;
  /**
   * A call: its function's number, how many arguments it has, which of them (bit i: argument i) are addresses in the thread's
   * scratch, which are float32, and the arguments. It takes as few cache lines as possible, each of which travels.
   */
  readonly calls: Int32Array;
  readonly ring: Uint8Array;
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
 * Thread 0 is the caller: it returns when nothing is left to take. The others return when `ENDED` is set, or when something
 * goes wrong: then the chunk in hand stays unfinished.
 *
 * @param functions by number. A worker adds those that arrive in the ring.
 */
export function work(shared: Shared, functions: Callable[], thread: number): void {
  const { memory, counters, chunks, calls, ring } = shared;
  const { WebAssembly } = globalThis as unknown as Platform;
  const numbers = new Float32Array(calls.buffer);
  const mine = 144 + 16 * thread;
  let idle = 0;
  // All chunks before this one are taken.
  let looked = (counters[0] - 1) | 0;
  let read = counters[mine];
  // Too late: the others do not wait for it any more.
  if (thread > 0 && Atomics.compareExchange(counters, mine + 2, 0, 1) !== 0) return;
  for (;;) {
    const published = Atomics.load(counters, 16);
    // Programs that a chunk needs are written before it is published.
    if (thread > 0 && Atomics.load(counters, 64) !== read) {
      const at = read & (ring.length - 1);
      const header = new Int32Array(ring.buffer, at, 3);
      const length = header[0];
      if (length >= 0) {
        const module = new WebAssembly.Module(ring.slice(at + 12, at + 12 + length));
        const { exports } = new WebAssembly.Instance(module, { env: { memory } });
        let number = header[1];
        for (const name in exports) functions[number++] = exports[name];
        read = (read + 12 + length + 3) & ~3;
      } else if (length === -1) {
        // The next program did not fit before the end.
        read = (read + ring.length - at) | 0;
      } else {
        // Functions that are no longer used.
        for (let i = 0; i < header[2]; i++) delete functions[header[1] + i];
        read = (read + 12) | 0;
      }
      Atomics.store(counters, mine, read);
      continue;
    }
    // A chunk that is meant for this thread, or any.
    const first = Atomics.load(counters, 0);
    const count = counters[48];
    let chunk = first;
    let found = false;
    for (let any = published === looked ? 2 : 0; any < 2 && !found; any++) {
      for (let k = first; ((published - k) | 0) > 0; k = (k + 1) | 0) {
        const taken = Atomics.load(chunks, 1024 + (k & 511));
        if (((k - taken) | 0) <= 0 || (any === 0 && ((k - first) | 0) % count !== thread)) continue;
        if (Atomics.compareExchange(chunks, 1024 + (k & 511), taken, k) !== taken) continue;
        chunk = k;
        found = true;
        break;
      }
    }
    if (found) {
      idle = 0;
      const slot = chunk & 511;
      const scratch = thread * counters[49];
      const end = chunks[512 + slot];
      for (let i = chunks[slot]; i < end; ) {
        const own = calls[i + 2];
        const floats = calls[i + 3];
        if (floats) {
          const args: number[] = [];
          for (let k = 0; k < calls[i + 1]; k++) {
            const at = i + 4 + k;
            args.push(floats & (1 << k) ? numbers[at] : calls[at] + (own & (1 << k) ? scratch : 0));
          }
          functions[calls[i]](...args);
        } else {
          // Arguments beyond the function's own are ignored.
          functions[calls[i]](
            calls[i + 4] + (own & 1 ? scratch : 0),
            calls[i + 5] + (own & 2 ? scratch : 0),
            calls[i + 6] + (own & 4 ? scratch : 0),
            calls[i + 7] + (own & 8 ? scratch : 0),
            calls[i + 8] + (own & 16 ? scratch : 0),
            calls[i + 9] + (own & 32 ? scratch : 0),
            calls[i + 10] + (own & 64 ? scratch : 0),
            calls[i + 11] + (own & 128 ? scratch : 0),
            calls[i + 12] + (own & 256 ? scratch : 0),
            calls[i + 13] + (own & 512 ? scratch : 0),
            calls[i + 14] + (own & 1024 ? scratch : 0),
            calls[i + 15] + (own & 2048 ? scratch : 0),
            calls[i + 16] + (own & 4096 ? scratch : 0),
            calls[i + 17] + (own & 8192 ? scratch : 0),
            calls[i + 18] + (own & 16384 ? scratch : 0),
            calls[i + 19] + (own & 32768 ? scratch : 0),
            calls[i + 20] + (own & 65536 ? scratch : 0),
            calls[i + 21] + (own & 131072 ? scratch : 0),
            calls[i + 22] + (own & 262144 ? scratch : 0),
            calls[i + 23] + (own & 524288 ? scratch : 0),
          );
        }
        counters[mine + 1]++;
        i += 4 + calls[i + 1];
      }
      Atomics.store(chunks, 1536 + slot, chunk);
      Atomics.add(counters, 32, 1);
      if (thread > 0 && Atomics.load(counters, 128) === 1) Atomics.notify(counters, 32);
      continue;
    }
    looked = published;
    if (thread === 0 || Atomics.load(counters, 112) === 1) return;
    if (++idle < 30000) continue;
    // Nothing for a while: sleep until there is.
    const woken = Atomics.load(counters, 96);
    Atomics.store(counters, 80, 1);
    if (
      Atomics.load(counters, 16) === published &&
      Atomics.load(counters, 64) === read &&
      Atomics.load(counters, 112) === 0
    ) {
      Atomics.wait(counters, 96, woken);
    }
    idle = 0;
  }
}
