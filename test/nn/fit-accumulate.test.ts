/** Several batches in one step, and batches that are left out. */
import { describe, expect, it } from "vitest";
import { backward } from "../../src/autograd/backward.ts";
import { mul } from "../../src/autograd/elementwise.ts";
import { crossEntropy } from "../../src/autograd/losses.ts";
import { sum } from "../../src/autograd/reduce.ts";
import { concat } from "../../src/autograd/shape.ts";
import {
  accuracy,
  type Batch,
  BatchNorm2d,
  Conv2d,
  Flatten,
  fit,
  Linear,
  type Module,
  Sequential,
  SGD,
  type StepInfo,
  TrainingError,
} from "../../src/nn/index.ts";
import { randn, tensor } from "../../src/tensor/create.ts";
import { Rng } from "../../src/tensor/rng.ts";
import { useKernels } from "../../src/tensor/tier.ts";

const part = (N: number, seed: number, labels?: number[]): { x: Batch["x"]; labels: number[] } => ({
  x: randn([N, 3], new Rng(seed)),
  labels: labels ?? Array.from({ length: N }, (_, n) => (n + seed) % 4),
});
const joined = (parts: readonly { x: Batch["x"]; labels: number[] }[]): Batch => ({
  x: concat(
    parts.map(({ x }) => x),
    0,
  ),
  labels: parts.flatMap(({ labels }) => labels),
});
const linear = (): Linear => new Linear(3, 4, { rng: new Rng(1) });
const sgd = (model: Module): SGD => new SGD(model.parameters(), { lr: 0.1, momentum: 0.9 });

describe("Gradients", () => {
  const a = tensor([1, 2], { requiresGrad: true });
  const b = tensor([3], { requiresGrad: true });
  const both = backward(sum(mul(a, b)));
  const one = backward(sum(mul(a, 10)));

  it("plus adds tensor by tensor; what only one has stays", () => {
    const total = both.plus(one);
    expect(total.get(a).toArray()).toEqual([13, 13]);
    expect(total.get(b).toArray()).toEqual([3]);
    expect(one.plus(both).get(b).toArray()).toEqual([3]);
    expect(both.get(a).toArray()).toEqual([3, 3]);
  });

  it("times multiplies each", () => {
    expect(both.times(-0.5).get(a).toArray()).toEqual([-1.5, -1.5]);
    expect(both.times(0).get(b).toArray()).toEqual([0]);
    expect(both.get(b).toArray()).toEqual([3]);
  });

  it("outside a step they are ordinary arrays, on every tier", () => {
    for (const tier of ["plain", "simd"] as const) {
      const before = useKernels(tier);
      const total = both.plus(one).times(2);
      for (let i = 0; i < 3; i++) backward(sum(mul(a, i)));
      expect(total.get(a).toArray()).toEqual([26, 26]);
      useKernels(before);
    }
  });

  it("errors: what are no gradients, what is no number", () => {
    expect(() => both.plus(2 as never)).toThrow("plus: needs other gradients, got 2");
    expect(() => both.times("2" as never)).toThrow('times: factor must be a number, got "2"');
  });
});

describe.each(["plain", "simd"] as const)("accumulate (%s)", (tier) => {
  it.each([
    ["equal batches", [part(4, 1), part(4, 2), part(4, 3)]],
    ["unequal batches", [part(5, 1), part(2, 2), part(1, 3)]],
    ["labels that do not count", [part(3, 1, [0, -100, -100]), part(3, 2, [1, 2, 3]), part(2, 3, [-100, 0])]],
  ])("%s: the step is that of one large batch", async (_, parts) => {
    const before = useKernels(tier);
    const [apart, whole] = [linear(), linear()];
    const metrics = { accuracy };
    const infos: StepInfo[] = [];
    const history = await fit(apart, {
      data: () => parts,
      optimizer: sgd(apart),
      epochs: 3,
      accumulate: 3,
      metrics,
      onStep: (info) => {
        infos.push(info);
      },
    });
    const large = await fit(whole, { data: () => [joined(parts)], optimizer: sgd(whole), epochs: 3, metrics });
    useKernels(before);
    expect(history.steps).toHaveLength(3);
    history.steps.forEach(({ loss, metrics, gradNorm }, i) => {
      // Sums of a dozen float32 numbers in another order.
      expect(loss).toBeCloseTo(large.steps[i].loss, 6);
      expect(gradNorm).toBeCloseTo(large.steps[i].gradNorm, 6);
      expect(metrics.accuracy).toBeCloseTo(large.steps[i].metrics.accuracy, 12);
    });
    apart.weight.data.forEach((w, i) => {
      expect(w).toBeCloseTo(whole.weight.data[i], 6);
    });
    expect(infos[0].batches).toEqual(parts);
    expect(infos[0].outputs.map(({ shape }) => shape[0])).toEqual(parts.map(({ x }) => x.shape[0]));
    expect(infos.map(({ step, epoch }) => [step, epoch])).toEqual([
      [0, 0],
      [1, 1],
      [2, 2],
    ]);
  });
});

