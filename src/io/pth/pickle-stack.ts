/** The stack and the memo of the pickle machine, and its budget of memory. */
import type { Fail } from "../errors.ts";
import type { Pickled } from "./pickled.ts";

/** Rough sizes in V8, in bytes. */
export const COST = { slot: 16, list: 48, map: 200, member: 40 } as const;

export class PickleStack {
  readonly #budget: number;
  readonly #fail: Fail;
  readonly #values: Pickled[] = [];
  /** Heights of the stack at the open MARKs. Values below the last one are outside it. */
  readonly #marks: number[] = [];
  readonly #memo = new Map<number, Pickled>();
  #spent = 0;

  constructor(budget: number, fail: Fail) {
    this.#budget = budget;
    this.#fail = fail;
  }

  /** Counts memory that is about to be used. */
  spend(bytes: number): void {
    this.#spent += bytes;
    if (this.#spent > this.#budget) {
      this.#fail(`the pickle's objects take more than ${this.#budget} bytes of memory`);
    }
  }

  push(value: Pickled): void {
    this.spend(COST.slot);
    this.#values.push(value);
  }

  /** Whether nothing was pushed yet: what comes next is the pickled object itself, or its class. */
  get isEmpty(): boolean {
    return this.#values.length === 0;
  }

  mark(): void {
    this.spend(COST.slot);
    this.#marks.push(this.#values.length);
  }

  /** The last `count` values, the last one last. */
  pop(count: number): Pickled[] {
    this.#need(count);
    return this.#values.splice(-count);
  }

  popToMark(): Pickled[] {
    const mark = this.#marks.pop() ?? this.#fail("there is no MARK");
    return this.#values.splice(mark);
  }

  /** Drops the top: a value, or a MARK. */
  drop(): void {
    if (this.#values.length === this.#marks.at(-1)) this.#marks.pop();
    else this.pop(1);
  }

  top(): Pickled {
    this.#need(1);
    return this.#values[this.#values.length - 1];
  }

  /** Stores the top value in the memo. */
  remember(index: number): void {
    this.spend(COST.member);
    this.#memo.set(index, this.top());
  }

  /** Stores the top value under the next number. */
  memoize(): void {
    this.remember(this.#memo.size);
  }

  recall(index: number): Pickled {
    const value = this.#memo.get(index);
    return value === undefined ? this.#fail(`nothing was stored in the memo under ${index}`) : value;
  }

  #need(count: number): void {
    if (this.#values.length - count < (this.#marks.at(-1) ?? 0)) this.#fail("the stack has too few values");
  }
}
