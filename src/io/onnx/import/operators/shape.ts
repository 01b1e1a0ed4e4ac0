/** Operators that move numbers, of tensors and of shapes. */
import { eq, lt, where } from "../../../../autograd/compare.ts";
import { add } from "../../../../autograd/elementwise.ts";
import { concat, expand, indexSelect, pad, permute, reshape, slice } from "../../../../autograd/shape.ts";
import { topK } from "../../../../autograd/top-k.ts";
import { arange, full, tensor } from "../../../../tensor/create.ts";
import { broadcastShapes, type Shape, sizeOf } from "../../../../tensor/shape.ts";
import { isWholes, type Value, wholes } from "../numbers.ts";
import { type Inputs, type Node, type Operator, type Operators, split } from "../operator.ts";
import { concatWholes, expandWholes, filledWholes, gatherWholes, permuteWholes } from "../wholes.ts";

/** The same numbers in another shape. */
function reshaped(x: Value, shape: Shape): Value {
  return isWholes(x) ? wholes(x.data, shape) : reshape(x, shape);
}

const reshapeTo: Operator = (node) => {
  const allowZero = node.flag("allowzero", false);
  return (inputs) => {
    const x = inputs.value(0);
    const to = inputs.wholes(1).data.map((length, axis) => (length === 0 && !allowZero ? x.shape[axis] : length));
    const known = to.filter((length) => length !== -1);
    const size = sizeOf(x.shape);
    const rest = size / sizeOf(known);
    const shape = to.map((length) => (length === -1 ? rest : length));
    if (shape.some((length) => !Number.isSafeInteger(length) || length < 0) || sizeOf(shape) !== size) {
      throw node.error(`cannot reshape [${x.shape}] to [${inputs.wholes(1).data}]`);
    }
    return reshaped(x, shape);
  };
};

const flatten: Operator = (node) => {
  const axis = node.whole("axis", 1);
  return (inputs) => {
    const x = inputs.value(0);
    return reshaped(x, split(x.shape, axis === x.shape.length ? axis : inputs.axis(axis, x.shape.length)));
  };
};

/** The axes of Squeeze and Unsqueeze: an input since opset 13, before that an attribute. */
function axesOf(node: Node, inputs: Inputs): readonly number[] | undefined {
  return node.opset >= 13 ? inputs.list(1) : node.list("axes");
}

const squeeze: Operator = (node) => (inputs) => {
  const x = inputs.value(0);
  const given = axesOf(node, inputs);
  const axes = given && inputs.axes(given, x.shape.length);
  if (axes?.some((axis) => x.shape[axis] !== 1)) throw node.error(`cannot remove the axes [${axes}] of [${x.shape}]`);
  return reshaped(
    x,
    x.shape.filter((length, axis) => (axes ? !axes.includes(axis) : length !== 1)),
  );
};

const unsqueeze: Operator = (node) => (inputs) => {
  const x = inputs.value(0);
  const given = axesOf(node, inputs);
  if (!given) throw node.error("axes are missing");
  const rank = x.shape.length + given.length;
  const added = inputs.axes(given, rank);
  const rest = [...x.shape];
  return reshaped(
    x,
    Array.from({ length: rank }, (_, axis) => (added.includes(axis) ? 1 : (rest.shift() ?? 1))),
  );
};

const transposed: Operator = (node) => {
  const perm = node.list("perm");
  return (inputs) => {
    const x = inputs.value(0);
    const rank = x.shape.length;
    const axes = inputs.axes(perm ?? x.shape.map((_, axis) => rank - 1 - axis), rank);
    if (new Set(axes).size !== rank) throw node.error(`perm must name each of ${rank} axes once, got [${axes}]`);
    return isWholes(x) ? permuteWholes(x, axes) : permute(x, axes);
  };
};

const joined: Operator = (node) => {
  const axis = node.whole("axis", 0);
  return (inputs) => {
    if (inputs.areWholes) {
      const parts = inputs.values.map((_, i) => inputs.wholes(i));
      return concatWholes(parts, inputs.axis(axis, parts[0].shape.length));
    }
    return concat(
      inputs.values.map((_, i) => inputs.tensor(i)),
      axis,
    );
  };
};

