/** An exported file as plain data, read by an implementation of the official schema that is not ours. */
import { onnx } from "onnx-proto";

export interface DecodedNode {
  readonly name: string;
  readonly operator: string;
  readonly inputs: readonly string[];
  readonly output: string;
}

export interface DecodedTensor {
  readonly shape: readonly number[];
  readonly data: readonly number[];
}

interface DecodedValue {
  readonly name: string;
  readonly shape: readonly (number | string)[];
}

export interface Decoded {
  readonly bytes: Uint8Array;
  readonly opset: number;
  readonly irVersion: number;
  readonly producerVersion: string;
  readonly graph: {
    readonly name: string;
    readonly input: DecodedValue;
    readonly output: DecodedValue;
    readonly nodes: readonly DecodedNode[];
    readonly tensors: Readonly<Record<string, DecodedTensor>>;
  };
}

export function decode(bytes: Uint8Array): Decoded {
  const { graph, opsetImport, irVersion, producerVersion } = onnx.ModelProto.decode(bytes);
  const { name, node, initializer, input, output } = graph!;
  return {
    bytes,
    opset: Number(opsetImport[0].version),
    irVersion: Number(irVersion),
    producerVersion,
    graph: {
      name: name!,
      input: declared(input![0]),
      output: declared(output![0]),
      nodes: node!.map(({ name, opType, input, output }) => ({
        name: name!,
        operator: opType!,
        inputs: input!,
        output: output![0],
      })),
      tensors: Object.fromEntries(initializer!.map((t) => [t.name, tensorOf(t)])),
    },
  };
}

function declared({ name, type }: onnx.IValueInfoProto): DecodedValue {
  const dims = type!.tensorType!.shape!.dim!;
  return { name: name!, shape: dims.map(({ dimParam, dimValue }) => dimParam || Number(dimValue)) };
}

function tensorOf({ dims, dataType, rawData }: onnx.ITensorProto): DecodedTensor {
  const { buffer } = Uint8Array.from(rawData!);
  const data = dataType === onnx.TensorProto.DataType.INT64 ? new BigInt64Array(buffer) : new Float32Array(buffer);
  return { shape: dims!.map(Number), data: Array.from(data, Number) };
}
