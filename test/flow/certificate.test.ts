import { describe, expect, it } from "vitest";
import { add } from "../../src/autograd/elementwise.ts";
import { record } from "../../src/autograd/graph.ts";
import { certify } from "../../src/flow/certify.ts";
import { Conv2d, Identity, Module, ReLU, Sequential } from "../../src/nn/index.ts";
import { BasicBlock, type CifarResNetOptions, cifarResNet, highwayNet } from "../../src/resnet/index.ts";
import { randn } from "../../src/tensor/create.ts";
import { numbersOf, toValues } from "../../src/tensor/memory.ts";
import { Rng } from "../../src/tensor/rng.ts";
import type { Tensor } from "../../src/tensor/tensor.ts";

const images = randn([2, 3, 8, 8], new Rng(1));
const net = (options: Omit<NonNullable<Parameters<typeof cifarResNet>[1]>, "rng">, depth = 20) =>
  cifarResNet(depth, { width: 4, ...options, rng: new Rng(2) });

describe("a pre-activation network with parameter-free shortcuts", () => {
  const certificate = certify(net({ order: "pre" }), images);

  it("is certified: 7 identities, and 2 selections where the shape changes", () => {
    expect(certificate.holds).toBe(true);
    expect(certificate.blocks.map(({ verdict }) => verdict)).toEqual([
      "identity",
      "identity",
      "identity",
      "selection",
      "identity",
      "identity",
      "selection",
      "identity",
      "identity",
    ]);
    expect(certificate.summary).toBe(
      "Certified: the gradient passes all 9 blocks through additions and identities alone; at the 2 where the shape changes, by parameter-free selection.",
    );
  });

  it("its numbers agree within the rounding bound, with a branch that is not zero", () => {
    for (const { numeric } of certificate.blocks) {
      expect(numeric?.agrees).toBe(true);
      expect(numeric?.branchNorm).toBeGreaterThan(0.01);
      expect(numeric?.shortcutNorm).toBeGreaterThan(0.01);
    }
  });

  it("prints the whole way, and one line per block with the check", () => {
    const lines = certificate.toString().split("\n");
    expect(lines).toHaveLength(11);
    expect(lines[1]).toMatch(
      /^The whole way, along every shortcut: every entry that passes is unchanged; 25 % of the entries arrive, with 0\.\d+ of the norm of a random gradient\.$/,
    );
    expect(lines[2]).toMatch(
      /^ {2}layer1\.0 {2}identity {3}only additions and identities: ∂L\/∂y is itself a summand of ∂L\/∂x \[checked: equal within rounding\]$/,
    );
  });
});

describe("zero-initialised branches", () => {
  it("agree bit for bit: the branch's product is zero, ∂L/∂x is ∂L/∂y", () => {
    // The last operation of a pre-activation branch is a convolution, of a post-activation branch a batch norm.
    for (const order of ["pre", "post"] as const) {
      const certificate = certify(net({ order, zeroInitLast: true }), images);
      expect(certificate.blocks.every(({ numeric }) => numeric?.bitExact && numeric.branchNorm === 0)).toBe(true);
    }
    expect(certify(net({ order: "pre", zeroInitLast: true }), images).toString()).toContain(
      "[checked: equal to the last bit]",
    );
  });
});

