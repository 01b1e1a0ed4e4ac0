/** A network as plain rows: what a diagram of it needs. */
import { Conv2d } from "../nn/conv.ts";
import { Linear } from "../nn/linear.ts";
import { type AnyModule, checkModule } from "../nn/module.ts";
import { ConvBlock } from "../resnet/conv-block.ts";
import { type Cut, CuttableBlock } from "../resnet/cut.ts";
import { HighwayBlock } from "../resnet/highway-block.ts";
import { type Order, type ResidualBlock, residualBlocks, type ShortcutKind } from "../resnet/index.ts";

/** A residual block, or the plain twin of one. */
export interface BlockDescription {
  /** Its path in the network: `layer2.0`. */
  readonly path: string;
  /** Number of its stage, from 0: the blocks of a stage are in one list (`layer2`). */
  readonly stage: number;
  /** Channels of its input and of its output; features, where it has no convolution. NaN where it has no layer at all. */
  readonly inChannels: number;
  readonly outChannels: number;
  /** Step of its branch: 2 halves the image. */
  readonly stride: number;
  /** What is added to the branch, also while it is cut; "none" for a plain block. */
  readonly shortcut: ShortcutKind;
  /** Where norms and ReLUs stand. */
  readonly order: Order;
  /** Paths of its branch's convolutions, in order. A projection or a gate of the shortcut is none of them. */
  readonly convolutions: readonly string[];
  /** Which path is left out at the moment. */
  readonly cut: Cut;
}

/** What `describeNetwork` returns. */
export interface NetworkDescription {
  /** Paths of all convolutions of the trunk, image first: the stem's, and those of each block's branch. */
  readonly convolutions: readonly string[];
  readonly blocks: readonly BlockDescription[];
  /** Number of trained values. */
  readonly parameters: number;
}

/**
 * The convolutions and the residual blocks of a network, read off the model: no pass is run.
 *
 * @example
 * const network = cifarResNet(8, { width: 4, rng: new Rng(0) });
 * const { blocks } = describeNetwork(network);
 * blocks.map(({ path, shortcut }) => `${path} ${shortcut}`); // ["layer1.0 identity", "layer2.0 pad", "layer3.0 pad"]
 * describeNetwork(network).convolutions.length; // 7
 *
 * @throws UsageError for anything but a model.
 */
export function describeNetwork(model: AnyModule): NetworkDescription {
  checkModule("describeNetwork", model);
  const stages: string[] = [];
  const within = new Set<AnyModule>();
  const trunk = new Set<AnyModule>();
  const blocks = residualBlocks(model).map(([path, block]) => {
    const parent = path.slice(0, Math.max(0, path.lastIndexOf(".")));
    if (!stages.includes(parent)) stages.push(parent);
    for (const [, part] of block.namedModules()) within.add(part);
    const branch = convolutionsOf(block);
    for (const conv of branch) trunk.add(conv);
    const paths = new Map(block.namedModules().map(([name, part]) => [part, join(path, name)]));
    return {
      path,
      stage: stages.indexOf(parent),
      ...sizesOf(block, branch),
      shortcut: block instanceof CuttableBlock ? block.uncutShortcut : block.shortcut,
      order: block.order,
      convolutions: branch.map((conv) => paths.get(conv)!),
      cut: block.cut ?? (block.collapsed ? "branch" : "none"),
    };
  });
  const convolutions = model
    .namedModules()
    .filter(([, module]) => module instanceof Conv2d && (trunk.has(module) || !within.has(module)))
    .map(([path]) => path);
  return { convolutions, blocks, parameters: model.parameterCount() };
}

function join(path: string, name: string): string {
  return path && name ? `${path}.${name}` : path || name;
}

/** Of its branch. Of a block of one's own, which does not tell its two paths apart: all. */
function convolutionsOf(block: ResidualBlock): readonly Conv2d[] {
  if (block instanceof ConvBlock) return block.convolutions();
  if (block instanceof HighwayBlock) return [block.convH];
  return block.namedModules().flatMap(([, part]) => (part instanceof Conv2d ? [part] : []));
}

function sizesOf(
  block: ResidualBlock,
  branch: readonly Conv2d[],
): Pick<BlockDescription, "inChannels" | "outChannels" | "stride"> {
  if (block instanceof ConvBlock) {
    const { inChannels, outChannels, stride } = block.plan;
    return { inChannels, outChannels, stride };
  }
  if (branch.length === 0) {
    const linear = block.namedModules().flatMap(([, part]) => (part instanceof Linear ? [part] : []))[0];
    const [outChannels, inChannels] = linear?.weight.shape ?? [Number.NaN, Number.NaN];
    return { inChannels, outChannels, stride: 1 };
  }
  const [first, last] = [branch[0], branch[branch.length - 1]];
  return {
    inChannels: first.weight.shape[1] * first.groups,
    outChannels: last.weight.shape[0],
    stride: branch.reduce((product, { stride }) => product * (typeof stride === "number" ? stride : stride[0]), 1),
  };
}
