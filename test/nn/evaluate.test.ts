/** evaluate and predict: several batches, inputs and outputs; what is asked for and nothing else. */
import { describe, expect, it } from "vitest";
import { mseLoss } from "../../src/autograd/element-losses.ts";
import { add, mul } from "../../src/autograd/elementwise.ts";
import { noGrad } from "../../src/autograd/graph.ts";
import { crossEntropy, nllLoss } from "../../src/autograd/losses.ts";
import { max } from "../../src/autograd/reduce.ts";
import { logSoftmax, softmax } from "../../src/autograd/softmax.ts";
import {
  accuracy,
  type Batch,
  evaluate,
  fit,
  Linear,
  type Loss,
  Module,
  predict,
  Sequential,
  SGD,
} from "../../src/nn/index.ts";
import { cifarResNet } from "../../src/resnet/index.ts";
import { randn, tensor, zeros } from "../../src/tensor/create.ts";
import { Rng } from "../../src/tensor/rng.ts";
import type { Tensor } from "../../src/tensor/tensor.ts";
import { useKernels } from "../../src/tensor/tier.ts";

/** Two inputs; two outputs: a class and a number for each example. */
class Two extends Module<{ left: Tensor; right: Tensor }, { kind: Tensor; size: Tensor }> {
  readonly a = new Linear(2, 3, { rng: new Rng(1) });
  readonly b = new Linear(2, 1, { rng: new Rng(2) });

  forward({ left, right }: { left: Tensor; right: Tensor }): { kind: Tensor; size: Tensor } {
    return { kind: this.a.forward(left), size: this.b.forward(add(left, right)) };
  }
}

const twoBatches = [5, 3].map((N, i) => ({
  x: { left: randn([N, 2], new Rng(10 + i)), right: randn([N, 2], new Rng(20 + i)) },
  labels: { kinds: Array.from({ length: N }, (_, n) => n % 3), sizes: zeros([N, 1]) },
}));

const tiers = ["plain", "simd"] as const;
const onTier = async (tier: (typeof tiers)[number], run: () => Promise<void>): Promise<void> => {
  const before = useKernels(tier);
  try {
    await run();
  } finally {
    useKernels(before);
  }
};

describe.each(tiers)("predictions (%s)", (tier) => {
  it("six pictures in six batches: each has its own answer", () =>
    onTier(tier, async () => {
      const net = cifarResNet(8, { width: 4, rng: new Rng(1) });
      const pictures = [0, 1, 2, 3, 4, 5].map((i) => mul(randn([1, 3, 32, 32], new Rng(i)), i + 1));
      const all = await predict(
        net,
        pictures.map((x) => ({ x })),
      );
      expect(all.shape).toEqual([6, 10]);
      net.eval();
      pictures.forEach((x, i) => {
        expect([...all.data.subarray(10 * i, 10 * i + 10)]).toEqual([...noGrad(() => net.forward(x)).data]);
      });
      const largest = max(softmax(all, 1), 1);
      expect([...largest.data].map((p) => p.toFixed(3))).toEqual([
        "0.153",
        "0.230",
        "0.292",
        "0.344",
        "0.413",
        "0.544",
      ]);

      const unlabelled = pictures.map((x) => ({ x, labels: null }));
      const { predictions, loss, count } = await evaluate(net, unlabelled, { predictions: true, loss: null });
      expect(predictions.toArray()).toEqual(all.toArray());
      expect(loss).toBeNaN();
      expect(count).toBe(6);
    }));

  it("batches of several sizes, and what a callback keeps, stay as they were", () =>
    onTier(tier, async () => {
      const model = new Linear(3, 2, { rng: new Rng(1) });
      const data = [4, 1, 3].map((N, i) => ({ x: randn([N, 3], new Rng(i)), labels: Array<number>(N).fill(0) }));
      const { predictions } = await evaluate(model, data, { predictions: true });
      expect(predictions.shape).toEqual([8, 2]);
      const one = noGrad(() => model.forward(data[2].x));
      expect([...predictions.data.subarray(10)]).toEqual([...one.data]);
      expect(predictions.requiresGrad).toBe(false);
      expect(predictions.node).toBeNull();
    }));
});

