/**
 * How the threads are shared: as many trainings at once as there are tasks, because two trainings side by side use two cores
 * better than one on both; the threads that are left compute within each. Results do not depend on it.
 */
import type { Tier } from "../../src/tensor/index.ts";
import { onThreads } from "../threads.ts";

/** What the command line says of it. */
export interface Sharing {
  /** Threads that compute, in all. */
  readonly threads: number;
  /** At most so many tasks at once, whatever `threads` is; undefined: as many as there are threads. */
  readonly workers: number | undefined;
  readonly kernels: Tier;
}

/**
 * How many threads each of the tasks gets that run at once. Where the threads cannot be shared equally, the first tasks, which
 * are the longest, have one more.
 */
export function sharesOf(tasks: number, { threads, workers = threads, kernels }: Sharing): readonly number[] {
  const atOnce = Math.max(1, Math.min(workers, tasks));
  const [each, rest] = [Math.floor(threads / atOnce), threads % atOnce];
  // The plain kernels know no threads.
  return Array.from({ length: atOnce }, (_, i) => (kernels === "plain" ? 1 : Math.max(1, each + (i < rest ? 1 : 0))));
}

/** `2 at once, on 3 threads` */
export function inWords(shares: readonly number[]): string {
  const all = shares.reduce((sum, share) => sum + share, 0);
  return `${shares.length === 1 ? "" : `${shares.length} at once, `}${onThreads(all)}`;
}
