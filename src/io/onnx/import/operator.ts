/** What an operator of ONNX becomes: a function of values. Next: operators/, one row for each. */

import type { Rng } from "../../../tensor/rng.ts";
import { normalizeAxis, type Shape } from "../../../tensor/shape.ts";
import { isTensor, Tensor } from "../../../tensor/tensor.ts";
import { FormatError, quote } from "../../errors.ts";
import { type Attribute, type GraphNode, nodeTitle } from "./model.ts";
import { isWholes, type Numbers, type Value, type Wholes } from "./numbers.ts";

/** What the network is doing while an operator runs. */
export interface Mode {
  readonly training: boolean;
  readonly rng: Rng | undefined;
}

/** Computes a node's outputs; only the first, if it returns one value. */
export type Run = (inputs: Inputs, mode: Mode) => Value | readonly Value[];

/** Checks a node's attributes once, and returns what it computes. */
export type Operator = (node: Node) => Run;
export type Operators = Readonly<Record<string, Operator>>;

/** The most numbers that an operator makes of fewer: 1 GiB. More is a damaged length, and would take minutes to fill. */
const LARGEST = 2 ** 28;

/** A node with typed access to its attributes and to the inputs that the file contains. */
export class Node {
  readonly opset: number;
  readonly title: string;
  readonly outputs: readonly string[];
  readonly #node: GraphNode;
  readonly #tensors: ReadonlyMap<string, Numbers>;

  constructor(node: GraphNode, opset: number, tensors: ReadonlyMap<string, Numbers>) {
    this.opset = opset;
    this.title = nodeTitle(node);
    this.outputs = node.outputs;
    this.#node = node;
    this.#tensors = tensors;
  }

  /** The error that names the node. */
  error(reason: string): FormatError {
    return new FormatError(`importOnnx: ${this.title}: ${reason}`);
  }

  /** Throws if a tensor of this shape, which is larger than the inputs, would not be one of a network. */
  checkSize(shape: Shape): void {
    const size = shape.reduce((product, length) => product * length, 1);
    if (size > LARGEST) throw this.error(`a tensor of shape [${shape}] is larger than 1 GiB`);
  }

  /** Whether input `i` is given. */
  given(i: number): boolean {
    return (this.#node.inputs[i] ?? "") !== "";
  }

  number(name: string, otherwise: number): number {
    return this.#attribute(name, otherwise, "a number", (value) => typeof value === "number");
  }

  whole(name: string, otherwise: number): number {
    return this.#attribute(name, otherwise, "a whole number", Number.isSafeInteger);
  }

  flag(name: string, otherwise: boolean): boolean {
    return this.whole(name, Number(otherwise)) !== 0;
  }

  text(name: string, otherwise: string): string {
    return this.#attribute(name, otherwise, "text", (value) => typeof value === "string");
  }

  /** A list of numbers; undefined if there is none. */
  list(name: string): readonly number[] | undefined {
    return this.#attribute<readonly number[] | undefined>(name, undefined, "a list of numbers", Array.isArray);
  }

  tensor(name: string): Numbers | undefined {
    const isNumbers = (value: unknown): boolean => typeof value === "object" && !Array.isArray(value);
    return this.#attribute<Numbers | undefined>(name, undefined, "a tensor", isNumbers);
  }

  /** Input `i`, if the file contains it; undefined if it is left out. */
  constant(i: number): Numbers | undefined {
    if (!this.given(i)) return undefined;
    const numbers = this.#tensors.get(this.#node.inputs[i]);
    if (numbers) return numbers;
    throw this.error(`input ${i}, ${quote(this.#node.inputs[i])}, must be a constant of the file, but is computed`);
  }

  /** Input `i` as one number that the file contains. */
  scalar(i: number, otherwise: number): number {
    const numbers = this.constant(i);
    if (!numbers) return otherwise;
    if (numbers.data.length !== 1) throw this.error(`input ${i} must be one number, got ${numbers.data.length}`);
    return numbers.data[0];
  }

  #attribute<T extends Attribute | undefined>(
    name: string,
    otherwise: T,
    what: string,
    fits: (value: unknown) => boolean,
  ): T {
    const value = this.#node.attributes.get(name);
    if (value === undefined) return otherwise;
    if (!fits(value)) throw this.error(`${quote(name)} must be ${what}`);
    return value as T;
  }
}

/** The values of a node's inputs; null for one that is left out. */
export class Inputs {
  readonly values: readonly (Value | null)[];
  readonly #node: Node;

  constructor(node: Node, values: readonly (Value | null)[]) {
    this.#node = node;
    this.values = values;
  }

  get count(): number {
    return this.values.length;
  }

  /** Input `i`. @throws FormatError if it is left out. */
  value(i: number): Value {
    const value = this.values[i];
    if (!value) throw this.#node.error(`needs at least ${i + 1} inputs`);
    return value;
  }

  /** Input `i` as a tensor, also if it is whole numbers. */
  tensor(i: number): Tensor {
    const value = this.value(i);
    return isTensor(value) ? value : new Tensor(Float32Array.from(value.data), value.shape);
  }

  tensorOrNull(i: number): Tensor | null {
    return this.values[i] ? this.tensor(i) : null;
  }

  /** Input `i`, whole numbers that follow from shapes. */
  wholes(i: number): Wholes {
    const value = this.value(i);
    if (isWholes(value)) return value;
    throw this.#node.error(
      `input ${i} must be whole numbers known from the input's shape, but is computed from its numbers`,
    );
  }

  /** The list in input `i`; undefined if it is left out. */
  list(i: number): readonly number[] | undefined {
    return this.values[i] ? this.wholes(i).data : undefined;
  }

  /** Whether every input is whole numbers. */
  get areWholes(): boolean {
    return this.values.every((value) => value !== null && isWholes(value));
  }

  /** An axis of an input of this rank, from 0. */
  axis(axis: number, rank: number): number {
    return normalizeAxis("importOnnx", axis, rank);
  }

  axes(axes: readonly number[], rank: number): number[] {
    return axes.map((axis) => this.axis(axis, rank));
  }
}

/** The first axes of a shape that end before `axis`, multiplied; and the others. */
export function split(shape: Shape, axis: number): [number, number] {
  const product = (lengths: Shape): number => lengths.reduce((p, length) => p * length, 1);
  return [product(shape.slice(0, axis)), product(shape.slice(axis))];
}
