/** The index of weights in several files: `model.safetensors.index.json`, as Hugging Face's libraries write it. */
import { readFile } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { FormatError } from "../io/index.ts";

export interface ShardIndex {
  /** The files' paths, each once. */
  readonly files: readonly string[];
  /** How many tensors the index lists. */
  readonly names: number;
}

/**
 * Reads an index: `{"weight_map": {"fc.weight": "model-00002-of-00002.safetensors", …}}`.
 *
 * @throws FormatError unless it is one whose files lie beside it: an index from elsewhere must not open any file.
 */
export async function readIndex(path: string): Promise<ShardIndex> {
  const text = await readFile(path, "utf8");
  let index: unknown;
  try {
    index = JSON.parse(text);
  } catch (error) {
    throw new FormatError(`${path}: not JSON: ${error instanceof Error ? error.message : String(error)}`);
  }
  const map = (index as { weight_map?: unknown } | null)?.weight_map;
  if (typeof map !== "object" || map === null || Array.isArray(map)) {
    throw new FormatError(`${path}: JSON, but not an index of weights: it has no weight_map`);
  }
  const files = [...new Set<unknown>(Object.values(map))].map((file) => {
    if (
      typeof file === "string" &&
      file === basename(file) &&
      !["", ".", ".."].includes(file) &&
      !file.includes("\\")
    ) {
      return join(dirname(path), file);
    }
    throw new FormatError(`${path}: weight_map: a file must be a name in the same folder, got ${JSON.stringify(file)}`);
  });
  if (files.length === 0) throw new FormatError(`${path}: weight_map is empty`);
  return { files, names: Object.keys(map).length };
}
