/** Residual networks: blocks, shortcuts, whole networks. */
export { BasicBlock } from "./basic-block.ts";
export {
  type BlockOptions,
  type BlockPlan,
  isResidualBlock,
  type ResidualBlock,
  residualBlocks,
  type VariantOptions,
} from "./block.ts";
export { BlurPool2d, type BlurPool2dOptions } from "./blur-pool.ts";
export { Bottleneck, type BottleneckOptions } from "./bottleneck.ts";
export { type CifarResNetOptions, cifarResNet, ResNet } from "./cifar-resnet.ts";
export type { ConvBlock } from "./conv-block.ts";
export type { Cut, CuttableBlock } from "./cut.ts";
export { Expansion, type ExpansionOptions, type ExpansionOrder } from "./expansion.ts";
export { type HeadOptions, replaceHead } from "./head.ts";
export {
  HighwayConvNet,
  type HighwayConvNetOptions,
  HighwayNet,
  type HighwayNetOptions,
  type HighwayOptions,
  highwayConvNet,
  highwayNet,
} from "./highway.ts";
export {
  type HighwayActivation,
  HighwayBlock,
  type HighwayBlockOptions,
  type HighwayLayerOptions,
  HighwayLinear,
} from "./highway-block.ts";
export {
  ImageNetResNet,
  type ImageNetResNetDesign,
  type ImageNetResNetOptions,
  resnet18,
  resnet34,
  resnet50,
  resnet101,
  resnet152,
  resnext50_32x4d,
  resnext101_32x8d,
  wideResnet50_2,
  wideResnet101_2,
} from "./imagenet-resnet.ts";
export {
  type CifarName,
  type ConvHighwayName,
  createModel,
  type HighwayName,
  type ImageNetName,
  isModelName,
  type ModelName,
  type ModelOptions,
  modelNames,
  type NamedModel,
  type VggName,
} from "./models.ts";
export type { Order } from "./order.ts";
export type { PadChannels, ShortcutKind, ShortcutNumbers } from "./shortcut.ts";
export { SqueezeExcitation, type SqueezeExcitationOptions } from "./squeeze-excitation.ts";
export type { FixupBiases, Start } from "./start.ts";
export { survivalProbability } from "./stochastic-depth.ts";
export { Vgg, type VggDepth, type VggOptions, vgg } from "./vgg.ts";
