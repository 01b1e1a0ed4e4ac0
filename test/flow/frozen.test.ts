/** Frozen, unused and dead layers: three things, in the rows, in the verdict, and in what other instruments see of them. */
import { describe, expect, it } from "vitest";
import { add, log, mul } from "../../src/autograd/elementwise.ts";
import { noGrad } from "../../src/autograd/graph.ts";
import { crossEntropy } from "../../src/autograd/losses.ts";
import { sum } from "../../src/autograd/reduce.ts";
import {
  findAnomaly,
  flowRecorder,
  flowVerdict,
  identityShares,
  type LayerStatistics,
  layerStatistics,
  networkShare,
  pathGradients,
} from "../../src/flow/index.ts";
import { Dropout, evaluate, Flatten, fit, Linear, Module, ReLU, Sequential, SGD } from "../../src/nn/index.ts";
import { type CifarResNetOptions, cifarResNet } from "../../src/resnet/index.ts";
import { randn, tensor } from "../../src/tensor/create.ts";
import { Rng } from "../../src/tensor/rng.ts";
import type { Tensor } from "../../src/tensor/tensor.ts";

const images = randn([4, 3, 8, 8], new Rng(1));
const labels = [0, 1, 2, 3];
const net = (options: Partial<CifarResNetOptions> = {}) => cifarResNet(8, { width: 4, ...options, rng: new Rng(2) });
const freeze = (...modules: Module[]): void => {
  for (const module of modules) for (const t of module.parameters()) t.requiresGrad = false;
};
const lossOf = (model: Module) => (): Tensor => crossEntropy(model.forward(images), labels);
const rowsOf = (model: Module): LayerStatistics[] => layerStatistics(model, lossOf(model));
const frozenStem = (options: Partial<CifarResNetOptions> = {}) => {
  const model = net(options);
  freeze(model.conv1, ...(model.bn1 ? [model.bn1] : []));
  return model;
};

describe("a frozen stem", () => {
  it("is frozen, and the network behind it is healthy", () => {
    const { verdict, layer, reason, layers } = flowVerdict(rowsOf(frozenStem()));
    expect([verdict, layer]).toEqual(["healthy", "layer1.0.conv1"]);
    expect(reason).toMatch(/^the gradient at layer1\.0\.conv1 is [\d.]+ times that at fc; 2 are frozen$/);
    expect(layers.slice(0, 3)).toEqual([
      { layer: "conv1", verdict: "frozen", ratio: 0 },
      { layer: "bn1", verdict: "frozen", ratio: 0 },
      { layer: "layer1.0.conv1", verdict: "healthy", ratio: expect.any(Number) },
    ]);
  });

  it("changes no number of the layers behind it", () => {
    const numbers = (model: Module): object[] => rowsOf(model).slice(2);
    expect(numbers(frozenStem())).toEqual(numbers(net()));
  });

  it.each([
    ["zeroInitLast", { order: "post" }],
    ["zeroInitLast", { order: "pre" }],
    ["skipInit", {}],
    ["fixup", {}],
  ] as const)("with branches that start at zero (%s, %o): healthy", (start, options) => {
    const { verdict, reason } = flowVerdict(rowsOf(frozenStem({ start, ...options })));
    expect(verdict).toBe("healthy");
    expect(reason).toMatch(/layers are zero or get no gradient; \d (is|are) frozen$/);
  });

  it("out of which nothing but zeros comes: dead all the same", () => {
    const model = frozenStem();
    model.conv1.weight.assign(new Float32Array(model.conv1.weight.size));
    const { verdict, reason } = flowVerdict(rowsOf(model));
    expect([verdict, reason]).toEqual(["dead", "nothing but zeros comes out of conv1"]);
  });

  it("behind whose ReLU nothing is left: dead, though the last layer gets a gradient", () => {
    const model = frozenStem();
    model.bn1!.bias!.assign(new Float32Array(4).fill(-1e3));
    const { verdict, reason, layers } = flowVerdict(rowsOf(model));
    expect([verdict, reason]).toEqual(["dead", "nothing but zeros comes out of layer1.0.conv1"]);
    expect(layers.at(-1)!.verdict).toBe("healthy");
  });

  it.each([1, 2])(
    "recorder, every %i: its rows are those of layerStatistics, and evaluations leave none",
    async (every) => {
      const model = frozenStem();
      const expected = rowsOf(model);
      const recorder = flowRecorder(model, { every });
      await recorder.during(() =>
        fit(model, {
          data: () => [{ x: images, labels }],
          optimizer: new SGD(model.layer1!.parameters(), { lr: 0.1 }),
          steps: 2,
          onStep: async (info) => {
            await evaluate(model, [{ x: images, labels }]);
            recorder.onStep(info);
          },
        }),
      );
      const first = recorder.rows.filter(({ step }) => step === 0);
      expect(first.map(({ step, updateRatio, ...row }) => row)).toEqual(expected);
      expect(recorder.rows).toHaveLength(expected.length * (every === 1 ? 2 : 1));
    },
  );

  it("shares and path gradients are those of the network before it was frozen", () => {
    const [open, frozen] = [net({ order: "pre" }), frozenStem({ order: "pre" })];
    expect(identityShares(frozen, lossOf(frozen))).toEqual(identityShares(open, lossOf(open)));
    expect(identityShares(frozen, lossOf(frozen))).toHaveLength(3);
    expect(networkShare(frozen, lossOf(frozen))).toEqual(networkShare(open, lossOf(open)));
    expect(pathGradients(frozen, lossOf(frozen))).toEqual(pathGradients(open, lossOf(open)));
    expect(frozen.conv1.weight.requiresGrad).toBe(false);
  });

  it("a NaN in it is found in it", () => {
    const model = frozenStem();
    model.conv1.weight.data[0] = Number.NaN;
    expect(findAnomaly(model, lossOf(model))).toMatchObject({
      op: "parameter",
      layer: "conv1.weight",
      phase: "forward",
    });
    freeze(model);
    expect(findAnomaly(model, lossOf(model))).toMatchObject({
      op: "parameter",
      layer: "conv1.weight",
      phase: "forward",
    });
    expect(model.parameters().every((t) => !t.requiresGrad)).toBe(true);
  });
});

