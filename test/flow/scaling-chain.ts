/** The simplest residual network there is: blocks y = x + ax, whose gradients are known by heart. */
import { add, mul } from "../../src/autograd/elementwise.ts";
import { Module, Sequential } from "../../src/nn/index.ts";
import type { ResidualBlock } from "../../src/resnet/index.ts";
import type { Tensor } from "../../src/tensor/tensor.ts";

export class ScalingBlock extends Module implements ResidualBlock {
  readonly shortcut = "identity";
  readonly order = "pre";
  readonly factor: number;

  constructor(factor: number) {
    super();
    this.factor = factor;
  }

  forward(x: Tensor): Tensor {
    return add(this.skip(x), this.branch(x));
  }

  branch(x: Tensor): Tensor {
    return mul(x, this.factor);
  }

  skip(x: Tensor): Tensor {
    return x;
  }

  zeroInitLast(): void {
    throw new Error("a ScalingBlock has no weight to zero");
  }
}

/** `blocks` blocks y = x + ax in a row. */
export function scalingChain(blocks: number, a: number): Sequential {
  return new Sequential(...Array.from({ length: blocks }, () => new ScalingBlock(a)));
}
