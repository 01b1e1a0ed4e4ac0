/** What convolutional layers have in common: arguments checked, with every default filled in; initial values; words. */
import { checkBoolean, checkPair, checkRng, checkWhole } from "../tensor/arguments.ts";
import { zeros } from "../tensor/create.ts";
import { ShapeError } from "../tensor/errors.ts";
import { type Pair, pairOf } from "../tensor/geometry/conv.ts";
import type { Rng } from "../tensor/rng.ts";
import type { Shape } from "../tensor/shape.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { fansOf, type Initializer, kaimingUniform, uniform } from "./init.ts";
import { checkInit } from "./initializer.ts";
import { parameterOf } from "./marks.ts";
import type { Module } from "./module.ts";

export interface ConvSettings {
  readonly stride: readonly [number, number];
  readonly padding: readonly [number, number];
  readonly dilation: readonly [number, number];
  readonly groups: number;
}

/** The options in question, of which `rng` alone must be given. */
interface Given {
  readonly stride?: Pair;
  readonly padding?: Pair;
  readonly dilation?: Pair;
  readonly groups?: number;
  readonly bias?: boolean;
  readonly rng: Rng;
  readonly init?: Initializer;
}

/** @throws ValueError, UsageError or ShapeError that begins with the layer's name, `who`. */
export function convSettings(
  who: string,
  inChannels: number,
  outChannels: number,
  kernelSize: Pair,
  options: Given,
): ConvSettings {
  checkWhole(who, "inChannels", inChannels);
  checkWhole(who, "outChannels", outChannels);
  checkPair(who, "kernelSize", kernelSize);
  checkRng(
    who,
    options?.rng,
    `new ${who}(${inChannels}, ${outChannels}, ${JSON.stringify(kernelSize)}, { rng: new Rng(seed) })`,
  );
  const { stride = 1, padding = 0, dilation = 1, groups = 1, bias = true } = options;
  checkPair(who, "stride", stride);
  checkPair(who, "padding", padding, 0);
  checkPair(who, "dilation", dilation);
  checkWhole(who, "groups", groups);
  checkBoolean(who, "bias", bias);
  checkInit(who, options.init);
  if (inChannels % groups !== 0 || outChannels % groups !== 0) {
    throw new ShapeError(
      `${who}: ${inChannels} input and ${outChannels} output channels do not both divide into ${groups} groups`,
    );
  }
  return { stride: pairOf(stride), padding: pairOf(padding), dilation: pairOf(dilation), groups };
}

/**
 * The parameters of a layer: filters of this shape, by `init` or uniform in ±1/√(fan in), and a bias `[outChannels]`, uniform in
 * the same range, as in PyTorch.
 */
export function convParameters(
  layer: Module,
  shape: Shape,
  outChannels: number,
  { bias = true, rng, init = (t: Tensor) => kaimingUniform(t, rng, { gain: Math.sqrt(1 / 3) }) }: Given,
): { weight: Tensor; bias: Tensor | null } {
  const weight = parameterOf(layer, zeros(shape));
  init(weight, rng);
  const bound = 1 / Math.sqrt(fansOf(shape).fanIn);
  return {
    weight,
    bias: bias ? parameterOf(layer, uniform(zeros([outChannels]), rng, { low: -bound, high: bound })) : null,
  };
}

/** `3 → 8, 3×3, stride 2, padding 1`. */
export function describeConv(
  inChannels: number,
  outChannels: number,
  kernelSize: readonly number[],
  { stride, padding, dilation, groups }: ConvSettings,
): string {
  const show = (pair: readonly number[]): string => [...new Set(pair)].join("×");
  const parts = [`${inChannels} → ${outChannels}`, kernelSize.join("×"), `stride ${show(stride)}`];
  if (padding.some((p) => p !== 0)) parts.push(`padding ${show(padding)}`);
  if (dilation.some((d) => d !== 1)) parts.push(`dilation ${show(dilation)}`);
  if (groups !== 1) parts.push(`groups ${groups}`);
  return parts.join(", ");
}
