/**
 * The safetensors format (https://github.com/huggingface/safetensors, "Format"):
 *
 *     offset 0        n: uint64, little-endian
 *     offset 8        header: n bytes of UTF-8 JSON that begins with `{`; may end with spaces
 *                     { "__metadata__": { text: text }, name: { "dtype", "shape", "data_offsets": [begin, end] }, … }
 *     offset 8 + n    the numbers: little-endian, row-major, at begin … end from here, one tensor after the other without
 *                     holes or overlaps to the end of the file
 *
 * Next: read.ts and write.ts.
 */
import { type DType, dtypes } from "../dtypes.ts";

/** The names of the types in the header. */
export const dtypeNames: Readonly<Record<DType, string>> = {
  float64: "F64",
  int64: "I64",
  uint64: "U64",
  float32: "F32",
  int32: "I32",
  uint32: "U32",
  float16: "F16",
  bfloat16: "BF16",
  int16: "I16",
  uint16: "U16",
  float8_e4m3fn: "F8_E4M3",
  float8_e5m2: "F8_E5M2",
  int8: "I8",
  uint8: "U8",
  bool: "BOOL",
};

/** The type with this name in the header, or undefined. */
export function dtypeNamed(name: string): DType | undefined {
  return (Object.keys(dtypes) as DType[]).find((dtype) => dtypeNames[dtype] === name);
}

/** The most bytes a header may have: the reference implementation's limit. */
export const maxHeaderLength = 100_000_000;

export const metadataKey = "__metadata__";
