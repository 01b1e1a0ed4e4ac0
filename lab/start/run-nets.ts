/** Trains several nets at the same time, a thread each. They share pixels, seed and options, and nothing else. */
import { Worker } from "node:worker_threads";
import { type Dataset, type Normalization, shareDataset } from "../../src/data/index.ts";
import { messageOf, RunError } from "../errors.ts";
import { requestStop, type StopFlag } from "../stop.ts";
import type { NetName, NetRun, RunOptions, WorkerMessage } from "./experiment.ts";
import type { Progress } from "./progress.ts";
import type { WorkerInput } from "./train-worker.ts";

export interface RunInput {
  readonly options: RunOptions;
  readonly train: Dataset;
  readonly test: Dataset;
  readonly normalization: Normalization;
}

/**
 * Runs every net of `options.nets` to its end and returns what they delivered, in that order.
 *
 * @throws RunError if one fails; the others are ended too.
 */
export async function runNets(
  { options, train, test, normalization }: RunInput,
  progress: Progress,
  stop: StopFlag,
): Promise<NetRun[]> {
  const shared = { train: shareDataset(train), test: shareDataset(test) };
  const workers: Worker[] = [];
  try {
    return await Promise.all(
      options.nets.map((net) => {
        const input: WorkerInput = { setup: { net, options, normalization, ...shared }, stop };
        // The compiled file lies beside this one.
        const worker = new Worker(new URL("./train-worker.js", import.meta.url), { workerData: input });
        workers.push(worker);
        return outcomeOf(worker, net, progress);
      }),
    );
  } catch (error) {
    requestStop(stop);
    throw error;
  } finally {
    await Promise.all(workers.map((worker) => worker.terminate()));
  }
}

/** Waits for the worker's last message, passing on the others. */
function outcomeOf(worker: Worker, net: NetName, progress: Progress): Promise<NetRun> {
  return new Promise((resolve, reject) => {
    worker.on("message", (message: WorkerMessage) => {
      if (message.kind === "done") resolve(message.run);
      else if (message.kind === "failed") reject(new RunError(`the ${net} net: ${message.message}`));
      progress.show(message);
    });
    worker.on("error", (error) => reject(new RunError(`the ${net} net: ${messageOf(error)}`)));
    worker.on("exit", (code) => reject(new RunError(`the ${net} net's thread ended early (exit code ${code})`)));
  });
}
