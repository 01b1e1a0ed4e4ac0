/**
 * `npm run bench -- --targets`: Skipstone's targets, and what it reaches.
 *
 * Times are compared with PyTorch's on one thread, with its defaults, in the same run (contender.ts). Without PyTorch,
 * only rows that do not need it are measured.
 */
import { fileURLToPath } from "node:url";
import { type Command, Contender, compare, type Entry, type Rounds } from "./contender.ts";
import { milliseconds } from "./report.ts";
import {
  batchNormRelu,
  type ConvShape,
  cifarStep,
  convShapes,
  cube,
  deepStep,
  enlargements,
  flopsOf,
  imageNetInference,
  nameOf,
  nameOfShape,
  type Work,
} from "./works.ts";

/** A limit without and with multiply-add in one instruction (V8 12, Node 22). */
type Limit = readonly [plain: number, multiplyAdd: number];

export interface TargetRow {
  readonly name: string;
  readonly target: string;
  readonly measured: string;
  /** Skipstone's time, and PyTorch's. */
  readonly times: string;
  readonly verdict: "ok" | "short" | "not measured";
  /** Why it was not measured. */
  readonly reason?: string;
}

const here = (path: string): string => fileURLToPath(new URL(path, import.meta.url));
/** From build/bench, where this runs, to the sources. */
const source = (path: string): string => fileURLToPath(new URL(`../../bench/${path}`, import.meta.url));

export const skipstone: Command = { command: process.execPath, args: [here("./skipstone.js")] };

/** The Python that has torch: SKIPSTONE_PYTHON, or python3. */
export const pytorch: Command = {
  command: process.env["SKIPSTONE_PYTHON"] ?? "python3",
  args: ["-W", "ignore", source("peers/pytorch.py")],
  env: { OMP_NUM_THREADS: "1" },
};

/** At most so many times PyTorch's time. */
interface TimeTarget {
  readonly name: string;
  readonly work: Work;
  readonly variant?: string;
  readonly limit: Limit;
}

const timeTargets: readonly TimeTarget[] = [
  ...convShapes
    .filter(({ kernel, stride = 1 }) => kernel === 3 && stride === 1)
    .map(
      (shape: ConvShape): TimeTarget => ({
        name: `conv2d forward + both gradients ${nameOfShape(shape)}`,
        work: { kind: "convolution", pass: "all", ...shape },
        limit: [0.85, 0.75],
      }),
    ),
  { name: `${nameOf(cifarStep(32))}`, work: cifarStep(32), limit: [0.8, 0.65] },
  { name: `${nameOf(cifarStep(32))}, direct everywhere`, work: cifarStep(32), variant: "direct", limit: [1.6, 1.3] },
  { name: `${nameOf(imageNetInference)}, batch norm folded`, work: imageNetInference, limit: [1.1, 0.95] },
  { name: nameOf(batchNormRelu), work: batchNormRelu, limit: [0.4, 0.4] },
  ...enlargements.map((work): TimeTarget => ({ name: nameOf(work), work, limit: [1.5, 1.5] })),
];

/**
 * Measures the targets chosen by name; calls `report` as each is done.
 *
 * @param tier replaces the automatic choice for targets that name no tier (tiers.ts).
 */
export async function measureTargets(
  chosen: (name: string) => boolean,
  tier: string | undefined,
  rounds: Rounds,
  report: (row: TargetRow) => void,
): Promise<void> {
  const ours = new Contender("skipstone", skipstone, 120);
  const theirs = new Contender("PyTorch", pytorch, 120);
  try {
    const multiplyAdd = ((await ours.ask({ version: true })).version ?? "").includes("multiply-add");
    const limitOf = (limit: Limit): number => limit[multiplyAdd ? 1 : 0];
    for (const target of productTargets(ours, limitOf)) if (chosen(target.name)) report(await target.measure(rounds));
    for (const { name, work, variant = tier, limit } of timeTargets) {
      if (!chosen(name)) continue;
      const most = limitOf(limit);
      const [reference, score] = await compare(
        [
          { contender: theirs, work },
          { contender: ours, work, ...(variant === undefined ? {} : { variant }) },
        ],
        rounds,
      );
      const { ratio, spread = 0 } = score;
      report({
        name,
        target: `≤ ${most} × PyTorch`,
        measured: ratio === undefined ? "" : `${ratio.toFixed(2)} ±${(100 * spread).toFixed(0)} %`,
        times: [score, reference].map(({ median }) => (median === undefined ? "–" : milliseconds(median))).join(" / "),
        ...verdictOf(ratio, (value) => value <= most, score.cannot ?? reference.cannot),
      });
    }
    const memory = `peak memory of the ${nameOf(cifarStep(32))}, whole process`;
    if (chosen(memory)) report(await peakMemory(memory));
    const deep = `${nameOf(deepStep(true))} against not`;
    if (chosen(`${deep}: memory, whole process`)) report(await deepMemory(`${deep}: memory, whole process`));
    if (chosen(`${deep}: time`)) report(await deepTime(`${deep}: time`, ours, rounds));
  } finally {
    await Promise.all([ours.stop(), theirs.stop()]);
  }
}

