// Early stopping: a callback that resolves to false ends the training, here when the loss on held-out points has not
// improved for twenty epochs.
import { Adam, evaluate, fit, Linear, mseLoss, Rng, Sequential, Tanh, tensor } from "../../src/index.ts";

const rng = new Rng(0);
const model = new Sequential(
  new Linear(1, 64, { rng }),
  new Tanh(),
  new Linear(64, 64, { rng }),
  new Tanh(),
  new Linear(64, 1, { rng }),
);

/** Points of a noisy wave; a large model soon learns the noise. */
function points(count: number) {
  const x = Array.from({ length: count }, () => rng.uniform(-3, 3));
  const y = x.map((x) => Math.sin(x) + 0.5 * rng.normal());
  return { x: tensor(x, [count, 1]), labels: tensor(y, [count, 1]) };
}
const train = [points(12)];
const held = [points(200)];

let best = { loss: Infinity, epoch: -1 };
const history = await fit(model, {
  data: () => train,
  loss: mseLoss,
  optimizer: new Adam(model.parameters(), { lr: 0.01 }),
  epochs: 1000,
  onEpoch: async ({ epoch }) => {
    const { loss } = await evaluate(model, held, { loss: mseLoss });
    if (loss < best.loss) best = { loss, epoch };
    return epoch - best.epoch < 20;
  },
});
console.log(`${history.stopped ? "stopped" : "ended"} after ${history.epochs.length} of 1000 epochs`);
console.log(`the best was number ${best.epoch + 1}, with a loss of ${best.loss.toFixed(4)}`);
