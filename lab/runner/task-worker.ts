/** A worker thread of the laboratory: runs one task after another and sends back their results. Started by pool.ts. */
import { parentPort, workerData } from "node:worker_threads";
import { type Tier, useKernels, useThreads } from "../../src/tensor/index.ts";
import { messageOf } from "../errors.ts";
import type { ImageData, Seeded, Standing } from "../experiment.ts";
import { experimentNamed } from "../experiments/index.ts";
import { fromJson, toJson } from "../json.ts";
import { rememberLast } from "../memo.ts";
import { type StopFlag, stopRequested } from "../stop.ts";
import { type Shares, TaskThreads } from "./task-threads.ts";
import { TrainingFile, type TrainingPlace } from "./training-file.ts";

/** What pool.ts passes to the thread. The pixels and the flag are in shared memory. */
export interface WorkerSetup {
  readonly experiment: string;
  readonly images: ImageData;
  readonly kernels: Tier;
  /** How many threads compute each task, and which of the numbers is this thread's. */
  readonly shares: Shares;
  readonly worker: number;
  /** Set when tasks should end early. */
  readonly stop: StopFlag;
  /** Seconds from one saving of a training to the next. */
  readonly saveEvery: number;
}

export interface ToWorker {
  readonly task: Seeded<object>;
  /** Where its training is kept, if it is. */
  readonly place?: TrainingPlace;
}

export type FromWorker =
  | { readonly kind: "progress"; readonly fraction: number; readonly standing: Standing | undefined }
  | { readonly kind: "resumed"; readonly steps: number }
  | { readonly kind: "remark"; readonly text: string }
  /** `early`: the task was told to end, so its result is incomplete. */
  | { readonly kind: "done"; readonly result: unknown; readonly seconds: number; readonly early: boolean }
  | { readonly kind: "failed"; readonly message: string };

/** Milliseconds between two messages about progress. */
const PROGRESS_INTERVAL = 100;

const { experiment: name, images, kernels, shares, worker, stop, saveEvery } = workerData as WorkerSetup;
const tell = (message: FromWorker): void => parentPort!.postMessage(message);
const experiment = experimentNamed(name);
const remember = rememberLast();
const threads = new TaskThreads(shares, worker, useThreads, (text) => tell({ kind: "remark", text }));
let ready: Promise<unknown> | undefined;

parentPort!.on("message", async ({ task, place }: ToWorker) => {
  ready ??= threads.take(Number.POSITIVE_INFINITY).then(() => useKernels(kernels));
  await ready;
  const started = performance.now();
  let told = started;
  let standing: Standing | undefined;
  let done = 0;
  let early = false;
  const keep = place
    ? new TrainingFile(place, saveEvery, {
        onResume: (steps) => tell({ kind: "resumed", steps }),
        onRemark: (text) => tell({ kind: "remark", text }),
      })
    : undefined;
  const progress = (fraction: number): void => {
    done = fraction;
    const now = performance.now();
    if (now - told < PROGRESS_INTERVAL) return;
    told = now;
    tell({ kind: "progress", fraction, standing });
  };
  try {
    const result = await experiment.run(task, {
      ...images,
      progress,
      tell: (now) => {
        standing = now;
      },
      stopping: () => {
        early ||= stopRequested(stop);
        return early;
      },
      // Of a task that is resumed, what was done earlier counts as quick: it goes on as it is rather than not.
      takeThreads: () => threads.take(((performance.now() - started) * (1 - done)) / done / 1000),
      remember,
      ...(keep ? { keep } : {}),
    });
    // As it would be read from the file: the report must not depend on whether it was.
    const seconds = keep?.seconds ?? (performance.now() - started) / 1000;
    tell({ kind: "done", result: fromJson(toJson(result)), seconds, early });
  } catch (error) {
    tell({ kind: "failed", message: messageOf(error) });
  }
});
