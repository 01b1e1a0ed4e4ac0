/** The writers' input: a state dict, or tensors with types of their own; and each tensor's type in the file. */
import { describe, type OptionNames } from "../tensor/check.ts";
import { isShape, readClone, type SavedTensor } from "../tensor/clone.ts";
import { UsageError, ValueError } from "../tensor/errors.ts";
import type { Floats } from "../tensor/memory.ts";
import { formatShape, type Shape, sizeOf } from "../tensor/shape.ts";
import { isTensor, owned, peek, type Tensor } from "../tensor/tensor.ts";
import { convertFloats, type DType, dtypes, encodeValues, type FloatDType, isDType } from "./dtypes.ts";
import { quote } from "./errors.ts";
import type { StoredTensor } from "./weight-file.ts";

/** A tensor, a tensor stored in a `WeightFile`, or a clone. */
export type TensorToWrite = Tensor | StoredTensor | SavedTensor;

/**
 * Tensors by name: `model.stateDict()`, or those stored in a `WeightFile`. A map keeps names like "0" in their place.
 */
export type StateToWrite = Readonly<Record<string, TensorToWrite>> | ReadonlyMap<string, TensorToWrite>;

/** Options of writing weight files. */
export interface WriteOptions {
  /**
   * The type of the tensors' numbers: one for all floats, or a function of the name. Default: float32. Batch norm's
   * counter, `num_batches_tracked`, is an int64 unless the function says otherwise, as in PyTorch. Tensors with a type
   * of their own (`StoredTensor`) keep it.
   */
  dtype?: FloatDType | ((name: string, tensor: Tensor) => DType);
}

export const WRITE_OPTIONS: OptionNames<WriteOptions> = { dtype: true };

/** A tensor about to be written. */
export interface OutgoingTensor {
  readonly name: string;
  readonly dtype: DType;
  readonly shape: Shape;
  readonly byteLength: number;
  /** Tensors that share their numbers have the same source. */
  readonly source: object;
  /** The numbers, little-endian. May be a view of the tensor's own memory. */
  encode(): Uint8Array;
}

/**
 * Everything the function `op` has to write, in the state's order. Nothing is converted yet.
 *
 * @throws ValueError for a name that is not well-formed, or an unknown type; ShapeError for values that do not fill
 * their shape; UsageError for anything but a tensor, and for a tensor of a finished step.
 */
export function outgoingTensors(
  op: string,
  state: StateToWrite,
  { dtype = "float32" }: WriteOptions,
): OutgoingTensor[] {
  if (typeof dtype !== "function") checkDType(`${op}: the option dtype`, dtype);
  return entriesOf(op, state).map(([name, given]) => {
    const where = `${op}: ${quote(name)}`;
    if (/\p{Surrogate}/u.test(name)) throw new ValueError(`${op}: the name ${quote(name)} is not well-formed Unicode`);
    const item = tensorOf(where, given);
    const type = isTensor(item) ? typeFor(name, item, dtype) : item.dtype;
    checkDType(where, type);
    if (!isTensor(item)) checkStored(where, item);
    const numbers = isTensor(item) ? numbersOf(where, item) : item.values;
    return {
      name,
      dtype: type,
      shape: item.shape,
      byteLength: sizeOf(item.shape) * dtypes[type].bytes,
      source: numbers,
      encode: () => encodeValues(type, isFloats(numbers) ? convertFloats(type, numbers, where) : numbers),
    };
  });
}

function entriesOf(op: string, state: unknown): [string, TensorToWrite][] {
  const isRecord = Object.prototype.toString.call(state) === "[object Object]" || state instanceof Map;
  const { stateDict } = (state ?? {}) as { stateDict?: unknown };
  if (!isRecord || isTensor(state) || typeof stateDict === "function") {
    const advice = typeof stateDict === "function" ? ": pass its stateDict()" : "";
    throw new UsageError(`${op}: needs tensors by name, an object or a Map, got ${describe(state)}${advice}`);
  }
  const entries = state instanceof Map ? [...state] : Object.entries(state as object);
  for (const [name] of entries) {
    if (typeof name !== "string") throw new UsageError(`${op}: a name must be a string, got ${describe(name)}`);
  }
  return entries as [string, TensorToWrite][];
}

/** The given tensor. A clone has lost its class, and gets it back. */
function tensorOf(where: string, given: TensorToWrite): Tensor | StoredTensor {
  if (isTensor(given)) return given;
  const { shape: stored, values } = (given ?? {}) as Partial<StoredTensor>;
  if (isShape(stored) && ArrayBuffer.isView(values)) return given as StoredTensor;
  const { shape, data } = readClone(where, given);
  return owned(isFloats(data) ? data : Float64Array.from(data), shape);
}

function numbersOf(where: string, tensor: Tensor): Floats {
  try {
    return peek(tensor);
  } catch (error) {
    // The tensor's step is over; the message says which of many tensors it is.
    throw new UsageError(`${where}: ${error instanceof Error ? error.message : String(error)}`);
  }
}

function isFloats(values: unknown): values is Floats {
  return values instanceof Float32Array || values instanceof Float64Array;
}

function typeFor(name: string, tensor: Tensor, dtype: NonNullable<WriteOptions["dtype"]>): DType {
  if (typeof dtype === "function") return dtype(name, tensor);
  return /(^|\.)num_batches_tracked$/.test(name) ? "int64" : dtype;
}

function checkDType(what: string, dtype: unknown): asserts dtype is DType {
  if (typeof dtype === "string" && isDType(dtype)) return;
  const name = typeof dtype === "string" ? quote(dtype) : describe(dtype);
  throw new ValueError(`${what}: there is no type ${name}, known types are ${Object.keys(dtypes).join(", ")}`);
}

function checkStored(where: string, { dtype, shape, values }: StoredTensor): void {
  const expected = dtypes[dtype].values;
  if (!(values instanceof expected) || values.length !== sizeOf(shape)) {
    throw new ValueError(
      `${where}: ${dtype} ${formatShape(shape)} needs a ${expected.name} of ${sizeOf(shape)} values, got a ${values.constructor.name} of ${values.length}`,
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