describe("where the path breaks", () => {
  it("post-activation: gated by the mask of the ReLU after the addition", () => {
    const certificate = certify(net({ order: "post" }), images);
    expect(certificate.holds).toBe(false);
    expect(certificate.blocks.every(({ verdict, numeric }) => verdict === "mask" && numeric?.agrees)).toBe(true);
    expect(certificate.blocks[0].reason).toMatch(
      /^gated by the mask of relu after the addition: [1-9]\d % of ∂L\/∂y passes on this input$/,
    );
    expect(certificate.summary).toBe("Not certified: of 9 shortcuts, 9 are gated by a ReLU's mask after the addition.");
  });

  it("plain: no path, and what stands in the way", () => {
    const certificate = certify(net({ shortcut: "none" }), images);
    expect(certificate.holds).toBe(false);
    expect(certificate.blocks.every(({ verdict, numeric }) => verdict === "none" && numeric?.agrees)).toBe(true);
    expect(certificate.blocks[0].reason).toBe(
      "no path: no addition joins the block's input to its output; between them stand 2 relu, 2 batchNorm, 2 conv2d",
    );
    expect(certificate.summary).toBe(
      "Not certified: no skip connection in all 9 blocks; the gradient has to pass every layer.",
    );
  });

  it("projection: transformed by weights at the first block of each stage, which starts from the activation", () => {
    const certificate = certify(net({ order: "pre", shortcut: "project" }), images);
    expect(certificate.blocks.filter(({ verdict }) => verdict === "transform").map(({ block }) => block)).toEqual([
      "layer1.0",
      "layer2.0",
      "layer3.0",
    ]);
    expect(certificate.blocks[3].path.map(({ op }) => op)).toEqual(["add", "conv2d", "relu", "batchNorm"]);
    expect(certificate.blocks.every(({ numeric }) => numeric?.agrees)).toBe(true);
    expect(certificate.summary).toBe(
      "Not certified: of 9 shortcuts, 6 pass the gradient unchanged, 3 transform by weights.",
    );
  });
});

describe("the numeric check can fail", () => {
  it("a block whose gradient loses a hundredth on the way is caught, though the graph says identity", () => {
    const model = net({ order: "pre" });
    const block = model.namedModules().find(([path]) => path === "layer2.1")![1] as Module;
    const forward = block.forward;
    block.forward = (x) =>
      forward.call(
        block,
        record("reshape", x.clone(), [x], (gy) => [toValues(numbersOf(gy).map((v) => 0.99 * v))]),
      );
    const certificate = certify(model, images);
    expect(certificate.blocks.map(({ verdict }) => verdict)).not.toContain("none");
    expect(certificate.holds).toBe(false);
    expect(certificate.summary).toBe("Undecided: in 1 of 9 blocks it is not known what passes (first: layer2.1).");
  });
});

describe("a single block, deep networks, other models", () => {
  it("certifies one block on its own", () => {
    const block = net({ order: "pre" })
      .namedModules()
      .find(([path]) => path === "layer1.1")![1] as Module;
    const certificate = certify(block, randn([2, 4, 8, 8], new Rng(3)));
    expect(certificate.summary).toBe(
      "Certified: the gradient passes the block through additions and identities alone.",
    );
  });

  it("certifies 110 layers", () => {
    const certificate = certify(net({ order: "pre" }, 110), images);
    expect(certificate.blocks).toHaveLength(54);
    expect(certificate.holds).toBe(true);
  });

  it("leaves the model as it was: running statistics and gradients", () => {
    const model = net({ order: "pre" });
    const before = model.namedBuffers().map(([, t]) => t.toString());
    certify(model, images);
    expect(model.namedBuffers().map(([, t]) => t.toString())).toEqual(before);
  });

  it("is reproducible, and different seeds check with different numbers", () => {
    const model = net({ order: "pre" });
    const error = (seed: number) => certify(model, images, { seed }).blocks[0].numeric?.branchNorm;
    expect(error(1)).toBe(error(1));
    expect(error(1)).not.toBe(error(2));
  });

  it("a model without residual blocks is not certified", () => {
    const { holds, summary, blocks, whole } = certify(new Sequential(new Conv2d(3, 2, 3, { rng: new Rng(0) })), images);
    expect([holds, blocks, whole.verdict]).toEqual([false, [], "none"]);
    expect(summary).toBe("Not certified: Sequential has no residual blocks; the gradient has to pass every layer.");
  });
});

