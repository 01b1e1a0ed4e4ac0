/** Batch, layer and group norm: examples, the traps, PyTorch's references (dropout's too), errors. */
import { describe, expect, it } from "vitest";
import { backward } from "../../src/autograd/backward.ts";
import { dropout } from "../../src/autograd/dropout.ts";
import { mul } from "../../src/autograd/elementwise.ts";
import { batchNorm, groupNorm, instanceNorm, layerNorm } from "../../src/autograd/norm.ts";
import { mean, sum, variance } from "../../src/autograd/reduce.ts";
import { reshape, slice } from "../../src/autograd/shape.ts";
import { full, ones, randn, tensor, zeros } from "../../src/tensor/create.ts";
import { ShapeError, ValueError } from "../../src/tensor/errors.ts";
import { Rng } from "../../src/tensor/rng.ts";
import { owned, type Tensor } from "../../src/tensor/tensor.ts";
import { goldenFamily } from "../support/golden-family.ts";

describe("examples", () => {
  it("batch norm of [0, 2] and [10, 14] per channel: ±1, then weight and bias", () => {
    const x = tensor([
      [0, 10],
      [2, 14],
    ]);
    const y = batchNorm(x, tensor([1, 3]), tensor([0, 100]), { training: true, eps: 0 });
    expect(y.toArray()).toEqual([
      [-1, 97],
      [1, 103],
    ]);
  });

  it("layer norm of a row does not see the other rows", () => {
    const one = layerNorm(tensor([[1, 2, 6]]), [3]);
    const among = layerNorm(
      tensor([
        [1, 2, 6],
        [-50, 0, 50],
      ]),
      [3],
    );
    expect((among.toArray() as number[][])[0]).toEqual((one.toArray() as number[][])[0]);
  });

  it("group norm with one group is layer norm over [C, H, W], with C groups instance norm", () => {
    const x = randn([2, 4, 3, 5], new Rng(1));
    expect(groupNorm(x, 1).toArray()).toEqual(layerNorm(x, [4, 3, 5]).toArray());
    const each = groupNorm(x, 4, null, null, { eps: 0 });
    const center = mean(each, [2, 3]).data;
    const spread = variance(each, [2, 3], { correction: 0 }).data;
    for (let k = 0; k < 8; k++) {
      expect(center[k]).toBeCloseTo(0, 6);
      expect(spread[k]).toBeCloseTo(1, 4);
    }
  });
});

