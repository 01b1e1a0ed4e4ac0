/**
 * Residual blocks that no module declares, found in the recorded graph: in a network that was read from an ONNX file
 * there is nothing else.
 *
 * A block is an addition of two ways that part at one tensor, with a product by weights on one of them. What modules
 * would say is guessed from the graph and from the parameters' names:
 *
 * - its name is what the names of its parameters begin with: `layer1.0` for `layer1.0.conv1.weight`, …;
 * - activations after the addition belong to it if they come before the next split, as do norms with its name; but where most
 *   blocks end with their addition, all do;
 * - an activation and a norm with its name before the split belong to it as well (a shared pre-activation).
 */
import { type Node, nodesBefore } from "../autograd/graph.ts";
import { multiplyAddsOf, type SkipConnection, skipConnection } from "../nn/skip-connections.ts";
import type { Tensor } from "../tensor/tensor.ts";
import type { Call } from "./blocks.ts";

const ACTIVATIONS: ReadonlySet<string> = new Set([
  ...[
    "relu",
    "leakyRelu",
    "clamp",
    "sigmoid",
    "tanh",
    "gelu",
    "silu",
    "hardswish",
    "elu",
    "selu",
    "softplus",
    "dropout",
  ],
]);
const NORMS: ReadonlySet<string> = new Set(["batchNorm", "groupNorm", "layerNorm"]);

interface Found extends SkipConnection {
  readonly sum: Tensor;
  readonly name: string;
}

/** @param names the model's parameters by name. */
export function foundBlocks(input: Tensor, outputs: readonly Tensor[], names: ReadonlyMap<Tensor, string>): Call[] {
  const nodes = [...new Set(outputs.flatMap((output) => nodesBefore(output)))].sort((a, b) => a.order - b.order);
  const readers = new Map<Tensor, Node[]>();
  for (const node of nodes) for (const t of new Set(node.inputs)) readers.set(t, [...(readers.get(t) ?? []), node]);
  const found: Found[] = [];
  for (const node of nodes) {
    const skip = skipConnection(node, input);
    if (!skip || ![...skip.shortcut, ...skip.branch].some((n) => multiplyAddsOf(n) > 0)) continue;
    found.push({ ...skip, sum: node.output, name: nameOf(skip, names) ?? `block ${found.length + 1}` });
  }
  const ends = found.map((block) => endOf(block, readers, names));
  // The last addition's activation may be the network's.
  const bare = ends.slice(0, -1).filter((end, i) => end === found[i].sum).length;
  const areBare = bare > (found.length - 1) / 2;
  const times = new Map<string, number>();
  return found.map((block, i) => {
    const call = (times.get(block.name) ?? 0) + 1;
    times.set(block.name, call);
    const y = areBare ? block.sum : ends[i];
    return { block: block.name, call, module: { shortcut: "found" }, x: beginningOf(block, names), y };
  });
}

/** What the names of the parameters on both ways begin with. */
function nameOf({ shortcut, branch }: SkipConnection, names: ReadonlyMap<Tensor, string>): string | undefined {
  const parameters = [...shortcut, ...branch].flatMap(({ inputs }) => inputs.flatMap((t) => names.get(t) ?? []));
  const layers = [...new Set(parameters.map((name) => name.split(".").slice(0, -1).join(".")))];
  const paths = layers.map((layer) => layer.split("."));
  if (paths.length === 0) return undefined;
  // A block of one layer is what is around it.
  const most = paths.length === 1 ? paths[0].length - 1 : paths[0].length;
  let shared = 0;
  while (shared < most && paths.every((path) => path[shared] === paths[0][shared])) shared++;
  return shared > 0 ? paths[0].slice(0, shared).join(".") : undefined;
}

/** The addition's result, or what the block makes of it before anything else reads it. */
function endOf(
  { sum, name }: Found,
  readers: ReadonlyMap<Tensor, readonly Node[]>,
  names: ReadonlyMap<Tensor, string>,
): Tensor {
  let end = sum;
  for (let next = readers.get(end) ?? []; next.length === 1; next = readers.get(end) ?? []) {
    if (!ACTIVATIONS.has(next[0].op) && !isNormOf(next[0], name, names)) break;
    end = next[0].output;
  }
  return end;
}

/** The split, or what comes before the pre-activation that both ways share. */
function beginningOf({ split, name }: Found, names: ReadonlyMap<Tensor, string>): Tensor {
  const activated = split.node && ACTIVATIONS.has(split.node.op) ? split.node.inputs[0] : split;
  return activated.node && isNormOf(activated.node, name, names) ? activated.node.inputs[0] : split;
}

function isNormOf({ op, inputs }: Node, block: string, names: ReadonlyMap<Tensor, string>): boolean {
  return NORMS.has(op) && inputs.some((t) => names.get(t)?.startsWith(`${block}.`));
}
