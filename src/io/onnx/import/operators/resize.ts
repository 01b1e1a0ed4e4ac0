/** Operators that enlarge images: transposed convolutions, Resize, and Upsample from before opset 10. */
import { convTranspose2d } from "../../../../autograd/conv-transpose.ts";
import { interpolate, resample } from "../../../../autograd/interpolate.ts";
import { slice } from "../../../../autograd/shape.ts";
import { type Taps, tapsOf } from "../../../../tensor/geometry/interpolate.ts";
import type { Shape } from "../../../../tensor/shape.ts";
import { isTensor } from "../../../../tensor/tensor.ts";
import type { Inputs, Node, Operator, Operators } from "../operator.ts";
import { windowOf } from "../windows.ts";

const convTranspose: Operator = (node) => {
  const groups = node.whole("group", 1);
  const outputPadding = node.list("output_padding") ?? [0, 0];
  const wanted = node.list("output_shape");
  const auto = node.text("auto_pad", "NOTSET");
  if (outputPadding.length !== 2) throw node.error("output_padding must have two axes");
  return (inputs) => {
    const [x, w, b] = [inputs.tensor(0), inputs.tensor(1), inputs.tensorOrNull(2)];
    const { kernel, stride, dilation, pads } = windowOf(node, w.shape.slice(2));
    /** The lengths without padding. */
    const whole = [0, 1].map(
      (axis) => (x.shape[2 + axis] - 1) * stride[axis] + dilation[axis] * (kernel[axis] - 1) + 1 + outputPadding[axis],
    );
    node.checkSize([x.shape[0], w.shape[1] * groups, ...whole]);
    // Lengths are given, or with SAME those of x times the stride: then the padding follows from them.
    const lengths =
      wanted?.slice(-2) ?? (auto.startsWith("SAME") ? stride.map((s, i) => s * x.shape[2 + i]) : undefined);
    const [top, left, bottom, right] = lengths ? padsFor(whole, lengths, auto === "SAME_UPPER") : pads(x.shape);
    if (top === bottom && left === right && top >= 0 && left >= 0) {
      const padding = [top, left] as const;
      return convTranspose2d(x, w, b, { stride, padding, outputPadding: two(outputPadding), dilation, groups });
    }
    if (Math.min(top, left, bottom, right) < 0) throw node.error(`output_shape [${wanted}] is larger than the result`);
    const y = convTranspose2d(x, w, b, { stride, outputPadding: two(outputPadding), dilation, groups });
    return slice(y, [null, null, [top, whole[0] - bottom], [left, whole[1] - right]]);
  };
};

const two = ([a, b]: readonly number[]): [number, number] => [a, b];

/** What must go on each side; of an odd number, the larger part at the end or, if `after` is false, at the start. */
function padsFor(whole: readonly number[], lengths: readonly number[], after: boolean): number[] {
  const sides = whole.map((length, axis) => {
    const total = length - lengths[axis];
    const less = Math.floor(total / 2);
    return after ? [less, total - less] : [total - less, less];
  });
  return [sides[0][0], sides[1][0], sides[0][1], sides[1][1]];
}

const centre = (i: number, scale: number): number => Math.fround(Math.fround((i + 0.5) / scale) - 0.5);

/** The place in x of result i by `coordinate_transformation_mode`, rounded to float32 where onnxruntime does. */
type Place = (i: number, scale: number, length: number, results: number) => number;
const PLACES: Readonly<Record<string, Place>> = {
  half_pixel: centre,
  pytorch_half_pixel: (i, scale, _, results) => (results > 1 ? centre(i, scale) : 0),
  half_pixel_symmetric: (i, scale, length, results) =>
    Math.fround((length / 2) * (1 - results / (scale * length)) + centre(i, scale)),
  align_corners: (i, _, length, results) => (results > 1 ? Math.fround((i * (length - 1)) / (results - 1)) : 0),
  asymmetric: (i, scale) => Math.fround(i / scale),
};

/** Half goes down, except with round_prefer_ceil. */
const ROUNDINGS: Readonly<Record<string, (v: number) => number>> = {
  round_prefer_floor: (v) => Math.ceil(v - 0.5),
  round_prefer_ceil: (v) => Math.floor(v + 0.5),
  floor: (v) => Math.floor(v),
  ceil: (v) => Math.ceil(v),
};

interface How {
  readonly mode: string;
  readonly place: string;
  readonly rounding: string;
}

