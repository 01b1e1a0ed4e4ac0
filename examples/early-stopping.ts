/**
 * Early stopping and the best weights, with nothing but `fit`: after each epoch the network is measured on images it does
 * not learn from; a copy of the weights is kept whenever it is better than ever, and training ends when it has not been for
 * a while. After `npm run compile`: node build/examples/early-stopping.js
 */
import { Adam, accuracy, cifarResNet, copyState, evaluate, fit, Rng } from "../src/index.ts"; // In your project: from "skipstone".
import { NAMES, shapes } from "./shapes.ts";

const rng = new Rng(5);
const train = Array.from({ length: 4 }, () => shapes(16, rng));
const held = [shapes(100, rng)];
const unseen = [shapes(300, rng)];

const model = cifarResNet(8, { width: 4, inChannels: 1, classes: NAMES.length, rng });
const PATIENCE = 4;
let best = { loss: Infinity, epoch: -1, weights: copyState(model) };

const { epochs, stopped } = await fit(model, {
  data: () => train,
  optimizer: new Adam(model.parameters(), { lr: 0.02 }),
  epochs: 60,
  onEpoch: async ({ epoch }) => {
    const { loss } = await evaluate(model, held);
    if (loss < best.loss) best = { loss, epoch, weights: copyState(model) };
    return epoch - best.epoch < PATIENCE;
  },
});

const last = await evaluate(model, unseen, { metrics: { accuracy } });
model.loadStateDict(best.weights);
const first = await evaluate(model, unseen, { metrics: { accuracy } });
console.log(`${stopped ? "Stopped" : "Ended"} after ${epochs.length} epochs, the best was ${best.epoch + 1}`);
console.log(
  `loss on unseen shapes: ${last.loss.toFixed(3)} at the end, ${first.loss.toFixed(3)} with the best weights`,
);
console.log(`${(100 * first.metrics.accuracy).toFixed(1)} % of them are named correctly`);
