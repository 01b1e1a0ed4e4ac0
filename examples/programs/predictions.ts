// Predictions: a model's output for all batches, as one tensor in the order of the data. (Batches with an rng are
// shuffled; these have none.)
import { abs, argmax, batches, cifarResNet, makeDataset, max, predict, Rng, softmax, sub } from "../../src/index.ts";

const rng = new Rng(0);
const dataset = makeDataset({
  name: "noise",
  images: Uint8Array.from({ length: 10 * 8 * 8 }, () => rng.integer(256)),
  labels: new Uint8Array(10),
  shape: [10, 1, 8, 8],
  classes: ["a", "b", "c"],
});
const model = cifarResNet(8, { width: 4, inChannels: 1, classes: 3, rng });

const logits = await predict(model, batches(dataset, { batchSize: 4 }));
const probabilities = softmax(logits, 1);
console.log(`shape: ${logits.shape}`);
console.log(`classes: ${Array.from(argmax(logits, 1).data, (c) => dataset.classes[c]).join(" ")}`);
console.log(
  `of the first image: ${probabilities
    .toArray()[0]
    .map((p) => p.toFixed(3))
    .join(" ")}`,
);

const atOnce = await predict(model, batches(dataset, { batchSize: 10 }));
console.log(`largest difference from one batch of all: ${max(abs(sub(atOnce, logits))).item()}`);
