/** Dropout as a module. */
import { dropout } from "../autograd/dropout.ts";
import { checkBetween, checkRng } from "../tensor/arguments.ts";
import { checkOptions, type OptionNames } from "../tensor/check.ts";
import type { Rng } from "../tensor/rng.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { Module } from "./module.ts";

/** Options of `Dropout`. */
export interface DropoutLayerOptions {
  /** Chooses the elements to drop. */
  rng: Rng;
}

const OPTIONS: OptionNames<DropoutLayerOptions> = { rng: true };

/**
 * In training each element is zero with probability p, and the others are divided by 1 − p; in evaluation y = x
 * (Srivastava et al. 2014).
 *
 * @example
 * const dropout = new Dropout(0.5, { rng: new Rng(0) });
 * max(dropout.forward(ones([100]))).item(); // 2
 * dropout.eval();
 * max(dropout.forward(ones([100]))).item(); // 1
 *
 * @throws ValueError if p is not a probability; UsageError without an rng.
 */
export class Dropout extends Module {
  readonly p: number;
  readonly rng: Rng;

  constructor(p: number, options: DropoutLayerOptions) {
    super();
    checkBetween("Dropout", "p", p, 0, 1);
    checkOptions("Dropout", options, OPTIONS);
    checkRng("Dropout", options?.rng, `new Dropout(${p}, { rng: new Rng(seed) })`);
    this.p = p;
    this.rng = options.rng;
  }

  forward(x: Tensor): Tensor {
    return dropout(x, this.p, { training: this.training, rng: this.rng });
  }

  override describe(): string {
    return `${this.p}`;
  }
}
