/**
 * `landscape`: the loss around the weights that training found, with and without shortcuts.
 *
 * From the trained weights θ along two random directions whose filters are as long as the same filters of θ: the height
 * over (α, β) is the loss of the network with the weights θ + α·δ + β·η, on training images.
 *
 * Li, Xu, Taylor, Studer & Goldstein 2018, "Visualizing the Loss Landscape of Neural Nets", §4 to §6 and Figs. 1 and 5.
 * Next: ../../src/flow/landscape.ts; ./landscape-report.ts has charts and table.
 */
import { batches } from "../../src/data/index.ts";
import { type LandscapeRow, landscape as walk } from "../../src/flow/index.ts";
import { evaluate, type Module } from "../../src/nn/index.ts";
import { cifarResNet } from "../../src/resnet/index.ts";
import { depth, listOf, realNumber, wholeNumber } from "../arguments.ts";
import { type Computation, type Context, option, type Seeded } from "../experiment.ts";
import { networkOptions } from "../training/network.ts";
import { pickTraining, type Training, type TrainingOptions, train, trainingOptions } from "../training/train.ts";

export interface Options extends TrainingOptions {
  readonly depths: readonly number[];
  readonly width: number;
  readonly points: number;
  readonly linePoints: number;
  readonly range: number;
  readonly lossImages: number;
  readonly parts: number;
}

export interface Task extends TrainingOptions {
  readonly depth: number;
  readonly net: "plain" | "residual";
  readonly width: number;
  /** Along each side of the plane, and on the line through it. */
  readonly points: number;
  readonly linePoints: number;
  readonly range: number;
  readonly lossImages: number;
  /** This task's rows of the plane, first to last − 1. The task with the first rows also has the line. */
  readonly firstRow: number;
  readonly lastRow: number;
}

export type Place = Pick<LandscapeRow, "alpha" | "beta" | "loss">;

export interface Result extends Training {
  readonly classes: number;
  readonly plane: readonly Place[];
  /** Along the first direction; empty unless this task has the first row. */
  readonly line: readonly Place[];
}

const NETS = ["plain", "residual"] as const;

export const landscape: Computation<Options, Task, Result> = {
  name: "landscape",
  title: "What does the loss look like around a trained network?",
  about:
    "Trains networks with and without shortcuts and draws the loss along random filter-normalised directions from where they ended.",
  papers: "Li et al. 2018, §4 to §6, Figs. 1 and 5",
  options: {
    depths: option("layers of the networks, 6n+2", listOf(depth), {
      quick: [20],
      default: [20, 56],
      full: [20, 56, 110],
    }),
    width: option("channels of the first stage", wholeNumber(1, 1024), { quick: 4, default: 8, full: 16 }),
    points: option(
      "points along each side of the plane; an odd number puts the trained weights in the middle",
      wholeNumber(3, 1001),
      { quick: 5, default: 13, full: 51 },
    ),
    linePoints: option("points on the line", wholeNumber(3, 100001), { quick: 9, default: 41, full: 401 }),
    range: option("how far to go; 1 is the length of the weights", realNumber(0, 1000, "above"), 1),
    lossImages: option("training images for the mean loss", wholeNumber(1, 1e9), {
      quick: 100,
      default: 300,
      full: 10000,
    }),
    parts: option("number of tasks that share the rows of a plane", wholeNumber(1, 1001), { default: 1, full: 51 }),
    ...trainingOptions({ default: { steps: 400 } }),
  },
  seeds: { quick: 1, default: 1, full: 1 },
  imageSize: { quick: "half", default: "half", full: "whole" },
  paperData: "CIFAR-10",

  plan: ({ depths, parts, ...options }) =>
    depths.flatMap((depth) =>
      NETS.flatMap((net) => rowsOf(options.points, parts).map((rows) => ({ depth, net, ...pick(options), ...rows }))),
    ),
  label: ({ firstRow, lastRow, points, ...task }) =>
    lastRow - firstRow === points ? nameOf(task) : `${nameOf(task)}, rows ${firstRow + 1} to ${lastRow}`,
  trainingOf,
  cost: (task) => task.depth * (task.steps * task.batchSize + (placesOf(task) * task.lossImages) / 3),

  async run(task: Seeded<Task>, context: Context): Promise<Result> {
    const places = placesOf(task);
    // Evaluating an image takes a third of the time of training on it.
    const learning = task.steps * task.batchSize;
    const all = learning + (places * task.lossImages) / 3;
    const { model, training } = await trained(task, {
      ...context,
      progress: (done) => context.progress((done * learning) / all),
    });
    const { train: dataset, normalization: normalize } = context;
    let measured = 0;
    const loss = async (): Promise<number> => {
      context.progress((learning + (measured++ * task.lossImages) / 3) / all);
      const data = batches(dataset, { batchSize: 100, normalize, limit: task.lossImages });
      return (await evaluate(model, data)).loss;
    };
    const { points, linePoints, range, seed, firstRow, lastRow } = task;
    // The walk goes through the whole plane; points of other tasks are not measured and are left out afterwards.
    let index = 0;
    const ours = (i: number): boolean => i >= firstRow * points && i < lastRow * points;
    const losses = (): number | Promise<number> => (ours(index++) ? loss() : Number.NaN);
    const plane: LandscapeRow[] = [];
    for await (const row of walk(model, losses, { dimensions: 2, points, range, seed })) plane.push(row);
    const line: LandscapeRow[] = [];
    if (firstRow === 0) {
      for await (const row of walk(model, loss, { dimensions: 1, points: linePoints, range, seed })) line.push(row);
    }
    const place = ({ alpha, beta, loss }: LandscapeRow): Place => ({ alpha, beta, loss });
    return {
      ...training,
      classes: context.train.classes.length,
      plane: plane.filter((row) => ours(row.index)).map(place),
      line: line.map(place),
    };
  },
};

function pick(options: Omit<Options, "depths" | "parts">): Omit<Task, "depth" | "net" | "firstRow" | "lastRow"> {
  const { width, points, linePoints, range, lossImages } = options;
  return { width, points, linePoints, range, lossImages, ...pickTraining(options) };
}

/** The rows of a plane in so many parts, or in single rows if there are not enough rows. */
function rowsOf(points: number, parts: number): { firstRow: number; lastRow: number }[] {
  const count = Math.min(points, parts);
  const edge = (i: number): number => Math.round((i * points) / count);
  return Array.from({ length: count }, (_, i) => ({ firstRow: edge(i), lastRow: edge(i + 1) }));
}

export function nameOf({ net, depth }: Pick<Task, "net" | "depth">): string {
  return `${net}-${depth}`;
}

/** How many losses a task measures. */
function placesOf({ points, linePoints, firstRow, lastRow }: Task): number {
  return (lastRow - firstRow) * points + (firstRow === 0 ? linePoints : 0);
}

/** All that the trained network depends on. */
function trainingOf(task: Seeded<Task>): object {
  const { net, depth, width, seed } = task;
  return { net, depth, width, seed, ...pickTraining(task) };
}

interface Trained {
  readonly model: Module;
  readonly training: Training;
}

/** The trained network of a task, which is the next one's too where a plane is divided among many. */
function trained(task: Seeded<Task>, context: Context): Promise<Trained> {
  const { net, depth } = task;
  return context.remember(JSON.stringify(trainingOf(task)), async () => {
    const model = cifarResNet(depth, { ...networkOptions(task, context), shortcut: net === "plain" ? "none" : "pad" });
    return { model, training: await train(model, task, context) };
  });
}
