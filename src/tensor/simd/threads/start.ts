/**
 * Starting workers: Node's (which Deno and Bun have too), or a page's. All run the text of `work`; a page's come from a Blob
 * URL, unless a file is named that has the same text.
 */
import { BROKEN, type Shared, STATE, THREAD, work } from "./work.ts";

/** What a worker is given. */
export interface Task {
  readonly shared: Shared;
  readonly thread: number;
}

/** A started worker. */
export interface Hand {
  /** Ends it at once, whatever it does. May return a promise for the moment when it is gone. */
  terminate(): unknown;
}

/** How workers are started here. */
export interface Workers {
  /** @param lost is called when the worker ends by itself, perhaps more than once. */
  start(task: Task, lost: (why: string) => void): Hand;
  /** None that was started has yet to load its program. */
  started(): void;
}

interface NodeWorker extends Hand {
  on(event: "error" | "exit", listener: (what: unknown) => void): void;
  unref(): void;
}

interface WorkerThreads {
  readonly Worker: new (code: string, options: object) => NodeWorker;
}

interface PageWorker extends Hand {
  onerror: ((event: { readonly message?: string; preventDefault(): void }) => void) | null;
  postMessage(message: Task): void;
}

/** What the platforms have; each lacks some of it. */
interface Platform {
  readonly process?: { getBuiltinModule?(name: string): object | undefined };
  readonly navigator?: { readonly hardwareConcurrency?: number };
  readonly crossOriginIsolated?: boolean;
  readonly SharedArrayBuffer?: object;
  readonly Worker?: new (url: string, options: object) => PageWorker;
  readonly Blob?: new (parts: readonly string[], options: object) => object;
  readonly URL?: { createObjectURL(blob: object): string; revokeObjectURL(url: string): void };
}

const here = globalThis as unknown as Platform;

/** The call of `work`. An error leaves the mark that the main thread looks for (threads.ts). */
const call = (): string =>
  `try { (${work})(shared, [], thread); } catch (error) {
    Atomics.store(shared.counters, ${THREAD} + 16 * thread + ${STATE}, ${BROKEN});
    throw error;
  }`;

/** The program of a page's worker: dist/threads-worker.js. */
export const workerProgram = (): string => `onmessage = ({ data: { shared, thread } }) => { ${call()} };`;

/** How workers are started here, or why none can be. @param file the URL of a file with `workerProgram()`. */
export function findWorkers(file: string | undefined): Workers | string {
  const threads = ofNode<WorkerThreads>("node:worker_threads");
  if (threads) return nodeWorkers(threads);
  if (here.crossOriginIsolated === false) {
    const headers = "Cross-Origin-Opener-Policy: same-origin and Cross-Origin-Embedder-Policy: require-corp";
    return `this page is not cross-origin isolated: it has to come with the headers ${headers}, by https or from localhost`;
  }
  if (!here.SharedArrayBuffer) return "this platform has no SharedArrayBuffer";
  return here.Worker ? pageWorkers(here.Worker, file) : "this platform has no workers (Node has from 20.16 on)";
}

/** How many threads this machine runs at once. */
export function countCores(): number {
  const known = here.navigator?.hardwareConcurrency;
  if (known !== undefined) return known;
  return ofNode<{ availableParallelism(): number }>("node:os")?.availableParallelism() ?? 1;
}

/** A module of Node, undefined elsewhere; without an import, which bundlers for pages would follow. */
function ofNode<Module extends object>(name: string): Module | undefined {
  // In pages there may be a stand-in for `process`.
  return here.process?.getBuiltinModule?.(name) as Module | undefined;
}

function nodeWorkers({ Worker }: WorkerThreads): Workers {
  const code = `const { shared, thread } = require("node:worker_threads").workerData; ${call()}`;
  return {
    start(task, lost) {
      const name = `skipstone ${task.thread}`;
      // Without what was given to this process: a loader or a debugger is not for it.
      const worker = new Worker(code, { eval: true, workerData: task, execArgv: [], name });
      worker.on("error", (error) => lost(String(error)));
      worker.on("exit", () => lost("it ended"));
      // It does not keep the process alive.
      worker.unref();
      return worker;
    },
    started() {},
  };
}

function pageWorkers(Worker: NonNullable<Platform["Worker"]>, file: string | undefined): Workers {
  const { Blob, URL } = here;
  const url = file ?? URL!.createObjectURL(new Blob!([workerProgram()], { type: "text/javascript" }));
  const notLoaded = file
    ? `${url} was not loaded as a worker`
    : "a Content-Security-Policy may forbid workers from blob: URLs: allow them in its worker-src, or name the package's file, useThreads(n, { worker: … })";
  return {
    start(task, lost) {
      const worker = new Worker(url, { name: `skipstone ${task.thread}` });
      worker.onerror = (event) => {
        event.preventDefault();
        lost(event.message || notLoaded);
      };
      worker.postMessage(task);
      return worker;
    },
    started() {
      if (!file) URL!.revokeObjectURL(url);
    },
  };
}
