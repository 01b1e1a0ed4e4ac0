/**
 * Training for experiments: from a network, options and a seed to the training curve and the network's errors at the
 * end. A training that diverges is a result here, not an error: some experiments are about that.
 */
import {
  type Augmentation,
  batches,
  compose,
  type Normalization,
  randomCrop,
  randomFlip,
} from "../../src/data/index.ts";
import {
  accuracy,
  type Checkpoint,
  evaluate,
  fit,
  type Module,
  SGD,
  type StepInfo,
  TrainingError,
} from "../../src/nn/index.ts";
import { Rng } from "../../src/tensor/index.ts";
import { oneOf, realNumber, wholeNumber } from "../arguments.ts";
import { type Context, type Keep, type OptionSpecs, option, type PerPreset, type Standing } from "../experiment.ts";
import { makeSchedule, type ScheduleName, scheduleNames } from "./schedules.ts";

/** How a network is trained. Part of an experiment's options and of its tasks. */
export interface TrainingOptions {
  readonly steps: number;
  readonly batchSize: number;
  readonly learningRate: number;
  readonly schedule: ScheduleName;
  readonly weightDecay: number;
  readonly augment: "none" | "crop" | "crop-flip";
  /** How many test images to use, at most all of them. */
  readonly testImages: number;
}

/** SGD's momentum, unless a task has its own. */
const MOMENTUM = 0.9;

/**
 * The options of an experiment that trains. `--full` is He et al. 2015, §4.2: 64k steps of 128 images, rate 0.1 divided by
 * 10 at half and three quarters, padded crops and flips, weight decay 1e-4.
 *
 * @param changes this experiment's own values, by preset.
 */
export function trainingOptions(
  changes: Partial<PerPreset<Partial<TrainingOptions>>> = {},
): OptionSpecs<TrainingOptions> {
  const small: TrainingOptions = {
    steps: 600,
    batchSize: 32,
    learningRate: 0.1,
    schedule: "warmup-cosine",
    weightDecay: 1e-4,
    augment: "none",
    testImages: 2000,
  };
  const values: PerPreset<TrainingOptions> = {
    quick: { ...small, steps: 40, testImages: 500, ...changes.quick },
    default: { ...small, ...changes.default },
    full: {
      ...small,
      steps: 64000,
      batchSize: 128,
      schedule: "step",
      augment: "crop-flip",
      testImages: 10000,
      ...changes.full,
    },
  };
  const of = <K extends keyof TrainingOptions>(key: K): PerPreset<TrainingOptions[K]> => ({
    quick: values.quick[key],
    default: values.default[key],
    full: values.full[key],
  });
  return {
    steps: option("updates of each training", wholeNumber(1, 1e7), of("steps")),
    batchSize: option("images per step", wholeNumber(2, 65536), of("batchSize")),
    learningRate: option("highest learning rate", realNumber(0, 100, "above"), of("learningRate")),
    schedule: option("how the rate changes", oneOf(...scheduleNames), of("schedule")),
    weightDecay: option("how much weights are pulled towards zero", realNumber(0, 1), of("weightDecay")),
    augment: option("how training images are changed", oneOf("none", "crop", "crop-flip"), of("augment")),
    testImages: option("how many test images to use", wholeNumber(1, 1e9), of("testImages")),
  };
}

/** The training options of an experiment's options, to put into its tasks. */
export function pickTraining(options: TrainingOptions): TrainingOptions {
  const { steps, batchSize, learningRate, schedule, weightDecay, augment, testImages } = options;
  return { steps, batchSize, learningRate, schedule, weightDecay, augment, testImages };
}

/** Means over a stretch of the training, each batch measured before the update it led to. */
export interface CurvePoint {
  /** Updates made by the middle of the stretch. */
  readonly step: number;
  readonly loss: number;
  /** Fraction of images classified wrongly, 0 … 1. */
  readonly error: number;
}

/** The result of a training. */
export interface Training {
  readonly parameters: number;
  /** At most 50 points. */
  readonly curve: readonly CurvePoint[];
  /** Over the last tenth of the steps taken. */
  readonly trainLoss: number;
  readonly trainError: number;
  readonly testLoss: number;
  readonly testError: number;
  /** The step at which loss or gradient was no longer a number; null if that never happened. */
  readonly divergedAt: number | null;
}

const CURVE_POINTS = 50;

/** Images per batch where no gradients are needed. */
const TEST_BATCH = 100;

/** How many test images a stopped training still uses: a few seconds' worth. */
const TEST_IMAGES_WHEN_STOPPED = 1000;

/** What an experiment does during its training. */
export interface Watch {
  /**
   * Everything that `onStep` keeps from one step to another, as plain JSON. It is saved with the training, and its members are
   * put back before a saved training goes on.
   */
  readonly notes: object;
  /** Called at every step, to measure or change the network; it is awaited. */
  onStep(info: StepInfo): unknown;
  /** Before a saved training goes on after so many steps: changes the network's parts as `onStep` did. Its weights come then. */
  onResume?(steps: number): void;
}

/**
 * Trains `model` with SGD and evaluates it on the test images. The order of images, and their augmentation, depend only
 * on the seed: all networks with one seed see the same.
 *
 * Where the context keeps trainings, one that was interrupted goes on, and its result is the same as if it had not been:
 * all that comes from earlier steps is in the checkpoint, in `rows` and in the notes of `watch`.
 */
