/** Weights from files, with errors for the user of the command line. */
import { FormatError } from "../../src/io/index.ts";
import type { StateDict } from "../../src/nn/index.ts";
import { loadWeightsFile } from "../../src/node/index.ts";
import { UsageError } from "../errors.ts";
import { reasonOf } from "../files.ts";

export async function readState(path: string): Promise<StateDict> {
  try {
    return await loadWeightsFile(path);
  } catch (error) {
    if (error instanceof FormatError) throw error;
    throw new UsageError(`cannot read the weights ${path}: ${reasonOf(error)}`);
  }
}
