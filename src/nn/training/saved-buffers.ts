/** A copy of the running statistics, so that a step that fails (NaN, a label out of range) leaves no trace in them. */
import { peek, type Tensor } from "../../tensor/tensor.ts";
import type { Module } from "../module.ts";

export class SavedBuffers {
  readonly #tensors: readonly Tensor[];
  readonly #copies: readonly Float64Array[];

  constructor(model: Module<never, unknown>) {
    this.#tensors = model.namedBuffers().map(([, t]) => t);
    this.#copies = this.#tensors.map((t) => new Float64Array(t.size));
  }

  save(): void {
    this.#tensors.forEach((t, i) => {
      this.#copies[i].set(peek(t));
    });
  }

  restore(): void {
    this.#tensors.forEach((t, i) => {
      t.assign(this.#copies[i]);
    });
  }
}
