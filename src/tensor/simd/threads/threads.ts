/** The main thread's side: writes chunks, publishes them, takes its share, and waits for the rest, but not for ever. */
import { clock } from "../../clock.ts";
import { SkipstoneError } from "../../errors.ts";
import { warn } from "../../warn.ts";
import type { Func } from "../wasm/assembler.ts";
import type { MemoryLike } from "../wasm/features.ts";
import { EACH, type Team } from "../wasm/team.ts";
import { Patience, Silence } from "./patience.ts";
import type { Hand } from "./start.ts";
import {
  ARGUMENTS,
  BROKEN,
  CALLED,
  CALLS,
  type Callable,
  CHUNKS,
  COUNT,
  COUNTERS,
  DONE,
  ENDED,
  FIRST,
  GONE,
  PUBLISHED,
  READ,
  RING,
  SCRATCH,
  type Shared,
  SLEEPING,
  STARTING,
  STATE,
  THREAD,
  WAITING,
  WOKEN,
  WORKING,
  WRITTEN,
  work,
} from "./work.ts";

type Functions = Readonly<Record<string, Callable>>;

/** Numbers before a call's arguments. */
const HEAD = 4;
/** Bytes before a record's module: its length, its first function's number, how many functions to forget. */
const HEADER = 12;
/** Looks at `DONE` before the main thread sleeps, where it may: some 100 µs. */
const SPINS = 2 ** 14;
/** Milliseconds that a thread is away when another program has its core; to wake one takes a tenth of it. */
const LONG = 1;

export class Threads implements Team {
  readonly shared: Shared;
  readonly #functions: Callable[] = [];
  readonly #numbers = new WeakMap<Functions, { first: number; count: number }>();
  /** By thread; number 0 is the caller. */
  readonly #hands: (Hand | null)[] = [null];
  /** The same memory as the calls, for their float32 arguments. */
  readonly #floats: Float32Array;
  #recording = false;
  /** Where the next call is written. */
  #end = 0;
  /** Whether this thread may sleep: a page's main thread may not. */
  #maySleep = true;
  /** When the current kernel began. */
  #began = 0;
  readonly #patience = new Patience();
  /** Whether the chunks of this kernel may be done twice. */
  #repeatable = true;

  constructor(memory: MemoryLike) {
    const bytes = (size: number): SharedArrayBuffer => new SharedArrayBuffer(size);
    this.shared = {
      memory,
      counters: new Int32Array(bytes(4 * COUNTERS)),
      chunks: new Int32Array(bytes(16 * CHUNKS)),
      calls: new Int32Array(bytes(4 * (CALLS + ARGUMENTS))),
      ring: new Uint8Array(bytes(RING)),
    };
    this.#floats = new Float32Array(this.shared.calls.buffer);
    // No chunk is taken yet: number 0 is not.
    this.shared.chunks.fill(-1, 2 * CHUNKS);
  }

  get count(): number {
    return this.#hands.length;
  }

  /** Workers that compute. */
  get working(): number {
    return this.#hands.filter((_, t) => this.#of(t, STATE) === WORKING).length;
  }

  /** Takes a worker into the team; its number is the `thread` that it was started with. */
  add(hand: Hand): void {
    this.#hands.push(hand);
    this.shared.counters[COUNT] = this.#hands.length;
  }

  /** The workers that have not begun. */
  get starting(): number[] {
    return [...this.#hands.keys()].filter((t) => t > 0 && this.#of(t, STATE) === STARTING);
  }

  /** Says that a worker is no more, and ends it. Returns false if that is known. */
  lose(thread: number): boolean {
    const state = THREAD + 16 * thread + STATE;
    if (Atomics.exchange(this.shared.counters, state, GONE) === GONE) return false;
    this.#hands[thread]?.terminate();
    if (this.working === 0 && this.starting.length === 0) this.end();
    return true;
  }

  #of(thread: number, what: number): number {
    return Atomics.load(this.shared.counters, THREAD + 16 * thread + what);
  }

  keepsUp(): boolean {
    return this.#patience.now();
  }

