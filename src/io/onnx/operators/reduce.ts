/** Reductions in ONNX. */
import type { Axes } from "../../../tensor/geometry/reduce.ts";
import type { Exporter, Exporters, Writer } from "../writer.ts";

type Reduction = "sum" | "mean" | "prod" | "max" | "min" | "maxWithIndices" | "minWithIndices" | "logsumexp";

const reduction =
  (operator: string): Exporter<Reduction> =>
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

export const reductions: Exporters<Reduction | "variance" | "std" | "cumsum"> = {
  sum: /* @__PURE__ */ reduction("ReduceSum"),
  mean: /* @__PURE__ */ reduction("ReduceMean"),
  prod: /* @__PURE__ */ reduction("ReduceProd"),
  max: /* @__PURE__ */ reduction("ReduceMax"),
  min: /* @__PURE__ */ reduction("ReduceMin"),
  maxWithIndices: /* @__PURE__ */ reduction("ReduceMax"),
  minWithIndices: /* @__PURE__ */ reduction("ReduceMin"),
  logsumexp: /* @__PURE__ */ reduction("ReduceLogSumExp"),
  variance,
  std: (writer, node) => writer.node("Sqrt", [variance(writer, node)]),
  cumsum: (writer, { inputs: [x], attributes: { axis } }) =>
    writer.node("CumSum", [writer.value(x), writer.ints([axis], [])]),
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
