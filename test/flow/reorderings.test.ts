/** Reorderings: by hand on a chain of scalings, on a residual network, and what cannot change places. */
import { describe, expect, it } from "vitest";
import { noGrad } from "../../src/autograd/graph.ts";
import { crossEntropy } from "../../src/autograd/losses.ts";
import { sum } from "../../src/autograd/reduce.ts";
import { reorderings, withOrder } from "../../src/flow/reorderings.ts";
import type { Module } from "../../src/nn/index.ts";
import { cifarResNet } from "../../src/resnet/index.ts";
import { randn, tensor } from "../../src/tensor/create.ts";
import { Rng } from "../../src/tensor/rng.ts";
import { scalingChain } from "./scaling-chain.ts";

const images = randn([2, 3, 8, 8], new Rng(1));
const net = (options: object = {}) => cifarResNet(14, { width: 4, ...options, rng: new Rng(2) });
const lossOf = (model: Module) => (): number => noGrad(() => crossEntropy(model.forward(images), [0, 1]).item());

/** The sum of the outputs for x = [1, 3]: 4·Π(1 + aᵢ). */
const total = (model: Module) => (): number => noGrad(() => sum(model.forward(tensor([[1, 3]]))).item());

describe("reorderings", () => {
  it("no swap: τ = 1 and nothing changes; one swap of neighbours or not: τ < 1", async () => {
    const model = net();
    const rows = await reorderings(model, lossOf(model), { swaps: [0, 1], trials: 2 });
    expect(rows.slice(0, 2)).toEqual(
      [0, 1].map((trial) => ({ swaps: 0, trial, kendallTau: 1, value: lossOf(model)() })),
    );
    // layer1.0 and layer1.1 are the only two blocks that keep one shape and are not alone: one pair of 15 changes order.
    expect(rows.slice(2).map(({ kendallTau }) => kendallTau)).toEqual([13 / 15, 13 / 15]);
    expect(rows[2].value).not.toBe(rows[0].value);
  });

  it("blocks that commute may change places", async () => {
    const chain = scalingChain(6, 0.5);
    const values = await reorderings(chain, total(chain), { swaps: [1, 4], trials: 4 });
    expect(values.every(({ value }) => value === 4 * 1.5 ** 6)).toBe(true);
    expect(Math.min(...values.map(({ kendallTau }) => kendallTau))).toBeLessThan(0.6);
  });

  it("withOrder runs one block in another's place", async () => {
    const model = net({ order: "pre" });
    const block = (path: string): Module => model.namedModules().find(([name]) => name === path)![1] as Module;
    const x = randn([2, 4, 8, 8], new Rng(5));
    const swapped = withOrder(model, { "layer1.0": "layer1.1", "layer1.1": "layer1.0" }, () =>
      noGrad(() => model.layer1.forward(x)),
    );
    expect(swapped.data).toEqual(noGrad(() => block("layer1.0").forward(block("layer1.1").forward(x))).data);
  });

  it("no two blocks of one shape is an error", async () => {
    const model = cifarResNet(8, { width: 4, rng: new Rng(0) });
    await expect(reorderings(model, lossOf(model), { swaps: [1] })).rejects.toThrow(
      "reorderings: no two blocks keep the shape of the same image",
    );
  });
});
