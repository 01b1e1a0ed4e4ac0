/** Memory over a long training: what one step allocates, the next ones must be able to reuse. */
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { expect, it } from "vitest";
import { BatchNorm2d, Conv2d, fit, GlobalAvgPool2d, Linear, ReLU, Sequential, SGD } from "../../src/nn/index.ts";
import { randn } from "../../src/tensor/create.ts";
import { Rng } from "../../src/tensor/rng.ts";

setFlagsFromString("--expose-gc");
const collect = runInNewContext("gc") as () => void;

/** Bytes that are still reachable: JavaScript objects, and the storage of typed arrays. */
function live(): { objects: number; storage: number } {
  // Twice: the storage of an array is freed by the collection after the one that finds the array unreachable.
  collect();
  collect();
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return { objects: heapUsed, storage: arrayBuffers };
}

const WARM_UP = 1000;
/** Many: what V8 compiles late counts once, 350 kB or so, and would hide how little a step leaves. */
const STEPS = 8000;

it("8,000 training steps of a small convolutional net leave the heap flat", async () => {
  const rng = new Rng(1);
  const model = new Sequential(
    new Conv2d(1, 4, 3, { padding: 1, rng }),
    new BatchNorm2d(4),
    new ReLU(),
    new Conv2d(4, 4, 3, { padding: 1, rng }),
    new ReLU(),
    new GlobalAvgPool2d(),
    new Linear(4, 3, { rng }),
  );
  const x = randn([8, 1, 8, 8], rng);
  const labels = Int32Array.from({ length: 8 }, (_, i) => i % 3);
  const epoch = Array.from({ length: 100 }, () => ({ x, labels }));
  const measured: { objects: number; storage: number }[] = [];
  const history = await fit(model, {
    data: () => epoch,
    optimizer: new SGD(model.parameters(), { lr: 0.01, momentum: 0.9 }),
    steps: WARM_UP + STEPS,
    onStep: ({ step }) => {
      if (step === WARM_UP - 1 || step === WARM_UP + STEPS - 1) measured.push(live());
    },
  });
  expect(history.steps).toHaveLength(WARM_UP + STEPS);
  const [before, after] = measured;
  // Not one float per step. (One step's tensors take about 100 kB.)
  expect(after.storage - before.storage).toBeLessThan(4 * STEPS);
  // The history's record of a step is 230 bytes (over 20,000 steps); a forgotten tensor and its node would be 300 more.
  // Measured over 8,000 steps without a history: 2 bytes per step once everything is compiled, hence the warm-up.
  expect(after.objects - before.objects).toBeLessThan(400 * STEPS);
}, 60_000);
