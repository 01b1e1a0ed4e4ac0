/**
 * The program of threads.test.ts: trains on one thread, on three and on one again, in this process and in a worker of its own.
 * At its end there are workers, which must not keep the process alive.
 */
import { useThreads } from "../../src/index.ts";
import { train } from "../browser/training.ts";

export interface Report {
  readonly threads: readonly { readonly threads: number; readonly why: string | null }[];
  /** The parameters' bits after each training. */
  readonly fingerprints: readonly string[];
  readonly warnings: readonly string[];
}

const { isMainThread, parentPort, Worker } = process.getBuiltinModule("node:worker_threads");
const warnings: string[] = [];
console.warn = (message) => warnings.push(message);

const counts: Report["threads"][number][] = [];
const fingerprints = [train("auto").fingerprint];
for (const n of [3, 1, 2]) {
  counts.push(await useThreads(n));
  fingerprints.push(train("auto").fingerprint);
}
const report: Report = { threads: counts, fingerprints, warnings };
if (!isMainThread) parentPort!.postMessage(report);
else {
  const own = new Worker(process.argv[1]);
  const inWorker = await new Promise<Report>((resolve, reject) => {
    own.on("message", resolve);
    own.on("error", reject);
  });
  // A worker that its program ends while it has workers itself.
  await own.terminate();
  console.log(JSON.stringify([report, inWorker]));
}
