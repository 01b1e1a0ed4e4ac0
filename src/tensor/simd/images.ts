/**
 * How threads share a batch of images: each takes some of them, one after the other, with scratch of its own. Where there are too few
 * for that, all threads work on one image at a time.
 */
import type { Call, Engine } from "./wasm/engine.ts";

/** Whether so few images are at hand that the threads work on each together. */
export function isFew(engine: Engine, images: number): boolean {
  return engine.threadCount > 1 && images < 2 * engine.threadCount;
}

type Body = (from: number, to: number) => void;

export class Images {
  readonly #call: Call;
  readonly #few: boolean;

  /** @param together whether all threads work on one image at a time, however many there are. */
  constructor(engine: Engine, call: Call, images: number, together = false) {
    this.#call = call;
    this.#few = isFew(engine, together ? 1 : images);
  }

  /** Addresses of scratch of each thread's own, then of scratch for an image at a time. Once in a kernel. */
  scratch(own: readonly number[], ofImage: readonly number[]): number[] {
    if (!this.#few) return this.#call.each(...own, ...ofImage);
    return [...this.#call.each(...own), ...ofImage.map((size) => this.#call.scratch(size))];
  }

  /** Runs `body` on ranges that make up all n images. */
  each(n: number, grain: number, body: Body): void {
    if (this.#few) body(0, n);
    else this.#call.split(n, grain, body);
  }

  /** Inside `each`: runs `body` on ranges that make up 0 … n, parts of an image. */
  within(n: number, grain: number, body: Body): void {
    if (this.#few) this.#call.split(n, grain, body);
    else body(0, n);
  }
}
