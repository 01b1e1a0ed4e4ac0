/**
 * A block taken apart by its own public parts: y = after(skip(x) + branch(x)), each differentiated by itself. Together they
 * have to make up the gradient of the whole, and each says by itself how much of it is its own.
 */

import { backward } from "../autograd/backward.ts";
import { needsGrad } from "../autograd/graph.ts";
import { allocateLasting, type Floats } from "../tensor/memory.ts";
import { owned, peek, type Tensor } from "../tensor/tensor.ts";
import type { BlockCall } from "./blocks.ts";
import { leafOf } from "./leaf.ts";

/** A block whose parts can be differentiated again and again. */
export interface DividedBlock {
  /** The gradient at the sum skip(x) + branch(x), from that at y. */
  toSum(gy: Floats): Floats;
  /** From the sum to x along the shortcut, and along the branch. */
  alongSkip(gz: Floats): Floats;
  alongBranch(gz: Floats): Floats;
}

/**
 * Null where a block cannot be taken apart: it draws random numbers, so that its parts would not be those which made y, or
 * a norm follows the addition.
 */
export function divide({ module, x, y }: BlockCall): DividedBlock | null {
  if (module.order === "bnAfterAddition") return null;
  const leaf = leafOf(x);
  const skip = module.skip(leaf);
  const branch = module.collapsed ? null : module.branch(leaf);
  const [s, f, z] = [skip && peek(skip), branch && peek(branch), peek(y)];
  const sum = (i: number): number => (s ? s[i] : 0) + (f ? f[i] : 0);
  const relu = module.order === "post";
  for (let i = 0; i < y.size; i++) {
    const again = relu ? Math.max(0, Math.fround(sum(i))) : Math.fround(sum(i));
    if (again !== z[i]) return null;
  }
  const product = (t: Tensor | null, gz: Floats): Floats => {
    const grads = t && needsGrad(t) ? backward(t, { gradient: owned(gz, t.shape) }) : null;
    return grads?.has(leaf) ? peek(grads.get(leaf)) : allocateLasting(x.size);
  };
  return {
    toSum: (gy) => (relu ? gy.map((v, i) => (peek(y)[i] > 0 ? v : 0)) : gy),
    alongSkip: (gz) => product(skip, gz),
    alongBranch: (gz) => product(branch, gz),
  };
}
