/** Comparisons, logic and choice. Truth values are the numbers 0 and 1; of whole numbers they belong to shapes. */
import { eq, ge, gt, le, lt, maximum, mul, ne, where } from "../../../../autograd/index.ts";
import { broadcastShapes } from "../../../../tensor/shape.ts";
import type { Tensor } from "../../../../tensor/tensor.ts";
import { wholes } from "../numbers.ts";
import type { Operator, Operators } from "../operator.ts";
import { expandWholes, mapWholes } from "../wholes.ts";

const compared =
  (f: (a: Tensor, b: Tensor) => Tensor, g: (a: number, b: number) => boolean): Operator =>
  () =>
  (inputs) =>
    inputs.areWholes
      ? mapWholes(inputs.wholes(0), inputs.wholes(1), (a, b) => Number(g(a, b)))
      : f(inputs.tensor(0), inputs.tensor(1));

/** The elements of b where the condition is 0, else those of a. */
const chosen: Operator = () => (inputs) => {
  if (!inputs.areWholes) return where(inputs.tensor(0), inputs.tensor(1), inputs.tensor(2));
  const [condition, a, b] = [inputs.wholes(0), inputs.wholes(1), inputs.wholes(2)];
  const shape = [a, b].reduce((all, { shape }) => broadcastShapes("importOnnx", all, shape), [...condition.shape]);
  const [c, yes, no] = [condition, a, b].map((part) => expandWholes(part, shape).data);
  return wholes(
    c.map((value, i) => (value !== 0 ? yes[i] : no[i])),
    shape,
  );
};

export const comparisons: Operators = {
  Equal: /* @__PURE__ */ compared(eq, (a, b) => a === b),
  Less: /* @__PURE__ */ compared(lt, (a, b) => a < b),
  LessOrEqual: /* @__PURE__ */ compared(le, (a, b) => a <= b),
  Greater: /* @__PURE__ */ compared(gt, (a, b) => a > b),
  GreaterOrEqual: /* @__PURE__ */ compared(ge, (a, b) => a >= b),
  And: /* @__PURE__ */ compared(mul, (a, b) => a !== 0 && b !== 0),
  Or: /* @__PURE__ */ compared(maximum, (a, b) => a !== 0 || b !== 0),
  Xor: /* @__PURE__ */ compared(ne, (a, b) => (a !== 0) !== (b !== 0)),
  Not: () => (inputs) => {
    if (!inputs.areWholes) return eq(inputs.tensor(0), 0);
    const { shape, data } = inputs.wholes(0);
    return wholes(
      data.map((value) => Number(value === 0)),
      shape,
    );
  },
  Where: chosen,
};
