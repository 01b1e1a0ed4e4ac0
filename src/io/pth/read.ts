/** Reads what `torch.save` writes: tensors and plain containers, and nothing that would have to be executed. */
import { FormatError } from "../errors.ts";
import { type FileInfo, type Reading, readRange, type WeightSource } from "../source.ts";
import { type Contents, type LazyWeightFile, openWith, readWith, type WeightFile } from "../weight-file.ts";
import { readLegacyContents } from "./legacy-file.ts";
import { checkPthOptions, type PthOptions } from "./options.ts";
import type { FindState } from "./state-dict.ts";
import { readZipContents } from "./zip-file.ts";

/**
 * Reads a `.pth` (or `.pt`) file in memory. Views (transposes, slices, shared storages) become separate tensors.
 *
 * @example
 * const file = readPth(writePth(model.stateDict()));
 * file.entries.get("bn1.num_batches_tracked")?.dtype; // "int64"
 * model.loadStateDict(file.stateDict());
 *
 * @throws FormatError if the file is damaged, or names a function or class that no tensor needs: nothing of it is executed.
 */
export function readPth(bytes: Uint8Array | ArrayBuffer, options: PthOptions = {}): WeightFile {
  checkPthOptions("readPth", options);
  return readWith("readPth", readPthContents, bytes, options);
}

/**
 * Opens a `.pth` file and reads only the directory and the pickle; each tensor is read when it is asked for.
 *
 * @example
 * const file = await openPth(new Blob([writePth({ a: tensor([1, 2]), b: tensor([3]) }) as Uint8Array<ArrayBuffer>]));
 * await file.tensor("b"); // [3]
 *
 * @throws FormatError like `readPth`.
 */
export async function openPth(source: WeightSource, options: PthOptions = {}): Promise<LazyWeightFile> {
  checkPthOptions("openPth", options);
  return await openWith("openPth", readPthContents, source, options);
}

/** @param find what to look for. Default: a state dict. */
export function* readPthContents(file: FileInfo, options: PthOptions, find?: FindState): Reading<Contents> {
  const read = pthReader(yield* readRange(file, 0, Math.min(4, file.size), "the magic number"));
  if (read) return yield* read(file, options, find);
  throw new FormatError(`${file.name}: not a file from torch.save: it begins like neither a zip archive nor a pickle`);
}

/** Whether a file that starts like this is a zip archive: PK\x03\x04. */
export function isZip([first, second, third, fourth]: ArrayLike<number> & Iterable<number>): boolean {
  return first === 0x50 && second === 0x4b && third === 0x03 && fourth === 0x04;
}

type PthReader = (file: FileInfo, options: PthOptions, find?: FindState) => Reading<Contents>;

/** What reads a file that starts like this; undefined where torch.save writes no such file. */
export function pthReader([first, second, third, fourth]: Uint8Array): PthReader | undefined {
  if (isZip([first, second, third, fourth])) return readZipContents;
  // A pickle of protocol 2 or later.
  if (first === 0x80 && second >= 2 && second <= 5) return readLegacyContents;
  return undefined;
}
