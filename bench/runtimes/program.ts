/**
 * What every runtime does for `npm run runtimes`: it computes everything whose bits are promised (test/runtimes/checksums.ts),
 * and takes the time of a training step on the plain tier and on the tier that Skipstone chooses there by itself.
 *
 * The program asks nothing of its surroundings but a clock. Its host (hosts/) brings that, and takes the report away.
 */
import { AdamW, cifarResNet, crossEntropy, Rng, randn, tierInUse, useKernels, valueAndGrad } from "../../src/index.ts";
import { type Report as Bits, report as bitsOf } from "../../test/runtimes/checksums.ts";

export interface Report {
  readonly bits: Bits;
  /** The tier that is chosen by itself. */
  readonly tier: string;
  /** Median time of a training step on it, and on the plain tier, ms. */
  readonly time: number;
  readonly plainTime: number;
}

/** Random numbers of each kind in the checksums: engines without a compiler take seconds for as many. */
export const DRAWS = 10_000;

/** A sample of the time lasts at least so long: browsers' clocks tick once in a millisecond. ms */
const SAMPLE = 50;
const SAMPLES = 7;
/** No new sample after so long. ms */
const PATIENCE = 1500;

/**
 * The whole program. It yields before and after everything whose time is taken, because in workerd the clock stands while
 * code runs: a host that has to can let it go on.
 */
export function* program(now: () => number): Generator<void, Report> {
  const bits = bitsOf({ draws: DRAWS });
  useKernels("plain");
  const plainTime = yield* timeOf(training(), now);
  useKernels("auto");
  const tier = tierInUse().name;
  const time = tier === "plain" ? plainTime : yield* timeOf(training(), now);
  return { bits, tier, time, plainTime };
}

/** The report, where the clock needs no help. */
export function reportOf(parts: Generator<void, Report>): Report {
  let part = parts.next();
  while (!part.done) part = parts.next();
  return part.value;
}

/** A function that trains a network by one step: 8 layers, 8 images of 16 × 16. */
function training(): () => void {
  const rng = new Rng(1);
  const model = cifarResNet(8, { width: 8, classes: 3, rng });
  const optimizer = new AdamW(model.parameters(), { lr: 0.01 });
  const images = randn([8, 3, 16, 16], rng);
  const labels = Int32Array.from({ length: 8 }, () => rng.integer(3));
  return () => {
    const { grads } = valueAndGrad(() => crossEntropy(model.forward(images), labels));
    optimizer.step(grads);
  };
}

/** The median of some samples, each of as many calls as fill its time. ms */
function* timeOf(call: () => void, now: () => number): Generator<void, number> {
  const samples: number[] = [];
  yield;
  const start = now();
  let before = start;
  for (let calls = 1; samples.length < SAMPLES && (samples.length === 0 || before - start < PATIENCE); ) {
    for (let i = 0; i < calls; i++) call();
    yield;
    const after = now();
    if (after - before < SAMPLE) calls *= 2;
    else samples.push((after - before) / calls);
    before = after;
  }
  return samples.sort((a, b) => a - b)[Math.floor(samples.length / 2)];
}
