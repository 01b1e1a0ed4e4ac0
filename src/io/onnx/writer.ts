/** What an exporter writes into: the growing ONNX graph. Next: operators/, the exporters. */
import type { OpAttributes } from "../../autograd/attributes.ts";
import type { Node } from "../../autograd/graph.ts";
import type { Floats } from "../../tensor/memory.ts";
import type { Shape } from "../../tensor/shape.ts";
import type { Tensor } from "../../tensor/tensor.ts";
import type { Source } from "./errors.ts";
import { Names, nameIn, type OnnxAttribute, type OnnxNode, type OnnxTensor } from "./graph.ts";

/** A node of the network's graph whose operation, and so the type of its attributes, is known. */
export type NodeOf<Op extends string> = Node & {
  readonly attributes: Op extends keyof OpAttributes ? OpAttributes[Op] : undefined;
};

/** Writes ONNX nodes that compute the same as `node`. Returns the name of their output value. */
export type Exporter<Op extends string> = (writer: Writer, node: NodeOf<Op>) => string;

/** Exporters by the name of the operation. */
export type Exporters<Op extends string> = { readonly [Name in Op]: Exporter<Name> };

/** The name of a value in an ONNX graph. */
export type OnnxName = string;

/** What the exporter of an operation of one's own writes its nodes with. Each method returns the name of a value. */
export interface OnnxBuilder {
  /** Version of the operator set. */
  readonly opset: number;
  /** A node, by the name of its operator (https://onnx.ai/onnx/operators). An input "" is left out. */
  node(operator: string, inputs: readonly OnnxName[], attributes?: Readonly<Record<string, OnnxAttribute>>): OnnxName;
  /** A constant number. */
  scalar(value: number): OnnxName;
  /** Constant numbers. */
  floats(data: Float32Array, shape: Shape): OnnxName;
  /** Constant whole numbers, such as axes. */
  ints(data: readonly number[], shape?: Shape): OnnxName;
  /** Whole numbers that are lengths of axes, and may follow the batch. */
  lengths(data: readonly number[]): OnnxName;
}

/** A call of an operation of one's own. */
export interface OnnxCall {
  /** Its tensors. */
  readonly inputs: readonly OnnxName[];
  /** Its other arguments. */
  readonly attributes: readonly unknown[];
  /** The shape of its output. */
  readonly shape: Shape;
}

/** Writes nodes that compute the same as an operation of one's own, and returns the name of the result. */
export type OnnxOperator = (graph: OnnxBuilder, call: OnnxCall) => OnnxName;

export class Writer implements OnnxBuilder {
  readonly opset: number;
  readonly nodes: OnnxNode[] = [];
  readonly tensors: Map<string, OnnxTensor> = new Map();
  readonly shapes: Map<string, Shape> = new Map();
  /** Whether the file is for images of every size. */
  readonly dynamicSize: boolean;
  /** The operation being exported: names begin with its module. */
  source: Source = { op: "", module: "" };
  readonly #names: Names;
  readonly #state: ReadonlyMap<Tensor, string>;
  readonly #values = new Map<Tensor, string>();

  /**
   * @param state names of the network's own tensors.
   * @param taken names that only `bind` may give to a value.
   */
  constructor(
    { opset, dynamicSize }: { readonly opset: number; readonly dynamicSize: boolean },
    state: ReadonlyMap<Tensor, string>,
    taken: readonly string[],
  ) {
    this.opset = opset;
    this.dynamicSize = dynamicSize;
    this.#state = state;
    this.#names = new Names([...state.values(), ...taken]);
  }

  /** From now on `t` is the value `name`. */
  bind(t: Tensor, name: string): void {
    this.#values.set(t, name);
    this.shapes.set(name, t.shape);
  }

  /** The value of `t`: the one it was bound to, or else its current numbers, which are the network's or a constant. */
  value(t: Tensor): string {
    let name = this.#values.get(t);
    if (name === undefined) {
      name = this.#state.get(t);
      // A tensor that is not the network's may live in the memory of the current step.
      if (name === undefined) name = this.floats(t.data.slice(), t.shape);
      else this.tensors.set(name, { shape: t.shape, data: t.data });
      this.bind(t, name);
    }
    return name;
  }

  values(tensors: readonly Tensor[]): string[] {
    return tensors.map((t) => this.value(t));
  }

  /**
   * Adds an ONNX node and returns its output. An input "" is left out.
   *
   * @param more how many outputs the operator has besides, which nothing reads.
   */
  node(
    operator: string,
    inputs: readonly string[],
    attributes: Readonly<Record<string, OnnxAttribute>> = {},
    more = 0,
  ): string {
    const name = this.#name(operator);
    const unread = Array.from({ length: more }, () => this.#name(`${operator}/unread`));
    this.nodes.push({ name, operator, inputs, output: name, unread, attributes, source: this.source });
    return name;
  }

  /** A constant. */
  floats(data: Floats, shape: Shape): string {
    return this.#constant({ shape, data });
  }

  scalar(value: number): string {
    return this.floats(Float32Array.of(value), []);
  }

  /** Whole numbers. */
  ints(data: readonly number[], shape: Shape = [data.length]): string {
    return this.#constant({ shape, data });
  }

  /**
   * Whole numbers that are lengths or positions along axes: they may turn out to follow the batch, or the image's size.
   *
   * @param like a value that has these lengths as its shape, if there is one.
   */
  lengths(data: readonly number[], like?: string): string {
    return this.#constant({ shape: [data.length], data, lengths: true, ...(like === undefined ? {} : { like }) });
  }

  #constant(tensor: OnnxTensor): string {
    const name = this.#name("constant");
    this.tensors.set(name, tensor);
    return name;
  }

  #name(what: string): string {
    return this.#names.unique(nameIn(this.source, what));
  }
}
