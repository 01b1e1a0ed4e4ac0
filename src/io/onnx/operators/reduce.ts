/** Reductions in ONNX. */
import type { Axes } from "../../../tensor/geometry/reduce.ts";
import type { Exporter, Exporters, Writer } from "../writer.ts";

const reduction =
  (operator: string): Exporter<"sum" | "mean" | "max" | "maxWithIndices" | "logsumexp"> =>
  (writer, { inputs: [x], attributes: { axes, keepDim } }) =>
    reduce(writer, operator, writer.value(x), axesOf(axes, x.rank), keepDim);

const variance: Exporter<"variance" | "std"> = (writer, { inputs: [x], attributes: { axes, keepDim, correction } }) => {
  const value = writer.value(x);
  const reduced = axesOf(axes, x.rank);
  const deviation = writer.node("Sub", [value, reduce(writer, "ReduceMean", value, reduced, true)]);
  const square = writer.node("Mul", [deviation, deviation]);
  // The mean of the squares needs no count, which may follow the batch.
  if (correction === 0) return reduce(writer, "ReduceMean", square, reduced, keepDim);
  const count = reduced.reduce((product, axis) => product * x.shape.at(axis)!, 1);
  const total = reduce(writer, "ReduceSum", square, reduced, keepDim);
  return writer.node("Div", [total, writer.scalar(Math.max(0, count - correction))]);
};

export const reductions: Exporters<"sum" | "mean" | "max" | "maxWithIndices" | "logsumexp" | "variance" | "std"> = {
  sum: /* @__PURE__ */ reduction("ReduceSum"),
  mean: /* @__PURE__ */ reduction("ReduceMean"),
  max: /* @__PURE__ */ reduction("ReduceMax"),
  maxWithIndices: /* @__PURE__ */ reduction("ReduceMax"),
  logsumexp: /* @__PURE__ */ reduction("ReduceLogSumExp"),
  variance,
  std: (writer, node) => writer.node("Sqrt", [variance(writer, node)]),
};

function axesOf(axes: Axes, rank: number): readonly number[] {
  if (axes === undefined) return Array.from({ length: rank }, (_, axis) => axis);
  return typeof axes === "number" ? [axes] : axes;
}

/** Before opset 18 all but ReduceSum take their axes as an attribute, later as an input. No axes: nothing to reduce. */
function reduce(writer: Writer, operator: string, x: string, axes: readonly number[], keepDim: boolean): string {
  if (axes.length === 0) return x;
  const keepdims = Number(keepDim);
  return writer.opset >= 18 || operator === "ReduceSum"
    ? writer.node(operator, [x, writer.ints(axes)], { keepdims })
    : writer.node(operator, [x], { axes, keepdims });
}
