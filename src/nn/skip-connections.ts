/**
 * Skip connections in a recorded graph: additions y = s(x) + F(x) of two ways that start at one tensor.
 *
 * The ways part at x, or at a tensor computed from it: the last one on both ways (a pre-activation block with a
 * projection splits after its first ReLU). The shortcut is the operand whose way has fewer products, that is
 * convolutions and matrices; between equals, the cheaper one. Everything that computed it lies on it: nothing, a
 * projection, a gate, even if the branch passes the same gate.
 */
import { type Node, nodesBefore } from "../autograd/graph.ts";
import type { Tensor } from "../tensor/tensor.ts";

/** The nodes between the split and the addition on the shortcut's side; null if `node` is no skip connection from x. */
export function shortcutNodes(node: Node, x: Tensor): readonly Node[] | null {
  return skipConnection(node, x)?.shortcut ?? null;
}

/** An addition of two ways, from where they part. */
export interface SkipConnection {
  readonly split: Tensor;
  /** The nodes of the two ways. */
  readonly shortcut: readonly Node[];
  readonly branch: readonly Node[];
}

/** The two ways from x that `node` adds; null if it does not add two. */
export function skipConnection(node: Node, x: Tensor): SkipConnection | null {
  if (node.op !== "add") return null;
  const from = fromX(node, x);
  if (!node.inputs.every((t) => from.has(t))) return null;
  const split = splitBefore(node, from);
  const [first, second] = node.inputs.map((t) => wayFrom(split, t));
  const [short, long] = isShorter(second, first) ? [second, first] : [first, second];
  return { split, shortcut: short.nodes, branch: long.nodes };
}

/**
 * The multiply-adds of a node: N·O·Ho·Wo · (C/groups)·kh·kw for a convolution, N·I·H·W · (O/groups)·kh·kw for a
 * transposed one, rows·out·in for a matrix. Else 0.
 */
export function multiplyAddsOf({ op, inputs, output }: Node): number {
  switch (op) {
    case "conv2d":
    case "conv1d":
      return (output.size * inputs[1].size) / inputs[1].shape[0];
    case "convTranspose2d":
      return (inputs[0].size * inputs[1].size) / inputs[1].shape[0];
    case "linear":
    case "matmul":
      return output.size * inputs[0].shape[inputs[0].rank - 1];
    default:
      return 0;
  }
}

/** x, and the outputs before `node` that were computed from it. */
function fromX(node: Node, x: Tensor): ReadonlySet<Tensor> {
  const from = new Set([x]);
  for (const { inputs, output } of nodesBefore(node.output, [x]).reverse()) {
    if (output !== x && inputs.some((t) => from.has(t))) from.add(output);
  }
  return from;
}

/**
 * The last tensor on every way from x to `node`. Walking back from the newest, the open ends are at first the two
 * operands; when only one is left, all ways pass it.
 */
function splitBefore(node: Node, from: ReadonlySet<Tensor>): Tensor {
  const open = new Set(node.inputs);
  const newest = (a: Tensor, b: Tensor): Tensor => ((a.node?.order ?? -1) > (b.node?.order ?? -1) ? a : b);
  while (open.size > 1) {
    const last = [...open].reduce(newest);
    open.delete(last);
    for (const t of last.node!.inputs) if (from.has(t)) open.add(t);
  }
  return [...open][0];
}

interface Way {
  readonly nodes: readonly Node[];
  /** The fewest products in sequence. */
  readonly products: number;
  readonly multiplyAdds: number;
}

function wayFrom(split: Tensor, t: Tensor): Way {
  // Anything older than the split came another way, such as a tensor kept by an earlier part of the network.
  const start = split.node?.order ?? -1;
  const nodes = t === split ? [] : nodesBefore(t, [split]).filter(({ order }) => order > start);
  const fewest = new Map<Tensor, number>([[split, 0]]);
  for (const node of [...nodes].reverse()) {
    const before = Math.min(...node.inputs.map((input) => fewest.get(input) ?? Infinity));
    fewest.set(node.output, before + (multiplyAddsOf(node) > 0 ? 1 : 0));
  }
  const multiplyAdds = nodes.reduce((sum, node) => sum + multiplyAddsOf(node), 0);
  return { nodes, products: fewest.get(t) ?? Infinity, multiplyAdds };
}

/** The first operand is the shortcut if both are the same. */
function isShorter(a: Way, b: Way): boolean {
  return (a.products - b.products || a.multiplyAdds - b.multiplyAdds || a.nodes.length - b.nodes.length) < 0;
}
