/**
 * The graph: records during the computation which tensor was computed from which.
 *
 * Every operation on a tensor whose gradient is wanted calls `record`, which attaches a `Node` to the output. The
 * nodes are plain data: list them (`nodesBefore`), print them (`graphToDot`), count them, prove things about them (src/flow),
 * write them down for another engine (src/io/onnx).
 * Nodes are numbered as they are made, so the numbering is a topological order: inputs before outputs.
 * Next: backward.ts, which walks them from the highest number down.
 */
import { checkList } from "../tensor/arguments.ts";
import { describe } from "../tensor/check.ts";
import { checkTensor } from "../tensor/check-tensor.ts";
import { SkipstoneError, UsageError } from "../tensor/errors.ts";
import { giveBackUnread, isComputed, noteReader } from "../tensor/given-back.ts";
import type { Values } from "../tensor/memory.ts";
import type { Recorded, Rule } from "../tensor/node.ts";
import { formatShape } from "../tensor/shape.ts";
import { asStep } from "../tensor/step.ts";
import { callNow, checkNow, type Finished } from "../tensor/sync.ts";
import type { Tensor } from "../tensor/tensor.ts";
import type { Operation } from "./attributes.ts";

/**
 * Misuse of the calculus: a loss that is not a scalar, a value changed after it was recorded.
 *
 * @example
 * const x = tensor([1, 2], { requiresGrad: true });
 * backward(mul(x, 2)); // throws AutogradError: backward
 */
export class AutogradError extends SkipstoneError {
  override readonly name = "AutogradError";
}

/** A recorded operation. Its `attributes` are `OpAttributes[op]` (attributes.ts). */
export type Node = Recorded<Tensor>;

let recording = true;
let nodesRecorded = 0;
/** Set while `collecting` runs. */
let collected: Set<Tensor> | null = null;

/** Whether `backward` computes a gradient for this tensor: it is a leaf that requires one, or was computed from one. */
export function needsGrad(t: Tensor): boolean {
  return t.requiresGrad || t.node !== null;
}

/**
 * Records that `operation` computed `output` from `inputs`, if anyone wants gradients. Returns `output`.
 *
 * @param reads the tensors whose values the rule reads; the values of others need not be kept for it. Default: all.
 * @param saved arrays that the rule has for itself.
 * @param again of a checkpoint (checkpoint.ts), which has no rule.
 */
export function record(
  operation: Operation,
  output: Tensor,
  inputs: readonly Tensor[],
  rule: Rule,
  reads: readonly Tensor[] = [...inputs, output],
  saved: readonly Values[] = [],
  again: Node["again"] = null,
): Tensor {
  if (!recording) return output;
  if (collected) {
    for (const t of inputs) if (needsGrad(t)) collected.add(t);
    if (isComputed(output)) for (const t of inputs) giveBackUnread(t);
    return output;
  }
  if (!inputs.some(needsGrad)) return output;
  const [op, attributes] = typeof operation === "string" ? [operation] : operation;
  const versions = [...inputs.map((t) => t.version), output.version];
  output.node = { op, inputs, output, attributes, rule, order: nodesRecorded++, versions, reads, saved, again };
  for (const t of reads) noteReader(t);
  // An output that waits (normalized.ts) has its inputs still to read.
  if (isComputed(output)) for (const t of inputs) giveBackUnread(t);
  return output;
}

/** `record` for an operation whose derivative reads neither inputs nor output, as that of every linear one. */
export function recordLinear(operation: Operation, output: Tensor, inputs: readonly Tensor[], rule: Rule): Tensor {
  return record(operation, output, inputs, rule, []);
}

/** Runs `fn` without recording, and adds to `found` what its nodes would have had as inputs from outside. */
export function collecting<T>(found: Set<Tensor>, fn: () => T): T {
  collected = found;
  try {
    return fn();
  } finally {
    collected = null;
  }
}

/** The number that the next node gets. */
export function recordedSoFar(): number {
  return nodesRecorded;
}

/** Whether `collecting` runs. */
export function isCollecting(): boolean {
  return collected !== null;
}

/** Whether the computation is one of a training: recorded now, or to be recorded later. */
export function isForGradients(y: Tensor): boolean {
  return y.node !== null || (collected !== null && recording);
}