describe("frozen elsewhere", () => {
  it("in the middle: frozen, and the gradient that passes it is measured", () => {
    const model = net();
    const before = rowsOf(model);
    freeze(model.layer2!);
    const rows = rowsOf(model);
    const frozen = rows.filter((row) => row.frozen);
    expect(frozen.map(({ layer }) => layer)).toEqual(before.map(({ layer }) => layer).filter((l) => /^layer2/.test(l)));
    expect(rows.map((row) => row.gradientNorm)).toEqual(before.map((row) => row.gradientNorm));
    expect(flowVerdict(rows).verdict).toBe("healthy");
  });

  it("a layer of which one parameter learns is not", () => {
    const layer = new Linear(2, 2, { rng: new Rng(0) });
    layer.weight.requiresGrad = false;
    const rows = layerStatistics(layer, () => sum(layer.forward(tensor([[1, 2]]))));
    expect(rows.map(({ frozen, weightGradientNorm }) => [frozen, weightGradientNorm])).toEqual([[false, 0]]);
  });

  it("all of it: rows without gradients, and the verdict is frozen", () => {
    const model = net();
    freeze(model);
    const rows = rowsOf(model);
    expect(rows[0]).toMatchObject({ frozen: true, unused: false, gradientNorm: 0 });
    expect(rows[0].activationNorm).toBeGreaterThan(0);
    expect(flowVerdict(rows)).toMatchObject({
      verdict: "frozen",
      layer: "conv1",
      ratio: 0,
      reason: `no layer learns: ${rows.length} are frozen`,
    });
  });

  it("layers without parameters in front of all that learns count as frozen: a network may begin with Flatten", () => {
    const model = new Sequential(
      new Flatten(),
      new Dropout(0.5, { rng: new Rng(0) }),
      new Linear(192, 4, { rng: new Rng(1) }),
    );
    const rows = rowsOf(model);
    expect(rows.map(({ frozen, unused }) => [frozen, unused])).toEqual([
      [true, false],
      [true, false],
      [false, false],
    ]);
    expect(flowVerdict(rows)).toMatchObject({ verdict: "healthy", layer: "2", ratio: 1 });
  });

  it("a loss outside the graph is an error still, where something learns", () => {
    const model = net();
    expect(() => noGrad(() => rowsOf(model))).toThrow("was not recorded");
    expect(() => noGrad(() => findAnomaly(model, lossOf(model)))).toThrow("findAnomaly: the loss was not recorded");
  });
});

