/** From tasks to results: the threads, and the display meanwhile. The caller decides what to do with the results. */
import type { AnyExperiment, FinishedTask, ImageData, Seeded } from "../experiment.ts";
import { grouped } from "../report/format.ts";
import { createStopFlag, requestStop, type Stopper } from "../stop.ts";
import { createTaskThread, runTasks } from "./pool.ts";
import { createProgress } from "./progress.ts";
import { type Sharing, sharesOf } from "./shares.ts";
import { createShares } from "./task-threads.ts";
import type { TrainingPlace } from "./training-file.ts";

export interface Work extends Sharing {
  readonly experiment: AnyExperiment;
  readonly tasks: readonly Seeded<object>[];
  readonly images: ImageData;
  readonly stopper: Stopper;
  /** Where trainings are kept while they run, and how many seconds apart. Without it none is. */
  readonly keep?: { readonly placeOf: (task: Seeded<object>) => TrainingPlace; readonly every: number };
  /** What the first Ctrl-C does, in words. */
  readonly onInterrupt: string;
}

/**
 * Runs the tasks, the longest first, calls `onDone` as each ends, and prints what that returns. When a signal asks for
 * an end, running tasks are dropped or, if they can, end early: `onDone` then gets `early`.
 *
 * @throws RunError naming the task if one fails.
 */
export async function compute(
  work: Work,
  onDone: (finished: FinishedTask, early: boolean) => string | undefined,
): Promise<void> {
  const { experiment, images, kernels, stopper, keep } = work;
  const cost = (task: object): number => experiment.cost?.(task) ?? 1;
  const label = (task: Seeded<object>): string => experiment.label(task);
  const saveEvery = keep?.every ?? Number.POSITIVE_INFINITY;
  const tasks = [...work.tasks].sort((a, b) => cost(b) - cost(a));
  const shares = createShares(sharesOf(tasks.length, work));
  const workers = shares.length;
  const busy = new Set(shares.keys());
  const amount = { tasks: tasks.length, cost: tasks.reduce((sum, task) => sum + cost(task), 0), workers };
  const progress = createProgress(amount, process.stdout);
  const stop = createStopFlag();
  const setup = { experiment: experiment.name, images, kernels, shares, stop, saveEvery };
  const endsEarly = experiment.endsEarly ?? false;
  const onStop = (): void => {
    if (endsEarly) requestStop(stop);
    progress.say(`Stopping. ${work.onInterrupt} Ctrl-C again quits at once.`);
  };
  stopper.signal.addEventListener("abort", onStop);
  try {
    await runTasks(
      {
        tasks,
        label,
        workers,
        createThread: (worker) => createTaskThread({ ...setup, worker }),
        ...(keep ? { placeOf: keep.placeOf } : {}),
        signal: stopper.signal,
        endsEarly,
      },
      {
        onStart: (worker, task) => progress.start(worker, nameOf(label(task), task), cost(task)),
        onProgress: (worker, fraction, standing) => progress.advance(worker, fraction, standing),
        onResumed: (worker, task, steps) => {
          progress.resume(worker);
          progress.say(`${nameOf(label(task), task)} resumes at step ${grouped(steps)}.`);
        },
        onRemark: (_, task, text) => progress.say(`${nameOf(label(task), task)} ${text}`),
        onDone: (worker, finished, early) => {
          const word = onDone(finished, early);
          const { task, seconds } = finished;
          progress.done(worker, `${nameOf(label(task), task)}${early ? ", ended early" : ""}`, cost(task), seconds);
          if (word !== undefined) progress.say(word);
        },
        onIdle: (worker) => {
          busy.delete(worker);
          const more = sharesOf(busy.size, work);
          let i = 0;
          for (const other of busy) Atomics.store(shares, other, more[i++]);
        },
      },
    );
  } finally {
    stopper.signal.removeEventListener("abort", onStop);
    progress.end();
  }
}

function nameOf(label: string, { seed }: { seed: number }): string {
  return `${label}, seed ${seed}`;
}
