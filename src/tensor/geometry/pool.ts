/**
 * Geometry of 2-D pooling: for every output row and column, the window of input rows and columns it looks at.
 *
 * Ordinary pooling (kernel, stride, padding, dilation, ceil mode) and adaptive pooling (windows that tile the image)
 * differ only in these windows. So the kernels know one description: output (i, j) reads rows `rows.start[i] +
 * u·rows.step` for u < `rows.count[i]`, and columns likewise. Windows are already clipped to the image.
 */
import { checkBoolean, checkList } from "../arguments.ts";
import { ShapeError } from "../errors.ts";
import { formatShape, type Shape } from "../shape.ts";
import { checkPairKind, type Pair, pairOf } from "./conv.ts";

/** The windows along one direction. */
export interface PoolWindows {
  /** First input index of each window, inside the image. */
  readonly start: Int32Array;
  /** Taps of each window that lie inside the image. */
  readonly count: Int32Array;
  /** Distance between taps (dilation). */
  readonly step: number;
  /** This direction's factor of an average's divisor: the taps counted, including padding where wanted. */
  readonly divisor: Int32Array;
}

/** All sizes of a 2-D pooling. */
export interface PoolGeometry {
  /** N·C: images are pooled one plane at a time. */
  readonly planes: number;
  readonly H: number;
  readonly W: number;
  readonly Ho: number;
  readonly Wo: number;
  readonly rows: PoolWindows;
  readonly columns: PoolWindows;
  /** `[N, C, Ho, Wo]`. */
  readonly shape: Shape;
}

/** Options of `maxPool2d`. */
export interface MaxPool2dOptions {
  /** Size of the window. */
  kernelSize: Pair;
  /** Step between windows. Default: the kernel size. */
  stride?: Pair;
  /** Rows and columns added on each side, at most half the window: −∞ for a maximum, 0 for an average. Default 0. */
  padding?: Pair;
  /** Distance between neighbouring taps of a window. Default 1. */
  dilation?: Pair;
  /** Also use a last window that extends past the edge, if it starts inside the image or the padding before it. */
  ceilMode?: boolean;
}

/** Options of `avgPool2d`. */
export interface AvgPool2dOptions extends Omit<MaxPool2dOptions, "dilation"> {
  /** Whether padding counts in the divisor. Default true. */
  countIncludePad?: boolean;
}

/** All options of any pooling. */
type PoolOptions = MaxPool2dOptions & AvgPool2dOptions;

/**
 * Checks the arguments of a pooling with a fixed window, and lists its windows.
 *
 * The output has ⌊(H + 2p − d(k − 1) − 1) / s⌋ + 1 rows; ⌈…⌉ in ceil mode, one fewer if the last window would start in
 * the padding after the image.
 *
 * @throws ShapeError that shows x and the options.
 */
export function poolGeometry(op: string, x: Shape, options: PoolOptions): PoolGeometry {
  const {
    kernelSize,
    stride = kernelSize,
    padding = 0,
    dilation = 1,
    ceilMode = false,
    countIncludePad = true,
  } = options;
  const fail = (reason: string): never => {
    const show = (value: Pair): string => pairOf(value).join("×");
    throw new ShapeError(
      `${op}: ${reason} (x ${formatShape(x)}, kernelSize ${show(kernelSize)}, stride ${show(stride)}, padding ${show(padding)}, dilation ${show(dilation)}, ceilMode ${ceilMode})`,
    );
  };
  for (const [name, value] of Object.entries({ kernelSize, stride, padding, dilation })) checkPairKind(op, name, value);
  checkBoolean(op, "ceilMode", ceilMode);
  checkBoolean(op, "countIncludePad", countIncludePad);
  if (x.length !== 4) fail(`x must have rank 4 [N, C, H, W], has rank ${x.length}`);
  for (const [name, value, least] of [
    ["kernelSize", kernelSize, 1],
    ["stride", stride, 1],
    ["padding", padding, 0],
    ["dilation", dilation, 1],
  ] as const) {
    if (pairOf(value).some((v) => !Number.isInteger(v) || v < least)) {
      fail(`${name} must be whole numbers of ${least} or more`);
    }
  }
  const [rows, columns] = [0, 1].map((axis) =>
    slidingWindows(
      x[2 + axis],
      pairOf(kernelSize)[axis],
      pairOf(stride)[axis],
      pairOf(padding)[axis],
      pairOf(dilation)[axis],
      ceilMode,
      countIncludePad,
      fail,
    ),
  );
  return geometryOf(x, rows, columns);
}

