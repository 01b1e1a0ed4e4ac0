/** A worker thread of the laboratory: runs one task after another and sends back their results. Started by pool.ts. */
import { parentPort, workerData } from "node:worker_threads";
import { type Tier, useKernels, useThreads } from "../../src/tensor/index.ts";
import { messageOf } from "../errors.ts";
import type { ImageData, Seeded, Standing } from "../experiment.ts";
import { experimentNamed } from "../experiments/index.ts";
import { fromJson, toJson } from "../json.ts";
import { rememberLast } from "../memo.ts";
import { type StopFlag, stopRequested } from "../stop.ts";
import { TrainingFile, type TrainingPlace } from "./training-file.ts";

/** What pool.ts passes to the thread. The pixels and the flag are in shared memory. */
export interface WorkerSetup {
  readonly experiment: string;
  readonly images: ImageData;
  readonly kernels: Tier;
  /** That compute each task. */
  readonly threads: number;
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

const { experiment: name, images, kernels, threads, stop, saveEvery } = workerData as WorkerSetup;
const tell = (message: FromWorker): void => parentPort!.postMessage(message);
const experiment = experimentNamed(name);
const remember = rememberLast();
let ready: Promise<void> | undefined;

/** Before the first task. */
async function chooseKernels(): Promise<void> {
  if (threads > 1) {
    const { threads: count, why } = await useThreads(threads);
    if (count < threads) tell({ kind: "remark", text: `runs on ${count} of ${threads} threads: ${why}` });
  }
  useKernels(kernels);
}

parentPort!.on("message", async ({ task, place }: ToWorker) => {
  ready ??= chooseKernels();
  await ready;
  const started = performance.now();
  let told = started;
  let standing: Standing | undefined;
  let early = false;
  const keep = place
    ? new TrainingFile(place, saveEvery, {
        onResume: (steps) => tell({ kind: "resumed", steps }),
        onRemark: (text) => tell({ kind: "remark", text }),
      })
    : undefined;
  const progress = (fraction: number): void => {
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
