/** What the readers of both of PyTorch's formats share. */
import { checkOneOf, checkText } from "../../tensor/arguments.ts";
import { checkOptions, type OptionNames } from "../../tensor/check.ts";
import type { FileInfo } from "../source.ts";
import { checkReadOptions, READ_OPTIONS, type ReadOptions } from "../weight-file.ts";

/** Options of `writePth`. */
export interface PthOptions extends ReadOptions {
  /**
   * Where in the file the state dict is: `"generator"`, or `"ema.state_dict"` for a dict in a dict. Default: under one of
   * the usual keys (`state_dict`, `model_state_dict`, `model`, …), or the file itself.
   */
  key?: string;
  /**
   * What to do with objects of other classes than tensors and plain containers, such as the `argparse.Namespace` that many
   * checkpoints keep. They are never built or called: the file is refused, or ("skip") they are left out. Default "refuse".
   */
  unknownObjects?: "refuse" | "skip";
}

const OPTIONS: OptionNames<PthOptions> = { ...READ_OPTIONS, key: true, unknownObjects: true };

/** Throws unless `options` are what they must be for the function `op`. */
export function checkPthOptions(op: string, options: PthOptions): void {
  checkOptions(op, options, OPTIONS);
  checkReadOptions(op, options);
  const { key, unknownObjects } = options;
  if (key !== undefined) checkText(op, "key", key);
  if (unknownObjects !== undefined) checkOneOf(op, "unknownObjects", unknownObjects, ["refuse", "skip"]);
}

/** Most memory for what the pickle in a file builds: small files may have a little more than their share. */
export function pickleBudget(file: FileInfo): number {
  return 3 * file.size + 2 ** 20;
}
