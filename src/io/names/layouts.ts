/**
 * How projects name the layers of the same residual networks, as rules to torchvision's names, which are ours. Wrappers
 * around a whole network (`module.`, `backbone.`, `model.resnet.`) are no part of a layout: match.ts finds them.
 */
import type { RenameRule } from "./rules.ts";

export interface Layout {
  readonly name: string;
  readonly rules: readonly RenameRule[];
}

export const layouts: readonly Layout[] = [
  // torchvision, timm's ResNets, mmpretrain's, and whatever was copied from them.
  { name: "torchvision", rules: [] },
  {
    // transformers, src/transformers/models/resnet/modeling_resnet.py
    name: "Hugging Face transformers",
    rules: [
      ["embedder.embedder.convolution.*", "conv1.*"],
      ["embedder.embedder.normalization.*", "bn1.*"],
      ["encoder.stages.{s}.layers.{b}.shortcut.convolution.*", "layer{s+1}.{b}.downsample.0.*"],
      ["encoder.stages.{s}.layers.{b}.shortcut.normalization.*", "layer{s+1}.{b}.downsample.1.*"],
      ["encoder.stages.{s}.layers.{b}.layer.{c}.convolution.*", "layer{s+1}.{b}.conv{c+1}.*"],
      ["encoder.stages.{s}.layers.{b}.layer.{c}.normalization.*", "layer{s+1}.{b}.bn{c+1}.*"],
    ],
  },
  {
    // https://github.com/akamaster/pytorch_resnet_cifar10 with option B, https://github.com/kuangliu/pytorch-cifar
    name: "PyTorch CIFAR nets",
    rules: [["layer{s}.{b}.shortcut.{i}.*", "layer{s}.{b}.downsample.{i}.*"]],
  },
  {
    // nn.Sequential(*list(resnet.children())[:-1]): conv1, bn1, relu, maxpool, layer1, …
    name: "Sequential of torchvision's parts",
    rules: [
      ["0.*", "conv1.*"],
      ["1.*", "bn1.*"],
      ["{n}.{b}.*", "layer{n-3}.{b}.*"],
    ],
  },
];

/** Names of the last layer, in any layout. */
export const heads: readonly RenameRule[] = [
  ["linear.*", "fc.*"],
  ["head.fc.*", "fc.*"],
  ["fc.{i}.*", "fc.*"],
  ["classifier.{i}.*", "fc.*"],
  ["classifier.*", "fc.*"],
  ["head.{i}.*", "fc.*"],
  ["head.*", "fc.*"],
  ["last_linear.*", "fc.*"],
];
