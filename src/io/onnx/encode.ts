/**
 * The messages of ONNX: an ONNX graph as the bytes of a .onnx file.
 *
 * Messages, fields and field numbers are those of onnx.proto: https://github.com/onnx/onnx/blob/main/onnx/onnx.proto.
 */
import type { Floats } from "../../tensor/memory.ts";
import { OnnxExportError } from "./errors.ts";
import type { OnnxAttribute, OnnxGraph, OnnxNode, OnnxTensor, OnnxValue } from "./graph.ts";
import { bytes, encode, type Field, float, int, message, sizeOf, text } from "./protobuf.ts";

/** Field numbers by message and field; only those in use. */
const FIELDS = {
  ModelProto: { ir_version: 1, producer_name: 2, producer_version: 3, graph: 7, opset_import: 8 },
  OperatorSetIdProto: { domain: 1, version: 2 },
  GraphProto: { node: 1, name: 2, initializer: 5, input: 11, output: 12 },
  NodeProto: { input: 1, output: 2, name: 3, op_type: 4, attribute: 5 },
  AttributeProto: { name: 1, f: 2, i: 3, s: 4, ints: 8, type: 20 },
  TensorProto: { dims: 1, data_type: 2, name: 8, raw_data: 9 },
  ValueInfoProto: { name: 1, type: 2 },
  TypeProto: { tensor_type: 1 },
  "TypeProto.Tensor": { elem_type: 1, shape: 2 },
  TensorShapeProto: { dim: 1 },
  "TensorShapeProto.Dimension": { dim_value: 1, dim_param: 2 },
} as const;

/** AttributeProto.AttributeType. */
const ATTRIBUTE_TYPES = { FLOAT: 1, INT: 2, STRING: 3, INTS: 7 } as const;

/** TensorProto.DataType. */
const DATA_TYPES = { FLOAT: 1, INT64: 7 } as const;

/** The version of the file format that came with each operator set: https://onnx.ai/onnx/repo-docs/Versioning.html. */
export const IR_VERSIONS: Readonly<Record<number, number>> = {
  17: 8,
  18: 8,
  19: 9,
  20: 9,
  21: 10,
  22: 10,
  23: 11,
  24: 12,
  25: 13,
};

/** The largest size of a protocol buffer: readers count its bytes in a signed 32-bit number. */
const LARGEST = 2 ** 31 - 1;

export interface ModelOptions {
  readonly opset: number;
  readonly producerVersion?: string | undefined;
}

/** @throws OnnxExportError if the file would be larger than a protocol buffer can be. */
export function encodeModel(graph: OnnxGraph, { opset, producerVersion }: ModelOptions): Uint8Array {
  const { ModelProto, OperatorSetIdProto } = FIELDS;
  const fields = [
    int(ModelProto.ir_version, IR_VERSIONS[opset]),
    text(ModelProto.producer_name, "skipstone"),
    ...(producerVersion === undefined ? [] : [text(ModelProto.producer_version, producerVersion)]),
    message(ModelProto.graph, graphFields(graph)),
    message(ModelProto.opset_import, [text(OperatorSetIdProto.domain, ""), int(OperatorSetIdProto.version, opset)]),
  ];
  const size = sizeOf(fields);
  if (size > LARGEST) {
    throw new OnnxExportError(
      `the file would have ${size} bytes, but a protocol buffer has at most ${LARGEST}: keep such a network's weights in a safetensors file`,
    );
  }
  return encode(fields);
}

function graphFields({ name, input, output, nodes, tensors }: OnnxGraph): Field[] {
  const { GraphProto } = FIELDS;
  return [
    ...nodes.map((node) => message(GraphProto.node, nodeFields(node))),
    text(GraphProto.name, name),
    ...Array.from(tensors, ([name, tensor]) => message(GraphProto.initializer, tensorFields(name, tensor))),
    message(GraphProto.input, valueFields(input)),
    message(GraphProto.output, valueFields(output)),
  ];
}

function nodeFields({ name, operator, inputs, output, unread = [], attributes }: OnnxNode): Field[] {
  const { NodeProto } = FIELDS;
  return [
    ...inputs.map((input) => text(NodeProto.input, input)),
    ...[output, ...unread].map((value) => text(NodeProto.output, value)),
    text(NodeProto.name, name),
    text(NodeProto.op_type, operator),
    ...Object.entries(attributes).map(([key, value]) => message(NodeProto.attribute, attributeFields(key, value))),
  ];
}

function attributeFields(name: string, value: OnnxAttribute): Field[] {
  const { AttributeProto } = FIELDS;
  const typed = (type: keyof typeof ATTRIBUTE_TYPES, ...values: Field[]): Field[] => [
    text(AttributeProto.name, name),
    ...values,
    int(AttributeProto.type, ATTRIBUTE_TYPES[type]),
  ];
  if (typeof value === "number") return typed("INT", int(AttributeProto.i, value));
  if (typeof value === "string") return typed("STRING", text(AttributeProto.s, value));
  if ("float" in value) return typed("FLOAT", float(AttributeProto.f, value.float));
  return typed("INTS", ...value.map((v) => int(AttributeProto.ints, v)));
}

function tensorFields(name: string, { shape, data }: OnnxTensor): Field[] {
  const { TensorProto } = FIELDS;
  const floats = ArrayBuffer.isView(data);
  return [
    ...shape.map((length) => int(TensorProto.dims, length)),
    int(TensorProto.data_type, floats ? DATA_TYPES.FLOAT : DATA_TYPES.INT64),
    text(TensorProto.name, name),
    floats
      ? bytes(TensorProto.raw_data, data.length * 4, (target, at) => writeFloats(data, target, at))
      : bytes(TensorProto.raw_data, data.length * 8, (target, at) => writeInts(data, target, at)),
  ];
}

function valueFields({ name, shape }: OnnxValue): Field[] {
  const { ValueInfoProto, TypeProto, TensorShapeProto } = FIELDS;
  const Tensor = FIELDS["TypeProto.Tensor"];
  const Dimension = FIELDS["TensorShapeProto.Dimension"];
  const lengths = shape.map((length) =>
    message(TensorShapeProto.dim, [
      typeof length === "number" ? int(Dimension.dim_value, length) : text(Dimension.dim_param, length),
    ]),
  );
  return [
    text(ValueInfoProto.name, name),
    message(ValueInfoProto.type, [
      message(TypeProto.tensor_type, [int(Tensor.elem_type, DATA_TYPES.FLOAT), message(Tensor.shape, lengths)]),
    ]),
  ];
}

/** Raw data is little-endian on every machine. */
function writeFloats(data: Floats, target: Uint8Array, at: number): void {
  if (data instanceof Float32Array && isLittleEndian()) {
    target.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength), at);
    return;
  }
  const view = new DataView(target.buffer, target.byteOffset + at);
  for (let i = 0; i < data.length; i++) view.setFloat32(4 * i, data[i], true);
}

function writeInts(data: readonly number[], target: Uint8Array, at: number): void {
  const view = new DataView(target.buffer, target.byteOffset + at);
  for (let i = 0; i < data.length; i++) view.setBigInt64(8 * i, BigInt(data[i]), true);
}

function isLittleEndian(): boolean {
  return new Uint8Array(Uint16Array.of(1).buffer)[0] === 1;
}
