/**
 * Of how many labels a loss is the mean (with class weights: their sum). With it the mean of several batches' losses is the
 * mean over all their labels (src/nn/training/loss.ts). It stands beside the tensor, which is only the loss.
 */
import type { Tensor } from "../tensor/tensor.ts";

const counts = new WeakMap<Tensor, number>();

export function noteCount(loss: Tensor, count: number): void {
  counts.set(loss, count);
}

/** Undefined for anything but what `crossEntropy` or `nllLoss` themselves returned as a mean. */
export function countOf(loss: Tensor): number | undefined {
  return counts.get(loss);
}
