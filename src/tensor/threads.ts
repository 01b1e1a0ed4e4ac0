/** `useThreads`: one computation on every core. How it works: docs/threads.md. */
import { checkWhole } from "./arguments.ts";
import { checkOptions, describe } from "./check.ts";
import { clock } from "./clock.ts";
import { UsageError } from "./errors.ts";
import type { ArrayKernels } from "./kernels.ts";
import { currentStep } from "./memory.ts";
import { makeSimdKernels } from "./simd/index.ts";
import { countCores, findWorkers, type Workers } from "./simd/threads/start.ts";
import { Threads } from "./simd/threads/threads.ts";
import { MOST_THREADS } from "./simd/threads/work.ts";
import { kernels, replaceSimd } from "./tier.ts";
import { warn } from "./warn.ts";

/** Where workers come from. */
export interface ThreadOptions {
  /**
   * Where the package's `dist/threads-worker.js` is, of the same version: only for a page whose Content-Security-Policy forbids
   * workers from `blob:` URLs. Ignored in Node, Deno and Bun.
   */
  readonly worker?: string | { readonly href: string };
}

/** How many threads compute. */
export interface ThreadsInUse {
  /** Threads that compute from now on, this one included. */
  readonly threads: number;
  /** Why they are fewer than asked for; null if they are not. */
  readonly why: string | null;
}

/** A SIMD tier with workers. */
interface Team {
  readonly tier: ArrayKernels;
  readonly threads: Threads;
}

/** Milliseconds that workers have to start, and to end. */
const PATIENCE = 10_000;

declare const setTimeout: (then: () => void, milliseconds: number) => unknown;

let team: Team | null = null;
/** The end of the last call: calls take turns. */
let turn: Promise<unknown> | undefined;

/**
 * Computes on `n` threads from now on: this one and n − 1 workers, which share the memory of the SIMD tier. Everything else
 * stays as it is, and results have the same bits for every n. `useThreads(1)` gives the workers back.
 *
 * Where fewer can compute, they do, and `why` says the reason: on the plain tier, or in a page that is not cross-origin
 * isolated, it is this thread alone.
 *
 * @param n default: as many as there are cores.
 * @throws UsageError inside a step.
 * @example
 * const { threads, why } = await useThreads(2);
 * console.log(`${threads} threads`, why ?? "");
 * await useThreads(1); // gives the worker back
 */
export async function useThreads(n?: number, options?: ThreadOptions): Promise<ThreadsInUse> {
  if (n !== undefined) checkWhole("useThreads", "n", n);
  checkOptions<ThreadOptions>("useThreads", options, { worker: true });
  const file = options?.worker;
  const url = typeof file === "string" ? file : file?.href;
  if (file !== undefined && typeof url !== "string") {
    throw new UsageError(`useThreads: worker must be a URL or a string, got ${describe(file)}`);
  }
  if (currentStep()) throw new UsageError("useThreads: threads cannot come or go inside a step: await it before");
  const mine = (turn ?? Promise.resolve()).then(() => change(n, url));
  turn = mine.catch(() => {});
  return mine;
}

async function change(n: number | undefined, file: string | undefined): Promise<ThreadsInUse> {
  const asked = n ?? countCores();
  const most = Math.min(asked, MOST_THREADS);
  let why: string | null = null;
  if (!team || most < 2 || team.threads.working !== most - 1 || !isSimd()) {
    const before = team;
    team = null;
    if (before) await gone(before.threads);
    if (most > 1) why = await makeTeam(most, file);
    if (before && !team) {
      const alone = makeSimdKernels();
      // Else the former one stays: without workers it computes too.
      if (typeof alone !== "string") replaceSimd(alone, false);
    }
  }
  if (!team) return { threads: 1, why };
  // Somebody may have gone back to an earlier tier.
  replaceSimd(team.tier, true);
  const reasons = [most < asked ? `${MOST_THREADS} threads are the most` : null, why];
  return { threads: team.threads.working + 1, why: reasons.filter((reason) => reason).join("; ") || null };
}

/** Whether the SIMD tier computes, or nothing has been decided. */
const isSimd = (): boolean => kernels.name === "simd" || kernels.name === "auto";

/** Makes a team with at least one worker that is ready. Returns why it has no more, or why there is none. */
async function makeTeam(n: number, file: string | undefined): Promise<string | null> {
  if (!isSimd()) return `threads are for the SIMD tier, and the ${kernels.name} tier is in use`;
  const workers = findWorkers(file);
  if (typeof workers === "string") return workers;
  let threads: Threads | undefined;
  const tier = makeSimdKernels((memory) => {
    threads = new Threads(memory);
    return threads;
  });
  if (typeof tier === "string" || !threads) return `threads are for the SIMD tier: ${tier}`;
  const failure = await start(threads, n, workers);
  if (threads.working > 0) team = { tier, threads };
  const missing = n - 1 - threads.working;
  if (missing === 0) return null;
  const why = `${missing} of ${n - 1} workers did not start: ${failure}`;
  warn(`useThreads: ${why}`);
  return why;
}

/** Starts n − 1 workers, and waits until each is ready or lost. Returns why the first was lost. */
async function start(threads: Threads, n: number, workers: Workers): Promise<string | undefined> {
  let failure: string | undefined;
  let starting = true;
  const lose = (thread: number, why: string): void => {
    if (!threads.lose(thread)) return;
    if (starting) failure ??= why;
    else warn(`a worker thread is gone, ${threads.working + 1} of ${n} threads go on: ${why}`);
  };
  try {
    for (let t = 1; t < n; t++) {
      threads.add(workers.start({ shared: threads.shared, thread: t }, (why) => lose(t, why)));
    }
  } catch (error) {
    // Nor would the next ones start.
    failure = error instanceof Error ? error.message : String(error);
  }
  await until(() => threads.starting.length === 0);
  for (const t of threads.starting) lose(t, `not ready after ${PATIENCE / 1000} s`);
  workers.started();
  starting = false;
  return failure;
}

/** Ends the workers. */
async function gone(threads: Threads): Promise<void> {
  let ended = false;
  const end = (): void => {
    ended = true;
  };
  threads.end().then(end, end);
  await until(() => ended);
}

/** Waits until it is so, but not for ever. */
async function until(isSo: () => boolean): Promise<void> {
  const end = clock.now() + PATIENCE;
  while (!isSo() && clock.now() < end) await new Promise<void>((resolve) => setTimeout(resolve, 2));
}
