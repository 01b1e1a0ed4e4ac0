/** The fully connected layer. */
import { linear } from "../autograd/matmul.ts";
import { checkBoolean, checkRng, checkWhole } from "../tensor/arguments.ts";
import { checkOptions, type OptionNames } from "../tensor/check.ts";
import { zeros } from "../tensor/create.ts";
import type { Rng } from "../tensor/rng.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { type Initializer, kaimingUniform, uniform } from "./init.ts";
import { checkInit } from "./initializer.ts";
import { parameterOf } from "./marks.ts";
import { Module } from "./module.ts";

/** Options of `Linear`. */
export interface LinearLayerOptions {
  /** Whether a bias is added. Default true. */
  bias?: boolean;
  /** The source of the initial values. */
  rng: Rng;
  /** Fills the weight. Default: uniform in ±1/√(in), as in PyTorch (Kaiming uniform with a = √5). */
  init?: Initializer;
}

const OPTIONS: OptionNames<LinearLayerOptions> = { bias: true, rng: true, init: true };

/**
 * y = x wᵀ + b: `[…, in]` to `[…, out]`. Parameters: weight `[out, in]`, bias `[out]`, which starts uniform in ±1/√(in).
 *
 * @example
 * const layer = new Linear(784, 10, { rng: new Rng(0) });
 * layer.forward(zeros([32, 784])).shape; // [32, 10]
 * layer.weight.shape; // [10, 784]
 *
 * @throws ValueError or UsageError for an invalid size, an option that does not exist or is out of range, or without an
 * rng; ShapeError in `forward` if the last axis of x is not `in`.
 */
export class Linear extends Module {
  readonly weight: Tensor;
  readonly bias: Tensor | null;

  constructor(inFeatures: number, outFeatures: number, options: LinearLayerOptions) {
    super();
    checkWhole("Linear", "inFeatures", inFeatures);
    checkWhole("Linear", "outFeatures", outFeatures);
    checkOptions("Linear", options, OPTIONS);
    checkRng("Linear", options?.rng, `new Linear(${inFeatures}, ${outFeatures}, { rng: new Rng(seed) })`);
    const { bias = true, rng } = options;
    checkBoolean("Linear", "bias", bias);
    checkInit("Linear", options.init);
    const { init = (t: Tensor) => kaimingUniform(t, rng, { gain: Math.sqrt(1 / 3) }) } = options;
    this.weight = parameterOf(this, zeros([outFeatures, inFeatures]));
    init(this.weight, rng);
    const bound = 1 / Math.sqrt(inFeatures);
    this.bias = bias ? parameterOf(this, uniform(zeros([outFeatures]), rng, { low: -bound, high: bound })) : null;
  }

  get inFeatures(): number {
    return this.weight.shape[1];
  }

  get outFeatures(): number {
    return this.weight.shape[0];
  }

  forward(x: Tensor): Tensor {
    return linear(x, this.weight, this.bias);
  }

  override describe(): string {
    return `${this.inFeatures} → ${this.outFeatures}`;
  }
}
