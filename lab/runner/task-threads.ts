/**
 * The threads that compute a task: those it begins with, and more once other tasks have ended and left theirs. Used by the task's
 * thread; compute.ts says how many each may take.
 */
import type { ThreadsInUse } from "../../src/tensor/index.ts";

/** How many threads each task may take, by the number of its thread; all threads read it. */
export type Shares = Int32Array;

export function createShares(shares: readonly number[]): Shares {
  const shared = new Int32Array(new SharedArrayBuffer(shares.length * Int32Array.BYTES_PER_ELEMENT));
  shared.set(shares);
  return shared;
}

/** With other threads all kernels are assembled again, which takes about a second: a task that ends sooner goes on as it is. */
const WORTH_SECONDS = 10;

export class TaskThreads {
  readonly #shares: Shares;
  readonly #worker: number;
  readonly #use: (threads: number) => Promise<ThreadsInUse>;
  readonly #onRemark: (text: string) => void;
  #asked = 1;

  /** @param use `useThreads`. */
  constructor(
    shares: Shares,
    worker: number,
    use: (threads: number) => Promise<ThreadsInUse>,
    onRemark: (text: string) => void,
  ) {
    this.#shares = shares;
    this.#worker = worker;
    this.#use = use;
    this.#onRemark = onRemark;
  }

  /** Takes all that there are for a task that lasts so long still. Call it between two steps. */
  async take(secondsLeft: number): Promise<void> {
    const share = Atomics.load(this.#shares, this.#worker);
    if (share <= this.#asked || secondsLeft < WORTH_SECONDS) return;
    this.#asked = share;
    const { threads, why } = await this.#use(share);
    if (threads < share) this.#onRemark(`runs on ${threads} of ${share} threads: ${why}`);
  }
}
