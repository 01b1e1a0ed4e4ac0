/**
 * One net's part of the experiment: build it, look at its gradients, train it, look again, certify it, test it. Knows no
 * thread and no terminal. Next: run-nets.ts, which runs several of these side by side.
 */
import { crossEntropy } from "../../src/autograd/index.ts";
import { batches, type Dataset, type Normalization } from "../../src/data/index.ts";
import { certify, identityShares, layerStatistics } from "../../src/flow/index.ts";
import { accuracy, evaluate, fit, type Module, SGD } from "../../src/nn/index.ts";
import { cifarResNet, type ResNet } from "../../src/resnet/index.ts";
import { Rng, Tensor } from "../../src/tensor/index.ts";
import { makeSchedule } from "../training/schedules.ts";
import { augmentationOf } from "../training/train.ts";
import type { CertificateResult, NetName, NetRun, RunOptions, Snapshot, StepRow, TestResult } from "./experiment.ts";

/** What a net is trained on and how; the same for every net of a run. */
export interface NetSetup {
  readonly net: NetName;
  readonly options: RunOptions;
  readonly train: Dataset;
  readonly test: Dataset;
  readonly normalization: Normalization;
}

/** Called while it goes on. */
export interface NetListener {
  onBuilt(parameters: number): void;
  onStep(row: StepRow): void;
  onTest(done: number, total: number, accuracy: number): void;
}

/** Images per batch where no gradients are needed: larger than in training, for speed. */
const TEST_BATCH = 100;

/** How many test images an interrupted run still looks at: some seconds' worth. */
const TEST_IMAGES_WHEN_STOPPED = 1000;

/** Runs one net from its first weights to its test accuracy. `shouldStop` is asked after each step and test batch. */
export async function trainNet(setup: NetSetup, listener: NetListener, shouldStop: () => boolean): Promise<NetRun> {
  const { net, options, train, normalization } = setup;
  const model = buildNet(net, options, train);
  listener.onBuilt(model.parameterCount());

  const loader = batches(train, {
    batchSize: options.batchSize,
    rng: new Rng(options.seed).fork("batches"),
    normalize: normalization,
    dropLast: true,
    ...augmentationOf(options.augment),
  });
  // The first batch of the first epoch is also the one the instruments use: the gradient "at the first step" is the one
  // that the first update follows. It is taken from a generator of its own so that the training's order is untouched.
  const [probe] = batches(train, {
    batchSize: options.batchSize,
    rng: new Rng(options.seed).fork("batches"),
    normalize: normalization,
    ...augmentationOf(options.augment),
  });
  const first = takeSnapshot(model, probe, 0);

  const rows: StepRow[] = [];
  const started = performance.now();
  await fit(model, {
    data: () => loader,
    steps: options.steps,
    optimizer: new SGD(model.parameters(), {
      lr: options.learningRate,
      momentum: options.momentum,
      weightDecay: options.weightDecay,
    }),
    schedule: makeSchedule(options.schedule, options.learningRate, options.steps),
    metrics: { accuracy },
    onStep: ({ step, epoch, loss, metrics: { accuracy }, lr }) => {
      const seconds = (performance.now() - started) / 1000;
      const row: StepRow = { step: step + 1, epoch: epoch + 1, loss, accuracy, learningRate: lr, seconds };
      rows.push(row);
      listener.onStep(row);
      return !shouldStop();
    },
  });
  const trainingSeconds = (performance.now() - started) / 1000;

  const last = takeSnapshot(model, probe, rows.length);
  const certificate = certificateOf(model, probe.x);
  const testStarted = performance.now();
  const test = await testNet(model, setup, listener, shouldStop);
  return {
    net,
    title: `${net === "plain" ? "plain" : "ResNet"}-${options.depth}`,
    parameters: model.parameterCount(),
    steps: rows,
    first,
    last,
    certificate,
    test,
    trainingSeconds,
    testSeconds: (performance.now() - testStarted) / 1000,
  };
}

/**
 * The net with its first weights. The twins draw from the same seed, and `cifarResNet` sees to it that a tensor which both
 * have starts with the same numbers in both.
 */
export function buildNet(net: NetName, options: RunOptions, { shape, classes }: Dataset): ResNet {
  return cifarResNet(options.depth, {
    width: options.width,
    inChannels: shape[1],
    classes: classes.length,
    shortcut: net === "plain" ? "none" : options.shortcut,
    order: options.order,
    // A plain net whose branches are zero is zero itself and could not learn.
    zeroInitLast: options.zeroInit && net === "residual",
    rng: new Rng(options.seed).fork("weights"),
  });
}

interface Probe {
  readonly x: Tensor;
  readonly labels: Int32Array;
}

function takeSnapshot(model: Module, { x, labels }: Probe, step: number): Snapshot {
  let value = Number.NaN;
  const loss = (): Tensor => {
    const scalar = crossEntropy(model.forward(x), labels);
    value = scalar.item();
    return scalar;
  };
  const layers = layerStatistics(model, loss);
  const blocks = identityShares(model, loss);
  return { step, loss: value, layers, blocks };
}

/** The certificate on a few of the batch's images: it holds or fails for structural reasons, not for many images. */
function certificateOf(model: Module, x: Tensor): CertificateResult {
  const [N, ...image] = x.shape;
  const few = Math.min(N, 8);
  const images = new Tensor(x.data.slice(0, (few * x.size) / N), [few, ...image]);
  const { holds, summary, blocks } = certify(model, images);
  return {
    holds,
    summary,
    blocks: blocks.map(({ block, verdict, holds, reason, numeric }) => ({
      block,
      verdict,
      holds,
      reason,
      check: !numeric
        ? ""
        : !numeric.agrees
          ? "differs beyond rounding"
          : numeric.bitExact
            ? "equal to the last bit"
            : "equal within rounding",
    })),
  };
}

/** Accuracy over the test images; over fewer where the run was interrupted. */
async function testNet(
  model: Module,
  setup: NetSetup,
  listener: NetListener,
  shouldStop: () => boolean,
): Promise<TestResult | null> {
  const { options, test, normalization } = setup;
  const asked = Math.min(options.testImages ?? test.shape[0], test.shape[0]);
  const stoppedBefore = shouldStop();
  const total = stoppedBefore ? Math.min(asked, TEST_IMAGES_WHEN_STOPPED) : asked;
  let images = 0;
  let correct = 0;
  let loss = 0;
  for (const batch of batches(test, { batchSize: TEST_BATCH, normalize: normalization, limit: total })) {
    const result = await evaluate(model, [batch], { metrics: { accuracy } });
    images += result.count;
    correct += result.metrics.accuracy * result.count;
    loss += result.loss * result.count;
    listener.onTest(images, total, correct / images);
    if (!stoppedBefore && shouldStop()) break;
  }
  return images === 0 ? null : { accuracy: correct / images, loss: loss / images, images };
}
