import { describe, expect, it } from "vitest";
import { mul } from "../../src/autograd/elementwise.ts";
import { crossEntropy } from "../../src/autograd/losses.ts";
import { sum } from "../../src/autograd/reductions.ts";
import { identityShares } from "../../src/flow/shares.ts";
import { layerStatistics } from "../../src/flow/statistics.ts";
import { Linear, ReLU, Sequential } from "../../src/nn/index.ts";
import { cifarResNet } from "../../src/resnet/index.ts";
import { randn, tensor } from "../../src/tensor/create.ts";
import { Rng } from "../../src/tensor/rng.ts";

describe("layerStatistics", () => {
  // y = relu(W1 x) with W1 = [[1, 0], [0, -1]], then w2·y with w2 = [[3, 4]]; x = [1, 2]: the second unit is dead.
  const model = new Sequential(
    new Linear(2, 2, { bias: false, rng: new Rng(0) }),
    new ReLU(),
    new Linear(2, 1, { bias: false, rng: new Rng(0) }),
  );
  model.loadStateDict({
    "0.weight": tensor([
      [1, 0],
      [0, -1],
    ]),
    "2.weight": tensor([[3, 4]]),
  });
  const rows = layerStatistics(model, () => sum(mul(model.forward(tensor([[1, 2]])), 2)));

  it("one row per layer, in order", () => {
    expect(rows.map(({ layer, kind, parameters }) => [layer, kind, parameters])).toEqual([
      ["0", "Linear", 4],
      ["1", "ReLU", 0],
      ["2", "Linear", 2],
    ]);
  });

  it("by hand: activations [1, −2], [1, 0], [3]; gradients [6, 0], [6, 8], [2]", () => {
    expect(rows.map((row) => row.activationMeanAbs)).toEqual([1.5, 0.5, 3]);
    expect(rows.map((row) => row.activationRms)).toEqual([Math.sqrt(2.5), Math.sqrt(0.5), 3]);
    expect(rows.map((row) => row.activationZeros)).toEqual([0, 0.5, 0]);
    expect(rows.map((row) => row.gradientNorm)).toEqual([6, 10, 2]);
    expect(rows.map((row) => row.gradientMeanAbs)).toEqual([3, 7, 2]);
    expect(rows.map((row) => row.gradientZeros)).toEqual([0.5, 0, 0]);
  });

  it("by hand: weight gradients [[6, 12], [0, 0]] and [[2, 0]]", () => {
    expect(rows.map((row) => row.weightGradientNorm)).toEqual([Math.sqrt(180), 0, 2]);
    expect(rows.map((row) => row.weightNorm)).toEqual([Math.SQRT2, 0, 5]);
  });

  it("a planted NaN is counted at the layer where it appears and behind it", () => {
    const broken = new Sequential(
      new Linear(2, 2, { bias: false, rng: new Rng(0) }),
      new Linear(2, 2, { bias: false, rng: new Rng(0) }),
    );
    broken.stateDict()["1.weight"].assign([1, 1, Number.NaN, 1]);
    const found = layerStatistics(broken, () => sum(broken.forward(tensor([[1, 2]]))));
    expect(found.map((row) => row.activationNonFinite)).toEqual([0, 1]);
  });

  it("a dead network's rows are zeros, not errors", () => {
    const dead = new Sequential(new Linear(2, 2, { rng: new Rng(0) }), new ReLU());
    dead.stateDict()["0.weight"].assign([0, 0, 0, 0]);
    dead.stateDict()["0.bias"].assign([-1, -1]);
    const row = layerStatistics(dead, () => sum(dead.forward(tensor([[1, 2]]))))[1];
    expect([row.activationZeros, row.activationRms, row.gradientNorm]).toEqual([1, 0, Math.SQRT2]);
  });
});

describe("identityShares", () => {
  const images = randn([4, 3, 8, 8], new Rng(1));
  const labels = [0, 1, 2, 3];
  const shares = (options: object) => {
    const model = cifarResNet(14, { width: 4, ...options, rng: new Rng(2) });
    return identityShares(model, () => crossEntropy(model.forward(images), labels));
  };

  it("are 1 for blocks that are exactly the identity", () => {
    for (const row of shares({ order: "pre", zeroInitLast: true })) {
      expect([row.identityShare, row.residualShare, row.cosine]).toEqual([1, 0, 0]);
    }
  });

  it("are 0 for plain blocks", () => {
    for (const row of shares({ shortcut: "none" })) {
      expect([row.shortcut, row.identityShare, row.residualShare]).toEqual(["none", 0, 1]);
    }
  });

  it("lie between, and add up to 1, for a residual network with live branches", () => {
    for (const row of shares({ order: "pre" })) {
      expect(row.identityShare).toBeGreaterThan(0.1);
      expect(row.identityShare).toBeLessThan(0.95);
      expect(row.identityShare + row.residualShare).toBeCloseTo(1, 12);
      expect(Math.abs(row.cosine)).toBeLessThan(1);
    }
  });

  it("names the blocks and what their shortcuts do", () => {
    expect(shares({ order: "post" }).map(({ block, shortcut }) => [block, shortcut])).toEqual([
      ["layer1.0", "mask"],
      ["layer1.1", "mask"],
      ["layer2.0", "mask"],
      ["layer2.1", "mask"],
      ["layer3.0", "mask"],
      ["layer3.1", "mask"],
    ]);
  });
});
