import { describe, expect, it } from "vitest";
import { record } from "../../src/autograd/graph.ts";
import { certify } from "../../src/flow/certificate.ts";
import { Module } from "../../src/nn/module.ts";
import { cifarResNet } from "../../src/resnet/index.ts";
import { randn } from "../../src/tensor/create.ts";
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
      expect(numeric?.passes).toBe(true);
      expect(numeric?.branchNorm).toBeGreaterThan(0.01);
      expect(numeric?.shortcutNorm).toBeGreaterThan(0.01);
    }
  });

  it("prints one line per block with the check", () => {
    const lines = certificate.toString().split("\n");
    expect(lines).toHaveLength(10);
    expect(lines[1]).toMatch(
      /^ {2}layer1\.0 {2}identity {3}only additions and identities: ∂L\/∂y is itself a summand of ∂L\/∂x \[checked: largest error .* of its rounding bound\]$/,
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
    expect(certificate.blocks.every(({ verdict, numeric }) => verdict === "mask" && numeric?.passes)).toBe(true);
    expect(certificate.blocks[0].reason).toMatch(
      /^gated by the mask of relu after the addition: [1-9]\d % of ∂L\/∂y passes on this input$/,
    );
    expect(certificate.summary).toBe("Not certified: of 9 shortcuts, 9 are gated by a ReLU's mask after the addition.");
  });

  it("plain: no path, and what stands in the way", () => {
    const certificate = certify(net({ shortcut: "none" }), images);
    expect(certificate.holds).toBe(false);
    expect(certificate.blocks.every(({ verdict, numeric }) => verdict === "none" && numeric === null)).toBe(true);
    expect(certificate.blocks[0].reason).toBe(
      "no path: no addition joins the block's input to its output; every way back passes all of 2 relu, 2 batchNorm, 2 conv2d",
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
    expect(certificate.blocks.every(({ numeric }) => numeric?.passes)).toBe(true);
    expect(certificate.summary).toBe(
      "Not certified: of 9 shortcuts, 6 pass the gradient unchanged, 3 transform by weights.",
    );
  });
});

describe("the numeric check can fail", () => {
  it("a block whose gradient loses a hundredth on the way is caught, though the graph says identity", () => {
    const model = net({ order: "pre" });
    const block = model.namedModules().find(([path]) => path === "layer2.1")![1];
    const forward = block.forward;
    block.forward = (x) =>
      forward.call(
        block,
        record("reshape", x.clone(), [x], (gy) => [gy.map((v) => 0.99 * v)]),
      );
    const certificate = certify(model, images);
    expect(certificate.blocks.map(({ verdict }) => verdict)).not.toContain("none");
    expect(certificate.holds).toBe(false);
    expect(certificate.summary).toBe(
      "Not certified: in 1 of 9 blocks the numbers do not agree with the path (first: layer2.1).",
    );
  });
});

describe("a single block, deep networks, other models", () => {
  it("certifies one block on its own", () => {
    const block = net({ order: "pre" })
      .namedModules()
      .find(([path]) => path === "layer1.1")![1];
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

  it("a model without residual blocks is an error", () => {
    class Doubling extends Module {
      forward(x: Tensor): Tensor {
        return x;
      }
    }
    expect(() => certify(new Doubling(), images)).toThrow("certify: Doubling has no residual blocks");
  });
});
