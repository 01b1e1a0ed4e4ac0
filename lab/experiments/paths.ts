/**
 * `paths`: which of the 2ⁿ paths through n residual blocks carry the gradient.
 *
 * A path skips or passes each block, so lengths are binomial: most paths are about n/2 long. But the gradient shrinks
 * with every branch it passes, and the contribution of a length is the number of its paths times the gradient of one.
 * Measured before the first update and after training, with each gradient sent through single paths
 * (../../src/flow/path-lengths.ts).
 *
 * Veit, Wilber & Belongie 2016, "Residual Networks Behave Like Ensembles of Relatively Shallow Networks", Fig. 6.
 */
import { crossEntropy } from "../../src/autograd/index.ts";
import { pathDistribution, pathGradients } from "../../src/flow/index.ts";
import type { Module } from "../../src/nn/index.ts";
import { cifarResNet } from "../../src/resnet/index.ts";
import { depth, listOf, wholeNumber } from "../arguments.ts";
import { type Case, type Context, type Experiment, option, type Seeded } from "../experiment.ts";
import type { LineChart, Panel, Series } from "../report/chart.ts";
import { percent } from "../report/format.ts";
import { curveOf, mean } from "../report/statistics.ts";
import { cellOf, type Table } from "../report/table.ts";
import { networkOptions } from "../training/network.ts";
import {
  pickTraining,
  type Training,
  type TrainingOptions,
  train,
  trainingBatches,
  trainingOptions,
} from "../training/train.ts";

interface Options extends TrainingOptions {
  readonly depths: readonly number[];
  readonly width: number;
  readonly paths: number;
}

interface Task extends TrainingOptions {
  readonly depth: number;
  readonly width: number;
  /** Paths measured of each length; fewer if fewer exist. */
  readonly paths: number;
}

/** By path length, 0 … n. */
interface Lengths {
  /** Mean of ‖∂L/∂x‖ at the first block's input, through one path of this length. */
  readonly gradients: readonly number[];
  /** Share of all paths' gradient: number of paths × gradient, over the sum. */
  readonly shares: readonly number[];
}

interface Result extends Training {
  readonly initial: Lengths;
  readonly trained: Lengths;
}

const PHASES = ["initial", "trained"] as const;

type Phase = (typeof PHASES)[number];

/**
 * Our meaning of "almost all": the paper says "almost all of the gradient updates" and "more than 95 %" of the paths.
 */
const ALMOST_ALL = 0.95;

export const paths: Experiment<Options, Task, Result> = {
  name: "paths",
  title: "Which paths does the gradient come through?",
  about:
    "Gradient by path length in residual networks, before and after training: the number of paths, the gradient of each, and the product.",
  papers: "Veit et al. 2016, Fig. 6",
  options: {
    depths: option("layers of the networks, 6n+2", listOf(depth), { quick: [20], default: [56, 110] }),
    width: option("channels of the first stage", wholeNumber(1, 1024), { quick: 4, default: 8, full: 16 }),
    paths: option("paths to measure of each length", wholeNumber(1, 1e6), { quick: 5, default: 10, full: 100 }),
    ...trainingOptions({ default: { steps: 300 } }),
  },
  seeds: { quick: 1, default: 2, full: 5 },
  imageSize: { quick: "half", default: "half", full: "whole" },
  paperData: "CIFAR-10",

  plan: ({ depths, width, paths, ...training }) =>
    depths.map((depth) => ({ depth, width, paths, ...pickTraining(training) })),
  label: ({ depth }) => `${depth} layers`,
  // A path costs about half a step, and there are as many lengths as blocks.
  cost: ({ depth, steps, paths }) => depth * (steps + (blocksOf(depth) + 1) * paths),

  async run(task: Seeded<Task>, context: Context): Promise<Result> {
    const model = cifarResNet(task.depth, { ...networkOptions(task, context), order: "pre" });
    const { steps, paths } = task;
    const measuring = ((blocksOf(task.depth) + 1) * paths) / 2;
    const done = (effort: number): void => context.progress(effort / (steps + 2 * measuring));
    const initial = lengths(model, task, context);
    done(measuring);
    const training = await train(model, task, {
      ...context,
      progress: (fraction) => done(measuring + fraction * steps),
    });
    return { ...training, initial, trained: lengths(model, task, context) };
  },

  report: (cases, { batchSize }) => ({
    found: findings(cases),
    paper:
      "In a trained network of 54 blocks more than 95 % of all paths are 19 to 35 blocks long, but the gradient falls exponentially with the length of a path, and almost all of the gradient comes from paths of 5 to 17 blocks, which are 0.45 % of all paths (Veit et al. 2016, Fig. 6).",
    charts: [shareChart(cases), gradientChart(cases, batchSize)],
    tables: [table(cases)],
  }),
};

type Cases = readonly Case<Task, Result>[];

/** Blocks of two layers in a network of 6n + 2. */
function blocksOf(depth: number): number {
  return (depth - 2) / 2;
}

/** The network in training mode, as SGD sees it, on the first batch. */
function lengths(model: Module, task: Seeded<Task>, context: Context): Lengths {
  const [{ x, labels }] = trainingBatches({ ...task, augment: "none" }, context);
  model.train();
  const rows = pathGradients(model, () => crossEntropy(model.forward(x), labels), {
    samples: task.paths,
    seed: task.seed,
  });
  return { gradients: rows.map(({ gradient }) => gradient), shares: rows.map(({ share }) => share) };
}

/** The shortest range of lengths that together have almost all of the gradient. */
function bulk(shares: readonly number[]): { from: number; to: number } {
  let best = { from: 0, to: shares.length - 1 };
  for (let from = 0; from < shares.length; from++) {
    let sum = 0;
    for (let to = from; to < shares.length; to++) {
      sum += shares[to];
      if (sum < ALMOST_ALL) continue;
      if (to - from < best.to - best.from) best = { from, to };
      break;
    }
  }
  return best;
}

