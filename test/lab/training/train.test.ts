import { expect, test } from "vitest";
import { networkOptions } from "../../../lab/training/network.ts";
import { type TrainingOptions, train, trainingBatches, trainingOptions } from "../../../lab/training/train.ts";
import { cifarResNet, type ResNet } from "../../../src/resnet/index.ts";
import { useThreads } from "../../../src/tensor/index.ts";
import { tinyContext } from "../experiments/support.ts";

const options: TrainingOptions & { seed: number; width: number } = {
  steps: 60,
  batchSize: 8,
  learningRate: 0.05,
  schedule: "cosine",
  weightDecay: 1e-4,
  augment: "none",
  testImages: 20,
  seed: 1,
  width: 2,
};

const network = (seed = 1): ResNet => cifarResNet(8, networkOptions({ ...options, seed }, tinyContext()));

test("a training learns, and its curve says so", async () => {
  const training = await train(network(), options, tinyContext());
  expect(training.curve).toHaveLength(50);
  expect(training.curve[0].step).toBeLessThan(2);
  expect(training.curve[49].step).toBeGreaterThan(58);
  expect(training.trainLoss).toBeLessThan(training.curve[0].loss / 2);
  expect(training.testError).toBeLessThan(0.3);
  expect(training.divergedAt).toBeNull();
  expect(training.parameters).toBe(network().parameterCount());
});

test("the same seed, the same numbers; another seed, others", async () => {
  const short = { ...options, steps: 5 };
  const [a, b] = [await train(network(), short, tinyContext()), await train(network(), short, tinyContext())];
  expect(a).toEqual(b);
  expect(await train(network(2), { ...short, seed: 2 }, tinyContext())).not.toEqual(a);
});

test("the same numbers where it takes more threads on its way", async () => {
  const wide = { ...options, width: 8, batchSize: 32, steps: 6 };
  const model = (): ResNet => cifarResNet(8, networkOptions(wide, tinyContext()));
  const once = await train(model(), wide, tinyContext());
  const counts: number[] = [];
  const takeThreads = async (): Promise<void> => {
    counts.push((await useThreads(1 + (counts.length % 3))).threads);
  };
  expect(await train(model(), wide, { ...tinyContext(), takeThreads })).toEqual(once);
  expect(counts).toEqual([1, 2, 3, 1, 2, 3]);
});

test("the order of images depends on the seed alone; each iteration is another epoch", () => {
  const labels = (): number[] => [...trainingBatches(options, tinyContext())].flatMap(({ labels }) => [...labels]);
  expect(labels()).toEqual(labels());
  const batches = trainingBatches(options, tinyContext());
  const [first, second] = [[...batches], [...batches]].map((epoch) => epoch.flatMap(({ labels }) => [...labels]));
  expect(second).not.toEqual(first);
});

test("a training that diverges is a result: where, and what it had seen until then", async () => {
  const wild = { ...options, learningRate: 100, weightDecay: 1, schedule: "constant" as const, steps: 2000 };
  const model = cifarResNet(8, { ...networkOptions(options, tinyContext()), batchNorm: false });
  const training = await train(model, wild, tinyContext());
  expect(training.divergedAt).toBeGreaterThan(0);
  expect(training.divergedAt).toBeLessThan(2000);
  expect(training.curve.length).toBe(Math.min(50, training.divergedAt!));
  expect(training.trainError).toBeGreaterThanOrEqual(0);
});

test("progress goes up to the end, and every step can be seen", async () => {
  const fractions: number[] = [];
  const steps: number[] = [];
  const context = { ...tinyContext(), progress: (fraction: number) => fractions.push(fraction) };
  await train(network(), { ...options, steps: 4 }, context, { notes: {}, onStep: ({ step }) => steps.push(step) });
  expect(steps).toEqual([0, 1, 2, 3]);
  expect(fractions).toEqual([...fractions].sort());
  expect(fractions[3]).toBeLessThanOrEqual(1);
});

test("--full is the paper's schedule; an experiment's own values go before", () => {
  const { steps, batchSize, schedule, augment } = trainingOptions({ quick: { steps: 7 } });
  expect(steps.preset).toMatchObject({ quick: 7, full: 64000 });
  expect([batchSize.preset.full, schedule.preset.full, augment.preset.full]).toEqual([128, "step", "crop-flip"]);
});
