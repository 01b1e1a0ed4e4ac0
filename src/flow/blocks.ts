/** Watching the residual blocks of a network during one forward pass. */
import type { Module } from "../nn/module.ts";
import { observe } from "../nn/observe.ts";
import { isResidualBlock, type ResidualBlock } from "../resnet/index.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { type PathStep, pathBetween, shortcutPath } from "./path.ts";

/** One call of a block: what went in and what came out. */
export interface BlockCall {
  readonly block: string;
  readonly module: ResidualBlock;
  readonly x: Tensor;
  readonly y: Tensor;
}

/** Runs `fn` and returns its result with every residual block that was called, in order of the calls. */
export function observeBlocks<T>(model: Module, fn: () => T): { value: T; calls: BlockCall[] } {
  const calls: BlockCall[] = [];
  const value = observe(
    model,
    (path, module, x, y) => {
      if (isResidualBlock(module)) calls.push({ block: path || module.constructor.name, module, x, y });
    },
    fn,
  );
  return { value, calls };
}

/**
 * The block's shortcut, from y to x. A block that has one but did not use its branch this time (it is collapsed, or
 * stochastic depth skipped it) is its shortcut alone. Null where there is none.
 */
export function blockPath({ module, x, y }: BlockCall): PathStep[] | null {
  return shortcutPath(y, x) ?? (module.shortcut === "none" ? null : pathBetween(y, x));
}
