/** Reads a tensor back from structuredClone, postMessage or JSON: for `tensor`, `loadStateDict` and file writers. */
import { describe } from "./check.ts";
import { isForeign } from "./copies.ts";
import { ShapeError, UsageError } from "./errors.ts";
import { formatShape, type Shape, sizeOf } from "./shape.ts";

/**
 * A tensor after `structuredClone`, `postMessage` or JSON: its shape and its values in row-major order. JSON has no
 * NaN, ±∞ and −0; they may be the strings "NaN", "Infinity", "-Infinity" and "-0".
 */
export interface SavedTensor {
  readonly shape: Shape;
  readonly data: ArrayLike<number | string>;
}

/** Any typed array of numbers: readers treat them alike. */
type Numbers = Float32Array | Float64Array;

/**
 * The shape and numbers of a clone. A typed array is not copied.
 *
 * @param where begins the message: an operation, or the name of a tensor.
 * @throws UsageError for anything but a clone (a tensor from another copy of the library is not one); ShapeError if the
 * data do not fill the shape.
 */
export function readClone(where: string, clone: unknown): { readonly shape: Shape; readonly data: Numbers } {
  const { shape, data } = (clone ?? {}) as { shape?: unknown; data?: unknown };
  if (!isShape(shape) || data === undefined || isForeign(clone)) {
    throw new UsageError(`${where} must be a tensor or { shape, data }, got ${describe(clone)}`);
  }
  if (!Array.isArray(data) && !isNumbers(data)) {
    throw new UsageError(`${where}: its data must be an array or a Float32Array, got ${describe(data)}`);
  }
  if (data.length !== sizeOf(shape)) {
    throw new ShapeError(
      `${where}: its data has ${data.length} values, its shape ${formatShape(shape)} ${sizeOf(shape)}`,
    );
  }
  return { shape, data: isNumbers(data) ? data : Float64Array.from(data, (value, i) => numberOf(where, value, i)) };
}

export function isShape(value: unknown): value is Shape {
  return Array.isArray(value) && value.every((n) => Number.isInteger(n) && n >= 0);
}

/** Whether `data` is a typed array of numbers, from any realm. */
function isNumbers(data: unknown): data is Numbers {
  if (!ArrayBuffer.isView(data)) return false;
  const tag = (data as { readonly [Symbol.toStringTag]?: string })[Symbol.toStringTag];
  return tag !== "DataView" && !tag?.startsWith("BigInt");
}

/** Reads a number as `Tensor.toJSON` writes it. */
function numberOf(where: string, value: unknown, i: number): number {
  if (typeof value === "number") return value;
  if (value === "NaN" || value === "Infinity" || value === "-Infinity" || value === "-0") return Number(value);
  throw new UsageError(
    `${where}: its data[${i}] must be a number, "NaN", "Infinity", "-Infinity" or "-0", got ${describe(value)}`,
  );
}
