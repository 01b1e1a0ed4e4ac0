/** Shared by the readers of both PyTorch formats. */
import { checkOneOf, checkText } from "../../tensor/arguments.ts";
import { checkOptions, type OptionNames } from "../../tensor/check.ts";
import { checkReadOptions, READ_OPTIONS, type ReadOptions } from "../weight-file.ts";

/** Options of `readPth`. */
export interface PthOptions extends ReadOptions {
  /**
   * The path of the state dict in the file: `"generator"`, or `"ema.state_dict"` for a dict in a dict. Default: one of
   * the usual keys (`state_dict`, `model_state_dict`, `model`, …), or the file itself.
   */
  key?: string;
  /**
   * How to treat objects other than tensors and plain containers, such as the `argparse.Namespace` in many checkpoints.
   * They are never built or called: the file is refused, or ("skip") they are left out, and named in `leftOut`, like
   * tensors of complex and quantised numbers. Default "refuse".
   */
  unknownObjects?: "refuse" | "skip";
}

const OPTIONS: OptionNames<PthOptions> = { ...READ_OPTIONS, key: true, unknownObjects: true };

/** Throws unless `options` are valid for the function `op`. */
export function checkPthOptions(op: string, options: PthOptions): void {
  checkOptions(op, options, OPTIONS);
  checkReadOptions(op, options);
  const { key, unknownObjects } = options;
  if (key !== undefined) checkText(op, "key", key);
  if (unknownObjects !== undefined) checkOneOf(op, "unknownObjects", unknownObjects, ["refuse", "skip"]);
}

/** Where the names of unknown objects go that are left out; undefined where they are refused. */
export function leftOut({ unknownObjects }: PthOptions): Set<string> | undefined {
  return unknownObjects === "skip" ? new Set() : undefined;
}

/** The memory limit for what the pickle of a file of `size` bytes builds: small files get a little more than their share. */
export function pickleBudget(size: number): number {
  return 3 * size + 2 ** 20;
}
