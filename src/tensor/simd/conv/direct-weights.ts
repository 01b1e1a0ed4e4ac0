/**
 * Direct convolution's weight gradient: outer products, summed over pixels.
 *
 *                 8 channels of a pixel of x, two vectors (NHWC, with zeros around)
 *                 ┌────────┬────────┐
 *   gy[o, l]  ●   │        │        │
 *   gy[o+1,l] ●   │  8 sums, kept   │     one tap (u, v) at a time: pixel l of gy meets pixel l·stride + tap of x
 *   gy[o+2,l] ●   │  in registers   │     ● = one number, repeated four times
 *   gy[o+3,l] ●   │        │        │
 *                 └────────┴────────┘
 *
 * There are no horizontal sums, and gy is not copied. A sum runs over a band of rows of an image; the bands' sums are added.
 */
import type { ConvGeometry } from "../../geometry/conv.ts";
import { arithmetic } from "../../geometry/patches.ts";
import type { Floats } from "../../memory.ts";
import { advance, GRAIN, whileAtLeast } from "../loops.ts";
import { multiplyAdd } from "../matmul-kernel.ts";
import {
  block,
  branch,
  branchIf,
  type Code,
  callFunction,
  type Func,
  f32x4,
  func,
  get,
  i32,
  loop,
  set,
  tee,
  v128,
} from "../wasm/assembler.ts";
import type { Engine, Program } from "../wasm/engine.ts";
import type { Features } from "../wasm/features.ts";
import { toPixelsFunction } from "./direct-kernel.ts";
import { scatterFunction, writeTable } from "./tables.ts";

/**
 * Rows of a band. All tiles read one band before the next, so that it stays in the cache: 9 % on 32 channels of 16 × 16
 * pixels, 15 % on 64 of 56 × 56. With fewer channels nothing is gained.
 */
const BAND_ROWS = 8;

/** Filters and channels of a tile. */
const FILTERS = 4;
const CHANNELS = 8;

type Functions = Program<"outer" | "outers" | "toPixels" | "scatter">;

export function directWeightGradientCovers({ N, C, Og }: ConvGeometry): boolean {
  return N * C > 0 && Og >= FILTERS;
}

/** gw `[O, Cg, kh, kw]` → Σ gy·x. False where there is no room. */
export function directWeightGradient(engine: Engine, gy: Floats, x: Floats, gw: Floats, g: ConvGeometry): boolean {
  const { N, C, H, W, O, kh, kw, sh, sw, ph, pw, dh, dw, groups, Cg, Og, K, Ho, Wo, L } = g;
  const Wp = W + 2 * pw;
  const functions: Functions = engine.program(`directWeights/${[C, sw, L]}`, (features) => [
    outerFunction(features, 4 * C * sw, 4 * L), // number 0: `outers` calls it
    outersFunction(),
    toPixelsFunction(C),
    scatterFunction(),
  ]);
  const filterPanels = Math.ceil(Og / FILTERS);
  const channelPanels = Math.ceil(Cg / CHANNELS);
  const channels = channelPanels * CHANNELS;
  const bandRows = C < 32 ? Ho : BAND_ROWS;
  /** The last panel of a group's filters overlaps the one before it. */
  const firstFilter = (panel: number): number => Math.min(panel * FILTERS, Og - FILTERS);
  return engine.run((call) => {
    const pgw = call.output(gw);
    const paddedFloats = 16 * Math.ceil(((H + 2 * ph) * Wp * C + CHANNELS) / 16);
    const together = engine.togetherOf(N, paddedFloats);
    const [upstreams, inputs] = [call.window(gy, N, together), call.window(x, N, together)];
    let [pgy, px] = [0, 0];
    const padded = call.scratch(together * paddedFloats);
    const tileRow = FILTERS * channels;
    const tiles = groups * filterPanels * kh * kw;
    const sums = call.scratch(tiles * tileRow);
    const targets = writeTable(engine, call, arithmetic(Cg, kh * kw));
    engine.arena.floats.fill(0, padded / 4, padded / 4 + together * paddedFloats);
    /** What tile number `tile`, of one tap and one panel of filters, sums over a band of rows. */
    const addBand = (tile: number, n: number, image: number, row: number): void => {
      const [u, v] = [Math.floor(tile / kw) % kh, tile % kw];
      const ofGroup = Math.floor(tile / (kh * kw));
      const [group, panel] = [Math.floor(ofGroup / filterPanels), ofGroup % filterPanels];
      const from = pgy + 4 * ((n * O + group * Og + firstFilter(panel)) * L + row * Wo);
      const pixels = image + 4 * (((row * sh + u * dh) * Wp + v * dw) * C + group * Cg);
      const rows = Math.min(bandRows, Ho - row);
      const add = n + row > 0 ? 1 : 0;
      functions.outers(
        from,
        pixels,
        sums + 4 * tile * tileRow,
        rows,
        Wo,
        4 * C * sh * Wp,
        4 * channels,
        add,
        channelPanels,
      );
    };
    for (let first = 0; first < N; first += together) {
      const count = Math.min(together, N - first);
      [pgy, px] = [upstreams(first, first + count), inputs(first, first + count)];
      const imageOf = (k: number): number => padded + 4 * k * paddedFloats;
      call.split(count, 1, (from, to) => {
        for (let k = from; k < to; k++) {
          const inside = imageOf(k) + 4 * C * (ph * Wp + pw);
          functions.toPixels(px + 4 * (first + k) * C * H * W, inside, H, W, 4 * H * W, 4 * C * Wp);
        }
      });
      call.split(tiles, Math.ceil(GRAIN / (count * L * channels)), (from, to) => {
        for (let k = 0; k < count; k++) {
          for (let row = 0; row < Ho; row += bandRows) {
            for (let tile = from; tile < to; tile++) addBand(tile, first + k, imageOf(k), row);
          }
        }
      });
    }
    for (let o = 0; o < O; o++) {
      const [group, inGroup] = [Math.floor(o / Og), o % Og];
      const panel = Math.floor(inGroup / FILTERS);
      const row = inGroup - firstFilter(panel);
      for (let t = 0; t < kh * kw; t++) {
        const from = sums + 4 * (((group * filterPanels + panel) * kh * kw + t) * tileRow + row * channels);
        functions.scatter(from, pgw + 4 * (o * K + t), targets, 1, Cg, 0);
      }
    }
  });
}

