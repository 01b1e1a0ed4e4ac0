/** How the call of each kernel falls into parts (parts.ts). */
import type { ConvAlgorithm, ConvGeometry } from "../geometry/conv.ts";
import type { NormGeometry } from "../geometry/norm.ts";
import type { ArrayKernels } from "../kernels.ts";
import type { Floats } from "../memory.ts";
import { algorithmOf } from "./conv/conv.ts";
import { type Cut, isArray, type Parts } from "./parts.ts";
import type { Engine } from "./wasm/engine.ts";

/** Of parts that have work of their own: a convolution's tables and filters are prepared for each. */
const BYTES_OF_WORK = 2 ** 26;
/** Elements that stay together: more than worth.ts asks for, and whole cache lines. */
const ELEMENTS = 1024;
/** Summands that a product takes together: KC of matmul.ts. */
const SUMMANDS = 256;

type ArgumentsOf<K extends keyof ArrayKernels> = ArrayKernels[K] extends (...args: infer Args) => void ? Args : never;

/** Takes parts `from` to `to` of an array, `count` in all; leaves anything else as it is. */
const partOf =
  (count: number, from: number, to: number) =>
  <T>(x: T): T => {
    if (!isArray(x)) return x;
    const size = x.length / count;
    return x.subarray(from * size, to * size) as typeof x;
  };

/** Element by element: every array of the greatest length. Another is a single number, or not read. */
function elements<Args extends readonly unknown[]>(args: Args): Parts<Args> {
  const count = Math.max(...args.filter(isArray).map((x) => x.length));
  const some = (x: unknown, from: number, to: number): unknown =>
    isArray(x) && x.length === count ? x.subarray(from, to) : x;
  return { count, unit: ELEMENTS, take: (from, to) => args.map((x) => some(x, from, to)) as unknown as Args };
}

/** Every array, also in an object, by what the geometry, the last argument, calls `axis`. */
const along =
  (axis: string) =>
  <Args extends readonly unknown[]>(args: Args): Parts<Args> => {
    const g = args[args.length - 1] as Readonly<Record<string, number>>;
    return {
      count: g[axis],
      take: (from, to) => {
        const some = partOf(g[axis], from, to);
        const someOf = (x: object): object => Object.fromEntries(Object.entries(x).map(([name, x]) => [name, some(x)]));
        const take = (x: unknown): unknown => (x && typeof x === "object" && !isArray(x) ? someOf(x) : some(x));
        return args.map((x) => (x === g ? { ...g, [axis]: to - from } : take(x))) as unknown as Args;
      },
    };
  };

const planes = /* @__PURE__ */ along("planes");
const rows = /* @__PURE__ */ along("outer");
/** Of layer and group norm, whose groups lie one behind the other. Of batch norm, wasm/ranges.ts takes images. */
const groups = <Args extends readonly unknown[]>(args: Args): Parts<Args> | null =>
  (args[args.length - 1] as NormGeometry).outer === 1 ? along("groups")(args) : null;

/** Along the outermost axis. */
function binaryParts([op, a, b, y, g]: ArgumentsOf<"binary">): Parts<ArgumentsOf<"binary">> {
  const { outer, inner } = g;
  const flat = outer.length === 0;
  const [count, strideA, strideB] = flat
    ? [inner, g.innerStrideA, g.innerStrideB]
    : [outer[0], g.outerStridesA[0], g.outerStridesB[0]];
  const along = (x: Floats, stride: number, from: number, to: number): Floats =>
    stride === 0 ? x : x.subarray(from * stride, to * stride);
  return {
    count,
    unit: flat ? ELEMENTS : 1,
    take: (from, to) => {
      const length = to - from;
      const size = (g.size / count) * length;
      const some = {
        ...g,
        shape: [size],
        size,
        ...(flat ? { inner: length } : { outer: [length, ...outer.slice(1)] }),
      };
      return [op, along(a, strideA, from, to), along(b, strideB, from, to), partOf(count, from, to)(y), some];
    },
  };
}

/** Along the outermost axis, where the parts of x and y do not overlap much. */
function copyParts([x, y, g]: ArgumentsOf<"copyStrided">): Parts<ArgumentsOf<"copyStrided">> | null {
  const { shape, xStrides, yStrides, xOffset, yOffset } = g;
  const [count] = shape;
  if (shape.length < 2 || count < 2) return null;
  /** Elements from the first to the last of one part. */
  const extent = (strides: readonly number[]): number =>
    shape.reduce((sum, length, axis) => (axis === 0 ? sum : sum + (length - 1) * strides[axis]), 1);
  const [xExtent, yExtent] = [extent(xStrides), extent(yStrides)];
  if (xExtent > Math.max(1, xStrides[0]) || yExtent > yStrides[0]) return null;
  return {
    count,
    take: (from, to) => {
      const some = (x: Floats, offset: number, stride: number, extent: number): Floats => {
        const length = to > from ? (to - 1 - from) * stride + extent : 0;
        return x.subarray(offset + from * stride, offset + from * stride + length);
      };
      return [
        some(x, xOffset, xStrides[0], xExtent),
        some(y, yOffset, yStrides[0], yExtent),
        { ...g, shape: [to - from, ...shape.slice(1)], xOffset: 0, yOffset: 0 },
      ];
    },
  };
}

