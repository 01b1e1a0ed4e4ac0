/** Shaping in ONNX. Lengths and positions are written as `lengths`, because they may follow the batch. */
import type { Exporter, Exporters } from "../writer.ts";

/** A position past the end of every axis: the operator's specification asks for it where there is no end. */
const END = 2 ** 31 - 1;

const relabelled: Exporter<string> = (writer, { inputs: [x], output: { shape } }) =>
  // Without `allowzero` a length of 0 would mean "unchanged".
  writer.node("Reshape", [writer.value(x), writer.lengths(shape)], shape.includes(0) ? { allowzero: 1 } : {});

const permuted: Exporter<"transpose" | "permute"> = (writer, { inputs: [x], attributes: { axes } }) =>
  axes.length === 0
    ? writer.value(x)
    : writer.node("Transpose", [writer.value(x)], { perm: axes.map((axis) => (axis < 0 ? axis + axes.length : axis)) });

export const shaping: Exporters<
  | "transpose"
  | "permute"
  | "reshape"
  | "flatten"
  | "squeeze"
  | "unsqueeze"
  | "slice"
  | "concat"
  | "stack"
  | "pad"
  | "indexSelect"
  | "gather"
  | "topK"
  | "expand"
> = {
  transpose: permuted,
  permute: permuted,
  reshape: relabelled,
  flatten: relabelled,
  squeeze: relabelled,
  unsqueeze: relabelled,

  slice: (writer, { inputs: [x], attributes: { ranges } }) => {
    const given = ranges.flatMap((range, axis) => (range ? [{ range, axis }] : []));
    if (given.length === 0) return writer.value(x);
    return writer.node("Slice", [
      writer.value(x),
      writer.lengths(given.map(({ range: [start] }) => start ?? 0)),
      writer.lengths(given.map(({ range: [, stop] }) => stop ?? END)),
      writer.ints(given.map(({ axis }) => axis)),
      writer.ints(given.map(({ range: [, , step = 1] }) => step)),
    ]);
  },

  concat: (writer, { inputs, attributes: { axis } }) => writer.node("Concat", writer.values(inputs), { axis }),

  stack: (writer, { inputs, attributes: { axis } }) => {
    const lifted = writer.values(inputs).map((value) => writer.node("Unsqueeze", [value, writer.ints([axis])]));
    return writer.node("Concat", lifted, { axis });
  },

  pad: (writer, { inputs: [x], attributes: { pads, value } }) => {
    if (pads.length === 0) return writer.value(x);
    const amounts = [...pads.map(([before]) => before), ...pads.map(([, after]) => after)];
    return writer.node("Pad", [writer.value(x), writer.lengths(amounts), writer.scalar(value)]);
  },

  indexSelect: (writer, { inputs: [x], attributes: { axis, index } }) =>
    writer.node("Gather", [writer.value(x), writer.ints(Array.from(index))], { axis }),

  gather: (writer, { inputs: [x], attributes: { axis, index } }) =>
    writer.node("GatherElements", [writer.value(x), writer.ints(Array.from(index.data), index.shape)], { axis }),

  topK: (writer, { inputs: [x], attributes: { k, axis, largest } }) =>
    writer.node("TopK", [writer.value(x), writer.lengths([k])], { axis, largest: Number(largest) }, 1),

  expand: (writer, { inputs: [x], output: { shape } }) =>
    writer.node("Expand", [writer.value(x), writer.lengths(shape)]),
};