function fractions(depth: number): number[] {
  return pathDistribution(blocksOf(depth)).map(({ fraction }) => fraction);
}

/** Mean share of each length over the seeds. */
function meanShares(results: readonly Result[], phase: Phase): number[] {
  return results[0][phase].shares.map((_, length) => mean(results.map((result) => result[phase].shares[length])));
}

function meanLength(shares: readonly number[]): number {
  return shares.reduce((sum, share, length) => sum + length * share, 0);
}

/** The fraction of all paths with a length in this range. */
function pathsIn({ from, to }: { from: number; to: number }, all: readonly number[]): number {
  return all.slice(from, to + 1).reduce((sum, fraction) => sum + fraction, 0);
}

/** The factor on a gradient for each further branch: the slope of its logarithm, by least squares. */
function decay({ gradients }: Lengths): number {
  const points = gradients.flatMap((g, length) => (g > 0 && Number.isFinite(g) ? [{ length, log: Math.log(g) }] : []));
  const [center, level] = [mean(points.map(({ length }) => length)), mean(points.map(({ log }) => log))];
  const along = points.reduce((sum, { length, log }) => sum + (length - center) * (log - level), 0);
  const across = points.reduce((sum, { length }) => sum + (length - center) ** 2, 0);
  return Math.exp(along / across);
}

function panels(cases: Cases, series: (depth: number, phase: Phase, results: readonly Result[]) => Series[]): Panel[] {
  return cases.flatMap(({ task: { depth }, results }) =>
    PHASES.map((phase) => ({
      title: `${depth} layers, ${phase === "initial" ? "before training" : "trained"}`,
      series: series(depth, phase, results),
    })),
  );
}

/** Values by length as a curve. */
function curve(values: readonly number[]): { x: number; y: number }[] {
  return values.map((y, x) => ({ x, y }));
}

function shareChart(cases: Cases): LineChart {
  return {
    kind: "lines",
    id: "shares",
    title: "Lengths of the paths, and of those that carry the gradient",
    caption:
      "Both lines sum to 100 %. If the gradient's line is to the left of the paths' line, learning happens in paths that are shorter than most. Mean over the seeds, band one standard deviation.",
    x: { label: "length of the path", unit: "blocks", whole: true },
    y: { label: "share", unit: "%" },
    panels: panels(cases, (depth, phase, results) => [
      {
        name: "of all paths",
        tone: "ink",
        dashed: true,
        points: curve(fractions(depth).map((fraction) => 100 * fraction)),
      },
      {
        name: "of the gradient",
        tone: "residual",
        points: curveOf(results.map((result) => curve(result[phase].shares.map((share) => 100 * share)))),
      },
    ]),
  };
}

function gradientChart(cases: Cases, batchSize: number): LineChart {
  return {
    kind: "lines",
    id: "gradients",
    title: "The gradient through one path",
    caption: `The gradient at the first block after it was sent back through the branches of some blocks and the shortcuts of all others. A straight line falling to the right is exponential decay: each further branch costs the same factor. Mean over random paths of one length, on a batch of ${batchSize} images; geometric mean over the seeds.`,
    x: { label: "length of the path", unit: "blocks", whole: true },
    y: { label: "‖∂L/∂x‖ at the first block", log: true },
    panels: panels(cases, (_depth, phase, results) => [
      {
        name: "one path",
        tone: "residual",
        points: curveOf(
          results.map((result) => curve(result[phase].gradients)),
          { log: true },
        ),
      },
    ]),
  };
}

function table(cases: Cases): Table {
  return {
    id: "lengths",
    title: "Lengths",
    caption: `Mean length of a path, and of the gradient's paths (each length weighted by its share of the gradient); the shortest range of lengths that carries ${percent(ALMOST_ALL, 0)} of the gradient (mean shares over the seeds), and the share of all paths with such a length; the factor by which a path's gradient changes with each further branch.`,
    columns: [
      { label: "network" },
      { label: "when" },
      { label: "paths, mean length", digits: 1 },
      { label: "gradient, mean length", digits: 1 },
      { label: "gradient comes from" },
      { label: "of all paths, %" },
      { label: "per branch", digits: 3 },
      { label: "test error, %", digits: 1 },
    ],
    rows: cases.flatMap(({ label, task: { depth }, results }) =>
      PHASES.map((phase) => {
        const range = bulk(meanShares(results, phase));
        return [
          label,
          phase === "initial" ? "before training" : "trained",
          blocksOf(depth) / 2,
          cellOf(results.map((result) => meanLength(result[phase].shares))),
          `${range.from} to ${range.to} blocks`,
          100 * pathsIn(range, fractions(depth)),
          cellOf(
            results.map((result) => decay(result[phase])),
            { log: true },
          ),
          phase === "initial" ? null : cellOf(results.map(({ testError }) => 100 * testError)),
        ];
      }),
    ),
  };
}

function findings(cases: Cases): string {
  const verdicts = cases.map(({ task: { depth }, results }) => {
    const { from, to } = bulk(meanShares(results, "trained"));
    const length = mean(results.map(({ trained }) => meanLength(trained.shares)));
    const half = blocksOf(depth) / 2;
    const verdict = length < 0.9 * half ? "fewer than" : length > 1.1 * half ? "more than" : "about";
    return `with ${depth} layers ${percent(ALMOST_ALL, 0)} of the gradient passes ${from} to ${to} of ${blocksOf(depth)} branches, on average ${length.toFixed(1)}, ${verdict} half of them`;
  });
  return `After training, ${verdicts.join("; ")}.`;
}
