/**
 * The errors Skipstone throws. Each message names the operation and everything that disagreed, because the reader of
 * an error message does not have the source open.
 */

/** Shapes that do not fit an operation. The message opens with the operation and shows every shape involved. */
export class ShapeError extends Error {
  override readonly name = "ShapeError";
}

/** A value (not a shape) that an operation cannot take: a label out of range, a probability of 2. */
export class ValueError extends Error {
  override readonly name = "ValueError";
}
