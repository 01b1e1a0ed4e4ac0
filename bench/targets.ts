/**
 * `npm run bench -- --targets`: Skipstone's targets, and what it reaches.
 *
 * Times are compared with PyTorch's in the same run (contender.ts), on one thread each, or on two, otherwise with its defaults;
 * and, on request, with those of another build of Skipstone. Without PyTorch, only rows that do not need it are measured. One row
 * is compared with ONNX Runtime (onnxruntime-node.ts).
 */
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { type Command, Contender, compare, type Entry, type Rounds } from "./contender.ts";
import { milliseconds } from "./report.ts";
import { type Duel, measureDuel, type TargetRow, verdictOf } from "./verdict.ts";
import {
  batchNormRelu,
  bottleneckInference,
  type ConvShape,
  cifarStep,
  convShapes,
  cube,
  deepStep,
  enlargements,
  flopsOf,
  imageNetInference,
  largeStep,
  nameOf,
  nameOfShape,
  type Work,
} from "./works.ts";

/** A limit without and with multiply-add in one instruction (V8 12, Node 22). */
type Limit = readonly [plain: number, multiplyAdd: number];

const here = (path: string): string => fileURLToPath(new URL(path, import.meta.url));
/** From build/bench, where this runs, to the sources. */
const source = (path: string): string => fileURLToPath(new URL(`../../bench/${path}`, import.meta.url));

export const skipstone: Command = { command: process.execPath, args: [here("./skipstone.js")] };

const skipstoneIn = (build: string): Command => ({
  command: process.execPath,
  args: [join(build, "bench", "skipstone.js")],
});

/** The Python that has torch: SKIPSTONE_PYTHON, or python3. */
const pytorchOn = (threads: number): Command => ({
  command: process.env["SKIPSTONE_PYTHON"] ?? "python3",
  args: ["-W", "ignore", source("peers/pytorch.py")],
  env: { OMP_NUM_THREADS: `${threads}` },
});

export const pytorch: Command = pytorchOn(1);

/** ONNX Runtime's native library, from the folder in SKIPSTONE_ONNXRUNTIME. */
const onnxRuntime: Command = { command: process.execPath, args: [here("./onnxruntime-node.js")] };

/** At most so many times PyTorch's time on as many threads, or ONNX Runtime's on one. */
interface TimeTarget {
  readonly name: string;
  readonly work: Work;
  readonly variant?: string;
  /** Default: 1. */
  readonly threads?: number;
  readonly limit: Limit;
  /** Default: PyTorch. */
  readonly against?: "ONNX Runtime";
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
  { name: `${nameOf(cifarStep(32))}, two threads`, work: cifarStep(32), threads: 2, limit: [0.85, 0.7] },
  { name: `${nameOf(imageNetInference)}, batch norm folded`, work: imageNetInference, limit: [1.1, 0.95] },
  {
    // PyTorch 1.13 has no fast 1×1 convolutions.
    name: `${nameOf(bottleneckInference)}, batch norm folded`,
    work: bottleneckInference,
    limit: [1.85, 1.6],
    against: "ONNX Runtime",
  },
  { name: nameOf(batchNormRelu), work: batchNormRelu, limit: [0.4, 0.4] },
  ...enlargements.map((work): TimeTarget => ({ name: nameOf(work), work, limit: [1.5, 1.5] })),
];

/**
 * Measures the targets chosen by name; calls `report` as each is done.
 *
 * @param tier replaces the automatic choice for targets that name no tier (tiers.ts).
 * @param otherBuild the folder of another compiled Skipstone, to compare with on one thread.
 * @param large also measures steps larger than the memory, which takes minutes.
 */
