import { describe, expect, it } from "vitest";
import * as S from "../../src/index.ts";

const x = S.randn([2, 8, 6, 6], new S.Rng(1));
const images = S.randn([2, 3, 8, 8], new S.Rng(2));
const cutting = <T extends { cut?: S.Cut }>(block: T, cut: S.Cut): T => {
  block.cut = cut;
  return block;
};
const bits = (t: S.Tensor): number[] => Array.from(t.data);
const ORDERS: readonly S.Order[] = ["post", "bnAfterAddition", "reluBeforeAddition", "reluOnlyPre", "pre"];

describe("a block whose shortcut is cut", () => {
  it.each(ORDERS)("order %s: y = after(F(x)), in training and in evaluation", (order) => {
    for (const Block of [S.BasicBlock, S.Bottleneck]) {
      const block = cutting(new Block(8, 8, { order, rng: new S.Rng(0) }), "shortcut");
      for (const training of [true, false]) {
        block.train(training);
        expect(bits(block.forward(x))).toEqual(bits(block.after(block.branch(x))));
      }
      expect([block.skip(x), block.shortcut, block.uncutShortcut]).toEqual([null, "none", "identity"]);
    }
  });

  it("is its plain twin, to the bit: outputs and gradients", () => {
    const whole = cutting(new S.BasicBlock(8, 8, { rng: new S.Rng(0) }), "shortcut");
    const plain = new S.BasicBlock(8, 8, { shortcut: "none", rng: new S.Rng(0) });
    const [a, b] = [whole, plain].map((block) => {
      const y = block.forward(x);
      return [bits(y), bits(S.backward(S.sum(S.mul(y, y))).get(block.conv1.weight))];
    });
    expect(a).toEqual(b);
  });

  it.each(["pad", "project", "scale", "conv1x1", "shortcutGate", "dropout"] as const)(
    "shortcut %s: likewise",
    (kind) => {
      const block = cutting(new S.BasicBlock(8, 12, { shortcut: kind, stride: 2, rng: new S.Rng(0) }), "shortcut");
      expect(bits(block.forward(x))).toEqual(bits(block.after(block.branch(x))));
    },
  );

  it("a gated branch keeps its gate", () => {
    const block = cutting(
      new S.BasicBlock(8, 8, { order: "pre", shortcut: "gate", gateBias: 0, rng: new S.Rng(0) }),
      "shortcut",
    );
    const whole = S.add(block.forward(x), S.mul(x, S.sub(1, block.gate(x))));
    block.cut = "none";
    const difference = S.sub(block.forward(x), whole);
    expect(Math.max(...bits(S.abs(difference)))).toBeLessThan(1e-6);
  });

  it("stochastic depth does not skip what alone is left", () => {
    const block = cutting(new S.BasicBlock(8, 8, { survival: 0, order: "pre", rng: new S.Rng(0) }), "shortcut");
    const twin = new S.BasicBlock(8, 8, { shortcut: "none", order: "pre", rng: new S.Rng(0) });
    expect(bits(block.forward(x))).toEqual(bits(twin.forward(x)));
    expect(bits(block.eval().forward(x))).toEqual(bits(twin.eval().forward(x)));
  });

  it("highway layers: T·H, and their plain twin is what it was", () => {
    const layer = cutting(new S.HighwayLinear(8, { rng: new S.Rng(0) }), "shortcut");
    const v = S.randn([3, 8], new S.Rng(1));
    expect(bits(layer.forward(v))).toEqual(bits(S.mul(layer.gate(v), layer.transform(v))));
    expect([layer.skip(v), layer.shortcut]).toEqual([null, "none"]);
    const block = cutting(new S.HighwayBlock(8, { rng: new S.Rng(0) }), "shortcut");
    expect(bits(block.forward(x))).toEqual(bits(block.branch(x)));
    const plain = cutting(new S.HighwayLinear(8, { shortcut: "none", rng: new S.Rng(0) }), "shortcut");
    expect(bits(plain.forward(v))).toEqual(bits(plain.transform(v)));
  });
});

