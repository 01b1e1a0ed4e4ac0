/** The loss that `fit` minimises and `evaluate` measures: the user's, or cross-entropy. */
import { countOf } from "../../autograd/loss-counts.ts";
import { crossEntropy } from "../../autograd/losses.ts";
import { describe } from "../../tensor/check.ts";
import { ShapeError, UsageError, ValueError } from "../../tensor/errors.ts";
import { formatShape, sameShape } from "../../tensor/shape.ts";
import { checkFinished } from "../../tensor/sync.ts";
import { peek, Tensor } from "../../tensor/tensor.ts";
import { isNumberList, type Labels } from "./batch.ts";

/** A loss, and how many things it averages (labels that count, pixels): its weight where batches are combined. */
export interface CountedLoss {
  readonly loss: Tensor;
  readonly count: number;
}

/**
 * From the model's output and the labels to a scalar to minimise.
 *
 * In an epoch's mean, and in accumulated batches, a mean returned by `crossEntropy` or `nllLoss` weighs as much as the
 * labels that count in it (with class weights, their sum); any other tensor as much as the batch's examples. A loss
 * that combines several, or leaves out labels itself, returns `{ loss, count }` to weigh something else.
 */
export type Loss<Y = Tensor, L = Labels> = (output: Y, labels: L) => Tensor | CountedLoss;

/**
 * The loss of one batch, with its weight.
 *
 * @param loss undefined for cross-entropy.
 * @throws UsageError, ShapeError or ValueError for an invalid output, labels or result.
 */
export function lossOf<Y, L>(
  op: string,
  loss: Loss<Y, L> | undefined,
  output: Y,
  labels: L,
  examples: number,
): CountedLoss {
  if (!loss) return classLoss(op, output, labels, examples);
  const result: unknown = loss(output, labels);
  checkFinished(op, "loss", result);
  const counted = result instanceof Tensor ? plainLoss(result, examples) : (result as Partial<CountedLoss>);
  if (!(counted?.loss instanceof Tensor) || !isCount(counted.count)) {
    throw new UsageError(
      `${op}: loss must return a tensor of one number, or { loss, count }, got ${describe(result)}${typeof result === "number" ? ": leave out item(), which has no gradient" : ""}`,
    );
  }
  if (counted.loss.size !== 1) {
    throw new ShapeError(
      `${op}: the loss must be one number, it is ${formatShape(counted.loss.shape)}: mean or sum it`,
    );
  }
  return { loss: counted.loss, count: counted.count };
}

function plainLoss(loss: Tensor, examples: number): CountedLoss {
  return { loss, count: countOf(loss) ?? examples };
}

/** Whether `value` can be a weight and the size of a mean: finite, and not below 0. */
export function isCount(value: unknown): value is number {
  return typeof value === "number" && value >= 0 && value < Infinity;
}

/** Cross-entropy of a program's output and labels, or an error that says why it has none. */
function classLoss(op: string, output: unknown, labels: unknown, examples: number): CountedLoss {
  const instead = "or pass a loss: mseLoss for numbers, bceWithLogits for yes and no, with labels as a tensor";
  if (!(output instanceof Tensor)) {
    throw new UsageError(
      `${op}: the default loss is cross-entropy of one tensor, but the model's output is ${describe(output)}: pass a loss`,
    );
  }
  const { shape } = output;
  if (shape.length < 2 || shape[1] < 2) {
    throw new ValueError(
      `${op}: the default loss is cross-entropy, which takes an output per class, at least two, but the model's output is ${formatShape(shape)}: use two classes, ${instead} of that shape`,
    );
  }
  if (labels instanceof Tensor && sameShape(labels.shape, shape)) {
    return plainLoss(crossEntropy(output, labels), examples);
  }
  const classes = labels instanceof Tensor ? peek(labels) : labels;
  if (!isNumberList(classes)) {
    if (labels === undefined) throw new UsageError(`${op}: the batch has no labels: a batch is { x, labels }`);
    const nested = Array.isArray(labels) && Array.isArray(labels[0]);
    throw new UsageError(
      `${op}: the default loss is cross-entropy, whose labels are class numbers or a tensor of probabilities, got ${nested ? "an array of arrays: tensor(…) makes a tensor of it" : `${describe(labels)}: pass a loss that takes them`}`,
    );
  }
  for (let i = 0; i < classes.length; i++) {
    if (!Number.isInteger(classes[i])) {
      throw new ValueError(
        `${op}: the default loss is cross-entropy, whose labels are whole numbers, but label ${i} is ${describe(classes[i])}: use class numbers, a tensor of probabilities ${formatShape(shape)}, ${instead}`,
      );
    }
  }
  return plainLoss(crossEntropy(output, labels as Labels), examples);
}
