import { describe, expect, it } from "vitest";
import { backward, type Gradients, valueAndGrad } from "../../src/autograd/backward.ts";
import { defineOperation } from "../../src/autograd/define-operation.ts";
import { add, div, mul, relu, sigmoid, sign, sub } from "../../src/autograd/elementwise.ts";
import { gradcheck } from "../../src/autograd/gradcheck.ts";
import { noGrad } from "../../src/autograd/graph.ts";
import { matmul } from "../../src/autograd/matmul.ts";
import { sum } from "../../src/autograd/reduce.ts";
import { reshape, transpose } from "../../src/autograd/shape.ts";
import { certifyBetween } from "../../src/flow/certify.ts";
import { ones, randn, tensor } from "../../src/tensor/create.ts";
import { ShapeError, UsageError, ValueError } from "../../src/tensor/errors.ts";
import { Rng } from "../../src/tensor/rng.ts";
import type { Tensor } from "../../src/tensor/tensor.ts";
import { useKernels } from "../../src/tensor/tier.ts";

const swish = defineOperation({
  name: "mine.swish",
  forward: (x: Tensor, beta: number) => mul(x, sigmoid(mul(x, beta))),
  backward(gy, { inputs: [x, beta], output }) {
    const s = sigmoid(mul(x, beta));
    return [mul(gy, add(s, mul(mul(output, beta), sub(1, s)))), null];
  },
});
/** y = a·b, which asks for no more than is needed. */
const asked: boolean[][] = [];
const product = defineOperation({
  name: "mine.product",
  forward: (a: Tensor, b: Tensor) => matmul(a, b),
  backward(gy, { inputs: [a, b], needed }) {
    asked.push([...needed]);
    return [needed[0] ? matmul(gy, transpose(b, 0, 1)) : null, needed[1] ? matmul(transpose(a, 0, 1), gy) : null];
  },
});
/** Straight through: the sign forward, nothing but gy backward. */
const binary = defineOperation({ name: "mine.binary", forward: (x: Tensor) => sign(x), backward: (gy) => [gy] });
/** Numbers without operations. */
const sine = defineOperation({
  name: "mine.sine",
  forward: (x: Tensor) => tensor(x.data.map(Math.sin), x.shape),
  backward: (gy, { inputs: [x] }) => [
    tensor(
      gy.data.map((g, i) => g * Math.cos(x.data[i])),
      x.shape,
    ),
  ],
});
const leaf = (values: number[]): Tensor => tensor(values, { requiresGrad: true });
const floats = (t: Tensor): number[] => Array.from(t.data);

