import { describe, expect, it } from "vitest";
import { crossEntropy } from "../../src/autograd/losses.ts";
import { sum } from "../../src/autograd/reduce.ts";
import { certify } from "../../src/flow/certify.ts";
import { identityShares, networkShare } from "../../src/flow/shares.ts";
import { Dropout, fingerprint, freeze, type Module, Sequential } from "../../src/nn/index.ts";
import { type CifarResNetOptions, cifarResNet } from "../../src/resnet/index.ts";
import { randn, tensor } from "../../src/tensor/create.ts";
import { Rng } from "../../src/tensor/rng.ts";
import { scalingChain } from "./scaling-chain.ts";

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

describe("networkShare", () => {
  const images = randn([4, 3, 8, 8], new Rng(1));
  const lossOf = (model: Module) => () => crossEntropy(model.forward(images), [0, 1, 2, 3]);
  const net = (options: Partial<CifarResNetOptions>) => cifarResNet(14, { width: 4, ...options, rng: new Rng(2) });

  it("identity blocks: all of it is the upstream gradient", () => {
    const model = net({ order: "pre", zeroInitLast: true });
    const { blocks, shortcut, identityShare, residualShare, cosine } = networkShare(model, lossOf(model));
    expect([blocks, shortcut, identityShare, residualShare, cosine]).toEqual([6, "selection", 1, 0, 0]);
  });

  it("L blocks y = x + ax by hand: 1 of (1 + a)ᴸ, and both parts have one direction", () => {
    const chain = scalingChain(4, 0.5);
    const share = networkShare(chain, () => sum(chain.forward(tensor([[1, 2]], { requiresGrad: true }))));
    expect(share.identityShare).toBeCloseTo(1 / 1.5 ** 4, 12);
    expect(share.cosine).toBeCloseTo(1, 12);
    expect(share.gradientNorm).toBeCloseTo(Math.SQRT2 * 1.5 ** 4, 12);
    expect(share.upstreamNorm).toBeCloseTo(Math.SQRT2, 12);
  });

  it("is smaller than any block's, and 0 in a plain network", () => {
    const model = net({ order: "pre" });
    const smallest = Math.min(...identityShares(model, lossOf(model)).map((row) => row.identityShare));
    expect(networkShare(model, lossOf(model)).identityShare).toBeLessThan(smallest);
    const plain = net({ shortcut: "none" });
    expect(networkShare(plain, lossOf(plain))).toMatchObject({ shortcut: "none", identityShare: 0, residualShare: 1 });
  });

  it("constant scaling: the shortcut part is 0.5ᴸ of the upstream gradient", () => {
    const model = net({ order: "pre", shortcut: "scale", zeroInitLast: true });
    const { shortcut, identityShare, gradientNorm, upstreamNorm } = networkShare(model, lossOf(model));
    expect([shortcut, identityShare]).toEqual(["scale", 1]);
    // The two down-sampling blocks drop the channels that they added, so it is less still.
    expect(gradientNorm / upstreamNorm).toBeLessThanOrEqual(0.5 ** 6);
    expect(gradientNorm / upstreamNorm).toBeGreaterThan(0.1 * 0.5 ** 6);
  });
});

describe("shares and certificates in the middle of a training", () => {
  it("leave statistics, weights, generators, modes and what is frozen as they were", () => {
    const rng = new Rng(5);
    const network = cifarResNet(14, { width: 4, stochasticDepth: 0.5, rng });
    const model = new Sequential(network, new Dropout(0.3, { rng: rng.fork("dropout") }));
    freeze(network.conv1);
    const images = randn([4, 3, 8, 8], new Rng(1));
    const loss = () => crossEntropy(model.forward(images), [0, 1, 2, 3]);
    const generators = model
      .namedModules()
      .flatMap(([, module]) => Object.values(module).filter((value): value is Rng => value instanceof Rng));
    const traces = () => ({
      weights: fingerprint(model),
      draws: generators.map(({ state, spare }) => [state, spare]),
      modes: model.namedModules().map(([, { training }]) => training),
      learns: model.parameters().map(({ requiresGrad }) => requiresGrad),
      own: model.namedModules().some(([, module]) => Object.hasOwn(module, "forward")),
    });
    expect(generators.length).toBeGreaterThan(3);
    const before = traces();
    identityShares(model, loss);
    expect(traces()).toEqual(before);
    networkShare(model, loss);
    certify(model, images);
    expect(traces()).toEqual(before);
    loss();
    expect(traces().draws).not.toEqual(before.draws);
  });
});

describe("blocks without their branch", () => {
  it("a collapsed block is its shortcut alone: share 1", () => {
    const model = cifarResNet(8, { width: 4, order: "pre", rng: new Rng(2) });
    for (const [, block] of model.blocks()) block.collapsed = true;
    const rows = identityShares(model, () => sum(model.forward(randn([1, 3, 8, 8], new Rng(1)))));
    expect(rows.map(({ shortcut, identityShare }) => [shortcut, identityShare])).toEqual([
      ["identity", 1],
      ["selection", 1],
      ["selection", 1],
    ]);
  });
});
