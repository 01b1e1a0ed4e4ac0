/** Modules one after another that are computed twice instead of kept: deep networks in little memory. */
import { checkpointed } from "../autograd/checkpoint.ts";
import { checkList, checkWhole } from "../tensor/arguments.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { Sequential } from "./container.ts";
import type { Module } from "./module.ts";

/**
 * A `Sequential` in segments, each of them a `checkpoint`: of L modules, training keeps what is between about √L segments, and
 * in the backward pass what is inside one at a time (Chen et al. 2016, §4.1). It costs a second forward pass. Parts have the
 * names they have in a `Sequential`.
 *
 * @example
 * const rng = new Rng(0);
 * const layers = Array.from({ length: 100 }, () => new Linear(64, 64, { rng }));
 * const deep = new CheckpointedSequential(layers); // 10 segments of 10 layers
 *
 * @throws ValueError unless there are from 1 to L segments.
 */
export class CheckpointedSequential extends Sequential {
  readonly segments: number;

  /** @param segments default √L, rounded. */
  constructor(layers: readonly Module[], segments: number = Math.max(1, Math.round(Math.sqrt(layers?.length)) || 1)) {
    checkList("CheckpointedSequential", "layers", layers);
    super(...layers);
    checkWhole("CheckpointedSequential", "segments", segments, 1, Math.max(1, layers.length));
    this.segments = segments;
  }

  override forward(x: Tensor): Tensor {
    const { layers, segments } = this;
    for (let s = 0; s < segments; s++) {
      const [from, to] = [s, s + 1].map((k) => Math.round((k * layers.length) / segments));
      const start = x;
      x = checkpointed(() => layers.slice(from, to).reduce((y, layer) => layer.forward(y), start));
    }
    return x;
  }

  override describe(): string {
    return `${this.segments} segments`;
  }
}
