/**
 * Traces a network: one forward pass on an example, and everything it records on the way to its output.
 *
 * Anything unrecorded, because it depends on nothing with a gradient, is a constant. Next: translate.ts.
 */
import { type Node, nodesBefore } from "../../autograd/graph.ts";
import type { Module } from "../../nn/module.ts";
import { observe } from "../../nn/observe.ts";
import { describe } from "../../tensor/check.ts";
import { randn } from "../../tensor/create.ts";
import { ShapeError, UsageError } from "../../tensor/errors.ts";
import type { Rng } from "../../tensor/rng.ts";
import { formatShape, type Shape } from "../../tensor/shape.ts";
import { isTensor, type Tensor } from "../../tensor/tensor.ts";
import { OnnxExportError } from "./errors.ts";

export interface Step {
  readonly node: Node;
  /** Path of the innermost module that runs it. */
  readonly module: string;
}

export interface Trace {
  readonly input: Tensor;
  readonly output: Tensor;
  /** All operations behind the output, in order of computation. */
  readonly steps: readonly Step[];
}

/**
 * One forward pass of `model` on random numbers.
 *
 * @throws ShapeError if the model does not take the shape; UsageError if it has several inputs or outputs;
 * OnnxExportError if nothing leads from the input to the output.
 */
export function trace(model: Module, shape: Shape, rng: Rng): Trace {
  const input = randn(shape, rng, { requiresGrad: true });
  // Modules are observed when they end, parts before their module: a node that belongs to no part is the module's own.
  const modules = new Map<Node, string>();
  const claim = (path: string, x: unknown, y: unknown): void => {
    // Nodes run by a part with several inputs or outputs belong to the module around it.
    if (!(isTensor(x) && isTensor(y)) || y === x) return;
    for (const node of nodesBefore(y, [x])) if (!modules.has(node)) modules.set(node, path);
  };
  let output: unknown;
  try {
    output = observe(
      model,
      (path, _, x, y) => claim(path, x, y),
      () => model.forward(input),
    );
  } catch (error) {
    const name = model.constructor.name;
    const reason = error instanceof Error ? error.message : String(error);
    if (error instanceof ShapeError) {
      throw new ShapeError(`exportOnnx: ${name} does not take an input of shape ${formatShape(shape)}: ${reason}`);
    }
    // For instance a second input that is undefined, or an object in place of the tensor.
    if (!(error instanceof UsageError || error instanceof TypeError)) throw error;
    throw new UsageError(`exportOnnx: ${name} cannot run on one tensor, of shape ${formatShape(shape)}: ${reason}`);
  }

  if (!isTensor(output)) {
    throw new UsageError(
      `exportOnnx: ${model.constructor.name} returns ${describe(output)}, but exportOnnx needs one output, a tensor`,
    );
  }
  const nodes = nodesBefore(output).reverse();
  if (output !== input && !nodes.some(({ inputs }) => inputs.includes(input))) {
    throw new OnnxExportError(
      `no recorded operation leads from the input of ${model.constructor.name} to its output: it is computed outside the graph (noGrad, detach), or from something else`,
    );
  }
  return { input, output, steps: nodes.map((node) => ({ node, module: modules.get(node) ?? "" })) };
}
