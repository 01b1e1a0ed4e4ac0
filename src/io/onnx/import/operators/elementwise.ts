/** Element-wise operators. With whole numbers they compute shapes. */

import { ne } from "../../../../autograd/compare.ts";
import * as ops from "../../../../autograd/elementwise.ts";
import type { Tensor } from "../../../../tensor/tensor.ts";
import { isFloatType, isWholes, isWholeType } from "../numbers.ts";
import type { Operator, Operators } from "../operator.ts";
import { mapWholes } from "../wholes.ts";

const unary =
  (f: (x: Tensor) => Tensor): Operator =>
  () =>
  (inputs) =>
    f(inputs.tensor(0));

/** f(a, b) of tensors, or g(a, b) of whole numbers. */
const binary =
  (f: (a: Tensor, b: Tensor) => Tensor, g?: (a: number, b: number) => number): Operator =>
  () =>
  (inputs) =>
    g && inputs.areWholes ? mapWholes(inputs.wholes(0), inputs.wholes(1), g) : f(inputs.tensor(0), inputs.tensor(1));

/** f over any number of inputs, from the left. */
const variadic =
  (f: (a: Tensor, b: Tensor) => Tensor, g: (a: number, b: number) => number): Operator =>
  () =>
  (inputs) => {
    if (inputs.areWholes) return inputs.values.map((_, i) => inputs.wholes(i)).reduce((a, b) => mapWholes(a, b, g));
    return inputs.values.map((_, i) => inputs.tensor(i)).reduce(f);
  };

const clip: Operator = (node) => {
  const bound = (i: number, name: string, otherwise: number): number =>
    node.opset < 11 ? node.number(name, otherwise) : node.scalar(i, otherwise);
  const low = bound(1, "min", -Infinity);
  const high = bound(2, "max", Infinity);
  return (inputs) => ops.clamp(inputs.tensor(0), low, high);
};

/** y = min(1, max(0, alpha·x + beta)). */
const hardSigmoid: Operator = (node) => {
  const [alpha, beta] = [node.number("alpha", 0.2), node.number("beta", 0.5)];
  return (inputs) => ops.clamp(ops.add(ops.mul(inputs.tensor(0), alpha), beta), 0, 1);
};

const selu: Operator = (node) => {
  // Of other constants it is something else.
  for (const [name, usual] of [
    ["alpha", 1.6732632],
    ["gamma", 1.050701],
  ] as const) {
    const value = node.number(name, usual);
    if (Math.abs(value - usual) > 1e-6) throw node.error(`${name} must be SELU's, ${usual}, got ${value}`);
  }
  return (inputs) => ops.selu(inputs.tensor(0));
};

const gelu: Operator = (node) => {
  const approximate = node.text("approximate", "none");
  if (approximate !== "none" && approximate !== "tanh") throw node.error(`approximate must be "none" or "tanh"`);
  return (inputs) => ops.gelu(inputs.tensor(0), { approximate });
};

/** TensorProto.DataType. */
const BOOL = 9;

/** Between floats nothing changes: here all are float32. */
const cast: Operator = (node) => {
  const to = node.whole("to", 0);
  if (to === BOOL) return (inputs) => (inputs.areWholes ? mapToTruth(inputs.wholes(0)) : ne(inputs.tensor(0), 0));
  if (isWholeType(to)) return (inputs) => inputs.wholes(0);
  if (!isFloatType(to) || to === 10 || to === 16) {
    throw node.error(`to must be float32, float64 or whole numbers, got type ${to}: everything here is float32`);
  }
  return (inputs) => inputs.tensor(0);
};

const mapToTruth = ({ shape, data }: { shape: readonly number[]; data: readonly number[] }) => ({
  shape,
  data: data.map((value) => Number(value !== 0)),
});

export const elementwise: Operators = {
  Add: /* @__PURE__ */ binary(ops.add, (a, b) => a + b),
  Sub: /* @__PURE__ */ binary(ops.sub, (a, b) => a - b),
  Mul: /* @__PURE__ */ binary(ops.mul, (a, b) => a * b),
  Div: /* @__PURE__ */ binary(ops.div, (a, b) => Math.trunc(a / b)),
  Pow: /* @__PURE__ */ binary(ops.pow),
  Max: /* @__PURE__ */ variadic(ops.maximum, Math.max),
  Min: /* @__PURE__ */ variadic(ops.minimum, Math.min),
  Sum: /* @__PURE__ */ variadic(ops.add, (a, b) => a + b),

  Neg: () => (inputs) => {
    const x = inputs.value(0);
    return isWholes(x) ? { shape: x.shape, data: x.data.map((value) => -value) } : ops.neg(x);
  },
  Sqrt: /* @__PURE__ */ unary(ops.sqrt),
  Exp: /* @__PURE__ */ unary(ops.exp),
  Log: /* @__PURE__ */ unary(ops.log),
  Abs: /* @__PURE__ */ unary(ops.abs),
  Sign: /* @__PURE__ */ unary(ops.sign),
  Round: /* @__PURE__ */ unary(ops.round),
  Floor: /* @__PURE__ */ unary(ops.floor),
  Ceil: /* @__PURE__ */ unary(ops.ceil),
  Reciprocal: /* @__PURE__ */ unary((x) => ops.div(1, x)),
  Relu: /* @__PURE__ */ unary(ops.relu),
  Sigmoid: /* @__PURE__ */ unary(ops.sigmoid),
  Tanh: /* @__PURE__ */ unary(ops.tanh),
  HardSwish: /* @__PURE__ */ unary(ops.hardswish),
  Softplus: /* @__PURE__ */ unary((x) => ops.softplus(x)),
  Mish: /* @__PURE__ */ unary((x) => ops.mul(x, ops.tanh(ops.softplus(x)))),
  LeakyRelu: (node) => {
    const slope = node.number("alpha", 0.01);
    return (inputs) => ops.leakyRelu(inputs.tensor(0), slope);
  },
  PRelu: () => (inputs) => {
    const x = inputs.tensor(0);
    return ops.sub(ops.relu(x), ops.mul(inputs.tensor(1), ops.relu(ops.neg(x))));
  },
  Elu: (node) => {
    const alpha = node.number("alpha", 1);
    return (inputs) => ops.elu(inputs.tensor(0), alpha);
  },
  HardSigmoid: hardSigmoid,
  Selu: selu,
  Gelu: gelu,
  Clip: clip,
  Cast: cast,
};
