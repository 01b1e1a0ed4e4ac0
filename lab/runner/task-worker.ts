/** A worker thread of the laboratory: runs one task after the other and sends back what they deliver. Started by pool.ts. */
import { parentPort, workerData } from "node:worker_threads";
import { type Tier, useKernels } from "../../src/tensor/index.ts";
import { messageOf } from "../errors.ts";
import type { ImageData, Seeded } from "../experiment.ts";
import { experimentNamed } from "../experiments/index.ts";
import { fromJson, toJson } from "../json.ts";

/** What pool.ts passes to the thread. Pixels are in shared memory. */
export interface WorkerSetup {
  readonly experiment: string;
  readonly images: ImageData;
  readonly kernels: Tier;
}

export interface ToWorker {
  readonly task: Seeded<object>;
}

export type FromWorker =
  | { readonly kind: "progress"; readonly fraction: number }
  | { readonly kind: "done"; readonly result: unknown; readonly seconds: number }
  | { readonly kind: "failed"; readonly message: string };

/** Milliseconds between two messages about progress. */
const PROGRESS_INTERVAL = 100;

const { experiment: name, images, kernels } = workerData as WorkerSetup;
const tell = (message: FromWorker): void => parentPort!.postMessage(message);
useKernels(kernels);
const experiment = experimentNamed(name);

parentPort!.on("message", async ({ task }: ToWorker) => {
  const started = performance.now();
  let told = started;
  const progress = (fraction: number): void => {
    const now = performance.now();
    if (now - told < PROGRESS_INTERVAL) return;
    told = now;
    tell({ kind: "progress", fraction });
  };
  try {
    const result = await experiment.run(task, { ...images, progress });
    // As it will be read from the file: a report must not depend on whether its results were.
    tell({ kind: "done", result: fromJson(toJson(result)), seconds: (performance.now() - started) / 1000 });
  } catch (error) {
    tell({ kind: "failed", message: messageOf(error) });
  }
});
