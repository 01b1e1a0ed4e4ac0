/** Reductions. */
import { cumsum } from "../../../../autograd/cumulative.ts";
import { mul, sqrt } from "../../../../autograd/elementwise.ts";
import { argmax, argmin, logsumexp, max, mean, min, prod, sum } from "../../../../autograd/reduce.ts";
import { indexSelect, pad, slice } from "../../../../autograd/shape.ts";
import { Tensor } from "../../../../tensor/tensor.ts";
import { isWholes, wholes } from "../numbers.ts";
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

/** Of whole numbers, the product of a list: how many elements a shape has. */
const reduceProd: Operator = (node) => {
  const keepDim = node.flag("keepdims", true);
  const ofTensors = reduce(prod)(node);
  return (inputs, mode) => {
    const x = inputs.value(0);
    if (!isWholes(x)) return ofTensors(inputs, mode);
    const { shape, data } = x;
    if (shape.length > 1) throw node.error("the product is covered for lists of whole numbers only");
    return wholes([data.reduce((product, value) => product * value, 1)], keepDim ? shape.map(() => 1) : []);
  };
};

/** Positions are numbers of the network here: they may be its output, but no index, which must follow from shapes. */
const positions =
  (f: typeof argmax): Operator =>
  (node) => {
    if (node.flag("select_last_index", false))
      throw node.error("the last of equal numbers is not covered, only the first");
    const [given, keepDim] = [node.whole("axis", 0), node.flag("keepdims", true)];
    return (inputs) => {
      const x = inputs.tensor(0);
      const { data, shape } = f(x, inputs.axis(given, x.rank), { keepDim });
      return new Tensor(Float32Array.from(data), shape);
    };
  };

/** Running sums: from the last number on if `reverse`, without the number itself if `exclusive`. */
const cumulative: Operator = (node) => {
  const [exclusive, reverse] = [node.flag("exclusive", false), node.flag("reverse", false)];
  return (inputs) => {
    const x = inputs.tensor(0);
    const axis = inputs.axis(inputs.wholes(1).data[0], x.rank);
    const length = x.shape[axis];
    const backwards = Int32Array.from({ length }, (_, i) => length - 1 - i);
    const turned = (t: Tensor): Tensor => (reverse ? indexSelect(t, axis, backwards) : t);
    const y = cumsum(turned(x), axis);
    if (!exclusive || length === 0) return turned(y);
    // Shifted by one: a zero comes first, and the last sum goes.
    const along = <T>(there: T, elsewhere: T): T[] => x.shape.map((_, i) => (i === axis ? there : elsewhere));
    const kept = slice(y, along([0, length - 1] as const, null));
    return turned(pad(kept, along([1, 0] as const, [0, 0] as const)));
  };
};

export const reductions: Operators = {
  ReduceMean: /* @__PURE__ */ reduce(mean),
  ReduceSum: /* @__PURE__ */ reduce(sum, 13),
  ReduceMax: /* @__PURE__ */ reduce(max),
  ReduceMin: /* @__PURE__ */ reduce(min),
  ReduceL2: /* @__PURE__ */ reduce((x, axes, options) => sqrt(sum(mul(x, x), axes, options))),
  ReduceSumSquare: /* @__PURE__ */ reduce((x, axes, options) => sum(mul(x, x), axes, options)),
  ReduceLogSumExp: /* @__PURE__ */ reduce(logsumexp),
  ReduceProd: reduceProd,
  ArgMax: /* @__PURE__ */ positions(argmax),
  ArgMin: /* @__PURE__ */ positions(argmin),
  CumSum: cumulative,
};
