/**
 * `summary`: what a network costs, layer by layer: parameters, multiply-adds, memory of the activations.
 *
 * Everything is read off the graph that one forward pass records. That pass computes nothing: its kernels do no work, so
 * that only shapes flow, and a network of 20 billion multiply-adds is summed up in milliseconds.
 *
 * As in the papers, the products of convolutions and matrices count as multiply-adds, and nothing else does:
 *
 *   y = w ⋆ x      N·O·Ho·Wo · (C/groups)·kh·kw      each number of y is a sum over the taps of its filter
 *   y = x·wᵀ       rows·out · in                     each number of y is a sum over the inputs
 *
 * A skip connection is an addition: no parameter and no multiply-add, as its row shows. Next: ../autograd/graph.ts.
 */
import { type Node, nodesBefore } from "../autograd/graph.ts";
import { zeros } from "../tensor/create.ts";
import { ShapeError, ValueError } from "../tensor/errors.ts";
import { type Kernels, kernels, useKernels } from "../tensor/kernels.ts";
import type { Floats } from "../tensor/memory.ts";
import { formatShape, type Shape } from "../tensor/shape.ts";
import { Tensor } from "../tensor/tensor.ts";
import { inEvaluation } from "./mode.ts";
import type { Module } from "./module.ts";
import { observe } from "./observe.ts";

/** One call of a layer (a module without parts), or one operation that a module with parts applies itself. */
export interface SummaryRow {
  /** Path of the module. */
  readonly layer: string;
  /** Class of the layer, or name of the operation. */
  readonly kind: string;
  readonly outputShape: Shape;
  /** Trained values, counted where they are first used. */
  readonly parameters: number;
  readonly multiplyAdds: number;
  /** Memory of the results, which training keeps until the way back. 0 where nothing is made (a view, x itself). */
  readonly activationBytes: number;
  /** Whether it is a skip connection: an addition that joins two ways from its module's input. */
  readonly skip: boolean;
}

export interface Summary {
  readonly model: string;
  /** Of one example, without the batch axis. */
  readonly inputShape: Shape;
  readonly rows: readonly SummaryRow[];
  /** All trained values of the model, also those that this pass does not use. */
  readonly parameters: number;
  /** Trained values that this pass does not use, as those of collapsed blocks. */
  readonly unusedParameters: number;
  readonly multiplyAdds: number;
  readonly activationBytes: number;
  /** The rows and the totals as a table in plain text. */
  toString(): string;
}

/**
 * Parameters, multiply-adds and activation memory of `model` for one example, in evaluation mode. The model is not changed.
 *
 * @param inputShape of one example, without the batch axis: `[C, H, W]` of an image.
 * @throws ShapeError if the model does not take such an example; ValueError inside `noGrad`, where nothing is recorded.
 *
 * @example
 * const { parameters, multiplyAdds } = summary(cifarResNet(20, { rng: new Rng(0) }), [3, 32, 32]);
 * parameters; // 269722
 * multiplyAdds; // 40551040
 */