/** The windows along one axis of `length` pixels. */
function slidingWindows(
  length: number,
  k: number,
  s: number,
  p: number,
  d: number,
  ceilMode: boolean,
  countIncludePad: boolean,
  fail: (reason: string) => never,
): PoolWindows {
  const extent = d * (k - 1) + 1;
  if (p > extent / 2) fail("padding must be at most half the window");
  const steps = (length + 2 * p - extent) / s;
  let outputs = (ceilMode ? Math.ceil(steps) : Math.floor(steps)) + 1;
  if (ceilMode && (outputs - 1) * s >= length + p) outputs--;
  if (outputs < 1 || length < 1) fail("the window does not fit into the padded image");
  const windows = { start: new Int32Array(outputs), count: new Int32Array(outputs), divisor: new Int32Array(outputs) };
  for (let i = 0; i < outputs; i++) {
    const first = i * s - p;
    // Taps u with 0 ≤ first + u·d < length.
    const from = Math.max(0, Math.ceil(-first / d));
    const to = Math.min(k, Math.ceil((length - first) / d));
    if (from >= to) fail(`window ${i} lies entirely in the padding`);
    windows.start[i] = first + from * d;
    windows.count[i] = to - from;
    // In ceil mode, a window that extends past the edge counts the padding and nothing beyond it.
    windows.divisor[i] = countIncludePad ? Math.min(k, Math.ceil((length + p - first) / d)) : to - from;
  }
  return { ...windows, step: d };
}

/**
 * Windows that divide an image into `outputSize` cells. Cell i covers ⌊i·H/Ho⌋ … ⌈(i + 1)·H/Ho⌉ − 1, so neighbours
 * share a row where Ho does not divide H.
 *
 * @throws ShapeError that shows x and the output size.
 */
export function adaptivePoolGeometry(op: string, x: Shape, outputSize: Pair): PoolGeometry {
  if (typeof outputSize !== "number") checkList(op, "outputSize", outputSize);
  const sizes = pairOf(outputSize);
  const fail = (reason: string): never => {
    throw new ShapeError(`${op}: ${reason} (x ${formatShape(x)}, outputSize ${sizes.join("×")})`);
  };
  if (x.length !== 4) fail(`x must have rank 4 [N, C, H, W], has rank ${x.length}`);
  if (x[2] < 1 || x[3] < 1) fail("the image is empty");
  if (sizes.length !== 2 || sizes.some((size) => !Number.isInteger(size) || size < 1))
    fail("outputSize must be whole numbers of 1 or more");
  const [rows, columns] = sizes.map((outputs, axis): PoolWindows => {
    const length = x[2 + axis];
    const start = Int32Array.from({ length: outputs }, (_, i) => Math.floor((i * length) / outputs));
    const count = start.map((first, i) => Math.ceil(((i + 1) * length) / outputs) - first);
    return { start, count, divisor: count, step: 1 };
  });
  return geometryOf(x, rows, columns);
}

function geometryOf([N, C, H, W]: Shape, rows: PoolWindows, columns: PoolWindows): PoolGeometry {
  const Ho = rows.start.length;
  const Wo = columns.start.length;
  return { planes: N * C, H, W, Ho, Wo, rows, columns, shape: [N, C, Ho, Wo] };
}
