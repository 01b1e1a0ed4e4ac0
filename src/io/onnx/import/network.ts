/** The network that a graph becomes: a `Module` that runs it node by node. */
import { abs, sub } from "../../../autograd/elementwise.ts";
import { noGrad } from "../../../autograd/graph.ts";
import { max } from "../../../autograd/reduce.ts";
import { reshape, slice } from "../../../autograd/shape.ts";
import { Module } from "../../../nn/module.ts";
import { BatchNorm2d } from "../../../nn/norm.ts";
import { checkTensor } from "../../../tensor/check-tensor.ts";
import { randn } from "../../../tensor/create.ts";
import { ShapeError, SkipstoneError, UsageError, ValueError } from "../../../tensor/errors.ts";
import { Rng } from "../../../tensor/rng.ts";
import { formatShape } from "../../../tensor/shape.ts";
import type { Tensor } from "../../../tensor/tensor.ts";
import { FormatError, quote } from "../../errors.ts";
import { type GraphNode, type GraphValue, nodeTitle } from "./model.ts";
import { isWholes, type Value } from "./numbers.ts";
import { Inputs, type Mode, Node, type Run } from "./operator.ts";
import { adviceOn, operators } from "./operators/index.ts";
import type { State } from "./state.ts";
import type { TidyGraph } from "./tidy.ts";

interface Step {
  readonly node: Node;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly run: Run;
  /** Values that no later step reads. */
  readonly last: readonly string[];
}

/** Of an axis whose length is free, where a network is tried. */
const SOME_LENGTH = 32;

/** A network read from an ONNX file. */
export class OnnxNetwork extends Module {
  /** Layers and tensors, which have their names in the file and no other (nn/parts.ts). */
  readonly "": ReadonlyMap<string, Module | Tensor>;
  readonly #steps: readonly Step[];
  readonly #values: ReadonlyMap<string, Value>;
  readonly #input: GraphValue;
  readonly #output: string;
  readonly #rng: Rng | undefined;
  readonly #opset: number;
  #anyBatch = false;

