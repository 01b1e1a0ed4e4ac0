import {
  accuracy,
  BatchNorm2d,
  batches,
  Conv2d,
  evaluate,
  Flatten,
  fit,
  Linear,
  makeDataset,
  ReLU,
  Rng,
  Sequential,
  SGD,
  schedules,
} from "../../src/index.ts";

const rng = new Rng(1);
const labels = Uint8Array.from({ length: 200 }, (_, n) => n % 2);
const images = Float32Array.from({ length: 200 * 64 }, (_, i) => {
  const half = Math.floor((i % 8) / 4); // noise, and a brighter half: left is class 0
  return rng.normal() + (half === labels[Math.floor(i / 64)] ? 2 : 0);
});
const dataset = makeDataset({ name: "halves", images, labels, shape: [200, 1, 8, 8], classes: ["left", "right"] });
const loader = batches(dataset, { batchSize: 20, rng });

const conv = new Conv2d(1, 4, 3, { padding: 1, rng });
const model = new Sequential(conv, new BatchNorm2d(4), new ReLU(), new Flatten(), new Linear(256, 2, { rng }));
const optimizer = new SGD(model.parameters(), { lr: 0.05, momentum: 0.9 });
const schedule = schedules.cosine(0.05, { steps: 100 });
await fit(model, { data: () => loader, optimizer, schedule, epochs: 10 });

const { metrics } = await evaluate(model, loader, { metrics: { accuracy } });
console.log(metrics.accuracy > 0.95); // true
