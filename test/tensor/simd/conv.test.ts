/** Convolution in SIMD: every algorithm and pass against the definition in float64, over random geometry. */

import { describe, expect, it } from "vitest";
import type { ConvAlgorithm } from "../../../src/tensor/geometry/conv.ts";
import { type ConvGeometry, convGeometry } from "../../../src/tensor/geometry/conv.ts";
import { Rng } from "../../../src/tensor/rng.ts";
import { conv2d, conv2dInputGradient, conv2dWeightGradient } from "../../../src/tensor/simd/conv/conv.ts";
import { Engine } from "../../../src/tensor/simd/wasm/engine.ts";
import { webAssembly } from "../../../src/tensor/simd/wasm/features.ts";

const engine = new Engine(webAssembly()!);

interface Shape {
  readonly N: number;
  readonly C: number;
  readonly O: number;
  readonly H: number;
  readonly W: number;
  readonly kh: number;
  readonly kw: number;
  readonly stride: readonly [number, number];
  readonly padding: readonly [number, number];
  readonly dilation: readonly [number, number];
  readonly groups: number;
}

const name = (s: Shape): string =>
  `x=[${s.N},${s.C},${s.H},${s.W}] w=[${s.O},${s.C / s.groups},${s.kh},${s.kw}] s=${s.stride} p=${s.padding} d=${s.dilation} g=${s.groups}`;

function geometry(s: Shape): ConvGeometry {
  const { N, C, O, H, W, kh, kw, stride, padding, dilation, groups } = s;
  return convGeometry([N, C, H, W], [O, C / groups, kh, kw], null, { stride, padding, dilation, groups });
}

/** Visits every product that the definition sums: y[yi] += w[wi]·x[xi]. */
function definition(g: ConvGeometry, visit: (yi: number, wi: number, xi: number) => void): void {
  const { N, C, H, W, O, kh, kw, sh, sw, ph, pw, dh, dw, Cg, Og, Ho, Wo } = g;
  for (let n = 0; n < N; n++)
    for (let o = 0; o < O; o++)
      for (let i = 0; i < Ho; i++)
        for (let j = 0; j < Wo; j++)
          for (let c = 0; c < Cg; c++)
            for (let u = 0; u < kh; u++)
              for (let v = 0; v < kw; v++) {
                const h = i * sh + u * dh - ph;
                const q = j * sw + v * dw - pw;
                if (h < 0 || h >= H || q < 0 || q >= W) continue;
                const channel = Math.floor(o / Og) * Cg + c;
                visit(
                  ((n * O + o) * Ho + i) * Wo + j,
                  ((o * Cg + c) * kh + u) * kw + v,
                  ((n * C + channel) * H + h) * W + q,
                );
              }
}

const normals = (rng: Rng, size: number): Float32Array => Float32Array.from({ length: size }, () => rng.normal());

/** Largest difference, relative to the root mean square of the expected. */
function error(actual: Float32Array, expected: Float64Array): number {
  let worst = 0;
  let squares = 0;
  for (let i = 0; i < expected.length; i++) {
    squares += expected[i] ** 2;
    const difference = Math.abs(actual[i] - expected[i]);
    if (!(difference <= worst)) worst = difference;
  }
  return squares === 0 ? worst : worst / Math.sqrt(squares / expected.length);
}

/**
 * All three passes against the definition in float64. The tolerance: 2⁻²⁴ of each of up to a few thousand summands adds
 * up to a few 1e-6 of the result's rms; a wrong index shows as 0.01 or more.
 */
