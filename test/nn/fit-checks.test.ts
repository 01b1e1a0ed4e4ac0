/** What `fit` refuses, with nothing changed: no parameter, running statistic, rate or mode. */
import { describe, expect, it, vi } from "vitest";
import { add, mul } from "../../src/autograd/elementwise.ts";
import { crossEntropy } from "../../src/autograd/losses.ts";
import { mean } from "../../src/autograd/reduce.ts";
import {
  Adam,
  type Batch,
  BatchNorm2d,
  Conv2d,
  copyState,
  type FitOptions,
  Flatten,
  fit,
  Linear,
  Module,
  type Optimizer,
  parameter,
  ReLU,
  Sequential,
  SGD,
} from "../../src/nn/index.ts";
import { randn, tensor, zeros } from "../../src/tensor/create.ts";
import { SkipstoneError, UsageError } from "../../src/tensor/errors.ts";
import { Rng } from "../../src/tensor/rng.ts";
import type { Tensor } from "../../src/tensor/tensor.ts";

const good: Batch = { x: randn([4, 1, 5, 5], new Rng(0)), labels: [0, 1, 0, 1] };
const network = (outputs = 2): Sequential => {
  const rng = new Rng(3);
  return new Sequential(
    new Conv2d(1, 2, 3, { rng }),
    new BatchNorm2d(2),
    new ReLU(),
    new Flatten(),
    new Linear(18, outputs, { rng }),
  );
};
const sgd = (model: Module): SGD => new SGD(model.parameters(), { lr: 0.1, momentum: 0.9 });
const state = (model: Module): number[] => Object.values(model.stateDict()).flatMap((t) => [...t.data]);

/** Trains with these options (what a program in JavaScript may hand over) and expects the message, and no change. */
async function refuses(options: object, message: string | RegExp, model: Module = network()): Promise<void> {
  const optimizer = sgd(model);
  const before = { state: state(model), lr: optimizer.lr, momentum: optimizer.momentum };
  const modes = model.namedModules().map(([, { training }]) => training);
  const training = fit(model, { data: () => [good], optimizer, steps: 2, ...options } as FitOptions);
  await expect(training).rejects.toThrow(message);
  await expect(training).rejects.toBeInstanceOf(SkipstoneError);
  expect({ state: state(model), lr: optimizer.lr, momentum: optimizer.momentum }).toEqual(before);
  expect(model.namedModules().map(([, { training }]) => training)).toEqual(modes);
  // Nobody holds on to it: it can be trained now.
  expect((await fit(model, { data: () => [good], optimizer, steps: 0 })).steps).toEqual([]);
}

describe("options", () => {
  it.each<[string, object, string]>([
    ["an unknown one", { learningRate: 0.1 }, 'fit: there is no option "learningRate"'],
    ["one misspelt", { epoch: 3 }, 'did you mean "epochs"?'],
    ["one in snake case", { clip_norm: 3 }, 'did you mean "clipNorm"?'],
    ["data that is batches", { data: [good] }, "fit: data must be a function that gives the batches of an epoch"],
    ["data that gives none", { data: () => good.x.item }, "fit: the data must be batches, [{ x, labels }, …], got"],
    ["no optimiser", { optimizer: undefined }, "fit: optimizer must be an optimiser, such as new SGD("],
    ["an optimiser that is a name", { optimizer: "sgd" }, "fit: optimizer must be an optimiser, such as new SGD("],
    ["a callback that is none", { onStep: 3 }, "fit: onStep must be a function, got 3"],
    ["another", { onEpoch: "log" }, 'fit: onEpoch must be a function, got "log"'],
    ["a loss that is a name", { loss: "mse" }, 'fit: loss must be a function, got "mse"'],
    ["an async loss", { loss: async () => zeros([]) }, "fit: loss must finish before it returns"],
    ["a schedule that is a number", { schedule: 0.1 }, "fit: schedule must be a function from a step to a rate"],
    ["schedules of another name", { schedule: { rate: () => 1 } }, 'fit: schedule: there is no option "rate"'],
    ["schedules that are numbers", { schedule: { lr: 0.1 } }, "fit: lr of the schedule must be a function"],
    ["steps as text", { steps: "2" }, 'fit: steps must be a whole number of 0 or more, got "2"'],
    ["clipNorm NaN", { clipNorm: Number.NaN }, "fit: clipNorm must be a number above 0, got NaN"],
    ["clipNorm as text", { clipNorm: "1" }, 'fit: clipNorm must be a number above 0, got "1"'],
    ["metrics in a list", { metrics: [() => 1] }, "fit: metrics must be functions by name"],
  ])("%s", async (_, options, message) => {
    await refuses(options, message);
  });

  it("none at all, and no model", async () => {
    await expect(fit(network(), undefined as never)).rejects.toThrow("fit: options are missing: fit(model, {");
    const options = { data: () => [good], optimizer: sgd(network()), steps: 1 };
    await expect(fit({} as Sequential, options)).rejects.toThrow(
      "fit: needs a module (a network, or a part of one), got",
    );
  });
});