describe("traps", () => {
  it("the count is N·H·W: mean and variance of a channel over batch and space", () => {
    const x = randn([3, 2, 4, 5], new Rng(2));
    const y = batchNorm(x, null, null, { training: true, eps: 0 });
    const center = mean(y, [0, 2, 3]).data;
    const spread = variance(y, [0, 2, 3], { correction: 0 }).data;
    for (let c = 0; c < 2; c++) {
      expect(center[c]).toBeCloseTo(0, 6);
      expect(spread[c]).toBeCloseTo(1, 5);
    }
  });

  it("normalises with the biased variance and keeps the unbiased one: [0, 2] gives ±1 and 2", () => {
    const runningMean = zeros([1]);
    const runningVar = ones([1]);
    const y = batchNorm(tensor([[0], [2]]), null, null, {
      training: true,
      runningMean,
      runningVar,
      momentum: 1,
      eps: 0,
    });
    expect(y.toArray()).toEqual([[-1], [1]]);
    expect(runningMean.item()).toBe(1);
    expect(runningVar.item()).toBe(2);
  });

  it("running statistics: (1 − momentum)·running + momentum·batch, outside the graph", () => {
    const runningMean = full([1], 10);
    const runningVar = full([1], 10);
    const x = tensor([[0], [4]], { requiresGrad: true });
    const y = batchNorm(x, null, null, { training: true, runningMean, runningVar, momentum: 0.5 });
    expect([runningMean.item(), runningVar.item()]).toEqual([6, 9]);
    expect(y.node?.inputs).toEqual([x]);
    // The update is a change in place, and does not disturb this step's backward pass.
    expect(() => backward(sum(y))).not.toThrow();
  });

  it("evaluation leaves the running statistics alone, and a later training step does not change its gradient", () => {
    const runningMean = full([1], 3);
    const runningVar = full([1], 4);
    const weight = tensor([2], { requiresGrad: true });
    const x = tensor([[5], [7]], { requiresGrad: true });
    const y = batchNorm(x, weight, null, { training: false, runningMean, runningVar, eps: 0 });
    expect(y.toArray()).toEqual([[2], [4]]);
    expect([runningMean.item(), runningVar.item()]).toEqual([3, 4]);
    batchNorm(tensor([[100], [200]]), null, null, { training: true, runningMean, runningVar });
    const grads = backward(sum(y));
    expect(grads.get(x).toArray()).toEqual([[1], [1]]);
    expect(grads.get(weight).toArray()).toEqual([3]);
  });

  it("both the mean's and the variance's path belong to the gradient: adding a constant, or scaling, changes nothing", () => {
    const x = owned(Float64Array.from(randn([6, 2], new Rng(3)).data), [6, 2], true);
    const upstream = randn([6, 2], new Rng(4));
    const y = batchNorm(x, null, null, { training: true, eps: 0 });
    const gx = backward(sum(mul(y, upstream))).get(x);
    // y(x + t) = y(x) and y(x·(1 + t)) = y(x), so gx is orthogonal to the ones and to x, in every channel.
    for (const along of [sum(gx, 0), sum(mul(gx, x), 0)]) {
      for (const value of along.data) expect(Math.abs(value)).toBeLessThan(1e-12);
    }
  });

  it("a constant channel gives bias, not NaN", () => {
    const x = full([4, 1, 2, 2], 7);
    expect(batchNorm(x, null, tensor([5]), { training: true }).data.every((v) => v === 5)).toBe(true);
  });

  it("a large mean does not eat the variance: x = 10⁴ ± 1", () => {
    const x = tensor([[9999], [10001], [9999], [10001]]);
    expect(batchNorm(x, null, null, { training: true, eps: 0 }).toArray()).toEqual([[-1], [1], [-1], [1]]);
  });

  it("one value per channel in training is an error that says what to do", () => {
    const call = (): Tensor => batchNorm(zeros([1, 3, 1, 1]), null, null, { training: true });
    expect(call).toThrow(ShapeError);
    expect(call).toThrow(
      "batchNorm: training needs more than one value per channel, x [1,3,1,1] has 1: use a larger batch, or eval mode",
    );
    const running = { runningMean: zeros([3]), runningVar: ones([3]) };
    expect(batchNorm(zeros([1, 3, 1, 1]), null, null, { training: false, ...running }).shape).toEqual([1, 3, 1, 1]);
  });

  it("a refused call leaves the running statistics as they were", () => {
    const runningMean = zeros([3]);
    const runningVar = ones([3]);
    expect(() => batchNorm(zeros([4, 3]), ones([2]), null, { training: true, runningMean, runningVar })).toThrow();
    expect([runningMean.version, runningVar.version]).toEqual([0, 0]);
  });

  it("gradients only for those who ask: frozen weight, trained bias", () => {
    const bias = tensor([0, 0], { requiresGrad: true });
    const x = randn([4, 2], new Rng(5));
    for (const y of [
      batchNorm(x, ones([2]), bias, { training: true }),
      layerNorm(x, [2], ones([2]), bias),
      groupNorm(x, 2, ones([2]), bias),
    ]) {
      expect(backward(sum(y)).get(bias).toArray()).toEqual([4, 4]);
    }
  });
});

