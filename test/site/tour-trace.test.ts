/** site/tour/trace.ts: every listed source is one by the operation's own rule, and the terms of a sum add up to it. */
import {
  add,
  avgPool2d,
  batchNorm,
  conv2d,
  crossEntropy,
  exp,
  globalAvgPool2d,
  linear,
  maxPool2d,
  mul,
  Rng,
  randn,
  relu,
  softmax,
  sum,
  type Tensor,
  tensor,
} from "skipstone";
import { describe, expect, test } from "vitest";
import { addsUp, allUses, jacobianRow, termsOf, usesOf } from "../../site/tour/trace.ts";
import { backward } from "../../src/index.ts";

const rng = new Rng(3);
const leaf = (...shape: number[]): Tensor => randn(shape, rng, { requiresGrad: true });

/** Σ of the terms' derivatives by input and index, to compare with the rule's. */
function derivatives(y: Tensor, i: number): Map<Tensor, Float64Array> {
  const found = new Map(y.node!.inputs.map((t) => [t, new Float64Array(t.size)]));
  for (const { from, value, factor, by } of termsOf(y.node!, i)) {
    if (from) found.get(from.tensor)![from.index] += factor;
    if (by) found.get(by.tensor)![by.index] += value;
  }
  return found;
}

const sums: Readonly<Record<string, () => Tensor>> = {
  "conv2d p=1": () => conv2d(leaf(1, 1, 4, 4), leaf(1, 1, 3, 3), null, { padding: 1 }),
  "conv2d x=[2,4,7,5] w=[6,2,3,2] s=2,1 p=1 d=2,1 groups=2, bias": () =>
    conv2d(leaf(2, 4, 7, 5), leaf(6, 2, 3, 2), leaf(6), { stride: [2, 1], padding: 1, dilation: [2, 1], groups: 2 }),
  "conv2d of a computed image": () => conv2d(exp(leaf(1, 2, 4, 4)), leaf(3, 2, 3, 3), null, { padding: 1 }),
  "linear, bias": () => linear(leaf(3, 4), leaf(2, 4), leaf(2)),
  add: () => add(leaf(2, 3), leaf(3)),
  relu: () => relu(leaf(3, 4)),
  globalAvgPool2d: () => globalAvgPool2d(leaf(2, 3, 4, 4)),
  avgPool2d: () => avgPool2d(leaf(1, 2, 4, 4), { kernelSize: 2 }),
  maxPool2d: () => maxPool2d(leaf(1, 2, 4, 4), { kernelSize: 2 }),
  sum: () => sum(leaf(2, 3), 1),
};

describe.each(Object.entries(sums))("%s", (_, make) => {
  const y = make();

  test("the terms add up to the output", () => {
    for (let i = 0; i < y.size; i++) {
      const terms = termsOf(y.node!, i);
      expect(terms.reduce((total, { value, factor }) => total + value * factor, 0)).toBeCloseTo(y.data[i], 4);
      expect(addsUp(y.node!, i, terms)).toBe(true);
    }
  });

  test("their derivatives are the rule's", () => {
    for (let i = 0; i < y.size; i++) {
      const found = derivatives(y, i);
      for (const [t, row] of jacobianRow(y.node!, i)) {
        row.data.forEach((value, j) => {
          expect(found.get(t)![j]).toBeCloseTo(value, 5);
        });
      }
    }
  });
});

test("what is no sum is not taken for one", () => {
  for (const y of [softmax(leaf(1, 3), 1), crossEntropy(leaf(1, 3), [1]), exp(leaf(4))]) {
    expect(addsUp(y.node!, 0, termsOf(y.node!, 0))).toBe(false);
  }
});

test("a closed ReLU came from its input, with derivative 0", () => {
  const x = tensor([-2, 3], { requiresGrad: true });
  expect(termsOf(relu(x).node!, 0)).toEqual([{ from: { tensor: x, index: 0 }, value: -2, factor: 0, by: null }]);
});

test("a pixel of a padded patch has no place", () => {
  const terms = termsOf(sums["conv2d p=1"]().node!, 0);
  expect(terms.map(({ from }) => from?.index ?? null)).toEqual([null, null, null, null, 0, 1, null, 4, 5]);
  expect(terms.map(({ by }) => by!.index)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8]);
});

test("the gradient of every element is Σ over its uses of gradient·factor, in a network with two paths and a shared tensor", () => {
  const x = leaf(2, 2, 4, 4);
  const w = leaf(2, 2, 3, 3);
  const gamma = leaf(2);
  const normal = batchNorm(x, gamma, leaf(2), { training: true });
  const branch = conv2d(relu(normal), w, null, { padding: 1 });
  const total = add(x, branch);
  const again = mul(total, total);
  const loss = crossEntropy(linear(globalAvgPool2d(again), leaf(3, 2), leaf(3)), [2, 0]);
  const uses = allUses(loss);
  const interior = [...uses.keys()].filter((t) => t.node);
  const grads = backward(loss, { keep: interior });
  let compared = 0;
  for (const t of uses.keys()) {
    grads.get(t).data.forEach((value, index) => {
      const arriving = usesOf(uses, { tensor: t, index }).map(
        ({ to, factor }) => factor * (to.tensor === loss ? 1 : grads.get(to.tensor).data[to.index]),
      );
      expect(arriving.reduce((a, b) => a + b, 0)).toBeCloseTo(value, 5);
      compared++;
    });
  }
  expect(compared).toBeGreaterThan(300);
});
