/** Pooling in ONNX. */
import { type Pair, pairOf } from "../../../tensor/geometry/conv.ts";
import type { AvgPool2dOptions, MaxPool2dOptions, PoolWindows } from "../../../tensor/geometry/pool.ts";
import { OnnxExportError } from "../errors.ts";
import type { OnnxAttribute } from "../graph.ts";
import type { Exporters, NodeOf, Writer } from "../writer.ts";

export const pooling: Exporters<"maxPool2d" | "avgPool2d" | "adaptiveAvgPool2d" | "globalAvgPool2d"> = {
  maxPool2d: (writer, node) => {
    const { window, kernel, padding, overhang } = windowOf(writer, node);
    const { dilation = 1 } = node.attributes;
    const dilations = pairOf(dilation);
    const x = writer.value(node.inputs[0]);
    const pads = [...padding, ...padding.map((p, axis) => p + overhang[axis])];
    // The operator takes no more padding than kernel − 1, but a dilated window can need more.
    if (pads.some((p, i) => p >= kernel[i % 2])) {
      return writer.node("MaxPool", [padded(writer, x, pads, -Infinity)], { ...window, dilations });
    }
    return writer.node("MaxPool", [x], { ...window, dilations, pads });
  },

  avgPool2d: (writer, node) => {
    const { window, padding, overhang } = windowOf(writer, node);
    const { countIncludePad = true } = node.attributes;
    const x = writer.value(node.inputs[0]);
    const pads = [...padding, ...padding];
    if (countIncludePad && overhang.some((rows) => rows > 0)) {
      // A window that extends past the edge counts the padding and nothing beyond: so the padding becomes part of the
      // image.
      return writer.node("AveragePool", [padded(writer, x, pads, 0)], { ...window, pads: [0, 0, ...overhang] });
    }
    return writer.node("AveragePool", [x], {
      ...window,
      pads: pads.map((p, i) => (i < 2 ? p : p + overhang[i - 2])),
      count_include_pad: Number(countIncludePad),
    });
  },

  adaptiveAvgPool2d: (writer, { inputs: [x], attributes: { rows, columns, H, W, Ho, Wo } }) => {
    if (Ho === 1 && Wo === 1) return writer.node("GlobalAveragePool", [writer.value(x)]);
    // An average over cells is linear along each direction: y = R·x·Cᵀ, where row i of R is 1/n over the n pixels of
    // cell i. ONNX's operator for averages does not support overlapping cells.
    const right = writer.floats(
      averages(columns, W, (column, cell) => column * Wo + cell),
      [W, Wo],
    );
    const left = writer.floats(
      averages(rows, H, (row, cell) => cell * H + row),
      [Ho, H],
    );
    return writer.node("MatMul", [left, writer.node("MatMul", [writer.value(x), right])]);
  },

  globalAvgPool2d: (writer, { inputs: [x] }) =>
    writer.node("Flatten", [writer.node("GlobalAveragePool", [writer.value(x)])], { axis: 1 }),
};

/** A sliding window in ONNX's form, and how far the last windows extend past the padding in ceil mode. */
function windowOf(
  { dynamicSize, source }: Writer,
  { inputs: [x], output, attributes }: NodeOf<"maxPool2d"> | NodeOf<"avgPool2d">,
): {
  window: Readonly<Record<string, OnnxAttribute>>;
  kernel: readonly [number, number];
  padding: readonly [number, number];
  overhang: readonly number[];
} {
  const {
    kernelSize,
    stride = kernelSize,
    padding = 0,
    dilation = 1,
    ceilMode = false,
  }: MaxPool2dOptions & AvgPool2dOptions = attributes;
  if (dynamicSize && ceilMode) {
    throw new OnnxExportError(
      "with ceilMode its padding follows the image's size: export it without dynamicSize",
      source,
    );
  }
  const [kernel, strides, pads, dilations] = ([kernelSize, stride, padding, dilation] satisfies Pair[]).map(pairOf);
  const overhang = [0, 1].map((axis) => {
    const last = (output.shape[2 + axis] - 1) * strides[axis] - pads[axis];
    const end = last + dilations[axis] * (kernel[axis] - 1) + 1;
    return Math.max(0, end - (x.shape[2 + axis] + pads[axis]));
  });
  return { window: { kernel_shape: kernel, strides }, kernel, padding: pads, overhang };
}

/** The images with `[top, left, bottom, right]` rows and columns of `value` around them. */
function padded(writer: Writer, x: string, [top, left, bottom, right]: readonly number[], value: number): string {
  return writer.node("Pad", [x, writer.ints([0, 0, top, left, 0, 0, bottom, right]), writer.scalar(value)]);
}

/** A matrix with 1/n for the n pixels of each cell; `at` says whether a (pixel, cell) belongs to it. */
function averages(
  { start, count }: PoolWindows,
  length: number,
  at: (pixel: number, cell: number) => number,
): Float32Array {
  const matrix = new Float32Array(length * start.length);
  start.forEach((first, cell) => {
    for (let pixel = first; pixel < first + count[cell]; pixel++) matrix[at(pixel, cell)] = 1 / count[cell];
  });
  return matrix;
}
