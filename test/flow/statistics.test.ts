import { describe, expect, it } from "vitest";
import { mul } from "../../src/autograd/elementwise.ts";
import { sum } from "../../src/autograd/reduce.ts";
import { layerStatistics } from "../../src/flow/statistics.ts";
import { Conv2d, Linear, ReLU, Sequential } from "../../src/nn/index.ts";
import { tensor } from "../../src/tensor/create.ts";
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

  it("by hand: norms √5, 1, 3 of the activations", () => {
    expect(rows.map((row) => row.activationNorm)).toEqual([Math.sqrt(5), 1, 3]);
  });

  it("a planted dead unit is found at its layer, and what it keeps from learning in front of it", () => {
    expect(rows.map(({ units, deadUnits, unreachedUnits }) => [units, deadUnits, unreachedUnits])).toEqual([
      [2, 0, 1], // −2 is not zero, but no gradient comes back through the ReLU
      [2, 1, 0],
      [1, 0, 0],
    ]);
  });

  it("a unit of an image is a channel: dead only if it is zero everywhere, for every example", () => {
    const conv = new Conv2d(1, 3, 1, { rng: new Rng(0) });
    const relu = new Sequential(conv, new ReLU());
    conv.weight.assign([1, -1, -1]);
    conv.bias!.assign([0, 0, 1.5]);
    // Channel 0 passes, 1 is never above 0, 2 is above 0 at one place of the first image only.
    const x = tensor(Float32Array.of(1, 2, 3, 4, 5, 6, 7, 8), [2, 1, 2, 2]);
    const found = layerStatistics(relu, () => sum(relu.forward(x)));
    expect(found.map(({ units, deadUnits, unreachedUnits }) => [units, deadUnits, unreachedUnits])).toEqual([
      [3, 0, 1],
      [3, 1, 0],
    ]);
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
