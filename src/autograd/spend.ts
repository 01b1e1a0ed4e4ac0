/**
 * A step's memory is given back as its backward pass goes.
 *
 * Of a step's tensors a program can read those that its function returned: the others end with the step. So once the function has
 * returned, each activation is given back after the last rule that reads it (docs/decisions/0019-what-a-step-keeps.md). The
 * pass goes from the newest node to the oldest, and the oldest that touches an activation is the one that made it.
 */
import { spend } from "../tensor/given-back.ts";
import { release, type Values } from "../tensor/memory.ts";
import { outliving } from "../tensor/step.ts";
import type { Storage } from "../tensor/storage.ts";
import { isTensor, storageBehind, valuesOf } from "../tensor/tensor.ts";
import type { Node } from "./graph.ts";

/** Called before a pass with its nodes, newest first, and what arrays its gradients hold: what is to be done after each node. */
export type Spending = (nodes: readonly Node[], isHeld: (array: Values) => boolean) => (node: Node) => void;

/** Spends what a pass has used, but for the tensors in `value`; null where somebody else may look at tensors. */
export function spendingAllBut(value: unknown): Spending | null {
  const kept = new Set<Storage>();
  for (const object of outliving(value)) {
    if (!isTensor(object)) {
      // An object with an `outliveStep` of its own has tensors that only it knows.
      if (typeof (object as { outliveStep?: unknown }).outliveStep === "function") return null;
      continue;
    }
    // What it is computed from may be given back.
    valuesOf(object);
    kept.add(storageBehind(object));
  }
  return (nodes, isHeld) => {
    // Whoever looks at gradients may look at activations, too.
    if (nodes.some(({ op }) => op === "tap")) return () => {};
    const oldest = new Map<Storage, Node>();
    for (const node of nodes) for (const t of [...node.inputs, node.output]) oldest.set(storageBehind(t), node);
    return (node) => {
      for (const array of node.saved) if (!isHeld(array)) release(array);
      const storage = storageBehind(node.output);
      // A view's storage was made by an older node, or outside of this graph.
      if (oldest.get(storage) !== node || node.inputs.some((t) => storageBehind(t) === storage)) return;
      if (!kept.has(storage) && !(storage.values && isHeld(storage.values))) spend(storage);
    };
  };
}