/** Resize, from opset 11 on; before it, as Upsample: coordinates i / scale, rounded down. */
const resize: Operator = (node) => {
  const modern = node.opset >= 11;
  const how: How = {
    mode: node.text("mode", "nearest"),
    place: modern ? node.text("coordinate_transformation_mode", "half_pixel") : "asymmetric",
    rounding: modern ? node.text("nearest_mode", "round_prefer_floor") : "floor",
  };
  if (how.mode !== "nearest" && how.mode !== "linear") throw node.error(`mode "${how.mode}" is not covered`);
  if (!Object.hasOwn(PLACES, how.place))
    throw node.error(`coordinate_transformation_mode "${how.place}" is not covered`);
  if (!Object.hasOwn(ROUNDINGS, how.rounding)) throw node.error(`unknown nearest_mode "${how.rounding}"`);
  if (node.flag("antialias", false)) throw node.error("antialias must be 0");
  const policy = node.text("keep_aspect_ratio_policy", "stretch");
  if (policy !== "stretch") throw node.error(`keep_aspect_ratio_policy "${policy}" is not covered`);
  return (inputs) => {
    const x = inputs.tensor(0);
    if (x.rank < 2) throw node.error(`x must have rows and columns, has rank ${x.rank}`);
    const [H, W] = x.shape.slice(-2);
    const { scales, sizes } = wantedOf(node, inputs, x.shape);
    if (scales.slice(0, -2).some((s) => s !== 1)) throw node.error("only rows and columns can be resized");
    const [sh, sw] = scales.slice(-2);
    const [Ho, Wo] = sizes?.slice(-2) ?? [Math.floor(Math.fround(H * sh)), Math.floor(Math.fround(W * sw))];
    if (!(H >= 1 && W >= 1 && Ho >= 1 && Wo >= 1)) throw node.error(`the result would be ${Ho}×${Wo}`);
    node.checkSize([...x.shape.slice(0, -2), Ho, Wo]);
    const alignCorners = how.place === "align_corners";
    const asHere = alignCorners || (how.place === "half_pixel" && Ho === sh * H && Wo === sw * W);
    if (how.mode === "linear" && asHere && x.rank === 4) {
      return interpolate(x, { size: [Ho, Wo], mode: "bilinear", alignCorners });
    }
    const rows = tapsFor(how, H, Ho, sh);
    const columns = tapsFor(how, W, Wo, sw);
    const mode = how.mode as "nearest" | "linear";
    const planes = x.shape.slice(0, -2).reduce((product, length) => product * length, 1);
    return resample(x, { planes, H, W, Ho, Wo, rows, columns, mode, alignCorners: false, scaleFactor: null });
  };
};

/** Scales of all axes, and sizes if the node gives these. */
function wantedOf(node: Node, inputs: Inputs, shape: Shape): { scales: number[]; sizes: number[] | undefined } {
  const axes = inputs.axes(node.list("axes") ?? shape.map((_, i) => i), shape.length);
  /** Of all axes, where the node names some. */
  const spread = (given: readonly number[], otherwise: readonly number[]): number[] => {
    if (given.length !== axes.length) throw node.error(`needs ${axes.length} scales or sizes, got ${given.length}`);
    const all = [...otherwise];
    axes.forEach((axis, i) => {
      all[axis] = given[i];
    });
    return all;
  };
  const ones = shape.map(() => 1);
  const attribute = node.list("scales");
  if (attribute) return { scales: spread(attribute, ones), sizes: undefined };
  const [at, last] = node.opset >= 11 ? [2, 3] : [1, 1];
  if (last > at && node.given(last)) {
    const sizes = spread(inputs.list(last)!, shape);
    return { scales: sizes.map((size, axis) => Math.fround(size / shape[axis])), sizes };
  }
  const value = inputs.value(at);
  const scales = spread(isTensor(value) ? [...value.data] : value.data, ones);
  if (!scales.every((s) => s > 0 && s < Infinity)) throw node.error(`scales must be above 0, got [${scales}]`);
  return { scales, sizes: undefined };
}

function tapsFor({ mode, place, rounding }: How, length: number, results: number, scale: number): Taps {
  const clamp = (v: number): number => Math.min(Math.max(v, 0), length - 1);
  return tapsOf(results, length, (i) => {
    const at = PLACES[place](i, scale, length, results);
    if (mode === "nearest") return { first: clamp(ROUNDINGS[rounding](at)), weight: 1 };
    const first = Math.floor(clamp(at));
    return { first, weight: 1 - (clamp(at) - first) };
  });
}

export const resizing: Operators = {
  ConvTranspose: convTranspose,
  Resize: resize,
  Upsample: resize,
};