/** The positions of x[start:stop:step] along an axis of this length. */
function range(start: number, stop: number, step: number, length: number): number[] {
  // Backwards, the first position is at most the last one, and the end is before the first.
  const [least, most] = step > 0 ? [0, length] : [-1, length - 1];
  const clipped = (at: number): number => Math.min(most, Math.max(least, at < 0 ? at + length : at));
  const first = clipped(start);
  const count = Math.max(0, Math.ceil((clipped(stop) - first) / step));
  return Array.from({ length: count }, (_, i) => first + i * step);
}

const sliced: Operator = (node) => (inputs) => {
  const x = inputs.value(0);
  const rank = x.shape.length;
  const input = (i: number, name: string): readonly number[] | undefined =>
    node.opset < 10 ? node.list(name) : inputs.list(i);
  const [starts, ends] = [input(1, "starts"), input(2, "ends")];
  if (!starts || starts.length !== ends?.length) throw node.error("starts and ends must be lists of the same length");
  const axes = inputs.axes(input(3, "axes") ?? starts.map((_, i) => i), rank);
  const steps = node.opset < 10 ? starts.map(() => 1) : (inputs.list(4) ?? starts.map(() => 1));
  if (axes.length !== starts.length || steps.length !== starts.length) {
    throw node.error("starts, ends, axes and steps must be lists of the same length");
  }
  if (steps.some((step) => step === 0 || (step < 0 && !isWholes(x)))) {
    throw node.error(`steps must be 1 or more, got [${steps}]`);
  }
  if (isWholes(x)) {
    return axes.reduce(
      (part, axis, i) => gatherWholes(part, axis, wholes(range(starts[i], ends[i], steps[i], x.shape[axis]))),
      x,
    );
  }
  return slice(
    x,
    x.shape.map((length, axis) => {
      const i = axes.indexOf(axis);
      // "To the end" is written as the largest number.
      return i < 0 ? null : ([Math.max(-length, starts[i]), ends[i] >= length ? null : ends[i], steps[i]] as const);
    }),
  );
};

/** Where a number that is added to an axis of n comes from, by mode: position i is before the first or after the last. */
const ADDED: Readonly<Record<string, (i: number, n: number) => number>> = {
  edge: (i, n) => Math.min(Math.max(i, 0), n - 1),
  reflect: (i, n) => (i < 0 ? -i : i < n ? i : 2 * (n - 1) - i),
};

const padded: Operator = (node) => {
  const mode = node.text("mode", "constant");
  const added = ADDED[mode];
  if (mode !== "constant" && !added) throw node.error(`mode must be constant, edge or reflect, got "${mode}"`);
  const value = node.opset < 11 ? node.number("value", 0) : node.scalar(2, 0);
  return (inputs) => {
    const x = inputs.tensor(0);
    const pads = node.opset < 11 ? (node.list("pads") ?? []) : inputs.wholes(1).data;
    const axes = inputs.axes(inputs.list(3) ?? x.shape.map((_, axis) => axis), x.rank);
    if (pads.length !== 2 * axes.length) throw node.error(`pads must be two for each axis, got ${pads.length}`);
    const sides = x.shape.map((_, axis): [number, number] => {
      const i = axes.indexOf(axis);
      return i < 0 ? [0, 0] : [pads[i], pads[i + axes.length]];
    });
    node.checkSize(x.shape.map((length, axis) => sides[axis][0] + length + sides[axis][1]));
    if (sides.flat().every((p) => p === 0)) return x;
    if (!added) return pad(x, sides, value);
    return sides.reduce((t, [before, after], axis) => {
      const n = x.shape[axis];
      if (before === 0 && after === 0) return t;
      const from = Array.from({ length: Math.max(0, before + n + after) }, (_, i) => added(i - before, n));
      if (from.every((i) => i >= 0 && i < n)) return indexSelect(t, axis, from);
      throw node.error(
        `the axis ${axis} of [${x.shape}] is too short to be padded with [${before}, ${after}] of its own`,
      );
    }, x);
  };
};