describe("batches", () => {
  it.each<[string, unknown, string]>([
    ["an array", [good.x, good.labels], "fit: batch 0 of epoch 0 must be { x, labels }, got an array of 2"],
    ["none", undefined, "fit: batch 0 of epoch 0 must be { x, labels }, got undefined"],
    ["of 0 examples", { x: zeros([0, 1, 5, 5]), labels: [] }, "batch 0 of epoch 0 has no example: x is [0,1,5,5]"],
    ["with too few labels", { ...good, labels: [0, 1, 0] }, "batch 0 of epoch 0 has 4 examples, but 3 labels"],
    ["with labels of another number", { ...good, labels: zeros([3, 2]) }, "has 4 examples, but labels of shape [3,2]"],
    ["without labels", { x: good.x }, "the batch has no labels: a batch is { x, labels }"],
    ["with float targets", { ...good, labels: Float32Array.of(0, 0.5, 1, 1) }, "but label 1 is 0.5: use class numbers"],
    ["with a label that is no class", { ...good, labels: [0, 1, 2, 0] }, "label 2 at position 2"],
    ["with BigInts", { ...good, labels: [0n, 1n, 0n, 1n] }, "whose labels are class numbers or a tensor"],
  ])("%s", async (_, batch, message) => {
    await refuses({ data: () => [batch] }, message);
  });

  it("a second epoch without any says why: a generator that is used up", async () => {
    const model = network();
    const used = (function* () {
      yield good;
    })();
    await expect(fit(model, { data: () => used, optimizer: sgd(model), epochs: 2 })).rejects.toThrow(
      "fit: the data of epoch 1 has no batch: a generator can be read once",
    );
  });
});

describe("losses and outputs", () => {
  it("cross-entropy of one output, which would always be 0, and what to use", async () => {
    await refuses(
      { data: () => [{ ...good, labels: [0, 0, 0, 0] }] },
      /output is \[4,1\].*mseLoss.*bceWithLogits/,
      network(1),
    );
  });

  it.each<[string, object, string]>([
    [
      "a number",
      { loss: () => 0.5 },
      "fit: loss must return a tensor of one number, or { loss, count }, got 0.5: leave out",
    ],
    [
      "nothing",
      { loss: () => undefined },
      "fit: loss must return a tensor of one number, or { loss, count }, got undefined",
    ],
    [
      "one per example",
      { loss: (y: Tensor) => mean(y, 1) },
      "fit: the loss must be one number, it is [4]: mean or sum it",
    ],
    ["a promise", { loss: () => Promise.reject(new Error("later")) }, "fit: loss must finish before it returns"],
    ["what no parameter is in", { loss: () => zeros([]) }, "was not recorded"],
  ])("a loss that returns %s", async (_, options, message) => {
    const unhandled = vi.fn();
    process.on("unhandledRejection", unhandled);
    await refuses(options, message);
    await new Promise((resolve) => setTimeout(resolve, 5));
    process.off("unhandledRejection", unhandled);
    expect(unhandled).not.toHaveBeenCalled();
  });

  it("an async forward", async () => {
    class Late extends Module {
      readonly inner = new Linear(2, 2, { rng: new Rng(0) });
      forward(x: Tensor): Tensor {
        return Promise.resolve(this.inner.forward(x)) as unknown as Tensor;
      }
    }
    await refuses(
      { data: () => [{ x: zeros([1, 2]), labels: [0] }] },
      "fit: forward must finish before it returns",
      new Late(),
    );
  });
});

