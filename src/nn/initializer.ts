/** The `init` option of layers. The library's initializers: init.ts. */
import { checkFunction } from "../tensor/arguments.ts";
import type { Rng } from "../tensor/rng.ts";
import type { Tensor } from "../tensor/tensor.ts";

/** Fills a tensor, with numbers from `rng` if it draws any. */
export type Initializer = (t: Tensor, rng: Rng) => unknown;

/** Throws unless `init` is left out or a function. */
export function checkInit(who: string, init: unknown): void {
  if (init !== undefined)
    checkFunction(who, "init", init, "a function that fills a tensor, such as init.kaimingNormal");
}
