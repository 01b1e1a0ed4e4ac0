/** Reads the weights of TensorFlow.js: a `model.json` and the .bin files beside it, quantised or not. */
import { checkList, checkOneOf } from "../../tensor/arguments.ts";
import { checkOptions, type OptionNames } from "../../tensor/check.ts";
import { stridesOf } from "../../tensor/shape.ts";
import { decodeValues, encodeValues } from "../dtypes.ts";
import { FormatError, quote } from "../errors.ts";
import { checkBytes, type FileInfo, plainBytes, type Reading, readRange } from "../source.ts";
import { decodeUtf8 } from "../utf8.ts";
import {
  type Contents,
  type ContentsReader,
  checkReadOptions,
  type Place,
  READ_OPTIONS,
  type ReadOptions,
  readWith,
  type WeightFile,
} from "../weight-file.ts";
import { fromKeras } from "./keras.ts";
import { type Manifest, type ManifestEntry, type Quantization, readManifest } from "./manifest.ts";

/** Options of `readTfjs`. */
export interface TfjsOptions extends ReadOptions {
  /**
   * `"pytorch"`: `conv/kernel` `[H, W, I, O]` becomes `conv.weight` `[O, I, H, W]`, and so on for Keras' layers. `"stored"`: names and
   * axes as in the file. Default: "pytorch" for a Keras model (`"format": "layers-model"`), else "stored".
   */
  layout?: "pytorch" | "stored";
}

const NAMES: OptionNames<TfjsOptions> = { ...READ_OPTIONS, layout: true };

/**
 * The weights of a TensorFlow.js model.
 *
 * @param model the bytes of `model.json`.
 * @param weights the bytes of its .bin files, in the order of its `weightsManifest`.
 *
 * @throws FormatError for anything else, for files that are too long or too short, and for tensors of strings.
 *
 * @example
 * const weights = [{ name: "fc/kernel", shape: [2, 1], dtype: "float32", quantization: { dtype: "uint8", scale: 0.5, min: -1 } }];
 * const json = JSON.stringify({ format: "layers-model", weightsManifest: [{ paths: ["a.bin"], weights }] });
 * const file = readTfjs(new TextEncoder().encode(json), [Uint8Array.of(0, 6)]);
 * file.tensor("fc.weight").toArray(); // [[-1, 2]]
 */
export function readTfjs(
  model: Uint8Array | ArrayBuffer,
  weights: readonly (Uint8Array | ArrayBuffer)[],
  options: TfjsOptions = {},
): WeightFile {
  checkOptions("readTfjs", options, NAMES);
  checkReadOptions("readTfjs", options);
  if (options.layout !== undefined) checkOneOf("readTfjs", "layout", options.layout, ["pytorch", "stored"]);
  checkBytes("readTfjs", model);
  checkList("readTfjs", "weights", weights);
  for (const part of weights) checkBytes("readTfjs", part);
  const parts = weights.map(plainBytes);
  const { name = "model.json" } = options;
  const text = decodeUtf8(plainBytes(model));
  if (text === undefined) throw new FormatError(`${name}: not JSON: its bytes are no UTF-8`);
  const manifest = readManifest(
    name,
    text,
    parts.map(({ length }) => length),
  );
  return readWith("readTfjs", tfjsReader(manifest), joined(parts), { ...options, name });
}

/** The bytes of all files, one after the other. */
export function joined(parts: readonly Uint8Array[]): Uint8Array {
  const all = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

/** Reads the joined .bin files of a manifest. */
export function tfjsReader(manifest: Manifest): ContentsReader<TfjsOptions> {
  const { format } = manifest;
  // biome-ignore lint/correctness/useYield: a reader of another format reads its header.
  return function* (file, { layout = format === "layers-model" ? "pytorch" : "stored" }): Reading<Contents> {
    const entries = new Map<string, Place>();
    for (const entry of manifest.entries) {
      const { name, shape, strides } =
        layout === "pytorch" ? fromKeras(entry.name, entry.shape) : { ...entry, strides: stridesOf(entry.shape) };
      if (entries.has(name)) throw new FormatError(`${file.name}: two tensors are called ${quote(name)}`);
      entries.set(name, { ...placeOf(file, entry), shape, strides });
    }
    return {
      format: "tfjs",
      metadata: new Map(format === "" ? [] : [["format", format]]),
      entries,
      ignored: [],
      leftOut: [],
    };
  };
}

function placeOf(file: FileInfo, entry: ManifestEntry): Omit<Place, "shape" | "strides"> {
  const { name, stored, quantization, isWhole, offset, byteLength } = entry;
  const read = (): Reading<Uint8Array> => readRange(file, offset, byteLength, `tensor ${quote(name)}`);
  if (!quantization) return { dtype: stored, littleEndian: true, read };
  return {
    dtype: isWhole ? "int32" : "float32",
    littleEndian: true,
    *read() {
      return restored(yield* read(), quantization, isWhole);
    },
  };
}

/** scale·q + min in float64, then rounded, as tfjs computes it. */
function restored(bytes: Uint8Array, { dtype, scale, min }: Quantization, isWhole: boolean): Uint8Array {
  const codes = decodeValues(dtype, bytes) as Uint8Array | Uint16Array;
  if (isWhole)
    return encodeValues(
      "int32",
      Int32Array.from(codes, (q) => Math.round(q * scale + min)),
    );
  return encodeValues(
    "float32",
    Float32Array.from(codes, (q) => q * scale + min),
  );
}
