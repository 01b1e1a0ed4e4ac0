/** The oracle by itself: cases that can be worked out by hand, and without parameters W is the whole Jacobian. */
import { describe, expect, it } from "vitest";
import * as S from "../../src/index.ts";
import { PAIRS, UNARY, Weights } from "./adversaries.ts";
import { denseMap, type Finding, verdictOf } from "./definition-oracle.ts";

const { add, mul, Rng, sub } = S;
type Tensor = S.Tensor;
const leaf = (shape: readonly number[], seed: number): Tensor => {
  const t = S.randn(shape, new Rng(seed));
  t.requiresGrad = true;
  return t;
};
const w = S.parameter(S.randn([4, 4], new Rng(7)));
const scalar = S.parameter(S.ones([1]));
const f = (x: Tensor): Tensor => S.tanh(S.linear(x, w));
const isParameter = (t: Tensor): boolean => t === w || t === scalar;
const find = (compute: (x: Tensor) => Tensor): Finding => {
  const x = leaf([2, 4], 3);
  return verdictOf(denseMap(compute(x), x, isParameter));
};
const half = (x: Tensor, from: number): Tensor => S.slice(x, [null, [from, from + 2]]);
const keep = (x: Tensor, from: number): Tensor =>
  S.pad(half(x, from), [
    [0, 0],
    [from, 2 - from],
  ]);

const cases: readonly [string, (x: Tensor) => Tensor, Partial<Finding>][] = [
  ["x", (x) => x, { verdict: "identity", holds: true, ways: 1, factor: 1, arriving: 8, onThisInput: false }],
  ["x + F(x)", (x) => add(x, f(x)), { verdict: "identity", holds: true, ways: 1 }],
  ["F(x)", f, { verdict: "no weightless way", holds: false, ways: 0, arriving: 0, factor: null }],
  ["x + (F(x) − x)", (x) => add(x, sub(f(x), x)), { verdict: "zero", holds: false, ways: 2, arriving: 0 }],
  ["x − 0.999x", (x) => sub(x, mul(x, 0.999)), { verdict: "scale", factor: 1 - Math.fround(0.999), ways: 2 }],
  ["½x + ½x", (x) => add(mul(x, 0.5), mul(0.5, x)), { verdict: "identity", ways: 2 }],
  ["x·3/3", (x) => S.div(mul(x, 3), 3), { verdict: "identity" }],
  ["x + x", (x) => add(x, x), { verdict: "scale", factor: 2, ways: 2 }],
  ["channels 0, 1", (x) => keep(x, 0), { verdict: "selection", holds: true, arriving: 4, factor: 1 }],
  ["of channels 0, 1 those from 2", (x) => keep(keep(x, 0), 2), { verdict: "zero", ways: 1 }],
  ["both halves, added", (x) => add(keep(x, 0), keep(x, 2)), { verdict: "identity", ways: 2 }],
  ["both halves, joined", (x) => S.concat([half(x, 0), half(x, 2)], 1), { verdict: "identity", ways: 2 }],
  ["the halves exchanged", (x) => S.concat([half(x, 2), half(x, 0)], 1), { verdict: "selection", arriving: 8 }],
  ["repeated", (x) => S.indexSelect(x, 1, [0, 0, 2, 2]), { verdict: "mixed", factor: 1, arriving: 8 }],
  ["times ones", (x) => mul(x, S.ones([4])), { verdict: "identity", onThisInput: false }],
  ["times a parameter", (x) => mul(x, scalar), { verdict: "no weightless way" }],
  ["times a hidden one", (x) => mul(x, sub(mul(S.reshape(scalar, []), 2), 1)), { verdict: "no weightless way" }],
  ["plus a parameter", (x) => add(x, scalar), { verdict: "identity" }],
  ["times a detached one", (x) => mul(x, S.detach(scalar)), { verdict: "identity" }],
  ["b(a(x)) + x", (x) => ((a) => add(x, add(a, f(a))))(add(x, f(x))), { verdict: "scale", factor: 2, ways: 2 }],
  ["an open clamp", (x) => S.clamp(x, -1e30, 1e30), { verdict: "identity", onThisInput: true }],
  ["leaky ReLU of slope 1", (x) => S.leakyRelu(x, 1), { verdict: "identity", onThisInput: true }],
  ["an open ReLU", (x) => S.relu(add(x, 100)), { verdict: "identity", onThisInput: true }],
  ["a ReLU", S.relu, { verdict: "mask", holds: false, factor: 1, onThisInput: true }],
  ["a shut ReLU", (x) => S.relu(sub(x, 100)), { verdict: "zero", arriving: 0 }],
  ["dropout", (x) => S.dropout(x, 0.5, { rng: new Rng(1) }), { verdict: "mask", factor: 2 }],
  ["less twice dropout", (x) => S.neg(S.dropout(x, 0.5, { rng: new Rng(1) })), { verdict: "scale", factor: -2 }],
  ["a tie", (x) => S.maximum(x, mul(x, 1)), { verdict: "identity", ways: 2 }],
  ["less its mean", (x) => sub(x, S.mean(x, 1, { keepDim: true })), { verdict: "mixed", ways: 2 }],
  ["times its mean", (x) => mul(x, S.mean(x, 1, { keepDim: true })), { verdict: "mixed", onThisInput: true }],
  ["x·x", (x) => mul(x, x), { verdict: "scale", factor: null, ways: 2, onThisInput: true }],
  ["x·σ(F(x))", (x) => mul(x, S.sigmoid(f(x))), { verdict: "no weightless way" }],
  ["detached", (x) => add(S.detach(x), f(x)), { verdict: "no weightless way" }],
  ["a gate that is one on x's own side", (x) => mul(x, S.sigmoid(x)), { verdict: "scale", ways: 2 }],
];

