/**
 * The `weightsManifest` of a TensorFlow.js `model.json`: which tensors its .bin files hold, and where.
 *
 * Each group has tensors one after the other, without gaps, in the bytes of its files joined. The layout is that of
 * https://github.com/tensorflow/tfjs, tfjs-core/src/io/types.ts and io_utils.ts.
 */
import { type Shape, sizeOf } from "../../tensor/shape.ts";
import { type DType, dtypes } from "../dtypes.ts";
import { FormatError, quote } from "../errors.ts";

/** value = scale·q + min. */
export interface Quantization {
  readonly dtype: "uint8" | "uint16";
  readonly scale: number;
  readonly min: number;
}

export interface ManifestEntry {
  readonly name: string;
  readonly shape: Shape;
  /** Of its numbers in the file. */
  readonly stored: DType;
  readonly quantization: Quantization | null;
  /** Whether its numbers are whole once they are not quantised any more. */
  readonly isWhole: boolean;
  /** Place in the joined bytes of all files. */
  readonly offset: number;
  readonly byteLength: number;
}

export interface Manifest {
  /** "layers-model" for a Keras model, "graph-model" for a frozen graph. */
  readonly format: string;
  /** The .bin files of all groups, in order. */
  readonly paths: readonly string[];
  readonly entries: readonly ManifestEntry[];
}

/** Types that tfjs writes. Its strings and complex numbers are no weights. */
const TYPES: Readonly<Record<string, DType>> = {
  float32: "float32",
  float16: "float16",
  int32: "int32",
  bool: "bool",
  uint8: "uint8",
};

/**
 * @param sizes of the .bin files in bytes, in the order of their paths; undefined: they are not checked.
 * @throws FormatError unless the text is such a JSON, and its tensors fill the files.
 */
export function readManifest(name: string, text: string, sizes?: readonly number[]): Manifest {
  const fail = (what: string): never => {
    throw new FormatError(`${name}: ${what}`);
  };
  const model = parsed(name, text);
  const groups: unknown = model["weightsManifest"];
  if (!Array.isArray(groups)) return fail("JSON, but not a model of TensorFlow.js: it has no weightsManifest");
  const paths: string[] = [];
  const entries: ManifestEntry[] = [];
  let end = 0;
  for (const group of groups as readonly unknown[]) {
    const { paths: files, weights } = (group ?? {}) as { paths?: unknown; weights?: unknown };
    if (!isTexts(files) || !Array.isArray(weights)) return fail("weightsManifest: a group must have paths and weights");
    const before = end;
    for (const weight of weights) {
      const entry = entryOf(name, weight, end);
      entries.push(entry);
      end += entry.byteLength;
    }
    if (sizes) {
      const given = sizes.slice(paths.length, paths.length + files.length).reduce((sum, size) => sum + size, 0);
      if (given !== end - before) fail(`the tensors of ${files.join(", ")} take ${end - before} bytes, got ${given}`);
    }
    paths.push(...files);
  }
  if (sizes && sizes.length !== paths.length)
    fail(`the weights must be ${paths.length} files, got ${sizes.length}: ${paths.join(", ")}`);
  return { format: typeof model["format"] === "string" ? model["format"] : "", paths, entries };
}

function parsed(name: string, text: string): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(text.replace(/^\ufeff/, ""));
    return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {};
  } catch (error) {
    throw new FormatError(`${name}: not JSON: ${error instanceof Error ? error.message : String(error)}`);
  }
}

function isTexts(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.every((text) => typeof text === "string");
}

function entryOf(file: string, value: unknown, offset: number): ManifestEntry {
  const { name, shape, dtype, quantization } = (value ?? {}) as Partial<Record<string, unknown>>;
  if (typeof name !== "string") throw new FormatError(`${file}: weightsManifest: a tensor must have a name`);
  const where = `${file}: tensor ${quote(name)}`;
  if (!Array.isArray(shape) || !shape.every((length) => Number.isInteger(length) && length >= 0)) {
    throw new FormatError(`${where}: its shape must be a list of lengths, got ${JSON.stringify(shape)}`);
  }
  if (typeof dtype !== "string" || !Object.hasOwn(TYPES, dtype)) {
    throw new FormatError(
      `${where}: its numbers must be of ${Object.keys(TYPES).join(", ")}, got ${JSON.stringify(dtype)}`,
    );
  }
  const scheme = quantization === undefined ? null : quantizationOf(where, quantization);
  const stored = scheme === "float16" ? "float16" : (scheme?.dtype ?? TYPES[dtype]);
  const byteLength = sizeOf(shape as number[]) * dtypes[stored].bytes;
  if (!Number.isSafeInteger(offset + byteLength))
    throw new FormatError(`${where}: its shape [${shape.join(",")}] is too large`);
  return {
    ...{ name, shape: shape as number[], stored, offset, byteLength, isWhole: dtype === "int32" },
    quantization: scheme === "float16" ? null : scheme,
  };
}

function quantizationOf(where: string, value: unknown): Quantization | "float16" {
  const { dtype, scale, min } = (value ?? {}) as Partial<Record<string, unknown>>;
  if (dtype === "float16") return dtype;
  if ((dtype === "uint8" || dtype === "uint16") && typeof scale === "number" && typeof min === "number") {
    return { dtype, scale, min };
  }
  throw new FormatError(
    `${where}: its quantization must be float16, or uint8 or uint16 with scale and min, got ${JSON.stringify(value)}`,
  );
}
