/** Element-wise operations: examples, conventions at ties, kinks, NaN and infinities, and PyTorch's references. */
import { describe, expect, it } from "vitest";
import { backward } from "../../src/autograd/backward.ts";
import {
  abs,
  add,
  ceil,
  clamp,
  div,
  elu,
  exp,
  floor,
  gelu,
  leakyRelu,
  log,
  maximum,
  minimum,
  mul,
  neg,
  pow,
  relu,
  round,
  sigmoid,
  softplus,
  sqrt,
  sub,
  tanh,
} from "../../src/autograd/elementwise.ts";
import { gradcheck } from "../../src/autograd/gradcheck.ts";
import { sum } from "../../src/autograd/reduce.ts";
import { tensor } from "../../src/tensor/create.ts";
import { ShapeError } from "../../src/tensor/errors.ts";
import type { NestedArray } from "../../src/tensor/nested.ts";
import type { Tensor } from "../../src/tensor/tensor.ts";
import { goldenFamily } from "../support/golden-family.ts";

const leaf = (values: NestedArray): Tensor => tensor(values, { requiresGrad: true });
/** ∂ Σ f(x) / ∂x. */
const slope = (f: (x: Tensor) => Tensor, x: Tensor): NestedArray =>
  backward(sum(f(x)))
    .get(x)
    .toArray();

describe("examples", () => {
  it("add under broadcasting: each column of a row vector receives as many gradients as there are rows", () => {
    const a = leaf([
      [1, 2, 3],
      [4, 5, 6],
    ]);
    const b = leaf([10, 20, 30]);
    const y = add(a, b);
    expect(y.toArray()).toEqual([
      [11, 22, 33],
      [14, 25, 36],
    ]);
    const grads = backward(sum(y));
    expect(grads.get(a).toArray()).toEqual([
      [1, 1, 1],
      [1, 1, 1],
    ]);
    expect(grads.get(b).toArray()).toEqual([2, 2, 2]);
  });

  it("broadcasting that lifts the rank and stretches an axis of length 1 at once: [2,3,4] + [3,1]", () => {
    const a = leaf(Array.from({ length: 2 }, () => Array.from({ length: 3 }, () => [1, 1, 1, 1])));
    const b = leaf([[1], [2], [3]]);
    const upstream = tensor(
      Array.from({ length: 24 }, (_, i) => i),
      [2, 3, 4],
    );
    // Row r of both images: (4r + 0 … 4r + 3) + 12 more in the second image.
    const expected = [0, 1, 2].map((r) => [2 * (16 * r + 6) + 48]);
    expect(backward(add(a, b), { gradient: upstream }).get(b).toArray()).toEqual(expected);
  });

  it("numbers broadcast as scalars, on either side", () => {
    const x = leaf([1, 2, 4]);
    expect(sub(1, x).toArray()).toEqual([0, -1, -3]);
    expect(div(8, x).toArray()).toEqual([8, 4, 2]);
    expect(slope((t) => div(8, t), x)).toEqual([-8, -2, -0.5]);
  });

  it("a tensor used twice receives both gradients: x·x", () => {
    const x = leaf([3, -2]);
    expect(slope((t) => mul(t, t), x)).toEqual([6, -4]);
  });

  it("round: of two equally near whole numbers the even one, and the sign of zero stays", () => {
    const x = tensor([-2.5, -1.5, -0.5, -0.3, -0, 0.5, 1.5, 2.5, 2.500001, 8388607.5]);
    expect(round(x).toArray()).toEqual([-2, -2, -0, -0, -0, 0, 2, 2, 3, 8388608]);
  });

  it("clamp: between bounds, with one, and the upper one where they are in the wrong order", () => {
    const x = tensor([-2, 0, 2]);
    expect(clamp(x, -1, 1).toArray()).toEqual([-1, 0, 1]);
    expect(clamp(x, { max: 0 }).toArray()).toEqual([-2, 0, 0]);
    expect(clamp(x, 1).toArray()).toEqual([1, 1, 2]);
    expect(clamp(x, 1, -1).toArray()).toEqual([-1, -1, -1]);
  });

  it("an operation on two numbers is a scalar tensor", () => {
    expect(add(2, 3).item()).toBe(5);
  });
});

