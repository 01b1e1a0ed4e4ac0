/** The operations with weights in ONNX: convolution, matrix products, normalisation; and softmax. */
import { sizeOf } from "../../../tensor/shape.ts";
import type { Tensor } from "../../../tensor/tensor.ts";
import type { Exporters, NodeOf, Writer } from "../writer.ts";

export const layers: Exporters<
  | "conv2d"
  | "conv1d"
  | "matmul"
  | "linear"
  | "batchNorm"
  | "layerNorm"
  | "groupNorm"
  | "instanceNorm"
  | "softmax"
  | "logSoftmax"
> = {
  conv2d: (writer, { inputs, attributes: { kh, kw, sh, sw, ph, pw, dh, dw, groups } }) =>
    writer.node("Conv", writer.values(inputs), {
      kernel_shape: [kh, kw],
      strides: [sh, sw],
      pads: [ph, pw, ph, pw],
      dilations: [dh, dw],
      group: groups,
    }),

  conv1d: (writer, { inputs, attributes: { kw, sw, pw, dw, groups } }) =>
    writer.node("Conv", writer.values(inputs), {
      kernel_shape: [kw],
      strides: [sw],
      pads: [pw, pw],
      dilations: [dw],
      group: groups,
    }),

  matmul: (writer, { inputs }) => writer.node("MatMul", writer.values(inputs)),

  linear: (writer, { inputs }) => {
    const [x, w, ...b] = writer.values(inputs);
    // Gemm is for matrices. Elsewhere x·wᵀ + b is written out.
    if (inputs[0].rank === 2) return writer.node("Gemm", [x, w, ...b], { transB: 1 });
    const product = writer.node("MatMul", [x, writer.node("Transpose", [w], { perm: [1, 0] })]);
    return b.length > 0 ? writer.node("Add", [product, ...b]) : product;
  },

  batchNorm: (writer, node) => {
    const { training, weight, bias, runningMean, runningVar, eps } = node.attributes;
    if (training || !runningMean || !runningVar) return batchStatistics(writer, node);
    const [x] = node.inputs;
    return writer.node(
      "BatchNormalization",
      [
        writer.value(x),
        valueOr(writer, weight, 1, x.shape[1]),
        valueOr(writer, bias, 0, x.shape[1]),
        ...writer.values([runningMean, runningVar]),
      ],
      { epsilon: { float: eps } },
    );
  },

  layerNorm: (writer, { inputs: [x], attributes: { normalizedShape, weight, bias, eps } }) => {
    const scale = weight ? writer.value(weight) : writer.floats(filled(sizeOf(normalizedShape), 1), normalizedShape);
    return writer.node("LayerNormalization", [writer.value(x), scale, bias ? writer.value(bias) : ""], {
      axis: -normalizedShape.length,
      epsilon: { float: eps },
    });
  },

  groupNorm: (writer, { inputs: [x], output, attributes: { groups, weight, bias, eps } }) => {
    // Treats each group as one channel of a long image: normalises it by itself, then restores its shape. (The operator
    // GroupNormalization means something else in opset 18 than since opset 21.)
    const rows = [x.shape[0], groups, x.size / (x.shape[0] * groups)];
    const grouped = writer.node("Reshape", [writer.value(x), writer.lengths(rows)]);
    const normalized = writer.node(
      "InstanceNormalization",
      [grouped, writer.floats(filled(groups, 1), [groups]), writer.floats(filled(groups, 0), [groups])],
      { epsilon: { float: eps } },
    );
    const restored = writer.node("Reshape", [normalized, writer.lengths(output.shape, writer.value(x))]);
    const scaled = weight ? writer.node("Mul", [restored, perChannel(writer, weight, x.rank)]) : restored;
    return bias ? writer.node("Add", [scaled, perChannel(writer, bias, x.rank)]) : scaled;
  },

  instanceNorm: (writer, { inputs: [x], attributes: { weight, bias, eps } }) =>
    writer.node(
      "InstanceNormalization",
      [writer.value(x), valueOr(writer, weight, 1, x.shape[1]), valueOr(writer, bias, 0, x.shape[1])],
      { epsilon: { float: eps } },
    ),

  softmax: (writer, { inputs: [x], attributes: { axis } }) => writer.node("Softmax", [writer.value(x)], { axis }),

  logSoftmax: (writer, { inputs: [x], attributes: { axis } }) => writer.node("LogSoftmax", [writer.value(x)], { axis }),
};

/**
 * A batch norm without running statistics: each channel is normalised over the whole batch. With the channels first and
 * everything else last, an instance norm does just that to one image.
 */
function batchStatistics(
  writer: Writer,
  { inputs: [x], attributes: { weight, bias, eps } }: NodeOf<"batchNorm">,
): string {
  const [N, C, ...rest] = x.shape;
  const swapped = [1, 0, ...rest.map((_, i) => i + 2)];
  const channels = writer.node("Transpose", [writer.value(x)], { perm: swapped });
  const rows = writer.node("Reshape", [channels, writer.lengths([1, C, x.size / C])]);
  const normalized = writer.node(
    "InstanceNormalization",
    [rows, valueOr(writer, weight, 1, C), valueOr(writer, bias, 0, C)],
    { epsilon: { float: eps } },
  );
  const restored = writer.node("Reshape", [normalized, writer.lengths([C, N, ...rest], channels)]);
  return writer.node("Transpose", [restored], { perm: swapped });
}

/** `t` `[C]`, or C times `otherwise`. */
function valueOr(writer: Writer, t: Tensor | null, otherwise: number, C: number): string {
  return t ? writer.value(t) : writer.floats(filled(C, otherwise), [C]);
}

/** `[C]` as `[C, 1, …]`, which broadcasts against `[N, C, …]`. */
function perChannel(writer: Writer, t: Tensor, rank: number): string {
  const added = Array.from({ length: rank - 2 }, (_, i) => i + 1);
  return added.length === 0 ? writer.value(t) : writer.node("Unsqueeze", [writer.value(t), writer.ints(added)]);
}

function filled(size: number, value: number): Float32Array {
  return new Float32Array(size).fill(value);
}
