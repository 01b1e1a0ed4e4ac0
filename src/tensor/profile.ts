/**
 * Kernels that report how they computed: which function, in which tier, by which algorithm, on how much data, and for
 * how long.
 *
 * It also explains why a bit differs between two runs: another tier or algorithm rounds its float32 sums in another
 * order (docs/simd.md).
 */
import { clock } from "./clock.ts";
import type { ConvGeometry } from "./geometry/conv.ts";
import type { Kernels, Told } from "./kernels.ts";
import { callNow, type Finished } from "./sync.ts";
import { tableLines } from "./text-table.ts";
import { withKernels } from "./tier.ts";

/** All calls of one kernel that were alike. */
export interface KernelRow extends Told {
  /** Name in `Kernels`; if the kernel computes several functions, with the function: `unary relu`. */
  readonly kernel: string;
  /** Lengths of its arrays, outputs included; for convolutions their shapes: `x[32,16,32,32] w[16,16,3,3]`. */
  readonly shapes: string;
  readonly calls: number;
  /** Total time. */
  readonly milliseconds: number;
}

/** What `profile` returns. */
export interface Profile<T> {
  readonly value: T;
  /** Slowest first. `formatProfile` makes a table of them. */
  readonly rows: readonly KernelRow[];
}

/**
 * Runs `fn` (which must not be async) and reports how each kernel computed.
 *
 * A row's `why` says why the plain tier computed instead of the SIMD tier: `float64`; `small`, where a call would cost
 * more than the loop; `not covered`; `no room in the memory`; `not compiled`. Times include copies made for a call, but
 * not the time between calls; the first run of a function also assembles its kernels.
 *
 * @example
 * const x = randn([1, 16, 32, 32], new Rng(0));
 * const w = randn([16, 16, 3, 3], new Rng(1));
 * const { rows } = profile(() => conv2d(x, w, null, { padding: 1 }));
 * rows[0].kernel; // "conv2d"
 *
 * @throws UsageError for an async function or a generator.
 */
export function profile<T>(fn: () => T & Finished<T>): Profile<T> {
  const rows = new Map<string, KernelRow>();
  const value = withKernels(
    (tier) => watching(tier, rows),
    () => callNow<[], T>("profile", "fn", fn),
  );
  return { value, rows: [...rows.values()].sort((a, b) => b.milliseconds - a.milliseconds) };
}

/** The same kernels, but each adds its calls to `rows`. */
function watching(tier: Kernels, rows: Map<string, KernelRow>): Kernels {
  const watched = Object.entries(tier).map(([name, kernel]) => {
    if (typeof kernel !== "function" || name === "told" || name === "ready") return [name, kernel] as const;
    const watch = (...args: unknown[]): unknown => {
      const start = clock.now();
      const result = (kernel as (...args: unknown[]) => unknown)(...args);
      const milliseconds = clock.now() - start;
      const told = tier.told?.(name) ?? { tier: "plain" as const, algorithm: null, why: null };
      add(rows, { kernel: nameOf(name, args), shapes: shapesOf(args), ...told, calls: 1, milliseconds });
      return result;
    };
    return [name, watch] as const;
  });
  return Object.fromEntries(watched) as unknown as Kernels;
}

function add(rows: Map<string, KernelRow>, row: KernelRow): void {
  const { kernel, shapes, tier, algorithm, why } = row;
  const key = [kernel, shapes, tier, algorithm, why].join();
  const known = rows.get(key);
  const { calls = 0, milliseconds = 0 } = known ?? {};
  rows.set(key, { ...row, calls: calls + row.calls, milliseconds: milliseconds + row.milliseconds });
}

/** `unary relu`: kernels that compute several functions take the function's name as their first argument. */
function nameOf(kernel: string, [first]: readonly unknown[]): string {
  return typeof first === "string" ? `${kernel} ${first}` : kernel;
}

function shapesOf(args: readonly unknown[]): string {
  const g = args.find((a): a is ConvGeometry => typeof a === "object" && a !== null && "kh" in a && "O" in a);
  if (g) {
    const stride = g.sh === 1 && g.sw === 1 ? "" : ` stride ${g.sh}×${g.sw}`;
    return `x[${g.N},${g.C},${g.H},${g.W}] w[${g.O},${g.Cg},${g.kh},${g.kw}]${stride}`;
  }
  const arrays = args.flatMap(arraysOf);
  return arrays.map(({ length }) => length).join(" ");
}

/** An argument that is an array, or the arrays of one that is a record of them: `PerGroup`, `NormGradients`. */
function arraysOf(argument: unknown): ArrayLike<number>[] {
  if (typeof argument !== "object" || argument === null) return [];
  const candidates: unknown[] = ArrayBuffer.isView(argument) ? [argument] : Object.values(argument);
  return candidates.filter((a) => ArrayBuffer.isView(a)) as unknown as ArrayLike<number>[];
}

/**
 * Rows as a table.
 *
 * @example
 * const x = randn([1, 16, 32, 32], new Rng(0));
 * console.log(formatProfile(profile(() => relu(x)).rows));
 */
export function formatProfile(rows: readonly KernelRow[]): string {
  const total = rows.reduce((sum, { milliseconds }) => sum + milliseconds, 0);
  const head = ["ms", "%", "calls", "kernel", "tier", "algorithm", "shapes", ""];
  const lines = rows.map((row) => [
    row.milliseconds.toFixed(2),
    total > 0 ? ((100 * row.milliseconds) / total).toFixed(0) : "0",
    `${row.calls}`,
    row.kernel,
    row.tier,
    row.algorithm ?? "",
    row.shapes,
    row.why ?? "",
  ]);
  return tableLines([head, ...lines], (column) => column < 3).join("\n");
}
