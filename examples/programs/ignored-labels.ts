// Ignored labels: every pixel has a class, or 255 if it is not labelled. Unlabelled pixels count neither in the loss
// nor in the accuracy; both are means over the labelled pixels, however many a batch has.

import type { Labels, Tensor } from "../../src/index.ts";
import { Adam, accuracy, Conv2d, concat, crossEntropy, evaluate, fit, Rng, randn } from "../../src/index.ts";

const rng = new Rng(0);
const model = new Conv2d(1, 2, 3, { padding: 1, rng });

/** Noise, and for each pixel whether it is brighter than its left neighbour; many of them are not labelled. */
function images(count: number, unlabelled: number) {
  const x = randn([count, 1, 8, 8], rng);
  const isBrighter = (i: number) => Number(x.data[i] > (i % 8 > 0 ? x.data[i - 1] : 0));
  return { x, labels: Uint8Array.from(x.data, (_, i) => (rng.uniform() < unlabelled ? 255 : isBrighter(i))) };
}

const loss = (output: Tensor, labels: Labels) => crossEntropy(output, labels, { ignoreIndex: 255 });
const metrics = { accuracy: (output: Tensor, labels: Labels) => accuracy(output, labels, { ignoreIndex: 255 }) };

const optimizer = new Adam(model.parameters(), { lr: 0.03 });
await fit(model, { data: () => [images(16, 0.5)], loss, optimizer, steps: 150 });

const [few, many] = [images(40, 0.9), images(40, 0.1)];
const both = { x: concat([few.x, many.x]), labels: [...few.labels, ...many.labels] };
const apart = await evaluate(model, [few, many], { loss, metrics });
const together = await evaluate(model, [both], { loss, metrics });
console.log(`${(100 * apart.metrics.accuracy).toFixed(1)} % of the labelled pixels are correct`);
console.log(`loss in two batches ${apart.loss.toFixed(6)}, in one ${together.loss.toFixed(6)}`);
