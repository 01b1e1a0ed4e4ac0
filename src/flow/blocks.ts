/** Watching the residual blocks of a network during one forward pass. */
import { noGrad } from "../autograd/graph.ts";
import { type Module, observe } from "../nn/module.ts";
import { isResidualBlock } from "../resnet/index.ts";
import type { Tensor } from "../tensor/tensor.ts";

/** One call of a block: what went in and what came out. */
export interface BlockCall {
  readonly block: string;
  readonly x: Tensor;
  readonly y: Tensor;
}

/** Runs `fn` and returns its result with every residual block that was called, in order of the calls. */
export function observeBlocks<T>(model: Module, fn: () => T): { value: T; calls: BlockCall[] } {
  const calls: BlockCall[] = [];
  const value = observe(
    model,
    (path, module, x, y) => {
      if (isResidualBlock(module)) calls.push({ block: path || module.constructor.name, x, y });
    },
    fn,
  );
  return { value, calls };
}

/**
 * Runs `fn` and puts every buffer of the model (running statistics) back as it was: an instrument does not change what
 * it measures.
 */
export function preservingBuffers<T>(model: Module, fn: () => T): T {
  const saved = noGrad(() => model.namedBuffers().map(([, t]) => [t, t.data.slice()] as const));
  try {
    return fn();
  } finally {
    for (const [t, values] of saved) t.assign(values);
  }
}