const gathered: Operator = (node) => {
  const given = node.whole("axis", 0);
  return (inputs) => {
    const x = inputs.value(0);
    const index = inputs.wholes(1);
    const axis = inputs.axis(given, x.shape.length);
    const length = x.shape[axis];
    const positions = index.data.map((position) => (position < 0 ? position + length : position));
    if (positions.some((position) => !(position >= 0 && position < length))) {
      throw node.error(`the index [${index.data}] goes past the axis ${axis} of [${x.shape}]`);
    }
    if (isWholes(x)) return gatherWholes(x, axis, wholes(positions, index.shape));
    const selected = indexSelect(x, axis, positions);
    return reshape(selected, [...x.shape.slice(0, axis), ...index.shape, ...x.shape.slice(axis + 1)]);
  };
};

const splitUp: Operator = (node) => {
  const axisGiven = node.whole("axis", 0);
  return (inputs) => {
    const x = inputs.tensor(0);
    const axis = inputs.axis(axisGiven, x.rank);
    const parts = node.outputs.length;
    const equal = Math.ceil(x.shape[axis] / parts);
    const sizes = (node.opset < 13 ? node.list("split") : inputs.list(1)) ?? node.outputs.map(() => equal);
    let start = 0;
    return sizes.map((size) => {
      const ranges = x.shape.map((_, i) => (i === axis ? ([start, start + size] as const) : null));
      start += size;
      return slice(x, ranges);
    });
  };
};

/** The positions are numbers of a tensor like others: they depend on the network's. */
const topOf: Operator = (node) => {
  const [axis, largest] = [node.whole("axis", -1), node.flag("largest", true)];
  return (inputs) => {
    const [k] = node.opset < 10 ? [node.whole("k", 1)] : inputs.wholes(1).data;
    const { values, indices } = topK(inputs.tensor(0), k, { axis, largest });
    return [values, tensor(indices.data, indices.shape)];
  };
};

/** on where the position along a new axis is the index, else off; an index below 0 counts from the end. */
const oneHotOf: Operator = (node) => {
  const given = node.whole("axis", -1);
  return (inputs) => {
    const [index, on] = [inputs.tensor(0), inputs.tensor(2)];
    const [depth] = inputs.wholes(1).data;
    const rank = index.rank + 1;
    const axis = inputs.axis(given, rank);
    node.checkSize([...index.shape, depth]);
    const positions = reshape(
      arange(depth),
      Array.from({ length: rank }, (_, i) => (i === axis ? depth : 1)),
    );
    const wanted = where(lt(index, 0), add(index, depth), index);
    const lifted = reshape(wanted, [...index.shape.slice(0, axis), 1, ...index.shape.slice(axis)]);
    return where(eq(lifted, positions), slice(on, [[1, 2]]), slice(on, [[0, 1]]));
  };
};

const constantOfShape: Operator = (node) => {
  const value = node.tensor("value") ?? { shape: [1], data: Float32Array.of(0) };
  if (value.data.length !== 1) throw node.error(`value must be one number, got ${value.data.length}`);
  const [number] = value.data;
  return (inputs) => {
    const shape = inputs.wholes(0).data;
    node.checkSize(shape);
    return value.data instanceof Float32Array ? full(shape, number) : filledWholes(shape, number);
  };
};

const shapeOf: Operator = (node) => {
  const [start, end] = [node.whole("start", 0), node.whole("end", Number.MAX_SAFE_INTEGER)];
  return (inputs) => wholes(inputs.value(0).shape.slice(start, end));
};

const expanded: Operator = (node) => (inputs) => {
  const x = inputs.value(0);
  const shape = broadcastShapes("importOnnx", x.shape, inputs.wholes(1).data);
  node.checkSize(shape);
  return isWholes(x) ? expandWholes(x, shape) : expand(x, shape);
};

export const shaping: Operators = {
  Identity: () => (inputs) => inputs.value(0),
  Reshape: reshapeTo,
  Flatten: flatten,
  Squeeze: squeeze,
  Unsqueeze: unsqueeze,
  Transpose: transposed,
  Concat: joined,
  Slice: sliced,
  Pad: padded,
  Gather: gathered,
  Split: splitUp,
  TopK: topOf,
  OneHot: oneHotOf,
  Shape: shapeOf,
  Size: () => (inputs) => wholes([sizeOf(inputs.value(0).shape)], []),
  ConstantOfShape: constantOfShape,
  Expand: expanded,
};
