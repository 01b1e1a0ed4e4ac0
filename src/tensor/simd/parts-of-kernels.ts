/** How the call of each kernel falls into parts (parts.ts). */
import type { AxisGeometry } from "../geometry/axis.ts";
import type { BroadcastGeometry } from "../geometry/broadcast.ts";
import type { ConvGeometry } from "../geometry/conv.ts";
import type { CopyGeometry } from "../geometry/copy.ts";
import type { GemmGeometry } from "../geometry/matmul.ts";
import type { NormGeometry } from "../geometry/norm.ts";
import type { PoolGeometry } from "../geometry/pool.ts";
import type { ReduceGeometry } from "../geometry/reduce.ts";
import type { ArrayKernels, NormGradients, PerGroup } from "../kernels.ts";
import type { Floats } from "../memory.ts";
import { chooseAlgorithm } from "./conv/conv.ts";
import type { Cut, Numbers, Parts } from "./parts.ts";
import type { Engine } from "./wasm/engine.ts";

/** Of a convolution, whose tables and filters are prepared for each part. */
const BYTES_OF_IMAGES = 2 ** 26;
/** Elements of a part of an element-wise kernel: more than worth.ts asks for. */
const ELEMENTS = 1024;

/** Part `from` to `to` of an array of `count` equal parts; of null, null. */
function part<T extends Numbers | null>(x: T, count: number, from: number, to: number): T {
  if (!x) return x;
  const size = x.length / count;
  return x.subarray(from * size, to * size) as T;
}

/** Elements of arrays of n: the ranges begin on whole vectors and cache lines. */
function elements<Args>(
  n: number,
  arrays: readonly (Floats | null)[],
  take: (of: <T extends Floats | null>(x: T) => T, size: number) => Args,
): Parts<Args> {
  const count = Math.max(1, Math.floor(n / ELEMENTS));
  return {
    count,
    cut: arrays,
    take: (from, to) => {
      const [first, end] = [from * ELEMENTS, to === count ? n : to * ELEMENTS];
      // An array of another length is one number, or not read.
      return take((x) => (x?.length === n ? x.subarray(first, end) : x) as typeof x, end - first);
    },
  };
}

function binaryParts(
  op: Parameters<ArrayKernels["binary"]>[0],
  a: Floats,
  b: Floats,
  y: Floats,
  g: BroadcastGeometry,
): Parts<Parameters<ArrayKernels["binary"]>> {
  const { outer, outerStridesA, outerStridesB, innerStrideA, innerStrideB } = g;
  if (outer.length === 0) {
    return elements(g.size, [innerStrideA ? a : null, innerStrideB ? b : null, y], (of, size) => {
      const [pa, pb] = [innerStrideA ? of(a) : a, innerStrideB ? of(b) : b];
      return [op, pa, pb, of(y), { ...g, shape: [size], size, inner: size }];
    });
  }
  const [count, strideA, strideB] = [outer[0], outerStridesA[0], outerStridesB[0]];
  const along = (x: Floats, stride: number, from: number, to: number): Floats =>
    stride === 0 ? x : x.subarray(from * stride, to * stride);
  return {
    count,
    cut: [strideA ? a : null, strideB ? b : null, y],
    whole: [strideA ? null : a, strideB ? null : b],
    take: (from, to) => {
      const size = (g.size / count) * (to - from);
      const shape = [to - from, ...outer.slice(1), g.inner];
      const rows = { ...g, shape, size, outer: [to - from, ...outer.slice(1)] };
      return [op, along(a, strideA, from, to), along(b, strideB, from, to), part(y, count, from, to), rows];
    },
  };
}

/** Along the outermost axis, where the parts of x and y do not overlap much. */
function copyParts(x: Floats, y: Floats, g: CopyGeometry): Parts<[Floats, Floats, CopyGeometry]> | null {
  const { shape, xStrides, yStrides, xOffset, yOffset } = g;
  const [count] = shape;
  if (shape.length < 2 || count < 2) return null;
  /** Elements from the first to the last of one part. */
  const extent = (strides: readonly number[]): number =>
    shape.reduce((sum, length, axis) => (axis === 0 ? sum : sum + (length - 1) * strides[axis]), 1);
  const [xExtent, yExtent] = [extent(xStrides), extent(yStrides)];
  if (xExtent > Math.max(1, xStrides[0]) || yExtent > yStrides[0]) return null;
  const [touchedX, touchedY] = [x.subarray(0, count * xExtent), y.subarray(0, count * yExtent)];
  return {
    count,
    cut: [touchedX, touchedY],
    take: (from, to) => {
      const [i, j] = [xOffset + from * xStrides[0], yOffset + from * yStrides[0]];
      const last = to - from - 1;
      return [
        x.subarray(i, i + last * xStrides[0] + xExtent),
        y.subarray(j, j + last * yStrides[0] + yExtent),
        { ...g, shape: [to - from, ...shape.slice(1)], xOffset: 0, yOffset: 0 },
      ];
    },
  };
}

