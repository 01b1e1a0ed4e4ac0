/**
 * `lesion`: what trained networks can still do after parts of them are deleted or swapped.
 *
 * A deleted residual block leaves its shortcut, a deleted plain block or layer the identity. A residual network has 2ⁿ
 * paths, and half of them avoid a given block; a plain network has one path.
 *
 * Veit, Wilber & Belongie 2016, "Residual Networks Behave Like Ensembles of Relatively Shallow Networks", Figs. 3 to 5.
 * Next: ../../src/flow/lesions.ts; ./lesion-report.ts has charts and table.
 */
import { lesions, manyLesions, reorderings } from "../../src/flow/index.ts";
import {
  type AnyModule,
  BatchNorm2d,
  Conv2d,
  GlobalAvgPool2d,
  init,
  Linear,
  MaxPool2d,
  type Module,
  ReLU,
  Sequential,
} from "../../src/nn/index.ts";
import { cifarResNet, isResidualBlock } from "../../src/resnet/index.ts";
import { depth, listOf, wholeNumber } from "../arguments.ts";
import { type Computation, type Context, option, type Seeded } from "../experiment.ts";
import { networkOptions } from "../training/network.ts";
import { pickTraining, type Training, type TrainingOptions, test, train, trainingOptions } from "../training/train.ts";

export interface Options extends TrainingOptions {
  readonly depth: number;
  readonly plainDepth: number;
  readonly vggStage: number;
  readonly width: number;
  readonly deletions: readonly number[];
  readonly swaps: readonly number[];
  readonly trials: number;
  readonly lesionImages: number;
}

export interface Task extends TrainingOptions {
  readonly net: Net;
  /** Layers with weights. */
  readonly depth: number;
  readonly width: number;
  /** Numbers of blocks to delete at once, and of pairs to swap; for residual networks only. */
  readonly deletions: readonly number[];
  readonly swaps: readonly number[];
  readonly trials: number;
  readonly lesionImages: number;
}

/** One deletion. Errors are fractions of the test images, 0 … 1. */
interface Lesion {
  readonly part: string;
  /** Where it was: 0 is the first part, 1 the last. */
  readonly place: number;
  /** Whether the part changed the shape; in a deleted residual block the shortcut then does this alone. */
  readonly changesShape: boolean;
  /** Null if the identity cannot replace the part. */
  readonly error: number | null;
}

export interface Result extends Training {
  readonly classes: number;
  /** With nothing deleted, on the same images as the lesions. */
  readonly intact: number;
  readonly lesions: readonly Lesion[];
  readonly many: readonly { readonly removed: number; readonly error: number }[];
  readonly reordered: readonly { readonly swaps: number; readonly kendallTau: number; readonly error: number }[];
}

const NETS = ["residual", "plain", "VGG-style"] as const;

export type Net = (typeof NETS)[number];

