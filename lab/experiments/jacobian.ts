/**
 * `jacobian`: the singular values of the matrix that a gradient is multiplied by, in one block and in a whole network.
 *
 * For y = x + F(x) the Jacobian is I + J_F. If all singular values are 1, a gradient keeps its length in all directions
 * (dynamical isometry); directions with values near 0 are lost, those with values far above 1 explode over many layers.
 * Measured in evaluation mode for one test image: the last block of each stage, with and without its shortcut, and all
 * blocks together.
 *
 * Saxe, McClelland & Ganguli 2013, "Exact solutions to the nonlinear dynamics of learning in deep linear neural networks", §3;
 * Pennington, Schoenholz & Ganguli 2017, "Resurrecting the sigmoid in deep learning through dynamical isometry"; He et al.
 * 2016, "Identity Mappings in Deep Residual Networks", eq. 5. Next: ../../src/flow/jacobian.ts; ./jacobian-report.ts
 * has charts and tables.
 */
import { noGrad } from "../../src/autograd/index.ts";
import { batches } from "../../src/data/index.ts";
import { blockSpectra, jacobianSpectrum } from "../../src/flow/index.ts";
import { observe } from "../../src/nn/index.ts";
import { cifarResNet, type ResNet } from "../../src/resnet/index.ts";
import type { Tensor } from "../../src/tensor/index.ts";
import { depth, listOf, wholeNumber } from "../arguments.ts";
import { type Computation, type Context, option, type Seeded } from "../experiment.ts";
import { networkOptions } from "../training/network.ts";
import {
  pickTraining,
  type Training,
  type TrainingOptions,
  train,
  trainingBatches,
  trainingOptions,
} from "../training/train.ts";

export interface Options extends TrainingOptions {
  readonly depths: readonly number[];
  readonly width: number;
  readonly stages: readonly number[];
}

export interface Task extends TrainingOptions {
  readonly depth: number;
  readonly net: "plain" | "residual";
  readonly width: number;
  /** The stages whose last blocks are measured. */
  readonly stages: readonly number[];
}

export interface Spectrum {
  /** The largest singular value, the one after 1 % of them, … the smallest: 101 numbers. */
  readonly percentiles: readonly number[];
  /** How many lie between ½ and 2, as a fraction. */
  readonly nearOne: number;
  /** How many lie below 1/100, as a fraction. */
  readonly lost: number;
}

export interface BlockSpectrum extends Spectrum {
  readonly stage: number;
  /** I + J_F, or J_F. */
  readonly part: "block" | "branch";
}

export interface Spectra {
  readonly network: Spectrum;
  /** For residual networks; a plain block is a branch. */
  readonly blocks: readonly BlockSpectrum[];
}

export interface Result extends Training {
  readonly initial: Spectra;
  readonly trained: Spectra;
}

const NETS = ["plain", "residual"] as const;

/** Relative to the largest value: backpropagation in single precision cannot tell smaller values from 0. */
const ROUNDING = 1e-6;

/** Batches after which running statistics are those of the data: their old values still count 0.9⁶⁰, 0.2 %. */
const SETTLING = 60;

export const jacobian: Computation<Options, Task, Result> = {
  name: "jacobian",
  title: "How much do blocks and networks stretch and shrink a gradient?",
  about:
    "Singular values of the Jacobians of residual blocks with and without their shortcuts, and of plain and residual networks by depth, before and after training.",
  papers: "Saxe et al. 2013, §3; Pennington et al. 2017; He et al. 2016, eq. 5",
  options: {
    depths: option("layers of the networks, 6n+2", listOf(depth), { quick: [8, 20], default: [20, 56, 110] }),
    // A Jacobian has as many rows as a block has outputs, 14·14·width in the first stage: that limits the width.
    width: option("channels of the first stage", wholeNumber(1, 64), { quick: 2, default: 4, full: 8 }),
    stages: option("stages whose last blocks are measured", listOf(wholeNumber(1, 3)), {
      quick: [2, 3],
      default: [1, 2, 3],
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
};

/** Shows batch norm the data before the training, so that evaluation means the same before and after it. */
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

/** Measures a network in evaluation mode, for the first test image. */
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

/** The input of the first block. */
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