/** Outputs whose elements are neighbours, one after the other. */
function reduceParts([op, x, y, g]: ArgumentsOf<"reduce">): Parts<ArgumentsOf<"reduce">> | null {
  const { kept, count } = g;
  if (g.innerStride !== 1 || g.reduced.length !== 1 || kept.some((offset, k) => offset !== k * count)) return null;
  return {
    count: kept.length,
    take: (from, to) => {
      const some = partOf(kept.length, from, to);
      const shape = [to - from];
      return [op, some(x), some(y), { ...g, shape, keptShape: [...shape, count], kept: kept.subarray(0, to - from) }];
    },
  };
}

/** Rows of A and C; where A is transposed, blocks of the sums, as the product takes them one after the other (matmul.ts). */
function gemmParts([a, b, c, g]: ArgumentsOf<"gemm">): Parts<ArgumentsOf<"gemm">> | null {
  const { m, k, transposeA, transposeB, accumulate = false } = g;
  if (transposeA && (transposeB || k < 2 * SUMMANDS)) return null;
  const [count, unit] = transposeA ? [k, SUMMANDS] : [m, 1];
  return {
    count,
    unit,
    bytes: BYTES_OF_WORK,
    take: (from, to) => {
      const some = partOf(count, from, to);
      return transposeA
        ? [some(a), some(b), c, { ...g, k: to - from, accumulate: accumulate || from > 0 }]
        : [some(a), b, some(c), { ...g, m: to - from }];
    },
  };
}

const images = (g: ConvGeometry, algorithm: ConvAlgorithm, N: number): ConvGeometry => ({
  ...g,
  N,
  shape: [N, ...g.shape.slice(1)],
  algorithm,
});

/** Images; of one image, filters, where one convolution sees all its channels. */
function convParts(
  [x, w, b, y, g, add, relu]: ArgumentsOf<"conv2d">,
  engine: Engine,
): Parts<ArgumentsOf<"conv2d">> | null {
  const algorithm = algorithmOf("forward", g, engine);
  const { N, O, Ho, Wo } = g;
  if (N === 1 && g.groups > 1) return null;
  return {
    count: N > 1 ? N : O,
    bytes: N > 1 ? BYTES_OF_WORK : Infinity,
    take: (from, to) => {
      const n = to - from;
      const some = partOf(N > 1 ? N : O, from, to);
      return N > 1
        ? [some(x), w, b, some(y), images(g, algorithm, n), some(add), relu]
        : [x, some(w), some(b), some(y), { ...g, O: n, Og: n, shape: [N, n, Ho, Wo], algorithm }, some(add), relu];
    },
  };
}

type InputGradient = ArgumentsOf<"conv2dInputGradient">;
function inputGradientParts([gy, w, gx, g]: InputGradient, engine: Engine): Parts<InputGradient> {
  const algorithm = algorithmOf("inputGradient", g, engine);
  return {
    count: g.N,
    bytes: BYTES_OF_WORK,
    take: (from, to) => {
      const some = partOf(g.N, from, to);
      return [some(gy), w, some(gx), images(g, algorithm, to - from)];
    },
  };
}

/** How each falls into parts, of the kernels that do. */
export const partsOf: { readonly [K in keyof ArrayKernels]?: Cut<ArgumentsOf<K>> } = {
  binary: binaryParts,
  where: elements,
  unary: elements,
  unaryGradient: elements,
  addScaled: elements,
  copyStrided: copyParts,
  reduce: reduceParts,
  gemm: gemmParts,
  conv2d: convParts,
  conv2dInputGradient: inputGradientParts,
  maxPool2d: planes,
  maxPool2dGradient: planes,
  avgPool2d: planes,
  resample: planes,
  moments: groups,
  normalize: groups,
  normalizeGradient: groups,
  normalizeReluGradient: groups,
  softmax: rows,
  logSoftmax: rows,
  softmaxGradient: rows,
  logSoftmaxGradient: rows,
  sgd: elements,
  adam: elements,
  rmsprop: elements,
};
