/**
 * The engine: compiles assembled programs, once per kernel or shape, and brings numbers to where kernels find them.
 *
 * A kernel is written like this:
 *
 *     engine.run((call) => {
 *       const px = call.input(x);    // the address of x: its own, or that of a copy
 *       const py = call.output(y);   // likewise; a copy is copied back when the function returns
 *       relu(px, py, x.length);      // a compiled function
 *     })
 *
 * `run` returns false where the memory has no room; the plain kernel then computes. So it does where a program is not
 * compiled (`NOT_COMPILED`): while an old browser compiles a larger program in the background, and for ever where the
 * platform refuses.
 */
import { constantOf, type Floats } from "../../memory.ts";
import { warn } from "../../warn.ts";
import { Arena } from "./arena.ts";
import { assembleModule, type Func } from "./assembler.ts";
import {
  detectFeatures,
  type Features,
  type InstanceLike,
  type MemoryLike,
  reasonOf,
  type WebAssemblyApi,
} from "./features.ts";
import { eachRange, windowOn } from "./ranges.ts";
import { EACH, type Team } from "./team.ts";

/** Compiled functions, by name. Arguments are addresses, counts and numbers. */
export type Program<Name extends string> = Readonly<Record<Name, (...args: number[]) => void>>;

interface Entry {
  readonly program: Program<string>;
  /** When it was last used, by the engine's clock. */
  used: number;
}

/** How many programs are kept. A network has a few dozen shapes; each program is a few kilobytes. */
const CACHE_SIZE = 512;
/** 224 MiB for tensors (arena.ts). */
const INITIAL_BYTES = 288 * 2 ** 20;

/** Floats that are prepared at once for all threads: 8 MiB. */
const MOST_TOGETHER = 2 ** 21;
/** Chunks for each thread: who is late loses a quarter of its work to others. */
const CHUNKS_OF_ONE = 4;

/** `program` throws it; the choice between SIMD and plain (index.ts) catches it. */
export const NOT_COMPILED: unique symbol = Symbol("the program is not compiled, or not yet");

export class Engine {
  readonly features: Features;
  readonly arena: Arena;
  readonly #wasm: WebAssemblyApi;
  readonly #programs = new Map<string, Entry>();
  /** Programs, by name, that an old browser is compiling in the background. */
  readonly #compiling = new Map<string, Promise<void>>();
  /** Whether the platform has refused to compile; then it is not asked again. */
  #refused = false;
  /** How often `program` was called: the clock by which programs age. */
  #uses = 0;
  readonly #call: Call;
  readonly #team: Team | null;

  /** The last kernel's algorithm, if it was a convolution, for those who ask how it was computed (index.ts). */
  algorithm: string | null = null;
  /** Whether the last kernel found no room. */
  hadNoRoom = false;

  /**
   * @param bytes of initial memory.
   * @param makeTeam makes the threads that share this engine's memory.
   */
  constructor(
    wasm: WebAssemblyApi,
    bytes: number = INITIAL_BYTES,
    largest?: number,
    makeTeam?: (memory: MemoryLike) => Team,
  ) {
    this.#wasm = wasm;
    this.arena = new Arena(wasm, bytes, largest, makeTeam !== undefined);
    this.features = detectFeatures(wasm, this.arena.memory, makeTeam !== undefined);
    this.#team = makeTeam?.(this.arena.memory) ?? null;
    this.#call = new Call(this.arena, this.#team);
  }

  /**
   * The program called `key`; `write` assembles it the first time. The key names everything that the code depends on.
   *
   * @throws NOT_COMPILED where the platform compiles nothing that large at once (Chromium before 2023 on a page's main
   * thread: 4 KiB); it is then compiled in the background. Also where the platform compiles nothing, or no longer:
   * workerd compiles at its start, but not in a request.
   */
  program<Name extends string>(key: string, write: (features: Features) => readonly Func[]): Program<Name> {
    let entry = this.#programs.get(key);
    if (!entry) {
      if (this.#refused || this.#compiling.has(key)) throw NOT_COMPILED;
      const funcs = write(this.features);
      const bytes = assembleModule(funcs, this.#team !== null);
      const { exports } = this.#compile(key, bytes);
      entry = this.#remember(key, { exports: this.#team?.share(bytes, funcs, exports) ?? exports });
    }
    entry.used = ++this.#uses;
    return entry.program as Program<Name>;
  }

  #compile(key: string, bytes: Uint8Array): InstanceLike {
    const imports = { env: { memory: this.arena.memory } };
    try {
      return new this.#wasm.Instance(new this.#wasm.Module(bytes), imports);
    } catch (error) {
      // Those browsers throw a RangeError.
      if (!(error instanceof RangeError)) this.#refuse(error);
      else {
        const compiled = this.#compileLater(key, bytes, imports).finally(() => this.#compiling.delete(key));
        this.#compiling.set(key, compiled);
      }
      throw NOT_COMPILED;
    }
  }

  async #compileLater(key: string, ...program: Parameters<WebAssemblyApi["instantiate"]>): Promise<void> {
    try {
      this.#remember(key, (await this.#wasm.instantiate(...program)).instance);
    } catch (error) {
      this.#refuse(error);
    }
  }