/** The matrix product, against the processor's peak in 128-bit registers, and on the plain tier. */
function productTargets(
  contender: Contender,
  limitOf: (limit: Limit) => number,
): { name: string; measure: (rounds: Rounds) => Promise<TargetRow> }[] {
  const work = cube(512);
  const flops = flopsOf(work) as number;
  const peakFlops = flopsOf({ kind: "peak" }) as number;
  const against = `${nameOf(work)} against the peak of 128-bit registers`;
  const plain = `${nameOf(work)}, plain tier`;
  return [
    {
      name: against,
      measure: async (rounds) => {
        const entries: Entry[] = [
          { contender, work: { kind: "peak" } },
          { contender, work },
        ];
        const [peak, score] = await compare(entries, rounds);
        // The two did different amounts of work, so the ratio of times is turned into one of speeds.
        const share = score.ratio === undefined ? undefined : flops / peakFlops / score.ratio;
        const least = limitOf([0.78, 0.93]);
        const speeds = [score.median && flops / score.median / 1e6, peak.median && peakFlops / peak.median / 1e6];
        return {
          name: against,
          target: `≥ ${least}`,
          measured: share === undefined ? "" : `${share.toFixed(2)} ±${(100 * (score.spread ?? 0)).toFixed(0)} %`,
          times: `${speeds.map((speed) => speed?.toFixed(1) ?? "–").join(" / ")} GFLOP/s`,
          ...verdictOf(share, (value) => value >= least, score.cannot ?? peak.cannot),
        };
      },
    },
    {
      name: plain,
      measure: async (rounds) => {
        const [{ median, cannot }] = await compare([{ contender, work, variant: "plain" }], rounds);
        const speed = median === undefined ? undefined : flops / median / 1e6;
        const least = limitOf([4, 4.2]);
        return {
          name: plain,
          target: `≥ ${least} GFLOP/s`,
          measured: speed?.toFixed(2) ?? "",
          times: `${median === undefined ? "–" : milliseconds(median)}`,
          ...verdictOf(speed, (value) => value >= least, cannot),
        };
      },
    },
  ];
}

/** Two new processes. */
async function deepMemory(name: string): Promise<TargetRow> {
  const kept = await memoryOf(skipstone, deepStep(false));
  const again = await memoryOf(skipstone, deepStep(true));
  const measured = typeof kept === "number" && typeof again === "number" ? ([kept, again] as const) : undefined;
  const share = measured && measured[1] / measured[0];
  return {
    name,
    target: "≤ 0.35",
    measured: share?.toFixed(2) ?? "",
    times: measured ? `${(measured[1] / 1e6).toFixed(0)} / ${(measured[0] / 1e6).toFixed(0)} MB` : "",
    ...verdictOf(
      share,
      (value) => value <= 0.35,
      [kept, again].find((result) => typeof result === "string"),
    ),
  };
}

async function deepTime(name: string, contender: Contender, rounds: Rounds): Promise<TargetRow> {
  const [reference, score] = await compare(
    [false, true].map((checkpoint) => ({ contender, work: deepStep(checkpoint) })),
    rounds,
  );
  const { ratio, spread = 0 } = score;
  return {
    name,
    target: "≤ 1.4",
    measured: ratio === undefined ? "" : `${ratio.toFixed(2)} ±${(100 * spread).toFixed(0)} %`,
    times: [score, reference].map(({ median }) => (median === undefined ? "–" : milliseconds(median))).join(" / "),
    ...verdictOf(ratio, (value) => value <= 1.4, score.cannot ?? reference.cannot),
  };
}

/** A new process that does ten steps. */
async function peakMemory(name: string): Promise<TargetRow> {
  const bytes = await memoryOf(skipstone, cifarStep(32));
  const megabytes = typeof bytes === "number" ? bytes / 1e6 : undefined;
  return {
    name,
    target: "≤ 159 MB",
    measured: megabytes === undefined ? "" : `${megabytes.toFixed(0)} MB`,
    times: "",
    ...verdictOf(megabytes, (value) => value <= 159, typeof bytes === "string" ? bytes : undefined),
  };
}

/** Peak memory, in bytes, of a process that does only this work, for three seconds; or why it cannot. */
export async function memoryOf(
  command: Command,
  work: Work,
  variant?: string,
  patience = 120,
): Promise<number | string> {
  const fresh = new Contender("memory", command, patience);
  try {
    const prepare = { name: "0", work, ...(variant === undefined ? {} : { variant }) };
    for (const order of [{ prepare }, { time: { name: "0", seconds: 3 } }]) {
      const { cannot } = await fresh.ask(order);
      if (cannot !== undefined) return cannot;
    }
    return (await fresh.ask({ memory: true })).memory ?? "the process does not tell";
  } finally {
    await fresh.stop();
  }
}

function verdictOf(
  value: number | undefined,
  good: (value: number) => boolean,
  cannot: string | undefined,
): Pick<TargetRow, "verdict" | "reason"> {
  if (value === undefined || Number.isNaN(value)) {
    return { verdict: "not measured", ...(cannot === undefined ? {} : { reason: cannot }) };
  }
  return { verdict: good(value) ? "ok" : "short" };
}
