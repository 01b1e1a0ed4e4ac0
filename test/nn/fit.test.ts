/** fit and evaluate: that they learn, report, stop, refuse, and put things back. */
import { describe, expect, it } from "vitest";
import { mseLoss } from "../../src/autograd/element-losses.ts";
import { mul } from "../../src/autograd/elementwise.ts";
import {
  Adam,
  accuracy,
  type Batch,
  BatchNorm2d,
  Conv2d,
  Dropout,
  type EpochRecord,
  type Evaluation,
  evaluate,
  type FitOptions,
  Flatten,
  fit,
  gradNorm,
  type History,
  Linear,
  type Module,
  ReLU,
  Sequential,
  SGD,
  type StepInfo,
  type StepRecord,
  schedules,
  TrainingError,
} from "../../src/nn/index.ts";
import { randn, tensor } from "../../src/tensor/create.ts";
import { Rng } from "../../src/tensor/rng.ts";
import { Tensor } from "../../src/tensor/tensor.ts";

/** Points of three classes, each around a corner of a triangle: a linear model separates them. */
function points(count: number, seed: number): Batch {
  const rng = new Rng(seed);
  const labels = Int32Array.from({ length: count }, () => rng.integer(3));
  const data = new Float32Array(2 * count);
  labels.forEach((label, i) => {
    data[2 * i] = 2 * Math.cos((label * 2 * Math.PI) / 3) + rng.normal(0, 0.3);
    data[2 * i + 1] = 2 * Math.sin((label * 2 * Math.PI) / 3) + rng.normal(0, 0.3);
  });
  return { x: new Tensor(data, [count, 2]), labels };
}

const perceptron = (seed = 1): Module => {
  const rng = new Rng(seed);
  return new Sequential(new Linear(2, 16, { rng }), new ReLU(), new Dropout(0.1, { rng }), new Linear(16, 3, { rng }));
};
const batches = [points(32, 1), points(32, 2), points(20, 3)];
const data = (): Batch[] => batches;
const sgd = (model: Module): SGD => new SGD(model.parameters(), { lr: 0.1, momentum: 0.9 });

