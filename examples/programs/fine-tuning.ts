// Fine-tuning: a network that tells four quarters apart gets a new head, which tells left from right. The stem and
// every batch norm (parameters and running statistics) are frozen; the rest is trained further.
import { accuracy, BatchNorm2d, cifarResNet, evaluate, fit, freeze, Linear, Rng, randn, SGD } from "../../src/index.ts";

const rng = new Rng(0);

/** Noise with a bright quarter, and which one: 0 and 2 are on the left, 1 and 3 on the right. */
function quarters(count: number) {
  const x = randn([count, 1, 8, 8], rng);
  const labels = Array.from({ length: count }, () => rng.integer(4));
  const quarterOf = (i: number) => 2 * Math.floor((i % 64) / 32) + Math.floor((i % 8) / 4);
  x.assign(x.data.map((pixel, i) => (quarterOf(i) === labels[Math.floor(i / 64)] ? pixel + 2 : pixel)));
  return { x, labels };
}
function halves(count: number) {
  const { x, labels } = quarters(count);
  return { x, labels: labels.map((quarter) => quarter % 2) };
}

const model = cifarResNet(8, { width: 4, inChannels: 1, classes: 4, rng });
const learner = new SGD(model.parameters(), { lr: 0.1, momentum: 0.9 });
await fit(model, { data: () => [quarters(32)], optimizer: learner, epochs: 40 });

model.fc = new Linear(model.fc.inFeatures, 2, { rng });
freeze(model.conv1);
for (const [, part] of model.namedModules()) if (part instanceof BatchNorm2d) freeze(part);

const before = Object.entries(model.stateDict()).map(([name, t]) => [name, t.toString()]);
const tuner = new SGD(model.parameters(), { lr: 0.05, momentum: 0.9 });
await fit(model, { data: () => [halves(32)], optimizer: tuner, epochs: 20 });

const changed = before.filter(([name, text]) => model.stateDict()[name].toString() !== text).map(([name]) => name);
const { metrics } = await evaluate(model, [halves(200)], { metrics: { accuracy } });
console.log(`left or right: ${(100 * metrics.accuracy).toFixed(1)} % correct`);
console.log(`changed: ${changed.join(", ")}`);
