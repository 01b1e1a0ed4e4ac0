/**
 * What a block is made of: convolutions and norms, which differ from block to block, and what all blocks have in common:
 * a projection or a gate on the shortcut, the numbers that a branch without norms needs, a source of noise.
 * Next: paths.ts, which computes with them.
 */
import { Sequential } from "../nn/container.ts";
import { Conv2d } from "../nn/conv.ts";
import { constant, type Initializer } from "../nn/init.ts";
import type { Module } from "../nn/module.ts";
import { BatchNorm2d } from "../nn/norm.ts";
import { pow } from "../tensor/math/index.ts";
import type { Rng } from "../tensor/rng.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { type BlockOptions, type BlockPlan, kaimingFanOut, type ResidualBlock } from "./block.ts";
import { BlurPool2d } from "./blur-pool.ts";
import { ORDERS } from "./order.ts";
import { SHORTCUTS } from "./shortcut.ts";
import { SqueezeExcitation } from "./squeeze-excitation.ts";
import { checkZeroable, FixupBiases, scalar, scaled } from "./start.ts";

/** What every block is made of beside its convolutions and norms. */
export interface BlockParts {
  /** The projection: a 1×1 convolution, a batch norm unless the block's norms come first, and before them a blur if anti-aliased. */
  readonly downsample: Sequential | Conv2d | null;
  /** The 1×1 convolution, with bias, whose sigmoid is the gate g. */
  readonly convGate: Conv2d | null;
  /** The factors of the branch's channels. */
  readonly se: SqueezeExcitation | null;
  /** What subsamples the branch in place of the convolution `blurAfter` (from 0), before the next one. */
  readonly blur: BlurPool2d | null;
  readonly blurAfter: number;
  /** The factor of the branch in SkipInit and Fixup, `[1]`. */
  readonly scale: Tensor | null;
  /** Fixup's biases, one pair for each convolution; else empty. */
  readonly biases: readonly FixupBiases[];
  /** Decides what is dropped and skipped in training. */
  readonly noise: Rng | null;
}

/** A block as the functions of this file see it. */
export interface Block extends ResidualBlock, BlockParts {
  readonly plan: BlockPlan;
  /** conv1, conv2, … */
  convolutions(): readonly Conv2d[];
  /** bn1, bn2, …: as many as there are convolutions, in the order in which they are applied. */
  norms(): readonly (Module | null)[];
}

/** One convolution of a branch. It has no bias, and gets its input channels from the one before. */
export interface ConvShape {
  readonly channels: number;
  readonly kernel: number;
  readonly stride?: number;
  readonly padding?: number;
  readonly dilation?: number;
  readonly groups?: number;
}

/**
 * Gives a block its parts, by name: conv1, bn1, …, downsample, convGate, scale, biases.
 *
 * The convolutions of the branch are drawn first, so that blocks with the same convolutions get the same bits from the same
 * seed. The parts are declared in the order in which they are applied, which is what `fuse` goes by.
 */
export function assemble(
  block: Block,
  shapes: readonly ConvShape[],
  { rng, init = kaimingFanOut }: BlockOptions,
): void {
  const { inChannels, outChannels, stride, shortcut, order, start, batchNorm, survival } = block.plan;
  const { squeezeExcitation, antialias } = block.plan;
  const { from, needs } = SHORTCUTS[shortcut];
  const pointwise = (bias: boolean, stride: number): Conv2d =>
    new Conv2d(inChannels, outChannels, 1, { stride, bias, rng, init });
  const strideless = antialias ? shapes.map((shape) => ({ ...shape, stride: 1 })) : shapes;
  Object.assign(block, branchParts(block.plan, strideless, rng, init));

  // Where a norm precedes each convolution, that of the projection was applied before the split.
  const normed = !ORDERS[order].first.includes("norm");
  const projected = from === "projected" ? pointwise(false, antialias ? 1 : stride) : null;
  const around = {
    before: antialias ? [new BlurPool2d({ stride })] : [],
    after: normed && batchNorm ? [new BatchNorm2d(outChannels)] : [],
  };
  const squeezed = squeezeExcitation === false ? 0 : Math.max(1, Math.floor(outChannels / squeezeExcitation));
  const parts: BlockParts = {
    downsample:
      projected && (normed || antialias) ? new Sequential(...around.before, projected, ...around.after) : projected,
    convGate: needs === "gate" ? pointwise(true, stride) : null,
    se: squeezed > 0 ? new SqueezeExcitation(outChannels, squeezed, { rng: rng.fork("se"), init }) : null,
    blur: antialias ? new BlurPool2d({ stride }) : null,
    blurAfter: shapes.findIndex((shape) => (shape.stride ?? 1) > 1),
    scale: start === "skipInit" || start === "fixup" ? scalar(1) : null,
    biases: start === "fixup" ? shapes.map(() => new FixupBiases()) : [],
    noise: needs === "noise" || survival < 1 ? rng.fork("noise") : null,
  };
  Object.assign(block, parts);
  if (parts.convGate) constant(parts.convGate.bias!, block.plan.gateBias);
  if (start !== "default") zeroLast(block);
}

function branchParts(
  { inChannels, order, start, batchNorm, blocks }: BlockPlan,
  shapes: readonly ConvShape[],
  rng: Rng,
  init: Initializer,
): Record<string, Module | null> {
  const { first, sum } = ORDERS[order];
  if (start === "fixup") init = scaled(init, pow(blocks, -1 / (2 * shapes.length - 2)));
  const norm = (channels: number): BatchNorm2d | null => (batchNorm ? new BatchNorm2d(channels) : null);
  const parts: Record<string, Module | null> = {};
  // After the addition comes a norm that does not follow the last convolution: it is declared before them all.
  if (sum.includes("norm")) parts[`bn${shapes.length}`] = norm(shapes.at(-1)!.channels);
  shapes.forEach(({ channels, kernel, ...options }, i) => {
    const inputs = i === 0 ? inChannels : shapes[i - 1].channels;
    if (first.includes("norm")) parts[`bn${i + 1}`] = norm(inputs);
    parts[`conv${i + 1}`] = new Conv2d(inputs, channels, kernel, { ...options, bias: false, rng, init });
    parts[`bn${i + 1}`] ??= norm(channels);
  });
  return parts;
}

/**
 * Makes F zero in such a way that it can learn: with Fixup the last convolution and the bias after it, with SkipInit the
 * factor, else the scale and shift of the last norm of the branch, or the last convolution where it has none.
 */
export function zeroLast(block: Block): void {
  const { who, order } = block.plan;
  const biases = block.biases.at(-1);
  if (block.scale && !biases) {
    constant(block.scale, 0);
    return;
  }
  checkZeroable(who, "zeroInitLast", order);
  const norm = ORDERS[order].last.includes("norm") ? block.norms().at(-1) : null;
  const { weight, bias } = norm instanceof BatchNorm2d ? norm : block.convolutions().at(-1)!;
  for (const t of [weight, bias, biases?.after]) if (t) constant(t, 0);
}
