/** The measured networks. */
import { relu } from "../src/autograd/elementwise.ts";
import { globalAvgPool2d } from "../src/autograd/pool.ts";
import { Sequential } from "../src/nn/container.ts";
import { Conv2d } from "../src/nn/conv.ts";
import { Linear } from "../src/nn/linear.ts";
import { Module } from "../src/nn/module.ts";
import { BatchNorm2d } from "../src/nn/norm.ts";
import { MaxPool2d } from "../src/nn/pool.ts";
import { BasicBlock } from "../src/resnet/basic-block.ts";
import { kaimingFanOut } from "../src/resnet/block.ts";
import { cifarResNet } from "../src/resnet/cifar-resnet.ts";
import { resnet50 } from "../src/resnet/imagenet-resnet.ts";
import type { Rng } from "../src/tensor/rng.ts";
import type { Tensor } from "../src/tensor/tensor.ts";
import type { NetworkWork } from "./works.ts";

/** ResNet-18 for ImageNet (He et al. 2015, Table 1): 7×7 stride 2, max-pool, four stages of two basic blocks. */
export class ResNet18 extends Module {
  readonly conv1: Conv2d;
  readonly bn1: BatchNorm2d;
  readonly maxpool: MaxPool2d;
  readonly layers: readonly Sequential[];
  readonly fc: Linear;

  constructor(rng: Rng, classes = 1000) {
    super();
    this.conv1 = new Conv2d(3, 64, 7, { stride: 2, padding: 3, bias: false, rng, init: kaimingFanOut });
    this.bn1 = new BatchNorm2d(64);
    this.maxpool = new MaxPool2d(3, { stride: 2, padding: 1 });
    this.layers = [64, 128, 256, 512].map((channels, i) => {
      const first =
        i === 0
          ? new BasicBlock(channels, channels, { rng })
          : new BasicBlock(channels / 2, channels, { stride: 2, shortcut: "project", rng });
      return new Sequential(first, new BasicBlock(channels, channels, { rng }));
    });
    this.fc = new Linear(512, classes, { rng });
  }

  forward(x: Tensor): Tensor {
    let y = this.maxpool.forward(relu(this.bn1.forward(this.conv1.forward(x))));
    for (const layer of this.layers) y = layer.forward(y);
    return this.fc.forward(globalAvgPool2d(y));
  }
}

export function makeNetwork({ network, width, channels, checkpoint = false }: NetworkWork, rng: Rng): Module {
  if (network === "ResNet-18") return new ResNet18(rng);
  if (network === "ResNet-50") return resnet50({ rng, inChannels: channels });
  if (network === "pre-activation ResNet-1001") {
    return cifarResNet(1001, { rng, inChannels: channels, block: "bottleneck", order: "pre", checkpoint });
  }
  return cifarResNet(20, { rng, inChannels: channels, ...(width === undefined ? {} : { width }) });
}
