/**
 * Statistics per layer of one forward and backward pass: how large activations and gradients are, how many are zero,
 * which units are dead.
 *
 * The picture of vanishing and exploding gradients (Glorot & Bengio 2010, "Understanding the difficulty of training deep
 * feedforward neural networks", §4) is `gradientNorm` or `weightGradientNorm` over the layers, on a log axis.
 * Next: verdict.ts, which reads such rows, and recorder.ts, which makes them over a whole training.
 */
import { backward } from "../autograd/backward.ts";
import { needsGrad } from "../autograd/graph.ts";
import type { AnyModule, Module } from "../nn/module.ts";
import { observe } from "../nn/observe.ts";
import { residualBlocks } from "../resnet/index.ts";
import type { Floats } from "../tensor/memory.ts";
import type { Shape } from "../tensor/shape.ts";
import { callNow } from "../tensor/sync.ts";
import { isTensor, peek, type Tensor } from "../tensor/tensor.ts";
import { checkLoss, checkRun } from "./arguments.ts";
import { measure, norm } from "./measure.ts";
import { preservingBuffers } from "./preserve.ts";

/** Of a layer's output y `[N, units, …]`. */
export interface ForwardStatistics {
  /** √Σy², √(Σy²/n), Σ|y|/n, the fraction of exact zeros, the count of NaN and infinities. */
  readonly activationNorm: number;
  readonly activationRms: number;
  readonly activationMeanAbs: number;
  readonly activationZeros: number;
  readonly activationNonFinite: number;
  /** Channels of images, features of vectors. */
  readonly units: number;
  /** Units whose output is zero everywhere, in the whole batch. */
  readonly deadUnits: number;
}

/** Of the gradient g = ∂L/∂y of a layer's output. */
export interface BackwardStatistics {
  /** √Σg², √(Σg²/n), Σ|g|/n, the fraction of exact zeros, the count of NaN and infinities. */
  readonly gradientNorm: number;
  readonly gradientRms: number;
  readonly gradientMeanAbs: number;
  readonly gradientZeros: number;
  readonly gradientNonFinite: number;
  /**
   * Units whose gradient is zero everywhere, in the whole batch: nothing before them learns from them. This includes
   * units that a ReLU after the layer never lets through, if the ReLU is not a layer of its own; and, in the first
   * steps, the branches of residual blocks whose last scale starts at zero.
   */
  readonly unreachedUnits: number;
}

/** One layer (a module without parts) in one pass. Gradients are of the loss. */
export interface LayerStatistics extends ForwardStatistics, BackwardStatistics {
  /** Path of the module: `layer1.0.conv1`. */
  readonly layer: string;
  /** Class of the module: `Conv2d`. */
  readonly kind: string;
  /** Number of trained values. */
  readonly parameters: number;
  /** ‖w‖ of the parameter called `weight`; 0 if there is none. */
  readonly weightNorm: number;
  /** ‖∂L/∂w‖ of the parameter called `weight`; 0 if there is none. */
  readonly weightGradientNorm: number;
  /**
   * Whether it does not learn: all its parameters are frozen (their `requiresGrad` is false). A layer without
   * parameters is frozen if nothing before it learns, so that no gradient is computed for it. A gradient that passes
   * through a frozen layer is measured like any other.
   */
  readonly frozen: boolean;
  /** Whether the loss does not depend on its output in this pass. False if unknown: frozen layers may be unrecorded. */
  readonly unused: boolean;
  /** Whether it is part of a residual block: gradients have a way around it. */
  readonly bypassed: boolean;
}

/**
 * One row per call of each layer below `model`, in order of the calls.
 *
 * `loss` runs the model and returns the scalar loss; running statistics are restored afterwards. A layer that the loss
 * does not depend on has a gradient of zeros and is marked `unused`; a layer for which no gradient is computed also has
 * zeros, and is marked `frozen`.
 *
 * @example
 * const rows = layerStatistics(model, () => crossEntropy(model.forward(images), labels));
 * console.log(toCsv(rows));
 *
 * @throws UsageError if `model` is not a model, or `loss` is not a function that returns a tensor; AutogradError if
 * that tensor is not a recorded scalar.
 */
