/** A copy of the running statistics, so that a step that fails (NaN, a label out of range) leaves no trace in them. */
import { UsageError } from "../../tensor/errors.ts";
import { peek, type Tensor } from "../../tensor/tensor.ts";
import type { AnyModule } from "../module.ts";

export class SavedBuffers {
  readonly #tensors: readonly Tensor[];
  readonly #copies: readonly Float64Array[];

  constructor(model: AnyModule, others: readonly AnyModule[]) {
    this.#tensors = [model, ...others].flatMap((module) => module.namedBuffers().map(([, t]) => t));
    this.#copies = this.#tensors.map((t) => new Float64Array(t.size));
  }

  save(): void {
    this.#tensors.forEach((t, i) => {
      this.#copies[i].set(peek(t));
    });
  }

  /** @throws UsageError if the model has since gained running statistics, of which there is no copy. */
  checkAll(model: AnyModule): void {
    const strange = model.namedBuffers().find(([, t]) => !this.#tensors.includes(t));
    if (strange) {
      throw new UsageError(
        `fit: "${strange[0]}" was added to the model during training, and a bad batch cannot be undone in it: end this fit before replacing parts`,
      );
    }
  }

  restore(): void {
    this.#tensors.forEach((t, i) => {
      t.assign(this.#copies[i]);
    });
  }
}
