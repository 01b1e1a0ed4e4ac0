import { describe, expect, it } from "vitest";
import { mul } from "../../src/autograd/elementwise.ts";
import { matmul } from "../../src/autograd/matmul.ts";
import { blockSpectra, jacobian, jacobianSpectrum } from "../../src/flow/jacobian.ts";
import { Linear, ReLU, Sequential } from "../../src/nn/index.ts";
import { cifarResNet } from "../../src/resnet/index.ts";
import { randn, tensor, zeros } from "../../src/tensor/create.ts";
import { Rng } from "../../src/tensor/rng.ts";
import type { Tensor } from "../../src/tensor/tensor.ts";
import { scalingChain } from "./scaling-chain.ts";

const valuesOf = (rows: readonly { singularValue: number }[]): number[] => rows.map((row) => row.singularValue);

describe("jacobian", () => {
  it("x∘x at (3, 4): diag(6, 8)", () => {
    expect(jacobian((x) => mul(x, x), tensor([3, 4]))).toEqual({
      rows: 2,
      columns: 2,
      values: Float32Array.of(6, 0, 0, 8),
    });
  });

  it("x·W, x=[1,2] W=[2,3]: Wᵀ; and a part that does not depend on x is zero", () => {
    const w = tensor([
      [1, 2, 3],
      [4, 5, 6],
    ]);
    expect([...jacobian((x) => matmul(x, w), tensor([[7, 8]])).values]).toEqual([1, 4, 2, 5, 3, 6]);
    expect([...jacobian(() => w, tensor([1])).values]).toEqual([0, 0, 0, 0, 0, 0]);
  });

  it("leaves the parameters asking for their gradients", () => {
    const model = new Linear(2, 2, { rng: new Rng(0) });
    jacobian((x) => model.forward(x), tensor([[1, 2]]));
    expect(model.weight.requiresGrad).toBe(true);
  });

  it("is not built where it would not fit into memory", () => {
    expect(() => jacobian((x) => mul(x, 2), zeros([1, 12000]))).toThrow(
      "jacobian: 12000 outputs × 12000 inputs are more than 2^27 numbers: use a smaller image or fewer channels",
    );
  });
});

describe("jacobianSpectrum", () => {
  it("a linear network by hand: W = [[3, 0], [4, 5]] has σ = 3√5, √5; two layers of it and 2·I have twice that", () => {
    const net = new Sequential(
      new Linear(2, 2, { bias: false, rng: new Rng(0) }),
      new Linear(2, 2, { bias: false, rng: new Rng(0) }),
    );
    net.loadStateDict({
      "0.weight": tensor([
        [3, 0],
        [4, 5],
      ]),
      "1.weight": tensor([
        [2, 0],
        [0, 2],
      ]),
    });
    const rows = jacobianSpectrum((x) => net.forward(x), tensor([[1, 1]]));
    expect(rows.map(({ index }) => index)).toEqual([0, 1]);
    expect(rows[0].singularValue).toBeCloseTo(6 * Math.sqrt(5), 12);
    expect(rows[1].singularValue).toBeCloseTo(2 * Math.sqrt(5), 12);
    expect(rows[0].error).toBeLessThan(1e-13);
  });

  it("L blocks y = x + ax: (1 + a)ᴸ, every one", () => {
    const chain = scalingChain(10, 0.5);
    for (const value of valuesOf(jacobianSpectrum((x) => chain.forward(x), randn([1, 6], new Rng(1))))) {
      expect(value).toBeCloseTo(1.5 ** 10, 4);
    }
  });

  it("the largest by Lanczos agree with all of them, within the bounds they state", () => {
    const rng = new Rng(2);
    const net = new Sequential(new Linear(30, 40, { rng }), new ReLU(), new Linear(40, 25, { rng }));
    const x = randn([1, 30], rng);
    const all = jacobianSpectrum((t: Tensor) => net.forward(t), x);
    const five = jacobianSpectrum((t: Tensor) => net.forward(t), x, { largest: 5 });
    expect(five).toHaveLength(5);
    five.forEach(({ singularValue, error }, i) => {
      expect(error).toBeLessThan(1e-7 * all[0].singularValue);
      expect(Math.abs(singularValue - all[i].singularValue)).toBeLessThan(error + 1e-12);
    });
  });

  it("more than there are is an error", () => {
    expect(() => jacobianSpectrum((x) => mul(x, 2), tensor([1, 2]), { largest: 3 })).toThrow(
      "jacobianSpectrum: largest must be a whole number from 1 to 2, got 3",
    );
  });
});

describe("blockSpectra", () => {
  const image = randn([1, 3, 8, 8], new Rng(3));
  const net = (options: object = {}) => cifarResNet(8, { width: 2, ...options, rng: new Rng(4) });

  it("identity blocks: all ones, and a branch of zeros", () => {
    const rows = blockSpectra(net({ order: "pre", zeroInitLast: true }), image, { blocks: ["layer1.0"] });
    expect(rows).toHaveLength(2 * 128);
    for (const { part, singularValue } of rows) expect(singularValue).toBeCloseTo(part === "block" ? 1 : 0, 12);
  });

  it("live blocks: the identity lifts the smallest away from 0", () => {
    const rows = blockSpectra(net({ order: "pre" }).eval(), image, { blocks: ["layer1.0"] });
    const [block, branch] = (["block", "branch"] as const).map((part) =>
      valuesOf(rows.filter((row) => row.part === part)),
    );
    const near0 = (values: readonly number[]): number => values.filter((v) => v < 0.05).length;
    expect(near0(branch)).toBeGreaterThan(40);
    expect(near0(block)).toBeLessThan(near0(branch) / 4);
  });

  it("every block unless asked for some, each on its own input; the model stays as it was", () => {
    const model = net();
    const before = JSON.stringify(Object.values(model.stateDict()).map((t) => Array.from(t.data)));
    const rows = blockSpectra(model, image, { largest: 2 });
    expect(rows.map(({ block, part, index }) => `${block} ${part} ${index}`)).toEqual(
      ["layer1.0", "layer2.0", "layer3.0"].flatMap((block) =>
        ["block 0", "block 1", "branch 0", "branch 1"].map((rest) => `${block} ${rest}`),
      ),
    );
    expect(JSON.stringify(Object.values(model.stateDict()).map((t) => Array.from(t.data)))).toBe(before);
  });

  it("a block that does not exist is an error", () => {
    expect(() => blockSpectra(net(), image, { blocks: ["layer4.0"] })).toThrow(
      'blockSpectra: ResNet has no residual block "layer4.0", but layer1.0, layer2.0, layer3.0',
    );
  });
});
