/**
 * Statistics per layer of one forward and backward pass: how large activations and gradients are, and how many are zero.
 *
 * The picture of vanishing and exploding gradients (Glorot & Bengio 2010, "Understanding the difficulty of training deep
 * feedforward neural networks", §4) is `gradientNorm` or `weightGradientNorm` over the layers, on a log axis.
 */
import { backward } from "../autograd/backward.ts";
import { needsGrad } from "../autograd/graph.ts";
import { type Module, observe } from "../nn/module.ts";
import type { Floats } from "../tensor/memory.ts";
import { Tensor } from "../tensor/tensor.ts";
import { preservingBuffers } from "./blocks.ts";
import { measure, norm } from "./measure.ts";

/** One layer (a module without parts) in one pass. Gradients are of the loss. */
export interface LayerStatistics {
  /** Path of the module: `layer1.0.conv1`. */
  readonly layer: string;
  /** Class of the module: `Conv2d`. */
  readonly kind: string;
  /** Number of trained values. */
  readonly parameters: number;
  /** Of the layer's output y: √(Σy²/n), Σ|y|/n, the fraction of exact zeros, the count of NaN and infinities. */
  readonly activationRms: number;
  readonly activationMeanAbs: number;
  readonly activationZeros: number;
  readonly activationNonFinite: number;
  /** Of ∂L/∂y: ‖g‖, √(Σg²/n), Σ|g|/n, the fraction of exact zeros, the count of NaN and infinities. */
  readonly gradientNorm: number;
  readonly gradientRms: number;
  readonly gradientMeanAbs: number;
  readonly gradientZeros: number;
  readonly gradientNonFinite: number;
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
    const activation = measure(y.data);
    const gradient = measure(gradientOf(y));
    const weight = (module as { weight?: unknown }).weight;
    return {
      layer: path,
      kind: module.constructor.name,
      parameters: module.parameterCount(),
      activationRms: activation.rms,
      activationMeanAbs: activation.meanAbs,
      activationZeros: activation.zeros,
      activationNonFinite: activation.nonFinite,
      gradientNorm: gradient.norm,
      gradientRms: gradient.rms,
      gradientMeanAbs: gradient.meanAbs,
      gradientZeros: gradient.zeros,
      gradientNonFinite: gradient.nonFinite,
      weightNorm: weight instanceof Tensor ? norm(weight.data) : 0,
      weightGradientNorm: weight instanceof Tensor ? norm(gradientOf(weight)) : 0,
    };
  });
}
