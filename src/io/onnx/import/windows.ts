/** The window of a convolution or pooling: kernel, stride, dilation and padding as ONNX writes them. */
import { pad } from "../../../autograd/shape.ts";
import type { Shape } from "../../../tensor/shape.ts";
import type { Tensor } from "../../../tensor/tensor.ts";
import type { Node } from "./operator.ts";

type Two = readonly [number, number];

export interface Window {
  readonly kernel: Two;
  readonly stride: Two;
  readonly dilation: Two;
  readonly ceilMode: boolean;
  /** Padding for images of this shape: top, left, bottom, right. */
  pads(x: Shape): readonly number[];
  /** Padding that is the same on opposite sides of all images; null if there is none such. */
  readonly symmetric: Two | null;
}

/**
 * @param kernel the size where the node does not give it.
 * @param lines whether a window of one axis is covered, too: it is that of an image with one row.
 */
export function windowOf(node: Node, kernel?: Shape, lines = false): Window {
  const given = node.list("kernel_shape") ?? kernel;
  const isLine = lines && given?.length === 1;
  const size = isLine ? [1, ...given] : given;
  if (size?.length !== 2) {
    throw node.error(
      `kernel_shape must have two axes, got ${size?.length ?? "none"}: only images, [N, C, H, W], are covered`,
    );
  }
  const two = (name: string, least: number): Two => {
    const own = node.list(name) ?? (isLine ? [1] : [1, 1]);
    const list = isLine ? [1, ...own] : own;
    if (list.length !== 2 || !list.every((v) => Number.isSafeInteger(v) && v >= least)) {
      throw node.error(`${name} must be two whole numbers of ${least} or more, got [${list}]`);
    }
    return [list[0], list[1]];
  };
  const [stride, dilation] = [two("strides", 1), two("dilations", 1)];
  const pads = node.list("pads") ?? (isLine ? [0, 0] : [0, 0, 0, 0]);
  const fixed = isLine ? pads.flatMap((p) => [0, p]) : pads;
  if (fixed.length !== 4 || !fixed.every((p) => Number.isSafeInteger(p) && p >= 0)) {
    throw node.error(`pads must be four whole numbers of 0 or more, got [${fixed}]`);
  }
  const auto = node.text("auto_pad", "NOTSET");
  if (!["", "NOTSET", "VALID", "SAME_UPPER", "SAME_LOWER"].includes(auto))
    throw node.error(`unknown auto_pad "${auto}"`);
  const same = auto.startsWith("SAME");
  const sides = auto === "VALID" ? [0, 0, 0, 0] : fixed;
  const [kh, kw] = size;
  return {
    kernel: [kh, kw],
    stride,
    dilation,
    ceilMode: node.flag("ceil_mode", false),
    pads: (x) => (same ? samePads(x, [kh, kw], stride, dilation, auto === "SAME_UPPER") : sides),
    symmetric: !same && sides[0] === sides[2] && sides[1] === sides[3] ? [sides[0], sides[1]] : null,
  };
}

/** As much padding as makes the output ⌈length / stride⌉ long; an odd rest is added after, or before, the image. */
function samePads(x: Shape, kernel: Two, stride: Two, dilation: Two, after: boolean): number[] {
  const sides = [0, 1].map((axis) => {
    const windows = Math.ceil(x[2 + axis] / stride[axis]);
    const total = Math.max(0, (windows - 1) * stride[axis] + dilation[axis] * (kernel[axis] - 1) + 1 - x[2 + axis]);
    const less = Math.floor(total / 2);
    return after ? [less, total - less] : [total - less, less];
  });
  return [sides[0][0], sides[1][0], sides[0][1], sides[1][1]];
}

/** `x` with `[top, left, bottom, right]` rows and columns of `value` around every image. */
export function padImages(x: Tensor, [top, left, bottom, right]: readonly number[], value: number): Tensor {
  if (top + left + bottom + right === 0) return x;
  return pad(
    x,
    [
      [0, 0],
      [0, 0],
      [top, bottom],
      [left, right],
    ],
    value,
  );
}

/** The shape of padded images. */
export function paddedShape([N, C, H, W]: Shape, [top, left, bottom, right]: readonly number[]): Shape {
  return [N, C, H + top + bottom, W + left + right];
}

/** Splits padding into what both sides of each axis share, and what one has more. */
export function sharedPads([top, left, bottom, right]: readonly number[], most: Two): [Two, readonly number[]] {
  const shared: Two = [Math.min(top, bottom, most[0]), Math.min(left, right, most[1])];
  return [shared, [top - shared[0], left - shared[1], bottom - shared[0], right - shared[1]]];
}
