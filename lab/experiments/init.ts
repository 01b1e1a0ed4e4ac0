/**
 * `init`: residual branches that start small or at zero let deep networks learn without normalisation.
 *
 * Without normalisation the variance of the activations doubles in every residual block, 2^54 times at 110 layers. A
 * block that starts as only its shortcut, y = x, keeps it. Five ways to start (src/resnet/start.ts has their formulas):
 * batch norm; batch norm whose last scale in each branch is 0 (Goyal et al. 2017, §5.1); nothing; a learned factor of 0
 * behind each branch (SkipInit: De & Smith 2020; ReZero: Bachlechner et al. 2020); Fixup (Zhang, Dauphin & Ma 2019,
 * §3).
 */
import { cifarResNet, type Start } from "../../src/resnet/index.ts";
import { depth, listOf, realNumber, wholeNumber } from "../arguments.ts";
import { type Case, type Experiment, option } from "../experiment.ts";
import type { CategoryChart, LineChart } from "../report/chart.ts";
import { listed } from "../report/format.ts";
import { mean, pointOf } from "../report/statistics.ts";
import { cellOf, type Table } from "../report/table.ts";
import { networkOptions } from "../training/network.ts";
import { pickTraining, type Training, type TrainingOptions, train, trainingOptions } from "../training/train.ts";
import { divergedCell, lossCurve } from "./variants.ts";

interface Options extends Omit<TrainingOptions, "learningRate"> {
  readonly depths: readonly number[];
  readonly rates: readonly number[];
  readonly width: number;
}

interface Task extends TrainingOptions {
  readonly depth: number;
  readonly way: string;
  readonly width: number;
}

/** The ways to start, in the order of the report. */
const WAYS: Readonly<Record<string, { readonly start: Start; readonly batchNorm: boolean }>> = {
  "batch norm": { start: "default", batchNorm: true },
  "batch norm, last scale 0": { start: "zeroInitLast", batchNorm: true },
  "no normalisation": { start: "default", batchNorm: false },
  SkipInit: { start: "skipInit", batchNorm: false },
  Fixup: { start: "fixup", batchNorm: false },
};

/** Here the learning rate is not one option but several values in turn. */
const { learningRate: _, ...training } = trainingOptions({ default: { steps: 400 } });

export const init: Experiment<Options, Task, Training> = {
  name: "init",
  title: "Can deep networks learn without normalisation?",
  about:
    "Trains residual networks that differ only in how their branches start, with and without batch norm, each at several learning rates.",
  papers:
    "Goyal et al. 2017, §5.1; Zhang, Dauphin & Ma 2019 (Fixup); De & Smith 2020 (SkipInit); Bachlechner et al. 2020",
  options: {
    depths: option("layers of the networks, 6n+2", listOf(depth), { quick: [14], default: [20, 56], full: [56, 110] }),
    rates: option("highest learning rates to try", listOf(realNumber(0, 100, "above")), {
      quick: [0.1],
      default: [0.1, 0.02],
    }),
    width: option("channels of the first stage", wholeNumber(1, 1024), { quick: 4, default: 8, full: 16 }),
    ...training,
  },
  seeds: { quick: 1, default: 2, full: 5 },
  imageSize: { quick: "half", default: "half", full: "whole" },
  paperData: "CIFAR-10",

  plan: ({ depths, rates, width, ...training }) =>
    depths.flatMap((depth) =>
      Object.keys(WAYS).flatMap((way) =>
        rates.map((learningRate) => ({ depth, way, width, ...pickTraining({ ...training, learningRate }) })),
      ),
    ),
  label: ({ depth, way, learningRate }) => `${way}, ${depth} layers, rate ${learningRate}`,
  cost: ({ depth }) => depth,
  run: (task, context) =>
    train(cifarResNet(task.depth, { ...networkOptions(task, context), ...WAYS[task.way] }), task, context),

  report: (cases) => {
    const best = bestRates(cases);
    const deepest = Math.max(...cases.map(({ task }) => task.depth));
    return {
      found: findings(cases, deepest),
      paper:
        "Goyal et al. (2017) start each block as the identity and find that this helps at the start of training. Fixup trains residual networks without normalisation as stably as with it, up to 10,000 layers (Zhang et al. 2019); SkipInit trains a thousand layers, and batch norm does the same by shrinking branches by about the square root of the depth (De & Smith 2020).",
      charts: [curves(best, deepest), errors(best)],
      tables: [table(cases)],
    };
  },
};

type Result = Case<Task, Training>;

