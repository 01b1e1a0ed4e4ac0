/** Tasks to results: the threads, what one sees meanwhile, and Ctrl-C. What becomes of the results is for the caller. */
import type { Tier } from "../../src/tensor/index.ts";
import { stopOnInterrupt } from "../stop.ts";
import type { AnyExperiment, ImageData, Seeded } from "./experiment.ts";
import { createTaskThread, runTasks } from "./pool.ts";
import { createProgress } from "./progress.ts";
import type { FinishedTask } from "./results.ts";

export interface Work {
  readonly experiment: AnyExperiment;
  readonly tasks: readonly Seeded<object>[];
  readonly images: ImageData;
  readonly kernels: Tier;
  readonly workers: number;
  /** What the first Ctrl-C leads to, in words. */
  readonly onInterrupt: string;
}

/**
 * Runs the tasks, the dearest first, and calls `onDone` with each as it ends. Returns whether all of them did: the first
 * Ctrl-C drops those that are running, the second quits at once.
 *
 * @throws RunError naming the task if one fails.
 */
export async function compute(work: Work, onDone: (finished: FinishedTask) => void): Promise<boolean> {
  const { experiment, images, kernels } = work;
  const cost = (task: object): number => experiment.cost?.(task) ?? 1;
  const label = (task: Seeded<object>): string => experiment.label(task);
  const tasks = [...work.tasks].sort((a, b) => cost(b) - cost(a));
  const workers = Math.max(1, Math.min(work.workers, tasks.length));
  const amount = { tasks: tasks.length, cost: tasks.reduce((sum, task) => sum + cost(task), 0), workers };
  const progress = createProgress(amount, process.stdout);
  const abort = new AbortController();
  const release = stopOnInterrupt(
    () => {
      progress.say(`Stopping. ${work.onInterrupt} Ctrl-C again quits at once.`);
      abort.abort();
    },
    () => progress.end(),
  );
  try {
    await runTasks(
      {
        tasks,
        label,
        workers,
        createThread: () => createTaskThread({ experiment: experiment.name, images, kernels }),
        signal: abort.signal,
      },
      {
        onStart: (worker, task) => progress.start(worker, nameOf(label(task), task), cost(task)),
        onProgress: (worker, fraction) => progress.advance(worker, fraction),
        onDone: (worker, finished) => {
          onDone(finished);
          const { task, seconds } = finished;
          progress.done(worker, nameOf(label(task), task), cost(task), seconds);
        },
      },
    );
  } finally {
    progress.end();
    release();
  }
  return !abort.signal.aborted;
}

function nameOf(label: string, { seed }: { seed: number }): string {
  return `${label}, seed ${seed}`;
}
