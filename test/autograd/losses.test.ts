/** Losses: examples, against their definitions, options, extremes, PyTorch's references, errors. */
import { describe, expect, it } from "vitest";
import { backward } from "../../src/autograd/backward.ts";
import { bceWithLogits, mseLoss } from "../../src/autograd/element-losses.ts";
import { add, log, mul, neg, sigmoid, sub } from "../../src/autograd/elementwise.ts";
import { crossEntropy, nllLoss } from "../../src/autograd/losses.ts";
import { mean, sum } from "../../src/autograd/reduce.ts";
import { logSoftmax, softmax } from "../../src/autograd/softmax.ts";
import { ones, randn, tensor, uniform, zeros } from "../../src/tensor/create.ts";
import { ShapeError, ValueError } from "../../src/tensor/errors.ts";
import { Rng } from "../../src/tensor/rng.ts";
import type { Tensor } from "../../src/tensor/tensor.ts";
import { goldenFamily } from "../support/golden-family.ts";

const close = (got: Tensor, expected: Tensor): void => {
  expect(got.shape).toEqual(expected.shape);
  got.data.forEach((v, i) => {
    expect(v).toBeCloseTo(expected.data[i], 5);
  });
};

describe("examples", () => {
  it("crossEntropy of equal logits is ln C; its gradient is (softmax − one-hot) / N", () => {
    const logits = tensor(
      [
        [0, 0],
        [0, 0],
      ],
      { requiresGrad: true },
    );
    const loss = crossEntropy(logits, [0, 1]);
    expect(loss.item()).toBeCloseTo(Math.LN2, 6);
    expect(backward(loss).get(logits).toArray()).toEqual([
      [-0.25, 0.25],
      [0.25, -0.25],
    ]);
  });

  it("mseLoss of [1, 2] against [3, 2]: 2, and its gradient 2(x − target) / n", () => {
    const x = tensor([1, 2], { requiresGrad: true });
    const loss = mseLoss(x, tensor([3, 2]));
    expect(loss.item()).toBe(2);
    expect(backward(loss).get(x).toArray()).toEqual([-2, 0]);
    expect(mseLoss(x, tensor([3, 2]), { reduction: "none" }).toArray()).toEqual([4, 0]);
    expect(mseLoss(x, tensor([3, 2]), { reduction: "sum" }).item()).toBe(4);
  });

  it("bceWithLogits at logit 0 is ln 2 for either target", () => {
    expect(bceWithLogits(zeros([2]), tensor([0, 1])).item()).toBeCloseTo(Math.LN2, 6);
  });
});

