/**
 * `shatter`: how similar the gradients of neighbouring inputs are, in plain and residual networks of several depths.
 *
 * Networks as in the paper: one number in, one number out, layers of 200 ReLUs with their initial weights. The input
 * goes from −2 to 2, and ∂y/∂x along this line is compared with brown noise, where neighbours are similar, and white
 * noise, where they are independent: then the gradient says nothing about the next step.
 *
 * Balduzzi et al. 2017, "The Shattered Gradients Problem: If resnets are the answer, then what is the question?", Figs. 1 and
 * 2, eq. 2. Next: ../../src/flow/shattering.ts.
 */
import { add, mean as meanOf, mul, relu, reshape, sub } from "../../src/autograd/index.ts";
import { autocorrelation, lineGradients } from "../../src/flow/index.ts";
import { BatchNorm2d, init, Linear, Module, ReLU, Sequential } from "../../src/nn/index.ts";
import { Rng, type Tensor, tensor } from "../../src/tensor/index.ts";
import { listOf, realNumber, wholeNumber } from "../arguments.ts";
import { type Case, type Experiment, option, type Seeded } from "../experiment.ts";
import type { LineChart, Panel, Tone } from "../report/chart.ts";
import { listed } from "../report/format.ts";
import { curveOf, mean } from "../report/statistics.ts";
import { cellOf, type Table } from "../report/table.ts";

interface Options {
  readonly depths: readonly number[];
  readonly width: number;
  readonly points: number;
  readonly scale: number;
}

interface Task {
  readonly net: Net;
  /** Hidden layers; 0 for noise. */
  readonly depth: number;
  readonly width: number;
  readonly points: number;
  readonly scale: number;
}

interface Result {
  /** ∂y/∂x from left to right, with a root mean square of 1. */
  readonly gradient: readonly number[];
  /** By lag, from 0. */
  readonly correlation: readonly number[];
}

const NETS = ["plain", "plain, batch norm", "residual", "residual, small β"] as const;
const NOISES = ["white noise", "brown noise"] as const;

type Net = (typeof NETS)[number] | (typeof NOISES)[number];

/** The inputs go from −2 to 2. */
const END = 2;

/** Correlations are computed for at most an eighth of the way: beyond that, too few pairs are left. */
const PART = 8;

export const shatter: Experiment<Options, Task, Result> = {
  name: "shatter",
  title: "Do neighbouring inputs have similar gradients?",
  about:
    "Autocorrelation of ∂y/∂x along a line of inputs, at initialisation, for plain and residual networks of several depths, compared with white and brown noise.",
  papers: "Balduzzi et al. 2017, Figs. 1 and 2",
  options: {
    depths: option("hidden layers", listOf(wholeNumber(1, 10000)), {
      quick: [1, 10, 24],
      default: [1, 4, 10, 24, 50],
      full: [1, 2, 4, 10, 24, 50],
    }),
    width: option("units in each hidden layer", wholeNumber(2, 1e5), { quick: 50, default: 200 }),
    points: option("inputs on the line", wholeNumber(2 * PART, 1e6), { quick: 128, default: 256 }),
    scale: option("scale of small branches, the paper's β", realNumber(0, 10, "above"), 0.1),
  },
  seeds: { quick: 3, default: 20, full: 100 },
  imageSize: { quick: "half", default: "half", full: "half" },
  paperData: "CIFAR-10",

  plan: ({ depths, width, points, scale }) => [
    ...NETS.flatMap((net) => depths.map((depth) => ({ net, depth, width, points, scale }))),
    ...NOISES.map((net) => ({ net, depth: 0, width, points, scale })),
  ],
  label: ({ net, depth }) => (depth === 0 ? net : `${net}, ${depth}`),
  cost: ({ depth }) => 1 + depth,

  run(task: Seeded<Task>): Result {
    const series = seriesOf(task);
    const rms = Math.sqrt(mean(Array.from(series.values, (v) => v ** 2)));
    return {
      gradient: Array.from(series.values, (v) => v / rms),
      correlation: autocorrelation(series, Math.floor(task.points / PART)).map((row) => row.autocorrelation),
    };
  },

  report: (cases, options) => ({
    found: findings(cases),
    paper:
      "At initialisation the gradients of a rectifier network with one hidden layer look like brown noise, those of 24 plain layers like white noise; those of a residual network of 50 layers lie in between. The correlation halves with every plain layer (2⁻ᴸ), with residual blocks it falls as (3/4)ᴸ without batch norm and as 1/√L with it (Balduzzi et al. 2017, Figs. 1 and 2, Theorems 1 to 3).",
    charts: [correlationChart(cases, options), gradientChart(cases, options)],
    tables: [table(cases, options)],
  }),
};

