/** What spreads a kernel's work over threads, as the engine sees it (../threads/threads.ts). Without one, a kernel just runs. */
import type { Func } from "./assembler.ts";
import type { InstanceLike } from "./features.ts";

/** Added to an address in the scratch of each thread, to tell it from others: more than any address. */
export const EACH: number = 2 ** 40;

export interface Team {
  /** Threads that compute, the caller's included. */
  readonly count: number;
  /** Whether to use them for the next piece of work; asked before each. */
  keepsUp(): boolean;
  /** Functions that write their calls down while a chunk is recorded, and run at once otherwise. */
  share(module: Uint8Array, funcs: readonly Func[], exports: InstanceLike["exports"]): InstanceLike["exports"];
  /** Functions of `share` that nobody uses any more. */
  forget(exports: InstanceLike["exports"]): void;
  /**
   * Runs `body` for each k below `chunks`, on all threads.
   *
   * @param scratch bytes of each thread's own.
   * @param repeatable whether a chunk may run twice: it changes nothing that it reads.
   */
  run(chunks: number, scratch: number, repeatable: boolean, body: (k: number) => void): void;
}
