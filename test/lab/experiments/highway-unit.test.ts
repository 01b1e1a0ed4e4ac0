import { expect, test } from "vitest";
import { HighwayUnit, highwayUnitNet } from "../../../lab/experiments/highway-unit.ts";
import { certify } from "../../../src/flow/index.ts";
import { Rng, randn } from "../../../src/tensor/index.ts";

test("starts as its shortcut, but for a gate of σ(−6 + noise) ≪ 1", () => {
  const unit = new HighwayUnit(4, 4, { stride: 1, rng: new Rng(1) });
  const x = randn([2, 4, 6, 6], new Rng(2));
  const gates = Array.from(unit.gate(x).data);
  expect(gates.reduce((sum, g) => sum + g, 0) / gates.length).toBeLessThan(0.02);
  // y = t·h + (1 − t)·x, where both parts are there.
  const [y, branch, skip] = [unit.forward(x), unit.branch(x), unit.skip(x)].map(({ data }) => data);
  y.forEach((v, i) => {
    expect(v).toBeCloseTo(branch[i] + skip[i], 5);
  });
  skip.forEach((v, i) => {
    expect(v).toBeCloseTo((1 - gates[i]) * x.data[i], 5);
  });
});

test("depth 14, width 8: 2 units in each of 3 stages of 7, 14 and 28 channels, and the certificate calls them gated", () => {
  const model = highwayUnitNet(14, { width: 8, inChannels: 1, classes: 10, rng: new Rng(1) });
  const x = randn([2, 1, 8, 8], new Rng(2));
  expect(model.forward(x).shape).toEqual([2, 10]);
  const units = model.namedModules().flatMap(([, module]) => (module instanceof HighwayUnit ? [module] : []));
  expect(units.map(({ downsample }) => downsample !== null)).toEqual([true, false, true, false, true, false]);
  expect(units.map((unit) => unit.parameters()[0].shape[0])).toEqual([7, 7, 14, 14, 28, 28]);
  const { blocks } = certify(model, x);
  expect(blocks.map(({ verdict }) => verdict).every((verdict) => verdict !== "none" && verdict !== "identity")).toBe(
    true,
  );
  expect(blocks.every(({ numeric }) => numeric?.agrees)).toBe(true);
});

test("it cannot start at zero, and says so", () => {
  const unit = new HighwayUnit(2, 2, { stride: 1, rng: new Rng(1) });
  expect(() => unit.zeroInitLast()).toThrow("HighwayUnit: the gate makes a branch start near zero, not at zero");
});
