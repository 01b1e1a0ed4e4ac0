/**
 * `jacobian`: the singular values of what a gradient is multiplied by, in one block and in a whole network.
 *
 * For y = x + F(x) the Jacobian is I + J_F. A gradient keeps its length in all directions where all singular values are 1
 * (dynamical isometry); what is near 0 is lost, and what is far above 1 explodes over many layers. Measured in evaluation
 * mode for one test image: the last block of each stage, with its shortcut and without, and all blocks together.
 *
 * Saxe, McClelland & Ganguli 2013, "Exact solutions to the nonlinear dynamics of learning in deep linear neural networks", §3;
 * Pennington, Schoenholz & Ganguli 2017, "Resurrecting the sigmoid in deep learning through dynamical isometry"; He et al.
 * 2016, "Identity Mappings in Deep Residual Networks", eq. 5. Next: ../../src/flow/jacobian.ts.
 */
import { noGrad } from "../../src/autograd/index.ts";
import { batches } from "../../src/data/index.ts";
import { blockSpectra, jacobianSpectrum } from "../../src/flow/index.ts";
import { observe } from "../../src/nn/index.ts";
import { cifarResNet, type ResNet } from "../../src/resnet/index.ts";
import type { Tensor } from "../../src/tensor/index.ts";
import { depth, listOf, wholeNumber } from "../arguments.ts";
import type { LineChart, Panel } from "../report/chart.ts";
import { percent, significant } from "../report/format.ts";
import { curveOf, mean } from "../report/statistics.ts";
import { cellOf, type Table } from "../report/table.ts";
import { type Case, type Context, type Experiment, option, type Seeded } from "../runner/experiment.ts";
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
  readonly stages: readonly number[];
}

interface Task extends TrainingOptions {
  readonly depth: number;
  readonly net: "plain" | "residual";
  readonly width: number;
  /** Whose last blocks are looked at. */
  readonly stages: readonly number[];
}

interface Spectrum {
  /** The largest singular value, the one after 1 % of them, … the smallest: 101 numbers. */
  readonly percentiles: readonly number[];
  /** How many lie between ½ and 2, as a fraction. */
  readonly nearOne: number;
  /** How many lie below 1/100, as a fraction. */
  readonly lost: number;
}

interface BlockSpectrum extends Spectrum {
  readonly stage: number;
  /** I + J_F, or J_F. */
  readonly part: "block" | "branch";
}

interface Spectra {
  readonly network: Spectrum;
  /** Of residual networks; a plain block is a branch. */
  readonly blocks: readonly BlockSpectrum[];
}

interface Result extends Training {
  readonly initial: Spectra;
  readonly trained: Spectra;
}

const NETS = ["plain", "residual"] as const;
const PHASES = ["initial", "trained"] as const;

type Phase = (typeof PHASES)[number];

const WHEN: Readonly<Record<Phase, string>> = { initial: "before training", trained: "trained" };

/** Backpropagation in single precision cannot tell what is smaller than this part of the largest from 0. */
const ROUNDING = 1e-6;

/** Batches after which running statistics are those of the data: what they were before counts 0.9⁶⁰, 0.2 %. */
const SETTLING = 60;

