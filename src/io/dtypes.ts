/**
 * Number types in files, by PyTorch's names, and the typed arrays that hold each of them exactly.
 *
 * Files are little-endian. So is every machine that is likely to run this, but `littleEndianMachine` checks.
 */
import { ValueError } from "../tensor/errors.ts";
import type { Floats } from "../tensor/memory.ts";
import { bfloat16, float8E4M3, float8E5M2, half, largest, narrow, type SmallFloat, widen } from "./small-floats.ts";

/** Floating-point types. */
export type FloatDType = "float64" | "float32" | "float16" | "bfloat16" | "float8_e4m3fn" | "float8_e5m2";

/** The number types of weight files, by safetensors' names. */
export type DType =
  | FloatDType
  | "int64"
  | "int32"
  | "int16"
  | "int8"
  | "uint64"
  | "uint32"
  | "uint16"
  | "uint8"
  | "bool";

/** A tensor's exact values: float16, bfloat16 and the 8-bit floats as float32; bool as 0 and 1. */
export type StoredValues =
  | Float64Array
  | Float32Array
  | BigInt64Array
  | Int32Array
  | Int16Array
  | Int8Array
  | BigUint64Array
  | Uint32Array
  | Uint16Array
  | Uint8Array;

interface DTypeInfo {
  /** Bytes per number. */
  readonly bytes: 1 | 2 | 4 | 8;
  /** The array that holds the values exactly. */
  readonly values: new (
    buffer: ArrayBuffer,
  ) => StoredValues;
  readonly small?: SmallFloat;
  /** The least and the greatest value, for whole numbers. */
  readonly range?: readonly [least: bigint, greatest: bigint];
}

/** All types, widest numbers first. */
export const dtypes: Readonly<Record<DType, DTypeInfo>> = {
  float64: { bytes: 8, values: Float64Array },
  int64: { bytes: 8, values: BigInt64Array, range: [-9223372036854775808n, 9223372036854775807n] },
  uint64: { bytes: 8, values: BigUint64Array, range: [0n, 18446744073709551615n] },
  float32: { bytes: 4, values: Float32Array },
  int32: { bytes: 4, values: Int32Array, range: [-2147483648n, 2147483647n] },
  uint32: { bytes: 4, values: Uint32Array, range: [0n, 4294967295n] },
  float16: { bytes: 2, values: Float32Array, small: half },
  bfloat16: { bytes: 2, values: Float32Array, small: bfloat16 },
  int16: { bytes: 2, values: Int16Array, range: [-32768n, 32767n] },
  uint16: { bytes: 2, values: Uint16Array, range: [0n, 65535n] },
  float8_e4m3fn: { bytes: 1, values: Float32Array, small: float8E4M3 },
  float8_e5m2: { bytes: 1, values: Float32Array, small: float8E5M2 },
  int8: { bytes: 1, values: Int8Array, range: [-128n, 127n] },
  uint8: { bytes: 1, values: Uint8Array, range: [0n, 255n] },
  bool: { bytes: 1, values: Uint8Array, range: [0n, 1n] },
};

export function isDType(name: string): name is DType {
  return Object.hasOwn(dtypes, name);
}

const littleEndianMachine = (): boolean => new Uint8Array(Uint16Array.of(1).buffer)[0] === 1;

/** Reverses the bytes of each number in place where the file's order differs from the machine's. */
function toMachineOrder(bytes: Uint8Array, width: number, littleEndian: boolean): void {
  if (width === 1 || littleEndian === littleEndianMachine()) return;
  for (let start = 0; start < bytes.length; start += width) {
    for (let i = start, j = start + width - 1; i < j; i++, j--) {
      const swap = bytes[i];
      bytes[i] = bytes[j];
      bytes[j] = swap;
    }
  }
}