describe("crossEntropy against its definition", () => {
  const logits = randn([5, 4], new Rng(1));
  const labels = [3, 0, 2, 2, 1];

  it("is nllLoss of logSoftmax, with and without class weights", () => {
    const weight = tensor([1, 0.5, 2, 3]);
    for (const reduction of ["mean", "sum", "none"] as const) {
      close(crossEntropy(logits, labels, { reduction }), nllLoss(logSoftmax(logits), labels, { reduction }));
      close(
        crossEntropy(logits, labels, { reduction, weight }),
        nllLoss(logSoftmax(logits), labels, { reduction, weight }),
      );
    }
  });

  it("the weighted mean divides by the sum of the labels' weights", () => {
    const weight = tensor([1, 0.5, 2, 3]);
    const total = crossEntropy(logits, labels, { weight, reduction: "sum" }).item();
    expect(crossEntropy(logits, labels, { weight }).item()).toBeCloseTo(total / (3 + 1 + 2 + 2 + 0.5), 5);
  });

  it("label smoothing is cross entropy with (1 − ε)·one-hot + ε/C", () => {
    const smoothed = tensor(labels.map((label) => [0, 1, 2, 3].map((c) => (c === label ? 0.7 : 0) + 0.3 / 4)));
    for (const reduction of ["mean", "sum", "none"] as const) {
      const given = crossEntropy(logits, smoothed, { reduction });
      close(crossEntropy(logits, labels, { reduction, labelSmoothing: 0.3 }), given);
      const oneHot = tensor(labels.map((label) => [0, 1, 2, 3].map((c) => (c === label ? 1 : 0))));
      close(crossEntropy(logits, oneHot, { reduction, labelSmoothing: 0.3 }), given);
    }
  });

  it("probabilities: ℓ = −Σ target·logSoftmax, weighted per class", () => {
    const target = softmax(randn([5, 4], new Rng(2)));
    const weight = tensor([1, 0.5, 2, 3]);
    const losses = neg(sum(mul(mul(target, weight), logSoftmax(logits)), 1));
    close(crossEntropy(logits, target, { weight, reduction: "none" }), losses);
    close(crossEntropy(logits, target, { weight }), mean(losses));
  });

  it("where every label is ignored the mean is NaN, as PyTorch's, and the gradient 0", () => {
    for (const logits of [
      tensor([[1, 2, 3]], { requiresGrad: true }),
      tensor(
        [
          [4, 5],
          [6, 7],
        ],
        { requiresGrad: true },
      ),
    ]) {
      const labels = new Int32Array(logits.shape[0]).fill(-100);
      for (const weight of [undefined, ones([logits.shape[1]])]) {
        const options = weight ? { weight } : {};
        for (const loss of [crossEntropy(logits, labels, options), nllLoss(logits, labels, options)]) {
          expect(loss.item()).toBeNaN();
          expect(backward(loss).get(logits).toArray().flat()).toEqual(new Array(logits.size).fill(0));
        }
      }
      const summed = crossEntropy(logits, labels, { reduction: "sum" });
      expect([summed.item(), ...backward(summed).get(logits).data]).toEqual([0, ...new Array(logits.size).fill(0)]);
    }
  });

  it("an ignored label has loss 0, gradient 0, and does not count in the mean", () => {
    const x = randn([3, 4], new Rng(3), { requiresGrad: true });
    for (const options of [{}, { labelSmoothing: 0.1 }, { weight: tensor([1, 2, 3, 4]) }]) {
      const loss = crossEntropy(x, [1, -100, 2], options);
      const without = crossEntropy(
        tensor([...x.data.slice(0, 4), ...x.data.slice(8)].map(Number), [2, 4]),
        [1, 2],
        options,
      );
      expect(loss.item()).toBeCloseTo(without.item(), 6);
      expect(
        backward(loss)
          .get(x)
          .data.slice(4, 8)
          .every((v) => v === 0),
      ).toBe(true);
      expect(crossEntropy(x, [1, -100, 2], { ...options, reduction: "none" }).data[1]).toBe(0);
    }
    expect(crossEntropy(x, [1, 7, 2], { ignoreIndex: 7, reduction: "none" }).data[1]).toBe(0);
    expect(crossEntropy(x, [-100, -100, -100]).item()).toBeNaN();
  });

  it("[N, C, H, W]: a class per pixel, labels in row-major order, as an array or as a tensor", () => {
    const x = randn([2, 3, 1, 2], new Rng(4));
    const perPixel = crossEntropy(x, [0, 1, 2, 0], { reduction: "none" });
    expect(perPixel.shape).toEqual([2, 1, 2]);
    const logp = logSoftmax(x, 1).data;
    // (n, label, w) at 6n + 2·label + w
    close(perPixel, neg(tensor([logp[0], logp[3], logp[10], logp[7]].map(Number), [2, 1, 2])));
    close(crossEntropy(x, tensor([[[0, 1]], [[2, 0]]])), crossEntropy(x, [0, 1, 2, 0]));
  });

  it("logits of ±1000 and masked logits of −∞ give finite losses and gradients", () => {
    const x = tensor(
      [
        [1000, -1000, 0],
        [0, Number.NEGATIVE_INFINITY, 0],
      ],
      { requiresGrad: true },
    );
    const loss = crossEntropy(x, [1, 0], { reduction: "none" });
    expect(loss.toArray()).toEqual([2000, Math.fround(Math.LN2)]);
    const gradient = tensor([1, 1]);
    expect(backward(loss, { gradient }).get(x).toArray()).toEqual([
      [1, -1, 0],
      [-0.5, 0, 0.5],
    ]);
  });
});

describe("bceWithLogits against its definition", () => {
  const x = randn([3, 4], new Rng(5));
  const target = uniform([3, 4], new Rng(6));
  const p = sigmoid(x);

  it("ℓ = −(t·ln p + (1 − t)·ln(1 − p))", () => {
    const losses = neg(add(mul(target, log(p)), mul(sub(1, target), log(sub(1, p)))));
    close(bceWithLogits(x, target, { reduction: "none" }), losses);
    close(bceWithLogits(x, target), mean(losses));
    close(bceWithLogits(x, target, { reduction: "sum" }), sum(losses));
  });

  it("weight and posWeight broadcast; the mean divides by the number of elements", () => {
    const weight = tensor([[1], [2], [3]]);
    const posWeight = tensor([1, 2, 3, 4]);
    const terms = add(mul(mul(target, posWeight), log(p)), mul(sub(1, target), log(sub(1, p))));
    const losses = neg(mul(weight, terms));
    close(bceWithLogits(x, target, { weight, posWeight, reduction: "none" }), losses);
    close(bceWithLogits(x, target, { weight, posWeight }), mean(losses));
  });

  it("logits of ±1000 give finite losses and gradients", () => {
    const extreme = tensor([1000, -1000, 1000, -1000], { requiresGrad: true });
    const loss = bceWithLogits(extreme, tensor([1, 0, 0, 1]), { reduction: "none" });
    expect(loss.toArray()).toEqual([0, 0, 1000, 1000]);
    const gx = backward(loss, { gradient: ones([4]) }).get(extreme);
    expect(Array.from(gx.data, (v) => v + 0)).toEqual([0, 0, 1, -1]);
  });
});

