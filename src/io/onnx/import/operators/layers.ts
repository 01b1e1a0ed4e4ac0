/** Operators with weights: convolution, matrix products, normalisation; dropout and softmax. */
import { conv1d, conv2d } from "../../../../autograd/conv.ts";
import { dropout } from "../../../../autograd/dropout.ts";
import { einsum } from "../../../../autograd/einsum.ts";
import { add, mul } from "../../../../autograd/elementwise.ts";
import { linear, matmul } from "../../../../autograd/matmul.ts";
import { batchNorm, groupNorm, instanceNorm, layerNorm } from "../../../../autograd/norm.ts";
import { pad, reshape, transpose } from "../../../../autograd/shape.ts";
import { logSoftmax, softmax } from "../../../../autograd/softmax.ts";
import { UsageError } from "../../../../tensor/errors.ts";
import { sizeOf } from "../../../../tensor/shape.ts";
import type { Tensor } from "../../../../tensor/tensor.ts";
import { type Node, type Operator, type Operators, split } from "../operator.ts";
import { paddedShape, padImages, sharedPads, windowOf } from "../windows.ts";

/** Share of the new batch in the running statistics: ONNX gives the share of the old ones. */
export function momentumOf(node: Node): number {
  return Number((1 - node.number("momentum", 0.9)).toPrecision(7));
}

/** @throws FormatError for a batch norm that is none of images and features. */
export function checkBatchNorm(node: Node): void {
  if (node.whole("spatial", 1) !== 1) throw node.error("spatial must be 1: one mean for each pixel is not covered");
}

const conv: Operator = (node) => {
  const groups = node.whole("group", 1);
  // A kernel that is computed has its size only when the network runs.
  const known = node.list("kernel_shape");
  const window = known && windowOf(node, known, true);
  return (inputs) => {
    const [x, w, b] = [inputs.tensor(0), inputs.tensor(1), inputs.tensorOrNull(2)];
    const { stride, dilation, pads } = window ?? windowOf(node, w.shape.slice(2), true);
    const size = x.rank === 3 ? [1, x.shape[2]] : x.shape.slice(2);
    const around = pads([...x.shape.slice(0, 2), ...size]);
    node.checkSize(paddedShape([x.shape[0], w.shape[0], ...size], around));
    const [padding, more] = sharedPads(around, [Infinity, Infinity]);
    if (x.rank === 3) {
      const [, before, , after] = more;
      const longer = before + after === 0 ? x : pad(x, [...[0, 1].map(() => [0, 0] as const), [before, after]]);
      return conv1d(longer, w, b, { stride: stride[1], padding: padding[1], dilation: dilation[1], groups });
    }
    return conv2d(padImages(x, more, 0), w, b, { stride, padding, dilation, groups });
  };
};

/** y = alpha·a·b + beta·c, a and b transposed on demand. */
const gemm: Operator = (node) => {
  const [alpha, beta] = [node.number("alpha", 1), node.number("beta", 1)];
  const [transA, transB] = [node.flag("transA", false), node.flag("transB", false)];
  return (inputs) => {
    const a = transA ? transpose(inputs.tensor(0), 0, 1) : inputs.tensor(0);
    const b = inputs.tensor(1);
    const c = inputs.tensorOrNull(2);
    if (transB && alpha === 1 && beta === 1 && (c === null || c.rank === 1)) return linear(a, b, c);
    const product = matmul(a, transB ? transpose(b, 0, 1) : b);
    const y = alpha === 1 ? product : mul(product, alpha);
    if (c === null) return y;
    return add(y, beta === 1 ? c : mul(c, beta));
  };
};

const batchNormalization: Operator = (node) => {
  checkBatchNorm(node);
  const options = { eps: node.number("epsilon", 1e-5), momentum: momentumOf(node) };
  return (inputs, { training }) => {
    const [x, weight, bias, runningMean, runningVar] = [0, 1, 2, 3, 4].map((i) => inputs.tensor(i));
    return batchNorm(x, weight, bias, { ...options, runningMean, runningVar, training });
  };
};

