/**
 * The program of `npm run runtimes`, the same for every runtime: it computes everything whose bits are promised
 * (test/runtimes/checksums.ts), and times a training step on the plain tier and on the tier that Skipstone chooses
 * there.
 *
 * The program needs only a clock from its environment. Its host (hosts/) provides that, and delivers the report.
 */
import { AdamW, cifarResNet, crossEntropy, Rng, randn, tierInUse, useKernels, valueAndGrad } from "../../src/index.ts";
import { type Report as Bits, report as bitsOf } from "../../test/runtimes/checksums.ts";

export interface Report {
  readonly bits: Bits;
  /** The automatically chosen tier. */
  readonly tier: string;
  /** Median time of a training step on this tier, and on the plain tier, ms. */
  readonly time: number;
  readonly plainTime: number;
}

/** Random numbers of each kind in the checksums: engines without a compiler take seconds even for these. */
export const DRAWS = 10_000;

/** The shortest sample, because browsers' clocks tick once in a millisecond. ms */
const SAMPLE = 50;
const SAMPLES = 7;
/** No new sample starts after this time. ms */
const PATIENCE = 1500;

/**
 * The whole program. It yields before and after everything it times, because in workerd the clock stands still while
 * code runs; there the host lets the clock advance.
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

/** The report, for hosts with an ordinary clock. */
export function reportOf(parts: Generator<void, Report>): Report {
  let part = parts.next();
  while (!part.done) part = parts.next();
  return part.value;
}

/** Makes a function that trains a network for one step: 8 layers, 8 images of 16 × 16. */
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

/** The median of several samples, each with as many calls as fit into its time. ms */
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