export function summary(model: Module, inputShape: Shape): Summary {
  const x = new Tensor(zeros([1, ...inputShape]).data, [1, ...inputShape], true);
  const calls = inEvaluation(model, () => shapesOnly(() => trace(model, x)));
  const unused = new Set(model.parameters());
  const rows = rowsOf(calls, x, unused);
  const parameters = model.parameterCount();
  const total = (key: "multiplyAdds" | "activationBytes"): number => rows.reduce((sum, row) => sum + row[key], 0);
  const result = {
    model: model.constructor.name,
    inputShape: [...inputShape],
    rows,
    parameters,
    unusedParameters: [...unused].reduce((sum, t) => sum + t.size, 0),
    multiplyAdds: total("multiplyAdds"),
    activationBytes: total("activationBytes"),
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

/** Every call of a module, in the order in which they end: parts before the module they belong to. */
function trace(model: Module, x: Tensor): Call[] {
  const calls: Call[] = [];
  try {
    observe(
      model,
      (path, module, x, y) => calls.push({ path, module, x, y }),
      () => model.forward(x),
    );
  } catch (error) {
    if (!(error instanceof ShapeError)) throw error;
    throw new ShapeError(
      `summary: ${model.constructor.name} does not take an example of shape ${formatShape(x.shape.slice(1))} (a batch of one is made of it): ${error.message}`,
    );
  }
  const { y } = calls[calls.length - 1];
  if (y !== x && !y.node) {
    throw new ValueError(
      "summary: the output was not recorded: call summary outside noGrad, on a model that uses its input",
    );
  }
  return calls;
}

/** Runs `fn` on kernels that do nothing: outputs have their shapes, and whatever their memory held. */
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

/** The rows in the order of computation; takes the parameters they use out of `unused`. */
function rowsOf(calls: readonly Call[], input: Tensor, unused: Set<Tensor>): SummaryRow[] {
  const claimed = new Set<Node>();
  const made = new Set<Floats>([input.data]);
  const rows: { row: SummaryRow; last: number; passes: boolean }[] = [];

  const add = (call: Call, kind: string, nodes: readonly Node[], y: Tensor, used: readonly Tensor[], skip: boolean) => {
    const row: SummaryRow = {
      layer: call.path,
      kind,
      outputShape: y.shape,
      parameters: used.reduce((sum, t) => (unused.delete(t) ? sum + t.size : sum), 0),
      multiplyAdds: nodes.reduce((sum, node) => sum + multiplyAddsOf(node), 0),
      activationBytes: nodes.reduce((sum, { output: { data } }) => {
        if (made.has(data)) return sum;
        made.add(data);
        return sum + data.byteLength;
      }, 0),
      skip,
    };
    rows.push({ row, last: y.node?.order ?? -1, passes: nodes.length === 0 });
  };

  for (const call of calls) {
    const { module, x, y } = call;
    // What its parts recorded is theirs; the rest, oldest first, is its own.
    const own =
      y === x
        ? []
        : nodesBefore(y, [x])
            .filter((node) => !claimed.has(node))
            .reverse();
    for (const node of own) claimed.add(node);
    if (module.namedChildren().length === 0) {
      add(call, module.constructor.name, own, y, [...module.parameters(), ...inputsOf(own)], false);
    } else {
      for (const node of own) add(call, node.op, [node], node.output, node.inputs, isSkip(node, x));
    }
  }
  // A module that passes its input on has the same last node as what made it, and comes after it.
  rows.sort((a, b) => a.last - b.last || Number(a.passes) - Number(b.passes));
  return rows.map(({ row }) => row);
}

function inputsOf(nodes: readonly Node[]): Tensor[] {
  return nodes.flatMap(({ inputs }) => inputs);
}

function multiplyAddsOf({ op, inputs, output }: Node): number {
  switch (op) {
    case "conv2d":
      return (output.size * inputs[1].size) / inputs[1].shape[0];
    case "linear":
    case "matmul":
      return output.size * inputs[0].shape[inputs[0].rank - 1];
    default:
      return 0;
  }
}

/** Whether `node` is an addition of two tensors that both come from x. */
function isSkip({ op, inputs }: Node, x: Tensor): boolean {
  return op === "add" && inputs.every((t) => t === x || inputsOf(nodesBefore(t, [x])).includes(x));
}

function format({ model, inputShape, rows, ...totals }: Omit<Summary, "toString">): string {
  const count = (n: number): string => n.toLocaleString("en-US");
  const table = [
    ["layer", "kind", "output", "parameters", "multiply-adds", "activations"],
    ...rows.map((row) => [
      row.layer || model,
      row.skip ? `${row.kind} (skip)` : row.kind,
      formatShape(row.outputShape),
      count(row.parameters),
      count(row.multiplyAdds),
      kibibytes(row.activationBytes),
    ]),
    ["total", "", "", count(totals.parameters), count(totals.multiplyAdds), kibibytes(totals.activationBytes)],
  ];
  const widths = table[0].map((_, column) => Math.max(...table.map((cells) => cells[column].length)));
  const lines = table.map((cells) =>
    cells
      .map((cell, i) => (i < 3 ? cell.padEnd(widths[i]) : cell.padStart(widths[i])))
      .join("  ")
      .trimEnd(),
  );
  const rule = "─".repeat(widths.reduce((sum, width) => sum + width + 2, -2));
  const skips = rows.filter(({ skip }) => skip);
  const sum = (key: "parameters" | "multiplyAdds"): string => count(skips.reduce((n, row) => n + row[key], 0));
  return [
    `${model}, one example ${formatShape(inputShape)}`,
    lines[0],
    rule,
    ...lines.slice(1, -1),
    rule,
    lines[lines.length - 1],
    ...(skips.length > 0
      ? [
          `skip connections: ${skips.length}, with ${sum("parameters")} parameters and ${sum("multiplyAdds")} multiply-adds`,
        ]
      : []),
    ...(totals.unusedParameters > 0 ? [`parameters not used: ${count(totals.unusedParameters)}`] : []),
  ].join("\n");
}

function kibibytes(bytes: number): string {
  return `${(bytes / 1024).toLocaleString("en-US", { minimumFractionDigits: 1, maximumFractionDigits: 1 })} KiB`;
}