describe("several inputs and outputs", () => {
  const loss = ({ kind, size }: { kind: Tensor; size: Tensor }, labels: { kinds: number[]; sizes: Tensor }): Tensor =>
    add(crossEntropy(kind, labels.kinds), mseLoss(size, labels.sizes));

  it("predictions come part by part", async () => {
    const model = new Two();
    const { kind, size } = await predict(model, twoBatches);
    expect([kind.shape, size.shape]).toEqual([
      [8, 3],
      [8, 1],
    ]);
    const second = noGrad(() => model.forward(twoBatches[1].x));
    expect([...size.data.subarray(5)]).toEqual([...second.size.data]);
  });

  it("one loss of all parts, metrics of one part each", async () => {
    const model = new Two();
    const options = {
      data: () => twoBatches,
      optimizer: new SGD(model.parameters(), { lr: 0.1 }),
      epochs: 20,
      loss,
      metrics: {
        kind: (output: { kind: Tensor }, labels: { kinds: number[] }) => accuracy(output.kind, labels.kinds),
        far: (output: { size: Tensor }) => Math.max(...output.size.data.map(Math.abs)),
      },
    };
    const { epochs } = await fit(model, options);
    expect(epochs[19].loss).toBeLessThan(epochs[0].loss);
    expect(Object.keys(epochs[0].metrics)).toEqual(["kind", "far"]);
    expect(epochs[19].metrics.far).toBeLessThan(epochs[0].metrics.far);
    const result = await evaluate(model, twoBatches, {
      loss,
      metrics: { kind: ({ kind }, { kinds }) => accuracy(kind, kinds) },
      predictions: true,
    });
    expect(result.metrics.kind).toBe(
      accuracy(
        result.predictions.kind,
        twoBatches.flatMap((b) => b.labels.kinds),
      ).value,
    );
  });

  it("a tuple of outputs", async () => {
    class Pair extends Module<Tensor, [Tensor, Tensor]> {
      readonly inner = new Linear(2, 2, { rng: new Rng(1) });
      forward(x: Tensor): [Tensor, Tensor] {
        return [this.inner.forward(x), x];
      }
    }
    const [y, x] = await predict(new Pair(), [{ x: zeros([2, 2]) }, { x: zeros([1, 2]) }]);
    expect([y.shape, x.shape]).toEqual([
      [3, 2],
      [3, 2],
    ]);
  });

  it("without a loss it says what is missing; with inputs that disagree, which", async () => {
    const model = new Two();
    await expect(evaluate(model, twoBatches)).rejects.toThrow(
      "evaluate: the default loss is cross-entropy of one tensor, but the model's output is an object { kind, size }",
    );
    const uneven = { ...twoBatches[0], x: { left: zeros([4, 2]), right: zeros([3, 2]) } };
    await expect(evaluate(model, [twoBatches[1], uneven], { loss })).rejects.toThrow(
      "evaluate: axis 0 of x must be the examples; the parts of batch 1 disagree: [4,2], [3,2]",
    );
  });
});

describe("means", () => {
  const scores = (labels: number[]): Batch => ({ x: zeros([labels.length, 2]), labels });
  class Fixed extends Module {
    forward(x: Tensor): Tensor {
      return add(x, tensor([1, 0]));
    }
  }

  it("accuracy over all labels that count, not over batches or examples", async () => {
    // Right: 1 of 1, and 1 of 3: together 2 of 4. By examples it would be (4·1 + 4·⅓)/8 = ⅔.
    const data = [scores([0, -100, -100, -100]), scores([0, 1, 1, -100])];
    const { metrics, count } = await evaluate(new Fixed(), data, { metrics: { accuracy } });
    expect(metrics.accuracy).toBe(0.5);
    expect(count).toBe(8);
  });

  it("cross-entropy over all labels that count; a batch of which none does has no part in it", async () => {
    const data = [scores([0, -100]), scores([-100, -100]), scores([1, 1])];
    const { loss, metrics } = await evaluate(new Fixed(), data, { metrics: { accuracy } });
    const [right, wrong] = [Math.log(1 + Math.exp(-1)), Math.log(1 + Math.exp(1))];
    expect(loss).toBeCloseTo((right + 2 * wrong) / 3, 6);
    expect(metrics.accuracy).toBeCloseTo(1 / 3, 12);
  });

  it("so it is where a loss calls crossEntropy or nllLoss; class weights weigh there too", async () => {
    const data = [scores([0, 255]), scores([255, 255]), scores([1, 1])];
    const [right, wrong] = [Math.log(1 + Math.exp(-1)), Math.log(1 + Math.exp(1))];
    const weight = tensor([3, 1]);
    const lossWith = async (loss: Loss): Promise<number> => (await evaluate(new Fixed(), data, { loss })).loss;
    const ignoreIndex = 255;
    expect(await lossWith((o, l) => crossEntropy(o, l, { ignoreIndex }))).toBeCloseTo((right + 2 * wrong) / 3, 6);
    expect(await lossWith((o, l) => crossEntropy(o, l, { ignoreIndex, weight }))).toBeCloseTo(
      (3 * right + 2 * wrong) / 5,
      6,
    );
    expect(await lossWith((o, l) => nllLoss(logSoftmax(o, 1), l, { ignoreIndex, weight }))).toBeCloseTo(
      (3 * right + 2 * wrong) / 5,
      6,
    );
    // A sum is no mean of labels, and what is computed from a loss is the program's own: both weigh by examples.
    const one = [scores([0, 255]), scores([1, 1])];
    const doubled = await evaluate(new Fixed(), one, { loss: (o, l) => mul(crossEntropy(o, l, { ignoreIndex }), 2) });
    expect(doubled.loss).toBeCloseTo(right + wrong, 6);
    const summed = await evaluate(new Fixed(), one, {
      loss: (o, l) => crossEntropy(o, l, { ignoreIndex, reduction: "sum" }),
    });
    expect(summed.loss).toBeCloseTo((right + 2 * wrong) / 2, 6);
  });

  it("nothing counts: NaN", async () => {
    const result = await evaluate(new Fixed(), [scores([-100])], { metrics: { accuracy } });
    expect(result.loss).toBeNaN();
    expect(result.metrics.accuracy).toBeNaN();
  });

  it("a loss may say what it is a mean of", async () => {
    const counted = (_: Tensor, labels: ArrayLike<number> | Tensor) => ({
      loss: tensor(labels instanceof Object && "length" in labels ? labels[0] : 0),
      count: 1,
    });
    const { loss } = await evaluate(new Fixed(), [scores([2, 0, 0]), scores([4])], { loss: counted });
    expect(loss).toBe(3);
  });
});

