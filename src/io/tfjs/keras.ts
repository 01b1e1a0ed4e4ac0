/**
 * The tensors of Keras' layers as those of PyTorch's: names by a table, axes in another order.
 *
 * A kernel is `[…, I, O]` in Keras and `[O, I, …]` here: `[H, W, I, O]` → `[O, I, H, W]`, for a dense layer `[I, O]` →
 * `[O, I]`. A depthwise one, `[H, W, C, M]` with M filters for each channel, is `[C·M, 1, H, W]`. A dense layer after a
 * flattened image counts its pixels in another order (H, W, C), which its tensors do not tell: so that stays.
 */
import { type Shape, stridesOf } from "../../tensor/shape.ts";

/** The last part of a name in Keras, and here. */
export const kerasNames: Readonly<Record<string, string>> = {
  kernel: "weight",
  depthwise_kernel: "weight",
  bias: "bias",
  gamma: "weight",
  beta: "bias",
  moving_mean: "running_mean",
  moving_variance: "running_var",
};

/** A tensor as PyTorch has it: its numbers stay where they are, only the strides to them change. */
export interface Turned {
  readonly name: string;
  readonly shape: Shape;
  readonly strides: readonly number[];
}

/** `stage1/conv1/kernel` becomes `stage1.conv1.weight`. A name with another ending keeps its axes. */
export function fromKeras(name: string, shape: Shape): Turned {
  const parts = name.replace(/:0$/, "").split("/");
  const kind = parts[parts.length - 1];
  const strides = stridesOf(shape);
  const known = Object.hasOwn(kerasNames, kind) ? kerasNames[kind] : kind;
  const named = [...parts.slice(0, -1), known].join(".");
  if (kind === "depthwise_kernel" && shape.length === 4) {
    const [H, W, C, M] = shape;
    return { name: named, shape: [C * M, 1, H, W], strides: [1, 1, strides[0], strides[1]] };
  }
  if (kind !== "kernel" || shape.length < 2) return { name: named, shape, strides };
  const spatial = shape.length - 2;
  const order = [spatial + 1, spatial, ...Array.from({ length: spatial }, (_, axis) => axis)];
  return { name: named, shape: order.map((axis) => shape[axis]), strides: order.map((axis) => strides[axis]) };
}
