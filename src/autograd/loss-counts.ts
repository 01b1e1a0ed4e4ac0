/**
 * The number of labels that a loss is the mean of (with class weights: their sum). It turns the mean losses of several
 * batches into the mean over all their labels (src/nn/training/loss.ts). It is kept beside the tensor, which holds only
 * the loss.
 */
import type { Tensor } from "../tensor/tensor.ts";

const counts = new WeakMap<Tensor, number>();

export function noteCount(loss: Tensor, count: number): void {
  counts.set(loss, count);
}

/** Undefined for anything except a mean returned by `crossEntropy` or `nllLoss` themselves. */
export function countOf(loss: Tensor): number | undefined {
  return counts.get(loss);
}
