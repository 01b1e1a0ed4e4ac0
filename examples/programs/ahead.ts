// The next batches are made in a worker while the training computes: augmentation costs no time. The same batches in the same
// order as without the worker, so the weights have the same bits.
import { isMainThread, parentPort, Worker } from "node:worker_threads";
import * as S from "../../src/index.ts"; // In your project: from "skipstone".

const pixels = S.randn([96, 3, 32, 32], new S.Rng(0)).data;
const dataset = S.makeDataset({
  name: "noise",
  images: Uint8Array.from(pixels, (v) => 128 + 40 * v),
  labels: Int32Array.from({ length: 96 }, (_, i) => i % 3),
  shape: [96, 3, 32, 32],
  classes: ["a", "b", "c"],
});
const augment = S.compose(
  S.randomResizedCrop(),
  S.randomFlip(),
  S.colorJitter({ brightness: 0.4, contrast: 0.4, saturation: 0.4, hue: 0.1 }),
);
const batches = (rng: S.Rng) => S.batches(dataset, { batchSize: 16, rng, augment });

async function train(data: (epoch: number, rng: S.Rng) => S.BatchSource) {
  const model = S.cifarResNet(8, { width: 4, classes: 3, rng: new S.Rng(1) });
  const rng = new S.Rng(2);
  const optimizer = new S.SGD(model.parameters(), { lr: 0.05, momentum: 0.9 });
  const { epochs } = await S.fit(model, { data: (epoch) => data(epoch, rng), optimizer, epochs: 4 });
  return { seconds: epochs.at(-1)?.seconds ?? 0, weights: JSON.stringify(model.stateDict()) };
}

if (isMainThread) {
  const worker = new Worker(new URL(import.meta.url));
  const ahead = await train((epoch, rng) => S.batchesFrom(worker, { epoch, rng }));
  const here = await train((_, rng) => batches(rng));
  console.log(`24 steps: ${ahead.seconds.toFixed(1)} s with a worker, ${here.seconds.toFixed(1)} s without`);
  console.log(`all weights the same to the bit: ${ahead.weights === here.weights}`);
} else {
  S.serveBatches(({ rng }) => batches(rng), parentPort);
}
