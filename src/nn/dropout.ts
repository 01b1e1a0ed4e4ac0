/** Dropout as a module. */
import { dropout } from "../autograd/dropout.ts";
import type { Rng } from "../tensor/rng.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { Module } from "./module.ts";

/**
 * In training each element is zero with probability p, and the others are divided by 1 − p; in evaluation y = x
 * (Srivastava et al. 2014).
 */
export class Dropout extends Module {
  readonly #p: number;
  readonly #rng: Rng;

  constructor(p: number, { rng }: { rng: Rng }) {
    super();
    this.#p = p;
    this.#rng = rng;
  }

  forward(x: Tensor): Tensor {
    return dropout(x, this.#p, { training: this.training, rng: this.#rng });
  }

  override describe(): string {
    return `${this.#p}`;
  }
}
