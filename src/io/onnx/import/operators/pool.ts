/** Pooling. */
import { div } from "../../../../autograd/elementwise.ts";
import { avgPool2d, maxPool2d } from "../../../../autograd/pool.ts";
import { max, mean } from "../../../../autograd/reduce.ts";
import { ones } from "../../../../tensor/create.ts";
import type { Shape } from "../../../../tensor/shape.ts";
import type { Tensor } from "../../../../tensor/tensor.ts";
import type { Operator, Operators } from "../operator.ts";
import { paddedShape, padImages, sharedPads, type Window, windowOf } from "../windows.ts";

/** maxPool2d and avgPool2d take padding of at most half the window. */
const half = ({ kernel: [kh, kw] }: Window): [number, number] => [Math.floor(kh / 2), Math.floor(kw / 2)];

const maxPool: Operator = (node) => {
  const window = windowOf(node);
  if (node.flag("storage_order", false)) throw node.error("storage_order must be 0: it numbers pixels by columns");
  return (inputs) => {
    const x = inputs.tensor(0);
    const { kernel: kernelSize, stride, dilation, ceilMode } = window;
    const around = window.pads(x.shape);
    node.checkSize(paddedShape(x.shape, around));
    const [padding, more] = sharedPads(around, half(window));
    return maxPool2d(padImages(x, more, -Infinity), { kernelSize, stride, padding, dilation, ceilMode });
  };
};

const averagePool: Operator = (node) => {
  const window = windowOf(node);
  if (window.dilation.some((d) => d !== 1)) throw node.error("dilations must be 1");
  const countIncludePad = node.flag("count_include_pad", false);
  return (inputs) => {
    const x = inputs.tensor(0);
    const { kernel: kernelSize, stride, ceilMode } = window;
    const around = window.pads(x.shape);
    node.checkSize(paddedShape(x.shape, around));
    const [padding, more] = sharedPads(around, half(window));
    const average = (t: Tensor): Tensor =>
      avgPool2d(padImages(t, more, 0), { kernelSize, stride, padding, ceilMode, countIncludePad });
    if (countIncludePad || more.every((p) => p === 0)) return average(x);
    // The extra rows and columns must not count: their share of each window is that in an image of ones.
    return div(average(x), average(ones([1, 1, ...x.shape.slice(2)])));
  };
};

/** Every axis after the channels, kept as length 1. */
const global =
  (f: (x: Tensor, axes: Shape, options: { keepDim: boolean }) => Tensor): Operator =>
  () =>
  (inputs) => {
    const x = inputs.tensor(0);
    return f(
      x,
      x.shape.slice(2).map((_, i) => i + 2),
      { keepDim: true },
    );
  };

export const pooling: Operators = {
  MaxPool: maxPool,
  AveragePool: averagePool,
  GlobalAveragePool: /* @__PURE__ */ global(mean),
  GlobalMaxPool: /* @__PURE__ */ global(max),
};
