/** What the tests of residual blocks share: the papers' formulas as free functions, and a gradient check of whole blocks. */
import { conv2d } from "../../src/autograd/conv.ts";
import { add, mul } from "../../src/autograd/elementwise.ts";
import { gradcheck } from "../../src/autograd/gradcheck.ts";
import { batchNorm } from "../../src/autograd/norm.ts";
import { type Conv2d, init, type Module } from "../../src/nn/index.ts";
import type { BasicBlock, Bottleneck } from "../../src/resnet/index.ts";
import { Rng } from "../../src/tensor/rng.ts";
import type { Tensor } from "../../src/tensor/tensor.ts";

/** The block with every parameter random, so that a scale or shift that is left out shows. */
export function shaken<T extends Module>(block: T): T {
  const rng = new Rng(2);
  for (const [, t] of block.namedParameters()) init.normal(t, rng, { mean: 0.3, std: 0.3 });
  return block;
}

/** Batch norm of a batch in training. */
export const norm = (t: Tensor, layer: { weight: Tensor | null; bias: Tensor | null } | null): Tensor =>
  batchNorm(t, layer!.weight, layer!.bias, { training: true });

export const conv1 = (t: Tensor, { weight, bias }: Conv2d, stride = 1): Tensor => conv2d(t, weight, bias, { stride });
export const conv3 = (t: Tensor, { weight }: Conv2d, stride = 1): Tensor =>
  conv2d(t, weight, null, { stride, padding: 1 });

/** A projection with its norm. */
export function projection(t: Tensor, { downsample }: BasicBlock | Bottleneck, stride = 1): Tensor {
  const [conv, bn] = (downsample as unknown as { layers: [Conv2d, Parameters<typeof norm>[1]] }).layers;
  return norm(conv1(t, conv, stride), bn);
}

/** α·F + s. */
export const plus = (branch: Tensor, skip: Tensor, factor = 1): Tensor => add(skip, mul(branch, factor));

/** Where a module and its parts keep their parameters, so that a test can put others (in float64) there. */
export function parameterSlots(root: Module): { owner: Record<string, unknown>; key: string }[] {
  const parameters = new Set(root.parameters());
  return root.namedModules().flatMap(([, module]) => {
    const owner = module as unknown as Record<string, unknown>;
    return Object.keys(owner)
      .filter((key) => parameters.has(owner[key] as Tensor))
      .map((key) => ({ owner, key }));
  });
}

/**
 * The largest relative error of the gradients of `x` and of every parameter, in float64.
 *
 * @param prepare runs before each forward pass: to put a generator back, for example.
 */
export function checkGradients(module: Module, x: Tensor, prepare: () => void = () => {}): number {
  const slots = parameterSlots(module);
  if (slots.length !== module.parameters().length) throw new Error("checkGradients: not every parameter was found");
  const f = (input: Tensor, ...parameters: Tensor[]): Tensor => {
    slots.forEach(({ owner, key }, i) => {
      owner[key] = parameters[i];
    });
    prepare();
    return module.forward(input);
  };
  return gradcheck(f, [x, ...slots.map(({ owner, key }) => owner[key] as Tensor)]);
}
