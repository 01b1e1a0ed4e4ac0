/** Squeeze-and-excitation: Hu, Shen & Sun 2018, "Squeeze-and-Excitation Networks", §3. Next: paths.ts, where a block has it. */
import { mul, relu, sigmoid } from "../autograd/elementwise.ts";
import { adaptiveAvgPool2d } from "../autograd/pool.ts";
import { Conv2d } from "../nn/conv.ts";
import type { Initializer } from "../nn/init.ts";
import { checkInit } from "../nn/initializer.ts";
import { Module } from "../nn/module.ts";
import { checkRng, checkWhole } from "../tensor/arguments.ts";
import { checkOptions, type OptionNames } from "../tensor/check.ts";
import type { Rng } from "../tensor/rng.ts";
import type { Tensor } from "../tensor/tensor.ts";

/** Options of `SqueezeExcitation`. */
export interface SqueezeExcitationOptions {
  /** Where the initial values come from. */
  rng: Rng;
  /** Fills the weights. Default: that of `Conv2d`. */
  init?: Initializer;
}

const OPTIONS: OptionNames<SqueezeExcitationOptions> = { rng: true, init: true };

/**
 * y = x · σ(fc2(relu(fc1(mean(x))))): a factor for each channel, from the means of all channels. `[N, C, H, W]` to the same.
 * fc1 and fc2 are 1×1 convolutions with bias, as in torchvision.ops.SqueezeExcitation and in timm.
 *
 * @example
 * const se = new SqueezeExcitation(64, 4, { rng });
 * Object.keys(se.stateDict()); // ["fc1.weight", "fc1.bias", "fc2.weight", "fc2.bias"]
 */
export class SqueezeExcitation extends Module {
  readonly fc1: Conv2d;
  readonly fc2: Conv2d;

  constructor(channels: number, squeezed: number, options: SqueezeExcitationOptions) {
    super();
    checkWhole("SqueezeExcitation", "channels", channels);
    checkWhole("SqueezeExcitation", "squeezed, the channels between,", squeezed);
    checkOptions("SqueezeExcitation", options, OPTIONS);
    checkRng("SqueezeExcitation", options?.rng, "new SqueezeExcitation(64, 4, { rng: new Rng(seed) })");
    checkInit("SqueezeExcitation", options.init);
    this.fc1 = new Conv2d(channels, squeezed, 1, options);
    this.fc2 = new Conv2d(squeezed, channels, 1, options);
  }

  forward(x: Tensor): Tensor {
    return mul(x, sigmoid(this.fc2.forward(relu(this.fc1.forward(adaptiveAvgPool2d(x, 1))))));
  }
}