/** What the derivative of a product reads: each of the two where the other needs a gradient. */
export function readByProduct(a: Tensor, b: Tensor): Tensor[] {
  return [...(needsGrad(b) ? [a] : []), ...(needsGrad(a) ? [b] : [])];
}

/**
 * Runs `fn` without recording: for inference and for arithmetic on parameters.
 *
 * It is a step (tensor/memory.ts). The tensors that `fn` returns, directly or in arrays, maps, sets and objects, live
 * on; reading any other tensor computed inside is an error. Numbers read from a tensor (`data`) are ordinary ones.
 *
 * @example
 * const weight = tensor([1, 2], { requiresGrad: true });
 * const y = noGrad(() => mul(weight, 2)); // y.node is null
 *
 * @throws UsageError for an async function or a generator, which would continue after recording resumes.
 */
export function noGrad<T>(fn: () => T & Finished<T>): T {
  return unrecorded("noGrad", fn);
}

/** `noGrad` for library functions with another name. */
export function unrecorded<T>(op: string, fn: () => T): T {
  checkNow(op, "fn", fn);
  return withoutRecording(() => asStep(() => callNow(op, "fn", fn)));
}

/** `fn()`, during which nothing is recorded. */
export function withoutRecording<T>(fn: () => T): T {
  const before = recording;
  recording = false;
  try {
    return fn();
  } finally {
    recording = before;
  }
}

/**
 * Every node that `root` was computed from, its own first, newest to oldest. Iterative: any depth is fine.
 *
 * @param stopAt tensors before which nothing is visited.
 *
 * @example
 * const x = tensor([2, 3], { requiresGrad: true });
 * nodesBefore(sum(mul(x, x))).length; // 2
 */
export function nodesBefore(root: Tensor, stopAt: readonly Tensor[] = []): Node[] {
  checkTensor("nodesBefore", "root", root);
  checkList("nodesBefore", "stopAt", stopAt);
  if (!root.node) return [];
  const nodes = [root.node];
  const seen = new Set(nodes);
  for (const t of stopAt) if (t.node) seen.add(t.node);
  // `nodes` grows during the loop, which ends when no unseen input is left.
  for (let i = 0; i < nodes.length; i++) {
    for (const input of nodes[i].inputs) {
      if (input.node && !seen.has(input.node)) {
        seen.add(input.node);
        nodes.push(input.node);
      }
    }
  }
  return nodes.sort((a, b) => b.order - a.order);
}

/**
 * The graph in Graphviz's DOT language (`dot -Tsvg`): boxes are operations, ellipses are leaves, edges carry shapes.
 *
 * @param names labels for leaves and interior tensors, for instance a model's parameter names.
 *
 * @example
 * const w = tensor([2, 3], { requiresGrad: true });
 * const dot = graphToDot(sum(mul(w, w)), new Map([[w, "weight"]]));
 * dot.includes("weight"); // true
 */
export function graphToDot(root: Tensor, names: ReadonlyMap<Tensor, string> = new Map()): string {
  checkTensor("graphToDot", "root", root);
  if (!(names instanceof Map)) throw new UsageError(`graphToDot: names must be a Map, got ${describe(names)}`);
  const quote = (text: string): string =>
    `"${text.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n")}"`;
  const leaves = new Map<Tensor, string>();
  const idOf = (t: Tensor): string => {
    if (t.node) return `op${t.node.order}`;
    if (!leaves.has(t)) leaves.set(t, `leaf${leaves.size}`);
    return leaves.get(t)!;
  };
  const lines: string[] = [];
  idOf(root);
  for (const node of nodesBefore(root).reverse()) {
    const name = names.get(node.output);
    lines.push(`  op${node.order} [shape=box, label=${quote(name ? `${node.op}\n${name}` : node.op)}];`);
    for (const input of node.inputs) {
      lines.push(`  ${idOf(input)} -> op${node.order} [label=${quote(formatShape(input.shape))}];`);
    }
  }
  for (const [leaf, id] of leaves) {
    const kind = leaf.requiresGrad ? "parameter" : "constant";
    const label = `${names.get(leaf) ?? kind}\n${formatShape(leaf.shape)}`;
    lines.push(`  ${id} [shape=ellipse, style=${leaf.requiresGrad ? "bold" : "dashed"}, label=${quote(label)}];`);
  }
  return `digraph {\n  rankdir=BT;\n${lines.join("\n")}\n}\n`;
}