export async function measureTargets(
  chosen: (name: string) => boolean,
  {
    tier,
    otherBuild,
    large = false,
  }: { readonly tier?: string | undefined; readonly otherBuild?: string | undefined; readonly large?: boolean },
  rounds: Rounds,
  report: (row: TargetRow) => void,
): Promise<void> {
  const ours = new Contender("skipstone", skipstone, 120);
  const theirs = new Contender("PyTorch", pytorch, 120);
  const theirsOnTwo = new Contender("PyTorch on two threads", pytorchOn(2), 120);
  const runtime = new Contender("ONNX Runtime", onnxRuntime, 120);
  const other = otherBuild === undefined ? undefined : new Contender(otherBuild, skipstoneIn(otherBuild), 120);
  try {
    const multiplyAdd = ((await ours.ask({ version: true })).version ?? "").includes("multiply-add");
    const limitOf = (limit: Limit): number => limit[multiplyAdd ? 1 : 0];
    for (const target of productTargets(ours, limitOf)) if (chosen(target.name)) report(await target.measure(rounds));
    for (const { name, work, threads = 1, limit, against = "PyTorch", ...target } of timeTargets) {
      if (!chosen(name)) continue;
      const variant = threads > 1 ? `threads=${threads}` : (target.variant ?? tier);
      const entry = { contender: ours, work, ...(variant === undefined ? {} : { variant }) };
      const contender = against === "ONNX Runtime" ? runtime : threads > 1 ? theirsOnTwo : theirs;
      report(
        await measureDuel({ name, entry, reference: { contender, work }, against, limit: limitOf(limit) }, rounds),
      );
    }
    for (const duel of buildDuels(ours, other)) if (chosen(duel.name)) report(await measureDuel(duel, rounds));
    const memory = `peak memory of the ${nameOf(cifarStep(32))}, whole process`;
    if (chosen(memory)) report(await peakMemory(memory));
    if (large && chosen(LARGE)) report(await largeSteps(limitOf([1.15, 1.1])));
    const deep = `${nameOf(deepStep(true))} against not`;
    if (chosen(`${deep}: memory, whole process`)) report(await deepMemory(`${deep}: memory, whole process`));
    if (chosen(`${deep}: time`)) report(await deepTime(`${deep}: time`, ours, rounds));
  } finally {
    await Promise.all([ours, theirs, theirsOnTwo, runtime, other].map((contender) => contender?.stop()));
  }
}

/** One thread costs no more than in another build: with threads never asked for, and with one asked for. */
function buildDuels(contender: Contender, other: Contender | undefined): Duel[] {
  if (!other) return [];
  const work = cifarStep(32);
  return [
    ["one thread", "simd"],
    ["useThreads(1)", "threads=1"],
  ].map(([what, variant]) => ({
    name: `${nameOf(work)}, ${what}, against the other build`,
    entry: { contender, work, variant },
    reference: { contender: other, work, variant: "simd" },
    against: "the other build",
    limit: 1.01,
  }));
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

const [FEW, MANY] = [4, 32];
const LARGE = `an image of the ${nameOf(largeStep(MANY))}, against ×${FEW}`;

/** Each in its own process, because the memory does not shrink. Three rounds: a large step takes half a minute. */
async function largeSteps(most: number): Promise<TargetRow> {
  const sizes = [FEW, MANY];
  const contenders = sizes.map((batch) => new Contender(`×${batch}`, skipstone, 1200));
  try {
    const entries = sizes.map((batch, i): Entry => ({ contender: contenders[i], work: largeStep(batch) }));
    const [few, many] = await compare(entries, { rounds: 3, seconds: 0.4 });
    const ratio = many.ratio === undefined ? undefined : (many.ratio * FEW) / MANY;
    const times = [many, few].map(({ median }, i) => median && median / [MANY, FEW][i]);
    return {
      name: LARGE,
      target: `≤ ${most}`,
      measured: ratio === undefined ? "" : `${ratio.toFixed(2)} ±${(100 * (many.spread ?? 0)).toFixed(0)} %`,
      times: times.map((time) => (time === undefined ? "–" : milliseconds(time))).join(" / "),
      ...verdictOf(ratio, (value) => value <= most, many.cannot ?? few.cannot),
    };
  } finally {
    await Promise.all(contenders.map((contender) => contender.stop()));
  }
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
