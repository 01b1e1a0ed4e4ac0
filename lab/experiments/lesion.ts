/**
 * `lesion`: what trained networks can still do when parts of them are deleted or change places.
 *
 * A residual block that is deleted leaves its shortcut, a plain block or layer the identity. A residual network has 2ⁿ paths,
 * half of which do not lead through a given block; a plain network has one.
 *
 * Veit, Wilber & Belongie 2016, "Residual Networks Behave Like Ensembles of Relatively Shallow Networks", §3 and Figs. 3 to 5.
 * Next: ../../src/flow/lesions.ts.
 */
import { lesions, manyLesions, reorderings } from "../../src/flow/index.ts";
import {
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
import type { LineChart, Point, Tone } from "../report/chart.ts";
import { percent } from "../report/format.ts";
import { compare, mean, pointOf } from "../report/statistics.ts";
import { cellOf, type Table } from "../report/table.ts";
import { type Case, type Context, type Experiment, option, type Seeded } from "../runner/experiment.ts";
import { networkOptions } from "../training/network.ts";
import { pickTraining, type Training, type TrainingOptions, test, train, trainingOptions } from "../training/train.ts";

interface Options extends TrainingOptions {
  readonly depth: number;
  readonly plainDepth: number;
  readonly vggStage: number;
  readonly width: number;
  readonly deletions: readonly number[];
  readonly swaps: readonly number[];
  readonly trials: number;
  readonly lesionImages: number;
}

interface Task extends TrainingOptions {
  readonly net: Net;
  /** Layers with weights. */
  readonly depth: number;
  readonly width: number;
  /** Numbers of blocks to delete at once, and of pairs to swap; only residual networks take them. */
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
  /** Whether it changed the shape, which a deleted residual block's shortcut then does alone. */
  readonly changesShape: boolean;
  /** Null where the identity cannot stand in for the part. */
  readonly error: number | null;
}

interface Result extends Training {
  readonly classes: number;
  /** With nothing deleted, on the same images as all that follows. */
  readonly intact: number;
  readonly lesions: readonly Lesion[];
  readonly many: readonly { readonly removed: number; readonly error: number }[];
  readonly reordered: readonly { readonly swaps: number; readonly kendallTau: number; readonly error: number }[];
}

const NETS = ["residual", "plain", "VGG-style"] as const;

type Net = (typeof NETS)[number];

const TONES: Readonly<Record<Net, Tone>> = { residual: "residual", plain: "plain", "VGG-style": "orange" };

const WHAT: Readonly<Record<Net, string>> = { residual: "block", plain: "block", "VGG-style": "layer" };

export const lesion: Experiment<Options, Task, Result> = {
  name: "lesion",
  title: "What is left of a network when parts are missing?",
  about:
    "Trains a residual, a plain and a VGG-style network, then deletes each block or layer, several at once, and lets blocks change places.",
  papers: "Veit et al. 2016, §3, Figs. 3 to 5",
  options: {
    depth: option("layers of the residual network, 6n+2", depth, { quick: 20, default: 56, full: 110 }),
    plainDepth: option("layers of the plain network, 6n+2", depth, { quick: 8, default: 20, full: 20 }),
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
  // An image that is only looked at takes a third of one that is learned.
  cost: (task) => task.depth * (task.steps * task.batchSize + (lesionsOf(task) * task.lesionImages) / 3),

  async run(task: Seeded<Task>, context: Context): Promise<Result> {
    const model = network(task, context);
    const training = await train(model, task, { ...context, progress: (done) => context.progress(done / 2) });
    const all = lesionsOf(task);
    let measured = 0;
    const error = (): number => {
      context.progress(0.5 + (0.5 * measured++) / all);
      return test(model, { testImages: task.lesionImages }, context).error;
    };
    const [intact, ...rows] = lesions(model, error);
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
      many: manyLesions(model, error, { counts: deletions, trials, seed }).map(({ removed, value }) => ({
        removed,
        error: value,
      })),
      reordered:
        task.swaps.length === 0
          ? []
          : reorderings(model, error, { swaps: task.swaps, trials, seed }).map(({ swaps, kendallTau, value }) => ({
              swaps,
              kendallTau,
              error: value,
            })),
    };
  },

  report: (cases, { lesionImages }) => ({
    found: findings(cases),
    paper:
      "Deleting any one block of a residual network of 110 layers barely moves its test error, blocks that change the resolution a little more; deleting any one layer of a VGG network of 15 layers leaves it at about 90 %, which is chance. Deleting more and more blocks, or swapping them, raises a residual network's error smoothly (Veit et al. 2016, Figs. 3 to 5).",
    charts: [oneChart(cases, lesionImages), manyChart(cases, lesionImages), orderChart(cases, lesionImages)].filter(
      ({ panels }) => panels[0].series.length > 0,
    ),
    tables: [table(cases, lesionImages)],
  }),
};

type Cases = readonly Case<Task, Result>[];

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
 * VGG for small images, as Veit et al. had it: 3×3 convolutions, each with batch norm and ReLU, in three stages with a
 * max-pooling between them.
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

function changesShape(part: Module | undefined): boolean {
  return part !== undefined && isResidualBlock(part) && part.shortcut === "pad";
}

/** The errors after deleting one part of the same shape on both sides. */
function single({ lesions }: Result): number[] {
  return lesions.flatMap(({ error, changesShape }) => (error === null || changesShape ? [] : [error]));
}

/** After deleting one of the blocks that change the shape. */
function atShapeChanges({ lesions }: Result): number[] {
  return lesions.flatMap(({ error, changesShape }) => (error !== null && changesShape ? [error] : []));
}

/** Values of all seeds by x. */
function grouped(results: readonly Result[], rows: (result: Result) => readonly { x: number; y: number }[]): Point[] {
  const all = results.flatMap(rows);
  const xs = [...new Set(all.map(({ x }) => x))].sort((a, b) => a - b);
  return xs.map((x) =>
    pointOf(
      x,
      all.filter((row) => row.x === x).map(({ y }) => 100 * y),
    ),
  );
}

function chance(cases: Cases): number {
  return 1 - 1 / cases[0].results[0].classes;
}

const ERROR = { label: "test error", unit: "%", domain: [0, 100] } as const;

function chanceRule(cases: Cases): { y: number; label: string } {
  return { y: 100 * chance(cases), label: "chance" };
}

function oneChart(cases: Cases, images: number): LineChart {
  return {
    kind: "lines",
    id: "one-part",
    title: "One part deleted",
    caption: `Test error after deleting a single block (residual and plain networks: two convolutions) or a single layer (VGG-style), by where it was. A level line near the bottom means that no part is needed by itself; the dotted line is what guessing gives. Parts that change the shape cannot be deleted from networks without shortcuts and are left out there; in the residual network they are those a third and two thirds of the way along. Over ${images} test images; mean over the seeds, band one standard deviation.`,
    x: { label: "deleted part, from the image to the loss", unit: "% of the way", domain: [-2, 102] },
    y: ERROR,
    marks: "both",
    rules: [chanceRule(cases)],
    panels: [
      {
        title: "one part deleted",
        series: cases.map(({ task, label, results }) => ({
          name: `${label}, one ${WHAT[task.net]}`,
          tone: TONES[task.net],
          points: grouped(results, (result) =>
            result.lesions.flatMap(({ place, error }) => (error === null ? [] : [{ x: 100 * place, y: error }])),
          ),
        })),
      },
    ],
  };
}

function manyChart(cases: Cases, images: number): LineChart {
  const shown = cases.filter(({ results }) => results.some(({ many }) => many.length > 0));
  const removed = shown.flatMap(({ results }) => results.flatMap(({ many }) => many.map((row) => row.removed)));
  return {
    kind: "lines",
    id: "many-blocks",
    title: "Several blocks deleted at once",
    caption: `Test error after deleting random blocks of the residual network. An error that rises smoothly is how an ensemble behaves that loses more and more of its members. Over ${images} test images; mean over random choices and seeds, band one standard deviation.`,
    x: { label: "blocks deleted", whole: true, domain: [-0.3, Math.max(...removed, 1) + 0.3] },
    y: ERROR,
    marks: "both",
    rules: [chanceRule(cases)],
    panels: [
      {
        title: "several blocks deleted",
        series: shown.map(({ task, label, results }) => ({
          name: label,
          tone: TONES[task.net],
          points: grouped(results, ({ intact, many }) => [
            { x: 0, y: intact },
            ...many.map(({ removed, error }) => ({ x: removed, y: error })),
          ]),
        })),
      },
    ],
  };
}

function orderChart(cases: Cases, images: number): LineChart {
  const shown = cases.filter(({ results }) => results.some(({ reordered }) => reordered.length > 0));
  const taus = shown.flatMap(({ results }) =>
    results.flatMap(({ reordered }) => reordered.map((row) => row.kendallTau)),
  );
  return {
    kind: "lines",
    id: "reordered",
    title: "Blocks in another order",
    caption: `Each dot is a network in which random pairs of blocks of one shape have changed places. Kendall's τ says how alike the new order is to the old: 1 is the same; blocks change places within a stage only, so it stays high. Over ${images} test images, all seeds.`,
    x: { label: "Kendall's τ of the order", domain: [Math.min(...taus, 1) - 0.01, 1.01] },
    y: ERROR,
    marks: "dots",
    rules: [chanceRule(cases)],
    panels: [
      {
        title: "blocks in another order",
        series: shown.map(({ task, label, results }) => ({
          name: label,
          tone: TONES[task.net],
          points: results.flatMap(({ intact, reordered }) => [
            { x: 1, y: 100 * intact },
            ...reordered.map(({ kendallTau, error }) => ({ x: kendallTau, y: 100 * error })),
          ]),
        })),
      },
    ],
  };
}

function table(cases: Cases, images: number): Table {
  const inPercent = (values: readonly number[]): number[] => values.map((v) => 100 * v);
  return {
    id: "errors",
    title: "Errors",
    caption: `In % of ${images} test images: intact; the mean and the worst over all parts that keep the shape, deleted one at a time; and the mean over the residual blocks that change it. Mean ± one standard deviation over the seeds.`,
    columns: [
      { label: "network" },
      { label: "parameters", digits: 0 },
      { label: "intact", digits: 1 },
      { label: "parts", digits: 0 },
      { label: "one deleted, mean", digits: 1 },
      { label: "the worst", digits: 1 },
      { label: "one that changes the shape", digits: 1 },
    ],
    rows: cases.map(({ label, results }) => [
      label,
      results[0].parameters,
      cellOf(inPercent(results.map(({ intact }) => intact))),
      single(results[0]).length,
      cellOf(inPercent(results.map((result) => mean(single(result))))),
      cellOf(inPercent(results.map((result) => Math.max(...single(result))))),
      cellOf(
        inPercent(
          results.flatMap((result) => (atShapeChanges(result).length > 0 ? [mean(atShapeChanges(result))] : [])),
        ),
      ),
    ]),
  };
}

/** What one deletion does to each network, in parts of the way from the intact error to chance; then what many do. */
function findings(cases: Cases): string {
  const ones = cases.map(({ task, label, results }) => {
    const intact = mean(results.map((result) => result.intact));
    const after = mean(results.map((result) => mean(single(result))));
    const worst = mean(results.map((result) => Math.max(...single(result))));
    const lost = (after - intact) / (chance(cases) - intact);
    const verdict = lost > 0.6 ? "which destroys it" : lost > 0.15 ? "which hurts it" : "which it hardly notices";
    const changes = results.flatMap(atShapeChanges);
    const also = changes.length > 0 ? `; without one that changes the shape ${percent(mean(changes))}` : "";
    return `${label} errs in ${percent(intact)} of the images, without one ${WHAT[task.net]} in ${percent(after)} on average, ${verdict} (at worst ${percent(worst)}${also}).`;
  });
  const several = cases.flatMap(({ label, results }) => {
    const many = results.flatMap((result) => result.many);
    const reordered = results.flatMap((result) => result.reordered);
    if (many.length === 0) return [];
    const most = Math.max(...many.map(({ removed }) => removed));
    const at = (count: number): number[] => many.filter(({ removed }) => removed === count).map(({ error }) => error);
    const counts = [...new Set(many.map(({ removed }) => removed))].sort((a, b) => a - b);
    const middle = counts[Math.floor((counts.length - 1) / 2)];
    const parts = [
      `${label} without ${middle} blocks errs in ${percent(mean(at(middle)))}, without ${most} in ${percent(mean(at(most)))}`,
    ];
    if (reordered.length > 0) {
      const swaps = Math.max(...reordered.map((row) => row.swaps));
      const far = reordered.filter((row) => row.swaps === swaps);
      const errors = far.map(({ error }) => error);
      const verdict =
        compare(
          errors,
          results.map(({ intact }) => intact),
        ) === "higher"
          ? "the order matters"
          : "no more than the choices differ among themselves";
      parts.push(
        `after ${swaps} random swaps (τ = ${mean(far.map(({ kendallTau }) => kendallTau)).toFixed(2)}) in ${percent(mean(errors))}: ${verdict}`,
      );
    }
    return [`${parts.join(", ")}.`];
  });
  return [...ones, ...several].join(" ");
}
