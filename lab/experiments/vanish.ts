/**
 * `vanish`: the gradient's norm at every layer of untrained networks.
 *
 * Backpropagation multiplies a gradient by one Jacobian per layer. If each makes it 0.8 times as large, 110 of them leave
 * 2·10⁻¹¹; if 1.2 times, they make it 5·10⁸ times as large. Measured here: ‖∂L/∂y‖ at the output of every convolution, before the
 * first update, with and without batch norm, with and without shortcuts, by depth.
 *
 * Glorot & Bengio 2010, §4; He et al. 2015, "Deep Residual Learning", §4.1; Yang et al. 2019, "A Mean Field Theory of
 * Batch Normalization". This file is also the worked example of README.md, which says how to write an experiment.
 */
import { crossEntropy } from "../../src/autograd/index.ts";
import { layerStatistics } from "../../src/flow/index.ts";
import { type Initializer, init } from "../../src/nn/index.ts";
import { cifarResNet } from "../../src/resnet/index.ts";
import { depth, listOf, realNumber, wholeNumber } from "../arguments.ts";
import { type Case, type Context, type Experiment, option, type Seeded } from "../experiment.ts";
import type { LineChart, Panel } from "../report/chart.ts";
import { listed } from "../report/format.ts";
import { curveOf, geometricMean } from "../report/statistics.ts";
import { cellOf, type Table } from "../report/table.ts";
import { networkOptions } from "../training/network.ts";
import { trainingBatches } from "../training/train.ts";

interface Options {
  readonly depths: readonly number[];
  readonly width: number;
  readonly batchSize: number;
  readonly gains: readonly number[];
}

interface Task {
  readonly depth: number;
  readonly net: "residual" | "plain";
  /**
   * Null: batch norm. Otherwise there is no normalisation, and this is the weights' deviation in units of Kaiming's.
   */
  readonly gain: number | null;
  readonly width: number;
  readonly batchSize: number;
}

interface Result {
  readonly loss: number;
  /** ‖∂L/∂y‖ at the output of each convolution, from the image to the loss. */
  readonly norms: readonly number[];
}

export const vanish: Experiment<Options, Task, Result> = {
  name: "vanish",
  title: "Does the gradient reach the first layer?",
  about:
    "Gradient norms at every layer before the first update, for plain and residual networks of several depths, with and without batch norm.",
  papers: "Glorot & Bengio 2010, §4; He et al. 2015, §4.1; Yang et al. 2019",
  options: {
    depths: option("layers of the networks, 6n+2", listOf(depth), { quick: [8, 20], default: [20, 56, 110] }),
    width: option("channels of the first stage", wholeNumber(1, 1024), { quick: 4, default: 16 }),
    batchSize: option("images in the batch", wholeNumber(2, 65536), { quick: 8, default: 32, full: 128 }),
    gains: option(
      "deviation of the weights without batch norm, in units of Kaiming's",
      listOf(realNumber(0, 10, "above")),
      [1, 0.8],
    ),
  },
  seeds: { quick: 2, default: 5, full: 10 },
  imageSize: { quick: "half", default: "whole", full: "whole" },
  paperData: "CIFAR-10",

  plan: ({ depths, gains, width, batchSize }) =>
    [null, ...gains].flatMap((gain) =>
      NETS.flatMap((net) => depths.map((depth) => ({ depth, net, gain, width, batchSize }))),
    ),
  label: ({ depth, net, gain }) => `${net}-${depth}, ${normalization(gain)}`,
  cost: ({ depth }) => depth,

  run(task: Seeded<Task>, context: Context): Result {
    const { depth, net, gain } = task;
    const model = cifarResNet(depth, {
      ...networkOptions(task, context),
      shortcut: net === "plain" ? "none" : "pad",
      ...(gain === null ? {} : { batchNorm: false, init: kaimingTimes(gain) }),
    });
    const [{ x, labels }] = trainingBatches({ ...task, augment: "none" }, context);
    let loss = Number.NaN;
    const rows = layerStatistics(model, () => {
      const scalar = crossEntropy(model.forward(x), labels);
      loss = scalar.item();
      return scalar;
    });
    const norms = rows.filter(({ kind }) => kind === "Conv2d").map(({ gradientNorm }) => gradientNorm);
    return { loss, norms };
  },

  report: (cases) => ({
    found: findings(cases),
    paper:
      "Glorot & Bengio (2010, §4) saw gradients shrink from layer to layer on their way back. He et al. (2015, §4.1) argue that with batch norm they do not vanish in plain networks, which learn badly all the same. Yang et al. (2019) prove that batch norm without skip connections makes them grow exponentially with depth at initialisation, by at least 1.21 per layer with ReLU (√(π/(π − 1))), so that such networks cannot be trained at large depth. De & Smith (2020) show that without normalisation the activations of a residual network double their variance in every block.",
    charts: [
      chart("batch-norm", "With batch norm", cases, [null]),
      chart("no-batch-norm", "Without", cases, [...new Set(cases.flatMap(({ task }) => task.gain ?? []))]),
    ],
    tables: [table(cases)],
  }),
};

