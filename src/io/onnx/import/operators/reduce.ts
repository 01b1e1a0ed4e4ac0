/** Reductions. */
import { mul, neg, sqrt } from "../../../../autograd/elementwise.ts";
import { logsumexp, max, mean, sum } from "../../../../autograd/reduce.ts";
import type { Tensor } from "../../../../tensor/tensor.ts";
import { wholes } from "../numbers.ts";
import type { Inputs, Node, Operator, Operators } from "../operator.ts";

type Reduction = (x: Tensor, axes: readonly number[], options: { keepDim: boolean }) => Tensor;

/** The axes as an input from this opset on; before, an attribute. */
const INPUT_SINCE = 18;

/** All axes of the node, or null if it reduces nothing. */
function axesOf(node: Node, inputs: Inputs, since: number, rank: number): number[] | null {
  const axes = (node.opset >= since ? inputs.list(1) : node.list("axes")) ?? [];
  if (axes.length > 0) return inputs.axes(axes, rank);
  return node.flag("noop_with_empty_axes", false) ? null : Array.from({ length: rank }, (_, axis) => axis);
}

const reduce =
  (f: Reduction, since = INPUT_SINCE): Operator =>
  (node) => {
    const keepDim = node.flag("keepdims", true);
    return (inputs) => {
      const x = inputs.tensor(0);
      const axes = axesOf(node, inputs, since, x.rank);
      return axes === null ? x : f(x, axes, { keepDim });
    };
  };

/** The product of a list: how many elements a shape has. */
const reduceProd: Operator = (node) => {
  const keepDim = node.flag("keepdims", true);
  return (inputs) => {
    const { shape, data } = inputs.wholes(0);
    if (shape.length > 1) throw node.error("the product is covered for lists of whole numbers only");
    return wholes([data.reduce((product, value) => product * value, 1)], keepDim ? shape.map(() => 1) : []);
  };
};

export const reductions: Operators = {
  ReduceMean: /* @__PURE__ */ reduce(mean),
  ReduceSum: /* @__PURE__ */ reduce(sum, 13),
  ReduceMax: /* @__PURE__ */ reduce(max),
  ReduceMin: /* @__PURE__ */ reduce((x, axes, options) => neg(max(neg(x), axes, options))),
  ReduceL2: /* @__PURE__ */ reduce((x, axes, options) => sqrt(sum(mul(x, x), axes, options))),
  ReduceSumSquare: /* @__PURE__ */ reduce((x, axes, options) => sum(mul(x, x), axes, options)),
  ReduceLogSumExp: /* @__PURE__ */ reduce(logsumexp),
  ReduceProd: reduceProd,
};
