/**
 * `shortcuts`: what happens when the shortcut is not the identity.
 *
 * He et al. 2016, "Identity Mappings in Deep Residual Networks", §3 and Table 1: shortcuts that scale, gate, transform
 * or drop, on the original blocks (a ReLU after the addition). Before and after training the certificate says what all
 * shortcuts together do to a gradient: λ^L where they scale.
 *
 * Others dispute that gates do harm: set up as a highway (./highway-unit.ts) they do not. Both set-ups are here.
 */
import { batches } from "../../src/data/index.ts";
import { certify, type Passage } from "../../src/flow/index.ts";
import type { Module } from "../../src/nn/index.ts";
import { type CifarResNetOptions, cifarResNet } from "../../src/resnet/index.ts";
import type { Case, Context, Experiment } from "../experiment.ts";
import type { CategoryChart } from "../report/chart.ts";
import { pointOf } from "../report/statistics.ts";
import { cellOf, type Table } from "../report/table.ts";
import { networkOptions } from "../training/network.ts";
import { type Training, train } from "../training/train.ts";
import { highwayUnitNet } from "./highway-unit.ts";
import {
  deepestOf,
  errorDots,
  errorTable,
  lossCurves,
  planVariants,
  type VariantOptions,
  type VariantTask,
  variantComparison,
  variantLabel,
  variantOptions,
} from "./variants.ts";

interface Result extends Training {
  /** From the last block's output to the first block's input along the shortcuts alone, before training and after. */
  readonly atStart: Passage;
  readonly trained: Passage;
}

interface Variant {
  readonly options: Pick<
    CifarResNetOptions,
    "shortcut" | "shortcutScale" | "branchScale" | "gateBias" | "dropoutRate"
  > | null;
  readonly gated: boolean;
  /** Test error of ResNet-110 on CIFAR-10, He et al. 2016, Table 1. */
  readonly paper: string;
}

const HIGHWAY = "set up as a highway";

/** In the order of Table 1. Null: not one of He et al.'s. */
const VARIANTS: Readonly<Record<string, Variant>> = {
  identity: { options: { shortcut: "identity" }, gated: false, paper: "6.61" },
  "scaling 0.5, branch 1": {
    options: { shortcut: "scale", shortcutScale: 0.5, branchScale: 1 },
    gated: false,
    paper: "fails",
  },
  "scaling 0.5, branch 0.5": {
    options: { shortcut: "scale", shortcutScale: 0.5, branchScale: 0.5 },
    gated: false,
    paper: "12.35",
  },
  "exclusive gate, b = 0": { options: { shortcut: "gate", gateBias: 0 }, gated: true, paper: "fails" },
  "exclusive gate, b = −6": { options: { shortcut: "gate", gateBias: -6 }, gated: true, paper: "8.70" },
  "exclusive gate, b = −7": { options: { shortcut: "gate", gateBias: -7 }, gated: true, paper: "9.81" },
  "shortcut-only gate, b = 0": { options: { shortcut: "shortcutGate", gateBias: 0 }, gated: true, paper: "12.86" },
  "shortcut-only gate, b = −6": { options: { shortcut: "shortcutGate", gateBias: -6 }, gated: true, paper: "6.91" },
  "1×1 convolution": { options: { shortcut: "conv1x1" }, gated: false, paper: "12.22" },
  "dropout 0.5": { options: { shortcut: "dropout", dropoutRate: 0.5 }, gated: false, paper: "fails" },
  [HIGHWAY]: { options: null, gated: true, paper: "–" },
};

const NAMES = Object.keys(VARIANTS);

/** Number of images for the certificate. */
const CERTIFIED_IMAGES = 4;

