/** What TypeScript refuses, and plain JavaScript would find out from a training that did nothing, or something else. */
import { describe, expect, it, vi } from "vitest";
import { crossEntropy } from "../../src/autograd/losses.ts";
import {
  Adam,
  AdamW,
  accuracy,
  type Batch,
  evaluate,
  type FitOptions,
  fit,
  freeze,
  GlobalAvgPool2d,
  Linear,
  Module,
  predict,
  SGD,
  unfreeze,
} from "../../src/nn/index.ts";
import { BatchNorm2d } from "../../src/nn/norm.ts";
import type { Optimizer } from "../../src/nn/optim/optimizer.ts";
import { full, randn, tensor } from "../../src/tensor/create.ts";
import { SkipstoneError, UsageError } from "../../src/tensor/errors.ts";
import { Rng } from "../../src/tensor/rng.ts";
import type { Tensor } from "../../src/tensor/tensor.ts";

class Net extends Module {
  norm: Module = new BatchNorm2d(2);
  readonly pool = new GlobalAvgPool2d();
  fc = new Linear(2, 3, { rng: new Rng(1) });

  forward(x: Tensor): Tensor {
    return this.fc.forward(this.pool.forward(this.norm.forward(x)));
  }
}

const images = randn([4, 2, 3, 3], new Rng(2));
const labels = [0, 1, 2, 1];
const data = (): Batch[] => [{ x: images, labels }];
const sgd = (model: Module): SGD => new SGD(model.parameters(), { lr: 0.1 });
const bitsOf = (model: Module): string => JSON.stringify(model.stateDict());

/** Trains a new network with options of a wrong kind; it must be refused, and nothing changed. */
async function refused(wrong: object, message: string): Promise<void> {
  const model = new Net();
  const before = bitsOf(model);
  const options = { data, optimizer: sgd(model), steps: 2, ...wrong } as unknown as FitOptions;
  const error: unknown = await fit(model, options).then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(SkipstoneError);
  expect((error as Error).message).toContain(message);
  expect(bitsOf(model)).toBe(before);
}

describe("fit refuses", () => {
  it("a schedule that answers later, without an unhandled rejection", async () => {
    const unhandled = vi.fn();
    process.on("unhandledRejection", unhandled);
    const message = "schedule must finish before it returns";
    await refused({ schedule: async () => 0.1 }, message);
    await refused({ schedule: () => Promise.reject(new Error("later")) }, message);
    await refused(
      { schedule: { lr: () => 0.1, momentum: async () => 0.9 } },
      "momentum of the schedule must finish before it returns",
    );
    await new Promise((resolve) => setTimeout(resolve, 5));
    process.off("unhandledRejection", unhandled);
    expect(unhandled).not.toHaveBeenCalled();
  });

  it("callbacks that are generators, which would never run", async () => {
    await refused({ onStep: function* () {} }, "fit: onStep must be a function that runs when it is called");
    await refused({ onEpoch: async function* () {} }, "fit: onEpoch must be a function that runs when it is called");
  });

  it("metrics in a Map, of which none would be computed", () =>
    refused(
      { metrics: new Map([["accuracy", accuracy]]) },
      "metrics must be functions by name, { accuracy }, got a Map",
    ));

  it("a count of which nothing can be the mean", () =>
    refused(
      { loss: (o: Tensor, l: number[]) => ({ loss: crossEntropy(o, l), count: Infinity }) },
      "fit: loss must return a tensor of one number, or { loss, count }",
    ));

  it("batches without labels, and labels in arrays of arrays, with what to do", async () => {
    await refused({ data: () => [{ x: images, y: labels }] }, "fit: the batch has no labels: a batch is { x, labels }");
    const oneHot = labels.map((label) => [0, 1, 2].map((c) => (c === label ? 1 : 0)));
    await refused({ data: () => [{ x: images, labels: oneHot }] }, "got an array of arrays: tensor(…) makes a tensor");
  });

  it("an optimiser of one's own whose step answers later, or whose parameters are none", async () => {
    const optimizer = (own: object): object => ({ lr: 0.1, momentum: 0, parameters: new Net().parameters(), ...own });
    await refused(
      { optimizer: optimizer({ step: async () => {} }) },
      "the optimiser's step must finish before it returns",
    );
    await refused(
      { optimizer: optimizer({ step: () => {}, parameters: [1, 2] }) },
      "fit: optimizer must be an optimiser",
    );
  });
});

