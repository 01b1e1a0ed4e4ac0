/** `Storage`: numbers, and what several tensors that are views of the same numbers must agree on. */
import { describe } from "./check.ts";
import { ShapeError, UsageError } from "./errors.ts";
import { type Floats, isPooled, lastingCopy, type Step, toValues, type Values } from "./memory.ts";
import { checkShape, formatShape, type Shape, sizeOf } from "./shape.ts";

/** Values that are computed when somebody reads them. */
export interface Computing {
  compute(): Values;
}

/** Values that can be computed once more. */
export interface Repeating extends Computing {
  /** Whether that is one pass over memory, and so costs less than it does to keep them. */
  readonly quick: boolean;
}

export class Storage {
  /** One of these two is null, both once the values are spent. */
  values: Values | null = null;
  deferred: Computing | null = null;
  /** Computes the values once more if they have been given back (given-back.ts); null where nothing does. */
  again: Repeating | null = null;
  /** Whether a recorded derivative reads the values. */
  needed = false;
  /** The step that computes them. */
  step: Step | undefined;
  /** Whether a person holds the array, so that it must not change. */
  seen = false;
  /** Whether the array is somebody else's, who goes on using it: a person gets a copy, and so does a change in place. */
  lent = false;
  /** Counts changes in place. */
  version = 0;

  /** Where the numbers are, computed by now, for a tensor of this shape that this step computed. */
  current(shape: Shape, step: Step | undefined): Values {
    if (step?.ended) {
      throw new UsageError(
        `tensor: the values of this ${formatShape(shape)} are gone with the step that computed them: return it from the function given to noGrad or valueAndGrad (as it is, or in arrays, maps, sets or objects), or clone() it inside`,
      );
    }
    if (this.values === null) {
      if (this.deferred === null) {
        throw new UsageError(
          `tensor: the values of this ${formatShape(shape)} were given back when the last derivative that reads them was computed: return it from the function given to valueAndGrad, or clone() it inside`,
        );
      }
      this.values = this.deferred.compute();
      this.deferred = null;
    }
    if (this.wasTransferred(shape)) {
      throw new UsageError(
        `tensor: the values of this ${formatShape(shape)} were transferred away (postMessage or structuredClone with its buffer in the list): clone() it before`,
      );
    }
    return this.values;
  }

  /** An ordinary array of the values, which are computed, and nobody else's: from now on they live there. */
  leavePool(): Floats {
    if (this.lent || isPooled(this.values!)) this.values = toValues(lastingCopy(this.values!));
    this.lent = false;
    return this.values as unknown as Floats;
  }

  wasTransferred(shape: Shape): boolean {
    return this.values?.length === 0 && sizeOf(shape) > 0;
  }
}

/** The storage of an array that somebody gave, who may go on writing to it and reading from it. */
export function storageOf(data: Float32Array, shape: Shape): Storage {
  if (!(data instanceof Float32Array)) {
    throw new UsageError(
      `Tensor: needs a Float32Array and a shape, got ${describe(data)}: tensor(…) takes other numbers`,
    );
  }
  if (!Array.isArray(shape))
    throw new UsageError(`Tensor: the shape must be a list of lengths, got ${describe(shape)}`);
  checkShape("tensor", shape);
  if (data.length !== sizeOf(shape)) {
    throw new ShapeError(
      `tensor: ${data.length} values do not fill shape ${formatShape(shape)} (${sizeOf(shape)} elements)`,
    );
  }
  const storage = new Storage();
  // Memory that another thread writes to, or that can shrink, would change behind everybody's back.
  const { buffer } = data as { readonly buffer: ArrayBufferLike & { readonly resizable?: boolean } };
  storage.values = toValues(buffer instanceof ArrayBuffer && !buffer.resizable ? data : data.slice());
  storage.seen = true;
  return storage;
}
