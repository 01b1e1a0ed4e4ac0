/** Derivative cases of the element-wise operations: same shapes, every kind of broadcasting, numbers; away from kinks. */
import * as elementwise from "../../../src/autograd/elementwise.ts";
import type { UnaryOp } from "../../../src/tensor/kernels.ts";
import type { Shape } from "../../../src/tensor/shape.ts";
import type { Tensor } from "../../../src/tensor/tensor.ts";
import { UNARY, UNARY_OPS, type UnaryRow } from "../../support/unary.ts";
import type { OpCase } from "./types.ts";

const { add, clamp, div, elu, gelu, leakyRelu, maximum, minimum, mul, pow, softplus, sub } = elementwise;
type Operand = elementwise.Operand;

/** Pairs of shapes, from equal to rank lifted and axes of length 1 stretched on both sides at once. */
const pairs: readonly (readonly [Shape, Shape])[] = [
  [
    [3, 5],
    [3, 5],
  ],
  [[3, 5], [5]],
  [
    [3, 5],
    [3, 1],
  ],
  [[], [2, 3]],
  [
    [2, 1, 4],
    [3, 1],
  ],
  [
    [2, 3, 3, 5],
    [1, 3, 1, 1],
  ],
  [[1], []],
  [
    [0, 3],
    [1, 3],
  ],
];

/** Positive, and at least ¼. */
const positive = (v: number): number => 0.25 + Math.abs(v);
/** At least ¼ away from 0, on the side it is on. */
const awayFromZero = (v: number): number => v + Math.sign(v) * 0.25;
/** 0.3 above a multiple of ½. */
const offTheSteps = (v: number): number => Math.floor(2 * v) / 2 + 0.3;
/** The second input is moved away from every value the first can have: no ties. First inputs at multiples of 0.2. */
export const apart = (v: number, input: number): number => Math.round(v * 5) / 5 + (input === 1 ? 0.1 : 0);

/** Cases of an operation of two tensors or numbers. */
export const binary = (
  op: string,
  f: (a: Operand, b: Operand) => Tensor,
  more: Partial<Pick<OpCase, "linearIn" | "prepare">> = {},
): OpCase[] => {
  const prepare = more.prepare ? { prepare: more.prepare } : {};
  const linear = (inputs: readonly number[]) => (inputs.length > 0 ? { linearIn: inputs } : {});
  const linearIn = more.linearIn ?? [];
  return [
    ...pairs.map(([a, b]) => ({
      op,
      name: `a=[${a}] b=[${b}]`,
      inputs: [a, b],
      call: (a: Tensor, b: Tensor) => f(a, b),
      ...linear(linearIn),
      ...prepare,
    })),
    {
      op,
      name: "x=[3,4] and the number 1.7",
      inputs: [[3, 4]],
      call: (x) => f(x, 1.7),
      ...linear(linearIn.includes(0) ? [0] : []),
      ...prepare,
    },
    {
      op,
      name: "the number 1.7 and x=[3,4]",
      inputs: [[3, 4]],
      call: (x) => f(1.7, x),
      ...linear(linearIn.includes(1) ? [0] : []),
      ...prepare,
    },
    {
      op,
      name: "x with itself",
      inputs: [[2, 3]],
      call: (x) => f(x, x),
      // At a tie the halves add up to 1, and the derivative of max(x, x) = x is 1.
      ...linear(op === "add" || op === "sub" || op === "maximum" || op === "minimum" ? [0] : []),
      ...prepare,
    },
  ];
};

const unary = (
  op: string,
  f: (x: Tensor) => Tensor,
  more: Partial<Pick<OpCase, "name" | "linearIn" | "prepare">> = {},
): OpCase[] => {
  const { name, ...rest } = more;
  return [[3, 7], [2, 1, 3], []].map((shape) => ({
    op,
    name: `x=[${shape}]${name ? ` ${name}` : ""}`,
    inputs: [shape],
    call: f,
    ...rest,
  }));
};

/** The operations that are a row of the table and have no parameters. */
const ofOneNumber = UNARY_OPS.flatMap((op): [UnaryOp, (x: Tensor) => Tensor][] => {
  const f = (elementwise as unknown as Partial<Record<UnaryOp, (x: Tensor) => Tensor>>)[op];
  return f && UNARY[op].p === undefined ? [[op, (x) => f(x)]] : [];
});

function preparation({ where, linear }: UnaryRow): Partial<Pick<OpCase, "linearIn" | "prepare">> {
  const prepare = where && { positive, "not at 0": awayFromZero, "off the steps": offTheSteps }[where];
  return { ...(prepare ? { prepare } : {}), ...(linear ? { linearIn: [0] } : {}) };
}

export const cases: readonly OpCase[] = [
  ...binary("add", add, { linearIn: [0, 1] }),
  ...binary("sub", sub, { linearIn: [0, 1] }),
  ...binary("mul", mul, { linearIn: [0, 1] }),
  ...binary("div", div, { linearIn: [0], prepare: awayFromZero }),
  ...binary("pow", pow, { prepare: positive }),
  ...binary("maximum", maximum, { prepare: apart }),
  ...binary("minimum", minimum, { prepare: apart }),
  {
    op: "pow",
    name: "negative x=[3,4] to the power 3",
    inputs: [[3, 4]],
    call: (x) => pow(x, 3),
    prepare: (v) => -positive(v),
  },
  ...ofOneNumber.flatMap(([op, f]) => unary(op, f, preparation(UNARY[op]))),
  ...unary("leakyRelu", (x) => leakyRelu(x), { prepare: awayFromZero }),
  ...unary("leakyRelu", (x) => leakyRelu(x, 0.3), { name: "slope 0.3", prepare: awayFromZero }),
  ...unary("elu", (x) => elu(x)),
  ...unary("elu", (x) => elu(x, 0.3), { name: "alpha 0.3", prepare: awayFromZero }),
  ...unary("gelu", (x) => gelu(x), { name: "far out, where erfc is a continued fraction", prepare: (v) => 3 * v }),
  ...unary("gelu", (x) => gelu(x, { approximate: "tanh" }), { name: "tanh" }),
  ...unary("softplus", (x) => softplus(x)),
  ...unary("softplus", (x) => softplus(x, { beta: 2.5, threshold: 1 }), {
    name: "beta 2.5 threshold 1",
    // The switch to y = x at βx = 1 is a jump, like a kink: keep away from x = 0.4.
    prepare: (v) => (v < 0.4 ? v - 0.1 : v + 0.1),
  }),
  ...unary("clamp", (x) => clamp(x, -0.5, 0.75), {
    name: "to [-0.5, 0.75]",
    prepare: (v) => (v < -0.5 ? v - 0.1 : v > 0.75 ? v + 0.1 : v * 0.9),
  }),
  ...unary("clamp", (x) => clamp(x, undefined, 0), { name: "from above", prepare: awayFromZero }),
  ...unary("clamp", (x) => clamp(x, { min: 0 }), { name: "from below", prepare: awayFromZero }),
];
