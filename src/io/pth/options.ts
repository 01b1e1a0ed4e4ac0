/** What the readers of both of PyTorch's formats share. */
import type { FileInfo } from "../source.ts";
import type { ReadOptions } from "../weight-file.ts";

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

/** Most memory for what the pickle in a file builds: small files may have a little more than their share. */
export function pickleBudget(file: FileInfo): number {
  return 3 * file.size + 2 ** 20;
}
