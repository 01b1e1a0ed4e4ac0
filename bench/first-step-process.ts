/**
 * A fresh process for first-step.ts: builds a network with the library whose entry is named, trains a few steps, and prints how
 * long each took and how many pages of memory the first one touched first.
 */
import { pathToFileURL } from "node:url";

export interface FirstStep {
  /** Time of each step, ms. */
  readonly times: readonly number[];
  /** Pages that the first step touched for the first time: the system has to find and clear each. */
  readonly newPages: number;
  /** The last loss: two builds must agree on it. */
  readonly loss: number;
}

const STEPS = 10;
const [entry] = process.argv.slice(2);
const library = (await import(pathToFileURL(entry).href)) as typeof import("../src/index.ts");
const { cifarResNet, crossEntropy, Rng, randn, SGD, valueAndGrad } = library;

const rng = new Rng(0);
const model = cifarResNet(20, { rng });
const optimizer = new SGD(model.parameters(), { lr: 0.01, momentum: 0.9, weightDecay: 1e-4 });
const images = randn([32, 3, 32, 32], rng);
const labels = Int32Array.from({ length: 32 }, () => rng.integer(10));

const times: number[] = [];
let loss = Number.NaN;
let newPages = 0;
for (let step = 0; step < STEPS; step++) {
  const before = process.resourceUsage().minorPageFault;
  const start = performance.now();
  const { value, grads } = valueAndGrad(() => crossEntropy(model.forward(images), labels));
  optimizer.step(grads);
  times.push(performance.now() - start);
  loss = value.item();
  if (step === 0) newPages = process.resourceUsage().minorPageFault - before;
}
const result: FirstStep = { times, newPages, loss };
process.stdout.write(JSON.stringify(result));
