/** A worker thread that trains one net and reports to the main thread. Started by run-nets.ts. */
import { parentPort, workerData } from "node:worker_threads";
import { useKernels } from "../../src/tensor/index.ts";
import { messageOf } from "../errors.ts";
import { type StopFlag, stopRequested } from "../stop.ts";
import type { WorkerMessage } from "./experiment.ts";
import { type NetSetup, trainNet } from "./train-net.ts";

/** What run-nets.ts passes to the thread. Pixels and flag are in shared memory. */
export interface WorkerInput {
  readonly setup: NetSetup;
  readonly stop: StopFlag;
}

const { setup, stop } = workerData as WorkerInput;
const { net } = setup;
const tell = (message: WorkerMessage): void => parentPort!.postMessage(message);

try {
  useKernels(setup.options.kernels);
  const run = await trainNet(
    setup,
    {
      onBuilt: (parameters) => tell({ kind: "built", net, parameters }),
      onStep: (row) => tell({ kind: "step", net, row }),
      onTest: (done, total, accuracy) => tell({ kind: "test", net, done, total, accuracy }),
    },
    () => stopRequested(stop),
  );
  tell({ kind: "done", net, run });
} catch (error) {
  tell({ kind: "failed", net, message: messageOf(error) });
}
