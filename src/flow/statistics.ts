/**
 * Statistics per layer of one forward and backward pass: how large activations and gradients are, how many are zero, which
 * units are dead.
 *
 * The picture of vanishing and exploding gradients (Glorot & Bengio 2010, "Understanding the difficulty of training deep
 * feedforward neural networks", §4) is `gradientNorm` or `weightGradientNorm` over the layers, on a log axis.
 * Next: verdict.ts, which reads such rows, and recorder.ts, which makes them over a whole training.
 */
import { backward } from "../autograd/backward.ts";
import { needsGrad } from "../autograd/graph.ts";
import type { AnyModule, Module } from "../nn/module.ts";
import { observe } from "../nn/observe.ts";
import type { Floats } from "../tensor/memory.ts";
import type { Shape } from "../tensor/shape.ts";
import { Tensor } from "../tensor/tensor.ts";
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
   * Units whose gradient is zero everywhere, in the whole batch: nothing in front of them learns from them. So are units
   * that a ReLU behind the layer never lets through, where the ReLU is no layer of its own; and, in the first steps, the
   * branches of residual blocks whose last scale starts at zero.
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
  /** ‖w‖ of the parameter called `weight`; 0 where there is none. */
  readonly weightNorm: number;
  /** ‖∂L/∂w‖ of the parameter called `weight`; 0 where there is none. */
  readonly weightGradientNorm: number;
}

/**
 * One row per call of each layer below `model`, in order of the calls.
 *
 * `loss` runs the model and returns the scalar loss; running statistics are put back afterwards. A layer that the loss
 * does not depend on has a gradient of zeros.
 *
 * @example
 * const rows = layerStatistics(model, () => crossEntropy(model.forward(images), labels));
 * console.log(toCsv(rows));
 */
export function layerStatistics(model: Module, loss: () => Tensor): LayerStatistics[] {
  const calls: { path: string; module: Module; y: Tensor }[] = [];
  const value = preservingBuffers(model, () =>
    observe(
      model,
      (path, module, _x, y) => {
        if (module.namedChildren().length === 0) calls.push({ path, module, y });
      },
      loss,
    ),
  );
  const grads = backward(value, { keep: calls.map(({ y }) => y).filter(needsGrad) });
  const gradientOf = (t: Tensor): Floats => (grads.has(t) ? grads.get(t).data : new Float32Array(t.size));

  return calls.map(({ path, module, y }) => {
    const weight = weightOf(module);
    return {
      layer: path,
      kind: module.constructor.name,
      parameters: module.parameterCount(),
      ...forwardStatistics(y),
      ...backwardStatistics(gradientOf(y), y.shape),
      weightNorm: weight ? norm(weight.data) : 0,
      weightGradientNorm: weight ? norm(gradientOf(weight)) : 0,
    };
  });
}

/** The module's parameter called `weight`. */
export function weightOf(module: AnyModule): Tensor | null {
  const { weight } = module as { weight?: unknown };
  return weight instanceof Tensor ? weight : null;
}

export function forwardStatistics(y: Tensor): ForwardStatistics {
  const { norm, rms, meanAbs, zeros, nonFinite } = measure(y.data);
  return {
    activationNorm: norm,
    activationRms: rms,
    activationMeanAbs: meanAbs,
    activationZeros: zeros,
    activationNonFinite: nonFinite,
    units: unitsOf(y.shape),
    deadUnits: zeroUnits(y.data, y.shape),
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

function unitsOf(shape: Shape): number {
  return shape[1] ?? 1;
}

/** How many units of `[N, units, …]` are zero for every example and place. */
function zeroUnits(values: Floats, shape: Shape): number {
  const units = unitsOf(shape);
  const places = shape.slice(2).reduce((product, length) => product * length, 1);
  const alive = new Uint8Array(units);
  for (let i = 0; i < values.length; i++) if (values[i] !== 0) alive[Math.floor(i / places) % units] = 1;
  return alive.reduce((dead, live) => dead - live, units);
}
