/** Training on one thread and on three, in a page or in a worker of the page's own. For threads.test.ts. */
import { type ThreadsInUse, useThreads } from "../../src/index.ts";
import { CALLED, type Shared, THREAD } from "../../src/tensor/simd/threads/work.ts";
import { train } from "./training.ts";

export interface Report {
  readonly inUse: ThreadsInUse;
  /** The bits of all parameters: of a training on one thread, on those in use, and on one again. */
  readonly fingerprints: readonly string[];
  /** Workers that made calls. */
  readonly computed: number;
  readonly warnings: readonly string[];
}

interface Task {
  readonly shared: Shared;
  readonly thread: number;
}
type PageWorker = new (url: string, options: object) => { postMessage(task: Task): void };

/** @param worker the file of the workers, where they cannot come from a `blob:` URL. */
export async function run(worker?: string): Promise<Report> {
  const warnings: string[] = [];
  console.warn = (message: string) => warnings.push(message);
  const tasks: Task[] = [];
  const page = globalThis as unknown as { Worker: PageWorker };
  page.Worker = class extends page.Worker {
    override postMessage(task: Task): void {
      tasks.push(task);
      super.postMessage(task);
    }
  };
  const fingerprints = [train("auto").fingerprint];
  const inUse = await useThreads(3, worker === undefined ? {} : { worker });
  fingerprints.push(train("auto").fingerprint);
  const computed = tasks.filter(({ shared, thread }) => shared.counters[THREAD + 16 * thread + CALLED] > 0).length;
  await useThreads(1);
  fingerprints.push(train("auto").fingerprint);
  return { inUse, fingerprints, computed, warnings };
}
