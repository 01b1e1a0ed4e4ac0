// The best weights: copy the state whenever the loss on held-out points is lowest, and restore it at the end.
// (stateDict returns the model's own tensors, which keep changing; copyState copies.)
import { Adam, copyState, evaluate, fit, Linear, mseLoss, Rng, Sequential, Tanh, tensor } from "../../src/index.ts";

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
const heldLoss = async () => (await evaluate(model, held, { loss: mseLoss })).loss;

let best = { loss: await heldLoss(), epoch: -1, state: copyState(model) };
await fit(model, {
  data: () => train,
  loss: mseLoss,
  optimizer: new Adam(model.parameters(), { lr: 0.01 }),
  epochs: 300,
  onEpoch: async ({ epoch }) => {
    const loss = await heldLoss();
    if (loss < best.loss) best = { loss, epoch, state: copyState(model) };
  },
});
console.log(`at the end: ${await heldLoss()}`);
console.log(`the best: ${best.loss}, of epoch ${best.epoch}`);
model.loadStateDict(best.state);
console.log(`back at it: ${await heldLoss()}`);
