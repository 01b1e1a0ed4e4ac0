// Regression: a curve from noisy points. The targets are a tensor in the shape of the output, and the loss is the mean
// squared error.
import { Adam, evaluate, fit, Linear, mseLoss, Rng, Sequential, schedules, Tanh, tensor } from "../../src/index.ts";

const rng = new Rng(0);
const model = new Sequential(new Linear(1, 32, { rng }), new Tanh(), new Linear(32, 1, { rng }));

function points(count: number, noise: number) {
  const x = Array.from({ length: count }, () => rng.uniform(-3, 3));
  const y = x.map((x) => Math.sin(x) + noise * rng.normal());
  return { x: tensor(x, [count, 1]), labels: tensor(y, [count, 1]) };
}

await fit(model, {
  data: () => [points(64, 0.1)],
  loss: mseLoss,
  optimizer: new Adam(model.parameters()),
  schedule: schedules.cosine(0.02, { steps: 600 }),
  steps: 600,
});

const { loss } = await evaluate(model, [points(1000, 0)], { loss: mseLoss });
console.log(`off by ${Math.sqrt(loss).toFixed(4)} (root mean square)`);
console.log(
  `sin(1) is ${Math.sin(1).toFixed(3)}, the model says ${model
    .forward(tensor([[1]]))
    .item()
    .toFixed(3)}`,
);
