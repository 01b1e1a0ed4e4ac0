/**
 * BatchSource: examples that go through a model together, and their labels.
 *
 * A model may take and return several tensors, in an array or an object. Axis 0 of each is the examples.
 */
import { noGrad } from "../../autograd/graph.ts";
import { concat } from "../../autograd/shape.ts";
import { describe } from "../../tensor/check.ts";
import { ShapeError, UsageError, ValueError } from "../../tensor/errors.ts";
import { formatShape, type Shape } from "../../tensor/shape.ts";
import { Tensor } from "../../tensor/tensor.ts";
import { isPlainObject, tensorsIn } from "../tensors-in.ts";

/** The wanted outputs: a class per image, or a tensor where the loss takes one. */
export type Labels = ArrayLike<number> | Tensor;

/** Examples that go through a model together, and their labels. */
export interface Batch<X = Tensor, L = Labels> {
  /** Images `[N, C, H, W]`, or whatever the model takes: a tensor, or several in an array or an object. */
  readonly x: X;
  /** Anything that the loss and the metrics take. */
  readonly labels: L;
}

/** `T` where nothing is to be inferred from: TypeScript's `NoInfer`, which versions before 5.4 do not know. */
export type Uninferred<T> = [T][T extends unknown ? 0 : never];

/** Examples without labels. */
export type Input<X = Tensor> = Pick<Batch<X>, "x">;

/** A sequence of batches, ready or still to come. */
export type BatchSource<X = Tensor, L = Labels> = Iterable<Batch<X, L>> | AsyncIterable<Batch<X, L>>;

/**
 * The number of examples of a batch.
 *
 * @param where names the batch in the error message.
 * @throws UsageError for anything but a batch; ShapeError if its parts disagree; ValueError if it has no examples.
 */
export function countExamples(op: string, where: string, batch: unknown): number {
  if (typeof batch !== "object" || batch === null || !("x" in batch)) {
    throw new UsageError(`${op}: ${where} must be { x, labels }, got ${describe(batch)}`);
  }
  const { x, labels } = batch as Batch<unknown, unknown>;
  const inputs = tensorsIn(x);
  if (inputs.length === 0) {
    throw new UsageError(`${op}: x of ${where} must be a tensor, or tensors in an array or object, got ${describe(x)}`);
  }
  const shapes = inputs.map(({ shape }) => shape);
  const N = shapes[0][0];
  if (shapes.some((shape) => shape.length === 0 || shape[0] !== N)) {
    throw new ShapeError(`${op}: axis 0 of x must be the examples; the parts of ${where} disagree: ${list(shapes)}`);
  }
  if (N === 0) throw new ValueError(`${op}: ${where} has no example: x is ${list(shapes)}`);
  checkLabelCount(op, where, N, labels);
  return N;
}

/** Labels of a kind other than `Labels`, such as several in an object, are left to the loss. */
function checkLabelCount(op: string, where: string, N: number, labels: unknown): void {
  if (labels instanceof Tensor) {
    if (labels.shape[0] !== N) {
      throw new ShapeError(`${op}: ${where} has ${N} examples, but labels of shape ${formatShape(labels.shape)}`);
    }
  } else if (isNumberList(labels) && (labels.length === 0 || labels.length % N !== 0)) {
    throw new ShapeError(`${op}: ${where} has ${N} examples, but ${labels.length} labels`);
  }
}

/** Whether a value is an array of numbers of any type. An empty one is. */
export function isNumberList(value: unknown): value is ArrayLike<number> {
  if (ArrayBuffer.isView(value)) return !(value instanceof DataView);
  return Array.isArray(value) && value.every((v) => typeof v === "number");
}

/**
 * The outputs of several batches, joined part by part along the axis of the examples.
 *
 * @param counts the number of examples of each output.
 */
export function joinOutputs<Y>(op: string, outputs: readonly Y[], counts: readonly number[]): Y {
  // Processing the parts one by one loses their types, but they are the same parts as those of Y.
  return noGrad(() => join(op, outputs, counts)) as Y;
}

function join(op: string, outputs: readonly unknown[], counts: readonly number[]): unknown {
  const [first] = outputs;
  if (outputs.every((output) => output instanceof Tensor)) {
    const tensors = outputs as readonly Tensor[];
    const wrong = tensors.findIndex(({ shape }, i) => shape[0] !== counts[i]);
    if (wrong >= 0) {
      throw new ShapeError(
        `${op}: axis 0 of an output must be the examples: it is ${formatShape(tensors[wrong].shape)} for ${counts[wrong]} examples`,
      );
    }
    return concat(tensors, 0);
  }
  if (!(first instanceof Tensor || Array.isArray(first) || isPlainObject(first))) {
    throw new UsageError(
      `${op}: an output must be a tensor, or tensors in an array or object, got ${describe(first)}: it cannot be joined`,
    );
  }
  const form = formOf(first);
  const other = outputs.findIndex((output) => formOf(output) !== form);
  if (other >= 0) {
    throw new UsageError(
      `${op}: the output for batch 0 is ${form}, for batch ${other} it is ${formOf(outputs[other])}`,
    );
  }
  const part = (key: string | number): unknown =>
    join(
      op,
      outputs.map((output) => (output as Record<string | number, unknown>)[key]),
      counts,
    );
  if (Array.isArray(first)) return first.map((_, i) => part(i));
  return Object.fromEntries(Object.keys(first).map((key) => [key, part(key)]));
}

/** Describes an output: those of one model must be alike. */
function formOf(output: unknown): string {
  if (!isPlainObject(output)) return describe(output);
  return `an object { ${Object.keys(output).sort().join(", ")} }`;
}

function list(shapes: readonly Shape[]): string {
  return shapes.map(formatShape).join(", ");
}