describe("unused", () => {
  /** Two heads, of which the loss takes the first. */
  class TwoHeads extends Module {
    readonly stem = new Linear(4, 4, { rng: new Rng(0) });
    readonly first = new Linear(4, 3, { rng: new Rng(1) });
    readonly second = new Linear(4, 3, { rng: new Rng(2) });
    used: "first" | "none" = "first";
    forward(x: Tensor): Tensor {
      const h = this.stem.forward(x);
      const y = this.used === "first" ? this.first.forward(h) : h;
      this.second.forward(h);
      return y;
    }
  }
  const x = randn([3, 4], new Rng(3));

  it("is a layer that the loss does not depend on; the last one that counts is the last that does", () => {
    const model = new TwoHeads();
    const rows = layerStatistics(model, () => crossEntropy(model.forward(x), [0, 1, 2]));
    expect(rows.map(({ layer, unused, frozen }) => [layer, unused, frozen])).toEqual([
      ["stem", false, false],
      ["first", false, false],
      ["second", true, false],
    ]);
    const { verdict, reason, layers } = flowVerdict(rows);
    expect(verdict).toBe("healthy");
    expect(reason).toMatch(/^the gradient at stem is [\d.]+ times that at first; 1 is not used by the loss$/);
    expect(layers.map((layer) => layer.verdict)).toEqual(["healthy", "healthy", "unused"]);
  });

  it("a layer that learns, called where nothing is recorded", () => {
    const layer = new Linear(4, 3, { rng: new Rng(1) });
    const model = new Sequential(new Linear(4, 4, { rng: new Rng(0) }), layer);
    const rows = layerStatistics(model, () => {
      noGrad(() => layer.forward(x));
      return sum(model.forward(x));
    });
    expect(rows.map(({ layer, unused, frozen }) => [layer, unused, frozen])).toEqual([
      ["1", true, false],
      ["0", false, false],
      ["1", false, false],
    ]);
  });

  it("the loss depends on none: unused", () => {
    const model = new TwoHeads();
    const free = tensor([1, 2], { requiresGrad: true });
    const rows = layerStatistics(model, () => {
      model.forward(x);
      return sum(free);
    });
    expect(flowVerdict(rows)).toMatchObject({
      verdict: "unused",
      reason: "no layer learns: 3 are not used by the loss",
    });
  });

  it("dead is another thing: used, trained, and its gradient is exactly zero", () => {
    const model = new Sequential(
      new Linear(4, 4, { rng: new Rng(0) }),
      new ReLU(),
      new Linear(4, 3, { rng: new Rng(1) }),
    );
    model.stateDict()["0.bias"].assign([-100, -100, -100, -100]);
    const rows = layerStatistics(model, () => crossEntropy(model.forward(x), [0, 1, 2]));
    expect(rows.map(({ unused, frozen }) => unused || frozen)).toEqual([false, false, false]);
    expect(flowVerdict(rows).verdict).toBe("dead");
    freeze((model.layers as Module[])[0]);
    expect(flowVerdict(layerStatistics(model, () => crossEntropy(model.forward(x), [0, 1, 2]))).layers[0].verdict).toBe(
      "frozen",
    );
  });

  it("in a step of the recorder", async () => {
    const model = new TwoHeads();
    const recorder = flowRecorder(model);
    await recorder.during(() =>
      fit(model, {
        data: () => [{ x, labels: [0, 1, 2] }],
        optimizer: new SGD(model.parameters(), { lr: 0.1 }),
        steps: 1,
        onStep: recorder.onStep,
      }),
    );
    expect(recorder.rows.map(({ unused }) => unused)).toEqual([false, false, true]);
  });
});

describe("findAnomaly and gradients that nobody asks for", () => {
  it("the derivative of log at 0 is infinite, in front of which nothing is trained", () => {
    class Logarithm extends Module {
      readonly scale = new Linear(1, 1, { bias: false, rng: new Rng(0) });
      forward(x: Tensor): Tensor {
        return log(add(this.scale.forward(x), 0));
      }
    }
    const model = new Logarithm();
    model.scale.weight.assign([1e-30]);
    const free = tensor([1], { requiresGrad: true });
    // ∂/∂w = x / (w·x): finite; with a factor of 1e30 behind it, it is not in float32.
    const loss = (): Tensor => add(sum(mul(model.forward(tensor([[1]])), 1e30)), sum(free));
    expect(findAnomaly(model, loss)).toMatchObject({ phase: "backward", kind: "Infinity" });
    freeze(model);
    expect(findAnomaly(model, loss)).toBeNull();
  });
});

describe("what flowVerdict is given", () => {
  it("rows of several steps, or of a step that failed, are no single pass", () => {
    const rows = rowsOf(net());
    const steps = [0, 1].flatMap((step) => rows.map((row) => ({ ...row, step })));
    expect(() => flowVerdict(steps)).toThrow("flowVerdict: rows of the steps 0 and 1: judge those of one step");
    const failed = rows.map((row) => ({ ...row, gradientNorm: Number.NaN, unreachedUnits: Number.NaN }));
    expect(() => flowVerdict(failed)).toThrow("flowVerdict: the gradients are unknown");
  });
});