  constructor(graph: TidyGraph, state: State, rng: Rng | undefined) {
    super();
    [this.#input] = graph.inputs;
    this.#output = graph.outputs[0].name;
    this.#steps = stepsOf(graph, state);
    this.#values = state.values;
    this.#rng = rng;
    this.#opset = graph.opset;
    this[""] = state.parts;
  }

  /**
   * From now on any number of examples is taken, also where the file fixes it.
   *
   * @throws FormatError if a node has the file's number in it: one example more is computed otherwise, or not at all.
   */
  freeBatch(): void {
    const [batch, ...lengths] = this.#input.shape ?? [null];
    this.#anyBatch = true;
    if (batch === null) return;
    const shape = [batch + 1, ...lengths.map((length) => length ?? SOME_LENGTH)];
    try {
      noGrad(() => {
        const x = randn(shape, new Rng(0));
        const few = this.forward(slice(x, [[0, batch]]));
        const all = this.forward(x);
        const first = slice(all, [[0, batch]]);
        const [size, difference] = [max(abs(few)), max(abs(sub(few, first)))].map((t) => t.item());
        if (!(all.shape[0] === batch + 1 && difference <= 1e-4 * size)) throw new ShapeError("the results differ");
      });
    } catch (error) {
      if (!(error instanceof SkipstoneError)) throw error;
      throw new FormatError(
        `importOnnx: anyBatch: the file is for batches of ${batch}, and its nodes do not compute ${batch + 1}: ${error.message.replace(/^importOnnx: /, "")}`,
      );
    }
  }

  forward(x: Tensor): Tensor {
    checkTensor("importOnnx", "the network's input", x);
    this.#checkInput(x);
    const values = new Map<string, Value>(this.#values).set(this.#input.name, x);
    const mode: Mode = { training: this.training, rng: this.#rng };
    for (const { node, inputs, outputs, run, last } of this.#steps) {
      const given = inputs.map((name) => (name === "" ? null : (values.get(name) ?? null)));
      const result = inNode(node, () => run(new Inputs(node, given), mode));
      const results = Array.isArray(result) ? (result as readonly Value[]) : [result as Value];
      for (const [i, name] of outputs.entries()) if (name !== "" && i < results.length) values.set(name, results[i]);
      for (const name of last) values.delete(name);
    }
    const y = values.get(this.#output);
    if (y === undefined) throw new FormatError(`importOnnx: the output ${quote(this.#output)} was not computed`);
    if (!isWholes(y)) return y;
    throw new FormatError(
      `importOnnx: the output ${quote(this.#output)} is whole numbers, which follow from shapes alone`,
    );
  }

  /** What the file says of the input: null for lengths that are free. */
  get inputShape(): readonly (number | null)[] | undefined {
    return this.#input.shape ?? undefined;
  }

  override describe(): string {
    return `${this.#steps.length} nodes, opset ${this.#opset}`;
  }

  #checkInput(x: Tensor): void {
    const { name, shape } = this.#input;
    if (!shape) return;
    const isFree = (axis: number): boolean => shape[axis] === null || (axis === 0 && this.#anyBatch);
    if (shape.length === x.rank && shape.every((length, axis) => isFree(axis) || length === x.shape[axis])) return;
    const wanted = shape.map((length) => length ?? "any").join(",");
    const batch = shape[0] !== null && shape.length === x.rank && shape[0] !== x.shape[0];
    const advice = batch
      ? ": the file fixes the batch; import it with { anyBatch: true }, or export it with a dynamic first axis (dynamic_axes)"
      : "";
    throw new ShapeError(`importOnnx: input ${quote(name)} must be [${wanted}], got ${formatShape(x.shape)}${advice}`);
  }
}

function stepsOf(graph: TidyGraph, { layers, constants }: State): Step[] {
  const lastReader = new Map<string, GraphNode>();
  for (const node of graph.nodes) for (const name of node.inputs) lastReader.set(name, node);
  for (const { name } of graph.outputs) lastReader.delete(name);
  const read = new Set([...lastReader.keys(), ...graph.outputs.map(({ name }) => name)]);
  return graph.nodes.map((graphNode) => {
    const node = new Node(graphNode, graph.opset, constants);
    checkOutputs(graphNode, read);
    const layer = layers.get(graphNode);
    const run = layer ? runLayer(layer) : operatorOf(graphNode)(node);
    const last = graphNode.inputs.filter((name) => lastReader.get(name) === graphNode);
    // A layer has its tensors itself.
    const inputs = layer ? graphNode.inputs.slice(0, 1) : graphNode.inputs;
    return { node, inputs, outputs: graphNode.outputs, run, last };
  });
}

function operatorOf(node: GraphNode): (node: Node) => Run {
  if (Object.hasOwn(operators, node.operator)) return operators[node.operator];
  throw new FormatError(`importOnnx: ${nodeTitle(node)}: ${adviceOn(node.operator)}`);
}

/** Pooling's indices, dropout's mask and training's statistics are not computed. */
function checkOutputs(node: GraphNode, read: ReadonlySet<string>): void {
  if (node.operator === "Split" || node.operator === "TopK") return;
  const second = node.outputs.slice(1).find((name) => name !== "" && read.has(name));
  if (second === undefined) return;
  throw new FormatError(
    `importOnnx: ${nodeTitle(node)}: only its first output is covered, but ${quote(second)} is used`,
  );
}

function runLayer(layer: Module): Run {
  if (!(layer instanceof BatchNorm2d)) return (inputs) => layer.forward(inputs.tensor(0));
  // The operator takes features [N, C] too, which are images of one pixel, and other ranks.
  return (inputs) => {
    const x = inputs.tensor(0);
    if (x.rank === 4 || x.rank < 2) return layer.forward(x);
    const [N, C] = x.shape;
    return reshape(layer.forward(reshape(x, [N, C, -1, 1])), x.shape);
  };
}

/** Errors of operations name the node, too. */
function inNode<T>(node: Node, run: () => T): T {
  try {
    return run();
  } catch (error) {
    if (!(error instanceof SkipstoneError) || error.message.startsWith("importOnnx: node")) throw error;
    const message = `importOnnx: ${node.title}: ${error.message.replace(/^importOnnx: /, "")}`;
    if (error instanceof ShapeError) throw new ShapeError(message);
    if (error instanceof ValueError) throw new ValueError(message);
    if (error instanceof UsageError) throw new UsageError(message);
    throw error;
  }
}
