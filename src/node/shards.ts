/**
 * The JSON that stands for weights in several files: `model.safetensors.index.json`, as Hugging Face's libraries write it, and
 * `model.json` of TensorFlow.js.
 */
import { access, readFile } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { FormatError } from "../io/index.ts";
import { type Manifest, readManifest } from "../io/tfjs/manifest.ts";
import { joined } from "../io/tfjs/read.ts";

export interface ShardIndex {
  readonly kind: "safetensors";
  /** The files' paths, each once. */
  readonly files: readonly string[];
  /** How many tensors the index lists. */
  readonly names: number;
}

/** The model of TensorFlow.js in a JSON, with the bytes of the files beside it. */
export interface TfjsModel {
  readonly kind: "tfjs";
  readonly manifest: Manifest;
  readonly bytes: Uint8Array;
}

/**
 * Reads an index, `{"weight_map": {"fc.weight": "model-00002-of-00002.safetensors", …}}`, or a model.json,
 * `{"weightsManifest": [{"paths": ["group1-shard1of1.bin"], "weights": […]}]}`.
 *
 * @throws FormatError unless it is one whose files lie beside it: an index from elsewhere must not open any file.
 */
export async function readIndex(path: string): Promise<ShardIndex | TfjsModel> {
  const text = await readFile(path, "utf8");
  let index: unknown;
  try {
    index = JSON.parse(text.replace(/^\ufeff/, ""));
  } catch (error) {
    throw new FormatError(`${path}: not JSON: ${error instanceof Error ? error.message : String(error)}`);
  }
  const { weight_map: map, weightsManifest } = (index ?? {}) as { weight_map?: unknown; weightsManifest?: unknown };
  if (weightsManifest !== undefined) return await readModel(path, text);
  if (typeof map !== "object" || map === null || Array.isArray(map)) {
    throw new FormatError(`${path}: JSON, but not an index of weights: it has no weight_map`);
  }
  const files = [...new Set<unknown>(Object.values(map))].map((file) => besides(path, file, "weight_map"));
  await checkPresent(path, files);
  if (files.length === 0) throw new FormatError(`${path}: weight_map is empty`);
  return { kind: "safetensors", files, names: Object.keys(map).length };
}

async function readModel(path: string, text: string): Promise<TfjsModel> {
  const files = readManifest(path, text).paths.map((file) => besides(path, file, "weightsManifest"));
  await checkPresent(path, files);
  const parts = await Promise.all(files.map((file) => readFile(file)));
  const sizes = parts.map(({ length }) => length);
  return { kind: "tfjs", manifest: readManifest(path, text, sizes), bytes: joined(parts) };
}

/** Downloads often miss a file: the error is about that one, not about the index. */
async function checkPresent(path: string, files: readonly string[]): Promise<void> {
  for (const file of files) {
    try {
      await access(file);
    } catch {
      throw new FormatError(`${path}: lists ${basename(file)}, which is not beside it, or cannot be read`);
    }
  }
}

/** The path of a file in the folder of the index. */
function besides(path: string, file: unknown, where: string): string {
  if (typeof file === "string" && file === basename(file) && !["", ".", ".."].includes(file) && !file.includes("\\")) {
    return join(dirname(path), file);
  }
  throw new FormatError(`${path}: ${where}: a file must be a name in the same folder, got ${JSON.stringify(file)}`);
}
