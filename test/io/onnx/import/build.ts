/** Small ONNX models, written by an implementation of the official schema that is not ours. */
import { onnx } from "onnx-proto";
import type { Shape } from "../../../../src/tensor/shape.ts";
import type { Tensor } from "../../../../src/tensor/tensor.ts";

/** A number is an int, a text, a list of ints; a float is `{ float }`. */
export type AttributeValue =
  | number
  | string
  | readonly number[]
  | { readonly float: number }
  | { readonly tensor: Tensor };

export interface BuiltNode {
  readonly operator: string;
  readonly inputs: readonly string[];
  readonly outputs?: readonly string[];
  readonly attributes?: Readonly<Record<string, AttributeValue>>;
}

export interface Built {
  readonly nodes: readonly BuiltNode[];
  /** Tensors are floats, lists are int64. */
  readonly tensors?: Readonly<Record<string, Tensor | readonly number[]>>;
  readonly opset?: number;
  readonly inputShape: Shape;
}

/** A graph from "x" to the output of the last node. */
export function build({ nodes, tensors = {}, opset = 17, inputShape }: Built): Uint8Array {
  const float = (name: string, shape?: Shape): onnx.IValueInfoProto => ({
    name,
    type: { tensorType: { elemType: 1, shape: shape ? { dim: shape.map((dimValue) => ({ dimValue })) } : null } },
  });
  const all = nodes.map(({ operator, inputs, outputs, attributes = {} }, i) => ({
    name: `node${i}`,
    opType: operator,
    input: [...inputs],
    output: [...(outputs ?? [`y${i}`])],
    attribute: Object.entries(attributes).map(([name, value]) => attribute(name, value)),
  }));
  return onnx.ModelProto.encode({
    irVersion: 8,
    opsetImport: [{ domain: "", version: opset }],
    graph: {
      name: "built",
      node: all,
      input: [float("x", inputShape)],
      output: [float(all.at(-1)!.output[0])],
      initializer: Object.entries(tensors).map(([name, t]) => ({ name, ...tensorOf(t) })),
    },
  }).finish();
}

function attribute(name: string, value: AttributeValue): onnx.IAttributeProto {
  if (typeof value === "number") return { name, type: 2, i: value };
  if (typeof value === "string") return { name, type: 3, s: new TextEncoder().encode(value) };
  if ("float" in value) return { name, type: 1, f: value.float };
  if ("tensor" in value) return { name, type: 4, t: tensorOf(value.tensor) };
  return { name, type: 7, ints: [...value] };
}

function tensorOf(t: Tensor | readonly number[]): onnx.ITensorProto {
  if ("shape" in t) return { dims: [...t.shape], dataType: 1, floatData: [...t.data] };
  return { dims: [t.length], dataType: 7, int64Data: [...t] };
}
