/**
 * What every runtime does for `npm run runtimes`: it trains a small residual network from a fixed seed, on the plain tier
 * and on the tier that Skipstone chooses there by itself, and says which bits came out and how long a step takes.
 *
 * The program asks nothing of its surroundings but a clock. Its host (hosts/) brings that, and takes the report away.
 */
import {
  AdamW,
  cifarResNet,
  crossEntropy,
  kernels,
  Rng,
  randn,
  type StateDict,
  schedules,
  useKernels,
  valueAndGrad,
} from "../../src/index.ts";
import { checksum, checksumOf } from "../../test/browser/checksum.ts";
import { fusesMultiplyAdd } from "./fused.ts";

/** A training on one tier. */
export interface Run {
  readonly tier: string;
  /** Checksum of the network's parameters and running statistics after ten steps, as eight hexadecimal digits. */
  readonly bits: string;
  /** Median time of a step, ms. */
  readonly time: number;
}

export interface Report {
  /** Checksum of a thousand random numbers: where these differ, the trainings must. */
  readonly random: string;
  readonly plain: Run;
  /** On the tier that is chosen by itself; `plain` again where it is that one. */
  readonly auto: Run;
  /** Whether WebAssembly multiplies and adds with one rounding here; undefined where that cannot be found out. */
  readonly fused?: boolean;
}

const STEPS = 10;
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
  const rng = new Rng(1);
  const random = hexadecimal(checksum(new Uint8Array(Float64Array.from({ length: 1000 }, () => rng.normal()).buffer)));
  useKernels("plain");
  const plain = yield* run(now);
  useKernels("auto");
  const auto = kernels.name === "plain" ? plain : yield* run(now);
  const fused = fusesMultiplyAdd();
  return { random, plain, auto, ...(fused === undefined ? {} : { fused }) };
}

/** The report, where the clock needs no help. */
export function reportOf(parts: Generator<void, Report>): Report {
  let part = parts.next();
  while (!part.done) part = parts.next();
  return part.value;
}

/** Trains with the kernels in use. */
function* run(now: () => number): Generator<void, Run> {
  const { step, state } = training();
  for (let i = 0; i < STEPS; i++) step();
  const bits = hexadecimal(checksumOf(state()));
  return { tier: kernels.name, bits, time: yield* timeOf(step, now) };
}

/** A network and a function that trains it by one step: 8 layers, 8 images of 16 × 16, AdamW with a schedule. */
export function training(): { step: () => void; state: () => StateDict } {
  const rng = new Rng(2026);
  const model = cifarResNet(8, { width: 8, classes: 3, rng: rng.fork("weights") });
  const optimizer = new AdamW(model.parameters(), { lr: 0 });
  const schedule = schedules.warmup(schedules.cosine(0.01, { steps: 100 }), { steps: 4 });
  const data = rng.fork("data");
  const images = randn([8, 3, 16, 16], data);
  const labels = Int32Array.from({ length: 8 }, () => data.integer(3));
  let steps = 0;
  return {
    step: () => {
      const { grads } = valueAndGrad(() => crossEntropy(model.forward(images), labels));
      optimizer.lr = schedule(steps++);
      optimizer.step(grads);
    },
    state: () => model.stateDict(),
  };
}

/** The median of some samples, each of as many calls as fill its time. */
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

function hexadecimal(number: number): string {
  return number.toString(16).padStart(8, "0");
}