export function layerStatistics(model: Module, loss: () => Tensor): LayerStatistics[] {
  const who = "layerStatistics";
  checkRun(who, model, "loss", loss);
  const calls: { path: string; module: Module; y: Tensor }[] = [];
  const value = preservingBuffers(model, () =>
    observe(
      model,
      (path, module, _x, y) => {
        if (module.namedChildren().length === 0 && isTensor(y)) calls.push({ path, module, y });
      },
      () => callNow(who, "loss", loss),
    ),
  );
  checkLoss(who, value);
  // If everything is frozen there is no gradient at all, which is not an error.
  const learns = needsGrad(value) || model.parameterCount() === 0 || model.parameters().some((t) => t.requiresGrad);
  const grads = learns ? backward(value, { keep: calls.map(({ y }) => y).filter(needsGrad) }) : null;
  const gradientOf = (t: Tensor): Floats => (grads?.has(t) ? peek(grads.get(t)) : new Float32Array(t.size));
  const bypassed = bypassedParts(model);

  return calls.map(({ path, module, y }) => {
    const weight = weightOf(module);
    return {
      layer: path,
      kind: module.constructor.name,
      parameters: module.parameterCount(),
      ...forwardStatistics(y),
      ...backwardStatistics(gradientOf(y), y.shape),
      weightNorm: weight ? norm(peek(weight)) : 0,
      weightGradientNorm: weight ? norm(gradientOf(weight)) : 0,
      ...standing(module, needsGrad(y), grads?.has(y) ?? false),
      bypassed: bypassed.has(module),
    };
  });
}

/**
 * Whether a layer learns, and whether the loss depends on it.
 *
 * @param recorded whether its output was recorded: it is not if no gradient is required.
 * @param reached whether a gradient has reached it.
 */
export function standing(
  module: AnyModule,
  recorded: boolean,
  reached: boolean,
): Pick<LayerStatistics, "frozen" | "unused"> {
  const parameters = module.parameters();
  const frozen = parameters.length > 0 ? parameters.every((t) => !t.requiresGrad) : !recorded;
  return { frozen, unused: !reached && (recorded || !frozen) };
}

/** Every part of a residual block of the model. */
export function bypassedParts(model: Module): ReadonlySet<AnyModule> {
  const blocks = residualBlocks(model).filter(([, { shortcut }]) => shortcut !== "none");
  return new Set(blocks.flatMap(([, block]) => block.namedModules().map(([, part]) => part)));
}

/** The module's parameter called `weight`. */
export function weightOf(module: AnyModule): Tensor | null {
  const { weight } = module as { weight?: unknown };
  return isTensor(weight) ? weight : null;
}

export function forwardStatistics(y: Tensor): ForwardStatistics {
  const { norm, rms, meanAbs, zeros, nonFinite } = measure(peek(y));
  return {
    activationNorm: norm,
    activationRms: rms,
    activationMeanAbs: meanAbs,
    activationZeros: zeros,
    activationNonFinite: nonFinite,
    units: unitsOf(y.shape),
    deadUnits: zeroUnits(peek(y), y.shape),
  };
}

export function backwardStatistics(gy: Floats, shape: Shape): BackwardStatistics {
  const { norm, rms, meanAbs, zeros, nonFinite } = measure(gy);
  return {
    gradientNorm: norm,
    gradientRms: rms,
    gradientMeanAbs: meanAbs,
    gradientZeros: zeros,
    gradientNonFinite: nonFinite,
    unreachedUnits: zeroUnits(gy, shape),
  };
}

/** Channels of images, features of vectors. */
export function unitsOf(shape: Shape): number {
  return shape[1] ?? 1;
}

/** How many units of `[N, units, …]` are zero for every example and position. */
function zeroUnits(values: Floats, shape: Shape): number {
  const units = unitsOf(shape);
  const places = shape.slice(2).reduce((product, length) => product * length, 1);
  const alive = new Uint8Array(units);
  for (let i = 0; i < values.length; i++) if (values[i] !== 0) alive[Math.floor(i / places) % units] = 1;
  return alive.reduce((dead, live) => dead - live, units);
}
