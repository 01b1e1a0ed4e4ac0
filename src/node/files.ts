/** Files by path: opened to be read in pieces, and written so that nobody ever sees half a file. */
import { open, rename } from "node:fs/promises";
import { dirname, extname } from "node:path";
import {
  type ByteSource,
  FormatError,
  type LazyWeightFile,
  loadWeights,
  openWeights,
  type SafetensorsOptions,
  type StateToWrite,
  type WeightOptions,
} from "../io/index.ts";
import { npzChunksFor } from "../io/npy/write.ts";
import { checkPthOptions } from "../io/pth/options.ts";
import { pthChunksFor } from "../io/pth/write.ts";
import { safetensorsChunksFor } from "../io/safetensors/write.ts";
import { tfjsReader } from "../io/tfjs/read.ts";
import { openWith } from "../io/weight-file.ts";
import type { StateDict } from "../nn/module.ts";
import { checkText } from "../tensor/arguments.ts";
import { checkOptions, describe, type OptionNames } from "../tensor/check.ts";
import { UsageError, ValueError } from "../tensor/errors.ts";
import { readIndex } from "./shards.ts";
import { beginUnfinished, endUnfinished, removeLeftovers } from "./unfinished.ts";

/**
 * A file to be read in pieces. Close it afterwards.
 *
 * @example
 * import { openFile } from "skipstone/node";
 * const file = await openFile("package.json");
 * new TextDecoder().decode(await file.read(0, 1)); // "{"
 * await file.close();
 */
export async function openFile(path: string): Promise<ByteSource & { close(): Promise<void> }> {
  checkText("openFile", "path", path);
  const handle = await open(path);
  try {
    const { size } = await handle.stat();
    return {
      name: path,
      size,
      read: async (offset, length) => {
        const bytes = new Uint8Array(length);
        // One call may return less than requested (2 GiB at most); nothing at all means that the file has shrunk.
        let done = 0;
        while (done < length) {
          const { bytesRead } = await handle.read(bytes, done, Math.min(length - done, 2 ** 30), offset + done);
          if (bytesRead === 0) break;
          done += bytesRead;
        }
        return bytes.subarray(0, done);
      },
      close: () => handle.close(),
    };
  } catch (error) {
    await handle.close();
    throw error;
  }
}

/**
 * Opens a file of weights, `.safetensors`, `.pth`, `.npz` or `.npy`, or the index of several
 * (`model.safetensors.index.json`, or `model.json` of TensorFlow.js); each tensor is read when it is asked for. Close it afterwards.
 *
 * @example
 * import { openWeightsFile, saveWeightsFile } from "skipstone/node";
 * await saveWeightsFile("build/two.safetensors", { a: tensor([1, 2]), b: tensor([3]) });
 * const file = await openWeightsFile("build/two.safetensors");
 * await file.tensor("b"); // [3]
 * await file.close();
 */
export async function openWeightsFile(path: string, options: WeightOptions = {}): Promise<LazyWeightFile> {
  checkText("openWeightsFile", "path", path);
  checkPthOptions("openWeightsFile", options);
  if (extname(path).toLowerCase() === ".json") return await openIndexed(path, options);
  return await openWeights(await openFile(path), options);
}

/**
 * The weights in a file, `.safetensors`, `.pth`, `.npz` or `.npy`, or in all those of an index
 * (`model.safetensors.index.json`, or `model.json` of TensorFlow.js), as a state dict.
 *
 * @example
 * import { loadWeightsFile, saveWeightsFile } from "skipstone/node";
 * await saveWeightsFile("build/weights.pth", { w: tensor([1, 2]) });
 * const { w } = await loadWeightsFile("build/weights.pth");
 * w.toArray(); // [1, 2]
 *
 * @throws FormatError with the place, if the file is none of them or damaged.
 */
export async function loadWeightsFile(path: string, options: WeightOptions = {}): Promise<StateDict> {
  checkText("loadWeightsFile", "path", path);
  checkPthOptions("loadWeightsFile", options);
  if (extname(path).toLowerCase() !== ".json") return await loadWeights(await openFile(path), options);
  const file = await openIndexed(path, options);
  try {
    return await file.stateDict();
  } finally {
    await file.close();
  }
}

