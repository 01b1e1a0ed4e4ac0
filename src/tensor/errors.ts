/**
 * The errors Skipstone throws. Each message names the operation and everything that disagreed, because its reader does
 * not have the source open. All of them, in every layer, are a `SkipstoneError`.
 */

/**
 * The base class of every error in this library.
 *
 * @example
 * try {
 *   reshape(tensor([1, 2, 3]), [2, 2]);
 * } catch (error) {
 *   if (!(error instanceof SkipstoneError)) throw error;
 *   error.name; // "ShapeError"
 * }
 */
export class SkipstoneError extends Error {
  override readonly name: string = "SkipstoneError";
}

/**
 * Shapes that do not fit an operation. The message opens with the operation and shows every shape involved.
 *
 * @example
 * add(tensor([1, 2]), tensor([1, 2, 3])); // throws ShapeError: add: shapes [2] and [3] do not broadcast
 */
export class ShapeError extends SkipstoneError {
  override readonly name = "ShapeError";
}

/**
 * A value (not a shape) that an operation cannot take: a label out of range, a probability of 2.
 *
 * @example
 * dropout(ones([2]), 2); // throws ValueError: dropout: p
 */
export class ValueError extends SkipstoneError {
  override readonly name = "ValueError";
}

/**
 * A call of the wrong form, which TypeScript would have refused: an option that does not exist, a number where a tensor
 * belongs, an async function for a step, an object of a second copy of the library.
 *
 * @example
 * relu([1, 2] as never); // throws UsageError: relu: x
 */
export class UsageError extends SkipstoneError {
  override readonly name = "UsageError";
}
