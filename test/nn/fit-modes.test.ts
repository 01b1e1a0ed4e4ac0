/** Training and evaluation in `fit`: who is put into which mode, and who stays. */
import { describe, expect, it } from "vitest";
import { add, mul } from "../../src/autograd/elementwise.ts";
import { reshape } from "../../src/autograd/shape.ts";
import {
  type Batch,
  BatchNorm2d,
  Conv2d,
  Dropout,
  evaluate,
  Flatten,
  fit,
  fuse,
  Linear,
  Module,
  predict,
  Sequential,
  SGD,
} from "../../src/nn/index.ts";
import { resnet18 } from "../../src/resnet/index.ts";
import { randn, tensor } from "../../src/tensor/create.ts";
import { Rng } from "../../src/tensor/rng.ts";
import type { Tensor } from "../../src/tensor/tensor.ts";

const batch: Batch = { x: add(randn([4, 2, 4, 4], new Rng(1)), 1), labels: [0, 1, 2, 0] };
const data = (): Batch[] => [batch];
const sgd = (model: Module): SGD => new SGD(model.parameters(), { lr: 0.05, momentum: 0.9 });
const small = (norm: Module): Sequential => {
  const rng = new Rng(3);
  return new Sequential(new Conv2d(2, 3, 3, { padding: 1, rng }), norm, new Flatten(), new Linear(48, 3, { rng }));
};

describe("frozen batch norm", () => {
  it("a part put into evaluation stays there: its running statistics do not move", async () => {
    const norm = new BatchNorm2d(3);
    const model = small(norm);
    norm.eval();
    const history = await fit(model, { data, optimizer: sgd(model), steps: 3 });
    expect(norm.runningMean!.toArray()).toEqual([0, 0, 0]);
    expect(norm.runningVar!.toArray()).toEqual([1, 1, 1]);
    expect(norm.numBatchesTracked!.item()).toBe(0);
    expect(norm.training).toBe(false);
    expect(model.training).toBe(true);
    expect(history.steps[2].loss).toBeLessThan(history.steps[0].loss);
  });

  it("and it trains as the scale and shift that it then is", async () => {
    /** γ·(x − μ)/√(σ² + ε) + β with constant μ and σ², written out. */
    class Affine extends Module {
      readonly weight = tensor([1, 1, 1], { requiresGrad: true });
      readonly bias = tensor([0, 0, 0], { requiresGrad: true });

      forward(x: Tensor): Tensor {
        const channel = (t: Tensor): Tensor => reshape(t, [1, 3, 1, 1]);
        const scale = tensor([1 / Math.sqrt(4 + 1e-5), 1 / Math.sqrt(9 + 1e-5), 1 / Math.sqrt(1 + 1e-5)]);
        const mean = tensor([0.5, -1, 0]);
        const normal = mul(add(x, mul(channel(mean), -1)), channel(scale));
        return add(mul(normal, channel(this.weight)), channel(this.bias));
      }
    }
    const norm = new BatchNorm2d(3);
    norm.runningMean!.assign([0.5, -1, 0]);
    norm.runningVar!.assign([4, 9, 1]);
    norm.eval();
    const [frozen, written] = [small(norm), small(new Affine())];
    const losses = await Promise.all(
      [frozen, written].map(async (model) => {
        const { steps } = await fit(model, { data, optimizer: sgd(model), steps: 5 });
        return steps.map(({ loss }) => loss);
      }),
    );
    // Both compute in float32; the sums are ordered differently.
    losses[0].forEach((loss, i) => {
      expect(loss).toBeCloseTo(losses[1][i], 5);
    });
    norm.weight!.data.forEach((v, c) => {
      expect(v).toBeCloseTo((written.layers[1] as Affine).weight.data[c], 5);
    });
  });

  it("ResNet-18: two steps with frozen norms leave every running statistic, and train the rest", async () => {
    const model = resnet18({ classes: 5, rng: new Rng(2) });
    const norms = model.namedModules().flatMap(([, module]) => (module instanceof BatchNorm2d ? [module] : []));
    expect(norms).toHaveLength(20);
    for (const norm of norms) norm.eval();
    const statistics = (): number[] => model.namedBuffers().flatMap(([, t]) => [...t.data]);
    const before = statistics();
    const weight = model.stateDict()["layer4.1.conv2.weight"];
    const first = weight.data[4]; // the middle tap: images are 1×1 there
    const images = { x: randn([2, 3, 32, 32], new Rng(4)), labels: [1, 3] };
    await fit(model, { data: () => [images], optimizer: new SGD(model.parameters(), { lr: 0.01 }), steps: 2 });
    expect(statistics()).toEqual(before);
    expect(norms.some(({ training }) => training)).toBe(false);
    expect(weight.data[4]).not.toBe(first);
  });
});