describe("any depth", () => {
  const tiny = randn([1, 3, 8, 8], new Rng(1));

  it.each([
    [50, "basic", 24],
    [110, "basic", 54],
    [152, "basic", 75],
    [1001, "bottleneck", 333],
  ] as const)("%i layers: certified, all %s blocks", (depth, block, count) => {
    const model = cifarResNet(depth, { width: 2, order: "pre", block, shortcut: "pad", rng: new Rng(2) });
    const certificate = certify(model, tiny);
    expect(certificate.holds).toBe(true);
    expect(certificate.blocks).toHaveLength(count);
    expect(certificate.whole).toMatchObject({ verdict: "selection", factor: 1 });
  });

  it.each([50, 110, 152])("plain, %i layers: not certified", (depth) => {
    const certificate = certify(cifarResNet(depth, { width: 2, shortcut: "none", rng: new Rng(2) }), tiny);
    expect(certificate.holds).toBe(false);
    expect(certificate.whole).toMatchObject({ verdict: "none", factor: null, gain: 0, open: 0, ways: 0 });
    expect(`${certificate}`).toContain("The whole way, along every shortcut: there is none, it ends at layer1.0.");
  });

  it("as in the paper of 2015, with bottlenecks: the ReLU after the addition and the projections are named", () => {
    const { holds, blocks, whole } = certify(net({ block: "bottleneck" }, 29), images);
    expect([holds, whole.verdict]).toEqual([false, "transform"]);
    expect(blocks.map(({ verdict }) => verdict).filter((verdict) => verdict === "transform")).toHaveLength(3);
    for (const { verdict, path, numeric } of blocks) {
      expect([verdict, path[0].op]).toEqual([path.length > 2 ? "transform" : "mask", "relu"]);
      expect(numeric?.agrees).toBe(true);
    }
  });
});

describe("the shortcuts of He et al. 2016, Table 1, and what they leave of the gradient", () => {
  const verdictsOf = (options: Partial<CifarResNetOptions>, depth = 20) => certify(net(options, depth), images);

  it("constant scaling: λ^L over the whole network, with a ReLU after each addition as in the paper", () => {
    const { blocks, whole, holds } = verdictsOf({ shortcut: "scale", shortcutScale: 0.5 }, 110);
    expect(holds).toBe(false);
    expect(blocks.every(({ verdict, factor }) => verdict === "scale" && factor === 0.5)).toBe(true);
    expect(whole.factor).toBeCloseTo(0.5 ** 54, 25);
    expect(whole.gain).toBeLessThan(0.5 ** 54);
  });

  it("constant scaling, measured: what arrives of zero branches is λ^L within rounding", () => {
    const model = new Sequential(
      ...Array.from({ length: 9 }, () => {
        const options = { shortcut: "scale", shortcutScale: 0.7, order: "pre", start: "zeroInitLast" } as const;
        return new BasicBlock(4, 4, { ...options, rng: new Rng(0) });
      }),
    );
    const certificate = certify(model, randn([2, 4, 5, 5], new Rng(1)));
    expect(certificate.whole.factor).toBeCloseTo(Math.fround(0.7) ** 9, 10);
    // 9 roundings of 2⁻²⁴ at most.
    expect(certificate.whole.gain / 0.7 ** 9).toBeCloseTo(1, 6);
    expect(certificate.whole.open).toBe(1);
    expect(`${certificate}`).toContain("every entry that passes is multiplied by 0.7^9 = 0.0404; 100 %");
  });

  it("gates: exclusive and shortcut-only are computed factors; nearly open at a bias of −6", () => {
    for (const shortcut of ["gate", "shortcutGate"] as const) {
      const { blocks, whole } = verdictsOf({ shortcut, order: "pre" });
      expect(blocks.every(({ verdict, factor }) => verdict === "gate" && factor === null)).toBe(true);
      expect(blocks[0]).toMatchObject({ gain: 0, open: 0, ways: 0 });
      expect(blocks[0].pathGain).toBeGreaterThan(0.95);
      expect(blocks[0].reason).toMatch(
        /^multiplied by a computed gate \(mul\): what passes depends on the weights, on this input 0\.9\d* of ‖∂L\/∂y‖$/,
      );
      expect(whole.verdict).toBe("gate");
    }
  });

  it("dropout on the shortcut: half of the entries, at random", () => {
    const { blocks, whole, summary } = verdictsOf({ shortcut: "dropout", order: "pre" });
    expect(blocks.every(({ verdict, factor }) => verdict === "mask" && factor === 2)).toBe(true);
    expect(blocks[0].reason).toMatch(
      /^gated by the mask of dropout on the shortcut: (4[5-9]|5[0-5]) % of ∂L\/∂y passes/,
    );
    expect(whole.open).toBeLessThan(0.02);
    expect(summary).toBe("Not certified: of 9 shortcuts, 9 drop entries at random.");
  });

  it("dropout in evaluation mode drops nothing: the identity", () => {
    const { blocks, mode } = certify(net({ shortcut: "dropout", order: "pre" }).eval(), images);
    expect(blocks.map(({ verdict }) => verdict).filter((verdict) => verdict === "identity")).toHaveLength(7);
    expect(mode).toBe("evaluation");
  });

  it("1×1 convolutions on every shortcut: transformed by weights", () => {
    const { blocks } = verdictsOf({ shortcut: "conv1x1", order: "pre" });
    expect(blocks.every(({ verdict }) => verdict === "transform")).toBe(true);
  });
});