describe("conventions at kinks and ties", () => {
  it.each([
    ["relu′(0) = 0", relu, [-1, 0, 2], [0, 0, 1]],
    ["leakyRelu′(0) = slope", (x: Tensor) => leakyRelu(x, 0.25), [-1, 0, 2], [0.25, 0.25, 1]],
    ["abs′(0) = 0", abs, [-1, 0, 2], [-1, 0, 1]],
    ["elu′(0) = alpha", (x: Tensor) => elu(x, 0.25), [0, 2], [0.25, 1]],
    ["round′, floor′ and ceil′ = 0", (x: Tensor) => add(round(x), add(floor(x), ceil(x))), [-0.5, 0, 0.3], [0, 0, 0]],
    ["clamp between bounds in the wrong order", (x: Tensor) => clamp(x, 1, -1), [-2, -1, 0, 1], [0, 0, 0, 0]],
    ["clamp′ = 1 at the bounds", (x: Tensor) => clamp(x, -1, 1), [-2, -1, 0, 1, 2], [0, 1, 1, 1, 0]],
    ["softplus is linear beyond its threshold", (x: Tensor) => softplus(x, { threshold: 2 }), [3], [1]],
  ] as const)("%s", (_, f, x, expected) => {
    expect(slope(f, leaf([...x]))).toEqual(expected);
  });

  it("gradcheck at a kink reports half the slope as error: cases keep away, and these tests pin the convention", () => {
    expect(gradcheck(relu, [tensor([0, 0, 0, 0])])).toBeGreaterThan(0.1);
    expect(gradcheck(relu, [tensor([0.1, -0.1, 0.2, -0.2])])).toBeLessThan(1e-7);
  });

  it("maximum and minimum split the gradient of a tie evenly", () => {
    for (const f of [maximum, minimum]) {
      const a = leaf([1, 2]);
      const b = leaf([1, 3]);
      const grads = backward(sum(f(a, b)));
      const first = f === maximum ? [0.5, 0] : [0.5, 1];
      expect(grads.get(a).toArray()).toEqual(first);
      expect(grads.get(b).toArray()).toEqual(first.map((g) => 1 - g));
    }
  });

  it("pow: the gradient of a is 0 where b = 0, and that of b is 0 where a = 0 and b ≥ 0", () => {
    const a = leaf([0, 0, 2]);
    const b = leaf([0, 2, 3]);
    const grads = backward(sum(pow(a, b)));
    expect(grads.get(a).toArray()).toEqual([0, 0, 12]);
    expect((grads.get(b).toArray() as number[]).map((g) => g.toFixed(4))).toEqual(["0.0000", "0.0000", "5.5452"]);
  });
});

describe("NaN and infinities pass through as in PyTorch", () => {
  const NAN = Number.NaN;
  const INF = Number.POSITIVE_INFINITY;

  it.each([
    ["relu", relu],
    ["leakyRelu", (x: Tensor) => leakyRelu(x)],
    ["abs", abs],
    ["sigmoid", sigmoid],
    ["tanh", tanh],
    ["gelu", (x: Tensor) => gelu(x)],
    ["gelu tanh", (x: Tensor) => gelu(x, { approximate: "tanh" })],
    ["softplus", (x: Tensor) => softplus(x)],
    ["clamp", (x: Tensor) => clamp(x, -1, 1)],
    ["exp", exp],
    ["log", log],
    ["sqrt", sqrt],
    ["neg", neg],
    ["elu", (x: Tensor) => elu(x)],
    ["round", round],
    ["floor", floor],
    ["ceil", ceil],
    ["maximum", (x: Tensor) => maximum(x, 0)],
    ["maximum, other side", (x: Tensor) => maximum(0, x)],
    ["minimum", (x: Tensor) => minimum(x, 0)],
  ] as const)("%s(NaN) is NaN", (_, f) => {
    expect(f(tensor([NAN, 1])).data[0]).toBeNaN();
  });

  it.each([
    ["relu", relu, [0, INF]],
    ["sigmoid", sigmoid, [0, 1]],
    ["tanh", tanh, [-1, 1]],
    ["softplus", (x: Tensor) => softplus(x), [0, INF]],
    ["exp", exp, [0, INF]],
    ["abs", abs, [INF, INF]],
    ["elu", (x: Tensor) => elu(x, 0.5), [-0.5, INF]],
    ["round", round, [-INF, INF]],
    ["clamp", (x: Tensor) => clamp(x, -3, 3), [-3, 3]],
    ["clamp from below", (x: Tensor) => clamp(x, { min: -3 }), [-3, INF]],
    ["clamp from above", (x: Tensor) => clamp(x, undefined, 3), [-INF, 3]],
    ["clamp by infinite bounds", (x: Tensor) => clamp(x, -INF, INF), [-INF, INF]],
  ] as const)("%s(±∞)", (_, f, expected) => {
    expect(f(tensor([-INF, INF])).toArray()).toEqual(expected);
  });

  it("extreme finite inputs overflow neither forward nor backward", () => {
    const x = leaf([-1e4, -200, 200, 1e4]);
    expect(sigmoid(x).toArray()).toEqual([0, 0, 1, 1]);
    for (const f of [sigmoid, tanh, (t: Tensor) => gelu(t), (t: Tensor) => softplus(t)]) {
      expect((slope(f, x) as number[]).every(Number.isFinite)).toBe(true);
    }
  });

  it("the gradient at NaN: relu passes it on, clamp stops it, maximum gives it to both", () => {
    expect(slope(relu, leaf([NAN]))).toEqual([1]);
    expect(slope((x) => clamp(x, -1, 1), leaf([NAN]))).toEqual([0]);
    const a = leaf([NAN]);
    const b = leaf([1]);
    const grads = backward(sum(maximum(a, b)));
    expect([grads.get(a).item(), grads.get(b).item()]).toEqual([1, 1]);
  });
});

