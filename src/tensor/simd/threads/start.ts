/** Starting workers, on every platform. */
import type { Hand, Threads } from "./threads.ts";
import { type Shared, work } from "./work.ts";

/** What a worker is sent. */
interface Task {
  readonly shared: Shared;
  readonly thread: number;
}

interface NodeWorker {
  on(event: string, listener: (what: unknown) => void): void;
  unref(): void;
  terminate(): unknown;
}

interface NodeThreads {
  readonly Worker: new (code: string, options: object) => NodeWorker;
}

/** The worker's program, but for where its task comes from. An error leaves the mark that a rescue looks for. */
const body = (task: string): string =>
  `const { shared, thread } = ${task}; try { (${work.toString()})(shared, [], thread); } catch (error) { Atomics.store(shared.counters, 144 + 16 * thread + 2, 2); throw error; }`;

/** Starts worker number `thread` of the team. `lost` is called if it ends by itself. */
export async function startWorker(threads: Threads, thread: number, lost: (why: string) => void): Promise<Hand> {
  const task: Task = { shared: threads.shared, thread };
  const { Worker } = (await import("node:worker_threads" as string)) as NodeThreads;
  const code = body(`require("node:worker_threads").workerData`);
  const worker = new Worker(code, { eval: true, workerData: task, execArgv: [], stdin: false });
  worker.on("error", (error) => lost(String(error)));
  worker.on("exit", () => lost("it ended"));
  worker.unref();
  return { terminate: () => void worker.terminate() };
}