/** The values of consecutive numbers in `bytes`. Uses the array itself where possible. */
export function decodeValues(dtype: DType, bytes: Uint8Array, littleEndian = true): StoredValues {
  const { bytes: width, values, small } = dtypes[dtype];
  const own =
    bytes.byteLength === bytes.buffer.byteLength && bytes.buffer instanceof ArrayBuffer ? bytes : bytes.slice();
  toMachineOrder(own, width, littleEndian);
  const buffer = own.buffer as ArrayBuffer;
  if (small) return widen(small, width === 2 ? new Uint16Array(buffer) : own);
  if (dtype === "bool") return own.map((byte) => (byte === 0 ? 0 : 1));
  return new values(buffer);
}

/** The bytes of `values`, little-endian. If nothing has to be converted they are a view of the array, not a copy. */
export function encodeValues(dtype: DType, values: StoredValues): Uint8Array {
  const { bytes: width, small } = dtypes[dtype];
  const { buffer, byteOffset, byteLength } = values;
  if (small) {
    const bits = width === 2 ? new Uint16Array(values.length) : new Uint8Array(values.length);
    narrow(small, values as Float32Array, bits);
    return encodeValues(width === 2 ? "uint16" : "uint8", bits);
  }
  const bytes = new Uint8Array(buffer, byteOffset, byteLength);
  if (width === 1 || littleEndianMachine()) return bytes;
  const copy = bytes.slice();
  toMachineOrder(copy, width, true);
  return copy;
}

/**
 * A float32 for each value: the value itself if it is one, else the nearest (float64, int64, int32 and their unsigned
 * kin have more digits than float32's 24 bits).
 */
export function toFloat32(values: StoredValues): Float32Array {
  if (values instanceof Float32Array) return values;
  if (!(values instanceof BigInt64Array || values instanceof BigUint64Array)) return new Float32Array(values);
  const nearest = new Float32Array(values.length);
  for (let i = 0; i < values.length; i++) nearest[i] = nearestFloat32(values[i]);
  return nearest;
}

/** Rounds once: rounding first to float64 and then again could break a tie the wrong way. */
function nearestFloat32(value: bigint): number {
  const number = Number(value);
  if (Number.isSafeInteger(number)) return number;
  // Of at least 54 bits, the lowest 12 affect rounding to 24 bits only by whether they are all 0.
  const sticky = (value & 0xfffn) === 0n ? 0n : 0x1000n;
  return Number((value & ~0xfffn) | sticky);
}

/**
 * A tensor's numbers in the form `encodeValues` takes for `dtype`. Floats are rounded to the nearest.
 *
 * @throws ValueError, naming `name`, for a finite number that `dtype` cannot hold: 1e6 in float16, 0.5 in int64.
 */
export function convertFloats(dtype: DType, data: Floats, name: string): StoredValues {
  const { bytes, range, small, values } = dtypes[dtype];
  if (!small && data instanceof values) return data;
  if (range) checkWhole(dtype, data, name, range);
  else if (dtype !== "float64") checkSize(dtype, data, name, small);
  if (dtype === "int64") return BigInt64Array.from(data, BigInt);
  if (dtype === "uint64") return BigUint64Array.from(data, BigInt);
  const converted = new values(new ArrayBuffer(data.length * (small ? 4 : bytes)));
  (converted as Float32Array).set(data);
  return converted;
}

function checkWhole(dtype: DType, data: Floats, name: string, [least, greatest]: readonly [bigint, bigint]): void {
  for (let i = 0; i < data.length; i++) {
    if (Number.isInteger(data[i]) && data[i] >= least && data[i] <= greatest) continue;
    refuse(dtype, data, name, i, `whole numbers from ${least} to ${greatest}`);
  }
}

function checkSize(dtype: DType, data: Floats, name: string, small: SmallFloat | undefined): void {
  const limit = small ? largest(small) : 3.4028234663852886e38;
  const infinity = small?.infinity ?? true;
  for (let i = 0; i < data.length; i++) {
    const magnitude = Math.abs(data[i]);
    if (magnitude > limit && !(infinity && magnitude === Number.POSITIVE_INFINITY)) {
      refuse(dtype, data, name, i, `numbers up to ${limit}`);
    }
  }
}

function refuse(dtype: DType, data: Floats, name: string, at: number, what: string): never {
  throw new ValueError(`${name}: element ${at} is ${data[at]}, but ${dtype} holds ${what}`);
}
