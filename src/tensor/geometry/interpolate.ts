/**
 * Geometry of resizing: which pixels each result reads along an axis, and with what weights.
 *
 * A result is a weighted sum over a rectangle of pixels, and its weights are a product of one for the row and one for
 * the column. So two short tables, `Taps`, describe it all, and the gradient is the same with transposed tables.
 *
 * A coordinate that is rounded otherwise may fall on another pixel. So this file rounds to float32 where PyTorch does
 * (aten/src/ATen/native/UpSample.h).
 */
import { checkBoolean, checkNumberIn, checkOneOf, checkPair } from "../arguments.ts";
import { ShapeError, UsageError } from "../errors.ts";
import { formatShape, type Shape } from "../shape.ts";
import { checkPairKind, type Pair, pairOf } from "./conv.ts";

/** Options of `interpolate`: either `size` or `scaleFactor`. */
export interface InterpolateOptions {
  /** Rows and columns of the result. */
  size?: Pair;
  /** How many times larger the result is, rounded down to whole pixels. May be below 1, and need not be whole. */
  scaleFactor?: Pair;
  /** `nearest` copies a pixel; `bilinear` averages four of them by their distance. Default `nearest`. */
  mode?: "nearest" | "bilinear";
  /**
   * For `bilinear`: whether the centres of the corner pixels keep their places, rather than the corners of the image.
   * Default false.
   */
  alignCorners?: boolean;
}

/**
 * Weighted sums along one axis: y[i] = Σ_k weights[offsets[i] + k] · x[starts[i] + k], k < offsets[i + 1] − offsets[i].
 */
export interface Taps {
  readonly starts: Int32Array;
  /** One more than there are results. */
  readonly offsets: Int32Array;
  readonly weights: Float64Array;
}

/** Planes H × W become planes Ho × Wo. */
export interface ResampleGeometry {
  readonly planes: number;
  readonly H: number;
  readonly W: number;
  readonly Ho: number;
  readonly Wo: number;
  readonly rows: Taps;
  readonly columns: Taps;
}

/** Of a resized image. */
export interface InterpolateGeometry extends ResampleGeometry {
  /** `linear` where the tables follow another rule than PyTorch's, as ONNX has some. */
  readonly mode: "nearest" | "bilinear" | "linear";
  readonly alignCorners: boolean;
  /** What coordinates were divided by; null where that is the ratio of the sizes. */
  readonly scaleFactor: readonly [number, number] | null;
}

/**
 * Checks the arguments of `interpolate` and derives the tables.
 *
 * @throws ShapeError that shows x, and UsageError or ValueError for options that do not fit together.
 */
export function interpolateGeometry(x: Shape, options: InterpolateOptions): InterpolateGeometry {
  checkInterpolateOptions("interpolate", options);
  const { size, scaleFactor, mode = "nearest", alignCorners = false } = options;
  const fail = (reason: string): never => {
    throw new ShapeError(`interpolate: ${reason} (x ${formatShape(x)})`);
  };
  if (x.length !== 4) fail(`x must have rank 4 [N, C, H, W], has rank ${x.length}`);
  const [N, C, H, W] = x;
  if (H < 1 || W < 1) fail("the image is empty");
  const scale = scaleFactor === undefined ? null : pairOf(scaleFactor);
  const [Ho, Wo] = scale ? [Math.floor(H * scale[0]), Math.floor(W * scale[1])] : pairOf(size!);
  if (Ho < 1 || Wo < 1) fail(`scaleFactor ${scale?.join("×")} would make it ${Ho}×${Wo}`);
  const taps = (length: number, results: number, factor: number | undefined): Taps =>
    mode === "nearest" ? nearestTaps(length, results, factor) : bilinearTaps(length, results, factor, alignCorners);
  const rows = taps(H, Ho, scale?.[0]);
  const columns = taps(W, Wo, scale?.[1]);
  return { planes: N * C, H, W, Ho, Wo, rows, columns, mode, alignCorners, scaleFactor: scale };
}