goldenFamily("elementwise", {
  run: {
    add: ({ input }) => add(input("a"), input("b")),
    sub: ({ input }) => sub(input("a"), input("b")),
    mul: ({ input }) => mul(input("a"), input("b")),
    div: ({ input }) => div(input("a"), input("b")),
    pow: ({ input }) => pow(input("a"), input("b")),
    maximum: ({ input }) => maximum(input("a"), input("b")),
    minimum: ({ input }) => minimum(input("a"), input("b")),
    pow_scalar: ({ input, attrs }) => pow(input("x"), attrs.exponent),
    add_scalar: ({ input, attrs }) => add(input("x"), attrs.value),
    mul_scalar: ({ input, attrs }) => mul(input("x"), attrs.value),
    rsub_scalar: ({ input, attrs }) => sub(attrs.value, input("x")),
    rdiv_scalar: ({ input, attrs }) => div(attrs.value, input("x")),
    exp: ({ input }) => exp(input("x")),
    log: ({ input }) => log(input("x")),
    sqrt: ({ input }) => sqrt(input("x")),
    abs: ({ input }) => abs(input("x")),
    neg: ({ input }) => neg(input("x")),
    relu: ({ input }) => relu(input("x")),
    leaky_relu: ({ input, attrs }) => leakyRelu(input("x"), attrs.negative_slope),
    sigmoid: ({ input }) => sigmoid(input("x")),
    tanh: ({ input }) => tanh(input("x")),
    gelu: ({ input, attrs }) => gelu(input("x"), { approximate: attrs.approximate }),
    softplus: ({ input, attrs }) => softplus(input("x"), { beta: attrs.beta, threshold: attrs.threshold }),
    clamp: ({ input, attrs }) => clamp(input("x"), attrs.min, attrs.max),
    diamond: ({ input }) => {
      const x = input("x");
      return mul(add(mul(x, x), x), sigmoid(x));
    },
    reuse: ({ input }) => add(mul(input("a"), input("b")), input("a")),
    self_sub_mul: ({ input }) => {
      const x = input("x");
      return mul(sub(x, mul(x, x)), add(x, x));
    },
    swish_chain: ({ input }) => {
      const h = mul(input("a"), input("b"));
      return add(mul(h, sigmoid(h)), sum(h, -1, { keepDim: true }));
    },
  },
});

describe("errors", () => {
  it.each(["add", "sub", "mul", "div", "pow", "maximum", "minimum"] as const)(
    "%s names itself and both shapes",
    (op) => {
      const f = { add, sub, mul, div, pow, maximum, minimum }[op];
      const call = (): Tensor => f(tensor([[1, 2, 3]]), tensor([1, 2]));
      expect(call).toThrow(ShapeError);
      expect(call).toThrow(`${op}: shapes [1,3] and [2] do not broadcast: axis -1 is 3 in one and 2 in the other`);
    },
  );
});
