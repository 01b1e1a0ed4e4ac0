/**
 * `summary`: the cost of a network, layer by layer: parameters, multiply-adds, memory of the activations.
 *
 * Everything is read from the graph that one forward pass records. That pass computes nothing: its kernels do no work,
 * so only shapes flow, and a network of 20 billion multiply-adds takes milliseconds.
 *
 * As in the papers, only the products of convolutions and matrices count as multiply-adds:
 *
 *   y = w ⋆ x      N·O·Ho·Wo · (C/groups)·kh·kw      each number of y is a sum over the taps of its filter
 *   y = x·wᵀ       rows·out · in                     each number of y is a sum over the inputs
 *
 * A skip connection is an addition together with its shortcut. The shortcut is mostly nothing, without parameters or
 * multiply-adds; a projection where the shape changes; or a gate. Next: skip-connections.ts, and ../autograd/graph.ts.
 */
import { type Node, nodesBefore } from "../autograd/graph.ts";
import { describe } from "../tensor/check.ts";
import { zeros } from "../tensor/create.ts";
import { ShapeError, UsageError, ValueError } from "../tensor/errors.ts";
import type { Kernels } from "../tensor/kernels.ts";
import { formatShape, type Shape } from "../tensor/shape.ts";
import { isTensor, type Tensor, valuesOf } from "../tensor/tensor.ts";
import { tableLines } from "../tensor/text-table.ts";
import { kernels, useKernels } from "../tensor/tier.ts";
import { inEvaluation } from "./evaluation.ts";
import { keptOf } from "./kept.ts";
import { checkModule, type Module } from "./module.ts";
import { observe } from "./observe.ts";
import { multiplyAddsOf, shortcutNodes } from "./skip-connections.ts";

/** Activations are float32. */
const BYTES_PER_NUMBER = 4;

/** One call of a layer (a module without parts), or one operation applied by a module with parts. */
export interface SummaryRow {
  /** Path of the module. */
  readonly layer: string;
  /** Class of the layer, or name of the operation. */
  readonly kind: string;
  readonly outputShape: Shape;
  /** Trained values, counted at their first use. */
  readonly parameters: number;
  readonly multiplyAdds: number;
  /** Memory of the results. 0 if nothing is made (a view, x itself). */
  readonly activationBytes: number;
  /** Memory of the results that a training step keeps for its backward pass (kept.ts). */
  readonly keptBytes: number;
  /** The operations whose derivatives read what is kept. */
  readonly keptFor: readonly string[];
  /** Whether it is in a skip connection: an addition of two ways from its module's input, or a row of the shortcut. */
  readonly skip: boolean;
}

/** What `summary` returns: rows, and their sums. */
export interface Summary {
  readonly model: string;
  /** Shape of one example, without the batch axis. */
  readonly inputShape: Shape;
  readonly rows: readonly SummaryRow[];
  /** All trained values of the model, including those that this pass does not use. */
  readonly parameters: number;
  /** Trained values that this pass does not use, such as those of collapsed blocks. */
  readonly unusedParameters: number;
  readonly multiplyAdds: number;
  readonly activationBytes: number;
  readonly keptBytes: number;
  /** How many additions join two ways, and the sums of all rows of skip connections. */
  readonly skipConnections: { readonly count: number; readonly parameters: number; readonly multiplyAdds: number };
  /** The rows and the totals as a table in plain text. */
  toString(): string;
}

/**
 * Parameters, multiply-adds and memory of `model` for one example, in evaluation mode: what its activations take, and how much of
 * that a training step keeps for its backward pass. The model is not changed.
 *
 * The model must have one input and one output, both tensors.
 *
 * @param inputShape shape of one example, without the batch axis: `[C, H, W]` for an image.
 * @throws ShapeError if the model does not take such an example; ValueError inside `noGrad`, where nothing is recorded;
 * UsageError for a model with several inputs or outputs.
 *
 * @example
 * const { parameters, multiplyAdds } = summary(cifarResNet(20, { rng: new Rng(0) }), [3, 32, 32]);
 * parameters; // 269722
 * multiplyAdds; // 40551040
 */