export const jacobian: Experiment<Options, Task, Result> = {
  name: "jacobian",
  title: "How much do blocks and networks stretch and shrink a gradient?",
  about:
    "Singular values of the Jacobians of residual blocks with and without their shortcut, and of plain and residual networks by depth, before and after training.",
  papers: "Saxe et al. 2013, §3; Pennington et al. 2017; He et al. 2016, eq. 5",
  options: {
    depths: option("layers of the networks, 6n+2", listOf(depth), {
      quick: [8, 20],
      default: [20, 56, 110],
      full: [20, 56, 110],
    }),
    // A Jacobian has as many rows as a block has outputs, 14·14·width in the first stage: that limits the width.
    width: option("channels of the first stage", wholeNumber(1, 64), { quick: 2, default: 4, full: 8 }),
    stages: option("whose last blocks are looked at", listOf(wholeNumber(1, 3)), {
      quick: [2, 3],
      default: [1, 2, 3],
      full: [1, 2, 3],
    }),
    ...trainingOptions({ default: { steps: 300 } }),
  },
  seeds: { quick: 1, default: 2, full: 5 },
  imageSize: { quick: "half", default: "half", full: "half" },
  paperData: "CIFAR-10",

  plan: ({ depths, width, stages, ...training }) =>
    NETS.flatMap((net) => depths.map((depth) => ({ depth, net, width, stages, ...pickTraining(training) }))),
  label: ({ net, depth }) => `${net}-${depth}`,
  cost: ({ depth, steps }) => 20 + depth * (1 + steps / 300),

  async run(task: Seeded<Task>, context: Context): Promise<Result> {
    const { depth, net } = task;
    const shortcut = net === "plain" ? "none" : "pad";
    const model = cifarResNet(depth, { ...networkOptions(task, context), shortcut, order: "pre" });
    settle(model, task, context);
    const initial = spectra(model, task, context);
    context.progress(0.25);
    const training = await train(model, task, {
      ...context,
      progress: (done) => context.progress(0.25 + 0.5 * done),
    });
    return { ...training, initial, trained: spectra(model, task, context) };
  },

  report: (cases) => ({
    found: findings(cases),
    paper:
      "Deep linear networks learn as fast as shallow ones if all singular values of their Jacobian are close to 1 at the start (Saxe et al. 2013, §3), and so do deep networks of tanh, but not of ReLU, for which no choice of plain weights brings this about (Pennington et al. 2017). An identity shortcut makes a block's Jacobian I + J_F (He et al. 2016, eq. 5): directions that the branch would lose keep a singular value near 1.",
    charts: [...blockChart(cases), networkChart(cases)],
    tables: [networkTable(cases), ...blockTable(cases)],
  }),
};

type Cases = readonly Case<Task, Result>[];

/** Lets batch norm see the data before there is a training, so that evaluation means the same before and after it. */
function settle(model: ResNet, task: Seeded<Task>, context: Context): void {
  const data = trainingBatches({ ...task, augment: "none" }, context);
  model.train();
  let seen = 0;
  while (seen < SETTLING) {
    for (const { x } of data) {
      noGrad(() => model.forward(x));
      if (++seen === SETTLING) break;
    }
  }
}

/** Of a network in evaluation mode, for the first test image. */
function spectra(model: ResNet, { net, stages }: Task, { test, normalization: normalize }: Context): Spectra {
  const [{ x }] = batches(test, { batchSize: 1, normalize });
  model.eval();
  const rows =
    net === "plain" ? [] : blockSpectra(model, x, { blocks: stages.map((stage) => lastBlock(model, stage)) });
  const blocks = stages.flatMap((stage) =>
    (["block", "branch"] as const).flatMap((part): BlockSpectrum[] => {
      const own = rows.filter((row) => row.block === lastBlock(model, stage) && row.part === part);
      return own.length === 0 ? [] : [{ stage, part, ...spectrumOf(own) }];
    }),
  );
  const through = (t: Tensor): Tensor => model.layer3.forward(model.layer2.forward(model.layer1.forward(t)));
  return { network: spectrumOf(jacobianSpectrum(through, inputOfBlocks(model, x))), blocks };
}

function lastBlock(model: ResNet, stage: number): string {
  const blocks = model.blocks().filter(([path]) => path.startsWith(`layer${stage}.`));
  return blocks[blocks.length - 1][0];
}

/** What reaches the first block. */
function inputOfBlocks(model: ResNet, x: Tensor): Tensor {
  let input = x;
  observe(
    model,
    (_, module, x) => {
      if (module === model.layer1) input = x;
    },
    () => model.forward(x),
  );
  return input;
}

function spectrumOf(rows: readonly { readonly singularValue: number }[]): Spectrum {
  const least = ROUNDING * rows[0].singularValue;
  const values = rows.map(({ singularValue }) => (singularValue < least ? 0 : singularValue));
  const fraction = (holds: (value: number) => boolean): number => values.filter(holds).length / values.length;
  const at = (percent: number): number => values[Math.round((percent / 100) * (values.length - 1))];
  return {
    percentiles: Array.from({ length: 101 }, (_, percent) => Number(at(percent).toPrecision(6))),
    nearOne: fraction((value) => value >= 0.5 && value <= 2),
    lost: fraction((value) => value < 0.01),
  };
}