describe("rates", () => {
  it.each([
    ["NaN", Number.NaN, "NaN"],
    ["undefined", undefined, "undefined"],
    ["negative", -0.1, "-0.1"],
    ["text", "0.1", '"0.1"'],
    ["infinite", Infinity, "Infinity"],
    ["infinite in float32", 1e39, "1e+39"],
  ])("a schedule that is %s", async (_, value, shown) => {
    await refuses({ schedule: () => value }, `fit: the schedule gives the learning rate ${shown} at step 0`);
    await refuses({ schedule: { lr: () => 0.1, momentum: () => value } }, `gives the momentum ${shown} at step 0`);
  });

  it("names the step, and leaves what was learnt before it", async () => {
    const model = network();
    let after: number[] = [];
    const training = fit(model, {
      data: () => [good],
      optimizer: sgd(model),
      steps: 9,
      schedule: (step) => [0.1, 0.05][step],
      onStep: () => {
        after = state(model);
      },
    });
    await expect(training).rejects.toThrow("fit: the schedule gives the learning rate undefined at step 2");
    expect(state(model)).toEqual(after);
  });

  it("a momentum that the optimiser does not take: the rate is not set either", async () => {
    const model = network();
    const optimizer = new Adam(model.parameters(), { lr: 0.5 });
    const schedule = { lr: () => 0.1, momentum: () => 1 };
    await expect(fit(model, { data: () => [good], optimizer, steps: 1, schedule })).rejects.toThrow(
      "fit: the schedule at step 0: Adam: momentum must be a number in [0, 1), got 1",
    );
    expect(optimizer.lr).toBe(0.5);
  });

  it("an optimiser of one's own whose rate is no number", async () => {
    const model = network();
    const optimizer: Optimizer = { lr: Number.NaN, momentum: 0, parameters: model.parameters(), step: () => {} };
    await expect(fit(model, { data: () => [good], optimizer, steps: 1 })).rejects.toThrow(
      "fit: the optimiser has the learning rate NaN at step 0",
    );
  });
});

