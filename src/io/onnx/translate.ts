/** From a forward pass's recorded graph to an ONNX graph that computes the same, for an input of exactly that shape. */
import type { Node } from "../../autograd/graph.ts";
import type { Module } from "../../nn/module.ts";
import { describe } from "../../tensor/check.ts";
import type { Tensor } from "../../tensor/tensor.ts";
import { OnnxExportError } from "./errors.ts";
import type { OnnxGraph, OnnxNode } from "./graph.ts";
import { exporters, notExported } from "./operators/index.ts";
import type { Trace } from "./trace.ts";
import { type OnnxOperator, Writer } from "./writer.ts";

export interface GraphOptions {
  readonly name: string;
  readonly inputName: string;
  readonly outputName: string;
  readonly opset: number;
  readonly dynamicSize: boolean;
  /** Exporters of operations of one's own. */
  readonly operators: Readonly<Record<string, OnnxOperator>>;
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
  const writer = new Writer(options, state, [options.inputName, options.outputName]);
  writer.bind(input, options.inputName);
  for (const { node, module } of steps) {
    writer.source = { op: node.op, module };
    if (node.inputs.some(({ version }, i) => version !== node.versions[i])) {
      throw new OnnxExportError(
        "a tensor was changed in place after the operation used it: its values are lost",
        writer.source,
      );
    }
    writer.bind(node.output, written(writer, node, options.operators));
  }
  return {
    name: options.name,
    input: { name: options.inputName, shape: input.shape },
    output: { name: options.outputName, shape: output.shape },
    nodes: withOutput(writer, writer.value(output), options.outputName),
    tensors: writer.tensors,
    shapes: writer.shapes,
  };
}

/** Writes down an operation. Returns the name of its output. */
function written(writer: Writer, node: Node, own: GraphOptions["operators"]): string {
  const { op } = node;
  // `record` ensures that a node's attributes are those of its operation.
  if (Object.hasOwn(exporters, op)) return (exporters[op] as (writer: Writer, node: Node) => string)(writer, node);
  if (Object.hasOwn(own, op)) return ownWritten(writer, node, own[op]);
  const reason = Object.hasOwn(notExported, op)
    ? notExported[op]
    : `there is no exporter for it: exportOnnx takes one as operators: { "${op}": (graph, { inputs }) => graph.node(…) }`;
  throw new OnnxExportError(reason, writer.source);
}

function ownWritten(writer: Writer, { inputs, output, attributes }: Node, operator: OnnxOperator): string {
  const others = Array.isArray(attributes) ? (attributes as readonly unknown[]) : [];
  const name: unknown = operator(writer, { inputs: writer.values(inputs), attributes: others, shape: output.shape });
  const known =
    typeof name === "string" &&
    (writer.nodes.some((node) => node.output === name) || writer.tensors.has(name) || writer.shapes.has(name));
  if (known) return name;
  throw new OnnxExportError(`its exporter must return the name of a value, got ${describe(name)}`, writer.source);
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
