/** The fully connected layer. */
import { linear } from "../autograd/matmul.ts";
import { zeros } from "../tensor/create.ts";
import type { Rng } from "../tensor/rng.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { type Initializer, kaimingUniform, uniform } from "./init.ts";
import { Module, parameter } from "./module.ts";

export interface LinearLayerOptions {
  /** Whether a bias is added. Default true. */
  bias?: boolean;
  /** Where the initial values come from. */
  rng: Rng;
  /** Fills the weight. Default: uniform in ±1/√(in), which is what PyTorch does (Kaiming uniform with a = √5). */
  init?: Initializer;
}

/**
 * y = x wᵀ + b: `[…, in]` to `[…, out]`. Parameters: weight `[out, in]`, bias `[out]`, which starts uniform in ±1/√(in).
 *
 * @throws ShapeError in `forward`, if the last axis of x is not `in`.
 */
export class Linear extends Module {
  readonly weight: Tensor;
  readonly bias: Tensor | null;

  constructor(inFeatures: number, outFeatures: number, options: LinearLayerOptions) {
    super();
    const { bias = true, rng } = options;
    const { init = (t: Tensor) => kaimingUniform(t, rng, { gain: Math.sqrt(1 / 3) }) } = options;
    this.weight = parameter(zeros([outFeatures, inFeatures]));
    init(this.weight, rng);
    const bound = 1 / Math.sqrt(inFeatures);
    this.bias = bias ? parameter(uniform(zeros([outFeatures]), rng, { low: -bound, high: bound })) : null;
  }

  forward(x: Tensor): Tensor {
    return linear(x, this.weight, this.bias);
  }

  override describe(): string {
    const [out, inputs] = this.weight.shape;
    return `${inputs} → ${out}`;
  }
}
