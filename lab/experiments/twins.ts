/**
 * `twins` (`npm start`): a residual network and its plain twin, trained side by side, and where the gradient goes in
 * each.
 *
 * The twins have the same layers, start from the same weights and see the same batches. One has skip connections, the
 * other has none. Measured before the first update and after the last: the gradient's norm at every layer, how much of
 * each block's gradient came through its shortcut, and whether the path through the shortcuts is provably free (the
 * certificate).
 *
 * He et al. 2015, "Deep Residual Learning", §4.2 and Fig. 6; He et al. 2016, "Identity Mappings in Deep Residual Networks", §2.
 * Why this depth, this width and these steps: docs/decisions/0014-what-npm-start-trains.md. Next: ./twins-report.ts.
 */
import { crossEntropy } from "../../src/autograd/index.ts";
import type { ImageBatch } from "../../src/data/index.ts";
import { agreement } from "../../src/flow/certificate-text.ts";
import { certify, identityShares, layerStatistics, type ShortcutVerdict } from "../../src/flow/index.ts";
import type { Module } from "../../src/nn/index.ts";
import { cifarResNet } from "../../src/resnet/index.ts";
import { Tensor } from "../../src/tensor/index.ts";
import { depth, flag, listOf, oneOf, realNumber, wholeNumber } from "../arguments.ts";
import { type Computation, option } from "../experiment.ts";
import { networkOptions } from "../training/network.ts";
import {
  pickTraining,
  type Training,
  type TrainingOptions,
  testedImages,
  train,
  trainingBatches,
  trainingOptions,
} from "../training/train.ts";

/** A network with skip connections, and the same network without. */
export type Net = "residual" | "plain";

interface NetworkOptions extends TrainingOptions {
  readonly depth: number;
  readonly width: number;
  /** The residual network's shortcuts where shapes change; the plain one has none. */
  readonly shortcut: "pad" | "project";
  /** ReLU after the addition (2015), or batch norm and ReLU before each convolution (2016). */
  readonly order: "pre" | "post";
  readonly zeroInit: boolean;
  readonly momentum: number;
}

export interface Options extends NetworkOptions {
  readonly nets: readonly Net[];
}

export interface Task extends NetworkOptions {
  readonly net: Net;
}

/** The gradient's path through a network at one moment, on the first batch. */
export interface Snapshot {
  /**
   * ‖∂L/∂y‖ at the output of each convolution on the way from the image to the loss, and of the linear layer at its
   * end.
   */
  readonly layers: readonly { readonly layer: string; readonly norm: number }[];
  /** The share of each block's gradient that came through its shortcut, 0 … 1. */
  readonly blocks: readonly { readonly block: string; readonly share: number }[];
}

/** The certificate as data (explained in src/flow/certificate.ts). */
export interface Certificate {
  readonly holds: boolean;
  readonly summary: string;
  readonly blocks: readonly {
    readonly block: string;
    readonly verdict: ShortcutVerdict;
    readonly holds: boolean;
    readonly reason: string;
    /** The result of the numeric check in words; empty if there is no shortcut to check. */
    readonly check: string;
  }[];
}

export interface Result extends Training {
  /** For every step's batch, before its update. */
  readonly losses: readonly number[];
  /** Number of test images used. */
  readonly tested: number;
  readonly classes: number;
  readonly first: Snapshot;
  /** Null where the training diverged. */
  readonly last: Snapshot | null;
  readonly certificate: Certificate | null;
}

/** Number of images for the certificate. It holds or fails for structural reasons, so a few are enough. */
const CERTIFIED_IMAGES = 8;

export const twins: Computation<Options, Task, Result> = {
  name: "twins",
  title: "Where does the gradient go?",
  about:
    "Two networks with the same depth, the same initial weights and the same batches of images. One has skip connections, the other does not. This page follows the gradient back through both.",
  papers: "He et al. 2015, §4.2 and Fig. 6; He et al. 2016, §2",
  options: {
    depth: option("layers of each network, 6n+2", depth, { quick: 20, default: 74, full: 56 }),
    width: option("channels of the first stage", wholeNumber(1, 1024), { default: 4, full: 16 }),
    nets: option("residual, plain, or both", listOf(oneOf("residual", "plain")), ["residual", "plain"]),
    shortcut: option("where shapes change: pad (option A) or project (B)", oneOf("pad", "project"), "pad"),
    order: option(
      "pre: batch norm and ReLU before each convolution, nothing after the addition; post: as in the first paper",
      oneOf("pre", "post"),
      { default: "pre", full: "post" },
    ),
    zeroInit: option("start the residual branches at zero, so that blocks begin as identities", flag, false),
    momentum: option("of stochastic gradient descent", realNumber(0, 0.9999), 0.9),
    ...trainingOptions({ default: { steps: 900, testImages: 10000 } }),
  },
  seeds: { quick: 1, default: 1, full: 1 },
  imageSize: { quick: "half", default: "half", full: "whole" },
  paperData: "CIFAR-10",
  endsEarly: true,

  plan: ({ nets, depth, width, shortcut, order, zeroInit, momentum, ...training }) =>
    nets.map((net) => ({ net, depth, width, shortcut, order, zeroInit, momentum, ...pickTraining(training) })),
  label: ({ net, depth }) => `${net}-${depth}`,
  async run(task, context) {
    const plain = task.net === "plain";
    const model = cifarResNet(task.depth, {
      ...networkOptions(task, context),
      shortcut: plain ? "none" : task.shortcut,
      order: task.order,
      // A plain network with zero branches is zero itself and could not learn.
      zeroInitLast: task.zeroInit && !plain,
    });
    // The first batch of the training, from a separate generator, so that the order of the others does not change.
    const [probe] = trainingBatches(task, context);
    const first = takeSnapshot(model, probe);
    const notes = { losses: [] as number[] };
    // The state of the training when it chose the test images.
    let stopped = false;
    const watched = {
      ...context,
      stopping: (): boolean => {
        stopped = context.stopping();
        return stopped;
      },
    };
    const training = await train(model, task, watched, { notes, onStep: ({ loss }) => notes.losses.push(loss) });
    const learned = training.divergedAt === null;
    return {
      ...training,
      losses: notes.losses,
      tested: testedImages(task, { ...context, stopping: () => stopped }),
      classes: context.train.classes.length,
      first,
      last: learned ? takeSnapshot(model, probe) : null,
      certificate: learned ? certificateOf(model, probe.x) : null,
    };
  },
};

function takeSnapshot(model: Module, { x, labels }: ImageBatch): Snapshot {
  const loss = (): Tensor => crossEntropy(model.forward(x), labels);
  // Projections on shortcuts do not count.
  const onTheWay = layerStatistics(model, loss).filter(
    ({ kind, layer }) => (kind === "Conv2d" || kind === "Linear") && !/shortcut|downsample/.test(layer),
  );
  return {
    layers: onTheWay.map(({ layer, gradientNorm: norm }) => ({ layer, norm })),
    blocks: identityShares(model, loss).map(({ block, identityShare: share }) => ({ block, share })),
  };
}

function certificateOf(model: Module, x: Tensor): Certificate {
  const [N, ...image] = x.shape;
  const few = Math.min(N, CERTIFIED_IMAGES);
  const { holds, summary, blocks } = certify(model, new Tensor(x.data.slice(0, (few * x.size) / N), [few, ...image]));
  return {
    holds,
    summary,
    blocks: blocks.map(({ block, verdict, holds, reason, numeric }) => ({
      block,
      verdict,
      holds,
      reason,
      check: numeric ? agreement(numeric) : "",
    })),
  };
}
