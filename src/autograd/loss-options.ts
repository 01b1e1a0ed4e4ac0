/** What the losses have in common: how they are reduced. */
import { checkNumber, checkOneOf } from "../tensor/arguments.ts";
import { checkOptions, type OptionNames } from "../tensor/check.ts";

/** How the losses of all examples are reduced: to their mean, to their sum, or not at all. */
export type Reduction = "mean" | "sum" | "none";

/** The options of all losses. */
export interface LossOptions {
  /** How the losses are reduced. Default "mean". */
  reduction?: Reduction;
}

/** The values of `Reduction`. */
export const REDUCTIONS: readonly Reduction[] = ["mean", "sum", "none"];
/** The names of `LossOptions`. */
export const LOSS_OPTIONS: OptionNames<LossOptions> = { reduction: true };

/** Throws unless the options have these names, and the reduction and the ignored label are some. */
export function checkLossOptions<Options extends LossOptions>(
  op: string,
  options: Options,
  names: OptionNames<Options>,
): void {
  checkOptions(op, options, names as OptionNames<NonNullable<Options>>);
  const { reduction = "mean", ignoreIndex = 0 } = options as LossOptions & { ignoreIndex?: number };
  checkOneOf(op, "reduction", reduction, REDUCTIONS);
  checkNumber(op, "ignoreIndex", ignoreIndex);
}
