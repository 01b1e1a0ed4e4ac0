/** Certificates of imported networks: their blocks are found in the graph, with the verdicts of the network's own blocks. */
import { describe, expect, it } from "vitest";
import { add, relu } from "../../../../src/autograd/index.ts";
import { type BlockCertificate, certify, verifyCertificate } from "../../../../src/flow/index.ts";
import { exportOnnx, importOnnx } from "../../../../src/io/onnx/index.ts";
import { Conv2d, Module, Sequential } from "../../../../src/nn/index.ts";
import { cifarResNet, highwayConvNet, highwayNet, resnet18 } from "../../../../src/resnet/index.ts";
import { randn } from "../../../../src/tensor/create.ts";
import { Rng } from "../../../../src/tensor/rng.ts";
import type { Shape } from "../../../../src/tensor/shape.ts";
import type { Tensor } from "../../../../src/tensor/tensor.ts";

const rng = (): Rng => new Rng(1);
const image: Shape = [3, 16, 16];
const small = { width: 4, classes: 3 } as const;

/** What a block's certificate says, without the numbers that follow from the order of float32 sums. */
const said = ({ block, verdict, holds, onThisInput, sent, arriving }: BlockCertificate): unknown => ({
  ...{ block, verdict, holds, onThisInput, sent, arriving },
});

describe("an imported network has the verdicts of the network that it was", () => {
  it.each<[string, () => Module, Shape]>([
    ["ResNet-18", () => resnet18({ classes: 3, rng: rng() }), [3, 32, 32]],
    ["post-activation CIFAR ResNet, option A", () => cifarResNet(14, { ...small, rng: rng() }), image],
    ["pre-activation, option A", () => cifarResNet(14, { ...small, order: "pre", rng: rng() }), image],
    [
      "pre-activation with projections",
      () => cifarResNet(14, { ...small, order: "pre", shortcut: "project", rng: rng() }),
      image,
    ],
    ["ReLU before the branch alone", () => cifarResNet(14, { ...small, order: "reluOnlyPre", rng: rng() }), image],
    ["batch norm after the addition", () => cifarResNet(14, { ...small, order: "bnAfterAddition", rng: rng() }), image],
    ["constant scaling", () => cifarResNet(8, { ...small, shortcut: "scale", rng: rng() }), image],
    ["gated shortcuts", () => cifarResNet(8, { ...small, shortcut: "gate", rng: rng() }), image],
    ["highway network", () => highwayNet(10, { rng: rng() }), [784]],
    ["convolutional highway network", () => highwayConvNet(19, { rng: rng() }), [3, 32, 32]],
  ])("%s", (_, make, inputShape) => {
    const model = make().eval();
    const x = randn([2, ...inputShape], new Rng(2));
    const own = certify(model, x);
    const imported = importOnnx(exportOnnx(model, { inputShape }));
    const found = certify(imported, x);
    expect(found.blocks.map(said)).toEqual(own.blocks.map(said));
    expect([found.holds, found.whole.verdict, found.summary.replace("OnnxNetwork", own.model)]).toEqual([
      own.holds,
      own.whole.verdict,
      own.summary,
    ]);
    expect(verifyCertificate(found, imported, x)).toMatchObject({ valid: true, failures: [] });
  });

  it("with folded batch norms, where names are left", () => {
    const model = resnet18({ classes: 3, rng: rng() }).eval();
    const x = randn([1, 3, 32, 32], new Rng(2));
    const found = certify(importOnnx(exportOnnx(model, { inputShape: [3, 32, 32], foldBatchNorm: true })), x);
    expect(found.blocks.map(({ block, verdict }) => [block, verdict])).toEqual(
      certify(model, x).blocks.map(({ block, verdict }) => [block, verdict]),
    );
  });
});

describe("blocks that no module declares", () => {
  class Undeclared extends Module {
    readonly conv = new Conv2d(3, 3, 3, { padding: 1, rng: rng() });
    forward(x: Tensor): Tensor {
      return add(x, this.conv.forward(relu(x)));
    }
  }

  it("are found by name", () => {
    const model = new Sequential(new Conv2d(3, 3, 1, { rng: rng() }), new Undeclared(), new Undeclared());
    const { blocks, holds } = certify(model, randn([1, ...image], new Rng(2)));
    expect(blocks.map(({ block, verdict }) => [block, verdict])).toEqual([
      ["1", "identity"],
      ["2", "identity"],
    ]);
    expect(holds).toBe(true);
  });

  it("sums without weights are none", () => {
    class Doubled extends Module {
      readonly conv = new Conv2d(3, 3, 1, { rng: rng() });
      forward(x: Tensor): Tensor {
        const y = this.conv.forward(x);
        return add(y, relu(y));
      }
    }
    expect(certify(new Doubled(), randn([1, ...image], new Rng(2))).blocks).toEqual([]);
  });
});