describe("the model's mode", () => {
  it("a model in evaluation is put into training, and each part's own mode back", async () => {
    const norm = new BatchNorm2d(3);
    const model = small(norm).eval();
    model.layers[0].train();
    const seen: boolean[] = [];
    await fit(model, {
      data,
      optimizer: sgd(model),
      steps: 1,
      onStep: () => {
        seen.push(model.training, norm.training);
      },
    });
    expect(seen).toEqual([true, true]);
    expect(norm.numBatchesTracked!.item()).toBe(1);
    expect([model, ...model.layers].map(({ training }) => training)).toEqual([false, true, false, false, false]);
  });

  it.each(["onStep", "onEpoch"])("eval() in %s without train() is an error before the next step", async (callback) => {
    const model = small(new BatchNorm2d(3));
    let after: number[] = [];
    const state = (): number[] => Object.values(model.stateDict()).flatMap((t) => [...t.data]);
    const training = fit(model, {
      data,
      optimizer: sgd(model),
      epochs: 3,
      [callback]: () => {
        model.eval();
        after = state();
      },
    });
    await expect(training).rejects.toThrow("fit: the model is in evaluation at step 1: a callback or the data");
    expect(state()).toEqual(after);
  });

  it("eval() and train() in a callback, a part frozen on the way, and evaluations of any kind are fine", async () => {
    const norm = new BatchNorm2d(3);
    const model = small(norm);
    const history = await fit(model, {
      data,
      optimizer: sgd(model),
      steps: 4,
      onStep: async ({ step }) => {
        model.eval();
        model.forward(batch.x);
        model.train();
        if (step >= 1) norm.eval();
        await evaluate(model, data());
        // Not waited for: it finds the model in training and leaves it there.
        void predict(model, data());
      },
    });
    expect(history.steps).toHaveLength(4);
    expect(norm.numBatchesTracked!.item()).toBe(2);
    expect([model.training, norm.training]).toEqual([true, false]);
  });

  it("a model that was folded for inference cannot be trained", async () => {
    const model = small(new BatchNorm2d(3));
    fuse(model);
    await expect(fit(model, { data, optimizer: sgd(model), steps: 1 })).rejects.toThrow("folded into its convolutions");
  });
});

describe("evaluate", () => {
  it("of one model at the same time as others, and while it is trained, moves nothing", async () => {
    const norm = new BatchNorm2d(3);
    const model = new Sequential(small(norm), new Dropout(0.5, { rng: new Rng(0) }));
    async function* slowly(): AsyncGenerator<Batch> {
      for (let i = 0; i < 3; i++) {
        await new Promise((resolve) => setTimeout(resolve, 1));
        yield batch;
      }
    }
    const evaluations = await Promise.all([
      evaluate(model, slowly()),
      evaluate(model, data()),
      evaluate(model, slowly()),
    ]);
    expect(new Set(evaluations.map(({ loss }) => loss.toFixed(6))).size).toBe(1);
    expect(norm.numBatchesTracked!.item()).toBe(0);
    expect(norm.training).toBe(true);
    await Promise.all([evaluate(model, slowly()), fit(model, { data: slowly, optimizer: sgd(model), steps: 2 })]);
    expect(norm.numBatchesTracked!.item()).toBe(2);
  });

  it("puts the modes back after an error", async () => {
    const model = small(new BatchNorm2d(3));
    await expect(evaluate(model, [batch, { ...batch, labels: [0, 1, 9, 0] }])).rejects.toThrow("label 9");
    expect(model.namedModules().every(([, { training }]) => training)).toBe(true);
  });
});