export async function train(
  model: Module,
  task: TrainingOptions & { readonly seed: number; readonly momentum?: number },
  context: Context,
  watch: Watch = { notes: {}, onStep: () => {} },
): Promise<Training> {
  const { steps, learningRate, schedule, weightDecay, momentum = MOMENTUM } = task;
  const { keep } = context;
  const data = trainingBatches(task, context);
  const { rows, checkpoint: resume } = goOn(keep, watch);
  const standing = createStanding();
  let divergedAt: number | null = null;
  try {
    await fit(model, {
      data: () => data,
      steps,
      optimizer: new SGD(model.parameters(), { lr: learningRate, momentum, weightDecay }),
      schedule: makeSchedule(schedule, learningRate, steps),
      metrics: { accuracy },
      resume,
      onStep: async (info) => {
        rows.push({ loss: info.loss, error: 1 - info.metrics.accuracy });
        await watch.onStep(info);
        context.tell(standing(rows.at(-1)!));
        context.progress((0.97 * rows.length) / steps);
        const stopping = context.stopping();
        if (keep && (stopping || keep.isDue)) {
          keep.save({ steps: rows.length, checkpoint: info.checkpoint(), notes: { rows, watched: watch.notes } });
        }
        await context.takeThreads?.();
        return !stopping;
      },
    });
  } catch (error) {
    if (!(error instanceof TrainingError)) throw error;
    divergedAt = error.step;
  }
  const last = rows.slice(-Math.max(1, Math.round(rows.length / 10)));
  const testImages = testedImages(task, context);
  const { loss: testLoss, error: testError } = await test(model, { testImages }, context);
  return {
    parameters: model.parameterCount(),
    curve: curveFrom(rows),
    trainLoss: meanOf(last, "loss"),
    trainError: meanOf(last, "error"),
    testLoss,
    testError,
    divergedAt,
  };
}

/** The rows and the checkpoint of a training that was saved, if there is one; `watch` is as it was then. */
function goOn(keep: Keep | undefined, watch: Watch): { rows: Row[]; checkpoint: Checkpoint | null } {
  const saved = keep?.load();
  if (!saved) return { rows: [], checkpoint: null };
  const { rows, watched } = saved.notes as { rows: Row[]; watched: object };
  Object.assign(watch.notes, watched);
  watch.onResume?.(saved.steps);
  return { rows, checkpoint: saved.checkpoint };
}

/** How many test images a training uses; fewer when the user waits for it to end. */
export function testedImages(
  { testImages }: Pick<TrainingOptions, "testImages">,
  { test, stopping }: Pick<Context, "test" | "stopping">,
): number {
  return Math.min(testImages, test.shape[0], stopping() ? TEST_IMAGES_WHEN_STOPPED : Number.POSITIVE_INFINITY);
}

/** Loss and error of `model` over the first test images. */
export async function test(
  model: Module,
  { testImages }: Pick<TrainingOptions, "testImages">,
  { test, normalization }: Context,
): Promise<{ loss: number; error: number }> {
  const data = batches(test, { batchSize: TEST_BATCH, normalize: normalization, limit: testImages });
  const { loss, metrics } = await evaluate(model, data, { metrics: { accuracy } });
  return { loss, error: 1 - metrics.accuracy };
}

/** The batches that `train` uses; iterating them again gives the next epoch. */
export function trainingBatches(
  { batchSize, augment, seed }: Pick<TrainingOptions, "batchSize" | "augment"> & { readonly seed: number },
  { train, normalization }: { readonly train: Context["train"]; readonly normalization: Normalization },
): ReturnType<typeof batches> {
  return batches(train, {
    batchSize,
    rng: new Rng(seed).fork("batches"),
    normalize: normalization,
    dropLast: true,
    ...augmentationOf(augment),
  });
}

export function augmentationOf(augment: TrainingOptions["augment"]): { augment?: Augmentation } {
  switch (augment) {
    case "none":
      return {};
    case "crop":
      return { augment: randomCrop(4) };
    case "crop-flip":
      return { augment: compose(randomCrop(4), randomFlip()) };
  }
}

type Row = Pick<CurvePoint, "loss" | "error">;

/** Loss and accuracy over about the last ten steps, weighted towards the latest. */
function createStanding(): (row: Row) => Standing {
  let steps = 0;
  const last = { loss: 0, accuracy: 0 };
  return ({ loss, error }) => {
    const weight = Math.max(0.1, 1 / ++steps);
    last.loss += weight * (loss - last.loss);
    last.accuracy += weight * (1 - error - last.accuracy);
    return { ...last };
  };
}

function curveFrom(rows: readonly Row[]): CurvePoint[] {
  const count = Math.min(CURVE_POINTS, rows.length);
  return Array.from({ length: count }, (_, i) => {
    const [from, to] = [i, i + 1].map((k) => Math.round((k * rows.length) / count));
    const part = rows.slice(from, to);
    return { step: (from + to) / 2, loss: meanOf(part, "loss"), error: meanOf(part, "error") };
  });
}

function meanOf(rows: readonly Row[], key: keyof Row): number {
  return rows.reduce((sum, row) => sum + row[key], 0) / rows.length;
}