export const shortcuts: Experiment<VariantOptions, VariantTask, Result> = {
  name: "shortcuts",
  title: "What if the shortcut is not the identity?",
  about:
    "Trains residual networks whose shortcuts scale, gate, convolve or drop, and certifies what all shortcuts together do to a gradient.",
  papers: "He et al. 2016, §3 and Table 1; flukeskywalker/highway-resnet-comparison",
  options: variantOptions(
    { quick: [8], default: [20, 56], full: [110] },
    { quick: { steps: 30, testImages: 200 }, default: { steps: 200, testImages: 1000 } },
  ),
  seeds: { quick: 1, default: 2, full: 5 },
  imageSize: { quick: "half", default: "half", full: "whole" },
  paperData: "CIFAR-10",

  plan: (options) => planVariants(NAMES, options),
  label: variantLabel,
  // The highway's gates are as large as its branches; the other gates and projections are small beside them.
  cost: ({ depth, variant }) => depth * (variant === HIGHWAY ? 2.5 : VARIANTS[variant].gated ? 1.3 : 1),
  async run(task, context) {
    const network = networkOptions(task, context);
    const { options } = VARIANTS[task.variant];
    const model = options
      ? cifarResNet(task.depth, { ...network, ...options, order: "post" })
      : highwayUnitNet(task.depth, network);
    const atStart = alongShortcuts(model, context);
    const training = await train(model, task, context);
    return { ...training, atStart, trained: alongShortcuts(model, context) };
  },

  report: (cases) => ({
    found: variantComparison(cases, "identity"),
    paper:
      "On CIFAR-10 with 110 layers nothing is as good as the identity, 6.61 %: scaling by 0.5 fails or, with a branch of 0.5 too, has 12.35 %, exclusive gates 8.70 % (b = −6) and 9.81 % (b = −7), shortcut-only gates 12.86 % (b = 0) and 6.91 % (b = −6), 1×1 convolutions 12.22 %; an exclusive gate with b = 0 and dropout fail (He et al. 2016, Table 1). A later comparison argues that the gates were badly set up: with gates of two 3×3 convolutions and nothing after the addition, its log ends at 6.04 % against 6.25 % for the identity (flukeskywalker/highway-resnet-comparison).",
    charts: [
      lossCurves(cases, {
        id: "without-gates",
        title: "Shortcuts without gates",
        caption:
          "The blue line is the identity. Look at how far the others are above it, and whether the distance grows with more layers. Geometric means over the seeds, bands of one standard deviation.",
        variants: NAMES.filter((name) => !VARIANTS[name].gated),
        tones: { identity: "residual" },
      }),
      lossCurves(cases, {
        id: "with-gates",
        title: "Gated shortcuts",
        caption:
          "Exclusive gates multiply the shortcut by 1 − g and the branch by g; shortcut-only gates leave the branch alone. The more negative b, the closer the shortcut is to the identity at the start. The last is gated too, but set up as a highway: the nonlinearity inside the branch, the gate as large as the branch.",
        variants: NAMES.filter((name) => VARIANTS[name].gated || name === "identity"),
        tones: { identity: "residual", [HIGHWAY]: "plain" },
      }),
      errorDots(
        cases,
        "Test errors at the end of the training. Compare each row with the first; bars are one standard deviation over the seeds.",
      ),
      gains(cases),
    ],
    tables: [
      errorTable(cases, { label: "paper, 110, %", of: (variant) => VARIANTS[variant].paper }),
      certificates(cases),
    ],
  }),
};

type Cases = readonly Case<VariantTask, Result>[];

function alongShortcuts(model: Module, { test, normalization }: Context): Passage {
  const [{ x }] = batches(test, { batchSize: CERTIFIED_IMAGES, normalize: normalization });
  return certify(model, x).whole;
}

function gains(cases: Cases): CategoryChart {
  const deepest = deepestOf(cases);
  const series = (name: string, of: (result: Result) => Passage): CategoryChart["series"][number] => ({
    name,
    values: cases
      .filter(({ task }) => task.depth === deepest)
      .map(({ task, results }) => {
        const { y: value, ...band } = pointOf(
          0,
          results.map((result) => of(result).pathGain),
          { log: true },
        );
        return { category: task.variant, value, ...band };
      }),
  });
  return {
    kind: "categories",
    id: "gradient-along-shortcuts",
    title: `How much of a gradient all shortcuts leave, with ${deepest} layers`,
    caption:
      "A random gradient at the output of the last block, sent back along the shortcuts alone: its norm at the first block, relative to the norm sent. For the identity this is below 1 because the ReLU after each addition, and the two halvings of the image, drop entries; those that arrive are unchanged. No dot means that nothing arrives, because each entry meets a closed ReLU. The more the branches outweigh the shortcuts, the more entries every ReLU drops.",
    x: { label: "norm that arrives / norm sent", log: true },
    series: [series("before training", ({ atStart }) => atStart), series("after", ({ trained }) => trained)],
  };
}

function certificates(cases: Cases): Table {
  return {
    id: "certificates",
    title: "What the certificate says of the whole path",
    caption:
      "Along all shortcuts, from the last block to the first: the most harmful operation; the factor on every arriving entry whatever the weights are (λ^L with scaling; empty where it depends on weights or chance); the measured norm that arrives, relative to the norm sent, before and after training, ×÷ one standard deviation over the seeds; and the share of entries that arrive after training (none passes unchanged through gates and weights).",
    columns: [
      { label: "variant" },
      { label: "layers", digits: 0 },
      { label: "shortcuts", digits: 0 },
      { label: "verdict" },
      { label: "factor" },
      { label: "norm, before" },
      { label: "after" },
      { label: "arrive, %", digits: 2 },
    ],
    rows: cases.map(({ task, results }) => [
      task.variant,
      task.depth,
      blocksOf(task),
      results[0].atStart.verdict,
      results[0].atStart.factor,
      gainCell(results.map(({ atStart }) => atStart.pathGain)),
      gainCell(results.map(({ trained }) => trained.pathGain)),
      arriving(results.map(({ trained }) => trained)),
    ]),
  };
}

/** Through gates and weights nothing passes unchanged: there is nothing to count. */
function arriving(ways: readonly Passage[]): ReturnType<typeof cellOf> | null {
  return ways.some(({ verdict }) => verdict === "gate" || verdict === "transform")
    ? null
    : cellOf(ways.map(({ open }) => 100 * (open ?? Number.NaN)));
}

/** With a spread of the logarithms, except for zeros (nothing arrived). */
function gainCell(gains: readonly number[]): ReturnType<typeof cellOf> {
  return cellOf(gains, { log: gains.every((gain) => gain > 0) });
}

function blocksOf({ depth }: VariantTask): number {
  return (depth - 2) / 2;
}