describe("one state for both", () => {
  it('a cut branch is a collapsed block, and "none" rejoins it', () => {
    const block = new S.BasicBlock(8, 8, { rng: new S.Rng(0) });
    block.cut = "branch";
    expect([block.collapsed, block.shortcut]).toEqual([true, "identity"]);
    expect(bits(block.forward(x))).toEqual(bits(S.relu(x)));
    block.collapsed = false;
    expect(block.cut).toBe("none");
    block.collapsed = true;
    expect(block.cut).toBe("branch");
    block.cut = "shortcut";
    expect(block.collapsed).toBe(false);
    block.collapsed = false;
    expect(block.cut).toBe("shortcut");
  });

  it("a projecting block's branch can be cut, a plain block's cannot", () => {
    const projecting = cutting(
      new S.BasicBlock(8, 12, { shortcut: "project", stride: 2, rng: new S.Rng(0) }),
      "branch",
    );
    expect(projecting.forward(x).shape).toEqual([2, 12, 3, 3]);
    const plain = cutting(new S.BasicBlock(8, 8, { shortcut: "none", rng: new S.Rng(0) }), "branch");
    expect(() => plain.forward(x)).toThrow("BasicBlock: a block without shortcut cannot be collapsed");
  });

  it("a highway layer whose branch is cut: its shortcut is x itself, as its output is", () => {
    const layer = cutting(new S.HighwayLinear(8, { rng: new S.Rng(0) }), "branch");
    const v = S.randn([3, 8], new S.Rng(1));
    expect([layer.forward(v) === v, layer.skip(v) === v]).toEqual([true, true]);
  });

  it("a gate of the shortcut alone is not computed while that is cut", () => {
    const block = new S.BasicBlock(8, 8, { shortcut: "shortcutGate", rng: new S.Rng(0) });
    const ran = (): boolean => {
      const seen: S.Module[] = [];
      S.observe(
        block,
        (_path, part) => void seen.push(part),
        () => block.forward(x),
      );
      return seen.includes(block.convGate!);
    };
    expect(ran()).toBe(true);
    cutting(block, "shortcut");
    expect(ran()).toBe(false);
  });

  it("anything else is refused", () => {
    const block = new S.BasicBlock(8, 8, { rng: new S.Rng(0) });
    expect(() => cutting(block, "both" as S.Cut)).toThrow(
      'BasicBlock: cut must be one of "shortcut", "branch", "none", got "both"',
    );
    expect(block.cut).toBe("none");
    cutting(block, "shortcut");
    for (const collapsed of [undefined, 0, "no"]) {
      expect(() => Object.assign(block, { collapsed })).toThrow("BasicBlock: collapsed must be true or false, got");
    }
    expect(block.cut).toBe("shortcut");
  });

  it("an expansion expands what it collapsed, and leaves alone what is cut by hand", () => {
    const model = S.cifarResNet(20, { width: 4, order: "pre", rng: new S.Rng(0) });
    const blocks = new Map(model.blocks());
    const expansion = new S.Expansion(model, { at: [1, 3] });
    const [first, ...rest] = expansion.collapsed;
    const last = rest.at(-1)!;
    expect(expansion.before(1)).toContain(first);
    const state = S.fingerprint(model);
    cutting(blocks.get(first)!, "branch");
    cutting(blocks.get(last)!, "shortcut");
    expect(expansion.collapsed).not.toContain(first);
    expect(expansion.before(2)).toEqual([]);
    expect([blocks.get(first)!.cut, S.fingerprint(model)]).toEqual(["branch", state]);
    const expanded = expansion.before(3);
    expect(expanded).not.toContain(first);
    expect(expanded).not.toContain(last);
    expect([blocks.get(last)!.cut, expansion.collapsed]).toEqual(["shortcut", []]);
  });
});