/**
 * For each way and depth, the learning rate with the fewest diverged trainings, and among those the lowest training
 * loss.
 */
function bestRates(cases: readonly Result[]): Result[] {
  const best = new Map<string, Result>();
  for (const each of cases) {
    const key = `${each.task.way} ${each.task.depth}`;
    const known = best.get(key);
    if (!known || isBetter(each, known)) best.set(key, each);
  }
  return [...best.values()];
}

function isBetter(a: Result, b: Result): boolean {
  const [mine, known] = [divergedShare(a.results), divergedShare(b.results)];
  return mine === known ? finalLoss(a) < finalLoss(b) : mine < known;
}

function divergedShare(results: readonly Training[]): number {
  return results.filter(({ divergedAt }) => divergedAt !== null).length / results.length;
}

function finalLoss({ results }: Result): number {
  return mean(results.map(({ trainLoss }) => trainLoss));
}

/** The loss of a diverging training can be any number; the interesting part of the others is below this. */
const HIGHEST_LOSS = 5;

function curves(best: readonly Result[], deepest: number): LineChart {
  const series = best
    .filter(({ task }) => task.depth === deepest)
    .map(({ task, results }) => ({
      name: `${task.way} (rate ${task.learningRate})`,
      points: lossCurve(results),
    }));
  const lowest = Math.min(HIGHEST_LOSS / 2, ...series.flatMap(({ points }) => points.map(({ y }) => y)));
  return {
    kind: "lines",
    id: "training-loss",
    title: `Who learns, with ${deepest} layers?`,
    caption:
      "Each way to start, at the learning rate that suited it best. Look at the beginning too: branches that are zero get their first gradients only after the factor or the last layer behind them has moved. A line that leaves the picture at the top, or ends early, belongs to trainings that diverged. Bands are one standard deviation over the seeds.",
    x: { label: "step", whole: true },
    y: { label: "training loss", unit: "nats", log: true, domain: [lowest / 1.5, HIGHEST_LOSS] },
    panels: [{ title: "", series }],
  };
}

function errors(best: readonly Result[]): CategoryChart {
  const depths = [...new Set(best.map(({ task }) => task.depth))];
  return {
    kind: "categories",
    id: "test-error",
    title: "Errors at the end",
    caption:
      "Errors on test images, at the learning rate with the lowest training loss; bars are one standard deviation.",
    x: { label: "test error", unit: "%" },
    series: depths.map((depth) => ({
      name: `${depth} layers`,
      values: best
        .filter(({ task }) => task.depth === depth)
        .map(({ task, results }) => {
          const { y, ...band } = pointOf(
            0,
            results.map(({ testError }) => 100 * testError),
          );
          return { category: task.way, value: y, ...band };
        }),
    })),
  };
}

function table(cases: readonly Result[]): Table {
  return {
    id: "errors",
    title: "All trainings",
    caption:
      "Over the last tenth of the steps taken, and on test images; mean ± one standard deviation over the seeds. A training diverged where its loss was no longer a number.",
    columns: [
      { label: "start" },
      { label: "layers", digits: 0 },
      { label: "rate" },
      { label: "training loss", digits: 3 },
      { label: "training error, %", digits: 1 },
      { label: "test error, %", digits: 1 },
      { label: "diverged" },
    ],
    rows: cases.map(({ task, results }) => [
      task.way,
      task.depth,
      task.learningRate,
      cellOf(results.map(({ trainLoss }) => trainLoss)),
      cellOf(results.map(({ trainError }) => 100 * trainError)),
      cellOf(results.map(({ testError }) => 100 * testError)),
      divergedCell(results),
    ]),
  };
}

function findings(cases: readonly Result[], deepest: number): string {
  const there = bestRates(cases.filter(({ task }) => task.depth === deepest));
  const learned = there.filter(({ results }) => divergedShare(results) === 0);
  if (learned.length === 0) return `With ${deepest} layers every way to start diverges.`;
  const error = ({ results }: Result): number => mean(results.map(({ testError }) => testError));
  const [best, ...others] = [...learned].sort((a, b) => error(a) - error(b));
  const lost = there.filter((way) => !learned.includes(way)).map(({ task }) => task.way);
  const next = others.length > 0 ? `, before ${listed(others.map(({ task }) => task.way))}` : "";
  const diverged = lost.length > 0 ? `; trainings diverged with ${listed(lost)}` : "";
  return `With ${deepest} layers, each at the learning rate that suits it best, ${best.task.way} ends with the lowest test error${next}${diverged}.`;
}
