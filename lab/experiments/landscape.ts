/**
 * `landscape`: the loss around the weights that training found, with and without shortcuts.
 *
 * From the trained weights θ along two random directions, each filter of which is as long as the same filter of θ: the height
 * over (α, β) is the loss of the network with the weights θ + α·δ + β·η, on training images.
 *
 * Li, Xu, Taylor, Studer & Goldstein 2018, "Visualizing the Loss Landscape of Neural Nets", §4 to §6 and Figs. 1 and 5.
 * Next: ../../src/flow/landscape.ts.
 */
import { batches } from "../../src/data/index.ts";
import { type LandscapeRow, landscape as walk } from "../../src/flow/index.ts";
import { evaluate, type Module } from "../../src/nn/index.ts";
import { cifarResNet } from "../../src/resnet/index.ts";
import { depth, listOf, realNumber, wholeNumber } from "../arguments.ts";
import type { Grid, GridChart, LineChart } from "../report/chart.ts";
import { percent, significant } from "../report/format.ts";
import { curveOf, geometricMean, mean } from "../report/statistics.ts";
import { cellOf, type Table } from "../report/table.ts";
import { type Case, type Context, type Experiment, option, type Seeded } from "../runner/experiment.ts";
import { networkOptions } from "../training/network.ts";
import { pickTraining, type Training, type TrainingOptions, train, trainingOptions } from "../training/train.ts";

interface Options extends TrainingOptions {
  readonly depths: readonly number[];
  readonly width: number;
  readonly points: number;
  readonly linePoints: number;
  readonly range: number;
  readonly lossImages: number;
  readonly parts: number;
}

interface Task extends TrainingOptions {
  readonly depth: number;
  readonly net: "plain" | "residual";
  readonly width: number;
  /** Along each side of the plane, and on the line through it. */
  readonly points: number;
  readonly linePoints: number;
  readonly range: number;
  readonly lossImages: number;
  /** This task's rows of the plane, first to last − 1. The line goes with the first rows. */
  readonly firstRow: number;
  readonly lastRow: number;
}

type Place = Pick<LandscapeRow, "alpha" | "beta" | "loss">;

interface Result extends Training {
  readonly classes: number;
  readonly plane: readonly Place[];
  /** Along the first direction; empty unless this task has the first row. */
  readonly line: readonly Place[];
}

const NETS = ["plain", "residual"] as const;

export const landscape: Experiment<Options, Task, Result> = {
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
      "along each side of the plane, an odd number has the trained weights in its middle",
      wholeNumber(3, 1001),
      {
        quick: 5,
        default: 13,
        full: 51,
      },
    ),
    linePoints: option("on the line", wholeNumber(3, 100001), { quick: 9, default: 41, full: 401 }),
    range: option("how far to go, 1 is as far as the weights are long", realNumber(0, 1000, "above"), 1),
    lossImages: option("training images that the loss is the mean of", wholeNumber(1, 1e9), {
      quick: 100,
      default: 300,
      full: 10000,
    }),
    parts: option("tasks that the rows of a plane are divided among", wholeNumber(1, 1001), {
      quick: 1,
      default: 1,
      full: 51,
    }),
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
  cost: (task) => task.depth * (task.steps * task.batchSize + (placesOf(task) * task.lossImages) / 3),

  async run(task: Seeded<Task>, context: Context): Promise<Result> {
    const places = placesOf(task);
    // An image that is only looked at takes a third of one that is learned.
    const learning = task.steps * task.batchSize;
    const all = learning + (places * task.lossImages) / 3;
    const { model, training } = await trained(task, {
      ...context,
      progress: (done) => context.progress((done * learning) / all),
    });
    const { train: dataset, normalization: normalize } = context;
    let measured = 0;
    const loss = (): number => {
      context.progress((learning + (measured++ * task.lossImages) / 3) / all);
      return evaluate(model, batches(dataset, { batchSize: 100, normalize, limit: task.lossImages })).loss;
    };
    const { points, linePoints, range, seed, firstRow, lastRow } = task;
    // The walk goes through the whole plane; what belongs to other tasks is not measured, and then left out.
    let index = 0;
    const ours = (i: number): boolean => i >= firstRow * points && i < lastRow * points;
    const plane = [...walk(model, () => (ours(index++) ? loss() : Number.NaN), { dimensions: 2, points, range, seed })];
    const line = firstRow === 0 ? [...walk(model, loss, { dimensions: 1, points: linePoints, range, seed })] : [];
    const place = ({ alpha, beta, loss }: LandscapeRow): Place => ({ alpha, beta, loss });
    return {
      ...training,
      classes: context.train.classes.length,
      plane: plane.filter((row) => ours(row.index)).map(place),
      line: line.map(place),
    };
  },

  report: (cases, { lossImages }) => {
    const nets = planesOf(cases);
    return {
      found: findings(nets),
      paper:
        "On CIFAR-10 the surface around ResNet-56 and ResNet-110 without shortcuts is chaotic, with ridges and no convexity in sight, and that of ResNet-20 without them is still fairly tame; with shortcuts the surface stays smooth and nearly convex at every depth (Li et al. 2018, Figs. 1 and 5).",
      charts: [surfaceChart(nets, lossImages), contourChart(nets, lossImages), lineChart(nets, lossImages)],
      tables: [table(nets, lossImages)],
    };
  },
};