  /** Compiled programs stay in use. For everything else the plain kernels compute, after one warning. */
  #refuse(error: unknown): void {
    if (this.#refused) return;
    this.#refused = true;
    warn(`WebAssembly compiles no more kernels here: plain ones compute instead, which is slower: ${reasonOf(error)}`);
  }

  /** Resolves when every program asked for so far is compiled, or refused. */
  async ready(): Promise<void> {
    while (this.#compiling.size > 0) await Promise.all(this.#compiling.values());
  }

  #remember(key: string, { exports }: InstanceLike): Entry {
    if (this.#programs.size >= CACHE_SIZE) this.#forgetOne();
    const entry = { program: exports, used: this.#uses };
    this.#programs.set(key, entry);
    return entry;
  }

  /** Drops the least recently used program. */
  #forgetOne(): void {
    let oldest: string | undefined;
    let used = Infinity;
    for (const [key, entry] of this.#programs) if (entry.used < used) [oldest, used] = [key, entry.used];
    if (oldest === undefined) return;
    this.#team?.forget(this.#programs.get(oldest)!.program);
    this.#programs.delete(oldest);
  }

  /** Threads that compute. */
  get threadCount(): number {
    return this.#team?.count ?? 1;
  }

  /**
   * How many of n pieces, each of `floats`, are prepared before a pass over all of them: one on one thread, where it stays in L2; with
   * more, some for each, in a few MiB.
   */
  togetherOf(n: number, floats: number): number {
    const threads = this.threadCount;
    return threads === 1 ? 1 : Math.max(1, Math.min(n, 4 * threads, Math.floor(MOST_TOGETHER / floats)));
  }

  /** Runs a kernel. Returns false, with nothing written, where there is no room for its scratch and copies. */
  run(kernel: (call: Call) => void): boolean {
    const run = (): boolean =>
      this.arena.borrow(() => {
        this.#call.begin();
        kernel(this.#call);
        this.#call.end();
      });
    // Once the memory is known to be short, a kernel may do with less.
    const ran = this.arena.short ? run() : run() || run();
    if (!ran) this.hadNoRoom = true;
    return ran;
  }
}

/** Brings the arrays of one kernel call into the arena, and the results back. */
export class Call {
  readonly #arena: Arena;
  readonly #outputs: { to: Floats; address: number }[] = [];
  /** Addresses of ordinary arrays that `eachRange` has brought here whole. */
  readonly #whole = new Map<Floats, number>();

  readonly #team: Team | null;
  /** Bytes of each thread's scratch. */
  #each = 0;
  /** Whether this kernel changes nothing that it reads. */
  #repeatable = true;

  constructor(arena: Arena, team: Team | null) {
    this.#arena = arena;
    this.#team = team;
  }

  begin(): void {
    this.#outputs.length = 0;
    this.#whole.clear();
    this.#each = 0;
    this.#repeatable = true;
  }

  get #threads(): number {
    return this.#team?.count ?? 1;
  }

  /** Addresses of scratch of each thread's own, for use inside `split`. Once in a kernel. */
  each(...sizes: readonly number[]): number[] {
    const rounded = sizes.map((size) => 16 * Math.ceil(size / 16));
    const total = rounded.reduce((sum, size) => sum + size, 0);
    this.#each = 4 * total;
    let at = this.scratch(total * this.#threads) + (this.#team ? EACH : 0);
    return rounded.map((size) => {
      const address = at;
      at += 4 * size;
      return address;
    });
  }

  /** Fills `size` floats of scratch; where that is each thread's own, of all threads. */
  fillEach(value: number, address: number, size: number): void {
    const [first, threads] = address >= EACH ? [address - EACH, this.#threads] : [address, 1];
    for (let t = 0; t < threads; t++) {
      const from = (first + t * this.#each) / 4;
      this.#arena.floats.fill(value, from, from + size);
    }
  }

  /**
   * Runs `body` on ranges that make up 0 … n, each of at least `grain` if n is, on all threads. The same part of n is always
   * the same thread's, unless that is late. In `body` only compiled functions work: they may run later, and elsewhere.
   */
  split(n: number, grain: number, body: (from: number, to: number) => void): void {
    const chunks = this.#threads === 1 ? 1 : Math.min(Math.floor(n / grain), CHUNKS_OF_ONE * this.#threads);
    if (chunks < 2 || !this.#team!.keepsUp()) body(0, n);
    else {
      const start = (k: number): number => Math.floor((k * n) / chunks);
      this.#team!.run(chunks, this.#each, this.#repeatable, (k) => body(start(k), start(k + 1)));
    }
  }

  /** The address of x's numbers, for reading. */
  input(x: Floats): number {
    if (this.#arena.owns(x)) return x.byteOffset;
    const address = this.#arena.scratch(x.length);
    this.#arena.floats.set(x, address / 4);
    return address;
  }

  /** The address where y's numbers are written, all of them. */
  output(y: Floats): number {
    if (this.#arena.owns(y)) return y.byteOffset;
    const address = this.#arena.scratch(y.length);
    this.#outputs.push({ to: y, address });
    return address;
  }

  /** The address of numbers that are both read and changed. */
  update(y: Floats): number {
    this.#repeatable = false;
    if (this.#arena.owns(y)) return y.byteOffset;
    const address = this.input(y);
    this.#outputs.push({ to: y, address });
    return address;
  }

  /**
   * Like `input`, for an array of n images of which `most` are needed at a time: the address where image 0 is, or would
   * be, while images `from` to `to` are here.
   */
  window(x: Floats, n: number, most = 1): (from: number, to: number) => number {
    if (this.#arena.short && n > 1 && !this.#arena.owns(x)) return windowOn(this.#arena, x, n, most);
    const address = this.input(x);
    return () => address;
  }

  /**
   * Runs `body` on ranges that make up 0 … n, in order: on one, unless arrays are of ordinary memory and this one is
   * short (ranges.ts). Each address is where the array's part 0 is or would be, 0 for null. `written` names those of the
   * arrays that are written.
   */
  eachRange(
    n: number,
    arrays: readonly (Floats | null)[],
    written: readonly number[],
    body: (from: number, to: number, addresses: readonly number[]) => void,
  ): void {
    if (this.#arena.short && n > 1) eachRange(this.#arena, n, arrays, written, body);
    else {
      const addresses = arrays.map((x, i) => (x ? this.#wholeOf(x, written.includes(i)) : 0));
      body(0, n, addresses);
    }
  }

  /** Another pass of the same kernel finds it where it is. */
  #wholeOf(x: Floats, written: boolean): number {
    const before = this.#whole.get(x);
    if (before === undefined) {
      const address = written ? this.output(x) : this.input(x);
      if (!this.#arena.owns(x)) this.#whole.set(x, address);
      return address;
    }
    if (written) this.#outputs.push({ to: x, address: before });
    return before;
  }

  /** The address of `size` floats for the kernel's own use, contents undefined. */
  scratch(size: number): number {
    return this.#arena.scratch(size);
  }

  /**
   * The address of `size` floats that `make` computes from x alone; `key` names them. Where x is a constant they are
   * kept for the next steps, and `make` does not run again.
   */
  derived(x: Floats, key: string, size: number, make: (address: number) => void): number {
    const constant = constantOf(x);
    const kept = constant && this.#arena.keep(constant, key, size);
    if (kept?.filled) return kept.address;
    const address = kept?.address || this.scratch(size);
    make(address);
    if (kept) kept.filled = kept.address > 0;
    return address;
  }

  /** Like `input`, but a constant's copy is kept. */
  constant(x: Floats): number {
    if (!constantOf(x)) return this.input(x);
    return this.derived(x, "", x.length, (address) => this.#arena.floats.set(x, address / 4));
  }

  end(): void {
    for (const { to, address } of this.#outputs) {
      to.set(this.#arena.floats.subarray(address / 4, address / 4 + to.length));
    }
  }
}
