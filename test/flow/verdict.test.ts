import { describe, expect, it } from "vitest";
import { crossEntropy } from "../../src/autograd/losses.ts";
import { sum } from "../../src/autograd/reduce.ts";
import { layerStatistics } from "../../src/flow/statistics.ts";
import { flowVerdict, type Verdict } from "../../src/flow/verdict.ts";
import { Linear, type Module, ReLU, Sequential } from "../../src/nn/index.ts";
import { type CifarResNetOptions, cifarResNet } from "../../src/resnet/index.ts";
import { randn, tensor } from "../../src/tensor/create.ts";
import { Rng } from "../../src/tensor/rng.ts";

const images = randn([4, 3, 16, 16], new Rng(1));
const judge = (model: Module, x = images): Verdict =>
  flowVerdict(layerStatistics(model, () => crossEntropy(model.forward(x), [0, 1, 2, 3])));
const net = (depth: number, options: Partial<CifarResNetOptions>) =>
  cifarResNet(depth, { width: 4, ...options, rng: new Rng(3) });

describe("flowVerdict at initialisation (He et al. 2015, §4.1; golden family gradient_flow)", () => {
  it("plain-110 without batch norm: vanishing, at the first layers", () => {
    const { verdict, layer, ratio, reason } = judge(net(110, { shortcut: "none", batchNorm: false }));
    expect(verdict).toBe("vanishing");
    expect(layer).toMatch(/^(conv1|layer1\.0\.conv1)$/);
    expect(ratio).toBeLessThan(1e-4);
    expect(reason).toMatch(/^the gradient at [\w.]+ is 0\.0000\d+ times that at fc$/);
  });

  it("plain-110 with batch norm: exploding, a million times", () => {
    const { verdict, layer, ratio } = judge(net(110, { shortcut: "none" }));
    expect(verdict).toBe("exploding");
    expect(layer).toMatch(/^(conv1|bn1)$/);
    expect(ratio).toBeGreaterThan(1e6);
  });

  it.each(["post", "pre"] as const)("residual-110 in the order %s: healthy", (order) => {
    expect(judge(net(110, { order })).verdict).toBe("healthy");
  });

  it("plain-20, with and without batch norm: healthy", () => {
    expect(judge(net(20, { shortcut: "none" })).verdict).toBe("healthy");
    expect(judge(net(20, { shortcut: "none", batchNorm: false })).verdict).toBe("healthy");
  });
});

describe("flowVerdict of a planted fault", () => {
  const chain = () =>
    new Sequential(
      new Linear(4, 6, { rng: new Rng(0) }),
      new ReLU(),
      new Linear(6, 6, { rng: new Rng(1) }),
      new ReLU(),
      new Linear(6, 4, { rng: new Rng(2) }),
    );
  const x = randn([4, 4], new Rng(5));

  it("a layer that never fires: dead", () => {
    const model = chain();
    model.stateDict()["2.bias"].data.fill(-100);
    const { verdict, reason, layers } = judge(model, x);
    expect([verdict, reason]).toEqual(["dead", "no gradient arrives at 0"]);
    expect(layers.map((row) => row.verdict)).toEqual(["dead", "dead", "dead", "dead", "healthy"]);
  });

  it("a NaN: exploding, and where", () => {
    const model = chain();
    model.stateDict()["2.weight"].data[0] = Number.NaN;
    const { verdict, layer, reason } = judge(model, x);
    expect([verdict, layer]).toEqual(["exploding", "2"]);
    expect(reason).toMatch(/^2 is the first with NaN or infinities: \d+ activations$/);
  });

  it("a gradient that overflows on its way back: exploding, and where it did", () => {
    const model = new Sequential(
      new Linear(1, 1, { bias: false, rng: new Rng(0) }),
      new Linear(1, 1, { bias: false, rng: new Rng(0) }),
      new Linear(1, 1, { bias: false, rng: new Rng(0) }),
    );
    for (const t of model.parameters()) t.assign([1e20]);
    const rows = layerStatistics(model, () => sum(model.forward(tensor([[1e-30]]))));
    const { verdict, layer, reason } = flowVerdict(rows);
    expect([verdict, layer, reason]).toEqual(["exploding", "0", "0 is the first with NaN or infinities: 1 gradients"]);
  });

  it("branches that start at zero are no fault: healthy, and the zeros are mentioned", () => {
    const { verdict, reason } = judge(net(20, { zeroInitLast: true }));
    expect(verdict).toBe("healthy");
    expect(reason).toMatch(/; \d+ of 39 layers are zero or get no gradient$/);
  });

  it("a classifier that starts at zero, as Fixup's, is no fault either, but zeros that no weight can change are", () => {
    const model = net(20, { start: "fixup" });
    expect(judge(model)).toMatchObject({ verdict: "healthy", layer: "fc", ratio: 1 });
    model.conv1.weight.assign(new Float32Array(model.conv1.weight.size));
    expect(judge(model)).toMatchObject({ verdict: "dead", reason: "nothing but zeros comes out of conv1" });
  });

  it("thresholds are options", () => {
    const model = chain();
    const rows = layerStatistics(model, () => crossEntropy(model.forward(x), [0, 1, 2, 3]));
    expect(flowVerdict(rows).verdict).toBe("healthy");
    expect(flowVerdict(rows, { vanishing: 0.9 }).verdict).toBe("vanishing");
    expect(flowVerdict(rows, { exploding: 0.01 }).verdict).toBe("exploding");
  });

  it("no layers is an error", () => {
    expect(() => flowVerdict([])).toThrow("flowVerdict: there are no layers to judge");
  });
});
