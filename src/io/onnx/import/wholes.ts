/** What is computed with whole numbers and truth values: NumPy's rules, on lists. */
import { broadcastShapes, formatShape, type Shape, sizeOf, stridesOf } from "../../../tensor/shape.ts";
import { FormatError } from "../../errors.ts";
import { type Wholes, wholes } from "./numbers.ts";

/** No shape has more lengths than axes: a longer list would be numbers, which belong into tensors. */
const MOST = 2 ** 20;

/** z[i] = f(a[i], b[i]), broadcast. */
export function mapWholes(a: Wholes, b: Wholes, f: (a: number, b: number) => number): Wholes {
  const shape = broadcastShapes("importOnnx", a.shape, b.shape);
  const [stretchedA, stretchedB] = [expandWholes(a, shape), expandWholes(b, shape)];
  return wholes(
    stretchedA.data.map((value, i) => f(value, stretchedB.data[i])),
    shape,
  );
}

/** `x` repeated along axes of length 1 and new leading ones. */
export function expandWholes(x: Wholes, to: Shape): Wholes {
  const shape = broadcastShapes("importOnnx", x.shape, to);
  const lead = shape.length - x.shape.length;
  const strides = stridesOf(x.shape);
  return pickWholes(x, shape, (index) =>
    x.shape.reduce((at, length, axis) => at + (length === 1 ? 0 : index[lead + axis] * strides[axis]), 0),
  );
}

/** The elements of `x` along `axis` at the positions `index`, whose shape takes the axis's place. */
export function gatherWholes(x: Wholes, axis: number, index: Wholes): Wholes {
  const inside = sizeOf(x.shape.slice(axis + 1));
  const shape = [...x.shape.slice(0, axis), ...index.shape, ...x.shape.slice(axis + 1)];
  checkSize(shape);
  const data: number[] = [];
  for (let outer = 0; outer < sizeOf(x.shape.slice(0, axis)); outer++) {
    for (const position of index.data) {
      const start = (outer * x.shape[axis] + position) * inside;
      for (let i = 0; i < inside; i++) data.push(x.data[start + i]);
    }
  }
  return wholes(data, shape);
}

/** The lists, one after the other along `axis`. */
export function concatWholes(parts: readonly Wholes[], axis: number): Wholes {
  const [first] = parts;
  const shape = first.shape.map((length, i) =>
    i === axis ? parts.reduce((sum, part) => sum + part.shape[axis], 0) : length,
  );
  checkSize(shape);
  const data: number[] = [];
  for (let outer = 0; outer < sizeOf(shape.slice(0, axis)); outer++) {
    for (const part of parts) {
      const run = sizeOf(part.shape.slice(axis));
      for (let i = outer * run; i < (outer + 1) * run; i++) data.push(part.data[i]);
    }
  }
  return wholes(data, shape);
}

/** `x` with its axes in another order. */
export function permuteWholes(x: Wholes, axes: readonly number[]): Wholes {
  const strides = stridesOf(x.shape);
  return pickWholes(
    x,
    axes.map((axis) => x.shape[axis]),
    (index) => axes.reduce((at, axis, i) => at + index[i] * strides[axis], 0),
  );
}

/** `value` in every place. */
export function filledWholes(shape: Shape, value: number): Wholes {
  checkSize(shape);
  return wholes(new Array<number>(sizeOf(shape)).fill(value), shape);
}

function pickWholes(x: Wholes, shape: Shape, at: (index: readonly number[]) => number): Wholes {
  checkSize(shape);
  const strides = stridesOf(shape);
  const data = Array.from(
    { length: sizeOf(shape) },
    (_, i) => x.data[at(shape.map((length, axis) => Math.floor(i / strides[axis]) % length))],
  );
  return wholes(data, shape);
}

function checkSize(shape: Shape): void {
  if (sizeOf(shape) <= MOST) return;
  throw new FormatError(`importOnnx: whole numbers of shape ${formatShape(shape)} are no lengths of axes`);
}