  share(module: Uint8Array, funcs: readonly Func[], exports: Functions): Functions {
    const first = this.#functions.length;
    this.#send(module.length, first, 0, module);
    const shared: Record<string, Callable> = {};
    for (const { name, locals } of funcs) {
      const direct = exports[name];
      const number = this.#functions.push(direct) - 1;
      const floats = locals.params.reduce((bits, type, i) => (type === "f32" ? bits | (1 << i) : bits), 0);
      shared[name] = (...args) => {
        if (this.#recording && this.#hasRoom(args.length)) this.#write(number, floats, args);
        else {
          for (let i = 0; i < args.length; i++) if (args[i] >= EACH && !(floats & (1 << i))) args[i] -= EACH;
          direct(...args);
        }
      };
    }
    this.#numbers.set(shared, { first, count: funcs.length });
    return shared;
  }

  forget(functions: Functions): void {
    const { first, count } = this.#numbers.get(functions)!;
    for (let i = first; i < first + count; i++) delete this.#functions[i];
    this.#send(-2, first, count);
  }

  #write(number: number, floats: number, args: readonly number[]): void {
    const { calls } = this.shared;
    const start = this.#end + HEAD;
    let own = 0;
    for (let i = 0; i < args.length; i++) {
      const value = args[i];
      if (floats & (1 << i)) this.#floats[start + i] = value;
      else if (value >= EACH) {
        calls[start + i] = value - EACH;
        own |= 1 << i;
      } else calls[start + i] = value;
    }
    calls[start - 4] = number;
    calls[start - 3] = args.length;
    calls[start - 2] = own;
    calls[start - 1] = floats;
    this.#end = start + args.length;
  }

  /**
   * Whether a call can be written down. If not, the chunk is too long: this thread makes the calls that it has, and from now on
   * makes them at once.
   */
  #hasRoom(args: number): boolean {
    const needed = HEAD + args;
    if (this.#end + needed <= CALLS) return true;
    this.#moveToFront();
    if (this.#end + needed <= CALLS) return true;
    this.#recording = false;
    this.#callWritten();
    return false;
  }

  /** Waits for the chunks before the open one, whose calls then begin at 0. */
  #moveToFront(): void {
    const { counters, calls, chunks } = this.shared;
    const slot = counters[PUBLISHED] & (CHUNKS - 1);
    const start = chunks[slot];
    this.#finish(counters[PUBLISHED]);
    calls.copyWithin(0, start, this.#end);
    chunks[slot] = 0;
    this.#end -= start;
  }

  /** Makes the calls from 0 on. */
  #callWritten(): void {
    const { calls } = this.shared;
    for (let i = 0; i < this.#end; i += HEAD + calls[i + 1]) {
      const floats = calls[i + 3];
      const args = Array.from({ length: calls[i + 1] }, (_, k) =>
        floats & (1 << k) ? this.#floats[i + HEAD + k] : calls[i + HEAD + k],
      );
      this.#functions[calls[i]](...args);
    }
    this.#end = 0;
  }

  run(chunks: number, scratch: number, repeatable: boolean, body: (k: number) => void): void {
    const { counters } = this.shared;
    const before = counters[PUBLISHED];
    counters[SCRATCH] = scratch;
    Atomics.store(counters, FIRST, before);
    this.#repeatable = repeatable;
    this.#end = 0;
    this.#began = clock.now();
    const { count } = this;
    try {
      for (let i = 0; i < chunks; i++) this.#publish((before + i) | 0, () => body(pieceOf(i, chunks, count)));
    } finally {
      this.#finish(counters[PUBLISHED]);
    }
  }