/** Opens all files of an index, or those of a model.json. */
async function openIndexed(path: string, options: WeightOptions): Promise<LazyWeightFile> {
  const index = await readIndex(path);
  if (index.kind === "tfjs") {
    const { name = path, stripPrefix, rename } = options;
    const given = { name, ...(stripPrefix === undefined ? {} : { stripPrefix }), ...(rename ? { rename } : {}) };
    return await openWith("openWeightsFile", tfjsReader(index.manifest), index.bytes, given);
  }
  const { files, names } = index;
  const sources: ByteSource[] = [];
  try {
    for (const file of files) sources.push(await openFile(file));
  } catch (error) {
    for (const source of sources) await source.close?.();
    throw error;
  }
  const weights = await openWeights(sources, { name: path, ...options });
  if (weights.entries.size >= names) return weights;
  await weights.close();
  throw new FormatError(`${path}: lists ${names} tensors, but its files have ${weights.entries.size}`);
}

const SAVE_OPTIONS: OptionNames<SafetensorsOptions> = { dtype: true, metadata: true };

/**
 * Writes weights to a file, in the format of its ending: `.safetensors`, or `.pth`, `.pt` or `.npz` (which have no metadata).
 * The file appears complete or not at all.
 *
 * @example
 * import { loadWeightsFile, saveWeightsFile } from "skipstone/node";
 * await saveWeightsFile("build/resnet8.safetensors", model.stateDict(), { dtype: "float16" });
 * model.loadStateDict(await loadWeightsFile("build/resnet8.safetensors"));
 *
 * @throws ValueError for another ending, for metadata in a format without it, or for a number that the type cannot
 * hold.
 */
export async function saveWeightsFile(
  path: string,
  state: StateToWrite,
  options: SafetensorsOptions = {},
): Promise<void> {
  const op = "saveWeightsFile";
  checkText(op, "path", path);
  checkOptions(op, options, SAVE_OPTIONS);
  const ending = extname(path).toLowerCase();
  if (ending === ".safetensors") return await writeFileWhole(path, safetensorsChunksFor(op, state, options));
  if (ending !== ".pth" && ending !== ".pt" && ending !== ".npz") {
    throw new ValueError(
      `${path}: weights are written to .safetensors, .pth, .pt or .npz, not to ${ending || "no ending"}`,
    );
  }
  if (options.metadata) throw new ValueError(`${path}: a ${ending} file has no metadata: write .safetensors`);
  const chunksFor = ending === ".npz" ? npzChunksFor : pthChunksFor;
  await writeFileWhole(path, chunksFor(op, state, options.dtype === undefined ? {} : { dtype: options.dtype }));
}

/**
 * Writes the pieces to a file beside `path`, then renames it: `path` keeps the old contents until it gets the new ones.
 * Removes the unfinished files of killed processes there.
 *
 * @example
 * import { openFile, writeFileWhole } from "skipstone/node";
 * await writeFileWhole("build/two-pieces.txt", ["skip", "stone"].map((text) => new TextEncoder().encode(text)));
 * const file = await openFile("build/two-pieces.txt");
 * file.size; // 9
 * await file.close();
 */
export async function writeFileWhole(path: string, chunks: Iterable<Uint8Array>): Promise<void> {
  checkText("writeFileWhole", "path", path);
  checkChunks(chunks);
  removeLeftovers(dirname(path));
  const beside = beginUnfinished(path);
  try {
    const handle = await open(beside, "wx");
    try {
      for (const chunk of chunks) {
        checkChunk(chunk);
        await handle.writeFile(chunk);
      }
      await handle.sync();
    } finally {
      await handle.close();
    }
    await rename(beside, path);
  } finally {
    endUnfinished(beside);
  }
}

function checkChunks(chunks: unknown): asserts chunks is Iterable<Uint8Array> {
  const iterable = typeof (chunks as Partial<Iterable<unknown>> | null | undefined)?.[Symbol.iterator] === "function";
  if (iterable && typeof chunks === "object" && !ArrayBuffer.isView(chunks)) return;
  const advice = chunks instanceof Uint8Array ? ": put it in an array" : "";
  throw new UsageError(`writeFileWhole: chunks must be several Uint8Arrays, got ${describe(chunks)}${advice}`);
}

function checkChunk(chunk: unknown): void {
  if (chunk instanceof Uint8Array) return;
  throw new UsageError(`writeFileWhole: chunks must be Uint8Arrays, got ${describe(chunk)} among them`);
}