type Cases = readonly Case<Task, Result>[];

/** Subtracts the batch's mean from each unit, so that every ReLU is on for some inputs and off for others. */
class Center extends Module {
  forward(x: Tensor): Tensor {
    return sub(x, meanOf(x, [0], { keepDim: true }));
  }
}

/** Batch norm of `[N, units]`, with the batch's own statistics and no parameters. */
class UnitNorm extends Module {
  readonly norm: BatchNorm2d;

  constructor(units: number) {
    super();
    this.norm = new BatchNorm2d(units, { affine: false, trackRunningStats: false });
  }

  forward(x: Tensor): Tensor {
    return reshape(this.norm.forward(reshape(x, [...x.shape, 1, 1])), x.shape);
  }
}

/** Eq. 2: x + β·W relu(batch norm(x)). The paper's overall factor α does not change correlations. */
class ResidualUnit extends Module {
  readonly norm: UnitNorm;
  readonly linear: Linear;
  readonly #scale: number;

  constructor(units: number, scale: number, rng: Rng) {
    super();
    this.norm = new UnitNorm(units);
    this.linear = hidden(units, rng);
    this.#scale = scale;
  }

  forward(x: Tensor): Tensor {
    return add(x, mul(this.linear.forward(relu(this.norm.forward(x))), this.#scale));
  }
}

/** He's initial weights for ReLUs, and no bias. */
function hidden(units: number, rng: Rng): Linear {
  return new Linear(units, units, { bias: false, rng, init: init.kaimingNormal });
}

/**
 * The first layer is the same in all: relu(v·x + b) with normal v and b, so that its kinks lie all along the line; the
 * last one adds up. In between are depth − 1 layers.
 */
function network({ net, depth, width, scale, seed }: Seeded<Task>): Module {
  const rng = new Rng(seed).fork("weights");
  const first = new Linear(1, width, { rng, init: (t, generator) => init.normal(t, generator, { std: 1 }) });
  init.normal(first.bias!, rng, { std: 1 });
  const last = new Linear(width, 1, { bias: false, rng, init: init.kaimingNormal });
  const layers = Array.from({ length: depth - 1 }, (_, i): Module => {
    const own = rng.fork(`layer ${i}`);
    switch (net) {
      case "plain":
        return new Sequential(new Center(), hidden(width, own), new ReLU());
      case "plain, batch norm":
        return new Sequential(hidden(width, own), new UnitNorm(width), new ReLU());
      default:
        return new ResidualUnit(width, net === "residual" ? 1 : scale, own);
    }
  });
  return new Sequential(first, new ReLU(), ...layers, last);
}

/** Gradients along the line, or noise in their place. */
function seriesOf(task: Seeded<Task>): ReturnType<typeof lineGradients> {
  const { net, points, seed } = task;
  if (net !== "white noise" && net !== "brown noise") {
    return lineGradients(network(task), tensor([[-END]]), tensor([[END]]), { points });
  }
  const rng = new Rng(seed).fork("noise");
  const values = Float64Array.from({ length: points }, () => rng.normal());
  if (net === "brown noise") for (let i = 1; i < points; i++) values[i] += values[i - 1];
  return { spacing: (2 * END) / (points - 1), size: 1, values };
}

const TONES: Partial<Record<Net, Tone>> = { "white noise": "ink", "brown noise": "orange" };

function correlationChart(cases: Cases, { points }: Options): LineChart {
  const spacing = (2 * END) / (points - 1);
  const series = (name: string, { task, results }: Cases[number]): Panel["series"][number] => ({
    name,
    ...(TONES[task.net] ? { tone: TONES[task.net], dashed: true } : {}),
    points: curveOf(results.map(({ correlation }) => correlation.map((y, lag) => ({ x: lag * spacing, y })))),
  });
  const noises = cases.filter(({ task }) => task.depth === 0).map((one) => series(one.task.net, one));
  return {
    kind: "lines",
    id: "autocorrelation",
    title: "How far the gradient is correlated",
    caption: `Correlation of ∂y/∂x at two inputs, by their distance, on a line of ${points} inputs from −2 to 2. A line that falls to zero at once is white noise: one gradient says nothing about the next. The longer a line stays up, the further a step can go. β scales the branches: 1, or small. Mean over the seeds, band one standard deviation.`,
    x: { label: "distance of the two inputs" },
    y: { label: "autocorrelation", domain: [-0.4, 1] },
    panels: NETS.map((net) => ({
      title: net,
      series: [
        ...noises,
        ...cases.filter(({ task }) => task.net === net).map((one) => series(layers(one.task.depth), one)),
      ],
    })),
  };
}

/** As in the paper's Fig. 1: a shallow network, the deepest plain and residual ones, and the two noises. */
function gradientChart(cases: Cases, { points }: Options): LineChart {
  const shown = [
    shallowest(cases),
    ...(["plain", "residual, small β", "brown noise", "white noise"] as const).map((net) => deepest(cases, net)),
  ];
  const x = (i: number): number => -END + (2 * END * i) / (points - 1);
  return {
    kind: "lines",
    id: "gradients",
    title: "The gradients themselves",
    caption:
      "∂y/∂x along the line for the first seed, in a shallow network and in the deepest ones, scaled to a root mean square of 1 and cut off at ±4. Compare each with the two noises.",
    x: { label: "input" },
    y: { label: "∂y/∂x", domain: [-4, 4] },
    panels: distinct(shown).map(({ label, results }) => ({
      title: label,
      series: [{ name: "first seed", points: results[0].gradient.map((y, i) => ({ x: x(i), y })) }],
    })),
  };
}

/** Mean of the correlations at all lags but 0. */
function memory({ correlation }: Result): number {
  return mean(correlation.slice(1));
}

/** The distance at which the correlation falls below one half, interpolated between two lags; null if it never does. */
function halfDistance({ correlation }: Result, spacing: number): number | null {
  const lag = correlation.findIndex((r) => r < 0.5);
  if (lag < 1) return null;
  const [before, after] = [correlation[lag - 1], correlation[lag]];
  return spacing * (lag - 1 + (before - 0.5) / (before - after));
}

function table(cases: Cases, { points, width }: Options): Table {
  const spacing = (2 * END) / (points - 1);
  return {
    id: "correlations",
    title: "Correlations",
    caption: `Correlation of ∂y/∂x at neighbouring inputs, ${spacing.toFixed(3)} apart; its mean over all distances in the picture; and the distance at which it falls below one half (over the seeds where it does). Networks of ${width} units per layer. Mean ± one standard deviation over the seeds.`,
    columns: [
      { label: "network" },
      { label: "layers", digits: 0 },
      { label: "neighbours", digits: 3 },
      { label: "mean", digits: 3 },
      { label: "half at", digits: 3 },
    ],
    rows: cases.map(({ task, results }) => [
      task.net,
      task.depth === 0 ? null : task.depth,
      cellOf(results.map(({ correlation }) => correlation[1])),
      cellOf(results.map(memory)),
      cellOf(results.flatMap((result) => halfDistance(result, spacing) ?? [])),
    ]),
  };
}

function deepest(cases: Cases, net: Net): Cases[number] | undefined {
  return cases.filter(({ task }) => task.net === net).sort((a, b) => b.task.depth - a.task.depth)[0];
}

/** A single layer is the same in all networks. */
function shallowest(cases: Cases): Cases[number] | undefined {
  return cases.find(({ task }) => task.net === "plain" && task.depth === 1);
}

/** The existing ones, each once. */
function distinct(cases: readonly (Cases[number] | undefined)[]): Cases {
  return [...new Set(cases)].filter((one) => one !== undefined);
}

function layers(depth: number): string {
  return `${depth} ${depth === 1 ? "layer" : "layers"}`;
}

function findings(cases: Cases): string {
  const neighbours = (one: Cases[number]): number => mean(one.results.map(({ correlation }) => correlation[1]));
  const [white, brown] = NOISES.map((net) => deepest(cases, net));
  if (!white || !brown) return "There is no noise to compare the gradients with.";
  const nets = distinct([shallowest(cases), ...NETS.map((net) => deepest(cases, net))]);
  const place = (one: Cases[number]): number =>
    (neighbours(one) - neighbours(white)) / (neighbours(brown) - neighbours(white));
  const groups: readonly [string, (at: number) => boolean][] = [
    ["like white noise", (at) => at < 0.1],
    ["between the two", (at) => at >= 0.1 && at <= 0.9],
    ["like brown noise", (at) => at > 0.9],
  ];
  const verdicts = groups.flatMap(([what, holds]) => {
    const there = nets.filter((one) => holds(place(one)));
    return there.length > 0
      ? [`${what} in ${listed(there.map(({ task }) => `${task.net} with ${layers(task.depth)}`))}`]
      : [];
  });
  return `From one input to the next the gradient changes ${verdicts.join("; ")}.`;
}
