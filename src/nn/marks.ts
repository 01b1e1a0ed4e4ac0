/**
 * Classifies a module's tensors: parameters are trained, buffers are saved with them, and all others are constants,
 * which are neither.
 *
 * The class does not depend on whether a tensor is currently trained: a frozen parameter stays a parameter.
 */
import { checkTensor } from "../tensor/check-tensor.ts";
import { type Tensor, wasTrainable } from "../tensor/tensor.ts";
import type { Part } from "./part.ts";

const buffers = new WeakSet<Tensor>();
/** Tensors that were marked, or trainable when they were seen. */
const parameters = new WeakSet<Tensor>();
/** The library's layer that made a parameter: for error messages. */
const makers = new WeakMap<Tensor, Part>();

/**
 * Marks `t` as a buffer: saved with the state, not a parameter. For state that is not trained, such as running statistics.
 *
 * @example
 * class Scaled extends Module {
 *   readonly factor = buffer(tensor([2]));
 *   forward(x: Tensor): Tensor {
 *     return mul(x, this.factor);
 *   }
 * }
 * new Scaled().parameters().length; // 0
 * Object.keys(new Scaled().stateDict()); // ["factor"]
 */
export function buffer(t: Tensor): Tensor {
  checkTensor("buffer", "a buffer", t);
  buffers.add(t);
  parameters.delete(t);
  t.requiresGrad = false;
  return t;
}

/**
 * Marks `t` as a parameter: saved with the state, and trained unless its `requiresGrad` is later set to false.
 *
 * @example
 * class Scaled extends Module {
 *   readonly factor = parameter(tensor([2]));
 *   forward(x: Tensor): Tensor {
 *     return mul(x, this.factor);
 *   }
 * }
 * new Scaled().parameters().length; // 1
 */
export function parameter(t: Tensor): Tensor {
  checkTensor("parameter", "a parameter", t);
  parameters.add(t);
  buffers.delete(t);
  t.requiresGrad = true;
  return t;
}

/** `parameter`, for a layer of this library. */
export function parameterOf(maker: Part, t: Tensor): Tensor {
  makers.set(t, maker);
  return parameter(t);
}

export function isBuffer(t: Tensor): boolean {
  return buffers.has(t);
}

/** Whether `t` is a parameter: marked as one, or trainable at some time (`requiresGrad`). */
export function isParameter(t: Tensor): boolean {
  if (parameters.has(t)) return true;
  if (!wasTrainable(t) || buffers.has(t)) return false;
  parameters.add(t);
  return true;
}

/** `the weight of a Conv2d(3 → 8, 3×3, stride 1)`; undefined if no layer of this library made it. */
export function originOf(t: Tensor): string | undefined {
  const maker = makers.get(t);
  const name = maker && Object.entries(maker).find(([, value]) => value === t)?.[0];
  return name && `the ${name} of a ${maker.constructor.name}(${maker.describe()})`;
}