/** @throws UsageError or ValueError for options that do not fit together, whatever the image. */
export function checkInterpolateOptions(
  op: string,
  { size, scaleFactor, mode, alignCorners }: InterpolateOptions,
): void {
  if ((size === undefined) === (scaleFactor === undefined)) {
    throw new UsageError(
      `${op}: options must have either size or scaleFactor, got ${size === undefined ? "none" : "both"}`,
    );
  }
  if (mode !== undefined) checkOneOf(op, "mode", mode, ["nearest", "bilinear"]);
  if (alignCorners !== undefined) {
    checkBoolean(op, "alignCorners", alignCorners);
    if (mode !== "bilinear")
      throw new UsageError(`${op}: alignCorners is for the mode "bilinear", got mode "${mode ?? "nearest"}"`);
  }
  if (size !== undefined) checkPair(op, "size", size);
  if (scaleFactor === undefined) return;
  checkPairKind(op, "scaleFactor", scaleFactor);
  for (const factor of pairOf(scaleFactor)) {
    checkNumberIn(op, "scaleFactor", factor, "a finite number above 0", (n) => n > 0 && n < Infinity);
  }
}

/** Pixel ⌊i / factor⌋; without a factor, the ratio of the sizes counts. */
function nearestTaps(length: number, results: number, factor: number | undefined): Taps {
  const step = Math.fround(factor ? 1 / factor : length / results);
  return tapsOf(results, length, (i) => ({
    first: Math.min(Math.floor(Math.fround(i * step)), length - 1),
    weight: 1,
  }));
}

/** The two pixels beside the place of the result's centre: (i + ½) / factor − ½, or from corner to corner. */
function bilinearTaps(length: number, results: number, factor: number | undefined, alignCorners: boolean): Taps {
  const step = alignCorners
    ? Math.fround(results > 1 ? (length - 1) / (results - 1) : 0)
    : Math.fround(factor ? 1 / factor : length / results);
  return tapsOf(results, length, (i) => {
    if (results === length) return { first: i, weight: 1 };
    const place = alignCorners ? Math.fround(step * i) : Math.max(0, Math.fround(Math.fround(step * (i + 0.5)) - 0.5));
    const first = Math.min(Math.floor(place), length - 1);
    return { first, weight: Math.fround(1 - Math.fround(place - first)) };
  });
}

/** The tables of `results` sums, each of pixel `first` with `weight` and the next one with 1 − weight. */
export function tapsOf(
  results: number,
  length: number,
  place: (i: number) => { readonly first: number; readonly weight: number },
): Taps {
  const starts = new Int32Array(results);
  const offsets = new Int32Array(results + 1);
  const weights: number[] = [];
  for (let i = 0; i < results; i++) {
    const { first, weight } = place(i);
    starts[i] = first;
    // A neighbour of weight 0 is not read: an infinity there would become NaN. Beyond the edge its value is repeated.
    if (weight === 1 || first === length - 1) weights.push(1);
    else weights.push(weight, 1 - weight);
    offsets[i + 1] = weights.length;
  }
  return { starts, offsets, weights: Float64Array.from(weights) };
}

/** The same geometry the other way: what pixel p of x gave to result i comes back from there. */
export function transposed({ planes, H, W, Ho, Wo, rows, columns }: ResampleGeometry): ResampleGeometry {
  return {
    planes,
    H: Ho,
    W: Wo,
    Ho: H,
    Wo: W,
    rows: transposedTaps(rows, H),
    columns: transposedTaps(columns, W),
  };
}

/** Places never go back from one result to the next, so the results that read a pixel are neighbours. */
function transposedTaps({ starts, offsets, weights }: Taps, length: number): Taps {
  const from = new Int32Array(length);
  const given: number[][] = Array.from({ length }, () => []);
  starts.forEach((first, i) => {
    for (let k = offsets[i]; k < offsets[i + 1]; k++) {
      const pixel = first + k - offsets[i];
      if (given[pixel].length === 0) from[pixel] = i;
      given[pixel].push(weights[k]);
    }
  });
  const ends = new Int32Array(length + 1);
  given.forEach((list, p) => {
    ends[p + 1] = ends[p] + list.length;
  });
  return { starts: from, offsets: ends, weights: Float64Array.from(given.flat()) };
}
