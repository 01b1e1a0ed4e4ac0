/**
 * `stochastic-depth`: blocks skipped at random in training.
 *
 * Huang, Sun, Liu, Sedra & Weinberger 2016, "Deep Networks with Stochastic Depth", Tables 1 and 2: for each batch block
 * l is skipped with probability 1 − p_l, p_l falling linearly to p_L = 0.5; tests use all blocks. It saves time, and it
 * regularises, so by default the networks train on few enough images to memorise them. src/resnet/stochastic-depth.ts.
 */
import { cifarResNet } from "../../src/resnet/index.ts";
import { depth, listOf, realNumber, wholeNumber } from "../arguments.ts";
import { type Case, type Experiment, option } from "../experiment.ts";
import type { LineChart, Panel } from "../report/chart.ts";
import { cellOf, type Table } from "../report/table.ts";
import { firstImages } from "../training/first-images.ts";
import { networkOptions } from "../training/network.ts";
import { pickTraining, type Training, type TrainingOptions, train, trainingOptions } from "../training/train.ts";
import { comparison, deepestOf, divergedCell, lossCurve, seedNote } from "./variants.ts";

interface Options extends TrainingOptions {
  readonly depths: readonly number[];
  readonly survival: readonly number[];
  readonly width: number;
  readonly trainImages: number;
}

interface Task extends TrainingOptions {
  readonly depth: number;
  readonly survival: number;
  readonly width: number;
  readonly trainImages: number;
}

interface Result extends Training {
  /** Per step. */
  readonly seconds: number;
}

export const stochasticDepth: Experiment<Options, Task, Result> = {
  name: "stochastic-depth",
  title: "What if blocks are skipped at random?",
  about:
    "Trains residual networks with all blocks and with blocks skipped at random, and compares test errors and the time of a step.",
  papers: "Huang et al. 2016, Tables 1 and 2, Fig. 3",
  options: {
    depths: option("layers of the networks, 6n+2", listOf(depth), { quick: [20], default: [56, 110], full: [110] }),
    survival: option(
      "p_L, the probability that the last block is used; 1 uses all",
      listOf(realNumber(0, 1)),
      [1, 0.5],
    ),
    width: option("channels of the first stage", wholeNumber(1, 1024), { quick: 4, default: 8, full: 16 }),
    trainImages: option("how many images to train on, at most all of them", wholeNumber(1, 1e9), {
      quick: 500,
      default: 1000,
      full: 50000,
    }),
    ...trainingOptions({ quick: { steps: 60 }, default: { steps: 600 } }),
  },
  seeds: { quick: 1, default: 2, full: 5 },
  imageSize: { quick: "half", default: "half", full: "whole" },
  paperData: "CIFAR-10",

  plan: ({ depths, survival, width, trainImages, ...training }) =>
    depths.flatMap((depth) =>
      survival.map((survival) => ({ depth, survival, width, trainImages, ...pickTraining(training) })),
    ),
  label: ({ depth, survival }) => `${depth} layers, ${name(survival)}`,
  cost: ({ depth, survival }) => depth * usedShare(survival),
  async run(task, context) {
    const { depth, survival, trainImages } = task;
    const model = cifarResNet(depth, { ...networkOptions(task, context), stochasticDepth: survival });
    const notes = { elapsed: 0, steps: 0 };
    const training = await train(
      model,
      task,
      { ...context, train: firstImages(context.train, trainImages) },
      {
        notes,
        onStep: ({ seconds }) => {
          notes.elapsed = seconds;
          notes.steps++;
        },
      },
    );
    return { ...training, seconds: notes.elapsed / Math.max(1, notes.steps) };
  },

  report: (cases, { trainImages }) => ({
    found: findings(cases),
    paper:
      "On CIFAR-10 with 110 layers stochastic depth with p_L = 0.5 lowers the test error from 6.41 to 5.25 % while the training loss is higher, and saves about 25 % of the training time; 1202 layers reach 4.91 % (Huang et al. 2016, Tables 1 and 2).",
    charts: [curves(cases, trainImages)],
    tables: [table(cases)],
  }),
};

type Cases = readonly Case<Task, Result>[];

function name(survival: number): string {
  return survival === 1 ? "all blocks" : `p_L = ${survival}`;
}

/** The average share of blocks in use: p_l goes linearly from near 1 to p_L. */
function usedShare(survival: number): number {
  return (1 + survival) / 2;
}

function curves(cases: Cases, trainImages: number): LineChart {
  const depths = [...new Set(cases.map(({ task }) => task.depth))];
  return {
    kind: "lines",
    id: "training-loss",
    title: `How they learn ${trainImages} images`,
    caption:
      "Training loss with the blocks used in each step. It should be higher with stochastic depth, which trains a different, shorter network in every step; the test error in the table says whether that pays. Geometric means over the seeds, bands of one standard deviation.",
    x: { label: "step", whole: true },
    y: { label: "training loss", unit: "nats", log: true },
    panels: depths.map(
      (depth): Panel => ({
        title: `${depth} layers`,
        series: cases
          .filter(({ task }) => task.depth === depth)
          .map(({ task: { survival }, results }) => ({
            name: name(survival),
            ...(survival === 1 ? { tone: "residual" as const } : {}),
            points: lossCurve(results),
          })),
      }),
    ),
  };
}

function table(cases: Cases): Table {
  return {
    id: "errors",
    title: "Errors and time",
    caption:
      "Over the last tenth of the steps, on test images, and the time of a training step on this machine with all its threads at work; mean ± one standard deviation over the seeds. The expected share of blocks in use is (1 + p_L)/2.",
    columns: [
      { label: "layers", digits: 0 },
      { label: "blocks" },
      { label: "in use, %", digits: 0 },
      { label: "training loss", digits: 3 },
      { label: "test loss", digits: 3 },
      { label: "test error, %", digits: 2 },
      { label: "ms per step", digits: 1 },
      { label: "diverged" },
    ],
    rows: cases.map(({ task, results }) => [
      task.depth,
      name(task.survival),
      100 * usedShare(task.survival),
      cellOf(results.map(({ trainLoss }) => trainLoss)),
      cellOf(results.map(({ testLoss }) => testLoss)),
      cellOf(results.map(({ testError }) => 100 * testError)),
      cellOf(results.map(({ seconds }) => 1000 * seconds)),
      divergedCell(results),
    ]),
  };
}

function findings(cases: Cases): string {
  const layers = deepestOf(cases);
  const there = cases.filter(({ task }) => task.depth === layers);
  const [whole, ...others] = [...there].sort((a, b) => b.task.survival - a.task.survival);
  const measured = ({ task, results }: Cases[number]): { name: string; values: number[] } => ({
    name: name(task.survival),
    values: results.map(({ testError }) => testError),
  });
  return comparison(measured(whole), others.map(measured), layers, seedNote(there));
}