type Cases = readonly Case<Task, Result>[];

function pick(options: Omit<Options, "depths" | "parts">): Omit<Task, "depth" | "net" | "firstRow" | "lastRow"> {
  const { width, points, linePoints, range, lossImages } = options;
  return { width, points, linePoints, range, lossImages, ...pickTraining(options) };
}

/** The rows of a plane in as many parts, or in single rows if there are fewer of these. */
function rowsOf(points: number, parts: number): { firstRow: number; lastRow: number }[] {
  const count = Math.min(points, parts);
  const edge = (i: number): number => Math.round((i * points) / count);
  return Array.from({ length: count }, (_, i) => ({ firstRow: edge(i), lastRow: edge(i + 1) }));
}

function nameOf({ net, depth }: Pick<Task, "net" | "depth">): string {
  return `${net}-${depth}`;
}

/** How many losses a task measures. */
function placesOf({ points, linePoints, firstRow, lastRow }: Task): number {
  return (lastRow - firstRow) * points + (firstRow === 0 ? linePoints : 0);
}

interface Trained {
  readonly key: string;
  readonly images: Context["train"];
  readonly model: Module;
  readonly training: Training;
}

/** The network of this thread's last task, which is the next one's too where a plane is divided among many. */
let latest: Trained | null = null;

/** The trained network of a task. Training is deterministic, so whether it is done again makes no difference. */
async function trained(task: Seeded<Task>, context: Context): Promise<Trained> {
  const { net, depth, width, seed } = task;
  const key = JSON.stringify({ net, depth, width, seed, ...pickTraining(task) });
  const images = context.train;
  if (latest?.key === key && latest.images === images) return latest;
  const model = cifarResNet(depth, { ...networkOptions(task, context), shortcut: net === "plain" ? "none" : "pad" });
  latest = { key, images, model, training: await train(model, task, context) };
  return latest;
}

/** One seed of a network, put together from all tasks that are finished. */
interface Run {
  readonly training: Training;
  readonly classes: number;
  readonly plane: readonly Place[];
  readonly line: readonly Place[];
}

interface Landscape {
  readonly name: string;
  readonly task: Task;
  /** The first is the one in the pictures. */
  readonly runs: readonly Run[];
}

