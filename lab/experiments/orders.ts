/**
 * `orders`: where batch norms and ReLUs stand in a block.
 *
 * He et al. 2016, "Identity Mappings in Deep Residual Networks", §4, Fig. 4 and Table 2: the same convolutions in five
 * orders (src/resnet/order.ts). Only in the two pre-activation orders the shortcuts' path is free, and the paper finds
 * that this matters more in deeper networks.
 */
import { cifarResNet, type Order } from "../../src/resnet/index.ts";
import type { Experiment } from "../experiment.ts";
import { networkOptions } from "../training/network.ts";
import { type Training, train } from "../training/train.ts";
import {
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

/** In the order of Table 2, with the test errors of ResNet-110 and ResNet-164 on CIFAR-10. */
const ORDERS: Readonly<Record<string, { readonly order: Order; readonly paper: string }>> = {
  original: { order: "post", paper: "6.61 / 5.93" },
  "norm after addition": { order: "bnAfterAddition", paper: "8.17 / 6.50" },
  "ReLU before addition": { order: "reluBeforeAddition", paper: "7.84 / 6.14" },
  "ReLU-only pre-activation": { order: "reluOnlyPre", paper: "6.71 / 5.91" },
  "full pre-activation": { order: "pre", paper: "6.37 / 5.46" },
};

const NAMES = Object.keys(ORDERS);

export const orders: Experiment<VariantOptions, VariantTask, Training> = {
  name: "orders",
  title: "Where should norm and activation stand?",
  about: "Trains residual networks of two depths with the five orders of convolution, batch norm, ReLU and addition.",
  papers: "He et al. 2016, Fig. 4 and Table 2",
  options: variantOptions({ quick: [8, 14], default: [20, 110], full: [56, 110] }, { default: { steps: 400 } }),
  seeds: { quick: 1, default: 2, full: 5 },
  imageSize: { quick: "half", default: "half", full: "whole" },
  paperData: "CIFAR-10",

  plan: (options) => planVariants(NAMES, options),
  label: variantLabel,
  cost: ({ depth }) => depth,
  run: (task, context) => {
    const { order } = ORDERS[task.variant];
    return train(cifarResNet(task.depth, { ...networkOptions(task, context), order }), task, context);
  },

  report: (cases) => ({
    found: variantComparison(cases, "original"),
    paper:
      "On CIFAR-10 with 110 layers the original order has a test error of 6.61 %, a norm after the addition 8.17 %, a ReLU before it 7.84 %, ReLU-only pre-activation 6.71 % and full pre-activation 6.37 %; with 164 layers 5.93, 6.50, 6.14, 5.91 and 5.46 % (He et al. 2016, Table 2). With 1001 layers the original has 7.61 %, full pre-activation 4.92 %.",
    charts: [
      lossCurves(cases, {
        id: "training-loss",
        title: "Which order learns faster?",
        caption:
          "Blue is the original order. Compare the panels: an order that obstructs the shortcut should fall behind as the network gets deeper. Geometric means over the seeds, bands of one standard deviation.",
        variants: NAMES,
        tones: { original: "residual" },
      }),
      errorDots(
        cases,
        "Test errors at the end of the training; bars are one standard deviation over the seeds. Look at whether the rows differ more for the deeper network.",
      ),
    ],
    tables: [errorTable(cases, { label: "paper, 110 / 164, %", of: (variant) => ORDERS[variant].paper })],
  }),
};