describe("forward is after(skip + branch)", () => {
  const KINDS = ["identity", "pad", "project", "scale", "gate", "shortcutGate", "conv1x1", "dropout"] as const;
  it.each(KINDS)("shortcut %s: every order, start and cut, with and without its extras", (shortcut) => {
    let made = 0;
    for (const order of ORDERS) {
      for (const start of ["default", "skipInit", "fixup"] as const) {
        for (const extras of [{}, { squeezeExcitation: 2, antialias: true, stride: 2 }, { survival: 0.5 }]) {
          for (const Block of [S.BasicBlock, S.Bottleneck]) {
            const make = (): S.BasicBlock | S.Bottleneck =>
              new Block(8, 8, { shortcut, order, start, ...extras, rng: new S.Rng(3) });
            try {
              make();
            } catch (error) {
              // Not every kind goes with every start, order and stride.
              expect(error).toBeInstanceOf(S.ValueError);
              continue;
            }
            made++;
            const block = make();
            for (const t of block.parameters()) t.assign(S.randn(t.shape, new S.Rng(t.size)).data.map((v) => 0.3 * v));
            for (const cut of ["none", "shortcut", "branch"] as const) {
              for (const training of [true, false]) {
                if (training && "survival" in extras && cut === "none") continue;
                cutting(block, cut).train(training);
                const drawn = block.noise && { state: block.noise.state, spare: block.noise.spare };
                const y = block.forward(x);
                if (drawn) block.noise!.setState(drawn);
                const skip = block.skip(x);
                const branch = cut === "branch" ? null : block.branch(x);
                const sum = block.after(skip && branch ? S.add(skip, branch) : (skip ?? branch)!);
                const apart = Math.max(...bits(S.abs(S.sub(y, sum))));
                expect(apart, `${Block.name} ${order} ${start} ${cut} ${training}`).toBeLessThan(1e-5);
              }
            }
          }
        }
      }
    }
    expect(made).toBeGreaterThan(10);
  });
});

