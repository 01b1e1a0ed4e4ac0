/** Derivative cases of the losses: every reduction, weights, ignored labels, smoothing, targets that are differentiated. */
import {
  bceWithLogits,
  huberLoss,
  klDivLoss,
  l1Loss,
  mseLoss,
  smoothL1Loss,
} from "../../../src/autograd/element-losses.ts";
import { crossEntropy, nllLoss } from "../../../src/autograd/losses.ts";
import { tensor } from "../../../src/tensor/create.ts";
import type { OpCase } from "./types.ts";

const reductions = ["mean", "sum", "none"] as const;
const weight = tensor([1, 0.5, 2]);
const differenceLosses = { l1Loss, huberLoss, smoothL1Loss };

export const cases: readonly OpCase[] = reductions.flatMap((reduction): OpCase[] => [
  {
    op: "crossEntropy",
    name: `logits=[4,3] ${reduction}`,
    inputs: [[4, 3]],
    call: (x) => crossEntropy(x, [2, 0, 1, 1], { reduction }),
  },
  {
    op: "crossEntropy",
    name: `logits=[4,3] weighted, smoothed, one ignored, ${reduction}`,
    inputs: [[4, 3]],
    call: (x) => crossEntropy(x, [2, -100, 1, 0], { reduction, weight, labelSmoothing: 0.2 }),
  },
  {
    op: "crossEntropy",
    name: `logits=[2,3,2,2] a class per pixel, ${reduction}`,
    inputs: [[2, 3, 2, 2]],
    call: (x) => crossEntropy(x, [0, 1, 2, 0, 1, 1, 2, 0], { reduction, weight }),
  },
  {
    op: "crossEntropy",
    name: `logits=[4,3] probabilities=[4,3] weighted, smoothed, ${reduction}`,
    inputs: [
      [4, 3],
      [4, 3],
    ],
    call: (x, target) => crossEntropy(x, target, { reduction, weight, labelSmoothing: 0.1 }),
    linearIn: [1],
  },
  {
    op: "nllLoss",
    name: `logp=[4,3] weighted, one ignored, ${reduction}`,
    inputs: [[4, 3]],
    call: (x) => nllLoss(x, [2, 7, 1, 0], { reduction, weight, ignoreIndex: 7 }),
    linearIn: [0],
  },
  {
    op: "nllLoss",
    name: `logp=[2,3,3] ${reduction}`,
    inputs: [[2, 3, 3]],
    call: (x) => nllLoss(x, [0, 1, 2, 2, 1, 0], { reduction }),
    linearIn: [0],
  },
  {
    op: "mseLoss",
    name: `x=[3,4] ${reduction}`,
    inputs: [
      [3, 4],
      [3, 4],
    ],
    call: (x, target) => mseLoss(x, target, { reduction }),
  },
  ...(["l1Loss", "huberLoss", "smoothL1Loss"] as const).map(
    (op): OpCase => ({
      op,
      name: `x=[3,4] ${reduction}`,
      inputs: [
        [3, 4],
        [3, 4],
      ],
      call: (x, target) => differenceLosses[op](x, target, { reduction }),
    }),
  ),
  ...[false, true].map(
    (logTarget): OpCase => ({
      op: "klDivLoss",
      name: `logp=[3,4] ${logTarget ? "logarithms as target " : ""}${reduction}`,
      inputs: [
        [3, 4],
        [3, 4],
      ],
      // Probabilities are above 0.
      prepare: (v, input) => (input === 1 && !logTarget ? 0.1 + Math.abs(v) : v),
      call: (x, target) => klDivLoss(x, target, { reduction, logTarget }),
      linearIn: [0],
    }),
  ),
  {
    op: "bceWithLogits",
    name: `logits=[3,4] ${reduction}`,
    inputs: [
      [3, 4],
      [3, 4],
    ],
    call: (x, target) => bceWithLogits(x, target, { reduction }),
    linearIn: [1],
  },
  {
    op: "bceWithLogits",
    name: `logits=[2,3] weight=[2,1] posWeight=[3] ${reduction}`,
    inputs: [
      [2, 3],
      [2, 3],
    ],
    call: (x, target) => bceWithLogits(x, target, { reduction, weight: tensor([[0.5], [2]]), posWeight: weight }),
    linearIn: [1],
  },
]);