export const lesion: Computation<Options, Task, Result> = {
  name: "lesion",
  title: "What is left of a network when parts are missing?",
  about:
    "Trains a residual, a plain and a VGG-style network, then deletes each block or layer, then several at once, and swaps blocks.",
  papers: "Veit et al. 2016, Figs. 3 to 5",
  options: {
    depth: option("layers of the residual network, 6n+2", depth, { quick: 20, default: 56, full: 110 }),
    plainDepth: option("layers of the plain network, 6n+2", depth, { quick: 8, default: 20 }),
    vggStage: option("convolutions in each of the three stages of the VGG-style network", wholeNumber(1, 100), {
      quick: 2,
      default: 4,
      full: 5,
    }),
    width: option("channels of the first stage", wholeNumber(1, 1024), { quick: 4, default: 8, full: 16 }),
    deletions: option("blocks to delete at once", listOf(wholeNumber(1, 1000)), {
      quick: [1, 2, 4, 8],
      default: [1, 2, 4, 8, 12, 16, 20],
      full: [1, 2, 5, 10, 15, 20, 25, 30, 40],
    }),
    swaps: option("pairs of blocks to swap", listOf(wholeNumber(1, 1000)), {
      quick: [1, 2, 4, 8],
      default: [1, 2, 4, 8, 16, 32],
      full: [1, 2, 4, 8, 16, 24, 32, 64],
    }),
    trials: option("random choices for each of these", wholeNumber(1, 1e4), { quick: 2, default: 8, full: 20 }),
    lesionImages: option("test images after each lesion", wholeNumber(1, 1e9), {
      quick: 200,
      default: 500,
      full: 10000,
    }),
    ...trainingOptions({ quick: { steps: 80 } }),
  },
  seeds: { quick: 1, default: 2, full: 5 },
  imageSize: { quick: "half", default: "half", full: "whole" },
  paperData: "CIFAR-10",

  plan: ({ depth, plainDepth, vggStage, ...options }) =>
    NETS.map((net): Task => {
      const { width, deletions, swaps, trials, lesionImages } = options;
      const own = { residual: depth, plain: plainDepth, "VGG-style": 3 * vggStage + 1 }[net];
      const several = net === "residual" ? { deletions, swaps } : { deletions: [], swaps: [] };
      return { net, depth: own, width, ...several, trials, lesionImages, ...pickTraining(options) };
    }),
  label: ({ net, depth }) => `${net}-${depth}`,
  // Evaluating an image takes a third of the time of training on it.
  cost: (task) => task.depth * (task.steps * task.batchSize + (lesionsOf(task) * task.lesionImages) / 3),

  async run(task: Seeded<Task>, context: Context): Promise<Result> {
    const model = network(task, context);
    const training = await train(model, task, { ...context, progress: (done) => context.progress(done / 2) });
    const all = lesionsOf(task);
    let measured = 0;
    const error = async (): Promise<number> => {
      context.progress(0.5 + (0.5 * measured++) / all);
      return (await test(model, { testImages: task.lesionImages }, context)).error;
    };
    const [intact, ...rows] = await lesions(model, error);
    const modules = new Map(model.namedModules());
    const { trials, seed } = task;
    const deletable = rows.filter(({ reason }) => reason === "").length;
    const deletions = task.deletions.filter((count) => count <= deletable);
    return {
      ...training,
      classes: context.test.classes.length,
      intact: intact.value!,
      lesions: rows.map(({ lesion, value }, i) => ({
        part: lesion,
        place: rows.length === 1 ? 0 : i / (rows.length - 1),
        changesShape: value === null || changesShape(modules.get(lesion)),
        error: value,
      })),
      many: (await manyLesions(model, error, { counts: deletions, trials, seed })).map(({ removed, value }) => ({
        removed,
        error: value,
      })),
      reordered:
        task.swaps.length === 0
          ? []
          : (await reorderings(model, error, { swaps: task.swaps, trials, seed })).map(
              ({ swaps, kendallTau, value }) => ({
                swaps,
                kendallTau,
                error: value,
              }),
            ),
    };
  },
};

/** How many times a task measures an error. */
function lesionsOf({ net, depth, deletions, swaps, trials }: Task): number {
  const single = net === "VGG-style" ? depth - 1 : (depth - 2) / 2;
  return 1 + single + trials * (deletions.length + swaps.length);
}

function network(task: Seeded<Task>, context: Context): Module {
  const options = networkOptions(task, context);
  if (task.net === "VGG-style") return vggStyle(task.depth, options);
  return cifarResNet(task.depth, { ...options, order: "pre", shortcut: task.net === "plain" ? "none" : "pad" });
}

/**
 * VGG for small images, as in Veit et al.: 3×3 convolutions, each with batch norm and ReLU, in three stages with max
 * pooling between them.
 */
function vggStyle(layers: number, { width, inChannels, classes, rng }: ReturnType<typeof networkOptions>): Module {
  const modules: Module[] = [];
  let channels = inChannels;
  for (let stage = 0; stage < 3; stage++) {
    if (stage > 0) modules.push(new MaxPool2d(2));
    for (let i = 0; i < (layers - 1) / 3; i++) {
      const outputs = width * 2 ** stage;
      const own = rng.fork(`conv${stage}.${i}`);
      const conv = new Conv2d(channels, outputs, 3, { padding: 1, bias: false, rng: own, init: init.kaimingNormal });
      modules.push(conv, new BatchNorm2d(outputs), new ReLU());
      channels = outputs;
    }
  }
  return new Sequential(...modules, new GlobalAvgPool2d(), new Linear(channels, classes, { rng: rng.fork("fc") }));
}

function changesShape(part: AnyModule | undefined): boolean {
  return part !== undefined && isResidualBlock(part) && part.shortcut === "pad";
}