export function summary(model: Module, inputShape: Shape): Summary {
  checkModule("summary", model);
  checkInputShape(inputShape);
  const x = zeros([1, ...inputShape], { requiresGrad: true });
  const calls = inEvaluation(model, () => shapesOnly(() => trace(model, x)));
  const unused = new Set(model.parameters());
  const { rows, skips } = rowsOf(calls, x, unused);
  const parameters = model.parameterCount();
  const total = (key: "parameters" | "multiplyAdds" | "activationBytes" | "keptBytes", of = rows): number =>
    of.reduce((sum, row) => sum + row[key], 0);
  const inSkips = rows.filter(({ skip }) => skip);
  const result = {
    model: model.constructor.name,
    inputShape: [...inputShape],
    rows,
    parameters,
    unusedParameters: [...unused].reduce((sum, t) => sum + t.size, 0),
    multiplyAdds: total("multiplyAdds"),
    activationBytes: total("activationBytes"),
    keptBytes: total("keptBytes"),
    skipConnections: {
      count: skips,
      parameters: total("parameters", inSkips),
      multiplyAdds: total("multiplyAdds", inSkips),
    },
  };
  return { ...result, toString: () => format(result) };
}

/** One call of a module. */
interface Call {
  readonly path: string;
  readonly module: Module;
  readonly x: Tensor;
  readonly y: Tensor;
}

/** Every call of a module, in the order in which calls end: parts before their module. */
function trace(model: Module, x: Tensor): Call[] {
  const calls: Call[] = [];
  const name = model.constructor.name;
  // A part with several inputs or outputs is counted with the module that it belongs to.
  const add = (path: string, module: Module, x: unknown, y: unknown): void => {
    if (isTensor(x) && isTensor(y)) calls.push({ path, module, x, y });
  };
  let output: unknown;
  try {
    output = observe(model, add, () => model.forward(x));
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    const shape = formatShape(x.shape.slice(1));
    if (error instanceof ShapeError) {
      throw new ShapeError(
        `summary: ${name} does not take an example of shape ${shape} (as a batch of one): ${reason}`,
      );
    }
    // For instance a second input that is undefined, or an object in place of the tensor.
    if (!(error instanceof UsageError || error instanceof TypeError)) throw error;
    throw new UsageError(`summary: ${name} cannot run on one tensor, an example of shape ${shape}: ${reason}`);
  }
  if (!isTensor(output)) {
    throw new UsageError(`summary: ${name} returns ${describe(output)}, but summary needs one output, a tensor`);
  }
  if (output !== x && !output.node) {
    throw new ValueError(
      "summary: the output was not recorded: call summary outside noGrad, on a model that uses its input",
    );
  }
  return calls;
}

/** Runs `fn` on kernels that do nothing: outputs have their shapes and undefined contents. */
function shapesOnly<T>(fn: () => T): T {
  const nothing = (): void => {};
  const idle = Object.entries(kernels).map(([name, member]) => [name, typeof member === "function" ? nothing : member]);
  const before = useKernels({ ...(Object.fromEntries(idle) as unknown as Kernels), name: "shapes only" });
  try {
    return fn();
  } finally {
    useKernels(before);
  }
}

/**
 * The rows in order of computation, and the number of skip connections. Removes the parameters they use from `unused`.
 */
