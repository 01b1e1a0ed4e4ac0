/** The main thread's side: writes chunks, publishes them, takes its share, and waits for the rest. */
import type { Func } from "../wasm/assembler.ts";
import type { MemoryLike } from "../wasm/features.ts";
import {
  ARGUMENTS,
  CALLS,
  type Callable,
  CHUNKS,
  COUNTERS,
  DONE,
  ENDED,
  PUBLISHED,
  READ,
  READY,
  RING,
  type Shared,
  SLEEPING,
  WOKEN,
  WRITTEN,
  work,
} from "./work.ts";

/** Added to an address in the scratch of each thread, to tell it from others. */
export const EACH: number = 2 ** 40;

/** Numbers of one call: its function, its mask, its arguments. */
const SIZE = 2 + ARGUMENTS;

export class Threads {
  readonly shared: Shared;
  /** Threads that compute, this one included. */
  count = 1;
  readonly #functions: Callable[] = [];
  #recording = false;
  /** Where the next call is written. */
  #end = 0;

  constructor(memory: MemoryLike) {
    const bytes = (size: number): SharedArrayBuffer => new SharedArrayBuffer(size);
    this.shared = {
      memory,
      counters: new Int32Array(bytes(4 * COUNTERS)),
      bounds: new Int32Array(bytes(8 * CHUNKS)),
      calls: new Float64Array(bytes(8 * CALLS)),
      ring: new Uint8Array(bytes(RING)),
      settings: new Float64Array(bytes(8)),
    };
  }

  /** Functions that write themselves down in a chunk while one is open, and run at once otherwise. */
  share(
    module: Uint8Array,
    funcs: readonly Func[],
    exports: Readonly<Record<string, Callable>>,
  ): Record<string, Callable> {
    const first = this.#functions.length;
    this.#send(module, first);
    const shared: Record<string, Callable> = {};
    for (const { name, locals } of funcs) {
      const direct = exports[name];
      const number = this.#functions.push(direct) - 1;
      const isAddress = locals.params.map((type) => type === "i32");
      shared[name] = (...args) => {
        if (this.#recording) this.#write(number, isAddress, args);
        else {
          for (let i = 0; i < args.length; i++) if (isAddress[i] && args[i] >= EACH) args[i] -= EACH;
          direct(...args);
        }
      };
    }
    return shared;
  }

  #write(number: number, isAddress: readonly boolean[], args: readonly number[]): void {
    const { calls } = this.shared;
    if (this.#end + SIZE > CALLS) this.#makeRoom();
    const at = this.#end;
    let mask = 0;
    for (let i = 0; i < args.length; i++) {
      let value = args[i];
      if (isAddress[i] && value >= EACH) {
        value -= EACH;
        mask |= 1 << i;
      }
      calls[at + 2 + i] = value;
    }
    calls[at] = number;
    calls[at + 1] = mask;
    this.#end = at + SIZE;
  }

  /** Waits for the chunks before the open one, whose calls then begin at 0. */
  #makeRoom(): void {
    const { counters, calls, bounds } = this.shared;
    const slot = counters[PUBLISHED] & (CHUNKS - 1);
    const start = bounds[slot];
    if (start === 0) throw new Error("a chunk of work is too long");
    this.#finish(counters[PUBLISHED]);
    calls.copyWithin(0, start, this.#end);
    bounds[slot] = 0;
    this.#end -= start;
  }

  /** Takes part until `all` chunks are done. */
  #finish(all: number): void {
    work(this.shared, this.#functions, 0);
    while (Atomics.load(this.shared.counters, DONE) !== all);
  }

  /** Runs `body` for each k below `chunks`, on all threads. */
  run(chunks: number, scratch: number, body: (k: number) => void): void {
    const { counters, bounds, settings } = this.shared;
    settings[0] = scratch;
    this.#end = 0;
    const before = counters[PUBLISHED];
    for (let k = 0; k < chunks; k++) {
      const chunk = (before + k) | 0;
      const slot = chunk & (CHUNKS - 1);
      bounds[slot] = this.#end;
      this.#recording = true;
      try {
        body(k);
      } finally {
        this.#recording = false;
      }
      bounds[CHUNKS + slot] = this.#end;
      Atomics.store(counters, PUBLISHED, (chunk + 1) | 0);
      if (Atomics.load(counters, SLEEPING) > 0) this.#wake();
    }
    this.#finish((before + chunks) | 0);
  }

  #wake(): void {
    Atomics.add(this.shared.counters, WOKEN, 1);
    Atomics.notify(this.shared.counters, WOKEN);
  }

  /** Puts a module into the ring, from where the workers take it. */
  #send(module: Uint8Array, first: number): void {
    const { counters, ring } = this.shared;
    let written = counters[WRITTEN];
    const size = (8 + module.length + 3) & ~3;
    const at = written & (RING - 1);
    const waitFor = (end: number): void => {
      for (let t = 1; t < this.count; t++) while (((end - Atomics.load(counters, READ + 16 * t)) | 0) > RING);
    };
    const header = (position: number): Int32Array => new Int32Array(ring.buffer, position, 2);
    if (at + size > RING - 8) {
      waitFor((written + RING - at) | 0);
      header(at)[0] = -1;
      written = (written + RING - at) | 0;
    }
    waitFor((written + size) | 0);
    const to = written & (RING - 1);
    header(to).set([module.length, first]);
    ring.set(module, to + 8);
    Atomics.store(counters, WRITTEN, (written + size) | 0);
  }

  end(): void {
    Atomics.store(this.shared.counters, ENDED, 1);
    this.#wake();
  }

  get ready(): number {
    return Atomics.load(this.shared.counters, READY);
  }
}