/**
 * outer(gy, x, out, height, width, xRowBytes, outRowBytes, add): one tile. Rows of gy are `width` numbers, one after
 * another; its channels are gyPlaneBytes apart, pixels of x pixelBytes.
 */
function outerFunction(features: Features, pixelBytes: number, gyPlaneBytes: number): Func {
  return func(
    "outer",
    Array.from({ length: 8 }, () => "i32" as const),
    (locals) => {
      const [gy, x, out, height, width, xRowBytes, outRowBytes, add] = [0, 1, 2, 3, 4, 5, 6, 7];
      const [from, k] = locals.many("i32", 2);
      const sums = locals.many("v128", 2 * FILTERS);
      const [x0, x1, splat] = locals.many("v128", 3);
      const unroll = 4;
      const step: Code = [
        set(x0, get(from), v128.load()),
        set(x1, get(from), v128.load(16)),
        Array.from({ length: FILTERS }, (_, r) => [
          set(splat, get(gy), v128.load32Splat(gyPlaneBytes * r)),
          multiplyAdd(sums[2 * r], splat, x0, features),
          multiplyAdd(sums[2 * r + 1], splat, x1, features),
        ]),
        advance(from, pixelBytes),
        advance(gy, 4),
        // A branch in every step, as in matmul-kernel.ts.
        tee(k, get(k), i32.const(1), i32.sub),
        i32.eqz,
        branchIf(1),
      ];
      const store = (accumulate: boolean): Code =>
        Array.from({ length: FILTERS }, (_, r) => [
          [0, 1].map((half) => [
            get(out),
            get(sums[2 * r + half]),
            accumulate ? [get(out), v128.load(16 * half), f32x4.add] : [],
            v128.store(16 * half),
          ]),
          set(out, get(out), get(outRowBytes), i32.add),
        ]);
      return [
        whileAtLeast(
          height,
          1,
          set(from, get(x)),
          set(k, get(width)),
          block(
            loop(
              Array.from({ length: unroll }, () => step),
              branch(0),
            ),
          ),
          set(x, get(x), get(xRowBytes), i32.add),
          advance(height, -1),
        ),
        block(block(get(add), i32.eqz, branchIf(0), store(true), branch(1)), store(false)),
      ];
    },
  );
}

/** outers(gy, x, out, height, width, xRowBytes, outRowBytes, add, panels): tiles for one panel of channels after another. */
function outersFunction(): Func {
  return func(
    "outers",
    Array.from({ length: 9 }, () => "i32" as const),
    () => {
      const [x, out, panels] = [1, 2, 8];
      return whileAtLeast(
        panels,
        1,
        [0, 1, 2, 3, 4, 5, 6, 7].map((parameter) => get(parameter)),
        callFunction(0),
        advance(x, 4 * CHANNELS),
        advance(out, 4 * CHANNELS),
        advance(panels, -1),
      );
    },
  );
}
