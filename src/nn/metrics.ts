/** How good predictions are. */
import { ShapeError, ValueError } from "../tensor/errors.ts";
import { formatShape } from "../tensor/shape.ts";
import { peek, type Tensor } from "../tensor/tensor.ts";

/**
 * The fraction of rows of `logits` `[N, C]` whose label is among the `top` largest. Among equal logits the first counts as
 * larger; a row with a NaN at its label is wrong.
 *
 * @example
 * accuracy(tensor([[0.1, 0.9], [0.8, 0.2]]), [1, 1]); // 0.5
 *
 * @throws ShapeError if the logits are not a matrix with one row per label; ValueError for a label out of range.
 */
export function accuracy(logits: Tensor, labels: ArrayLike<number>, { top = 1 }: { top?: number } = {}): number {
  const { shape } = logits;
  const data = peek(logits);
  if (shape.length !== 2 || shape[0] !== labels.length) {
    throw new ShapeError(
      `accuracy: logits must be [N, C] with one row per label, got ${formatShape(shape)} for ${labels.length} labels`,
    );
  }
  const [N, C] = shape;
  let correct = 0;
  for (let n = 0; n < N; n++) {
    const label = labels[n];
    if (!Number.isInteger(label) || label < 0 || label >= C) {
      throw new ValueError(`accuracy: label ${label} at position ${n} is not a class: there are ${C}`);
    }
    const own = data[n * C + label];
    if (Number.isNaN(own)) continue;
    let before = 0;
    for (let c = 0; c < C; c++) {
      const other = data[n * C + c];
      // A NaN elsewhere counts as larger, as it does for argmax.
      if (c < label ? !(other < own) : c > label && !(other <= own)) before++;
    }
    if (before < top) correct++;
  }
  return correct / N;
}