goldenFamily("norms", {
  run: {
    batch_norm: ({ input, optional, attrs }) => {
      const runningMean = optional("running_mean");
      const runningVar = optional("running_var");
      const y = batchNorm(input("x"), optional("weight"), optional("bias"), {
        training: attrs.training,
        momentum: attrs.momentum,
        eps: attrs.eps,
        runningMean,
        runningVar,
      });
      return { outputs: runningMean && runningVar ? { y, running_mean: runningMean, running_var: runningVar } : { y } };
    },
    batch_norm_sequence: ({ input, attrs }) => {
      const all = input("x");
      const [steps, ...shape] = all.shape;
      const batch = (t: number): Tensor => reshape(slice(all, [[t, t + 1]]), shape);
      const running = { runningMean: input("running_mean"), runningVar: input("running_var") };
      const { momentum, eps } = attrs;
      for (let t = 0; t < steps; t++) batchNorm(batch(t), null, null, { training: true, momentum, eps, ...running });
      const y = batchNorm(batch(0), input("weight"), input("bias"), { training: false, eps, ...running });
      return { outputs: { y, running_mean: running.runningMean, running_var: running.runningVar } };
    },
    layer_norm: ({ input, optional, attrs }) =>
      layerNorm(input("x"), attrs.normalized_shape, optional("weight"), optional("bias"), { eps: attrs.eps }),
    group_norm: ({ input, optional, attrs }) =>
      groupNorm(input("x"), attrs.num_groups, optional("weight"), optional("bias"), { eps: attrs.eps }),
    dropout: ({ input, attrs }) => dropout(input("x"), attrs.p, { training: attrs.training, rng: new Rng(0) }),
  },
});

describe("errors", () => {
  const x = zeros([2, 6, 3, 3]);
  it.each([
    [
      "batchNorm",
      () => batchNorm(zeros([6]), null, null, { training: true }),
      "batchNorm: x must be [N, C] or [N, C, ...], got [6]",
    ],
    [
      "batchNorm",
      () => batchNorm(x, ones([3]), null, { training: true }),
      "batchNorm: weight must be [6], one number per channel, got [3] (x [2,6,3,3])",
    ],
    [
      "batchNorm",
      () => batchNorm(x, null, ones([1, 6]), { training: true }),
      "batchNorm: bias must be [6], one number per channel, got [1,6]",
    ],
    [
      "batchNorm",
      () => batchNorm(x, null, null, { training: true, runningMean: zeros([2]), runningVar: ones([6]) }),
      "batchNorm: runningMean must be [6]",
    ],
    ["layerNorm", () => layerNorm(x, [6]), "layerNorm: x [2,6,3,3] does not end in normalizedShape [6]"],
    ["layerNorm", () => layerNorm(x, []), "layerNorm: x [2,6,3,3] does not end in normalizedShape []"],
    ["layerNorm", () => layerNorm(x, [3], ones([3, 3])), "layerNorm: weight must be [3], normalizedShape, got [3,3]"],
    ["groupNorm", () => groupNorm(x, 4), "groupNorm: 6 channels do not divide into 4 groups (x [2,6,3,3])"],
    ["instanceNorm", () => instanceNorm(zeros([6])), "instanceNorm: x must be [N, C] or [N, C, ...], got [6]"],
    [
      "instanceNorm",
      () => instanceNorm(zeros([2, 6, 1, 1])),
      "instanceNorm: x must have more than one value per image and channel, got [2,6,1,1]",
    ],
    [
      "instanceNorm",
      () => instanceNorm(x, zeros([2])),
      "instanceNorm: weight must be [6], one number per channel, got [2]",
    ],
    ["groupNorm", () => groupNorm(zeros([6]), 1), "groupNorm: x must be [N, C] or [N, C, ...], got [6]"],
    [
      "groupNorm",
      () => groupNorm(x, 2, null, ones([2])),
      "groupNorm: bias must be [6], one number per channel, got [2]",
    ],
  ] as const)("%s: %#", (_, call, message) => {
    expect(call).toThrow(ShapeError);
    expect(call).toThrow(message);
  });

  it("running statistics: both or neither in training, both outside", () => {
    const call = (training: boolean, runningMean: Tensor | null) => () =>
      batchNorm(x, null, null, { training, runningMean });
    expect(call(false, null)).toThrow(ValueError);
    expect(call(false, null)).toThrow("batchNorm: needs runningMean and runningVar outside training");
    expect(call(true, zeros([6]))).toThrow("batchNorm: needs both of runningMean and runningVar, or neither");
  });
});