  #publish(chunk: number, write: () => void): void {
    const { counters, chunks } = this.shared;
    const slot = chunk & (CHUNKS - 1);
    chunks[slot] = this.#end;
    this.#recording = true;
    try {
      write();
    } finally {
      this.#recording = false;
    }
    chunks[CHUNKS + slot] = this.#end;
    Atomics.store(counters, PUBLISHED, (chunk + 1) | 0);
    if (Atomics.load(counters, SLEEPING) === 1) this.#wake();
  }

  #wake(): void {
    Atomics.store(this.shared.counters, SLEEPING, 0);
    Atomics.add(this.shared.counters, WOKEN, 1);
    Atomics.notify(this.shared.counters, WOKEN);
  }

  /** Takes part until `all` chunks are done. */
  #finish(all: number): void {
    const { counters } = this.shared;
    work(this.shared, this.#functions, 0);
    let spins = 0;
    while (spins < SPINS && Atomics.load(counters, DONE) !== all) spins++;
    if (spins < SPINS) {
      this.#patience.kept();
      return;
    }
    const worked = clock.now() - this.#began;
    this.#wait(all);
    const waited = clock.now() - this.#began - worked;
    if (waited > Math.max(worked, LONG)) this.#patience.lost();
  }

  #wait(all: number): void {
    const silence = new Silence();
    for (let spins = 0; Atomics.load(this.shared.counters, DONE) !== all; spins++) {
      if (this.#maySleep) this.#sleep(all);
      else if (spins < SPINS) continue;
      spins = 0;
      if (silence.tooLong(this.#signsOfLife())) this.#rescue(all);
    }
  }

  /** Lets another thread have this core, where the platform allows it: another program may keep the others busy. */
  #sleep(all: number): void {
    const { counters } = this.shared;
    const done = Atomics.load(counters, DONE);
    if (done === all) return;
    Atomics.store(counters, WAITING, 1);
    try {
      Atomics.wait(counters, DONE, done, 5);
    } catch {
      this.#maySleep = false;
    }
    Atomics.store(counters, WAITING, 0);
  }

  /** Changes with each call that a worker makes, and each program that it reads; Infinity when one is broken. */
  #signsOfLife(): number {
    let sum = 0;
    for (let t = 1; t < this.count; t++) {
      if (this.#of(t, STATE) === BROKEN) return Infinity;
      sum += this.#of(t, CALLED) + this.#of(t, READ);
    }
    return sum;
  }

  /** A worker has begun a chunk and does not end it. All workers are ended, and what is missing is done here. */
  #rescue(all: number): void {
    const { counters, chunks } = this.shared;
    this.end();
    warn("a worker thread stopped in the middle of its work: one thread computes from now on");
    for (let k = counters[FIRST]; k !== all; k = (k + 1) | 0) {
      const slot = k & (CHUNKS - 1);
      if (Atomics.load(chunks, 3 * CHUNKS + slot) === k) continue;
      if (!this.#repeatable) this.#lost(all);
      // Not taken any more.
      Atomics.store(chunks, 2 * CHUNKS + slot, (k - 1) | 0);
    }
    work(this.shared, this.#functions, 0);
    Atomics.store(counters, DONE, all);
  }

  /** The chunk changes what it reads, so it cannot be done again. */
  #lost(all: number): never {
    Atomics.store(this.shared.counters, DONE, all);
    throw new SkipstoneError(
      "a worker thread stopped while it changed numbers in place (an optimizer's step, or a sum of gradients), and some may have been changed and some not: start again from what was saved before",
    );
  }

  /** Puts a record into the ring, from where the workers take it: a program, or (-2) numbers of functions to forget. */
  #send(length: number, first: number, count: number, module?: Uint8Array): void {
    const { counters, ring } = this.shared;
    const size = (HEADER + (module?.length ?? 0) + 3) & ~3;
    let written = counters[WRITTEN];
    const left = RING - (written & (RING - 1));
    const write = (...header: readonly number[]): void => {
      const at = written & (RING - 1);
      new Int32Array(ring.buffer, at, 3).set(header);
      if (module && header[0] >= 0) ring.set(module, at + HEADER);
    };
    // Room for the mark that nothing follows is kept.
    if (size > left - HEADER) {
      this.#waitForRoom((written + left) | 0);
      write(-1, 0, 0);
      written = (written + left) | 0;
    }
    this.#waitForRoom((written + size) | 0);
    write(length, first, count);
    Atomics.store(counters, WRITTEN, (written + size) | 0);
  }

  /** Until all workers have read what lies a whole ring before `end`. */
  #waitForRoom(end: number): void {
    let silence: Silence | undefined;
    for (let t = 1; t < this.count; t++) {
      for (let spins = 0; this.#of(t, STATE) < GONE && ((end - this.#of(t, READ)) | 0) > RING; spins++) {
        if (spins < SPINS) continue;
        spins = 0;
        this.#wake();
        silence ??= new Silence();
        if (silence.tooLong(this.#signsOfLife())) this.end();
      }
    }
  }

  /** Ends the workers. One thread computes from then on. Resolves when they are gone, where the platform says so. */
  end(): Promise<unknown> {
    Atomics.store(this.shared.counters, ENDED, 1);
    this.#wake();
    const workers = this.#hands.splice(1);
    this.shared.counters[COUNT] = 1;
    return Promise.all(
      workers.map((hand, i) => {
        Atomics.store(this.shared.counters, THREAD + 16 * (i + 1) + STATE, GONE);
        return hand?.terminate();
      }),
    );
  }
}

/** Which piece the i-th chunk is: thread i mod count gets neighbouring ones, the same in every kernel. */
function pieceOf(i: number, chunks: number, count: number): number {
  const thread = i % count;
  // The first chunks % count threads have one piece more.
  return thread * Math.floor(chunks / count) + Math.min(thread, chunks % count) + Math.floor(i / count);
}
