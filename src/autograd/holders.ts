/** Who holds the arrays of a backward pass. */
import { release, type Values } from "../tensor/memory.ts";

/**
 * Counts the holders of each gradient array in transit. An array without holders goes back to the step's memory and
 * becomes the next gradient. That halves a training step's memory, and the array is still in the cache.
 */
export class Holders {
  readonly #holders = new Map<Values, number>();

  hold(data: Values): void {
    this.#holders.set(data, (this.#holders.get(data) ?? 0) + 1);
  }

  /** Whether the caller alone holds the array, and so may change it. */
  isOnly(data: Values): boolean {
    return this.#holders.get(data) === 1;
  }

  has(data: Values): boolean {
    return this.#holders.has(data);
  }

  drop(data: Values): void {
    const left = this.#holders.get(data)! - 1;
    this.#holders.set(data, left);
    if (left > 0) return;
    this.#holders.delete(data);
    release(data);
  }
}