describe("fit", () => {
  it("learns three separable classes, with SGD and with Adam", async () => {
    const unseen = [points(200, 9)];
    for (const make of [sgd, (model: Module) => new Adam(model.parameters(), { lr: 0.01 })]) {
      const model = perceptron();
      const before = await evaluate(model, unseen, { metrics: { accuracy } });
      const history = await fit(model, { data, optimizer: make(model), epochs: 40 });
      const after = await evaluate(model, unseen, { metrics: { accuracy } });
      expect(before.metrics.accuracy).toBeLessThan(0.8);
      expect(after.metrics.accuracy).toBeGreaterThan(0.98);
      expect(after.count).toBe(200);
      expect(history.steps).toHaveLength(120);
      expect(history.epochs.at(-1)!.loss).toBeLessThan(history.epochs[0].loss / 4);
    }
  });

  it("the same seed gives the same bits, another seed others", async () => {
    const train = async (seed: number): Promise<number[]> => {
      const model = perceptron(seed);
      await fit(model, { data, optimizer: sgd(model), steps: 25 });
      return model.parameters().flatMap((t) => [...t.data]);
    };
    const first = await train(1);
    expect(await train(1)).toEqual(first);
    expect(await train(2)).not.toEqual(first);
  });

  it("reports each step and epoch, and returns the same records", async () => {
    const model = perceptron();
    const steps: StepInfo[] = [];
    const epochs: EpochRecord[] = [];
    const history = await fit(model, {
      data,
      optimizer: sgd(model),
      schedule: schedules.stepDecay(0.1, { every: 3 }),
      epochs: 2,
      onStep: (info) => {
        steps.push(info);
      },
      onEpoch: ({ checkpoint: _checkpoint, ...record }) => {
        epochs.push(record);
      },
    });
    expect(steps.map(({ step, epoch }) => [step, epoch])).toEqual([
      [0, 0],
      [1, 0],
      [2, 0],
      [3, 1],
      [4, 1],
      [5, 1],
    ]);
    expect(steps.map(({ lr }) => Number(lr.toFixed(6)))).toEqual([0.1, 0.1, 0.1, 0.01, 0.01, 0.01]);
    for (const { batches, outputs, grads, gradNorm: norm } of steps) {
      expect(batches).toHaveLength(1);
      expect(outputs.map(({ shape }) => shape)).toEqual([[batches[0].x.shape[0], 3]]);
      expect(gradNorm(grads, model.parameters())).toBe(norm);
    }
    expect(history.steps).toEqual(
      steps.map(
        ({ batches: _batches, outputs: _outputs, checkpoint: _checkpoint, grads: _grads, ...record }) => record,
      ),
    );
    // Means over examples, not over batches: the last batch is smaller.
    const [a, b, c] = steps.map(({ loss }) => loss);
    expect(epochs[0].loss).toBeCloseTo((32 * a + 32 * b + 20 * c) / 84, 12);
    expect(epochs.map(({ epoch, steps }) => [epoch, steps])).toEqual([
      [0, 3],
      [1, 6],
    ]);
    expect(history.epochs).toEqual(epochs);
    expect(history.stopped).toBe(false);
  });

  it("a schedule with momentum sets both", async () => {
    const model = perceptron();
    const optimizer = sgd(model);
    const momenta: number[] = [];
    await fit(model, {
      data,
      optimizer,
      schedule: schedules.oneCycle(0.1, { steps: 6, anneal: "linear" }),
      steps: 6,
      onStep: () => {
        momenta.push(optimizer.momentum);
      },
    });
    expect(momenta[0]).toBeCloseTo(0.95, 12);
    expect(momenta.at(-1)).toBeCloseTo(0.95, 12);
    expect(Math.min(...momenta)).toBeLessThan(0.9);
  });

  it("ends after steps or epochs, whichever comes first, and asks for each epoch's data once", async () => {
    const asked: number[] = [];
    const run = async (limit: { steps?: number; epochs?: number }): Promise<number> => {
      const model = perceptron();
      asked.length = 0;
      const { steps } = await fit(model, {
        data: (epoch) => {
          asked.push(epoch);
          return batches;
        },
        optimizer: sgd(model),
        ...limit,
      });
      return steps.length;
    };
    expect(await run({ steps: 4 })).toBe(4);
    expect(asked).toEqual([0, 1]);
    expect(await run({ steps: 3 })).toBe(3);
    expect(asked).toEqual([0]);
    expect(await run({ epochs: 2 })).toBe(6);
    expect(await run({ epochs: 2, steps: 100 })).toBe(6);
    expect(await run({ epochs: 0 })).toBe(0);
  });

  it("takes asynchronous data", async () => {
    const model = perceptron();
    async function* slowly(): AsyncGenerator<Batch> {
      for (const batch of batches) {
        await Promise.resolve();
        yield batch;
      }
    }
    expect((await fit(model, { data: slowly, optimizer: sgd(model), epochs: 1 })).steps).toHaveLength(3);
    const later = async (): Promise<Batch[]> => batches;
    expect((await fit(model, { data: later, optimizer: sgd(model), epochs: 1 })).steps).toHaveLength(3);
  });

  it("types that a program names itself fit, without a cast", async () => {
    const model = perceptron();
    const seen: StepRecord[] = [];
    const options: FitOptions = { data, optimizer: sgd(model), steps: 1 };
    const history: History = await fit(model, {
      ...options,
      metrics: { accuracy, share: (output) => output.size / output.shape[0] },
      onStep: (info: StepInfo) => {
        seen.push(info);
      },
    });
    const plain: History = await fit(model, options);
    const evaluation: Evaluation = await evaluate(model, batches);
    expect([history.steps.length, plain.steps.length, evaluation.count]).toEqual([1, 1, 84]);
    expect(Object.keys(seen[0].metrics)).toEqual(["accuracy", "share"]);
    // @ts-expect-error: a metric that was not asked for is not there.
    expect((await fit(model, { ...options, metrics: { accuracy } })).epochs[0].metrics.share).toBeUndefined();
    // @ts-expect-error: nor an option that there is not.
    await expect(fit(model, { ...options, learningRate: 1 })).rejects.toThrow('no option "learningRate"');
  });

  it.each([
    ["onStep", { onStep: ({ step }: { step: number }) => step < 3 }, 4],
    ["an asynchronous onStep", { onStep: async ({ step }: { step: number }) => Promise.resolve(step < 3) }, 4],
    ["onEpoch", { onEpoch: ({ epoch }: { epoch: number }) => epoch < 1 }, 6],
  ])("%s ends the training by returning false", async (_, callbacks, steps) => {
    const model = perceptron();
    const history = await fit(model, { data, optimizer: sgd(model), epochs: 10, ...callbacks });
    expect(history.stopped).toBe(true);
    expect(history.steps).toHaveLength(steps);
  });

  it("clipNorm bounds the step", async () => {
    const model = perceptron();
    const before = model.parameters().map((t) => t.clone());
    const history = await fit(model, {
      data,
      optimizer: new SGD(model.parameters(), { lr: 1 }),
      steps: 1,
      clipNorm: 0.01,
    });
    let squares = 0;
    model.parameters().forEach((t, i) => {
      t.data.forEach((v: number, k: number) => {
        squares += (v - before[i].data[k]) ** 2;
      });
    });
    expect(history.steps[0].gradNorm).toBeGreaterThan(0.05);
    expect(Math.sqrt(squares)).toBeCloseTo(0.01, 5);
  });

  it("trains with another loss and labels that are tensors", async () => {
    const model = new Linear(1, 1, { rng: new Rng(0) });
    const x = tensor([[-1], [0], [1]]);
    const labels = tensor([[-3], [1], [5]]);
    const history = await fit(model, {
      data: () => [{ x, labels }],
      optimizer: new SGD(model.parameters(), { lr: 0.2 }),
      loss: mseLoss,
      steps: 200,
    });
    expect(model.weight.item()).toBeCloseTo(4, 4);
    expect(model.bias!.item()).toBeCloseTo(1, 4);
    expect(history.steps[199].loss).toBeLessThan(1e-6);
  });

  it("trains in training mode and puts each part's mode back", async () => {
    const model = perceptron() as Sequential;
    model.eval();
    model.layers[0].training = true;
    const seen: boolean[] = [];
    await fit(model, {
      data,
      optimizer: sgd(model),
      steps: 1,
      onStep: () => {
        seen.push(model.layers[2].training);
      },
    });
    expect(seen).toEqual([true]);
    expect(model.layers.map((layer) => layer.training)).toEqual([true, false, false, false]);
  });
});