goldenFamily("losses", {
  run: {
    cross_entropy: ({ input, optional, integers, attrs }) => {
      const weight = optional("weight");
      return crossEntropy(input("logits"), integers("target"), {
        ...(weight ? { weight } : {}),
        reduction: attrs.reduction,
        ignoreIndex: attrs.ignore_index,
        labelSmoothing: attrs.label_smoothing,
      });
    },
    cross_entropy_probs: ({ input, attrs }) =>
      crossEntropy(input("logits"), softmax(input("target_logits"), 1), {
        reduction: attrs.reduction,
        labelSmoothing: attrs.label_smoothing,
      }),
    nll_loss: ({ input, optional, integers, attrs }) => {
      const weight = optional("weight");
      return nllLoss(input("logp"), integers("target"), {
        ...(weight ? { weight } : {}),
        reduction: attrs.reduction,
        ignoreIndex: attrs.ignore_index,
      });
    },
    mse_loss: ({ input, attrs }) => mseLoss(input("x"), input("target"), { reduction: attrs.reduction }),
    bce_with_logits: ({ input, optional, attrs }) => {
      const weight = optional("weight");
      const posWeight = optional("pos_weight");
      return bceWithLogits(input("x"), input("target"), {
        ...(weight ? { weight } : {}),
        ...(posWeight ? { posWeight } : {}),
        reduction: attrs.reduction,
      });
    },
  },
});

describe("errors", () => {
  const logits = zeros([2, 3]);
  it.each([
    [
      "crossEntropy",
      () => crossEntropy(zeros([3]), [0]),
      "crossEntropy: scores must be [N, C] or [N, C, ...], got [3]",
    ],
    ["crossEntropy", () => crossEntropy(logits, [0]), "crossEntropy: needs 2 labels [2], got 1 (scores [2,3])"],
    [
      "crossEntropy",
      () => crossEntropy(logits, zeros([3, 2])),
      "crossEntropy: target [3,2] must have the shape of x [2,3]",
    ],
    [
      "crossEntropy",
      () => crossEntropy(logits, [0, 1], { weight: ones([2]) }),
      "crossEntropy: weight must be [3], one number per class, got [2] (scores [2,3])",
    ],
    ["nllLoss", () => nllLoss(logits, [0, 1, 2]), "nllLoss: needs 2 labels [2], got 3 (scores [2,3])"],
    ["mseLoss", () => mseLoss(logits, zeros([3])), "mseLoss: target [3] must have the shape of x [2,3]"],
    [
      "bceWithLogits",
      () => bceWithLogits(logits, zeros([2, 1])),
      "bceWithLogits: target [2,1] must have the shape of x [2,3]",
    ],
    [
      "bceWithLogits",
      () => bceWithLogits(logits, logits, { posWeight: ones([2]) }),
      "bceWithLogits: shapes [2,3] and [2] do not broadcast",
    ],
    [
      "bceWithLogits",
      () => bceWithLogits(logits, logits, { weight: ones([4, 1, 1]) }),
      "bceWithLogits: weight [4,1,1] does not broadcast to the logits [2,3]",
    ],
  ] as const)("%s: %#", (_, call, message) => {
    expect(call).toThrow(ShapeError);
    expect(call).toThrow(message);
  });

  it.each([
    [3, 1],
    [-1, 0],
    [0.5, 1],
    [Number.NaN, 0],
  ])("label %f at position %i is no class", (label, position) => {
    const labels = [0, 0];
    labels[position] = label;
    for (const [name, f] of [
      ["crossEntropy", crossEntropy],
      ["nllLoss", nllLoss],
    ] as const) {
      expect(() => f(logits, labels)).toThrow(ValueError);
      expect(() => f(logits, labels)).toThrow(
        `${name}: label ${label} at position ${position} must be a class from 0 to 2 (scores [2,3])`,
      );
    }
  });

  it.each([-0.1, 1.5, Number.NaN])("label smoothing %f", (labelSmoothing) => {
    expect(() => crossEntropy(logits, [0, 1], { labelSmoothing })).toThrow(
      `crossEntropy: labelSmoothing must be a number from 0 to 1, got ${labelSmoothing}`,
    );
  });
});