function check(s: Shape, algorithm: ConvAlgorithm, tolerance = 2e-5): boolean[] {
  const g = { ...geometry(s), algorithm };
  const rng = new Rng(7);
  const x = normals(rng, g.N * g.C * g.H * g.W);
  const w = normals(rng, g.O * g.K);
  const b = normals(rng, g.O);
  const gy = normals(rng, g.N * g.O * g.L);
  const y64 = Float64Array.from(gy, (_, i) => b[Math.floor(i / g.L) % g.O]);
  const gx64 = new Float64Array(x.length);
  const gw64 = new Float64Array(w.length);
  definition(g, (yi, wi, xi) => {
    y64[yi] += w[wi] * x[xi];
    gx64[xi] += w[wi] * gy[yi];
    gw64[wi] += gy[yi] * x[xi];
  });
  // Outputs start as NaN: a number that a kernel forgets to write shows.
  const y = new Float32Array(gy.length).fill(Number.NaN);
  const gx = new Float32Array(x.length).fill(Number.NaN);
  const gw = new Float32Array(w.length).fill(Number.NaN);
  const covered = [
    conv2d(engine, x, w, b, y, g),
    conv2dInputGradient(engine, gy, w, gx, g),
    conv2dWeightGradient(engine, gy, x, gw, g),
  ];
  // Only direct convolution does not cover everything that it is asked for here.
  if (algorithm !== "direct") expect(covered).toEqual([true, true, true]);
  if (covered[0]) expect(error(y, y64), "forward").toBeLessThan(tolerance);
  if (covered[1]) expect(error(gx, gx64), "input gradient").toBeLessThan(tolerance);
  if (covered[2]) expect(error(gw, gw64), "weight gradient").toBeLessThan(tolerance);
  return covered;
}

function randomShapes(seed: number, count: number): Shape[] {
  const rng = new Rng(seed);
  const pick = (low: number, high: number): number => low + rng.integer(high - low + 1);
  const shapes: Shape[] = [];
  while (shapes.length < count) {
    const groups = pick(1, 3) === 3 ? pick(2, 4) : 1;
    const s: Shape = {
      N: pick(1, 3),
      C: groups * pick(1, 9),
      O: groups * pick(1, 13),
      H: pick(1, 19),
      W: pick(1, 19),
      kh: pick(1, 5),
      kw: pick(1, 5),
      stride: [pick(1, 3), pick(1, 3)],
      padding: [pick(0, 3), pick(0, 3)],
      dilation: [pick(1, 2), pick(1, 2)],
      groups,
    };
    if (s.H + 2 * s.padding[0] > s.dilation[0] * (s.kh - 1) && s.W + 2 * s.padding[1] > s.dilation[1] * (s.kw - 1)) {
      shapes.push(s);
    }
  }
  return shapes;
}

const square = (N: number, C: number, O: number, H: number, k: number, s: number, p: number, groups = 1): Shape => ({
  N,
  C,
  O,
  H,
  W: H,
  kh: k,
  kw: k,
  stride: [s, s],
  padding: [p, p],
  dilation: [1, 1],
  groups,
});

describe("im2col: all passes against the definition", () => {
  for (const s of [
    square(2, 16, 16, 8, 3, 1, 1),
    square(1, 3, 5, 9, 1, 1, 0),
    square(2, 6, 7, 8, 1, 2, 0),
    square(2, 6, 6, 9, 3, 1, 1, 6),
    square(1, 3, 8, 21, 7, 2, 3),
    square(1, 40, 70, 18, 3, 2, 1),
    square(1, 2, 2, 5, 1, 3, 1),
    ...randomShapes(1, 60),
  ]) {
    it(name(s), () => void check(s, "im2col"));
  }
});

function winogradShapes(seed: number, count: number): Shape[] {
  const rng = new Rng(seed);
  const pick = (low: number, high: number): number => low + rng.integer(high - low + 1);
  return Array.from({ length: count }, () => ({
    N: pick(1, 4),
    C: pick(1, 21),
    O: pick(1, 21),
    H: pick(3, 21),
    W: pick(3, 21),
    kh: 3,
    kw: 3,
    stride: [1, 1],
    padding: [pick(0, 2), pick(0, 2)],
    dilation: [1, 1],
    groups: 1,
  }));
}