describe("the orders of He et al. 2016, Table 2", () => {
  it.each([
    ["post", "mask"],
    ["bnAfterAddition", "transform"],
    ["reluBeforeAddition", "identity"],
    ["reluOnlyPre", "identity"],
    ["pre", "identity"],
  ] as const)("%s: %s", (order, verdict) => {
    const { blocks } = certify(net({ order }), images);
    expect(blocks[1].verdict).toBe(verdict);
    expect(blocks.every(({ numeric }) => numeric?.agrees)).toBe(true);
  });
});

describe("other ways to start and to train", () => {
  it.each(["skipInit", "fixup"] as const)("%s: certified, to the last bit while the branches are zero", (start) => {
    const { holds, blocks } = certify(net({ order: "pre", start }), images);
    expect(holds).toBe(true);
    expect(blocks.every(({ numeric }) => numeric?.bitExact)).toBe(true);
  });

  it("stochastic depth: a block that skips its branch is its shortcut alone", () => {
    const { holds, blocks } = certify(net({ order: "pre", stochasticDepth: 0.2 }), images);
    expect(holds).toBe(true);
    const skipped = blocks.filter(({ verdict, path }) => verdict === "identity" && path.length === 0);
    expect(skipped.length).toBeGreaterThan(0);
    expect(skipped.every(({ numeric }) => numeric?.bitExact && numeric.branchNorm === 0)).toBe(true);
  });

  it("collapsed blocks: likewise, and plain ones have nothing left", () => {
    const model = net({ order: "post" });
    for (const [, block] of model.blocks()) block.collapsed = true;
    const { blocks } = certify(model, images);
    expect(blocks.every(({ verdict, numeric }) => verdict === "mask" && numeric?.bitExact)).toBe(true);
  });

  it("a highway: gates, near 1 − σ(−2)", () => {
    const { blocks, summary } = certify(highwayNet(10, { gateBias: -2, rng: new Rng(0) }), randn([4, 784], new Rng(1)));
    expect(blocks.every(({ verdict, numeric }) => verdict === "gate" && numeric?.agrees)).toBe(true);
    expect(blocks[0].pathGain).toBeGreaterThan(0.7);
    expect(summary).toBe(
      `Not certified: of ${blocks.length} shortcuts, ${blocks.length} are gated by a computed factor.`,
    );
  });

  it("what stands between blocks counts too", () => {
    const block = (): BasicBlock => new BasicBlock(4, 4, { order: "pre", rng: new Rng(0) });
    const x = randn([2, 4, 5, 5], new Rng(1));
    expect(certify(new Sequential(block(), new Identity(), block()), x).holds).toBe(true);
    const broken = certify(new Sequential(block(), new ReLU(), block()), x);
    expect(broken.holds).toBe(false);
    expect(broken.blocks.every(({ holds }) => holds)).toBe(true);
    expect(broken.summary).toBe(
      "Not certified: every block passes the gradient, but what stands between the blocks does not (mask).",
    );
  });

  it("parallel blocks are two ways, each of them certified", () => {
    class Parallel extends Module {
      readonly left: BasicBlock = new BasicBlock(4, 4, { order: "pre", rng: new Rng(0) });
      readonly right: BasicBlock = new BasicBlock(4, 4, { order: "pre", rng: new Rng(1) });
      forward(x: Tensor): Tensor {
        return add(this.left.forward(x), this.right.forward(x));
      }
    }
    const { holds, whole } = certify(new Parallel(), randn([2, 4, 5, 5], new Rng(1)));
    expect([holds, whole.verdict, whole.ways]).toEqual([true, "identity", 1]);
  });
});