const NETS = ["plain", "residual"] as const;

type Cases = readonly Case<Task, Result>[];

function kaimingTimes(gain: number): Initializer {
  return (t, rng) => init.kaimingNormal(t, rng, { mode: "fanOut", gain: gain * Math.SQRT2 });
}

function normalization(gain: number | null): string {
  if (gain === null) return "batch norm";
  return gain === 1 ? "no batch norm" : `no batch norm, weights × ${gain}`;
}

/** The factor on the gradient from the last convolution to the first. */
function growth({ norms }: Result): number {
  return norms[0] / norms[norms.length - 1];
}

/** The layers' norms over the way from image to loss, 0 … 100 %, so that networks of all depths fit one axis. */
function curve({ norms }: Result): { x: number; y: number }[] {
  return norms.map((y, i) => ({ x: (100 * i) / (norms.length - 1), y }));
}

function chart(id: string, title: string, cases: Cases, gains: readonly (number | null)[]): LineChart {
  const panels = gains.flatMap((gain) =>
    NETS.map((net): Panel => {
      const here = cases.filter(({ task }) => task.gain === gain && task.net === net);
      const series = here.map(({ task, results }) => ({
        name: `${task.depth} layers`,
        points: curveOf(results.map(curve), { log: true }),
      }));
      return { title: gain === null || gain === 1 ? net : `${net}, weights × ${gain}`, series };
    }),
  );
  return {
    kind: "lines",
    id,
    title,
    caption:
      "Backpropagation runs from right to left. A level line means that the gradient arrives at the image as large as it left the loss; a steep one means that it grows or shrinks in every layer, the more the deeper the network. Lines are geometric means over the seeds, bands one standard deviation (of the logarithm).",
    x: { label: "convolution, from the image to the loss", unit: "% of the way" },
    y: { label: "‖∂L/∂y‖", log: true },
    panels,
  };
}

function table(cases: Cases): Table {
  return {
    id: "growth",
    title: "From the last convolution to the first",
    caption:
      "‖∂L/∂y‖ at the first and at the last convolution, their ratio, and the factor per layer that gives this ratio. Geometric mean over the seeds ×÷ one standard deviation.",
    columns: [
      { label: "network" },
      { label: "at the last" },
      { label: "at the first" },
      { label: "first / last" },
      { label: "per layer", digits: 3 },
    ],
    rows: cases.map(({ label, results }) => [
      label,
      cellOf(
        results.map(({ norms }) => norms[norms.length - 1]),
        { log: true },
      ),
      cellOf(
        results.map(({ norms }) => norms[0]),
        { log: true },
      ),
      cellOf(results.map(growth), { log: true }),
      perLayer(results),
    ]),
  };
}

function perLayer(results: readonly Result[]): number {
  return geometricMean(results.map(growth)) ** (1 / (results[0].norms.length - 1));
}

function findings(cases: Cases): string {
  const deepest = Math.max(...cases.map(({ task }) => task.depth));
  const there = cases.filter(({ task }) => task.depth === deepest);
  const verdicts = (["vanishes", "arrives", "explodes"] as const).flatMap((verdict) => {
    const nets = there.filter(({ results }) => verdictOn(geometricMean(results.map(growth))) === verdict);
    return nets.length > 0 ? [`${verdict} in ${listed(nets.map(({ label }) => label))}`] : [];
  });
  return `Before training, the gradient ${verdicts.join("; ")}.`;
}

/** The most that a step of SGD can tolerate: a thousandfold over the whole network, 7 % per layer at 110 layers. */
function verdictOn(total: number): "vanishes" | "explodes" | "arrives" {
  if (total < 1e-3) return "vanishes";
  return total > 1e3 ? "explodes" : "arrives";
}