function planesOf(cases: Cases): Landscape[] {
  const names = [...new Set(cases.map(({ task }) => nameOf(task)))];
  return names.map((name) => {
    const parts = cases.filter(({ task }) => nameOf(task) === name);
    const seeds = [...new Set(parts.flatMap(({ seeds }) => seeds))].sort((a, b) => a - b);
    const runs = seeds.map((seed): Run => {
      const results = parts.flatMap(({ seeds, results }) => results.filter((_, i) => seeds[i] === seed));
      const { classes } = results[0];
      const plane = results.flatMap(({ plane }) => plane);
      return { training: results[0], classes, plane, line: results.flatMap(({ line }) => line) };
    });
    return { name, task: parts[0].task, runs };
  });
}

function gridOf({ name, runs: [{ plane }] }: Landscape): Grid {
  const axis = (values: number[]): number[] => [...new Set(values)].sort((a, b) => a - b);
  const xs = axis(plane.map(({ alpha }) => alpha));
  const ys = axis(plane.map(({ beta }) => beta));
  const losses = new Map(plane.map(({ alpha, beta, loss }) => [`${alpha} ${beta}`, loss]));
  return { title: name, xs, ys, values: ys.map((y) => xs.map((x) => losses.get(`${x} ${y}`) ?? Number.NaN)) };
}

/** The loss of guessing: all classes alike. */
function guessing(nets: readonly Landscape[]): number {
  return Math.log(nets[0].runs[0].classes);
}

const DIRECTIONS = { x: { label: "α, along δ" }, y: { label: "β, along η" } } as const;

/** Colours from the lowest loss to a hundred times that of guessing: higher is all the same. */
function lossAxis(nets: readonly Landscape[], images: number): GridChart["value"] {
  const losses = nets.flatMap(({ runs }) => runs[0].plane.map(({ loss }) => loss));
  const proper = losses.filter((loss) => loss > 0 && Number.isFinite(loss));
  if (proper.length === 0) return { label: "loss", unit: "nats", log: true };
  const [low, high] = [Math.min(...proper), Math.min(100 * guessing(nets), Math.max(...proper))];
  const label = `loss of ${images} training images`;
  return low < high ? { label, unit: "nats", log: true, domain: [low, high] } : { label, unit: "nats", log: true };
}

function surfaceChart(nets: readonly Landscape[], images: number): GridChart {
  return {
    kind: "surface",
    id: "surface",
    title: "The loss as a surface",
    caption:
      "The trained weights are in the middle of the ground, the loss is the height, on a logarithmic scale that all panels share. Smooth walls around one hollow are easy to descend from far away; ridges and side valleys are not.",
    ...DIRECTIONS,
    value: lossAxis(nets, images),
    panels: nets.map(gridOf),
  };
}

function contourChart(nets: readonly Landscape[], images: number): GridChart {
  return {
    kind: "contour",
    id: "contour",
    title: "The same from above",
    caption:
      "Lines of equal loss around the trained weights at (0, 0). Round lines one inside the other mean a surface that is close to convex; look how fast they follow one another, and for islands.",
    ...DIRECTIONS,
    value: lossAxis(nets, images),
    panels: nets.map(gridOf),
  };
}

function lineChart(nets: readonly Landscape[], images: number): LineChart {
  const depths = [...new Set(nets.map(({ task }) => task.depth))];
  return {
    kind: "lines",
    id: "line",
    title: "Along one direction",
    caption: `The loss of ${images} training images along δ. The lowest point is the trained network; the dotted line is the loss of guessing. A wide hollow is forgiving, a narrow one, or several, are not. Geometric mean over the seeds, each with its own direction.`,
    x: { label: "α, along δ" },
    y: { label: "loss", unit: "nats", log: true },
    rules: [{ y: guessing(nets), label: "guessing" }],
    panels: depths.map((depth) => ({
      title: `${depth} layers`,
      series: nets
        .filter(({ task }) => task.depth === depth)
        .map(({ task, runs }) => ({
          name: task.net,
          tone: task.net,
          points: curveOf(
            runs.map(({ line }) => line.map(({ alpha, loss }) => ({ x: alpha, y: loss }))),
            { log: true },
          ),
        })),
    })),
  };
}