describe("by hand", () => {
  it.each(cases)("%s", (_, compute, expected) => {
    expect(find(compute)).toMatchObject(expected);
  });

  it("a matrix that can be read: [a, b] becomes [a + 2b, −b]", () => {
    const x = leaf([2], 1);
    const y = S.stack([add(S.slice(x, [[0, 1]]), mul(S.slice(x, [[1, 2]]), 2)), S.neg(S.slice(x, [[1, 2]]))]);
    expect([...denseMap(y, x, isParameter).w]).toEqual([1, 2, 0, -1]);
  });
});

/** The Jacobian by `backward`, row by row. */
function jacobian(y: Tensor, x: Tensor): number[] {
  return Array.from({ length: y.size }, (_, row) => {
    const unit = S.zeros([y.size]).data.map((_, i) => (i === row ? 1 : 0));
    const grads = S.backward(y, { gradient: S.reshape(S.tensor([...unit]), y.shape) });
    return grads.has(x) ? [...grads.get(x).data] : new Array<number>(x.size).fill(0);
  }).flat();
}

const WITH_PARAMETERS: ReadonlySet<string> = new Set(["branch", "gate", "hidden", "biased", "cut"]);

describe("without parameters W is the Jacobian", () => {
  const unary = Object.entries(UNARY).filter(([name]) => !WITH_PARAMETERS.has(name) && name !== "norm");
  const shapes = [
    [2, 4],
    [1, 4, 2, 2],
  ];
  const expectJacobian = (y: Tensor, x: Tensor): void => {
    const { w: found } = denseMap(y, x, () => false);
    const expected = y.node ? jacobian(y, x) : new Array<number>(y.size * x.size).fill(0);
    // The rules compute in float32.
    found.forEach((v, i) => {
      expect(Math.abs(v - expected[i]), `entry ${i}: ${v}, ${expected[i]}`).toBeLessThan(1e-5);
    });
  };

  it.each(unary)("%s", (_, compute) => {
    for (const shape of shapes) {
      for (let n = 0; n < 12; n++) {
        const x = leaf(shape, n);
        // Before and after something else, so that it is neither the first edge nor the last.
        expectJacobian(compute(x, { n, weights: new Weights(n) }), x);
        expectJacobian(mul(compute(mul(x, 0.5), { n, weights: new Weights(n) }), 2), x);
      }
    }
  });

  it.each(Object.entries(PAIRS))("%s", (_, combine) => {
    for (const shape of shapes) {
      const x = leaf(shape, 5);
      expectJacobian(combine(x, S.abs(x)), x);
      expectJacobian(combine(mul(x, 2), x), x);
    }
  });

  it("batch norm of a batch", () => {
    const x = leaf([4, 2], 6);
    expectJacobian(S.batchNorm(x, null, null, { training: true }), x);
  });
});