function rowsOf(
  calls: readonly Call[],
  input: Tensor,
  unused: Set<Tensor>,
): { rows: readonly SummaryRow[]; skips: number } {
  const claimed = new Set<Node>();
  const kept = keptOf(calls.length > 0 ? nodesBefore(calls[calls.length - 1].y) : []);
  const made = new Set([valuesOf(input)]);
  const rows: { row: Omit<SummaryRow, "skip">; nodes: readonly Node[]; last: number }[] = [];
  let skips = 0;
  const onShortcuts = new Set<Node>();

  const add = (call: Call, kind: string, nodes: readonly Node[], y: Tensor, used: readonly Tensor[]) => {
    const row = {
      layer: call.path,
      kind,
      outputShape: y.shape,
      parameters: used.reduce((sum, t) => (unused.delete(t) ? sum + t.size : sum), 0),
      multiplyAdds: nodes.reduce((sum, node) => sum + multiplyAddsOf(node), 0),
      activationBytes: nodes.reduce((sum, { output }) => {
        const values = valuesOf(output);
        if (made.has(values)) return sum;
        made.add(values);
        return sum + BYTES_PER_NUMBER * values.length;
      }, 0),
      keptBytes: nodes.reduce((sum, node) => sum + BYTES_PER_NUMBER * (kept.get(node)?.numbers ?? 0), 0),
      keptFor: [...new Set(nodes.flatMap((node) => kept.get(node)?.by ?? []))],
    };
    rows.push({ row, nodes, last: y.node?.order ?? -1 });
  };

  for (const call of calls) {
    const { module, x, y } = call;
    // Nodes recorded by its parts are theirs; the rest, oldest first, are its own.
    const own =
      y === x
        ? []
        : nodesBefore(y, [x])
            .filter((node) => !claimed.has(node))
            .reverse();
    for (const node of own) claimed.add(node);
    if (module.namedChildren().length === 0) {
      add(call, module.constructor.name, own, y, [...module.parameters(), ...inputsOf(own)]);
      continue;
    }
    for (const node of own) {
      add(call, node.op, [node], node.output, node.inputs);
      const shortcut = shortcutNodes(node, x);
      if (!shortcut) continue;
      skips++;
      for (const passed of [node, ...shortcut]) onShortcuts.add(passed);
    }
  }
  // A module that passes its input on has the same last node as the module that made it, and comes after it.
  rows.sort((a, b) => a.last - b.last || Number(a.nodes.length === 0) - Number(b.nodes.length === 0));
  const belongs = (nodes: readonly Node[]): boolean => nodes.length > 0 && nodes.every((node) => onShortcuts.has(node));
  return { rows: rows.map(({ row, nodes }) => ({ ...row, skip: belongs(nodes) })), skips };
}

function checkInputShape(shape: unknown): asserts shape is Shape {
  if (Array.isArray(shape) && shape.every((length) => Number.isInteger(length) && length > 0)) return;
  const given = Array.isArray(shape) ? `[${shape.map(describe).join(",")}]` : describe(shape);
  throw new UsageError(
    `summary: inputShape must be the shape of one example, whole numbers above 0 as in [3, 32, 32], got ${given}`,
  );
}

function inputsOf(nodes: readonly Node[]): Tensor[] {
  return nodes.flatMap(({ inputs }) => inputs);
}

function format({ model, inputShape, rows, skipConnections: skips, ...totals }: Omit<Summary, "toString">): string {
  const count = (n: number): string => n.toLocaleString("en-US");
  const table = [
    ["layer", "kind", "output", "parameters", "multiply-adds", "activations", "kept"],
    ...rows.map((row) => [
      row.layer || model,
      row.skip ? `${row.kind} (skip)` : row.kind,
      formatShape(row.outputShape),
      count(row.parameters),
      count(row.multiplyAdds),
      kibibytes(row.activationBytes),
      kibibytes(row.keptBytes),
    ]),
    [
      "total",
      "",
      "",
      count(totals.parameters),
      count(totals.multiplyAdds),
      kibibytes(totals.activationBytes),
      kibibytes(totals.keptBytes),
    ],
  ];
  const lines = tableLines(table, (column) => column >= 3);
  // The last column aligns right: every line that ends in a number is as long as the table is wide.
  const rule = "─".repeat(lines[0].length);
  return [
    `${model}, one example ${formatShape(inputShape)}`,
    lines[0],
    rule,
    ...lines.slice(1, -1),
    rule,
    lines[lines.length - 1],
    ...(skips.count > 0
      ? [
          `skip connections: ${skips.count}, with ${count(skips.parameters)} parameters and ${count(skips.multiplyAdds)} multiply-adds`,
        ]
      : []),
    ...(totals.unusedParameters > 0 ? [`parameters not used: ${count(totals.unusedParameters)}`] : []),
  ].join("\n");
}

function kibibytes(bytes: number): string {
  return `${(bytes / 1024).toLocaleString("en-US", { minimumFractionDigits: 1, maximumFractionDigits: 1 })} KiB`;
}
