/**
 * The engine's memory: one WebAssembly.Memory, handed out from the bottom up and taken back all at once.
 *
 *   0       BASE                          top                 bottom                    end
 *   │ zeros │ tensors of the current step │ free              │ scratch of one kernel │
 *
 * A SIMD kernel takes numbers by address, so data must live here to be fast. A step allocates tensors by moving `top`
 * up; when it ends, `top` goes back to BASE. An array given back earlier (a gradient that has been used) waits for the
 * next array (free-blocks.ts). A running kernel borrows scratch from the end downwards. That is always the same memory, and
 * so in the cache (above `top` it would be new to the cache for each kernel: 1 % of a training step). Tensors leave the
 * end free, 64 MiB or an eighth: a step that has filled the rest still computes with SIMD kernels, and so to the same
 * bits. A kernel borrows its scratch and copies of ordinary arrays: for a convolution from 512 to 512 channels, 36 MiB
 * of transformed filters and 9 MiB of filters.
 *
 * Growing a WebAssembly.Memory detaches every array that views it. So the arena grows only while nothing lives in it:
 * between steps. A step that needs more gets ordinary arrays, of which kernels copy one part after another (ranges.ts,
 * ../parts.ts). The arena is larger at the next step, up to the 4 GiB that 32-bit addresses reach. Memory that threads
 * share detaches nothing: there the arena also grows in the middle of a step.
 */
import type { Floats, Pool } from "../../memory.ts";
import { warn } from "../../warn.ts";
import { type MemoryLike, reasonOf, type WebAssemblyApi } from "./features.ts";
import { FreeBlocks } from "./free-blocks.ts";
import { type Block, Kept } from "./kept.ts";

const PAGE = 65536;
/** Addresses below this are never handed out: address 0 stays free to mean "none", and the first bytes stay zero. */
const BASE = 1024;
/** Vectors are 16 bytes; cache lines 64. Tensors start on a cache line. */
const ALIGNMENT = 64;
const LARGEST_BYTES = 2 ** 32;
/** What to ask for where the system does not even promise as many addresses. */
const FEWER_BYTES = 2 ** 30;
/** A step whose first array alone does not fit is a large one: room for so many arrays of that size. */
const OF_THE_FIRST = 12;
/**
 * The memory kept free for scratch: this much, or an eighth of the memory if that is more; a quarter of a small memory.
 */
const SCRATCH_BYTES = 64 * 2 ** 20;
const reserveOf = (bytes: number): number => Math.max(bytes / 8, Math.min(bytes / 4, SCRATCH_BYTES));
/** The smallest memory that leaves this many bytes to tensors. */
const bytesFor = (tensors: number): number =>
  Math.max((tensors * 8) / 7, Math.min((tensors * 4) / 3, tensors + SCRATCH_BYTES));
/** The part of the memory that may hold data kept from step to step. */
const KEPT = 1 / 2;

export class Arena implements Pool {
  readonly memory: MemoryLike;
  #largestPages = 0;
  #floats: Float32Array;
  /** `memory.buffer`; asking for it takes 47 ns. */
  #buffer: ArrayBufferLike;
  readonly #kept = new Kept();
  /** Where tensors begin: above the kept data. */
  #base = BASE;
  #top = BASE;
  /** Where the currently lent scratch begins. */
  #bottom: number;
  /** The highest address of a tensor and the lowest one of scratch since the last reset. */
  #highest = BASE;
  #lowest: number;
  /** Bytes of tensors that found no room since the last reset, and were not given back. */
  #refused = 0;
  /** Bytes that would have been enough for all requests so far. */
  #wanted = 0;
  /** Whether somebody has been told that there is not room for everything. */
  #told = false;
  /** Whether arrays have been handed out since the last reset. */
  #live = false;
  #short = false;
  readonly #shared: boolean;
  /** The buffers before the last growths, where arrays of this step may still view them. */
  readonly #older = new Set<ArrayBufferLike>();
  /** Arrays that were given back one by one. */
  readonly #free = new FreeBlocks();