describe("what is refused", () => {
  const model = new Sequential(new Linear(2, 2, { rng: new Rng(0) }));
  const good: Batch = { x: zeros([2, 2]), labels: [0, 1] };
  // What a program in JavaScript may hand over, whatever the types say.
  const call = (data: unknown, options?: unknown): Promise<unknown> =>
    evaluate(model, data as Batch[], options as object);

  it.each([
    ["a function", () => [good], "evaluate: the data must be batches, [{ x, labels }, …], got a function: call it"],
    ["nothing", undefined, "evaluate: the data must be batches, [{ x, labels }, …], got undefined"],
    ["a tensor", zeros([2, 2]), "evaluate: the data must be batches, [{ x, labels }, …], got a Tensor"],
    ["a promise", Promise.resolve([good]), "got a Promise: await it first"],
    ["a batch that is an array", [[good.x, [0, 1]]], "evaluate: batch 0 must be { x, labels }, got an array of 2"],
    ["no examples", [{ x: zeros([0, 2]), labels: [] }], "evaluate: batch 0 has no example: x is [0,2]"],
    ["too few labels", [good, { x: zeros([2, 2]), labels: [1] }], "evaluate: batch 1 has 2 examples, but 1 labels"],
    ["no labels", [{ x: zeros([2, 2]) }], "the batch has no labels: a batch is { x, labels }"],
    ["x that is numbers", [{ x: [1, 2], labels: [0] }], "evaluate: x of batch 0 must be a tensor"],
  ])("%s", async (_, data, message) => {
    await expect(call(data)).rejects.toThrow(message);
  });

  it("no model, unknown options, options of another kind, promises", async () => {
    await expect(evaluate({} as Sequential, [good])).rejects.toThrow(
      "evaluate: needs a module (a network, or a part of one), got",
    );
    await expect(call([good], { metric: {} })).rejects.toThrow('there is no option "metric": did you mean "metrics"?');
    await expect(call([good], { metrics: accuracy })).rejects.toThrow("metrics must be functions by name");
    await expect(call([good], { predictions: 1 })).rejects.toThrow("predictions must be true or false, got 1");
    await expect(call([good], { loss: 3 })).rejects.toThrow("evaluate: loss must be a function, got 3");
    await expect(call([good], { loss: async () => zeros([]) })).rejects.toThrow(
      "evaluate: loss must finish before it returns",
    );
    await expect(call([good], { loss: () => 1 })).rejects.toThrow("leave out item(), which has no gradient");
    await expect(call([good], { loss: (y: Tensor) => y })).rejects.toThrow("the loss must be one number, it is [2,2]");
  });

  it("outputs that are not one per example cannot be joined", async () => {
    class Mean extends Module {
      forward(): Tensor {
        return zeros([1, 4]);
      }
    }
    await expect(predict(new Mean(), [good])).rejects.toThrow(
      "predict: axis 0 of an output must be the examples: it is [1,4] for 2 examples",
    );
  });
});