describe("a metric that fails in unusual ways is NaN", () => {
  it.each<[string, () => unknown]>([
    [
      "throws what has no text",
      () => {
        throw Object.create(null);
      },
    ],
    [
      "returns a number that cannot be read",
      () => ({
        get value() {
          throw new Error("no");
        },
      }),
    ],
  ])("%s", async (_, mine) => {
    const warn = vi.spyOn(console, "warn").mockImplementation(() => {});
    const { metrics } = await evaluate(new Net(), data(), { metrics: { mine: mine as () => number } });
    expect(metrics.mine).toBeNaN();
    expect(warn).toHaveBeenCalledOnce();
    warn.mockRestore();
  });
});

describe("optimisers", () => {
  const made: [string, (model: Net) => Optimizer][] = [
    ["SGD", sgd],
    ["Adam", (model) => new Adam(model.parameters())],
    ["AdamW", (model) => new AdamW(model.parameters())],
  ];

  it.each(made)("%s: an option that cannot be set later says so", (name, make) => {
    const optimizer = make(new Net()) as unknown as Record<string, unknown>;
    const set = (option: string) => () => {
      optimizer[option] = 0.5;
    };
    expect(set("weightDecay")).toThrow(`${name}: weightDecay cannot be set: make a new ${name} with { weightDecay }`);
    expect(set("learningRate")).toThrow(`${name}: learningRate cannot be set: the learning rate is lr`);
    expect(set(name === "SGD" ? "dampening" : "betas")).toThrow("cannot be set");
    set("lr")();
    expect(optimizer["lr"]).toBe(0.5);
  });

  it.each(made)("%s: steps with gradients and nothing like them; its list of parameters is its own", (name, make) => {
    const model = new Net();
    const optimizer = make(model);
    const before = bitsOf(model);
    for (const wrong of [new Map(model.parameters().map((w) => [w, w])), new Set(model.parameters())]) {
      expect(() => optimizer.step(wrong as never)).toThrow(`${name}: step takes the gradients that backward`);
    }
    expect(bitsOf(model)).toBe(before);
    expect(() => (optimizer.parameters as Tensor[]).push(images)).toThrow();
  });

  it("Adam keeps the betas it was given, whatever becomes of the array", async () => {
    const trained = await Promise.all(
      [false, true].map(async (changing) => {
        const model = new Net();
        const betas: [number, number] = [0.8, 0.9];
        const optimizer = new Adam([{ parameters: model.parameters(), betas }]);
        if (changing) betas.fill(Number.NaN);
        await fit(model, { data, optimizer, steps: 3 });
        return bitsOf(model);
      }),
    );
    expect(trained[1]).toBe(trained[0]);
  });
});

describe("freezing", () => {
  it("a model that is frozen but for one part is trained in that part alone", async () => {
    const model = freeze(new Net());
    unfreeze(model.fc);
    const [norm, fc] = [bitsOf(model.norm), bitsOf(model.fc)];
    await fit(model, { data, optimizer: sgd(model), steps: 2 });
    expect(bitsOf(model.norm)).toBe(norm);
    expect(bitsOf(model.fc)).not.toBe(fc);
    expect([model.training, model.fc.training]).toEqual([false, true]);
  });

  it("all of it: there is nothing to train, at the first step or a later one", async () => {
    const model = new Net();
    const run = () => fit(model, { data, optimizer: sgd(model), steps: 2, onStep: () => void freeze(model) });
    const message = "fit: all of the optimiser's 4 parameters are frozen (requiresGrad = false) at step";
    await expect(run()).rejects.toThrow(`${message} 1`);
    await expect(run()).rejects.toThrow(`${message} 0`);
  });

  it("takes true or false", () => {
    const model = new Net();
    expect(() => Object.assign(model, { training: "no" })).toThrow('Net: training must be true or false, got "no"');
    expect(() => Object.assign(model.fc.weight, { requiresGrad: 0 })).toThrow(
      "tensor: requiresGrad must be true or false, got 0",
    );
  });
});

