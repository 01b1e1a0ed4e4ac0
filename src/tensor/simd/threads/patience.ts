/** How long the main thread waits for workers: for those that are slow, and for those that are dead. */
import { clock } from "../../clock.ts";

/** Milliseconds without a call of any worker, while one has work: a call takes some, so it is dead. */
const PATIENCE = 3000;

/**
 * Where another program keeps a core busy, a worker stops in the middle of a chunk for some milliseconds, and all wait. Then one
 * thread computes alone for a while: for twice as many pieces of work each time that happens, up to about a second.
 */
export class Patience {
  #alone = 0;
  #penalty = 0;
  #kept = 0;

  /** Whether to use the threads now. */
  now(): boolean {
    if (this.#alone === 0) return true;
    this.#alone--;
    return false;
  }

  /** They were in time. */
  kept(): void {
    if (this.#penalty > 0 && ++this.#kept % 64 === 0) this.#penalty >>= 1;
  }

  /** They took longer than this thread. */
  lost(): void {
    this.#penalty = Math.min(4096, Math.max(16, 2 * this.#penalty));
    this.#alone = this.#penalty;
    this.#kept = 0;
  }
}

/** Measures how long nothing has happened, in time in which this process ran. */
export class Silence {
  #before = clock.now();
  #lasted = 0;
  #sign = -1;

  tooLong(sign: number): boolean {
    const now = clock.now();
    this.#lasted = sign === this.#sign ? this.#lasted + Math.min(now - this.#before, 50) : 0;
    this.#before = now;
    this.#sign = sign;
    return sign === Infinity || this.#lasted > PATIENCE;
  }
}
