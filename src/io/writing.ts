/** What the writers take: a state dict, or tensors with types of their own. And the type each tensor gets in the file. */
import { ValueError } from "../tensor/errors.ts";
import type { Floats } from "../tensor/memory.ts";
import { formatShape, type Shape, sizeOf } from "../tensor/shape.ts";
import { Tensor } from "../tensor/tensor.ts";
import { convertFloats, type DType, dtypes, encodeValues, type FloatDType, isDType, type Values } from "./dtypes.ts";
import { quote } from "./errors.ts";
import type { StoredTensor } from "./weight-file.ts";

/** Tensors by name: `model.stateDict()`, or what a `WeightFile` has stored. A map keeps names like "0" in their place. */
export type StateToWrite = Readonly<Record<string, Tensor | StoredTensor>> | ReadonlyMap<string, Tensor | StoredTensor>;

export interface WriteOptions {
  /**
   * The type of the tensors' numbers: one for all floats, or a function of the name. Default: float32. The batch counter of
   * batch norm, `num_batches_tracked`, is an int64 unless the function says otherwise, as in PyTorch. Tensors that come
   * with a type of their own (`StoredTensor`) keep it.
   */
  dtype?: FloatDType | ((name: string, tensor: Tensor) => DType);
}

/** A tensor that is about to be written. */
export interface OutgoingTensor {
  readonly name: string;
  readonly dtype: DType;
  readonly shape: Shape;
  readonly byteLength: number;
  /** Tensors that share their numbers have the same one. */
  readonly source: object;
  /** The numbers, little-endian. May be a view of the tensor's own memory. */
  encode(): Uint8Array;
}

/**
 * Everything that is to be written, in the state's order. Nothing is converted yet.
 *
 * @throws ValueError for a name that is no text, an unknown type, or values that do not fill their shape.
 */
export function outgoingTensors(state: StateToWrite, { dtype = "float32" }: WriteOptions): OutgoingTensor[] {
  if (typeof dtype === "string") checkDType("the option dtype", dtype);
  const named: [string, Tensor | StoredTensor][] = state instanceof Map ? [...state] : Object.entries(state);
  return named.map(([name, item]) => {
    if (/\p{Surrogate}/u.test(name)) throw new ValueError(`the name ${quote(name)} is not well-formed Unicode`);
    const type = item instanceof Tensor ? typeFor(name, item, dtype) : item.dtype;
    checkDType(quote(name), type);
    if (!(item instanceof Tensor)) checkStored(name, item);
    const numbers = item instanceof Tensor ? item.data : item.values;
    return {
      name,
      dtype: type,
      shape: item.shape,
      byteLength: sizeOf(item.shape) * dtypes[type].bytes,
      source: numbers,
      encode: () => encodeValues(type, isFloats(numbers) ? convertFloats(type, numbers, quote(name)) : numbers),
    };
  });
}

function isFloats(values: Values): values is Floats {
  return values instanceof Float32Array || values instanceof Float64Array;
}

function typeFor(name: string, tensor: Tensor, dtype: NonNullable<WriteOptions["dtype"]>): DType {
  if (typeof dtype === "function") return dtype(name, tensor);
  return /(^|\.)num_batches_tracked$/.test(name) ? "int64" : dtype;
}

function checkDType(what: string, dtype: string): void {
  if (!isDType(dtype)) {
    throw new ValueError(`${what}: there is no type ${quote(dtype)}, known are ${Object.keys(dtypes).join(", ")}`);
  }
}

function checkStored(name: string, { dtype, shape, values }: StoredTensor): void {
  const expected = dtypes[dtype].values;
  if (!(values instanceof expected) || values.length !== sizeOf(shape)) {
    throw new ValueError(
      `${quote(name)}: ${dtype} ${formatShape(shape)} needs a ${expected.name} of ${sizeOf(shape)} values, got a ${values.constructor.name} of ${values.length}`,
    );
  }
}

/** The pieces of a file as one array. */
export function joinChunks(chunks: Iterable<Uint8Array>): Uint8Array {
  const list = [...chunks];
  const whole = new Uint8Array(list.reduce((size, chunk) => size + chunk.length, 0));
  let at = 0;
  for (const chunk of list) {
    whole.set(chunk, at);
    at += chunk.length;
  }
  return whole;
}