/** How much of the plane is better than guessing, 0 … 1. */
function basin({ plane, classes }: Run): number {
  return plane.filter(({ loss }) => loss < Math.log(classes)).length / plane.length;
}

/** Of the places on the line, how many curve downwards: 0 for a convex one. Null where the line is not there yet. */
function concavity({ line }: Run): number | null {
  if (line.length < 3) return null;
  const inner = line.slice(1, -1);
  const bent = inner.filter(({ loss }, i) => !(line[i].loss + line[i + 2].loss - 2 * loss >= 0));
  return bent.length / inner.length;
}

/** Hollows on the line: places lower than both neighbours. */
function hollows({ line }: Run): number {
  return line.filter(
    ({ loss }, i) => i > 0 && i < line.length - 1 && loss < line[i - 1].loss && loss < line[i + 1].loss,
  ).length;
}

/** How much the loss has grown at the two ends of the line, from its lowest point. */
function rise({ line }: Run): number | null {
  if (line.length === 0) return null;
  const lowest = Math.min(...line.map(({ loss }) => loss).filter(Number.isFinite));
  return geometricMean([line[0].loss, line[line.length - 1].loss]) / lowest;
}

function table(nets: readonly Landscape[], images: number): Table {
  return {
    id: "shapes",
    title: "Shapes",
    caption: `Training loss and test error at the end of training; the part of the plane where the loss of ${images} training images is below that of guessing; and on the line: the part that curves downwards (0 for a convex line), the number of hollows, and how many times the lowest loss the ends have. Mean ± one standard deviation over the seeds.`,
    columns: [
      { label: "network" },
      { label: "training loss", digits: 3 },
      { label: "test error, %", digits: 1 },
      { label: "better than guessing, % of the plane", digits: 1 },
      { label: "concave, % of the line", digits: 1 },
      { label: "hollows", digits: 1 },
      { label: "ends / lowest" },
    ],
    rows: nets.map(({ name, runs }) => [
      name,
      cellOf(runs.map(({ training }) => training.trainLoss)),
      cellOf(runs.map(({ training }) => 100 * training.testError)),
      cellOf(runs.map((run) => 100 * basin(run))),
      cellOf(runs.flatMap((run) => concavity(run) ?? []).map((v) => 100 * v)),
      cellOf(runs.filter(({ line }) => line.length > 0).map(hollows)),
      cellOf(
        runs.flatMap((run) => rise(run) ?? []),
        { log: true },
      ),
    ]),
  };
}

/** Each network's hollow, then whether shortcuts made it wider, by depth. */
function findings(nets: readonly Landscape[]): string {
  const level = `the loss of guessing, ${guessing(nets).toFixed(2)}`;
  const each = nets.map(({ name, runs }) => {
    const concave = runs.flatMap((run) => concavity(run) ?? []);
    const bends = concave.length > 0 ? `, and ${percent(mean(concave), 0)} of the line curve downwards` : "";
    const trained = significant(mean(runs.map(({ training }) => training.trainLoss)));
    return `${name} (training loss ${trained}): below on ${percent(mean(runs.map(basin)), 0)}${bends}`;
  });
  const verdicts = [...new Set(nets.map(({ task }) => task.depth))].flatMap((depth) => {
    const [plain, residual] = NETS.map((net) => nets.find(({ task }) => task.net === net && task.depth === depth));
    if (!plain || !residual) return [];
    const [without, withThem] = [plain, residual].map(({ runs }) => mean(runs.map(basin)));
    const verdict = without < withThem ? "a wider" : without > withThem ? "a narrower" : "no wider a";
    return [`With ${depth} layers the shortcuts made ${verdict} hollow.`];
  });
  return [`Where on the plane the loss stays below ${level}: ${each.join("; ")}.`, ...verdicts].join(" ");
}
