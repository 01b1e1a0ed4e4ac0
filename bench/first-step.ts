/**
 * `node build/bench/first-step.js [ENTRY]`: the first training step of a fresh process, ResNet-20, batch 32. Everything is
 * assembled, compiled and run for the first time, and memory is touched for the first time. ENTRY is the index.js of another
 * build, to compare with: `dist/index.js` or `build/src/index.js`.
 *
 * Each sample is a process of its own (first-step-process.ts). The builds take turns, in reversed order every other round; the
 * ratio is the median of those within a round.
 */
import { execFileSync } from "node:child_process";
import { resolve } from "node:path";
import { fileURLToPath } from "node:url";
import type { FirstStep } from "./first-step-process.ts";
import { describeMachine } from "./machine.ts";
import { median, quantile } from "./measure.ts";

const ROUNDS = 15;

const here = (path: string): string => fileURLToPath(new URL(path, import.meta.url));

function sample(entry: string): FirstStep {
  const printed = execFileSync(process.execPath, [here("./first-step-process.js"), entry], { encoding: "utf8" });
  return JSON.parse(printed) as FirstStep;
}

const first = ({ times }: FirstStep): number => times[0];
const last = ({ times }: FirstStep): number => times[times.length - 1];

function describe(name: string, samples: readonly FirstStep[]): void {
  const of = (value: (sample: FirstStep) => number): string => median(samples.map(value)).toFixed(0);
  const memory = median(samples.map(({ newPages }) => newPages)) / 256;
  console.log(
    `${name}: ${of(first)} ms, the tenth ${of(last)} ms; the first touches ${memory.toFixed(0)} MiB of new memory`,
  );
}

const entries = [here("../src/index.js"), ...process.argv.slice(2, 3).map((path) => resolve(path))];
console.log(describeMachine());
const samples: FirstStep[][] = entries.map(() => []);
for (let round = 0; round < ROUNDS; round++) {
  const order = [...entries.keys()];
  for (const i of round % 2 === 0 ? order : order.reverse()) samples[i].push(sample(entries[i]));
}
const [ours, theirs] = samples;
describe("first step", ours);
if (theirs) {
  describe("first step of the other build", theirs);
  const ratios = ours.map((sample, round) => first(sample) / first(theirs[round]));
  const quartiles = [0.25, 0.75].map((q) => quantile(ratios, q).toFixed(2)).join(" to ");
  console.log(`ratio ${median(ratios).toFixed(2)} (quartiles ${quartiles}; ≤ 0.5 of 775ab09 is the target)`);
  if (ours[0].loss !== theirs[0].loss) console.log(`the losses differ: ${ours[0].loss} and ${theirs[0].loss}`);
}