/** Outputs whose elements are neighbours, one after the other. */
function reduceParts(
  op: Parameters<ArrayKernels["reduce"]>[0],
  x: Floats,
  y: Floats,
  g: ReduceGeometry,
): Parts<Parameters<ArrayKernels["reduce"]>> | null {
  const { kept, count } = g;
  if (g.innerStride !== 1 || g.reduced.length !== 1 || kept.some((offset, k) => offset !== k * count)) return null;
  return {
    count: kept.length,
    cut: [x, y],
    take: (from, to) => {
      const some = { ...g, shape: [to - from], keptShape: [to - from, count], kept: kept.subarray(0, to - from) };
      return [op, x.subarray(from * count, to * count), y.subarray(from, to), some];
    },
  };
}

/** Rows of A and C; where A is transposed, blocks of the sums, as the product takes them one after the other (matmul.ts). */
function gemmParts(
  a: Floats,
  b: Floats,
  c: Floats,
  g: GemmGeometry,
): Parts<[Floats, Floats, Floats, GemmGeometry]> | null {
  const { m, n, k } = g;
  if (!g.transposeA) {
    return {
      count: m,
      cut: [a, c],
      whole: [b],
      bytes: BYTES_OF_IMAGES,
      take: (from, to) => [part(a, m, from, to), b, part(c, m, from, to), { ...g, m: to - from }],
    };
  }
  const count = Math.floor(k / SUMMANDS);
  if (g.transposeB || count < 2) return null;
  return {
    count,
    cut: [a, b],
    whole: [c],
    bytes: BYTES_OF_IMAGES,
    take: (from, to) => {
      const [first, end] = [from * SUMMANDS, to === count ? k : to * SUMMANDS];
      const accumulate = g.accumulate === true || from > 0;
      return [a.subarray(first * m, end * m), b.subarray(first * n, end * n), c, { ...g, k: end - first, accumulate }];
    },
  };
}
/** KC of matmul.ts. */
const SUMMANDS = 256;

/** Images; of one image, filters, where one convolution sees all its channels. */
function convParts(
  engine: Engine,
  x: Floats,
  w: Floats,
  b: Floats | null,
  y: Floats,
  g: ConvGeometry,
): Parts<Parameters<ArrayKernels["conv2d"]>> | null {
  const algorithm = g.algorithm === "auto" ? chooseAlgorithm("forward", g, engine.features) : g.algorithm;
  const { N, O, groups } = g;
  if (N > 1) return { ...images(g, [x, y], [w], ([x, y], some) => [x, w, b, y, { ...some, algorithm }]) };
  if (groups > 1) return null;
  return {
    count: O,
    cut: [w, b, y],
    whole: [x],
    bytes: Number.POSITIVE_INFINITY,
    take: (from, to) => {
      const filters = { ...g, O: to - from, Og: to - from, shape: [N, to - from, g.Ho, g.Wo], algorithm };
      return [x, part(w, O, from, to), part(b, O, from, to), part(y, O, from, to), filters];
    },
  };
}

function images<Args>(
  g: ConvGeometry,
  cut: readonly Floats[],
  whole: readonly Floats[],
  take: (arrays: Floats[], g: ConvGeometry) => Args,
): Parts<Args> {
  const { N, shape } = g;
  return {
    count: N,
    cut,
    whole,
    bytes: BYTES_OF_IMAGES,
    take: (from, to) => {
      const some = { ...g, N: to - from, shape: [to - from, ...shape.slice(1)] };
      return take(
        cut.map((x) => part(x, N, from, to)),
        some,
      );
    },
  };
}

/** Planes of x and y, of images or of a batch's channels. */
function planes<G extends { readonly planes: number }, Args>(
  g: G,
  cut: readonly Numbers[],
  take: (of: <T extends Numbers>(x: T) => T, g: G) => Args,
): Parts<Args> {
  return {
    count: g.planes,
    cut,
    take: (from, to) => take((x) => part(x, g.planes, from, to), { ...g, planes: to - from }),
  };
}

/** Groups of layer and group norm, which lie one behind the other. Of batch norm, wasm/ranges.ts takes images. */
function groups<Args>(
  g: NormGeometry,
  cut: readonly (Floats | null)[],
  take: (of: <T extends Floats | null>(x: T) => T, g: NormGeometry) => Args,
): Parts<Args> | null {
  if (g.outer !== 1) return null;
  return {
    count: g.groups,
    cut,
    take: (from, to) => take((x) => part(x, g.groups, from, to), { ...g, groups: to - from }),
  };
}

type OfGroups = <T extends Floats | null>(x: T) => T;
const someBy = (of: OfGroups, { mean, rstd, weight, bias }: PerGroup<Floats>): PerGroup<Floats> => ({
  mean: of(mean),
  rstd: of(rstd),
  weight: of(weight),
  bias: of(bias),
});
const someTo = (of: OfGroups, { x, weight, bias }: NormGradients<Floats>): NormGradients<Floats> => ({
  x: of(x),
  weight: of(weight),
  bias: of(bias),
});

