/** Many seeds summarised by one number and its spread. */
import type { Point } from "./chart.ts";

/** A mean over seeds. */
export interface Spread {
  readonly mean: number;
  /** Sample standard deviation √(Σ(v − mean)²/(n − 1)); 0 for a single value. */
  readonly deviation: number;
  readonly count: number;
}

/** Whether to take mean and deviation of the logarithms: for values above 0 that span decades. */
export interface Scale {
  readonly log?: boolean;
}

export function spread(values: readonly number[]): Spread {
  const count = values.length;
  const mean = values.reduce((sum, v) => sum + v, 0) / count;
  const squares = values.reduce((sum, v) => sum + (v - mean) ** 2, 0);
  return { mean, deviation: count > 1 ? Math.sqrt(squares / (count - 1)) : 0, count };
}

export function mean(values: readonly number[]): number {
  return spread(values).mean;
}

/** The exponential of the mean logarithm, for values that span decades. All must be above 0. */
export function geometricMean(values: readonly number[]): number {
  return Math.exp(mean(values.map(Math.log)));
}

/**
 * Whether `a` lies above `b` by more than seeds explain: the means differ by more than two standard errors of the
 * difference, √(s²ₐ/nₐ + s²_b/n_b). If neither has more than one seed, any difference counts, and a text should say so.
 */
export function compare(a: readonly number[], b: readonly number[]): "higher" | "lower" | "alike" {
  const [A, B] = [spread(a), spread(b)];
  const error = Math.sqrt(A.deviation ** 2 / A.count + B.deviation ** 2 / B.count);
  const difference = A.mean - B.mean;
  if (difference === 0 || Math.abs(difference) <= 2 * error) return "alike";
  return difference > 0 ? "higher" : "lower";
}

/**
 * A chart's point from the seeds' values at one x: their mean, and a band of one standard deviation on both sides. A
 * single seed has no band.
 */
export function pointOf(x: number, values: readonly number[], { log = false }: Scale = {}): Point {
  const { mean, deviation, count } = spread(log ? values.map(Math.log) : values);
  const back = log ? Math.exp : (v: number): number => v;
  if (count < 2 || !Number.isFinite(deviation)) return { x, y: back(mean) };
  return { x, y: back(mean), low: back(mean - deviation), high: back(mean + deviation) };
}

/** One curve per seed, all over the same xs, as the points of one line with a band. Shorter curves end earlier. */
export function curveOf(
  curves: readonly (readonly { readonly x: number; readonly y: number }[])[],
  scale: Scale = {},
): Point[] {
  const longest = Math.max(0, ...curves.map((curve) => curve.length));
  return Array.from({ length: longest }, (_, i) => {
    const here = curves.flatMap((curve) => curve.slice(i, i + 1));
    const ys = here.map(({ y }) => y);
    return pointOf(here[0].x, ys, scale);
  });
}
