/**
 * `degradation`: deeper plain networks learn their own training images worse; residual networks do not.
 *
 * He et al. 2015, "Deep Residual Learning for Image Recognition", Fig. 1 and Fig. 6: the training error rises, so it is
 * not overfitting, although a deeper network could always copy a shallower one and make the other layers identities.
 */
import { cifarResNet } from "../../src/resnet/index.ts";
import { depth, listOf, wholeNumber } from "../arguments.ts";
import { type Case, type Experiment, option } from "../experiment.ts";
import type { Axis, LineChart, Panel } from "../report/chart.ts";
import { curveOf, pointOf } from "../report/statistics.ts";
import { cellOf, type Table } from "../report/table.ts";
import { networkOptions } from "../training/network.ts";
import {
  type CurvePoint,
  pickTraining,
  type Training,
  type TrainingOptions,
  train,
  trainingOptions,
} from "../training/train.ts";
import { depthVerdict, divergedCell } from "./variants.ts";

interface Options extends TrainingOptions {
  readonly depths: readonly number[];
  readonly width: number;
}

interface Task extends TrainingOptions {
  readonly depth: number;
  readonly net: "residual" | "plain";
  readonly width: number;
}

const NETS = ["plain", "residual"] as const;

export const degradation: Experiment<Options, Task, Training> = {
  name: "degradation",
  title: "Do deeper networks learn better?",
  about:
    "Trains plain and residual networks of several depths on the same images in the same order and compares how well they learn them.",
  papers: "He et al. 2015, Figs. 1 and 6, Table 6",
  options: {
    depths: option("layers of the networks, 6n+2", listOf(depth), {
      quick: [8, 20],
      default: [20, 56, 110],
      full: [20, 32, 44, 56, 110],
    }),
    width: option("channels of the first stage", wholeNumber(1, 1024), { quick: 4, default: 8, full: 16 }),
    ...trainingOptions({ default: { steps: 400 } }),
  },
  seeds: { quick: 1, default: 2, full: 5 },
  imageSize: { quick: "half", default: "half", full: "whole" },
  paperData: "CIFAR-10",

  plan: ({ depths, width, ...training }) =>
    NETS.flatMap((net) => depths.map((depth) => ({ depth, net, width, ...pickTraining(training) }))),
  label: ({ net, depth }) => `${net}-${depth}`,
  cost: ({ depth }) => depth,
  run: (task, context) => {
    const { depth, net } = task;
    const shortcut = net === "plain" ? "none" : "pad";
    const model = cifarResNet(depth, { ...networkOptions(task, context), shortcut, order: "post" });
    return train(model, task, context);
  },

  report: (cases, { steps, batchSize }) => ({
    found: findings(cases),
    paper:
      "On CIFAR-10 (64,000 steps of 128 images) the training error of plain networks rises with depth from 20 to 56 layers, and plain-110 has above 60 %; residual networks get better with depth, with test errors of 8.75 % at 20 layers, 6.97 % at 56 and 6.43 % at 110 (He et al. 2015, Fig. 6 and Table 6).",
    charts: [
      curves(cases, {
        id: "training-error",
        title: "Who learns the training images?",
        y: { label: "training error", unit: "%" },
        value: ({ error }) => 100 * error,
        batchSize,
      }),
      curves(cases, {
        id: "training-loss",
        title: "The same as loss",
        y: { label: "training loss", unit: "nats", log: true },
        value: ({ loss }) => loss,
        batchSize,
      }),
      byDepth(cases),
    ],
    tables: [table(cases, steps)],
  }),
};

type Cases = readonly Case<Task, Training>[];

function of(cases: Cases, net: Task["net"]): Cases {
  return cases.filter(({ task }) => task.net === net);
}

interface CurvesSpec {
  readonly id: string;
  readonly title: string;
  readonly y: Axis;
  readonly value: (point: CurvePoint) => number;
  readonly batchSize: number;
}

function curves(cases: Cases, { id, title, y, value, batchSize }: CurvesSpec): LineChart {
  return {
    kind: "lines",
    id,
    title,
    caption: `Left and right differ only in the skip connections. Look at the order of the lines: where the deeper network ends higher, depth has made learning itself harder. Means over stretches of the training, each batch of ${batchSize} measured before its update; bands are one standard deviation over the seeds.`,
    x: { label: "step", whole: true },
    y,
    panels: NETS.map(
      (net): Panel => ({
        title: net,
        series: of(cases, net).map(({ task, results }) => ({
          name: `${task.depth} layers`,
          points: curveOf(
            results.map(({ curve }) => curve.map((point) => ({ x: point.step, y: value(point) }))),
            { log: y.log ?? false },
          ),
        })),
      }),
    ),
  };
}

function byDepth(cases: Cases): LineChart {
  const series = (tested: boolean): Panel["series"] =>
    NETS.map((net) => ({
      name: net,
      tone: net,
      points: of(cases, net).map(({ task, results }) =>
        pointOf(
          task.depth,
          results.map(({ testError, trainError }) => 100 * (tested ? testError : trainError)),
        ),
      ),
    }));
  return {
    kind: "lines",
    id: "error-by-depth",
    title: "Error by depth",
    caption:
      "Errors at the end of the training, on training images and on test images. A rising line means that more layers made it worse; if it rises on the left too, the cause is not overfitting.",
    x: { label: "layers", whole: true },
    y: { label: "error", unit: "%" },
    marks: "both",
    panels: [
      { title: "training images", series: series(false) },
      { title: "test images", series: series(true) },
    ],
  };
}

function table(cases: Cases, steps: number): Table {
  return {
    id: "errors",
    title: "Errors",
    caption: `After ${steps} steps: over the last tenth of the training, and on test images. Mean ± one standard deviation over the seeds. A training diverged where its loss was no longer a number.`,
    columns: [
      { label: "network" },
      { label: "parameters", digits: 0 },
      { label: "training error, %", digits: 2 },
      { label: "training loss", digits: 3 },
      { label: "test error, %", digits: 2 },
      { label: "diverged" },
    ],
    rows: cases.map(({ label, results }) => [
      label,
      results[0].parameters,
      cellOf(results.map(({ trainError }) => 100 * trainError)),
      cellOf(results.map(({ trainLoss }) => trainLoss)),
      cellOf(results.map(({ testError }) => 100 * testError)),
      divergedCell(results),
    ]),
  };
}

function findings(cases: Cases): string {
  return depthVerdict(
    NETS.map((name) => ({
      name,
      byDepth: of(cases, name).map(({ results }) => results.map(({ trainError }) => trainError)),
    })),
  );
}