describe("a network with a cut block", () => {
  const net = (order: S.Order = "pre"): S.ResNet => S.cifarResNet(14, { width: 4, order, rng: new S.Rng(3) });
  const blockOf = (model: S.ResNet, path: string): S.ResidualBlock => new Map(model.blocks()).get(path)!;

  it("has the state it had, and rejoined the outputs, to the bit", () => {
    const model = net();
    const [state, before] = [S.fingerprint(model), bits(model.eval().forward(images))];
    for (const cut of ["shortcut", "branch"] as const) {
      cutting(blockOf(model, "layer2.1"), cut);
      expect(bits(model.forward(images))).not.toEqual(before);
      expect(S.fingerprint(model)).toBe(state);
    }
    cutting(blockOf(model, "layer2.1"), "none");
    expect(bits(model.forward(images))).toEqual(before);
  });

  it("the certificate: none for that block and the whole way; it is verified, and shares are 0 there", () => {
    const model = net();
    cutting(blockOf(model, "layer2.1"), "shortcut");
    const certificate = S.certify(model, images);
    expect(certificate.holds).toBe(false);
    expect(certificate.whole.verdict).toBe("none");
    expect(certificate.blocks.map(({ block, verdict }) => [block, verdict])).toEqual([
      ["layer1.0", "identity"],
      ["layer1.1", "identity"],
      ["layer2.0", "selection"],
      ["layer2.1", "none"],
      ["layer3.0", "selection"],
      ["layer3.1", "identity"],
    ]);
    expect(S.verifyCertificate(certificate, model, images).valid).toBe(true);
    const rows = S.identityShares(model, () => S.crossEntropy(model.forward(images), [0, 1]));
    expect(rows.map(({ shortcut, identityShare }) => shortcut === "none" && identityShare === 0)).toEqual([
      ...[false, false, false, true, false, false],
    ]);
    cutting(blockOf(model, "layer2.1"), "none");
    expect(S.certify(model, images).holds).toBe(true);
  });

  it("lesions take it for a plain block, and put everything back", async () => {
    const model = net();
    cutting(blockOf(model, "layer2.0"), "shortcut");
    cutting(blockOf(model, "layer2.1"), "branch");
    const rows = await S.lesions(model, () => S.sum(model.eval().forward(images)).item());
    const reasons = Object.fromEntries(rows.map(({ lesion, reason }) => [lesion, reason]));
    expect(reasons["layer2.0"]).toContain("layer2.0 goes from [2,4,8,8] to [2,8,4,4]");
    expect(rows.find(({ lesion }) => lesion === "layer2.1")!.change).toBe(0);
    expect(model.blocks().map(([, { cut }]) => cut)).toEqual(["none", "none", "shortcut", "branch", "none", "none"]);
  });

  it("describes itself, and a summary leaves out what is cut", () => {
    const model = net();
    cutting(blockOf(model, "layer1.0"), "shortcut");
    cutting(blockOf(model, "layer1.1"), "branch");
    expect(blockOf(model, "layer1.0").describe()).toBe("4 → 4, shortcut identity, order pre, shortcut cut");
    const text = `${S.summary(model, [3, 8, 8])}`;
    expect(text).toContain("skip connections: 4, ");
    expect(text).toContain("parameters not used: 304");
    expect(`${model}`).toContain("order pre, branch cut");
    const layer = cutting(new S.HighwayLinear(3, { rng: new S.Rng(0) }), "branch");
    expect(layer.describe()).toContain("shortcut gate, branch cut");
  });

  it.each(["shortcut", "branch"] as const)("%s cut, then fused and exported: it computes the same", (cut) => {
    const model = net("post");
    model.forward(images);
    for (const path of ["layer1.1", "layer3.0"]) cutting(blockOf(model, path), cut);
    const expected = bits(model.eval().forward(images));
    const read = S.importOnnx(S.exportOnnx(model, { inputShape: [3, 8, 8] })).eval();
    expect(bits(read.forward(images) as S.Tensor)).toEqual(expected.map((v) => expect.closeTo(v, 4)));
    S.fuse(model);
    expect(bits(S.noGrad(() => model.forward(images)))).toEqual(expected.map((v) => expect.closeTo(v, 4)));
    for (const path of ["layer1.1", "layer3.0"]) cutting(blockOf(model, path), "none");
    expect(bits(S.noGrad(() => model.forward(images)))).not.toEqual(expected.map((v) => expect.closeTo(v, 4)));
  });

  it.each(["shortcut", "branch"] as const)("%s cut, fused, then rejoined: it is the whole network again", (cut) => {
    for (const options of [{ shortcut: "project" }, { shortcut: "gate" }, { block: "bottleneck" }] as const) {
      const model = S.cifarResNet("block" in options ? 11 : 14, { width: 4, ...options, rng: new S.Rng(3) });
      model.forward(images);
      const whole = bits(model.eval().forward(images));
      for (const [, block] of model.blocks()) cutting(block, cut);
      S.fuse(model);
      for (const [, block] of model.blocks()) cutting(block, "none");
      expect(bits(S.noGrad(() => model.forward(images)))).toEqual(whole.map((v) => expect.closeTo(v, 4)));
    }
  });

  it("trains on while it is cut, and after it is rejoined", async () => {
    const model = net();
    const optimizer = new S.SGD(model.parameters(), { lr: 0.05 });
    const history = await S.fit(model, {
      data: () => [{ x: images, labels: [0, 1] }],
      optimizer,
      steps: 6,
      onStep: ({ step }) => {
        cutting(blockOf(model, "layer2.1"), (["shortcut", "branch", "none"] as const)[step % 3]);
      },
    });
    expect(history.steps.every(({ loss }) => Number.isFinite(loss))).toBe(true);
  });
});
