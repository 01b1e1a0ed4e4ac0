/**
 * Sums of products by the letters of axes (Einstein's summation): contractions of any number of tensors.
 *
 * It is made of permutations, reshapes, matrix products and sums, and so are its derivative, its ONNX nodes and what the
 * certificate knows of it. tensor/geometry/einsum.ts reads the equation.
 */
import { checkText } from "../tensor/arguments.ts";
import { checkTensors } from "../tensor/check-tensor.ts";
import { einsumGeometry } from "../tensor/geometry/einsum.ts";
import type { Shape } from "../tensor/shape.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { mul } from "./elementwise.ts";
import { matmul } from "./matmul.ts";
import { sum } from "./reduce.ts";
import { expand, permute, reshape, slice } from "./shape.ts";

/** A tensor with names for its axes. */
interface Named {
  readonly t: Tensor;
  readonly axes: readonly string[];
}

/**
 * y = the sums of products that `equation` names: "ij,jk->ik" is y_ik = Σ_j a_ij·b_jk.
 *
 * A letter that is repeated in one operand takes the diagonal; a letter that is missing in the result is summed over;
 * without "->" the result has the letters that occur once, in the order of the alphabet. "..." stands for all other axes of an
 * operand, which broadcast. Lengths of 1 broadcast. Spaces do not count. More than two tensors are multiplied from left
 * to right.
 *
 * @throws ValueError for an equation that is none, or has not one term for each tensor. ShapeError with the letter, both
 * lengths and all shapes if two lengths differ, and for a tensor with another number of axes.
 *
 * @example
 * const a = tensor([[1, 2], [3, 4]]);
 * einsum("ii", a).item(); // 5
 * einsum("ij,kj->ik", a, tensor([[1, 1], [0, 2]])).toArray(); // [[3, 4], [7, 8]]
 * einsum("bhqd,bhkd->bhqk", zeros([2, 4, 7, 16]), zeros([2, 4, 9, 16])).shape; // [2, 4, 7, 9]
 */
export function einsum(equation: string, ...tensors: Tensor[]): Tensor {
  checkText("einsum", "equation", equation);
  checkTensors("einsum", Object.fromEntries(tensors.map((t, i) => [`operand ${i}`, t])));
  const { operands, output } = einsumGeometry(
    equation,
    tensors.map(({ shape }) => shape),
  );
  const [first, ...others] = tensors.map((t, i) => diagonal({ t, axes: operands[i] }));
  const product = others.reduce((a, b, i) => {
    const later = new Set([...output, ...operands.slice(i + 2).flat()]);
    return contracted(a, b, (axis) => later.has(axis));
  }, first);
  const y = arranged(
    summed(product, (axis) => output.includes(axis)),
    output,
  );
  // A tensor of its own, as every operation's.
  return y === tensors[0] ? reshape(y, y.shape) : y;
}

/** Without repeated names: n·n numbers of two axes, of which every (n + 1)-th has equal indices. */
function diagonal(x: Named): Named {
  const axis = x.axes.find((name, i) => x.axes.indexOf(name) !== i);
  if (axis === undefined) return x;
  const first = x.axes.indexOf(axis);
  const second = x.axes.indexOf(axis, first + 1);
  const rest = x.axes.flatMap((_, i) => (i === first || i === second ? [] : [i]));
  const n = x.t.shape[first];
  const lines = reshape(permute(x.t, [...rest, first, second]), [...rest.map((i) => x.t.shape[i]), n * n]);
  const t = slice(lines, [...rest.map(() => null), [0, null, n + 1]]);
  return diagonal({ t, axes: [...rest.map((i) => x.axes[i]), axis] });
}

/** The sum over all axes but those to be kept. */
function summed({ t, axes }: Named, keep: (axis: string) => boolean): Named {
  const gone = axes.flatMap((axis, i) => (keep(axis) ? [] : [i]));
  return gone.length === 0 ? { t, axes } : { t: sum(t, gone), axes: axes.filter(keep) };
}

/** The same axes in another order. */
function arranged({ t, axes }: Named, order: readonly string[]): Tensor {
  const places = order.map((axis) => axes.indexOf(axis));
  return places.every((place, i) => place === i) ? t : permute(t, places);
}

/** The product of two tensors, summed over the axes that need not be kept. */
function contracted(a: Named, b: Named, keep: (axis: string) => boolean): Named {
  const isShared = (axis: string): boolean => a.axes.includes(axis) && b.axes.includes(axis);
  // What only one of them has can be summed before.
  const [left, right] = [a, b].map((x) => summed(x, (axis) => keep(axis) || isShared(axis)));
  const batch = left.axes.filter((axis) => isShared(axis) && keep(axis));
  const inner = left.axes.filter((axis) => isShared(axis) && !keep(axis));
  const [rows, columns] = [left, right].map(({ axes }) => axes.filter((axis) => !isShared(axis)));
  if (inner.length === 0 || rows.length + columns.length === 0) {
    const axes = [...batch, ...inner, ...rows, ...columns];
    return summed({ t: mul(spread(left, axes), spread(right, axes)), axes }, keep);
  }
  const lengths = inner.map((axis) => (lengthOf(left, axis) === 1 ? lengthOf(right, axis) : lengthOf(left, axis)));
  const y = matmul(
    matrices(left, [batch, rows, inner], inner, lengths),
    matrices(right, [batch, inner, columns], inner, lengths),
  );
  const axes = [...batch, ...rows, ...columns];
  if (rows.length === 1 && columns.length === 1) return { t: y, axes };
  const shape = [
    ...y.shape.slice(0, batch.length),
    ...rows.map((axis) => lengthOf(left, axis)),
    ...columns.map((axis) => lengthOf(right, axis)),
  ];
  return { t: reshape(y, shape), axes };
}

function lengthOf({ t, axes }: Named, axis: string): number {
  return t.shape[axes.indexOf(axis)];
}

/** With these axes, in this order: those it does not have get length 1. */
function spread(x: Named, axes: readonly string[]): Tensor {
  const own = axes.filter((axis) => x.axes.includes(axis));
  const t = arranged(x, own);
  if (own.length === axes.length) return t;
  return reshape(
    t,
    axes.map((axis) => (own.includes(axis) ? lengthOf(x, axis) : 1)),
  );
}

/** A stack of matrices: the rows and the columns are one axis each, however many there are. */
function matrices(
  x: Named,
  [batch, rows, columns]: readonly (readonly string[])[],
  inner: readonly string[],
  lengths: Shape,
): Tensor {
  const order = [...batch, ...rows, ...columns];
  const t = arranged(x, order);
  const shape = order.map((axis, i) => (inner.includes(axis) ? lengths[inner.indexOf(axis)] : t.shape[i]));
  // A length of 1 broadcasts here, too, where it is summed over.
  const whole = shape.some((length, i) => length !== t.shape[i]) ? expand(t, shape) : t;
  if (rows.length === 1 && columns.length === 1) return whole;
  const product = (from: number, count: number): number =>
    shape.slice(from, from + count).reduce((all, length) => all * length, 1);
  const merged = [product(batch.length, rows.length), product(batch.length + rows.length, columns.length)];
  return reshape(whole, [...shape.slice(0, batch.length), ...merged]);
}
