/** A thread of Node that trains one network of a run, as the page's worker does, but with nobody looking: the bench compares. */
import { parentPort, workerData } from "node:worker_threads";
import type { LoadedImages } from "../lab/images.ts";
import type { Name, Run } from "../lab/state.ts";
import { Training } from "../lab/training.ts";

/** From step 60 on nothing is measured. */
const NEVER = 2 ** 30;

const { run, side, images } = workerData as { run: Run; side: Name; images: LoadedImages };
const training = new Training({ run, side, ...images });
training.every = NEVER;
training.wantStatistics = false;

/** It may make so many steps; both networks of a pair stay together as in the page, or one would have the other's processor. */
let credit = 0;
let wake = (): void => {};

parentPort!.on("message", (until: number) => {
  credit = until;
  wake();
});

/** A turn of the event loop: the credit that has come is then known. */
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

await training.train(
  async (step) => {
    await turn();
    while (credit <= step) {
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
    }
    return true;
  },
  ({ step }) => parentPort!.postMessage(step + 1),
  () => {},
);
