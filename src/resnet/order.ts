/**
 * The order of convolutions, batch norms and ReLUs: He, Zhang, Ren & Sun 2016, "Identity Mappings in Deep Residual
 * Networks", Fig. 4 and Table 2. Written out for a basic block:
 *
 *   Fig. 4                     the branch F                      after the addition
 *   (a) post                   conv1 bn1 relu conv2 bn2          relu                   He et al. 2015
 *   (b) bnAfterAddition        conv1 bn1 relu conv2              bn2 relu
 *   (c) reluBeforeAddition     conv1 bn1 relu conv2 bn2 relu
 *   (d) reluOnlyPre            relu conv1 bn1 relu conv2 bn2
 *   (e) pre                    bn1 relu conv1 bn2 relu conv2                            "full pre-activation"
 *
 * Between two convolutions there are always a norm and a ReLU, so an order is told by the other places: the table below.
 * Next: paths.ts, which follows it.
 */
import { relu } from "../autograd/elementwise.ts";
import type { Module } from "../nn/module.ts";
import type { Tensor } from "../tensor/tensor.ts";

/** Where norms and ReLUs stand in a block. */
export type Order = "post" | "bnAfterAddition" | "reluBeforeAddition" | "reluOnlyPre" | "pre";

/** What stands in one place. */
export type Steps = "" | "norm" | "relu" | "norm relu";

/** What stands where. */
export interface Places {
  /** In a network, between its first convolution and its first block. */
  readonly stem: Steps;
  /** Before the first convolution of the branch. */
  readonly first: Steps;
  /** After the last convolution of the branch. */
  readonly last: Steps;
  /** After the addition. */
  readonly sum: Steps;
  /** In a network, after its last block. */
  readonly end: Steps;
}

/** (d) and (e) leave the last sum of a network without activation, so that one follows it (the paper's appendix). */
// biome-ignore format: a table
export const ORDERS: Readonly<Record<Order, Places>> = {
  post:               { stem: "norm relu", first: "",          last: "norm",      sum: "relu",      end: "" },
  bnAfterAddition:    { stem: "norm relu", first: "",          last: "",          sum: "norm relu", end: "" },
  reluBeforeAddition: { stem: "norm relu", first: "",          last: "norm relu", sum: "",          end: "" },
  reluOnlyPre:        { stem: "norm",      first: "relu",      last: "norm",      sum: "",          end: "relu" },
  pre:                { stem: "",          first: "norm relu", last: "",          sum: "",          end: "norm relu" },
};

/** Does to y what stands in a place. Without batch norm there is no `norm`, and its step does nothing. */
export function applySteps(steps: Steps, y: Tensor, norm: Module | null | undefined): Tensor {
  if (norm && steps.includes("norm")) y = norm.forward(y);
  return steps.includes("relu") ? relu(y) : y;
}