/** Normalises each channel of each image by itself; the operator takes images of one pixel, too. */
const instanceNormalization: Operator = (node) => {
  const eps = node.number("epsilon", 1e-5);
  return (inputs) => {
    const x = inputs.tensor(0);
    const [weight, bias] = [inputs.tensor(1), inputs.tensor(2)];
    if (sizeOf(x.shape.slice(2)) === 1) return groupNorm(x, x.shape[1], weight, bias, { eps });
    return instanceNorm(x, weight, bias, { eps });
  };
};

const groupNormalization: Operator = (node) => {
  const eps = node.number("epsilon", 1e-5);
  const groups = node.whole("num_groups", 0);
  return (inputs) => {
    const [x, weight, bias] = [inputs.tensor(0), inputs.tensor(1), inputs.tensor(2)];
    const channels = x.shape[1];
    if (node.opset >= 21 || weight.size === channels) return groupNorm(x, groups, weight, bias, { eps });
    // Before opset 21 a group has one scale and one shift: those of its channels.
    const rows = reshape(groupNorm(x, groups, null, null, { eps }), [x.shape[0], groups, -1]);
    return reshape(add(mul(rows, reshape(weight, [groups, 1])), reshape(bias, [groups, 1])), x.shape);
  };
};

const layerNormalization: Operator = (node) => {
  const eps = node.number("epsilon", 1e-5);
  const axis = node.whole("axis", -1);
  return (inputs) => {
    const x = inputs.tensor(0);
    const normalized = x.shape.slice(inputs.axis(axis, x.rank));
    // They may have fewer axes, or length 1 along some.
    const [weight, bias] = [inputs.tensor(1), inputs.tensorOrNull(2)];
    const whole = (t: Tensor | null): boolean => t === null || t.shape.join() === normalized.join();
    if (whole(weight) && whole(bias)) return layerNorm(x, normalized, weight, bias, { eps });
    const y = mul(layerNorm(x, normalized, null, null, { eps }), weight);
    return bias ? add(y, bias) : y;
  };
};

const dropped: Operator = (node) => {
  const p = node.opset < 12 ? node.number("ratio", 0.5) : node.scalar(1, 0.5);
  if (!(p >= 0 && p <= 1)) throw node.error(`the ratio must be from 0 to 1, got ${p}`);
  return (inputs, { training, rng }) => {
    if (!training || p === 0) return inputs.tensor(0);
    if (!rng) {
      throw new UsageError(
        `importOnnx: ${node.title} needs random numbers in training: importOnnx(bytes, { rng: new Rng(seed) })`,
      );
    }
    return dropout(inputs.tensor(0), p, { rng });
  };
};

/** Until opset 12 over all axes from `axis` on, as if they were one; since then over one axis. */
const overAxis =
  (f: (x: Tensor, axis: number) => Tensor): Operator =>
  (node) => {
    const joint = node.opset < 13;
    const given = node.whole("axis", joint ? 1 : -1);
    return (inputs) => {
      const x = inputs.tensor(0);
      const axis = inputs.axis(given, x.rank);
      if (!joint || axis === x.rank - 1) return f(x, axis);
      return reshape(f(reshape(x, split(x.shape, axis)), 1), x.shape);
    };
  };

export const layers: Operators = {
  Conv: conv,
  Gemm: gemm,
  MatMul: () => (inputs) => matmul(inputs.tensor(0), inputs.tensor(1)),
  Einsum: (node) => {
    const equation = node.text("equation", "");
    return (inputs) => einsum(equation, ...inputs.values.map((_, i) => inputs.tensor(i)));
  },
  BatchNormalization: batchNormalization,
  InstanceNormalization: instanceNormalization,
  GroupNormalization: groupNormalization,
  LayerNormalization: layerNormalization,
  Dropout: dropped,
  Softmax: /* @__PURE__ */ overAxis(softmax),
  LogSoftmax: /* @__PURE__ */ overAxis(logSoftmax),
};
