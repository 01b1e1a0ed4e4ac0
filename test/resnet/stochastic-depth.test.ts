/** Stochastic depth: the rule of the paper, what is skipped and what it costs, expectation, reproducibility. */
import { describe, expect, it } from "vitest";
import { mul, relu } from "../../src/autograd/elementwise.ts";
import { nodesBefore, noGrad } from "../../src/autograd/graph.ts";
import { BasicBlock, Bottleneck, cifarResNet, survivalProbability } from "../../src/resnet/index.ts";
import { randn } from "../../src/tensor/create.ts";
import { Rng } from "../../src/tensor/rng.ts";
import { plus } from "../support/blocks.ts";

const x = randn([2, 8, 6, 5], new Rng(1));

describe("survivalProbability: linear decay (eq. 4)", () => {
  it("from nearly 1 at the first block to p_L at the last", () => {
    expect([1, 2, 3, 4].map((l) => survivalProbability(l, 4, 0.5))).toEqual([0.875, 0.75, 0.625, 0.5]);
    expect(survivalProbability(27, 54, 0.5)).toBe(0.75);
    expect(survivalProbability(13, 54, 1)).toBe(1);
  });

  it("a network gives it to its blocks", () => {
    const survivals = cifarResNet(14, { width: 2, stochasticDepth: 0.4, rng: new Rng(0) })
      .blocks()
      .map(([, block]) => (block as BasicBlock).plan.survival);
    survivals.forEach((p, i) => {
      expect(p).toBeCloseTo(1 - ((i + 1) / 6) * 0.6, 12);
    });
  });

  it("ResNet-110 has 54 blocks, of which it uses about 40 at a time (§3: ¾)", () => {
    const expected = Array.from({ length: 54 }, (_, i) => survivalProbability(i + 1, 54, 0.5)).reduce((a, b) => a + b);
    expect(expected).toBeCloseTo(40.25, 10);
  });
});

describe.each([
  ["BasicBlock", BasicBlock],
  ["Bottleneck", Bottleneck],
] as const)("a %s that survives with probability 0.7", (_, Block) => {
  const make = (seed = 0) => new Block(8, 8, { order: "pre", survival: 0.7, rng: new Rng(seed) });

  it("in training is x itself or x + F(x), for the whole batch", () => {
    const block = make();
    const whole = plus(make().branch(x), x).data;
    for (let trial = 0; trial < 10; trial++) {
      const y = block.forward(x);
      if (y !== x) expect(y.data).toEqual(whole);
    }
  });

  it("is used in about 0.7 of the calls; the mean over many of them is what evaluation computes", () => {
    const block = make();
    const branch = make().branch(x);
    const calls = 1000;
    let used = 0;
    for (let i = 0; i < calls; i++) if (noGrad(() => block.forward(x)) !== x) used++;
    // Standard deviation √(0.7·0.3/1000) = 0.0145.
    expect(Math.abs(used / calls - 0.7)).toBeLessThan(0.05);
    // E[x + b·F] = x + 0.7·F: in evaluation, with the same statistics, F is scaled by p. Batch norm's differ, so it has none.
    const bare = new Block(8, 8, { order: "pre", survival: 0.7, batchNorm: false, rng: new Rng(0) });
    const full = bare.branch(x);
    expect(bare.eval().forward(x).data).toEqual(plus(full, x, 0.7).data);
    expect(bare.branch(x).data).toEqual(mul(full, 0.7).data);
    expect(branch.shape).toEqual(x.shape);
  });

  it("costs nothing when it is skipped: no node, no statistics", () => {
    const block = make();
    const input = randn(x.shape, new Rng(2));
    input.requiresGrad = true;
    let skipped = 0;
    let used = 0;
    while (skipped < 3) {
      const y = block.forward(input);
      if (y === input) skipped++;
      else {
        used++;
        const convolutions = nodesBefore(y).filter(({ op }) => op === "conv2d");
        expect(convolutions).toHaveLength(block.convolutions().length);
      }
    }
    expect(block.bn1!.numBatchesTracked!.item()).toBe(used);
  });

  it("decides the same from the same seed, differently from another", () => {
    const decisions = (seed: number): string => {
      const block = make(seed);
      return Array.from({ length: 40 }, () => (block.forward(x) === x ? "0" : "1")).join("");
    };
    expect(decisions(1)).toBe(decisions(1));
    expect(decisions(1)).not.toBe(decisions(2));
  });

  it("survival 0 never uses the branch, survival 1 always, without drawing", () => {
    const never = new Block(8, 8, { order: "pre", survival: 0, rng: new Rng(0) });
    const always = new Block(8, 8, { order: "pre", survival: 1, rng: new Rng(0) });
    for (let i = 0; i < 5; i++) {
      expect(never.forward(x)).toBe(x);
      expect(always.forward(x)).not.toBe(x);
    }
    expect(always.noise).toBe(null);
  });
});

describe("whole networks", () => {
  const options = { width: 2, stochasticDepth: 0.5 };
  const images = randn([2, 3, 8, 8], new Rng(3));

  it("the weights are those of the network without it", () => {
    const plain = cifarResNet(14, { width: 2, rng: new Rng(0) }).stateDict();
    for (const [name, t] of Object.entries(cifarResNet(14, { ...options, rng: new Rng(0) }).stateDict())) {
      expect(t.data, name).toEqual(plain[name].data);
    }
  });

  it("each pass trains another network, and the same seed the same ones", () => {
    const passes = (): string[] => {
      const model = cifarResNet(20, { ...options, rng: new Rng(0) });
      return Array.from({ length: 6 }, () => model.forward(images).data.join());
    };
    expect(passes()).toEqual(passes());
    expect(new Set(passes()).size).toBeGreaterThan(2);
  });

  it("evaluation is always the same", () => {
    const model = cifarResNet(20, { ...options, rng: new Rng(0) }).eval();
    expect(model.forward(images).data).toEqual(model.forward(images).data);
  });

  it("the ReLU after the addition stays when a branch is skipped", () => {
    const block = new BasicBlock(8, 8, { survival: 0, rng: new Rng(0) });
    expect(block.forward(x).data).toEqual(relu(x).data);
  });
});

describe("errors", () => {
  it("probabilities that are none", () => {
    expect(() => new BasicBlock(2, 2, { survival: 1.1, rng: new Rng(0) })).toThrow(
      "BasicBlock: survival must be a number from 0 to 1, got 1.1",
    );
    expect(() => cifarResNet(8, { stochasticDepth: Number.NaN, rng: new Rng(0) })).toThrow(
      "cifarResNet: stochasticDepth must be a number from 0 to 1, got NaN",
    );
  });

  it("plain blocks and networks, which would be cut in two", () => {
    expect(() => new BasicBlock(2, 2, { survival: 0.5, shortcut: "none", rng: new Rng(0) })).toThrow(
      'BasicBlock: survival below 1 needs a shortcut: with "none" a zero branch makes the network zero',
    );
    expect(() => cifarResNet(8, { stochasticDepth: 0.5, shortcut: "none", rng: new Rng(0) })).toThrow(
      "cifarResNet: stochasticDepth below 1 needs a shortcut",
    );
  });
});
