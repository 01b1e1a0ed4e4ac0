/**
 * `highway`: learned skip weights in fully connected networks, and which layers a digit skips.
 *
 * Srivastava, Greff & Schmidhuber 2015: "Highway Networks", §3.1 (MNIST, plain against highway, 10 to 100 layers), and
 * "Training Very Deep Networks", §4.1 and Fig. 2 (what the gates do). y = T·H(x) + (1 − T)·x: where the transform gate T is near
 * 0 the input skips the layer. src/resnet/highway.ts has the networks, src/flow/gates.ts reads the gates.
 */
import { batches } from "../../src/data/index.ts";
import { readGates } from "../../src/flow/index.ts";
import { highwayNet } from "../../src/resnet/index.ts";
import { Rng } from "../../src/tensor/index.ts";
import { listOf, wholeNumber } from "../arguments.ts";
import { type Computation, type Context, option } from "../experiment.ts";
import { mean, spread } from "../report/statistics.ts";
import { pickTraining, type Training, type TrainingOptions, train, trainingOptions } from "../training/train.ts";

export interface Options extends TrainingOptions {
  readonly depths: readonly number[];
}

export interface Task extends TrainingOptions {
  readonly depth: number;
  readonly net: "highway" | "plain";
}

/** T of every layer, first layer first. */
export interface Gates {
  /** Mean over all units and images. */
  readonly means: readonly number[];
  /** Standard deviation over the images of their means over the units. */
  readonly deviations: readonly number[];
  /** For each class, the mean over its images. A class without an image has NaN. */
  readonly byClass: readonly (readonly number[])[];
  /** For each class, its first image. */
  readonly examples: readonly (readonly number[])[];
  /** The shares of all gates (every unit for every image) that are shut and open. */
  readonly shut: number;
  readonly open: number;
}

export interface Result extends Training {
  /** For a highway network; null for a plain one. */
  readonly gates: { readonly atStart: Gates; readonly trained: Gates } | null;
}

const NETS = ["plain", "highway"] as const;

/** How many test images the gates are read for. */
const GATED_IMAGES = 500;

/** Below `shut` a unit is mostly carried, above `open` mostly transformed. */
export const THRESHOLDS = { shut: 0.1, open: 0.5 } as const;

export const highway: Computation<Options, Task, Result> = {
  name: "highway",
  title: "Can learned gates train a hundred layers?",
  about:
    "Trains fully connected networks of 10 to 100 layers with highway gates and without, and shows which layers which digits skip.",
  papers: "Srivastava et al. 2015, “Highway Networks” §3.1 and Fig. 1, “Training Very Deep Networks” §4.1 and Fig. 2",
  options: {
    depths: option("layers of the networks", listOf(wholeNumber(2, 1000)), {
      quick: [10, 20],
      default: [10, 20, 50, 100],
    }),
    ...trainingOptions({
      quick: { steps: 150, learningRate: 0.01, weightDecay: 0 },
      default: { steps: 2000, learningRate: 0.01, weightDecay: 0 },
      // The paper searches for a rate, momentum and gate bias for each network; here one setting serves all.
      full: { steps: 60000, batchSize: 128, learningRate: 0.01, schedule: "cosine", weightDecay: 0, augment: "none" },
    }),
  },
  seeds: { quick: 1, default: 2, full: 5 },
  imageSize: { quick: "half", default: "whole", full: "whole" },
  paperData: "MNIST",

  plan: ({ depths, ...training }) =>
    NETS.flatMap((net) => depths.map((depth) => ({ depth, net, ...pickTraining(training) }))),
  label: ({ net, depth }) => `${net}-${depth}`,
  // A highway layer computes two products of 50 × 50 and the gating, a plain one a product of 71 × 71.
  cost: ({ depth, net }) => depth * (net === "highway" ? 2.5 : 1) + 5,
  async run(task, context) {
    const { train: images } = context;
    const [, C, H, W] = images.shape;
    const model = highwayNet(task.depth, {
      inFeatures: C * H * W,
      classes: images.classes.length,
      shortcut: task.net === "plain" ? "none" : "gate",
      rng: new Rng(task.seed).fork("weights"),
    });
    const read = (): Gates | null => (task.net === "plain" ? null : gatesOf(model, context));
    const atStart = read();
    const training = await train(model, task, context);
    const trained = read();
    return { ...training, gates: atStart && trained && { atStart, trained } };
  },
};

function gatesOf(model: ReturnType<typeof highwayNet>, { test, normalization }: Context): Gates {
  const size = Math.min(GATED_IMAGES, test.shape[0]);
  const [{ x, labels }] = batches(test, { batchSize: size, normalize: normalization });
  const read = readGates(model, x);
  const layers = read.map(({ perExample }) => perExample);
  const all = read.reduce((sum, { gates }) => sum + gates.data.length, 0);
  const shareOf = (holds: (gate: number) => boolean): number =>
    read.reduce((sum, { gates }) => sum + gates.data.filter(holds).length, 0) / all;
  const classes = test.classes.map((_, c) => Array.from(labels.keys()).filter((i) => labels[i] === c));
  return {
    means: layers.map(mean),
    deviations: layers.map((perExample) => spread(perExample).deviation),
    byClass: classes.map((own) => layers.map((perExample) => mean(own.map((i) => perExample[i])))),
    examples: classes.map(([first]) => layers.map((perExample) => perExample[first] ?? Number.NaN)),
    shut: shareOf((gate) => gate < THRESHOLDS.shut),
    open: shareOf((gate) => gate > THRESHOLDS.open),
  };
}