  /**
   * @param bytes initial size. Untouched pages cost address space, not memory.
   * @param largest the size up to which it grows.
   */
  constructor(wasm: WebAssemblyApi, bytes: number, largest: number = LARGEST_BYTES, shared = false) {
    this.#shared = shared;
    const [initial, most, fewer] = [bytes, largest, Math.min(largest, FEWER_BYTES)].map((n) => Math.ceil(n / PAGE));
    const make = (maximum: number): MemoryLike => {
      this.#largestPages = maximum;
      return new wasm.Memory({ initial, maximum, shared });
    };
    try {
      this.memory = make(most);
    } catch (error) {
      if (fewer === most) throw error;
      this.memory = make(fewer);
    }
    this.#buffer = this.memory.buffer;
    this.#floats = new Float32Array(this.#buffer);
    this.#bottom = this.#end;
    this.#lowest = this.#end;
  }

  /** All of the memory as float32: element i is at address 4i. */
  get floats(): Float32Array {
    return this.#floats;
  }

  get bytes(): number {
    return this.#floats.byteLength;
  }

  /** Where scratch ends: a line below the end, since a kernel may load a whole vector to use part of it. */
  get #end(): number {
    return this.bytes - ALIGNMENT;
  }

  /** Whether the array lives here, which makes its `byteOffset` an address. */
  owns(x: { readonly buffer: ArrayBufferLike }): boolean {
    return x.buffer === this.#buffer || (this.#older.size > 0 && this.#older.has(x.buffer));
  }

  /** Whether something has found no room since the last reset: then kernels copy no more at once than they must. */
  get short(): boolean {
    return this.#short;
  }

  /** Bytes that scratch may still take. */
  get room(): number {
    return this.#bottom - this.#top;
  }

  /** An array of the current step, contents undefined; undefined where there is no room. */
  allocate(size: number, float64 = false): Float32Array | undefined {
    if (float64) return undefined;
    const bytes = roundUp(4 * size);
    const freed = this.#free.take(bytes);
    if (freed !== undefined) return new Float32Array(this.#buffer, freed, size);
    const address = this.#top;
    const end = address + bytes;
    if (end > this.bytes - reserveOf(this.bytes) && !this.#extend(address, bytes)) return undefined;
    this.#top = end;
    if (end > this.#highest) this.#highest = end;
    this.#live = true;
    return new Float32Array(this.#buffer, address, size);
  }

  /** Makes room for another array in the middle of a step, where that detaches nothing. */
  #extend(address: number, bytes: number): boolean {
    if (this.#shared || !this.#live) {
      const many = this.#live ? 2 : OF_THE_FIRST;
      this.#want(
        Math.max(bytesFor(address + bytes), Math.min(bytesFor(address + many * bytes), this.#largestPages * PAGE)),
      );
      this.#grow();
      if (address + bytes <= this.bytes - reserveOf(this.bytes)) return true;
    }
    this.#refused += bytes;
    this.#short = true;
    this.#want(bytesFor(address + this.#refused));
    return false;
  }

  /** Takes back one array, for the next ones. */
  release(array: Floats): void {
    this.#free.put(array.byteOffset, roundUp(array.byteLength));
  }

  /** A step that needs more than there is would otherwise ask for all that it ever had. */
  forgo(array: Floats): void {
    if (array instanceof Float32Array) this.#refused = Math.max(0, this.#refused - roundUp(array.byteLength));
  }

  /** Takes back everything handed out so far, and grows so that the refused requests would fit. */
  reset(wipe = false): void {
    if (wipe) {
      this.#floats.fill(Number.NaN, this.#base / 4, this.#highest / 4);
      this.#floats.fill(Number.NaN, this.#lowest / 4);
    }
    this.#base = this.#kept.settle(this.#base, BASE);
    this.#top = this.#base;
    this.#highest = this.#base;
    this.#lowest = this.#end;
    this.#refused = 0;
    this.#live = false;
    this.#short = false;
    this.#free.clear();
    this.#older.clear();
    this.#grow();
  }

  /** A place, from the next reset on, for `size` floats that are derived from a constant; `key` says how (kept.ts). */
  keep(constant: object, key: string, size: number): Block | undefined {
    return this.#kept.find(constant, key, roundUp(4 * size), KEPT * this.bytes);
  }

  /**
   * Runs `fn`, which may call `scratch`, and takes the scratch back. If fn finds no room it throws NO_ROOM; this then
   * returns false, without an effect on the arena, and the caller computes in another way.
   */
  borrow(fn: () => void): boolean {
    const { bytes } = this;
    const bottom = this.#bottom;
    try {
      fn();
      // Outside steps each kernel finds a memory of its own.
      if (!this.#live) this.#short = false;
      return true;
    } catch (error) {
      if (error !== NO_ROOM) throw error;
    } finally {
      this.#bottom = this.bytes === bytes ? bottom : this.#end;
    }
    // Nothing lives here: grow now and retry until it fits. (A first try does not see everything needed.)
    if (!this.#live && !this.#shared && this.#grow()) return this.borrow(fn);
    this.#short = true;
    return false;
  }

  /** Inside `borrow`: the address of `size` floats, contents undefined. */
  scratch(size: number): number {
    let address = this.#bottom - roundUp(4 * size);
    if (address < this.#top) {
      this.#want(this.bytes + this.#top - address);
      if (!this.#shared || !this.#grow()) throw NO_ROOM;
      address = this.#bottom - roundUp(4 * size);
    }
    this.#bottom = address;
    if (address < this.#lowest) this.#lowest = address;
    return address;
  }

  /** Inside `borrow`: runs `fn`, then takes back the scratch that it took. */
  within(fn: () => void): void {
    const { bytes } = this;
    const bottom = this.#bottom;
    fn();
    if (this.bytes === bytes) this.#bottom = bottom;
  }

  #want(bytes: number): void {
    this.#wanted = Math.max(this.#wanted, bytes);
  }

  /** Grows to the wanted size, or as far as it may. Returns whether everything wanted fits. */
  #grow(): boolean {
    const pages = this.bytes / PAGE;
    const missing = Math.ceil(this.#wanted / PAGE) - pages;
    if (missing <= 0) return true;
    // A quarter more than asked for: the next request is often a little larger.
    const more = Math.min(Math.ceil(missing * 1.25), this.#largestPages - pages);
    if (more < missing) this.#tellOnce(this.#wanted);
    this.#wanted = 0;
    if (more === 0) return false;
    try {
      this.memory.grow(more);
    } catch (error) {
      // It does not ask again.
      this.#largestPages = pages;
      this.#told = true;
      warn(
        `the system gives WebAssembly no more memory: ordinary arrays take over, which is slower: ${reasonOf(error)}`,
      );
      return false;
    }
    if (this.#shared && this.#live) this.#older.add(this.#buffer);
    this.#buffer = this.memory.buffer;
    this.#floats = new Float32Array(this.#buffer);
    this.#bottom = this.#end;
    this.#lowest = this.#end;
    return more >= missing;
  }

  /** At the limit, what has no room would only be slower, and nobody would know why. */
  #tellOnce(wanted: number): void {
    if (this.#told) return;
    this.#told = true;
    warn(
      `a step asks for ${inMebibytes(wanted)}, and the memory of the SIMD kernels ends at ${inMebibytes(this.#largestPages * PAGE)}: ordinary arrays take over, which is a little slower; smaller batches fit`,
    );
  }
}

function inMebibytes(bytes: number): string {
  return `${Math.ceil(bytes / 2 ** 20)} MiB`;
}

function roundUp(bytes: number): number {
  return Math.ceil(bytes / ALIGNMENT) * ALIGNMENT;
}

/** `scratch` throws it, `borrow` catches it. */
const NO_ROOM: unique symbol = Symbol("no room in the arena");
