/**
 * What a training step keeps of what a network computes: the numbers that a rule of the backward pass will read.
 *
 * All others are given back in the forward pass (tensor/given-back.ts). So is the ReLU of a batch norm that only one
 * convolution reads: it is computed again from the norm's input, which is kept for the norm's own rule.
 */
import type { Node } from "../autograd/graph.ts";
import { storageBehind, type Tensor } from "../tensor/tensor.ts";

/** What is kept of one node. */
export interface Kept {
  /** How many numbers. */
  readonly numbers: number;
  /** The operations whose rules read them. */
  readonly by: readonly string[];
}

/** For each node of a graph, what a training step keeps of it; views and what is already counted have none. */
export function keptOf(nodes: readonly Node[]): ReadonlyMap<Node, Kept> {
  const readers = new Map<unknown, string[]>();
  const users = new Map<unknown, Node[]>();
  for (const node of nodes) {
    for (const t of node.reads) add(readers, storageBehind(t), node.op);
    for (const t of node.inputs) add(users, storageBehind(t), node);
  }
  const isView = ({ inputs, output }: Node): boolean =>
    inputs.some((t: Tensor) => storageBehind(t) === storageBehind(output));
  const isAgain = ({ op, inputs, output }: Node): boolean => {
    const uses = users.get(storageBehind(output)) ?? [];
    return op === "relu" && inputs[0].node?.op === "batchNorm" && uses.length === 1 && /^conv[12]d$/.test(uses[0].op);
  };
  const kept = new Map<Node, Kept>();
  for (const node of nodes) {
    const by = readers.get(storageBehind(node.output)) ?? [];
    // Of arrays of the rule's own, those as large as images: not one number per channel.
    const saved = node.saved.filter(({ length }) => length >= node.output.size && node.output.size > 1);
    const own = isView(node) || isAgain(node) || by.length === 0 ? 0 : node.output.size;
    const numbers = saved.reduce((sum, { length }) => sum + length, own);
    if (numbers > 0) kept.set(node, { numbers, by: [...new Set(own > 0 ? by : [node.op])].sort() });
  }
  return kept;
}

function add<K, V>(lists: Map<K, V[]>, key: K, value: V): void {
  const list = lists.get(key);
  if (list) list.push(value);
  else lists.set(key, [value]);
}
