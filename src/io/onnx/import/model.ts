/**
 * The messages of ONNX: the bytes of a .onnx file as a graph.
 *
 * Names and field numbers are those of onnx.proto (../encode.ts). Next: numbers.ts, the tensors; network.ts, which runs
 * the graph.
 */
import { FormatError, quote } from "../../errors.ts";
import { type Numbers, numbersOf } from "./numbers.ts";
import { Message } from "./protobuf.ts";

export type Attribute = number | string | readonly number[] | Numbers;

export interface GraphNode {
  readonly name: string;
  readonly operator: string;
  /** "" is an input that is left out. */
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attributes: ReadonlyMap<string, Attribute>;
}

/** An input or output of the whole graph: a length that is not fixed is null. */
export interface GraphValue {
  readonly name: string;
  /** TensorProto.DataType; 0 if the file does not say. */
  readonly type: number;
  /** Undefined if the file does not say. */
  readonly shape: readonly (number | null)[] | undefined;
}

export interface Graph {
  readonly opset: number;
  readonly inputs: readonly GraphValue[];
  readonly outputs: readonly GraphValue[];
  /** In an order in which they can be computed. */
  readonly nodes: readonly GraphNode[];
  /** The tensors in the file, by name. */
  readonly tensors: ReadonlyMap<string, Numbers>;
}

/** The first opset that broadcasts as NumPy does; what came before means something else. */
const OLDEST = 7;
/** The newest that the operators here were compared with. */
const NEWEST = 25;

const FILE = "importOnnx";

/** A node in error messages: `node "conv1" (Conv)`. */
export function nodeTitle({ name, operator, outputs }: GraphNode): string {
  return `node ${quote(name || `of ${outputs[0] ?? "nothing"}`)} (${operator.slice(0, 80)})`;
}

/** @throws FormatError for anything but a graph that a single file contains. */
export function readModel(bytes: Uint8Array): Graph {
  const model = new Message(bytes, FILE);
  const graph = model.message(7, "graph");
  if (!graph) throw new FormatError(`${FILE}: the file has no graph: it is no ONNX model, or empty`);
  const opset = opsetOf(model);
  if (graph.has(15)) throw new FormatError(`${FILE}: the graph has sparse tensors: save them as dense ones`);
  const tensors = new Map<string, Numbers>();
  for (const message of graph.messages(5, "initializer")) {
    const name = message.text(8);
    if (tensors.has(name)) throw new FormatError(`${FILE}: two tensors have the name ${quote(name)}`);
    tensors.set(name, numbersOf(message, quote(name)));
  }
  const nodes = graph.messages(1, "node").map(readNode);
  // Old files list the tensors among the inputs, as defaults.
  const inputs = graph.messages(11, "input").map(readValue);
  const known = new Set([...tensors.keys(), ...inputs.map(({ name }) => name), ""]);
  for (const node of nodes) {
    const missing = node.inputs.find((name) => !known.has(name));
    if (missing !== undefined) {
      throw new FormatError(`${FILE}: ${nodeTitle(node)} reads ${quote(missing)}, which nothing before it computes`);
    }
    for (const output of node.outputs) {
      if (output !== "" && known.has(output)) {
        throw new FormatError(`${FILE}: ${nodeTitle(node)} computes ${quote(output)}, which exists already`);
      }
      known.add(output);
    }
  }
  const outputs = graph.messages(12, "output").map(readValue);
  const missing = outputs.find(({ name }) => !known.has(name));
  if (missing) throw new FormatError(`${FILE}: no node computes the output ${quote(missing.name)}`);
  return { opset, inputs: inputs.filter(({ name }) => !tensors.has(name)), outputs, nodes, tensors };
}

function opsetOf(model: Message): number {
  const sets = model.messages(8, "opset_import");
  const opset = sets.find((set) => ["", "ai.onnx"].includes(set.text(1)))?.int(2);
  if (opset === undefined)
    throw new FormatError(`${FILE}: the file does not say which version of the operators it uses`);
  if (opset < OLDEST || opset > NEWEST) {
    throw new FormatError(
      `${FILE}: the operators' version (opset) must be from ${OLDEST} to ${NEWEST}, got ${opset}: export the network with one of these, or convert the file (onnx.version_converter)`,
    );
  }
  return opset;
}

function readNode(message: Message): GraphNode {
  const operator = message.text(4);
  const domain = message.text(7);
  const node = { name: message.text(3), operator, inputs: message.texts(1), outputs: message.texts(2) };
  const attributes = new Map<string, Attribute>();
  const title = nodeTitle({ ...node, attributes });
  if (domain !== "" && domain !== "ai.onnx") {
    throw new FormatError(
      `${FILE}: ${title} is of the domain ${quote(domain)}, not one of ONNX's own operators: export without the optimisations of one runtime`,
    );
  }
  for (const attribute of message.messages(5, "attribute")) {
    const value = readAttribute(attribute, title);
    if (value !== undefined) attributes.set(attribute.text(1), value);
  }
  return { ...node, attributes };
}

/** Undefined for a kind that no operator here has: graphs, types, lists of texts. */
function readAttribute(attribute: Message, title: string): Attribute | undefined {
  const kind = attribute.int(20) ?? 0;
  const name = attribute.text(1);
  if (attribute.has(21))
    throw new FormatError(`${FILE}: ${title}: ${quote(name)} is a function's parameter, and none is`);
  // In proto3 a zero may be left out.
  if (kind === 1 || (kind === 0 && attribute.has(2))) return shortest(attribute.floats(2).at(-1) ?? 0);
  if (kind === 2 || (kind === 0 && attribute.has(3))) return attribute.int(3) ?? 0;
  if (kind === 3) return attribute.text(4);
  if (kind === 4) {
    const tensor = attribute.message(5, "tensor");
    if (!tensor) throw new FormatError(`${FILE}: ${title}: ${quote(name)} must be a tensor, got nothing`);
    return numbersOf(tensor, `${title}, ${quote(name)}`);
  }
  if (kind === 6) return attribute.floats(7);
  if (kind === 7) return attribute.ints(8);
  return undefined;
}

/** The number that was meant: 0.1 where the file has the float32 next to it, 0.10000000149. */
function shortest(value: number): number {
  const short = Number(value.toPrecision(7));
  return Math.fround(short) === value ? short : value;
}

function readValue(message: Message): GraphValue {
  const name = message.text(1);
  const tensor = message.message(2, "type")?.message(1, "tensor_type");
  const dims = tensor?.message(2, "shape")?.messages(1, "dim");
  return {
    name,
    type: tensor?.int(1) ?? 0,
    shape: dims?.map((dim) => (dim.has(1) && (dim.int(1) ?? 0) > 0 ? dim.int(1)! : null)),
  };
}
