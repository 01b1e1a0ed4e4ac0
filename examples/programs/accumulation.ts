// Gradient accumulation: four batches of 8 make one step, with the mean of their gradients. This equals the step of one
// batch of 32, except for the rounding of sums.
import { abs, copyState, fit, Linear, max, ReLU, Rng, randn, Sequential, SGD, slice, sub } from "../../src/index.ts";

const rng = new Rng(0);
const x = randn([128, 4], rng);
const labels = Array.from({ length: 128 }, () => rng.integer(3));

async function train(batchSize: number, accumulate: number) {
  const rng = new Rng(1);
  const model = new Sequential(new Linear(4, 16, { rng }), new ReLU(), new Linear(16, 3, { rng }));
  const { steps } = await fit(model, {
    data: function* () {
      for (let i = 0; i < 128; i += batchSize) {
        yield { x: slice(x, [[i, i + batchSize, 1]]), labels: labels.slice(i, i + batchSize) };
      }
    },
    optimizer: new SGD(model.parameters(), { lr: 0.1, momentum: 0.9 }),
    epochs: 5,
    accumulate,
  });
  return { state: copyState(model), steps: steps.length };
}

const whole = await train(32, 1);
const parts = await train(8, 4);
const differences = Object.entries(whole.state).map(([name, t]) => max(abs(sub(t, parts.state[name]))).item());
console.log(`steps: ${whole.steps} and ${parts.steps}`);
console.log(`largest difference of a weight: ${Math.max(...differences)}`);
