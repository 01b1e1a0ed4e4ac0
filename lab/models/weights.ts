/** Weights from files, with errors for the user of the command line. */
import { FormatError, type RenameRule, type WeightOptions } from "../../src/io/index.ts";
import type { StateDict } from "../../src/nn/index.ts";
import { openWeightsFile } from "../../src/node/index.ts";
import { UsageError } from "../errors.ts";
import { reasonOf } from "../files.ts";

/** The options of commands that read weights: how to find them in a file. */
export interface WeightFlags {
  /** The path of the state dict among other things in a `.pth`. */
  readonly key?: string;
  /** Removed from the names that have it. */
  readonly prefix?: string;
  readonly rename?: readonly RenameRule[];
  /** Whether to leave out Python objects, instead of refusing the file. */
  readonly skipUnknown?: boolean;
}

/** Messages while the user waits; not on the standard output, which a program may read. */
export function note(line: string): void {
  process.stderr.write(`${line}\n`);
}

/** All weights in a file, or in the files of an index. Notes what was left out. */
export async function readState(path: string, flags: WeightFlags = {}): Promise<StateDict> {
  try {
    const file = await openWeightsFile(path, weightOptions(flags));
    try {
      if (file.leftOut.length > 0) note(`${path}: left out what is made of ${some(file.leftOut)}`);
      if (file.ignored.length > 0) note(`${path}: left out what is no tensor among the weights: ${some(file.ignored)}`);
      if (file.entries.size === 0) throw new FormatError(`${path}: there is no tensor in it`);
      return await file.stateDict();
    } finally {
      await file.close();
    }
  } catch (error) {
    if (error instanceof FormatError) throw new FormatError(inFlags(error.message));
    throw new UsageError(`cannot read the weights ${path}: ${reasonOf(error)}`);
  }
}

function weightOptions({ key, prefix, rename, skipUnknown }: WeightFlags): WeightOptions {
  return {
    ...(key === undefined ? {} : { key }),
    ...(prefix === undefined ? {} : { stripPrefix: prefix }),
    ...(rename === undefined ? {} : { rename }),
    ...(skipUnknown ? { unknownObjects: "skip" } : {}),
  };
}

/** The library's messages name its options; those of the command line have other names. */
export function inFlags(message: string): string {
  return message
    .replace('unknownObjects: "skip" leaves', "--skip-unknown leaves")
    .replace("Choose one with the option key", "Choose one with --key")
    .replace("Rules of your own: the option rename of loadWeights", "Rules of your own: --rename");
}

function some(names: readonly string[]): string {
  return names.slice(0, 6).join(", ") + (names.length > 6 ? ` and ${names.length - 6} more` : "");
}