describe("fit refuses", () => {
  const state = (model: Module): number[][] => Object.values(model.stateDict()).map((t) => [...t.data]);
  const convolutional = (): Module => {
    const rng = new Rng(3);
    return new Sequential(new Conv2d(1, 2, 3, { rng }), new BatchNorm2d(2), new Flatten(), new Linear(18, 2, { rng }));
  };
  const good: Batch = { x: randn([4, 1, 5, 5], new Rng(0)), labels: [0, 1, 0, 1] };

  it("a loss that is NaN: names step and learning rate, leaves parameters and running statistics", async () => {
    const model = convolutional();
    const x = good.x.clone();
    x.data[7] = Number.NaN;
    let after: number[][] = [];
    const training = fit(model, {
      data: () => [good, { ...good, x }],
      optimizer: new SGD(model.parameters(), { lr: 0.25 }),
      epochs: 1,
      onStep: () => {
        after = state(model);
      },
    });
    await expect(training).rejects.toThrow("fit: the loss is NaN at step 1 (learning rate 0.25)");
    await expect(training).rejects.toBeInstanceOf(TrainingError);
    await expect(training).rejects.toMatchObject({ step: 1, lr: 0.25 });
    expect(after.flat().every(Number.isFinite)).toBe(true);
    expect(state(model)).toEqual(after);
  });

  it("gradients that are not finite although the loss is", async () => {
    const model = new Linear(1, 1, { bias: false, rng: new Rng(0) });
    model.weight.assign([1e-30]);
    const training = fit(model, {
      data: () => [{ x: tensor([[3e38]]), labels: tensor([[0]]) }],
      optimizer: sgd(model),
      steps: 1,
      // The loss is 3e8·1e30 = 3e38, its gradient 9e68, beyond float32.
      loss: (y) => mul(y, 1e30),
    });
    await expect(training).rejects.toThrow("fit: the norm of the gradients is Infinity at step 0");
    expect(model.weight.item()).toBe(Math.fround(1e-30));
  });

  it("a label out of range: by the loss's own message, with nothing changed", async () => {
    const model = convolutional();
    const before = state(model);
    const training = fit(model, { data: () => [{ ...good, labels: [0, 1, 2, 1] }], optimizer: sgd(model), steps: 1 });
    await expect(training).rejects.toThrow(/label 2/);
    expect(state(model)).toEqual(before);
  });

  it("data without a batch", async () => {
    const model = perceptron();
    await expect(fit(model, { data: () => [], optimizer: sgd(model), steps: 1 })).rejects.toThrow(
      "fit: the data of epoch 0 has no batch",
    );
  });

  it("no end, or an end that is no count", async () => {
    const model = perceptron();
    const optimizer = sgd(model);
    await expect(fit(model, { data, optimizer })).rejects.toThrow("fit: give epochs, steps, or both");
    await expect(fit(model, { data, optimizer, steps: -1 })).rejects.toThrow(
      "fit: steps must be a whole number of 0 or more, got -1",
    );
    await expect(fit(model, { data, optimizer, epochs: 1.5 })).rejects.toThrow("fit: epochs must be a whole number");
  });

  it("an error in a callback ends the training and puts the mode back", async () => {
    const model = perceptron().eval();
    const training = fit(model, {
      data,
      optimizer: sgd(model),
      steps: 5,
      onStep: () => {
        throw new Error("enough");
      },
    });
    await expect(training).rejects.toThrow("enough");
    expect(model.training).toBe(false);
  });
});

describe("evaluate", () => {
  it("means over examples, in evaluation mode, without recording; modes are put back", async () => {
    const model = perceptron() as Sequential;
    model.layers[2].training = false;
    const options = { metrics: { accuracy } };
    const all = await evaluate(model, batches, options);
    const each = await Promise.all(batches.map((batch) => evaluate(model, [batch], options)));
    expect(all.count).toBe(84);
    expect(all.loss).toBeCloseTo(each.reduce((total, e) => total + e.loss * e.count, 0) / 84, 12);
    expect(all.metrics.accuracy).toBeCloseTo(
      each.reduce((total, e) => total + e.metrics.accuracy * e.count, 0) / 84,
      12,
    );
    expect(model.layers.map((layer) => layer.training)).toEqual([true, true, false, true]);
    // Dropout would make two evaluations differ.
    expect(await evaluate(model, batches, options)).toEqual(all);
  });

  it("no batch", async () => {
    await expect(evaluate(perceptron(), [])).rejects.toThrow("evaluate: the data has no batch");
  });
});
