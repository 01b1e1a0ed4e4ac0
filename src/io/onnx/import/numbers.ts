/**
 * Values that are no `Tensor`: what a file holds, and whole numbers on their way through the graph.
 *
 * A graph computes with shapes as with anything else: PyTorch writes a flatten as Shape, Gather, Concat and Reshape. Such
 * whole numbers never depend on the network's numbers, only on the shape of its input, so they are lists here, outside of
 * the graph of derivatives. Next: wholes.ts, what is computed with them.
 */

import { formatShape, type Shape } from "../../../tensor/shape.ts";
import { Tensor } from "../../../tensor/tensor.ts";
import { type DType, decodeValues, dtypes, toFloat32 } from "../../dtypes.ts";
import { FormatError } from "../../errors.ts";
import type { Message } from "./protobuf.ts";

/** Numbers as a file has them: floats as float32, all others as a list. */
export interface Numbers {
  readonly shape: Shape;
  readonly data: Float32Array | readonly number[];
}

/** Whole numbers, or truth values as 0 and 1. */
export interface Wholes {
  readonly shape: Shape;
  readonly data: readonly number[];
}

/** A value of the running graph. */
export type Value = Tensor | Wholes;

/** TensorProto.DataType: the types that are read, and the field with their numbers if they are not raw. */
const TYPES: Readonly<Record<number, { dtype: DType; float: boolean; field: 4 | 5 | 7 | 10 | 11 }>> = {
  1: { dtype: "float32", float: true, field: 4 },
  2: { dtype: "uint8", float: false, field: 5 },
  3: { dtype: "int8", float: false, field: 5 },
  4: { dtype: "uint16", float: false, field: 5 },
  5: { dtype: "int16", float: false, field: 5 },
  6: { dtype: "int32", float: false, field: 5 },
  7: { dtype: "int64", float: false, field: 7 },
  9: { dtype: "bool", float: false, field: 5 },
  10: { dtype: "float16", float: true, field: 5 },
  11: { dtype: "float64", float: true, field: 10 },
  12: { dtype: "uint32", float: false, field: 11 },
  16: { dtype: "bfloat16", float: true, field: 5 },
};

/** The types, by number, that are float32 here. */
export const isFloatType = (type: number): boolean => TYPES[type]?.float === true;

/** The types, by number, that are whole numbers here. */
export const isWholeType = (type: number): boolean => TYPES[type]?.float === false;

/** The numbers of a TensorProto, which is called `name`. */
export function numbersOf(tensor: Message, name: string): Numbers {
  const where = `importOnnx: tensor ${name}`;
  if (tensor.has(13) || (tensor.int(14) ?? 0) !== 0) {
    throw new FormatError(
      `${where} is kept in another file (external data), which is not opened: save the model as one file, onnx.save(model, path)`,
    );
  }
  if (tensor.has(3)) throw new FormatError(`${where} is only a segment of a tensor, which is not read`);
  const shape = tensor.ints(1);
  const type = tensor.int(2) ?? 0;
  const known = Object.hasOwn(TYPES, type) ? TYPES[type] : undefined;
  if (!known) throw new FormatError(`${where} has numbers of type ${type} (TensorProto.DataType), which are not read`);
  if (shape.some((length) => !Number.isSafeInteger(length) || length < 0)) {
    throw new FormatError(`${where} has the shape ${formatShape(shape)}`);
  }
  const size = shape.reduce((product, length) => product * length, 1);
  const { dtype, float } = known;
  const [raw] = tensor.bytes(9).slice(-1);
  const found = raw ? raw.length / dtypes[dtype].bytes : undefined;
  const values = raw && found === size ? decodeValues(dtype, raw.slice()) : raw ? [] : listed(tensor, known);
  if (values.length !== size || (found ?? size) !== size) {
    throw new FormatError(
      `${where} of shape ${formatShape(shape)} must have ${size} numbers, got ${found ?? values.length}`,
    );
  }
  if (!float) return { shape, data: Array.from(values, Number) };
  return { shape, data: Array.isArray(values) ? Float32Array.from(values) : toFloat32(values as Float32Array) };
}

/** Numbers that are listed one by one. */
function listed(tensor: Message, { dtype, field }: { dtype: DType; field: 4 | 5 | 7 | 10 | 11 }): number[] {
  if (field === 4) return tensor.floats(4);
  if (field === 10) return tensor.floats(10, 8);
  const wholes = tensor.ints(field);
  if (dtype !== "float16" && dtype !== "bfloat16") return wholes;
  // Their 16 bits, as a whole number.
  const bits = Uint16Array.from(wholes);
  return [...(decodeValues(dtype, new Uint8Array(bits.buffer)) as Float32Array)];
}

export function isWholes(value: Value): value is Wholes {
  return !(value instanceof Tensor);
}

/** As a value of the running graph. */
export function asValue({ shape, data }: Numbers): Value {
  return data instanceof Float32Array ? new Tensor(data, shape) : { shape, data };
}

/** A list of whole numbers. */
export function wholes(data: readonly number[], shape: Shape = [data.length]): Wholes {
  return { shape, data };
}
