/** What layers take as their `init` option. Those that there are: init.ts. */
import { checkFunction } from "../tensor/arguments.ts";
import type { Rng } from "../tensor/rng.ts";
import type { Tensor } from "../tensor/tensor.ts";

/** Fills a tensor, with numbers from `rng` where it draws any. */
export type Initializer = (t: Tensor, rng: Rng) => unknown;

/** Throws unless `init` is left out, or a function. */
export function checkInit(who: string, init: unknown): void {
  if (init !== undefined) checkFunction(who, "init", init, "a function that fills a tensor, as init.kaimingNormal is");
}
