/**
 * Runs tasks in worker threads, one at a time in each. The machine decides which thread runs which task and in which
 * order they end, but not the results.
 */
import { Worker } from "node:worker_threads";
import { messageOf, RunError } from "../errors.ts";
import type { FinishedTask, Seeded, Standing } from "../experiment.ts";
import type { FromWorker, ToWorker, WorkerSetup } from "./task-worker.ts";
import type { TrainingPlace } from "./training-file.ts";

/** The part of a thread that is used here. */
export interface TaskThread {
  postMessage(message: ToWorker): void;
  on(event: "message", listener: (message: FromWorker) => void): unknown;
  on(event: "error", listener: (error: unknown) => void): unknown;
  on(event: "exit", listener: (code: number) => void): unknown;
  terminate(): Promise<unknown>;
}

export interface PoolInput {
  /** They start in this order. */
  readonly tasks: readonly Seeded<object>[];
  readonly label: (task: Seeded<object>) => string;
  readonly workers: number;
  readonly createThread: (worker: number) => TaskThread;
  /** Where a task keeps its training. Without it none is kept. */
  readonly placeOf?: (task: Seeded<object>) => TrainingPlace;
  /** Once it is aborted, no task starts any more, and running ones are dropped. */
  readonly signal: AbortSignal;
  /** Whether to wait for running tasks instead: they know that they should end, and end soon. */
  readonly endsEarly?: boolean;
}

export interface PoolListener {
  onStart(worker: number, task: Seeded<object>): void;
  onProgress(worker: number, fraction: number, standing: Standing | undefined): void;
  /** The running task goes on after so many steps of an earlier run. */
  onResumed(worker: number, task: Seeded<object>, steps: number): void;
  /** Something that the user should know of the running task. */
  onRemark(worker: number, task: Seeded<object>, text: string): void;
  onDone(worker: number, finished: FinishedTask, early: boolean): void;
  /** No task is left for this thread. */
  onIdle(worker: number): void;
}

/** A thread that runs tasks of one experiment. The compiled file is beside this one. */
export function createTaskThread(setup: WorkerSetup): TaskThread {
  return new Worker(new URL("./task-worker.js", import.meta.url), { workerData: setup });
}

/**
 * Runs every task; returns when all are done or the signal came.
 *
 * @throws RunError naming the task if one fails; the others are ended too. Errors of `onDone` are passed on.
 */
export async function runTasks(input: PoolInput, listener: PoolListener): Promise<void> {
  const { tasks, signal } = input;
  if (tasks.length === 0 || signal.aborted) return;
  const queue = tasks.values();
  const threads: TaskThread[] = [];
  const count = Math.min(input.workers, tasks.length);
  try {
    const working = Array.from({ length: count }, (_, worker) => {
      const thread = input.createThread(worker);
      threads.push(thread);
      return work(thread, worker, queue, input, listener);
    });
    const interrupted = new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve()));
    await Promise.race(input.endsEarly ? [Promise.all(working)] : [Promise.all(working), interrupted]);
  } finally {
    await Promise.all(threads.map((thread) => thread.terminate()));
  }
}

/** One thread's life: takes the next task until there is none. */
function work(
  thread: TaskThread,
  worker: number,
  queue: Iterator<Seeded<object>>,
  { label, signal, placeOf, endsEarly = false }: PoolInput,
  listener: PoolListener,
): Promise<void> {
  return new Promise((resolve, reject) => {
    let current: Seeded<object> | undefined;
    const dropped = (): boolean => signal.aborted && !endsEarly;
    const fail = (reason: string): void => {
      if (!dropped()) reject(new RunError(current ? `${label(current)}, seed ${current.seed}: ${reason}` : reason));
    };
    const next = (): void => {
      const { value, done } = queue.next();
      if (done || signal.aborted) {
        listener.onIdle(worker);
        resolve();
        return;
      }
      current = value;
      listener.onStart(worker, value);
      thread.postMessage({ task: value, ...(placeOf ? { place: placeOf(value) } : {}) });
    };
    thread.on("message", (message) => {
      if (dropped() || !current) return;
      switch (message.kind) {
        case "progress":
          return listener.onProgress(worker, message.fraction, message.standing);
        case "resumed":
          return listener.onResumed(worker, current, message.steps);
        case "remark":
          return listener.onRemark(worker, current, message.text);
        case "failed":
          return fail(message.message);
        case "done": {
          try {
            const { result, seconds, early } = message;
            listener.onDone(worker, { task: current, result, seconds }, early);
          } catch (error) {
            return reject(error);
          }
          current = undefined;
          next();
        }
      }
    });
    thread.on("error", (error) => fail(messageOf(error)));
    thread.on("exit", (code) => fail(`its thread ended early (exit code ${code})`));
    next();
  });
}
