/**
 * An ONNX graph as plain data: the form between the network's own graph and the bytes of the file.
 *
 * A value (an image on its way through the network, a weight) is identified by its name. Nodes are in order of
 * computation.
 * The specification: https://onnx.ai/onnx/intro/concepts.html, the operators: https://onnx.ai/onnx/operators.
 * Next: translate.ts, which makes one; batch.ts and fold.ts, which rewrite it; encode.ts, which writes it down.
 */
import type { Floats } from "../../tensor/memory.ts";
import type { Shape } from "../../tensor/shape.ts";
import type { Source } from "./errors.ts";

/** A number is an ONNX int, and a list is one of ints; a float is marked. */
export type OnnxAttribute = number | readonly number[] | { readonly float: number } | string;

export interface OnnxNode {
  /** Unique in the graph; begins with the path of the module: `layer1.0.conv1/Conv`. */
  readonly name: string;
  /** Operator of ONNX: `Conv`. */
  readonly operator: string;
  /** Names of values; "" where an optional input is left out. */
  readonly inputs: readonly string[];
  /** Name of the value that it computes: the node's own name, except for the output of the graph. */
  readonly output: string;
  /** Names of further outputs that the operator has and nothing reads. */
  readonly unread?: readonly string[];
  readonly attributes: Readonly<Record<string, OnnxAttribute>>;
  /** The operation it was made for. */
  readonly source: Source;
}

/** A value that is known when the graph is written: a parameter or a constant. */
export interface OnnxTensor {
  readonly shape: Shape;
  /** Floats are written as float32, lists as int64. */
  readonly data: Floats | readonly number[];
  /** Whether these are lengths and positions along axes, which may follow the batch. */
  readonly lengths?: boolean;
  /** The value whose shape these lengths are. */
  readonly like?: string;
}

/** The length of an axis: a number, or a name for one that is only known when the network runs. */
export type OnnxLength = number | string;

export interface OnnxValue {
  readonly name: string;
  readonly shape: readonly OnnxLength[];
}

export interface OnnxGraph {
  readonly name: string;
  readonly input: OnnxValue;
  readonly output: OnnxValue;
  readonly nodes: readonly OnnxNode[];
  /** By name; all are used. */
  readonly tensors: ReadonlyMap<string, OnnxTensor>;
  /** Shapes of values that are tensors of the network, by name, in this run. */
  readonly shapes: ReadonlyMap<string, Shape>;
}

/** Names that are given only once. */
export class Names {
  readonly #taken: Set<string>;

  constructor(taken: Iterable<string>) {
    this.#taken = new Set(taken);
  }

  /** `name`, or if that is taken, the first free one of `name_1`, `name_2`, … */
  unique(name: string): string {
    let free = name;
    for (let i = 1; this.#taken.has(free); i++) free = `${name}_${i}`;
    this.#taken.add(free);
    return free;
  }
}

/** A value's name: `what` in the module of `source`. */
export function nameIn({ module }: Source, what: string): string {
  return module ? `${module}/${what}` : what;
}
