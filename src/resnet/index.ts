/** Residual networks: blocks, shortcuts, whole networks. */
export { BasicBlock } from "./basic-block.ts";
export { type BlockOptions, isResidualBlock, type Order, type ResidualBlock } from "./block.ts";
export { PreActBlock, type PreActBlockOptions } from "./preact-block.ts";
export { type CifarResNetOptions, cifarResNet, ResNet } from "./resnet.ts";
export { type PadChannels, padShortcut, type ShortcutKind } from "./shortcut.ts";
