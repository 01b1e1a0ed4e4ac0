/** What tests of threads share: the workers that were started are seen, and may be given another program. */
import { afterEach, beforeEach } from "vitest";
import { CALLED, type Shared, THREAD } from "../../src/tensor/simd/threads/work.ts";
import { useThreads } from "../../src/tensor/threads.ts";

export interface Started {
  readonly shared: Shared;
  readonly thread: number;
  /** Whether it is still there. */
  alive: boolean;
  terminate(): void;
}

/** All workers since the test began. */
export const started: Started[] = [];
/** What was said on the console. */
export const warnings: string[] = [];

/** After each call of a compiled function: where a worker can die in the middle of its work. */
const CALL = "counters[mine + 1]++;";
let rewrite: (code: string, thread: number) => string = (code) => code;
/** Workers do what `dying` says after their next call from when this is 1. */
export const armed: Int32Array<SharedArrayBuffer> = new Int32Array(new SharedArrayBuffer(4));

/** The next workers of these threads have this program in place of their own. */
export function programOfWorkers(program: string, threads: (thread: number) => boolean = () => true): void {
  rewrite = (code, thread) => (threads(thread) ? program : code);
}

/** The system gives no worker from this thread on. */
export function noWorkerFrom(first: number): void {
  rewrite = (code, thread) => {
    if (thread < first) return code;
    throw new Error("the system gives no more threads");
  };
}

/** The next workers do this after a call, once `armed`. */
export function dyingWorkers(death: string): void {
  rewrite = (code) => {
    if (code.split(CALL).length !== 2) throw new Error(`the worker's program has no one place with ${CALL}`);
    const hook = 'const { armed } = require("node:worker_threads").workerData;';
    return hook + code.replace(CALL, `${CALL} if (Atomics.load(armed, 0) === 1) { ${death} }`);
  };
}

/** Calls of compiled functions that this worker has made. */
export function callsOf({ shared, thread }: Started): number {
  return Atomics.load(shared.counters, THREAD + 16 * thread + CALLED);
}

/** To be called at the top of a test file. After each test one thread computes. */
export function watchWorkers(): void {
  const threads = process.getBuiltinModule("node:worker_threads");
  const { Worker } = threads;
  const { warn } = console;

  beforeEach(() => {
    started.length = warnings.length = armed[0] = 0;
    rewrite = (code) => code;
    console.warn = (message: string) => warnings.push(message);
    threads.Worker = class extends Worker {
      constructor(code: string, options: { workerData: Started; name: string }) {
        super(rewrite(code, options.workerData.thread), { ...options, workerData: { ...options.workerData, armed } });
        const worker: Started = { ...options.workerData, alive: true, terminate: () => void this.terminate() };
        started.push(worker);
        this.on("exit", () => {
          worker.alive = false;
        });
      }
    } as typeof Worker;
  });

  afterEach(async () => {
    await useThreads(1);
    console.warn = warn;
    threads.Worker = Worker;
  });
}
