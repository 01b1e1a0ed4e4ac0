/**
 * The engine's memory: one WebAssembly.Memory, handed out from the bottom up and taken back all at once.
 *
 *   0              BASE                          top                        end
 *   │ zeros        │ tensors of the current step │ scratch of one kernel    │
 *
 * A SIMD kernel takes numbers by address, so what is to be fast has to live here. Tensors made in a step are allocated
 * by moving `top` up; when the step ends `top` goes back to BASE. A kernel borrows scratch above `top` while it runs.
 *
 * Growing a WebAssembly.Memory detaches every array that views it. So the arena grows only while nothing lives in it:
 * between steps. If a step needs more than there is, it gets ordinary arrays, which is slower and just as right, and the
 * arena is larger at the next step.
 */
import type { Floats, Pool } from "../memory.ts";
import type { MemoryLike, WebAssemblyApi } from "./features.ts";

const PAGE = 65536;
/** Addresses below are never handed out: address 0 stays free to mean "none", and the first bytes stay zero. */
const BASE = 1024;
/** Vectors are 16 bytes; cache lines 64. Tensors start on a cache line. */
const ALIGNMENT = 64;
const MAXIMUM_PAGES = 65536;

export class Arena implements Pool {
  readonly memory: MemoryLike;
  #floats: Float32Array;
  #top = BASE;
  /** The highest address that the steps so far asked for. */
  #wanted = 0;
  /** Whether arrays have been handed out since the last reset. */
  #live = false;

  /** @param bytes initial size. Untouched pages cost address space, not memory. */
  constructor(wasm: WebAssemblyApi, bytes: number) {
    this.memory = new wasm.Memory({ initial: Math.ceil(bytes / PAGE), maximum: MAXIMUM_PAGES });
    this.#floats = new Float32Array(this.memory.buffer);
  }

  /** All of the memory as float32: element i is at address 4i. */
  get floats(): Float32Array {
    return this.#floats;
  }

  get bytes(): number {
    return this.memory.buffer.byteLength;
  }

  /** Whether the array lives here, so that its `byteOffset` is an address. */
  owns(x: Floats): boolean {
    return x.buffer === this.memory.buffer;
  }

  /** An array of the current step, contents undefined; undefined where there is no room. */
  allocate(size: number): Float32Array | undefined {
    const address = this.#reserve(size);
    if (address === undefined) return undefined;
    this.#live = true;
    return new Float32Array(this.memory.buffer, address, size);
  }

  /** Takes back everything handed out so far, and grows to what was asked for in vain. */
  reset(): void {
    this.#top = BASE;
    this.#live = false;
    this.#grow();
  }

  /**
   * Runs `fn`, which may call `scratch`, and takes the scratch back. Returns false without an effect on the arena where
   * fn found no room (it throws NO_ROOM then): the caller computes in another way.
   */
  borrow(fn: () => void): boolean {
    const top = this.#top;
    try {
      fn();
      return true;
    } catch (error) {
      if (error !== NO_ROOM) throw error;
      if (this.#live) return false;
      // Nothing lives here: grow now and try again.
      this.#top = top;
      if (!this.#grow()) return false;
      fn();
      return true;
    } finally {
      this.#top = top;
    }
  }

  /** Inside `borrow`: the address of `size` floats, contents undefined. */
  scratch(size: number): number {
    const address = this.#reserve(size);
    if (address === undefined) throw NO_ROOM;
    return address;
  }

  #reserve(size: number): number | undefined {
    const address = this.#top;
    const end = address + Math.ceil((4 * size) / ALIGNMENT) * ALIGNMENT;
    this.#wanted = Math.max(this.#wanted, end);
    if (end > this.bytes) return undefined;
    this.#top = end;
    return address;
  }

  /** Grows to what is wanted; whether it could. */
  #grow(): boolean {
    const missing = Math.ceil((this.#wanted - this.bytes) / PAGE);
    if (missing <= 0) return true;
    try {
      // A quarter more than asked for: what comes next is often a little larger.
      const pages = Math.min(Math.ceil(missing * 1.25), MAXIMUM_PAGES - this.bytes / PAGE);
      if (pages < missing) return false;
      this.memory.grow(pages);
    } catch {
      this.#wanted = this.bytes;
      return false;
    }
    this.#floats = new Float32Array(this.memory.buffer);
    return true;
  }
}

/** Thrown by `scratch`, caught by `borrow`. */
const NO_ROOM: unique symbol = Symbol("no room in the arena");