describe("defineOperation", () => {
  it("an example readable by eye", () => {
    const x = leaf([-2, 3]);
    const y = binary(x);
    expect(floats(y)).toEqual([-1, 1]);
    expect(y.node).toMatchObject({ op: "mine.binary", inputs: [x], attributes: [] });
    expect(floats(backward(sum(mul(y, tensor([5, 7])))).get(x))).toEqual([5, 7]);
    expect(swish(x, 2).node?.attributes).toEqual([2]);
  });

  it.each([
    ["of operations and a number", (x: Tensor) => swish(x, 1.5), [[2, 3]]],
    [
      "of two tensors",
      product,
      [
        [2, 3],
        [3, 4],
      ],
    ],
    ["of one tensor twice", (x: Tensor) => product(x, x), [[3, 3]]],
    ["from numbers", sine, [[2, 3]]],
    [
      "in a longer chain",
      (x: Tensor, w: Tensor) => sum(swish(sine(product(x, w)), 0.7)),
      [
        [2, 3],
        [3, 4],
      ],
    ],
  ] as [string, (...inputs: Tensor[]) => Tensor, number[][]][])("gradcheck in float64: %s", (_, f, shapes) => {
    expect(
      gradcheck(
        f,
        shapes.map((shape, i) => randn(shape, new Rng(i))),
      ),
    ).toBeLessThan(1e-7);
  });

  it("gradcheck finds a wrong derivative", () => {
    const wrong = defineOperation({ name: "mine.wrong", forward: (x: Tensor) => mul(x, x), backward: (gy) => [gy] });
    expect(gradcheck(wrong, [randn([5], new Rng(0))])).toBeGreaterThan(0.1);
  });

  it("says which gradients are needed, and those of a constant are not computed", () => {
    asked.length = 0;
    const [a, b] = [ones([2, 2], { requiresGrad: true }), ones([2, 2])];
    backward(sum(product(a, b)));
    expect(asked).toEqual([[true, false]]);
    expect(product(b, b).node).toBeNull();
    expect(noGrad(() => product(a, a)).node).toBeNull();
  });

  it.each(["plain", "simd"] as const)(
    "inside and outside steps, with %s kernels: values and gradients of the operations it is made of",
    (tier) => {
      const before = useKernels(tier);
      try {
        const silu = (x: Tensor): Tensor => mul(x, sigmoid(mul(x, 1)));
        const x = randn([4, 5], new Rng(1), { requiresGrad: true });
        const w = randn([5, 6], new Rng(2), { requiresGrad: true });
        const loss = (of: (x: Tensor) => Tensor) => sum(mul(of(product(x, w)), of(product(x, w))));
        const expected = backward(loss(silu));
        const close = (grads: Gradients): void => {
          for (const t of [x, w]) {
            const [got, wanted] = [grads.get(t), expected.get(t)].map(floats);
            got.forEach((g, i) => {
              expect(Math.abs(g - wanted[i])).toBeLessThan(1e-5 * (1 + Math.abs(wanted[i])));
            });
          }
        };
        const own = (x: Tensor): Tensor => swish(x, 1);
        close(backward(loss(own)));
        close(valueAndGrad(() => loss(own)).grads);
        expect(floats(valueAndGrad(() => loss(own)).value)).toEqual(floats(valueAndGrad(() => loss(silu)).value));
      } finally {
        useKernels(before);
      }
    },
  );

  it("what backward sees and computes cannot be read after it; what was read stays", () => {
    const kept: Tensor[] = [];
    const read: Float32Array[] = [];
    const curious = defineOperation({
      name: "mine.curious",
      forward: (x: Tensor) => x,
      backward(gy) {
        const gx = mul(gy, 1);
        kept.push(gy, reshape(gy, [2]), gx);
        read.push(gy.data, gx.data);
        return [gx];
      },
    });
    for (const inStep of [false, true]) {
      const x = leaf([1, 2]);
      // The gradients that h and k get from a later operation are added to those that `curious` got and made.
      const run = (): Tensor => {
        const k = mul(x, 2);
        const more = mul(k, 3);
        const h = add(curious(k), more);
        return sum(add(h, curious(mul(h, 5))));
      };
      const grads = inStep ? valueAndGrad(run).grads : backward(run());
      expect(floats(grads.get(x))).toEqual([48, 48]);
      expect(read.splice(0).map((numbers) => Array.from(numbers))).toEqual([
        [1, 1],
        [1, 1],
        [6, 6],
        [6, 6],
      ]);
      for (const t of kept.splice(0)) expect(() => t.data).toThrow(/are gone with the step that computed them/);
      expect(x.node).toBeNull();
    }
  });

  it("a gradient that is somebody else's tensor is copied", () => {
    const mine = tensor([1, 2]);
    const constant = defineOperation({
      name: "mine.constant",
      forward: (x: Tensor) => mul(x, 1),
      backward: () => [mine],
    });
    const x = leaf([5, 6]);
    const grads = valueAndGrad(() => sum(add(constant(x), add(constant(x), mul(x, 10))))).grads;
    expect(floats(grads.get(x))).toEqual([12, 14]);
    expect(floats(mine)).toEqual([1, 2]);
    expect(mine.version).toBe(0);
  });

  it("a change in place after the forward pass is noticed", () => {
    const x = leaf([1, 2]);
    const y = sum(swish(x, 1));
    x.assign([3, 4]);
    expect(() => backward(y)).toThrow(/input 0 \[2\] of mine\.swish was changed in place/);
  });

  it.each<[string, new (message: string) => Error, RegExp, () => unknown]>([
    [
      "a gradient of another shape",
      ShapeError,
      /^mine\.bad: gradient 0 of backward must be \[2\], as its input, got \[1\]/,
      () => bad(() => [ones([1])]),
    ],
    [
      "too few gradients",
      UsageError,
      /^mine\.bad: backward must return a gradient or null for each of the 1 arguments, got 0/,
      () => bad(() => []),
    ],
    [
      "no list",
      UsageError,
      /^mine\.bad: what backward returns must be an array, got a Tensor/,
      () => bad(((gy: Tensor) => gy) as never),
    ],
    [
      "no gradient",
      UsageError,
      /^mine\.bad: gradient 0 of backward must be a tensor, got undefined/,
      () => bad(() => [undefined as never]),
    ],
    [
      "a promise",
      UsageError,
      /^mine\.bad: backward must finish before it returns/,
      () => bad((() => Promise.resolve([])) as never),
    ],
    [
      "a promise for the output",
      UsageError,
      /^mine\.bad: forward must finish before it returns, got one that returned a promise/,
      () => {
        const forward = (x: Tensor) => Promise.resolve(x) as never as Tensor;
        defineOperation({ name: "mine.bad", forward, backward: (gy) => [gy] })(ones([2]));
      },
    ],
    [
      "an async function",
      UsageError,
      /^defineOperation: backward must finish before it returns/,
      () => bad((async () => []) as never),
    ],
    [
      "no tensor to begin with",
      UsageError,
      /^mine\.swish: an argument must be a tensor, got 1, 2/,
      () => swish(1 as never, 2),
    ],
    [
      "no output",
      UsageError,
      /^mine\.none: what forward returns must be a tensor, got 7/,
      () =>
        defineOperation({ name: "mine.none", forward: (_: Tensor) => 7 as never, backward: () => [null] })(ones([1])),
    ],
    [
      "a name of the library's kind",
      ValueError,
      /^defineOperation: name must be words with a dot between, .* got "relu"/,
      () => defineOperation({ name: "relu", forward: relu, backward: (gy) => [gy] }),
    ],
    [
      "no definition",
      UsageError,
      /^defineOperation: the definition must be an object, got null/,
      () => defineOperation(null as never),
    ],
    [
      "an unknown member",
      UsageError,
      /^defineOperation: there is no option "vjp"/,
      () => defineOperation({ name: "a.b", forward: relu, backward: (gy: Tensor) => [gy], vjp: 1 } as never),
    ],
  ])("refuses %s", (_, kind, message, call) => {
    expect(call).toThrow(kind);
    expect(call).toThrow(message);
  });
});

function bad(rule: (gy: Tensor) => (Tensor | null)[]): unknown {
  const operation = defineOperation({ name: "mine.bad", forward: (x: Tensor) => mul(x, 2), backward: rule });
  return backward(sum(operation(leaf([1, 2]))));
}

describe("the certificate", () => {
  const w = randn([3, 3], new Rng(3), { requiresGrad: true });
  const x = randn([2, 3], new Rng(4), { requiresGrad: true });

  it("follows the shortcut past an operation of one's own on the branch", () => {
    const certificate = certifyBetween(add(x, swish(matmul(x, w), 1)), x);
    expect(certificate).toMatchObject({ verdict: "identity", holds: true, numeric: { agrees: true } });
  });

  it("is undecided where one is on the shortcut, because its map is not written down", () => {
    const certificate = certifyBetween(add(binary(x), matmul(x, w)), x);
    expect(certificate).toMatchObject({ verdict: "undecided", holds: false });
    expect(certificate.reason).toContain("the map of mine.binary is not written down");
    expect(certifyBetween(add(swish(div(x, 2), 1), matmul(x, w)), x).verdict).toBe("undecided");
  });
});
