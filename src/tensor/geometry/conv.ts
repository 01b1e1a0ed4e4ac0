/**
 * Geometry of convolution. Letters used everywhere for it:
 *
 *   x `[N, C, H, W]`        the images             C = groups · Cg
 *   w `[O, Cg, kh, kw]`     the filters            O = groups · Og
 *   y `[N, O, Ho, Wo]`      the result             Ho = ⌊(H + 2·ph − dh·(kh − 1) − 1) / sh⌋ + 1, Wo likewise
 *   K = Cg·kh·kw            numbers under one filter: rows of the im2col matrix
 *   L = Ho·Wo               positions of the filter: its columns
 */
import { describe } from "../check.ts";
import { ShapeError, UsageError } from "../errors.ts";
import { formatShape, type Shape } from "../shape.ts";

/** One number for both directions, or `[vertical, horizontal]`. */
export type Pair = number | readonly [number, number];

/**
 * How to convolve; the results agree within rounding.
 *
 * - `im2col`: as the product of two matrices, for every geometry. The plain tier always does this.
 * - `direct`: without a matrix, for every geometry without dilation and groups.
 * - `winograd2`, `winograd2x4`, `winograd4`: Winograd's F(2×2, 3×3), F(2×4, 3×3) and F(4×4, 3×3), each faster and less accurate
 *   than the one before, for 3×3 filters at stride 1 without dilation and groups.
 * - `auto`: the fastest by measurement that is as accurate as a plain sum.
 */
export type ConvAlgorithm = "auto" | "im2col" | "direct" | "winograd2" | "winograd2x4" | "winograd4";

/** Options of `conv2d`. */
export interface Conv2dOptions {
  /** Step between filter positions. Default 1. */
  stride?: Pair;
  /** Zeros added on each side. Default 0. */
  padding?: Pair;
  /** Distance between neighbouring filter taps. Default 1. */
  dilation?: Pair;
  /** The channels fall into this many groups, which do not see one another; `groups = C` is depthwise. Default 1. */
  groups?: number;
  /** Default "auto". */
  algorithm?: ConvAlgorithm;
}

/** Options of `conv1d`. */
export interface Conv1dOptions {
  /** Step between filter positions. Default 1. */
  stride?: number;
  /** Zeros added on each side. Default 0. */
  padding?: number;
  /** Distance between neighbouring filter taps. Default 1. */
  dilation?: number;
  /** The channels fall into this many groups, which do not see one another; `groups = C` is depthwise. Default 1. */
  groups?: number;
}

/** All sizes of a 2-D convolution, x `[N, C, H, W]` with w `[O, Cg, kh, kw]`: strides s, padding p, dilation d. */
export interface ConvGeometry {
  readonly N: number;
  readonly C: number;
  readonly H: number;
  readonly W: number;
  readonly O: number;
  readonly kh: number;
  readonly kw: number;
  readonly sh: number;
  readonly sw: number;
  readonly ph: number;
  readonly pw: number;
  readonly dh: number;
  readonly dw: number;
  readonly groups: number;
  /** Channels per group, C / groups. */
  readonly Cg: number;
  /** Filters per group, O / groups. */
  readonly Og: number;
  readonly Ho: number;
  readonly Wo: number;
  /** Cg·kh·kw. */
  readonly K: number;
  /** Ho·Wo. */
  readonly L: number;
  /** `[N, O, Ho, Wo]`. */
  readonly shape: Shape;
  readonly algorithm: ConvAlgorithm;
}

/** Two numbers in a new array: later changes to the caller's array have no effect. */
export function pairOf(value: Pair): readonly [number, number] {
  return typeof value === "number" ? [value, value] : [value[0], value[1]];
}

/** Throws unless `value` is a number or two of them. The geometry checks their range, and shows the shapes. */
export function checkPairKind(op: string, name: string, value: unknown): void {
  const pair: unknown = typeof value === "number" ? [value, value] : value;
  if (Array.isArray(pair) && pair.length === 2 && pair.every((v) => typeof v === "number")) return;
  throw new UsageError(`${op}: ${name} must be a number, or two of them, got ${describe(value)}`);
}

/** Throws a ShapeError that gives the reason. */
type Fail = (reason: string) => never;

/**
 * Checks every argument of a convolution and derives the remaining numbers.
 *
 * @throws ShapeError that shows x, w, stride and padding.
 */
export function convGeometry(x: Shape, w: Shape, b: Shape | null, options: Conv2dOptions = {}): ConvGeometry {
  const { stride = 1, padding = 0, dilation = 1, groups = 1, algorithm = "auto" } = options;
  for (const [name, value] of Object.entries({ stride, padding, dilation })) checkPairKind("conv2d", name, value);
  if (typeof groups !== "number") throw new UsageError(`conv2d: groups must be a number, got ${describe(groups)}`);
  const fail = failing("conv2d", x, w, b, { stride, padding, dilation, groups });
  if (x.length !== 4) fail(`x must have rank 4 [N, C, H, W], has rank ${x.length}`);
  if (w.length !== 4) fail(`w must have rank 4 [O, C/groups, kh, kw], has rank ${w.length}`);
  const pairs = { stride: pairOf(stride), padding: pairOf(padding), dilation: pairOf(dilation) };
  return derived(x, w, b, { ...pairs, groups, algorithm }, fail);
}