describe.each(["winograd2", "winograd2x4", "winograd4"] as const)(
  "%s: all passes against the definition",
  (algorithm) => {
    for (const s of [
      square(2, 16, 16, 8, 3, 1, 1),
      square(1, 1, 1, 1, 3, 1, 1),
      square(1, 70, 6, 30, 3, 1, 1),
      square(9, 3, 40, 14, 3, 1, 1),
      square(1, 300, 3, 5, 3, 1, 1),
      ...winogradShapes(1, 25),
    ]) {
      it(name(s), () => void check(s, algorithm));
    }
  },
);

describe("direct: the passes that it covers against the definition", () => {
  for (const s of [
    square(2, 16, 16, 8, 3, 1, 1),
    square(2, 5, 11, 9, 1, 1, 0),
    square(2, 16, 32, 16, 3, 2, 1),
    square(1, 3, 64, 21, 7, 2, 3),
    square(2, 8, 24, 6, 3, 1, 1, 4),
  ]) {
    it(`${name(s)}: all passes`, () => {
      expect(check(s, "direct")).toEqual([true, true, true]);
    });
  }
  for (const s of randomShapes(2, 60)) it(name(s), () => void check(s, "direct"));
});

describe("auto", () => {
  for (const s of [
    square(2, 3, 16, 32, 3, 1, 1),
    square(2, 16, 16, 32, 3, 1, 1),
    square(1, 64, 64, 8, 3, 1, 1),
    square(3, 16, 32, 16, 3, 2, 1),
    square(1, 130, 70, 3, 3, 1, 1),
    square(2, 32, 24, 7, 1, 1, 0),
    ...randomShapes(3, 40),
    ...winogradShapes(2, 20),
  ]) {
    it(name(s), () => {
      expect(check(s, "auto")).toEqual([true, true, true]);
    });
  }

  it("an example: x = 1 … 9, w = [1 0; 0 −1], b = 0.5", () => {
    const g = convGeometry([1, 1, 3, 3], [1, 1, 2, 2], [1]);
    const y = new Float32Array(4);
    const x = Float32Array.of(1, 2, 3, 4, 5, 6, 7, 8, 9);
    expect(conv2d(engine, x, Float32Array.of(1, 0, 0, -1), Float32Array.of(0.5), y, g)).toBe(true);
    expect([...y]).toEqual([-3.5, -3.5, -3.5, -3.5]);
  });

  it("arrays in the engine's memory, also views that are not aligned to 16 bytes", () => {
    const g = convGeometry([2, 16, 8, 8], [16, 16, 3, 3], null, { padding: 1 });
    const rng = new Rng(1);
    const [x, w] = [normals(rng, 2 * 16 * 64), normals(rng, 16 * 144)];
    const expected = new Float32Array(2 * 16 * 64);
    conv2d(engine, x, w, null, expected, g);
    const resident = (values: Float32Array): Float32Array => {
      const view = engine.arena.allocate(values.length + 1)!.subarray(1);
      view.set(values);
      return view;
    };
    const y = resident(new Float32Array(expected.length));
    expect(conv2d(engine, resident(x), resident(w), null, y, g)).toBe(true);
    expect([...y]).toEqual([...expected]);
    engine.arena.reset();
  });

  it("no images: the weight gradient is zero", () => {
    const g = { ...convGeometry([1, 4, 5, 5], [4, 4, 3, 3], null, { padding: 1 }), N: 0 };
    const gw = new Float32Array(144).fill(1);
    const none = new Float32Array(0);
    expect(conv2d(engine, none, gw, null, none, g)).toBe(true);
    expect(conv2dInputGradient(engine, none, gw, none, g)).toBe(true);
    expect(conv2dWeightGradient(engine, none, none, gw, g)).toBe(true);
    expect(gw.every((value) => value === 0)).toBe(true);
  });

  it("the same bits again, and with other arrays alive", () => {
    const g = convGeometry([3, 20, 9, 9], [24, 20, 3, 3], null, { padding: 1 });
    const rng = new Rng(2);
    const [x, gy] = [normals(rng, 3 * 20 * 81), normals(rng, 3 * 24 * 81)];
    const run = (): Float32Array => {
      const gw = new Float32Array(24 * 180);
      expect(conv2dWeightGradient(engine, gy, x, gw, g)).toBe(true);
      return gw;
    };
    const first = run();
    engine.arena.allocate(1234);
    expect(run()).toEqual(first);
    engine.arena.reset();
  });

  it("false where the algorithm does not cover the geometry or is not there", () => {
    const strided = convGeometry([1, 4, 8, 8], [4, 4, 3, 3], null, { stride: 2 });
    const y = new Float32Array(36);
    const [x, w] = [new Float32Array(256), new Float32Array(144)];
    expect(conv2d(engine, x, w, null, y, { ...strided, algorithm: "winograd4" })).toBe(false);
    expect(conv2dInputGradient(engine, y, w, x, { ...strided, algorithm: "winograd2" })).toBe(false);
    expect(conv2dWeightGradient(engine, y, x, w, { ...strided, algorithm: "winograd2x4" })).toBe(false);
    const narrow = convGeometry([1, 4, 5, 3], [4, 4, 3, 3], null, {});
    expect(conv2d(engine, x, w, null, y, { ...narrow, algorithm: "direct" })).toBe(false);
  });
});

