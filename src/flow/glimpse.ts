/**
 * For instruments that take numbers from a gradient while it passes, and keep none of it: `tap` (autograd/backward.ts) without its copy
 * and without its node, which would keep a step from giving its memory back (autograd/spend.ts).
 */

import type { Node } from "../autograd/graph.ts";
import { type Floats, numbersOf } from "../tensor/memory.ts";

/** Each time ∂L/∂(output of `node`) passes, `look` sees it, and must neither change nor keep it. */
export function glimpse(node: Node, look: (gy: Floats) => void): void {
  const { rule } = node;
  (node as { rule: Node["rule"] }).rule = (gy, wanted) => {
    look(numbersOf(gy));
    return rule(gy, wanted);
  };
}
