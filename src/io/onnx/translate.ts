/** From a forward pass's recorded graph to an ONNX graph that computes the same, for an input of exactly that shape. */
import type { Node } from "../../autograd/graph.ts";
import type { Module } from "../../nn/module.ts";
import type { Tensor } from "../../tensor/tensor.ts";
import { OnnxExportError, type Source } from "./errors.ts";
import type { OnnxGraph, OnnxNode } from "./graph.ts";
import { exporters, notExported } from "./operators/index.ts";
import type { Trace } from "./trace.ts";
import { Writer } from "./writer.ts";

export interface GraphOptions {
  readonly name: string;
  readonly inputName: string;
  readonly outputName: string;
  readonly opset: number;
}

/**
 * Parameters and buffers of `model` become tensors with their names in its `stateDict()`; a shared one takes its first
 * name.
 *
 * @throws OnnxExportError for an operation that cannot be exported, or whose values are gone.
 */
export function translate(model: Module, { input, output, steps }: Trace, options: GraphOptions): OnnxGraph {
  const state = new Map<Tensor, string>();
  for (const [name, t] of Object.entries(model.stateDict())) if (!state.has(t)) state.set(t, name);
  const writer = new Writer(options.opset, state, [options.inputName, options.outputName]);
  writer.bind(input, options.inputName);
  for (const { node, module } of steps) {
    writer.source = { op: node.op, module };
    if (node.inputs.some(({ version }, i) => version !== node.versions[i])) {
      throw new OnnxExportError(
        "a tensor was changed in place after the operation used it: its values are lost",
        writer.source,
      );
    }
    writer.bind(node.output, exporterOf(node, writer.source)(writer, node));
  }
  return {
    name: options.name,
    input: { name: options.inputName, shape: input.shape },
    output: { name: options.outputName, shape: output.shape },
    nodes: withOutput(writer, writer.value(output), options.outputName),
    tensors: writer.tensors,
  };
}

function exporterOf({ op }: Node, source: Source): (writer: Writer, node: Node) => string {
  // `record` ensures that a node's attributes are those of its operation.
  if (Object.hasOwn(exporters, op)) return exporters[op] as (writer: Writer, node: Node) => string;
  const reason = Object.hasOwn(notExported, op)
    ? notExported[op]
    : "there is no exporter for it: operations of your own cannot be exported";
  throw new OnnxExportError(reason, source);
}

/** The nodes, with `value` renamed to `name`. A value that no node computes is passed on by an Identity. */
function withOutput({ nodes, source }: Writer, value: string, name: string): OnnxNode[] {
  if (!nodes.some(({ output }) => output === value)) {
    return [
      ...nodes,
      { name: "Identity", operator: "Identity", inputs: [value], output: name, attributes: {}, source },
    ];
  }
  const renamed = (other: string): string => (other === value ? name : other);
  return nodes.map((node) => ({ ...node, inputs: node.inputs.map(renamed), output: renamed(node.output) }));
}