describe("whose optimiser", () => {
  it("another model's: none of its parameters is reached", async () => {
    await refuses(
      { optimizer: sgd(network()) },
      "fit: none of the optimiser's 6 parameters belongs to this model, and the loss depends on none: was it made for another model?",
    );
  });

  it("some are another model's", async () => {
    const model = network();
    const stray = parameter(zeros([7]));
    const optimizer = new SGD([...model.parameters(), stray], { lr: 0.1 });
    await refuses({ optimizer }, "fit: 1 of the optimiser's 7 parameters are not this model's", model);
  });

  it("all of its parameters are frozen", async () => {
    const model = network();
    const head = model.layers[4].parameters();
    const optimizer = new SGD(head, { lr: 0.1 });
    for (const t of head) t.requiresGrad = false;
    await refuses({ optimizer }, "all of the optimiser's 2 parameters are frozen (requiresGrad = false)", model);
  });

  it("a part of the model, frozen parts in it, and the loss's own parameters are fine", async () => {
    const model = network();
    const scale = parameter(tensor(1));
    const [weight] = model.parameters();
    weight.requiresGrad = false;
    const optimizer = new SGD([...model.parameters(), scale], { lr: 0.1 });
    const history = await fit(model, {
      data: () => [good],
      optimizer,
      steps: 2,
      loss: (logits, labels) => crossEntropy(mul(logits, scale), labels),
    });
    expect(history.steps).toHaveLength(2);
    expect(scale.item()).not.toBe(1);
  });

  it("a leaf that learns but that nobody updates", async () => {
    const scale = parameter(tensor(1));
    await refuses(
      { loss: (logits: Tensor, labels: number[]) => crossEntropy(mul(logits, scale), labels) },
      "a gradient reached a tensor of shape [] that is not a named parameter of the Sequential",
    );
  });

  it("the batch's own input may have a gradient", async () => {
    const model = network();
    const x = parameter(randn([4, 1, 5, 5], new Rng(1)));
    const { steps } = await fit(model, { data: () => [{ ...good, x }], optimizer: sgd(model), steps: 1 });
    expect(steps).toHaveLength(1);
  });
});

describe("two at once", () => {
  const twice = async (a: [Module, Optimizer], b: [Module, Optimizer], message: string): Promise<void> => {
    const options = { data: () => [good], steps: 2, onStep: () => new Promise<void>((resolve) => setTimeout(resolve)) };
    const first = fit(a[0], { ...options, optimizer: a[1] });
    const second = fit(b[0], { ...options, optimizer: b[1] });
    await expect(second).rejects.toThrow(message);
    await expect(second).rejects.toBeInstanceOf(UsageError);
    expect((await first).steps).toHaveLength(2);
    expect((await fit(b[0], { ...options, optimizer: b[1] })).steps).toHaveLength(2);
  };

  it("of one model", () => {
    const model = network();
    return twice([model, sgd(model)], [model, sgd(model)], "fit: this model is being trained by another fit");
  });

  it("of models that share a part", () => {
    const a = network();
    const b = new Sequential(...a.layers.slice(0, 4), new Linear(18, 2, { rng: new Rng(9) }));
    return twice([a, sgd(a)], [b, sgd(b)], 'fit: the part "0" of this model is being trained by another fit');
  });

  it("of models that share a tensor", () => {
    const [a, b] = [network(), network()];
    Object.assign(b.layers[4], { weight: (a.layers[4] as Linear).weight });
    return twice([a, sgd(a)], [b, sgd(b)], 'fit: the tensor "4.weight" of this model is being trained');
  });

  it("with one optimiser", () => {
    const [a, b] = [network(), network()];
    const optimizer = new SGD([...a.parameters(), ...b.parameters()], { lr: 0.1 });
    return expect(
      Promise.all([a, b].map((model) => fit(model, { data: () => [good], optimizer, steps: 1 }))),
    ).rejects.toThrow("fit: this optimiser is in use by another fit that has not ended");
  });

  it("two models with two optimisers are fine", async () => {
    const models = [network(), network()];
    const alone = network();
    await fit(alone, { data: () => [good], optimizer: sgd(alone), steps: 3 });
    await Promise.all(models.map((model) => fit(model, { data: () => [good], optimizer: sgd(model), steps: 3 })));
    for (const model of models) expect(state(model)).toEqual(state(alone));
  });
});

describe("copyState", () => {
  it("is a copy: training does not change it, and it can be loaded again", async () => {
    const model = network();
    const before = state(model);
    const copy = copyState(model);
    await fit(model, { data: () => [good], optimizer: sgd(model), steps: 2 });
    expect(state(model)).not.toEqual(before);
    expect(Object.values(copy).flatMap((t) => [...t.data])).toEqual(before);
    model.loadStateDict(copy);
    expect(state(model)).toEqual(before);
    expect(add(Object.values(copy)[0], 0).shape).toEqual([2, 1, 3, 3]);
  });
});