const RANK = { label: "singular values, from the largest to the smallest", unit: "%" } as const;

function curve({ percentiles }: Spectrum): { x: number; y: number }[] {
  return percentiles.map((y, x) => ({ x, y }));
}

const ONE = [{ y: 1, label: "isometry" }];

/** What the axis starts at: below is next to nothing, and often nothing but rounding. */
const LOWEST = 1e-4;

function highest(spectra: readonly Spectrum[]): number {
  const values = spectra.map(({ percentiles }) => percentiles[0]).filter(Number.isFinite);
  return 2 * Math.max(1, ...values);
}

/** The deepest residual network, if there is one: its blocks are what is looked at. */
function deepestResidual(cases: Cases): Cases[number] | undefined {
  const residual = cases.filter(({ task }) => task.net === "residual");
  return [...residual].sort((a, b) => b.task.depth - a.task.depth)[0];
}

function blockSpectraOf({ results }: Cases[number], phase: Phase, stage: number, part: string): BlockSpectrum[] {
  return results.flatMap((result) => result[phase].blocks.filter((row) => row.stage === stage && row.part === part));
}

function blockChart(cases: Cases): LineChart[] {
  const deepest = deepestResidual(cases);
  if (!deepest) return [];
  const { label, task, results } = deepest;
  const all = results.flatMap((result) => PHASES.flatMap((phase) => result[phase].blocks));
  const line = (phase: Phase, stage: number, part: string): Panel["series"][number]["points"] =>
    curveOf(blockSpectraOf(deepest, phase, stage, part).map(curve), { log: true });
  return [
    {
      kind: "lines",
      id: "blocks",
      title: "One block, with its shortcut and without",
      caption: `Singular values of the last block of each stage of ${label}, in order of size. The branch alone (J_F) loses every direction where its line is far below 1; the shortcut (I + J_F) lifts the line towards 1. Geometric mean over the seeds, band one standard deviation; what is below ${LOWEST} is cut off.`,
      x: RANK,
      y: { label: "singular value", log: true, domain: [LOWEST, highest(all)] },
      rules: ONE,
      panels: PHASES.flatMap((phase) =>
        task.stages.map((stage) => ({
          title: `stage ${stage}, ${WHEN[phase]}`,
          series: [
            { name: "with the shortcut, I + J_F", tone: "residual", points: line(phase, stage, "block") },
            { name: "the branch alone, J_F", tone: "green", points: line(phase, stage, "branch") },
          ] as const,
        })),
      ),
    },
  ];
}

function networkChart(cases: Cases): LineChart {
  const all = cases.flatMap(({ results }) =>
    results.flatMap(({ initial, trained }) => [initial.network, trained.network]),
  );
  return {
    kind: "lines",
    id: "networks",
    title: "All blocks together",
    caption: `Singular values of the way from the first block's input to the last block's output, in order of size. A short, level line at 1 would carry every gradient unchanged; a steep line lets through a few directions and loses the others. Two halvings of the image are on the way, which discard most of it, so that part of the fall is not due to depth. Geometric mean over the seeds, band one standard deviation; what is below ${LOWEST} is cut off.`,
    x: RANK,
    y: { label: "singular value", log: true, domain: [LOWEST, highest(all)] },
    rules: ONE,
    panels: PHASES.flatMap((phase) =>
      NETS.map((net) => ({
        title: `${net}, ${WHEN[phase]}`,
        series: cases
          .filter(({ task }) => task.net === net)
          .map(({ task, results }) => ({
            name: `${task.depth} layers`,
            points: curveOf(
              results.map((result) => curve(result[phase].network)),
              { log: true },
            ),
          })),
      })),
    ),
  };
}

function median({ percentiles }: Spectrum): number {
  return percentiles[50];
}

