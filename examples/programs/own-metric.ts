// Your own metric: how many of the rare class are found (recall). It is a mean over that class alone, so it also
// returns their number, and batches with more of them have more weight.
import {
  Adam,
  accuracy,
  argmax,
  evaluate,
  fit,
  Linear,
  ReLU,
  Rng,
  randn,
  Sequential,
  type Tensor,
} from "../../src/index.ts";

const rng = new Rng(0);
const model = new Sequential(new Linear(2, 16, { rng }), new ReLU(), new Linear(16, 2, { rng }));

/** Points of the plane; those far from the centre, about one in ten, are of class 1. */
function points(count: number) {
  const x = randn([count, 2], rng);
  return { x, labels: x.toArray().map(([a, b]) => (a * a + b * b > 4.6 ? 1 : 0)) };
}

function recall(output: Tensor, labels: number[]) {
  const said = argmax(output, 1).data;
  const rare = [...labels.keys()].filter((i) => labels[i] === 1);
  return { value: rare.filter((i) => said[i] === 1).length / rare.length, count: rare.length };
}

const optimizer = new Adam(model.parameters(), { lr: 0.01 });
const metrics = { accuracy, recall };
const { epochs } = await fit(model, { data: () => [points(64), points(64)], optimizer, epochs: 150, metrics });
const unseen = await evaluate(model, [points(500), points(3)], { metrics });

const show = (of: { accuracy: number; recall: number }) =>
  `accuracy ${of.accuracy.toFixed(3)}, recall ${of.recall.toFixed(3)}`;
console.log(`epoch 10: ${show(epochs[9].metrics)}`);
console.log(`unseen:   ${show(unseen.metrics)}`);
