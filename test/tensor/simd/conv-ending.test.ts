/** What follows a convolution's sums, in the same pass: the bits of one operation after the other, whatever the algorithm. */
import { describe, expect, it } from "vitest";
import { type ConvAlgorithm, type ConvGeometry, convGeometry } from "../../../src/tensor/geometry/conv.ts";
import { plainKernels } from "../../../src/tensor/plain/index.ts";
import { Rng } from "../../../src/tensor/rng.ts";
import { conv2d } from "../../../src/tensor/simd/conv/conv.ts";
import { tilesFunction } from "../../../src/tensor/simd/matmul.ts";
import { narrowFunction, TILE_COLUMNS, tileFunction, tileRows } from "../../../src/tensor/simd/matmul-kernel.ts";
import { Engine } from "../../../src/tensor/simd/wasm/engine.ts";
import { webAssembly } from "../../../src/tensor/simd/wasm/features.ts";

const engine = new Engine(webAssembly()!);
const normals = (rng: Rng, size: number): Float32Array => Float32Array.from({ length: size }, () => rng.normal());

type Convolve = (...args: Parameters<typeof plainKernels.conv2d>) => void;

/** Batches, groups, strides, and results that end inside a tile, a panel of filters and a block of columns. */
const geometries: readonly ConvGeometry[] = [
  convGeometry([2, 8, 9, 9], [11, 8, 3, 3], null, { padding: 1 }),
  convGeometry([1, 20, 8, 8], [16, 20, 3, 3], null, { padding: 1 }),
  convGeometry([1, 300, 7, 7], [130, 300, 1, 1], null, {}),
  convGeometry([2, 6, 18, 17], [9, 6, 1, 1], null, {}),
  convGeometry([2, 6, 9, 9], [10, 3, 3, 3], null, { stride: 2, padding: 1, groups: 2 }),
  convGeometry([1, 3, 21, 21], [13, 3, 7, 7], null, { stride: 2, padding: 3 }),
];

const title = ({ N, C, H, W, O, kh, sh, groups }: ConvGeometry): string =>
  `x=[${N},${C},${H},${W}] O=${O} k=${kh} s=${sh} g=${groups}`;

function check(convolve: Convolve, g: ConvGeometry): void {
  const rng = new Rng(3);
  const [x, w, bias] = [g.N * g.C * g.H * g.W, g.O * g.K, g.O].map((size) => normals(rng, size));
  const size = g.N * g.O * g.L;
  const other = normals(rng, size);
  other[size >> 1] = Number.NaN;
  const sums = new Float32Array(size);
  convolve(x, w, null, sums, g);
  for (const b of [null, bias]) {
    const biased = new Float32Array(size);
    convolve(x, w, b, biased, g);
    for (const add of [null, other]) {
      for (const relu of [false, true]) {
        const y = new Float32Array(size).fill(Number.NaN);
        convolve(x, w, b, y, g, add, relu);
        const expected = biased.map((value, i) => {
          const sum = add ? Math.fround(value + add[i]) : value;
          return relu && sum < 0 ? 0 : sum;
        });
        expect(y).toEqual(expected);
      }
    }
  }
}

const algorithms: readonly ConvAlgorithm[] = ["im2col", "direct", "winograd2", "winograd2x4", "winograd4"];

for (const algorithm of algorithms) {
  describe(`${algorithm}: + b, + add, max 0`, () => {
    for (const geometry of geometries) {
      if (algorithm.startsWith("winograd") && (geometry.kh !== 3 || geometry.sh !== 1)) continue;
      it(title(geometry), () => {
        check((x, w, b, y, g, add, relu) => expect(conv2d(engine, x, w, b, y, g, add, relu)).toBe(true), {
          ...geometry,
          algorithm,
        });
      });
    }
  });
}

describe("plain: + b, + add, max 0", () => {
  for (const g of geometries.slice(0, 2)) it(title(g), () => check(plainKernels.conv2d, g));
});

it("the bias is added to the finished sums, not before them", () => {
  const g = convGeometry([1, 300, 7, 7], [5, 300, 1, 1], null, {});
  const rng = new Rng(4);
  const [x, w, b] = [300 * 49, 5 * 300, 5].map((size) => normals(rng, size));
  const [sums, y] = [new Float32Array(5 * 49), new Float32Array(5 * 49)];
  conv2d(engine, x, w, null, sums, g);
  conv2d(engine, x, w, b, y, g);
  expect(y).toEqual(sums.map((sum, i) => sum + b[Math.floor(i / 49)]));
});

it("narrow tiles have the bits of the first four columns of whole tiles", () => {
  const { features } = engine;
  const R = tileRows(features);
  const [pairs, k] = [3, 53];
  const rng = new Rng(5);
  const panelOfB = normals(rng, TILE_COLUMNS * k);
  const panelsOfA = normals(rng, 2 * pairs * R * k);
  const whole = new Float32Array(2 * pairs * R * TILE_COLUMNS);
  const narrow = new Float32Array(2 * pairs * R * 4);
  const kernels = engine.program<"tiles">("test/tiles", () => [tileFunction(features), tilesFunction(R)]);
  const { narrow: narrowTiles } = engine.program<"narrow">("narrow", () => [narrowFunction(features)]);
  engine.run((call) => {
    const [a, b] = [call.input(panelsOfA), call.input(panelOfB)];
    kernels.tiles(a, b, call.output(whole), 2 * pairs, 1, k, 4 * TILE_COLUMNS, 0);
    narrowTiles(a, b, call.output(narrow), pairs, k);
  });
  expect(narrow).toEqual(whole.filter((_, i) => i % TILE_COLUMNS < 4));
  expect(narrow.some((value) => value !== 0)).toBe(true);
});
