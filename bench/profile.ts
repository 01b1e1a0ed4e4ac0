/**
 * `npm run bench -- --profile`: where the time of a training step goes, kernel by kernel, with a clock around each
 * call.
 */
import type { ConvGeometry } from "../src/tensor/geometry/conv.ts";
import type { ArrayKernels } from "../src/tensor/kernels.ts";
import { subjectOf } from "./subjects.ts";
import { nameOfShape, type Work } from "./works.ts";

export interface ProfileRow {
  readonly name: string;
  /** Calls in one step. */
  readonly calls: number;
  /** Time of all these calls in a step, ms. */
  readonly time: number;
}

/** Each kernel's share of the work, largest first; the rest is called "everything else". */
export function profile(
  work: Work,
  kernels: ArrayKernels,
  { warmup, steps }: { warmup: number; steps: number },
): ProfileRow[] {
  let current = new Map<string, { calls: number; time: number }>();
  let depth = 0;
  const timed = Object.fromEntries(
    Object.entries(kernels).map(([name, kernel]) => {
      if (typeof kernel !== "function") return [name, kernel];
      return [
        name,
        (...args: readonly unknown[]) => {
          const start = performance.now();
          depth++;
          try {
            (kernel as (...args: readonly unknown[]) => void)(...args);
          } finally {
            depth--;
            if (depth === 0) {
              const key = labelOf(name, args);
              const entry = current.get(key) ?? { calls: 0, time: 0 };
              entry.calls++;
              entry.time += performance.now() - start;
              current.set(key, entry);
            }
          }
        },
      ];
    }),
  ) as unknown as ArrayKernels;
  const { run } = subjectOf(work, timed);
  for (let i = 0; i < warmup; i++) run();
  const measured: { total: number; parts: typeof current }[] = [];
  for (let i = 0; i < steps; i++) {
    current = new Map();
    const start = performance.now();
    run();
    measured.push({ total: performance.now() - start, parts: current });
  }
  // Only the faster half, because other load on the machine is not a kernel's time. All rows are means over the same
  // steps, so they add up.
  const fastest = measured.sort((a, b) => a.total - b.total).slice(0, Math.ceil(steps / 2));
  const mean = (of: (step: (typeof measured)[number]) => number): number =>
    fastest.reduce((sum, step) => sum + of(step), 0) / fastest.length;
  const rows = [...fastest[0].parts].map(([name, { calls }]): ProfileRow => {
    return { name, calls, time: mean(({ parts }) => parts.get(name)?.time ?? 0) };
  });
  const total = mean((step) => step.total);
  const rest = rows.reduce((left, { time }) => left - time, total);
  return [
    { name: "everything", calls: 1, time: total },
    ...rows.sort((a, b) => b.time - a.time),
    { name: "everything else", calls: 1, time: rest },
  ];
}

/** The kernel's name, with the shape of a convolution or the name of the operation. */
function labelOf(name: string, args: readonly unknown[]): string {
  const last = args.at(-1);
  if (name.startsWith("conv2d") && typeof last === "object" && last !== null) {
    const { N, C, O, H, kh, sh } = last as ConvGeometry;
    return `${name} ${nameOfShape({ N, C, O, size: H, kernel: kh, stride: sh })}`;
  }
  return typeof args[0] === "string" ? `${name} ${args[0]}` : name;
}