describe("no room in the engine's memory", () => {
  // 128 KiB and no more: less than the arrays themselves.
  const full = new Engine(webAssembly()!, 2 ** 17, 2 ** 17);
  for (const algorithm of ["auto", "im2col", "direct", "winograd2", "winograd2x4", "winograd4"] as const) {
    it(`${algorithm}: false, and nothing is written`, () => {
      const g = convGeometry([2, 64, 32, 32], [64, 64, 3, 3], null, { padding: 1, algorithm });
      const [x, w, y] = [new Float32Array(2 ** 17), new Float32Array(64 * 576), new Float32Array(2 ** 17).fill(7)];
      expect(conv2d(full, x, w, null, y, g)).toBe(false);
      expect(conv2dInputGradient(full, x, w, y, g)).toBe(false);
      expect(conv2dWeightGradient(full, x, x, w, g)).toBe(false);
      expect(y.every((value) => value === 7)).toBe(true);
    });
  }
});

describe("NaN and ±Infinity", () => {
  for (const algorithm of ["im2col", "direct", "winograd2", "winograd2x4", "winograd4"] as const) {
    const g = convGeometry([1, 8, 12, 12], [8, 8, 3, 3], null, { padding: 1, algorithm });
    for (const special of [Number.NaN, Number.POSITIVE_INFINITY]) {
      it(`${algorithm}: what sees ${special} is not finite, and nothing far away changes`, () => {
        const rng = new Rng(3);
        const [x, w] = [normals(rng, 8 * 144), normals(rng, 8 * 72)];
        const [before, after] = [new Float32Array(8 * 144), new Float32Array(8 * 144)];
        conv2d(engine, x, w, null, before, g);
        x[2 * 144 + 5 * 12 + 6] = special;
        conv2d(engine, x, w, null, after, g);
        // Winograd spoils whole tiles; im2col and direct exactly the nine pixels that see it, as the definition does.
        const reach = algorithm.startsWith("winograd") ? 5 : 1;
        for (let i = 0; i < after.length; i++) {
          const distance = Math.max(Math.abs(Math.floor((i % 144) / 12) - 5), Math.abs((i % 12) - 6));
          if (distance <= 1) expect(Number.isFinite(after[i])).toBe(false);
          else if (distance > reach) expect(after[i]).toBe(before[i]);
        }
      });
    }
  }
});