describe("a part that is replaced during the training", () => {
  const run = (change: (model: Net) => void, more: Partial<FitOptions> = {}): Promise<unknown> => {
    const model = new Net();
    const onStep = ({ step }: { step: number }): void => {
      if (step === 0) change(model);
    };
    return fit(model, { data, optimizer: sgd(model), steps: 3, onStep, ...more });
  };

  it("the new one would not be trained", () =>
    expect(
      run((model) => {
        model.fc = new Linear(2, 3, { rng: new Rng(3) });
      }),
    ).rejects.toThrow(
      "fit: a part with a parameter [3,2] was added to the model during training, but the optimiser does not have it",
    ));

  it("the old one is trained no more", () =>
    expect(
      run((model) => {
        model.norm = new Scale();
      }),
    ).rejects.toThrow("fit: 2 of the optimiser's 4 parameters ([2], [2]) left the model during training"));

  it("running statistics of which there is no copy are not spoilt by a bad batch that is skipped", () =>
    expect(
      run(
        (model) => {
          model.norm = new BatchNorm2d(2);
        },
        { badBatches: "skip", data: () => [...data(), { x: full(images.shape, Number.NaN), labels }] },
      ),
    ).rejects.toThrow('fit: "norm.running_mean" was added to the model during training'));
});

class Scale extends Module {
  forward(x: Tensor): Tensor {
    return x;
  }
}

describe("outputs that are not alike cannot be joined", () => {
  class Varying extends Module<Tensor, unknown> {
    readonly fc = new Linear(2, 3, { rng: new Rng(1) });
    readonly #outputs: ((y: Tensor) => unknown)[];

    constructor(...outputs: ((y: Tensor) => unknown)[]) {
      super();
      this.#outputs = [...outputs];
    }

    forward(x: Tensor): unknown {
      return this.#outputs.shift()!(this.fc.forward(x));
    }
  }
  const batches = [0, 1].map(() => ({ x: tensor([[1, 2]]) }));

  it.each<[string, ((y: Tensor) => unknown)[]]>([
    ["is a Tensor, for batch 1 it is an object { a }", [(y) => y, (a) => ({ a })]],
    ["is an array of 1, for batch 1 it is an array of 2", [(y) => [y], (y) => [y, y]]],
    ["is an object { a }, for batch 1 it is an object { a, b }", [(a) => ({ a }), (a) => ({ a, b: a })]],
    ["is an object { a, b }, for batch 1 it is an object { a }", [(a) => ({ a, b: a }), (a) => ({ a })]],
  ])("the output for batch 0 %s", async (message, outputs) => {
    const run = predict(new Varying(...outputs), batches);
    await expect(run).rejects.toThrow(UsageError);
    await expect(run).rejects.toThrow(`predict: the output for batch 0 ${message}`);
  });
});

it("labels that are no numbers are shown as what they are", () => {
  const scores = randn([2, 3], new Rng(0));
  expect(() => crossEntropy(scores, ["0", "1"] as never)).toThrow(
    'crossEntropy: label "0" at position 0 must be a class',
  );
  expect(() => crossEntropy(scores, BigInt64Array.of(0n, 1n) as never)).toThrow("crossEntropy: label a bigint at");
  expect(() => accuracy(scores, [0, 1], { ignoreIndex: "255" as never })).toThrow(
    "accuracy: ignoreIndex must be a number",
  );
});
