/**
 * NumPy's format of an array (numpy/lib/format.py):
 *
 *     \x93NUMPY   version: 2 bytes   length of the header: 2 bytes, from version 2 on 4   header   numbers
 *
 * The header is a Python dict, `{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }`, filled with spaces so that
 * the numbers begin at a multiple of 64. An `.npz` is a zip archive of such files, NAME.npy each.
 */
import { type Shape, sizeOf, stridesOf } from "../../tensor/shape.ts";
import { type DType, dtypes } from "../dtypes.ts";
import { FormatError, quote } from "../errors.ts";
import { encodeUtf8 } from "../utf8.ts";

/** NumPy's names of types: a letter for the kind and the number of bytes. It has no bfloat16 and no 8-bit floats. */
export const npyTypes: Readonly<Partial<Record<DType, string>>> = {
  float64: "f8",
  float32: "f4",
  float16: "f2",
  int64: "i8",
  int32: "i4",
  int16: "i2",
  int8: "i1",
  uint64: "u8",
  uint32: "u4",
  uint16: "u2",
  uint8: "u1",
  bool: "b1",
};

export interface NpyHeader {
  readonly dtype: DType;
  readonly littleEndian: boolean;
  readonly shape: Shape;
  readonly strides: readonly number[];
  /** Where the numbers begin. */
  readonly start: number;
  readonly byteLength: number;
}

/** NumPy's own limit is 10,000. */
const mostHeader = 2 ** 16;

const magic = [0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59];

export function isNpy(start: Uint8Array): boolean {
  return magic.every((byte, i) => start[i] === byte);
}

/** The length of a file's part before the numbers, from its first 12 bytes. `where` begins error messages. */
export function headerEnd(start: Uint8Array, where: string): number {
  if (!isNpy(start)) throw new FormatError(`${where}: not a .npy file: it does not begin with \\x93NUMPY`);
  const view = new DataView(start.buffer, start.byteOffset, start.byteLength);
  const version = start[6];
  if (start.length < 12 || version < 1 || version > 3) {
    throw new FormatError(`${where}: version ${version} of .npy, known are 1 to 3`);
  }
  const end = version === 1 ? 10 + view.getUint16(8, true) : 12 + view.getUint32(8, true);
  if (end <= mostHeader) return end;
  throw new FormatError(`${where}: header of .npy: ${end} bytes, the maximum is ${mostHeader}`);
}

/** What the bytes before the numbers say. */
export function parseHeader(bytes: Uint8Array, where: string): NpyHeader {
  const fail = (what: string): never => {
    throw new FormatError(`${where}: header of .npy: ${what}`);
  };
  const text = String.fromCharCode(...bytes.subarray(bytes[6] === 1 ? 10 : 12));
  const descr = /'descr':\s*(.+?),\s*'fortran_order'/.exec(text)?.[1] ?? fail("there is no descr");
  const fortran = /'fortran_order':\s*(True|False)/.exec(text)?.[1] ?? fail("there is no fortran_order");
  const axes = /'shape':\s*\(([\d\sL,]*)\)/.exec(text)?.[1] ?? fail("there is no shape");
  // Python 2 wrote 3L.
  const shape = (axes.match(/\d+/g) ?? []).map(Number);
  const [, order, type] = /^'([<>|=])(\w+)'$/.exec(descr) ?? [];
  const dtype = (Object.keys(npyTypes) as DType[]).find((name) => npyTypes[name] === type);
  if (!dtype) {
    const what = type === "O" ? ": it holds Python objects, which would have to be unpickled" : "";
    return fail(`numbers of type ${quote(descr)}${what}, known are ${Object.values(npyTypes).join(", ")}`);
  }
  const size = sizeOf(shape);
  if (!Number.isSafeInteger(size * 8) || shape.length > 64) fail(`a shape of ${shape.length} axes and ${size} numbers`);
  return {
    dtype,
    littleEndian: order !== ">",
    shape,
    // Fortran's order has the first axis closest together.
    strides: fortran === "True" ? stridesOf([...shape].reverse()).reverse() : stridesOf(shape),
    start: bytes.length,
    byteLength: size * dtypes[dtype].bytes,
  };
}

/** The bytes before the numbers of an array; undefined if NumPy does not have the type. */
export function npyHeader(dtype: DType, shape: Shape): Uint8Array | undefined {
  const type = npyTypes[dtype];
  if (!type) return undefined;
  const tuple = shape.length === 1 ? `${shape[0]},` : shape.join(", ");
  const dict = `{'descr': '${dtypes[dtype].bytes === 1 ? "|" : "<"}${type}', 'fortran_order': False, 'shape': (${tuple}), }`;
  const length = 64 * Math.ceil((10 + dict.length + 1) / 64);
  const bytes = new Uint8Array(length).fill(0x20);
  bytes.set([...magic, 1, 0, (length - 10) & 0xff, (length - 10) >> 8]);
  bytes.set(encodeUtf8(dict), 10);
  bytes[length - 1] = 0x0a;
  return bytes;
}