function networkTable(cases: Cases): Table {
  return {
    id: "network-values",
    title: "All blocks together",
    caption:
      "Singular values from the first block's input to the last block's output: the largest (geometric mean over the seeds ×÷ one standard deviation), the median, how many lie between ½ and 2 (isometry would be all), and how many below 1/100, where a gradient is as good as lost (mean ± one standard deviation). 0 is what single precision cannot tell from it.",
    columns: [
      { label: "network" },
      { label: "when" },
      { label: "largest" },
      { label: "median" },
      { label: "between ½ and 2, %", digits: 1 },
      { label: "below 1/100, %", digits: 1 },
      { label: "test error, %", digits: 1 },
    ],
    rows: cases.flatMap(({ label, results }) =>
      PHASES.map((phase) => {
        const spectra = results.map((result) => result[phase].network);
        return [
          label,
          WHEN[phase],
          cellOf(
            spectra.map(({ percentiles }) => percentiles[0]),
            { log: true },
          ),
          cellOf(spectra.map(median)),
          cellOf(spectra.map(({ nearOne }) => 100 * nearOne)),
          cellOf(spectra.map(({ lost }) => 100 * lost)),
          phase === "trained" ? cellOf(results.map(({ testError }) => 100 * testError)) : null,
        ];
      }),
    ),
  };
}

function blockTable(cases: Cases): Table[] {
  const residual = cases.filter(({ task }) => task.net === "residual");
  if (residual.length === 0) return [];
  const near = (spectra: readonly Spectrum[]): ReturnType<typeof cellOf> =>
    cellOf(spectra.map(({ nearOne }) => 100 * nearOne));
  return [
    {
      id: "block-values",
      title: "One block, with its shortcut and without",
      caption:
        "Of the last block of each stage: median singular value, and how many lie between ½ and 2. Mean ± one standard deviation over the seeds.",
      columns: [
        { label: "network" },
        { label: "stage", digits: 0 },
        { label: "when" },
        { label: "median, I + J_F" },
        { label: "median, J_F" },
        { label: "between ½ and 2, %, I + J_F", digits: 1 },
        { label: "between ½ and 2, %, J_F", digits: 1 },
      ],
      rows: residual.flatMap((one) =>
        one.task.stages.flatMap((stage) =>
          PHASES.map((phase) => {
            const [block, branch] = ["block", "branch"].map((part) => blockSpectraOf(one, phase, stage, part));
            return [
              one.label,
              stage,
              WHEN[phase],
              cellOf(block.map(median)),
              cellOf(branch.map(median)),
              near(block),
              near(branch),
            ];
          }),
        ),
      ),
    },
  ];
}

/** What the shortcut does in a block of the deepest network; then plain against residual at that depth. */
function findings(cases: Cases): string {
  const sentences: string[] = [];
  const residual = deepestResidual(cases);
  if (residual) {
    const nearOne = (phase: Phase, part: string): number =>
      mean(residual.task.stages.flatMap((stage) => blockSpectraOf(residual, phase, stage, part)).map((s) => s.nearOne));
    const each = PHASES.map(
      (phase) =>
        `${percent(nearOne(phase, "block"), 0)} with the shortcut and ${percent(nearOne(phase, "branch"), 0)} without (${WHEN[phase]})`,
    );
    const helped = PHASES.every((phase) => nearOne(phase, "block") > nearOne(phase, "branch"));
    sentences.push(
      `Of the singular values of a block of ${residual.label}, between ½ and 2 lie ${each.join(", ")}: the identity ${helped ? "moves them towards 1" : "does not bring more of them near 1"}.`,
    );
  }
  const most = Math.max(...cases.map(({ task }) => task.depth));
  const deepest = cases.filter(({ task }) => task.depth === most);
  for (const phase of PHASES) {
    const each = deepest.map(({ label, results }) => {
      const spectra = results.map((result) => result[phase].network);
      return `${label} ${significant(mean(spectra.map(median)))} (${percent(mean(spectra.map(({ lost }) => lost)), 0)})`;
    });
    sentences.push(
      `Through all blocks, ${WHEN[phase]}, the median singular value (and how many are below 1/100) is: ${each.join("; ")}.`,
    );
  }
  return sentences.join(" ");
}
