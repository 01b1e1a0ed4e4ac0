/**
 * The loss around a trained network: Li, Xu, Taylor, Studer & Goldstein 2018, "Visualizing the Loss Landscape of Neural
 * Nets", §3 and §4.
 *
 * From the weights θ, f(α) = L(θ + α·δ) along one random direction, or f(α, β) = L(θ + α·δ + β·η) along two. A ReLU
 * network with batch norm computes the same when a filter's weights are multiplied by a number, so the size of a random
 * step means nothing by itself. Each filter of δ therefore gets the length of the same filter of θ: dᵢ ← dᵢ/‖dᵢ‖·‖θᵢ‖
 * ("filter normalisation"). With shortcuts the surface of a deep network is smooth and convex over a wide range;
 * without, it is chaos.
 */
import type { Module } from "../nn/module.ts";
import { checkInteger, checkList, checkNumberIn, checkObject, checkWhole } from "../tensor/arguments.ts";
import { checkOptions, describe, type OptionNames } from "../tensor/check.ts";
import { ValueError } from "../tensor/errors.ts";
import { Rng } from "../tensor/rng.ts";
import { checkRun, type Measure, measured } from "./arguments.ts";
import { norm } from "./measure.ts";
import { preservingBuffers, preservingValues } from "./preserve.ts";

/** A step for each parameter, by its name. */
export type Direction = ReadonlyMap<string, Float64Array>;

/**
 * A random normal direction in the parameters' space; each filter is as long as the weights' filter.
 *
 * A filter makes one output: it is a weight's slice along its first axis, for an output channel of a convolution or a
 * unit of a linear layer. Parameters with fewer than two axes (biases, batch norm's scale and shift) do not move, as in
 * the authors' code (tomgoldstein/loss-landscape, --xignore biasbn).
 */
export function filterNormalizedDirection(model: Module, rng: Rng): Direction {
  return new Map(
    model.namedParameters().map(([name, t]) => {
      const step = new Float64Array(t.size);
      if (t.rank < 2) return [name, step];
      const length = t.size / t.shape[0];
      for (let start = 0; start < t.size; start += length) {
        const filter = step.subarray(start, start + length).map(() => rng.normal());
        const scale = norm(t.data.subarray(start, start + length)) / norm(filter);
        step.set(
          filter.map((v) => v * scale),
          start,
        );
      }
      return [name, step];
    }),
  );
}

/** Options of `landscape`. */
export interface LandscapeOptions {
  /** One random direction or two. */
  dimensions: 1 | 2;
  /**
   * Grid points along each direction, both ends included; with an odd number the trained weights are in the middle.
   * Default 51.
   */
  points?: number;
  /** The grid goes from −range to range. Default 1. */
  range?: number;
  /** Seed of the directions. */
  seed?: number;
  /** Rows of an earlier run with the same model and options, which are not computed again. */
  done?: readonly LandscapeRow[];
}

const OPTIONS: OptionNames<LandscapeOptions> = { dimensions: true, points: true, range: true, seed: true, done: true };

/** The loss at one point: a row of `landscape`. */
export interface LandscapeRow {
  /** Number of the grid point, from 0; α changes fastest. */
  readonly index: number;
  /** Along the first direction. */
  readonly alpha: number;
  /** Along the second; 0 if there is only one. */
  readonly beta: number;
  /** The result of `measure` at that point. */
  readonly loss: number;
}

/**
 * The number of grid points.
 *
 * @example
 * landscapeSize({ dimensions: 2 }); // 2601
 */
export function landscapeSize(options: Pick<LandscapeOptions, "dimensions" | "points">): number {
  const { dimensions, points } = checkLandscape("landscapeSize", options);
  return points ** dimensions;
}

/**
 * Walks over the grid and yields the loss at one point after another.
 *
 * A generator: its caller decides when to stop, and keeps the points so far. Passed in again as `done`, they are not
 * computed again, and the rest comes out as without the interruption. Between two points the model is restored, bit for
 * bit. Batch norm's running statistics stay those of the trained weights, as in the authors' code, provided that
 * `measure` runs in evaluation mode (`evaluate` does); otherwise they are restored.
 *
 * @param measure runs the model and returns a number: its loss on many images, its error. Leave the model alone until
 * it has answered.
 *
 * @example
 * const measure = async () => (await evaluate(model, data())).loss;
 * for await (const { alpha, loss } of landscape(model, measure, { dimensions: 1, points: 21 })) console.log(alpha, loss);
 *
 * @throws ValueError for fewer than 2 points, a range that is not positive, or rows in `done` that are not on this grid.
 */
export async function* landscape(
  model: Module,
  measure: Measure,
  options: LandscapeOptions,
): AsyncGenerator<LandscapeRow> {
  checkRun("landscape", model, "measure", measure);
  const { dimensions, points, range, seed, done } = checkLandscape("landscape", options);
  const rng = new Rng(seed);
  const directions = Array.from({ length: dimensions }, (_, d) =>
    filterNormalizedDirection(model, rng.fork(`direction ${d}`)),
  );
  const parameters = model.namedParameters();
  const coordinate = (i: number): number => (range * (2 * i - (points - 1))) / (points - 1);
  const place = (index: number): [alpha: number, beta: number] => [
    coordinate(index % points),
    dimensions === 1 ? 0 : coordinate(Math.floor(index / points)),
  ];
  const known = new Set(done.map((row) => checkRow(row, points ** dimensions, place)));
  for (let index = 0; index < points ** dimensions; index++) {
    if (known.has(index)) continue;
    const [alpha, beta] = place(index);
    const answer = preservingBuffers(model, () =>
      preservingValues(
        parameters.map(([, t]) => t),
        () => {
          for (const [name, t] of parameters) {
            const [first, second] = directions.map((direction) => direction.get(name)!);
            t.assign(t.data.map((v, i) => v + alpha * first[i] + (second ? beta * second[i] : 0)));
          }
          return measure();
        },
      ),
    );
    yield { index, alpha, beta, loss: await measured("landscape", answer) };
  }
}

/** The options of the function `who` with defaults filled in, if they make sense. */
function checkLandscape(who: string, options: LandscapeOptions): Required<LandscapeOptions> {
  checkOptions(who, options ?? {}, OPTIONS);
  const { dimensions, points = 51, range = 1, seed = 0, done = [] } = (options ?? {}) as LandscapeOptions;
  if (dimensions !== 1 && dimensions !== 2) {
    throw new ValueError(`${who}: dimensions must be 1 or 2, got ${describe(dimensions)}`);
  }
  checkWhole(who, "points", points, 2);
  checkNumberIn(who, "range", range, "a finite number above 0", (n) => n > 0 && n < Infinity);
  checkInteger(who, "seed", seed);
  checkList(who, "done", done);
  for (let i = 0; i < done.length; i++) checkObject(who, `done[${i}]`, done[i]);
  return { dimensions, points, range, seed, done };
}

/** The row's index, if it belongs to this grid. */
function checkRow(row: LandscapeRow, size: number, place: (index: number) => [number, number]): number {
  const { index, alpha, beta } = row;
  const [a, b] = Number.isInteger(index) && index >= 0 && index < size ? place(index) : [Number.NaN, Number.NaN];
  if (a !== alpha || b !== beta) {
    throw new ValueError(
      `landscape: the row ${index} at (${alpha}, ${beta}) in done is not on this grid: it was computed with other options`,
    );
  }
  return index;
}
