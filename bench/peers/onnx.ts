/**
 * ONNX models, written as protocol buffers: only the parts of onnx.proto (https://github.com/onnx/onnx) that the
 * benches need.
 */

type Bytes = number[];

function varint(n: number): Bytes {
  const bytes: Bytes = [];
  let rest = n;
  do {
    const low = rest % 128;
    rest = Math.floor(rest / 128);
    bytes.push(rest > 0 ? low + 128 : low);
  } while (rest > 0);
  return bytes;
}

/** A message is a list of fields; a field has a number and whole numbers, text, bytes or messages for a value. */
type Field = readonly [number: number, value: number | string | Uint8Array | Message];
type Message = readonly Field[];

function encode(message: Message): Uint8Array {
  const pieces = message.flatMap(([number, value]): (Uint8Array | Bytes)[] => {
    if (typeof value === "number") return [varint(number * 8), varint(value)];
    const content =
      typeof value === "string"
        ? new TextEncoder().encode(value)
        : value instanceof Uint8Array
          ? value
          : encode(value as Message);
    return [[...varint(number * 8 + 2), ...varint(content.length)], content];
  });
  const bytes = new Uint8Array(pieces.reduce((size, { length }) => size + length, 0));
  let at = 0;
  for (const piece of pieces) {
    bytes.set(piece, at);
    at += piece.length;
  }
  return bytes;
}

export interface OnnxTensor {
  readonly name: string;
  readonly shape: readonly number[];
  readonly data: Float32Array | BigInt64Array;
}

export interface OnnxNode {
  readonly op: string;
  readonly inputs: readonly string[];
  readonly output: string;
  /** Whole numbers and lists of them. */
  readonly attributes?: Readonly<Record<string, number | readonly number[]>>;
}

export interface OnnxGraph {
  readonly inputs: Readonly<Record<string, readonly number[]>>;
  readonly weights: readonly OnnxTensor[];
  readonly nodes: readonly OnnxNode[];
  readonly output: string;
}

const FLOAT = 1;
const INT64 = 7;

/** A model with opset 13. */
export function onnxModel({ inputs, weights, nodes, output }: OnnxGraph): Uint8Array {
  const tensor = ({ name, shape, data }: OnnxTensor): Message => [
    ...shape.map((d): Field => [1, d]),
    [2, data instanceof Float32Array ? FLOAT : INT64],
    [8, name],
    [9, new Uint8Array(data.buffer, data.byteOffset, data.byteLength)],
  ];
  const attribute = (name: string, value: number | readonly number[]): Message =>
    typeof value === "number"
      ? [
          [1, name],
          [3, value],
          [20, 2],
        ]
      : [[1, name], ...value.map((v): Field => [8, v]), [20, 7]];
  const node = ({ op, inputs, output, attributes = {} }: OnnxNode): Message => [
    ...inputs.map((name): Field => [1, name]),
    [2, output],
    [4, op],
    ...Object.entries(attributes).map(([name, value]): Field => [5, attribute(name, value)]),
  ];
  const valueInfo = (name: string, shape?: readonly number[]): Message => {
    const dims: Field[] = shape ? [[2, shape.map((d): Field => [1, [[1, d]]])]] : [];
    return [
      [1, name],
      [2, [[1, [[1, FLOAT], ...dims]]]],
    ];
  };
  const graph: Message = [
    ...nodes.map((n): Field => [1, node(n)]),
    [2, "bench"],
    ...weights.map((w): Field => [5, tensor(w)]),
    ...Object.entries(inputs).map(([name, shape]): Field => [11, valueInfo(name, shape)]),
    [12, valueInfo(output)],
  ];
  return encode([
    [1, 8],
    [7, graph],
    [
      8,
      [
        [1, ""],
        [2, 13],
      ],
    ],
  ]);
}
