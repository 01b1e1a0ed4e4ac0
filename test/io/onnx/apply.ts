/** A function as a network, for exporting one operation at a time. */
import { Module } from "../../../src/nn/module.ts";
import type { Tensor } from "../../../src/tensor/tensor.ts";

/** y = f(x). */
export class Apply extends Module {
  readonly #f: (x: Tensor) => Tensor;

  constructor(f: (x: Tensor) => Tensor) {
    super();
    this.#f = f;
  }

  forward(x: Tensor): Tensor {
    return this.#f(x);
  }
}
