/** One training step of a residual network: forward, backward, update. */
import { backward } from "../src/autograd/backward.ts";
import { nodesBefore } from "../src/autograd/graph.ts";
import { crossEntropy } from "../src/autograd/losses.ts";
import { SGD } from "../src/nn/optim/sgd.ts";
import { cifarResNet } from "../src/resnet/resnet.ts";
import { randn } from "../src/tensor/create.ts";
import { type Kernels, useKernels } from "../src/tensor/kernels.ts";
import { Rng } from "../src/tensor/rng.ts";
import type { Tensor } from "../src/tensor/tensor.ts";
import type { Subject } from "./rows.ts";

export interface StepOptions {
  readonly width: number;
  /** Height and width of the images. */
  readonly size: number;
  readonly batch: number;
  /** Channels of the images. */
  readonly channels: number;
}

export function trainingStep({ width, size, batch, channels }: StepOptions): Subject {
  const rng = new Rng(0);
  const model = cifarResNet(20, { rng, width, inChannels: channels });
  const optimizer = new SGD(model.parameters(), { lr: 0.01, momentum: 0.9, weightDecay: 1e-4 });
  const images = randn([batch, channels, size, size], rng);
  const labels = Int32Array.from({ length: batch }, () => rng.integer(10));
  const forward = (): Tensor => crossEntropy(model.forward(images), labels);
  let loss = Number.NaN;
  return {
    flops: convolutionWork(forward()),
    run: (tier: Kernels) => {
      const previous = useKernels(tier);
      try {
        const y = forward();
        optimizer.step(backward(y));
        loss = y.item();
      } finally {
        useKernels(previous);
      }
    },
    result: () => loss,
  };
}

/**
 * Multiplications and additions of all convolutions behind `root`, forward and both gradients; the rest of a step is a
 * few per cent. The images' own gradient is not wanted, so the first convolution has one gradient only.
 */
function convolutionWork(root: Tensor): number {
  let flops = 0;
  for (const { op, inputs, output } of nodesBefore(root)) {
    if (op !== "conv2d") continue;
    const [x, w] = inputs;
    const products = x.node ? 3 : 2;
    flops += products * 2 * output.size * (w.size / w.shape[0]);
  }
  return flops;
}
