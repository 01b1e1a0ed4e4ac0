/** `useThreads`: one computation on every core. */
import { checkInteger } from "./arguments.ts";
import { makeSimdKernels } from "./simd/index.ts";
import { startWorker } from "./simd/threads/start.ts";
import { Threads } from "./simd/threads/threads.ts";
import { MOST_THREADS } from "./simd/threads/work.ts";
import { replaceSimd } from "./tier.ts";
import { warn } from "./warn.ts";

/** How many threads compute. */
export interface ThreadsInUse {
  /** Threads that compute from now on, this one included. */
  readonly threads: number;
  /** Why they are fewer than asked for; null if they are not. */
  readonly why: string | null;
}

let team: Threads | null = null;

/** Prototype. */
export async function useThreads(n: number = cores()): Promise<ThreadsInUse> {
  checkInteger("useThreads", "its argument", n);
  const asked = Math.min(n, MOST_THREADS);
  let threads: Threads | undefined;
  const tier = makeSimdKernels((memory) => (threads = new Threads(memory)));
  if (typeof tier === "string" || !threads) return { threads: 1, why: String(tier) };
  const made = threads;
  for (let t = 1; t < asked; t++) {
    made.add(
      await startWorker(made, t, (why) => {
        if (team === made) warn(`worker thread ${t} is gone: ${why}`);
        made.lose(t);
      }),
    );
  }
  while (made.working < asked - 1)
    await new Promise((resolve) =>
      (globalThis as unknown as { setTimeout(f: unknown, ms: number): void }).setTimeout(resolve, 1),
    );
  replaceSimd(tier);
  team?.end();
  team = made;
  return { threads: asked, why: null };
}

function cores(): number {
  return (
    (globalThis as unknown as { navigator?: { hardwareConcurrency?: number } }).navigator?.hardwareConcurrency ?? 2
  );
}