/**
 * A 1-D convolution, x `[N, C, L]` with w `[O, C/groups, K]`, as that of images with one row: the same numbers lie in the
 * same order.
 *
 * @throws ShapeError that shows x, w, stride and padding.
 */
export function conv1dGeometry(x: Shape, w: Shape, b: Shape | null, options: Conv1dOptions = {}): ConvGeometry {
  const { stride = 1, padding = 0, dilation = 1, groups = 1 } = options;
  for (const [name, value] of Object.entries({ stride, padding, dilation, groups })) {
    if (typeof value !== "number") throw new UsageError(`conv1d: ${name} must be a number, got ${describe(value)}`);
  }
  const fail = failing("conv1d", x, w, b, { stride, padding, dilation, groups });
  if (x.length !== 3) fail(`x must have rank 3 [N, C, L], has rank ${x.length}`);
  if (w.length !== 3) fail(`w must have rank 3 [O, C/groups, K], has rank ${w.length}`);
  const oneRow = ([first, second, length]: Shape): Shape => [first, second, 1, length];
  const pairs = { stride: [1, stride], padding: [0, padding], dilation: [1, dilation] } as const;
  return derived(oneRow(x), oneRow(w), b, { ...pairs, groups, algorithm: "auto" }, fail);
}

function failing(
  op: string,
  x: Shape,
  w: Shape,
  b: Shape | null,
  { stride, padding, dilation, groups }: { stride: Pair; padding: Pair; dilation: Pair; groups: number },
): Fail {
  return (reason) => {
    const bias = b ? `, b ${formatShape(b)}` : "";
    throw new ShapeError(
      `${op}: ${reason} (x ${formatShape(x)}, w ${formatShape(w)}${bias}, stride ${show(stride)}, padding ${show(padding)}, dilation ${show(dilation)}, groups ${groups})`,
    );
  };
}

interface ConvSteps extends Readonly<Record<"stride" | "padding" | "dilation", readonly [number, number]>> {
  readonly groups: number;
  readonly algorithm: ConvAlgorithm;
}

function derived(x: Shape, w: Shape, b: Shape | null, steps: ConvSteps, fail: Fail): ConvGeometry {
  const { stride, padding, dilation, groups, algorithm } = steps;
  const [[sh, sw], [ph, pw], [dh, dw]] = [stride, padding, dilation];
  const [N, C, H, W] = x as [number, number, number, number];
  const [O, Cg, kh, kw] = w as [number, number, number, number];
  for (const [name, values, least] of [
    ["stride", [sh, sw], 1],
    ["padding", [ph, pw], 0],
    ["dilation", [dh, dw], 1],
    ["groups", [groups], 1],
    ["the filter's size", [kh, kw], 1],
  ] as const) {
    if (values.some((v) => !Number.isInteger(v) || v < least)) {
      fail(`${name} must be whole numbers of ${least} or more, got ${values.join("×")}`);
    }
  }
  if (C % groups !== 0) fail(`${C} channels do not divide into ${groups} groups`);
  if (O % groups !== 0) fail(`${O} filters do not divide into ${groups} groups`);
  if (Cg !== C / groups) {
    fail(
      groups === 1 ? `x has ${C} channels, w expects ${Cg}` : `x has ${C / groups} channels per group, w expects ${Cg}`,
    );
  }
  if (b && (b.length !== 1 || b[0] !== O)) fail(`b must be [${O}], one number per filter`);
  const Ho = Math.floor((H + 2 * ph - dh * (kh - 1) - 1) / sh) + 1;
  const Wo = Math.floor((W + 2 * pw - dw * (kw - 1) - 1) / sw) + 1;
  if (Ho < 1 || Wo < 1) fail(`the filter does not fit into the padded image, the result would be ${Ho}×${Wo}`);
  if (!algorithmCovers(algorithm, { kh, kw, sh, sw, ph, pw, dh, dw, groups })) {
    fail(`the algorithm ${algorithm} does not cover this convolution; "im2col" and "auto" cover all`);
  }
  const Og = O / groups;
  return {
    N,
    C,
    H,
    W,
    O,
    kh,
    kw,
    sh,
    sw,
    ph,
    pw,
    dh,
    dw,
    groups,
    Cg,
    Og,
    Ho,
    Wo,
    K: Cg * kh * kw,
    L: Ho * Wo,
    shape: [N, O, Ho, Wo],
    algorithm,
  };
}

/** Whether the algorithm can compute such a convolution. */
export function algorithmCovers(
  algorithm: ConvAlgorithm,
  g: Pick<ConvGeometry, "kh" | "kw" | "sh" | "sw" | "ph" | "pw" | "dh" | "dw" | "groups">,
): boolean {
  const { kh, kw, sh, sw, ph, pw, dh, dw, groups } = g;
  const dense = dh === 1 && dw === 1 && groups === 1;
  switch (algorithm) {
    case "auto":
    case "im2col":
      return true;
    case "direct":
      return dense;
    case "winograd2":
    case "winograd2x4":
    case "winograd4":
      return dense && kh === 3 && kw === 3 && sh === 1 && sw === 1 && ph <= 2 && pw <= 2;
  }
}

function show(value: Pair): string {
  return typeof value === "number" ? `${value}` : value.join("×");
}
