/**
 * Geometry of transposed convolution: that of the convolution whose input gradient it is, which leads from its result
 * back to its input.
 *
 *   transposed   x `[N, I, H, W]`    w `[I, O/groups, kh, kw]`   y `[N, O, Ho, Wo]`
 *   convolution  its result          its filters                its images
 */
import { describe } from "../check.ts";
import { ShapeError, UsageError } from "../errors.ts";
import { formatShape, type Shape } from "../shape.ts";
import { type Conv2dOptions, type ConvGeometry, checkPairKind, convGeometry, type Pair, pairOf } from "./conv.ts";

/** Options of `convTranspose2d`. */
export interface ConvTranspose2dOptions {
  /** Step in the result between neighbouring pixels of the input. Default 1. */
  stride?: Pair;
  /** Rows and columns that the result loses on each side. Default 0. */
  padding?: Pair;
  /** Rows and columns that it gains at the bottom and on the right: at stride s, s sizes lead back to one. Default 0. */
  outputPadding?: Pair;
  /** Distance between neighbouring filter taps. Default 1. */
  dilation?: Pair;
  /** The channels fall into this many groups, which do not see one another. Default 1. */
  groups?: number;
}

/**
 * Checks every argument of a transposed convolution.
 *
 * @throws ShapeError that shows shapes and options.
 */
export function convTransposeGeometry(
  x: Shape,
  w: Shape,
  b: Shape | null,
  { stride = 1, padding = 0, outputPadding = 0, dilation = 1, groups = 1 }: ConvTranspose2dOptions = {},
): ConvGeometry {
  const options: Conv2dOptions & { outputPadding: Pair } = { stride, padding, outputPadding, dilation };
  for (const [name, value] of Object.entries(options)) checkPairKind("convTranspose2d", name, value);
  if (typeof groups !== "number") {
    throw new UsageError(`convTranspose2d: groups must be a number, got ${describe(groups)}`);
  }
  const fail = (reason: string): never => {
    const bias = b ? `, b ${formatShape(b)}` : "";
    const asked = Object.entries(options).map(([name, value]) => `${name} ${[value].flat().join("×")}`);
    throw new ShapeError(
      `convTranspose2d: ${reason} (x ${formatShape(x)}, w ${formatShape(w)}${bias}, ${asked.join(", ")}, groups ${groups})`,
    );
  };
  const [[sh, sw], [ph, pw], [oh, ow], [dh, dw]] = [stride, padding, outputPadding, dilation].map(pairOf);
  if (x.length !== 4) fail(`x must have rank 4 [N, I, H, W], has rank ${x.length}`);
  if (w.length !== 4) fail(`w must have rank 4 [I, O/groups, kh, kw], has rank ${w.length}`);
  const [N, I, H, W] = x;
  const [filters, perGroup, kh, kw] = w;
  for (const [name, values, least] of [
    ["stride", [sh, sw], 1],
    ["padding", [ph, pw], 0],
    ["outputPadding", [oh, ow], 0],
    ["dilation", [dh, dw], 1],
    ["groups", [groups], 1],
    ["the filter's size", [kh, kw], 1],
  ] as const) {
    if (values.some((v) => !Number.isInteger(v) || v < least)) {
      fail(`${name} must be whole numbers of ${least} or more, got ${values.join("×")}`);
    }
  }
  if (filters !== I) fail(`x has ${I} channels, w expects ${filters}`);
  if (I % groups !== 0) fail(`${I} channels do not divide into ${groups} groups`);
  if (H < 1 || W < 1) fail("the image is empty");
  if (oh >= Math.max(sh, dh) || ow >= Math.max(sw, dw))
    fail("outputPadding must be less than the stride or the dilation");
  const O = perGroup * groups;
  if (b && (b.length !== 1 || b[0] !== O)) fail(`b must be [${O}], one number per channel of the result`);
  const Ho = (H - 1) * sh - 2 * ph + dh * (kh - 1) + oh + 1;
  const Wo = (W - 1) * sw - 2 * pw + dw * (kw - 1) + ow + 1;
  if (Ho < 1 || Wo < 1) fail(`the padding leaves nothing, the result would be ${Ho}×${Wo}`);
  // With output padding of a stride or more, the convolution would have another row or column, which x has not.
  const back = convGeometry([N, O, Ho, Wo], w, null, { stride, padding, dilation, groups });
  return { ...back, Ho: H, Wo: W, L: H * W, shape: x };
}