/** Rows of softmax. */
function rows<Args>(
  g: AxisGeometry,
  cut: readonly Floats[],
  take: (arrays: Floats[], g: AxisGeometry) => Args,
): Parts<Args> {
  return {
    count: g.outer,
    cut,
    take: (from, to) =>
      take(
        cut.map((x) => part(x, g.outer, from, to)),
        { ...g, outer: to - from },
      ),
  };
}

/** The kernels that can be computed in parts. */
type Name =
  | "binary"
  | "where"
  | "unary"
  | "unaryGradient"
  | "addScaled"
  | "copyStrided"
  | "reduce"
  | "gemm"
  | "conv2d"
  | "conv2dInputGradient"
  | "maxPool2d"
  | "maxPool2dGradient"
  | "avgPool2d"
  | "resample"
  | "moments"
  | "normalize"
  | "normalizeGradient"
  | "normalizeReluGradient"
  | "softmax"
  | "logSoftmax"
  | "softmaxGradient"
  | "logSoftmaxGradient"
  | "sgd"
  | "adam"
  | "rmsprop";

/** How each falls into parts. */
export const partsOf: { readonly [K in Name]: Cut<Parameters<ArrayKernels[K]>> } = {
  binary: (_engine, ...args) => binaryParts(...args),
  where: (_engine, c, a, b, y) => elements(y.length, [c, a, b, y], (of) => [of(c), of(a), of(b), of(y)]),
  unary: (_engine, op, x, y, p, q) => elements(x.length, [x, y], (of) => [op, of(x), of(y), p, q]),
  unaryGradient: (_engine, op, gy, x, y, gx, p, q) =>
    elements(gy.length, [gy, x, y, gx], (of) => [op, of(gy), of(x), of(y), of(gx), p, q]),
  addScaled: (_engine, alpha, x, y) => elements(x.length, [x, y], (of) => [alpha, of(x), of(y)]),
  copyStrided: (_engine, x, y, g) => copyParts(x, y, g),
  reduce: (_engine, ...args) => reduceParts(...args),
  gemm: (_engine, a, b, c, g) => gemmParts(a, b, c, g),
  conv2d: convParts,
  conv2dInputGradient: (engine, gy, w, gx, g) => {
    const algorithm = g.algorithm === "auto" ? chooseAlgorithm("inputGradient", g, engine.features) : g.algorithm;
    return images(g, [gy, gx], [w], ([gy, gx], some) => [gy, w, gx, { ...some, algorithm }]);
  },
  maxPool2d: (_engine, x, y, indices, g) =>
    planes<PoolGeometry, Parameters<ArrayKernels["maxPool2d"]>>(g, [x, y, indices], (of, some) => [
      of(x),
      of(y),
      of(indices),
      some,
    ]),
  maxPool2dGradient: (_engine, gy, indices, gx, g) =>
    planes<PoolGeometry, Parameters<ArrayKernels["maxPool2dGradient"]>>(g, [gy, indices, gx], (of, some) => [
      of(gy),
      of(indices),
      of(gx),
      some,
    ]),
  avgPool2d: (_engine, x, y, g) => planes(g, [x, y], (of, some) => [of(x), of(y), some]),
  resample: (_engine, x, y, g) => planes(g, [x, y], (of, some) => [of(x), of(y), some]),
  moments: (_engine, x, mean, variance, g) =>
    groups(g, [x, mean, variance], (of, some) => [of(x), of(mean), of(variance), some]),
  normalize: (_engine, x, by, add, relu, y, g) =>
    groups(g, [x, add, y], (of, some) => [of(x), someBy(of, by), of(add), relu, of(y), some]),
  normalizeGradient: (_engine, gy, x, by, to, g) =>
    groups(g, [gy, x, to.x], (of, some) => [of(gy), of(x), someBy(of, by), someTo(of, to), some]),
  normalizeReluGradient: (_engine, gy, z, x, by, gz, to, g) =>
    groups(g, [gy, z, x, gz, to.x], (of, some) => [of(gy), of(z), of(x), someBy(of, by), of(gz), someTo(of, to), some]),
  softmax: (_engine, x, y, g) => rows(g, [x, y], ([x, y], some) => [x, y, some]),
  logSoftmax: (_engine, x, y, g) => rows(g, [x, y], ([x, y], some) => [x, y, some]),
  softmaxGradient: (_engine, gy, y, gx, g) => rows(g, [gy, y, gx], ([gy, y, gx], some) => [gy, y, gx, some]),
  logSoftmaxGradient: (_engine, gy, y, gx, g) => rows(g, [gy, y, gx], ([gy, y, gx], some) => [gy, y, gx, some]),
  sgd: (_engine, w, gw, v, step) => elements(w.length, [w, gw, v], (of) => [of(w), of(gw), of(v), step]),
  adam: (_engine, w, gw, m, v, peak, step) =>
    elements(w.length, [w, gw, m, v, peak], (of) => [of(w), of(gw), of(m), of(v), of(peak), step]),
  rmsprop: (_engine, w, gw, s, m, v, step) =>
    elements(w.length, [w, gw, s, m, v], (of) => [of(w), of(gw), of(s), of(m), of(v), step]),
};
