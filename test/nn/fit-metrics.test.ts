/** Metrics in `fit`: what was asked for, of the outputs before the update; they neither stop a step nor follow one. */
import { beforeEach, describe, expect, it, vi } from "vitest";
import { mseLoss } from "../../src/autograd/element-losses.ts";
import { crossEntropy } from "../../src/autograd/losses.ts";
import { accuracy, type Batch, evaluate, fit, Linear, type Metric, SGD } from "../../src/nn/index.ts";
import { randn, tensor, zeros } from "../../src/tensor/create.ts";
import { Rng } from "../../src/tensor/rng.ts";
import type { Tensor } from "../../src/tensor/tensor.ts";

const warn = vi.spyOn(console, "warn");
beforeEach(() => {
  warn.mockReset().mockImplementation(() => {});
});

const batch = (labels: Batch["labels"], seed = 1): Batch => ({ x: randn([4, 2], new Rng(seed)), labels });
const linear = (): Linear => new Linear(2, 3, { rng: new Rng(1) });
const sgd = (model: Linear): SGD => new SGD(model.parameters(), { lr: 0.5 });

describe("metrics", () => {
  it("none is computed that nobody asked for", async () => {
    const model = linear();
    const history = await fit(model, { data: () => [batch([0, 1, 2, 0])], optimizer: sgd(model), steps: 1 });
    expect(history.steps[0].metrics).toEqual({});
    expect(history.epochs[0].metrics).toEqual({});
    expect(Object.keys(history.steps[0])).not.toContain("accuracy");
  });

  it("see the outputs before the update, and the mean of an epoch is over what they count", async () => {
    const model = linear();
    const data = [batch([0, -100, -100, 1], 1), batch([2, 2, 1, -100], 2)];
    const before: number[] = [];
    const { steps, epochs } = await fit(model, {
      data: () => data,
      optimizer: sgd(model),
      epochs: 1,
      metrics: {
        accuracy,
        weight: () => model.weight.data[0],
        top2: (logits, labels) => accuracy(logits, labels, { top: 2 }),
      },
      onStep: ({ outputs, batches, metrics }) => {
        const { value, count } = accuracy(outputs[0], batches[0].labels);
        expect(metrics.accuracy).toBe(value);
        before.push(value * count);
      },
    });
    expect(steps[0].metrics.weight).toBe(linear().weight.data[0]);
    expect(steps[1].metrics.weight).not.toBe(steps[0].metrics.weight);
    expect(epochs[0].metrics.accuracy).toBeCloseTo((before[0] + before[1]) / 5, 12);
    expect(epochs[0].metrics.top2).toBeGreaterThanOrEqual(epochs[0].metrics.accuracy);
  });

  it("do not change the training by a bit", async () => {
    const spoiling = ({ data }: Tensor): number => data.fill(Number.NaN).length;
    const choices: Record<string, Metric>[] = [{}, { accuracy, spoiling }];
    const weights = await Promise.all(
      choices.map(async (metrics) => {
        const model = linear();
        await fit(model, { data: () => [batch([0, 1, 2, 0])], optimizer: sgd(model), steps: 3, metrics });
        return [...model.weight.data];
      }),
    );
    expect(weights[1]).toEqual(weights[0]);
  });

  const throws: Metric = () => {
    throw new Error("no such thing");
  };
  it.each<[string, Metric, string]>([
    ["throws", throws, "no such thing"],
    ["does not know the labels", accuracy, "label 255 at position 1 is not a class: there are 3"],
    ["returns a string", (() => "0.5") as never, 'must return a number or { value, count }, but returned "0.5"'],
    ["returns nothing", (() => undefined) as never, "but returned undefined"],
    ["returns a tensor", (() => zeros([])) as never, "but returned a Tensor: return its item()"],
    [
      "returns a count that is none",
      () => ({ value: 1, count: Number.NaN }),
      "but returned an object { value, count }",
    ],
  ])("one that %s is NaN, and says so once, by its name; the training goes on", async (_, mine, why) => {
    const model = linear();
    const { steps } = await fit(model, {
      data: () => [batch([0, 255, 2, 0])],
      optimizer: sgd(model),
      steps: 3,
      loss: (logits, labels) => crossEntropy(logits, labels, { ignoreIndex: 255 }),
      metrics: { mine, other: () => 7 },
    });
    expect(steps.map(({ metrics }) => metrics)).toEqual(Array(3).fill({ mine: Number.NaN, other: 7 }));
    expect(steps[2].loss).toBeLessThan(steps[0].loss);
    expect(warn).toHaveBeenCalledTimes(1);
    expect(warn.mock.calls[0][0]).toContain('skipstone: fit: the metric "mine" is NaN: ');
    expect(warn.mock.calls[0][0]).toContain(why);
  });

  it("NaN itself is a number like others, and nobody is warned", async () => {
    const { metrics } = await evaluate(linear(), [batch([0, 1, 2, 0])], { metrics: { mine: () => Number.NaN } });
    expect(metrics.mine).toBeNaN();
    expect(warn).not.toHaveBeenCalled();
  });

  it("an async one is refused before anything is changed, whether it says so or not", async () => {
    const unhandled = vi.fn();
    process.on("unhandledRejection", unhandled);
    const model = linear();
    const before = [...model.weight.data];
    const run = (mine: unknown): Promise<unknown> =>
      fit(model, {
        data: () => [batch([0, 1, 2, 0])],
        optimizer: sgd(model),
        steps: 1,
        metrics: { mine: mine as Metric },
      });
    const message = 'fit: the metric "mine" must finish before it returns';
    await expect(run(async () => 1)).rejects.toThrow(message);
    await expect(run(() => Promise.reject(new Error("later")))).rejects.toThrow(message);
    await expect(run(function* () {})).rejects.toThrow(message);
    await expect(run(0.5)).rejects.toThrow('fit: the metric "mine" must be a function, got 0.5');
    await expect(run(undefined)).rejects.toThrow('fit: the metric "mine" is undefined');
    await new Promise((resolve) => setTimeout(resolve, 5));
    expect(unhandled).not.toHaveBeenCalled();
    process.off("unhandledRejection", unhandled);
    expect([...model.weight.data]).toEqual(before);
  });
});

describe("labels that crashed or lied", () => {
  it("−100: the loss is cross-entropy's, the accuracy that of the rest", async () => {
    const model = linear();
    const data = batch([0, -100, 1, -100]);
    const expected = crossEntropy(model.forward(data.x), data.labels).item();
    const { steps } = await fit(model, { data: () => [data], optimizer: sgd(model), steps: 1, metrics: { accuracy } });
    expect(steps[0].loss).toBe(expected);
    expect([0, 0.5, 1]).toContain(steps[0].metrics.accuracy);
  });

  it("float targets in a Float32Array with a loss of one's own", async () => {
    const model = new Linear(2, 1, { rng: new Rng(1) });
    const x = tensor([
      [1, 0],
      [0, 1],
    ]);
    const { steps } = await fit(model, {
      data: () => [{ x, labels: Float32Array.of(0.5, -1.5) }],
      optimizer: sgd(model),
      steps: 20,
      loss: (y, labels) => mseLoss(y, tensor(labels, y.shape)),
    });
    expect(steps[19].loss).toBeLessThan(1e-3);
  });
});
