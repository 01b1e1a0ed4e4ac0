/** What a pass over groups (`groupsFunction`) reads and adds up for each of them. */
import { recordFloats } from "./loops.ts";
import { doublesAt, SUM_LANES, totalOf } from "./sums.ts";
import type { Call, Engine } from "./wasm/engine.ts";

/** One record per group, for a pass over all of them: numbers that the pass reads, and sums that it adds up. */
export class Records {
  readonly address: number;
  readonly #first: number;
  readonly #doubles: Float64Array;
  readonly #floats: Float32Array;
  readonly #size: number;

  /** `sums` and `numbers` as in the function's shape; all sums are 0. */
  constructor(
    engine: Engine,
    call: Call,
    groups: number,
    { numbers = 0, sums = 0 }: { numbers?: number; sums?: number },
  ) {
    this.#size = recordFloats({ numbers, sums });
    this.address = call.scratch(groups * this.#size);
    this.#doubles = doublesAt(engine, this.address, (groups * this.#size) / 2);
    this.#floats = engine.arena.floats.subarray(this.address / 4, this.address / 4 + groups * this.#size);
    this.#first = 2 * SUM_LANES * sums;
    this.#floats.fill(0);
  }

  /** The address of the record of group c. */
  at(c: number): number {
    return this.address + 4 * c * this.#size;
  }

  /** Begins the sums of group c again. */
  clear(c: number): void {
    this.#floats.fill(0, c * this.#size, c * this.#size + this.#first);
  }

  /** Sets number i of group c. */
  set(c: number, i: number, value: number): void {
    this.#floats[c * this.#size + this.#first + i] = value;
  }

  /** Sum s of group c. */
  sum(c: number, s: number): number {
    return totalOf(this.#doubles, (c * this.#size) / 2 + SUM_LANES * s);
  }
}