describe("accumulate", () => {
  it("1 is the default, to the bit; what is left of an epoch is a step of its own", async () => {
    const run = async (accumulate?: number): Promise<[number, number[]]> => {
      const model = linear();
      const options = { data: () => [1, 2, 3, 4, 5].map((seed) => part(4, seed)), optimizer: sgd(model), epochs: 2 };
      const { steps } = await fit(model, accumulate === undefined ? options : { ...options, accumulate });
      return [steps.length, [...model.weight.data]];
    };
    expect(await run(1)).toEqual(await run());
    expect((await run(2))[0]).toBe(6);
    expect((await run(100))[0]).toBe(2);
  });

  it("asks for no batch before it is needed", async () => {
    let asked = 0;
    function* endless(): Generator<Batch> {
      for (;;) yield part(2, asked++);
    }
    const model = linear();
    await fit(model, { data: endless, optimizer: sgd(model), steps: 3, accumulate: 4 });
    expect(asked).toBe(12);
  });

  it("must be a whole number of 1 or more", async () => {
    const model = linear();
    await expect(fit(model, { data: () => [], optimizer: sgd(model), steps: 1, accumulate: 0 })).rejects.toThrow(
      "fit: accumulate must be a whole number of 1 or more, got 0",
    );
  });
});

describe("bad batches", () => {
  const convolutional = (): Module => {
    const rng = new Rng(3);
    return new Sequential(new Conv2d(1, 2, 3, { rng }), new BatchNorm2d(2), new Flatten(), new Linear(18, 2, { rng }));
  };
  const image = (seed: number): Batch => ({ x: randn([4, 1, 5, 5], new Rng(seed)), labels: [0, 1, 0, 1] });
  const broken = (): Batch => {
    const batch = image(9);
    batch.x.data[3] = Number.NaN;
    return batch;
  };
  const state = (model: Module): number[] => Object.values(model.stateDict()).flatMap((t) => [...t.data]);

  it("skipped: the model is as if they had never been, and the history names them", async () => {
    const [with_, without] = [convolutional(), convolutional()];
    const history = await fit(with_, {
      data: () => [image(1), broken(), image(2), broken()],
      optimizer: sgd(with_),
      epochs: 2,
      badBatches: "skip",
    });
    const clean = await fit(without, { data: () => [image(1), image(2)], optimizer: sgd(without), epochs: 2 });
    expect(state(with_)).toEqual(state(without));
    expect(history.steps.map(({ loss }) => loss)).toEqual(clean.steps.map(({ loss }) => loss));
    expect(history.skipped).toEqual([
      { step: 1, epoch: 0, batch: 1, reason: "the loss is NaN" },
      { step: 2, epoch: 0, batch: 3, reason: "the loss is NaN" },
      { step: 3, epoch: 1, batch: 1, reason: "the loss is NaN" },
      { step: 4, epoch: 1, batch: 3, reason: "the loss is NaN" },
    ]);
    expect(clean.skipped).toEqual([]);
  });

  it("in an accumulated step the others make it", async () => {
    const [with_, without] = [convolutional(), convolutional()];
    const seen: number[] = [];
    await fit(with_, {
      data: () => [image(1), broken(), image(2)],
      optimizer: sgd(with_),
      epochs: 1,
      accumulate: 3,
      badBatches: "skip",
      onStep: ({ batches, outputs }) => {
        seen.push(batches.length, outputs.length);
      },
    });
    await fit(without, { data: () => [image(1), image(2)], optimizer: sgd(without), epochs: 1, accumulate: 2 });
    expect(seen).toEqual([2, 2]);
    expect(state(with_)).toEqual(state(without));
  });

  it("stopped at, which is the default: the whole accumulated step is undone", async () => {
    const model = convolutional();
    const before = state(model);
    const training = fit(model, { data: () => [image(1), broken()], optimizer: sgd(model), epochs: 1, accumulate: 2 });
    await expect(training).rejects.toThrow("fit: the loss is NaN at step 0 (learning rate 0.1)");
    expect(state(model)).toEqual(before);
  });

  it("a batch of which no label counts is one", async () => {
    const nothing: Batch = { ...image(4), labels: [-100, -100, -100, -100] };
    const model = convolutional();
    const before = state(model);
    const options = { data: () => [nothing, image(1)], optimizer: sgd(model), epochs: 1 };
    await expect(fit(model, options)).rejects.toThrow("because none of the batch's labels counts, at step 0");
    expect(state(model)).toEqual(before);
    const { skipped, steps } = await fit(model, { ...options, badBatches: "skip" });
    expect(skipped.map(({ reason }) => reason)).toEqual(["the loss is NaN, because none of the batch's labels counts"]);
    expect(steps).toHaveLength(1);
  });

  it("there is an end to it: an epoch of bad ones alone, or a hundred in a row", async () => {
    const model = convolutional();
    const before = state(model);
    const options = { optimizer: sgd(model), steps: 5, badBatches: "skip" as const };
    const alone = fit(model, { ...options, data: () => [broken(), broken()] });
    await expect(alone).rejects.toThrow("fit: every batch of epoch 0 was bad, the last because the loss is NaN");
    await expect(alone).rejects.toBeInstanceOf(TrainingError);
    function* endless(): Generator<Batch> {
      for (;;) yield broken();
    }
    await expect(fit(model, { ...options, data: endless })).rejects.toThrow(
      "fit: 100 batches in a row were bad, the last because the loss is NaN",
    );
    expect(state(model)).toEqual(before);
  });

  it("another error than a number that is none is not skipped", async () => {
    const model = convolutional();
    const data = (): Batch[] => [image(1), { ...image(2), labels: [0, 1, 2, 1] }];
    await expect(fit(model, { data, optimizer: sgd(model), steps: 2, badBatches: "skip" })).rejects.toThrow(/label 2/);
    const odd = { data, optimizer: sgd(model), steps: 1, badBatches: "ignore" as "skip" };
    await expect(fit(model, odd)).rejects.toThrow('fit: badBatches must be "stop" or "skip", got "ignore"');
  });

  it("cross-entropy itself agrees that the mean of nothing is NaN", () => {
    expect(crossEntropy(tensor([[1, 2]]), [-100]).item()).toBeNaN();
  });
});
