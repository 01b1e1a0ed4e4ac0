/**
 * Direct convolution, forward and input gradient: every geometry whose rows of results have four pixels or more.
 *
 * An image is turned to NHWC with zeros around it, one at a time; then each tile of four pixels × eight filters reads
 * it where it stands (direct-kernel.ts). The input gradient is the same with the filter turned and its channel axes
 * exchanged; at stride s it falls into s·s such convolutions, one for each pair of phases (../geometry/patches.ts), whose
 * results are scattered.
 *
 * Accuracy: a result is one running sum over the taps and channels, as in the plain definition.
 */
import type { ConvGeometry } from "../geometry/conv.ts";
import { axisPhases } from "../geometry/patches.ts";
import type { Floats } from "../memory.ts";
import { pixelsFunction, rowsFunction, TILE_PIXELS, toPixelsFunction } from "./direct-kernel.ts";
import type { Call, Engine, Program } from "./engine.ts";
import { TILE_COLUMNS } from "./gemm.ts";
import { gatherFunction, scatterFunction } from "./im2col-kernel.ts";
import { cropFunction } from "./winograd-tiling.ts";

/** Whether the forward pass is covered. */
export function directCovers({ N, C, O, Wo }: ConvGeometry): boolean {
  return N * C * O > 0 && Wo >= TILE_PIXELS;
}

/** Whether the input gradient is covered: each phase's rows must have four pixels. */
export function directInputGradientCovers({ N, C, O, W, sw, kw }: ConvGeometry): boolean {
  return N * C * O > 0 && Math.floor(W / sw) >= TILE_PIXELS && kw >= sw;
}

type Functions = Program<"pixels" | "rows" | "toPixels" | "gather" | "scatter" | "crop">;

/** One convolution at work: images in, a set of results that is a grid of pixels out. */
interface Part {
  /** Where the runs begin, in pixels of the padded image relative to a tile's first pixel; numbers in a run. */
  readonly runs: readonly number[];
  readonly runLength: number;
  /** For each number of the filter in the order of the runs, its offset in w; and the distance between filters. */
  readonly taps: readonly number[];
  readonly ofFilter: number;
  /** The first pixel of the results' first row, and its steps, in pixels of the padded image. */
  readonly origin: number;
  readonly rowStep: number;
  /** Results: rows and columns, and their places in a channel of y where they are not all of it in order. */
  readonly height: number;
  readonly width: number;
  readonly targets: readonly number[] | null;
}

interface Pass {
  readonly N: number;
  readonly C: number;
  readonly H: number;
  readonly W: number;
  readonly O: number;
  /** Numbers in a channel of the result. */
  readonly plane: number;
  readonly groups: number;
  readonly top: number;
  readonly left: number;
  readonly Hp: number;
  readonly Wp: number;
  /** Distance between neighbouring results, in pixels of the image. */
  readonly step: number;
  readonly filterGroup: number;
  readonly parts: readonly Part[];
}

/** y → w ⋆ x, without bias. False where there is no room. */
export function directForward(engine: Engine, x: Floats, w: Floats, y: Floats, g: ConvGeometry): boolean {
  const { N, C, H, W, O, kh, kw, sh, sw, ph, pw, dh, dw, groups, Cg, Og, K, Ho, Wo, L } = g;
  const Wp = W + 2 * pw;
  // With neighbouring taps and all channels, a filter row is one run.
  const joined = dw === 1 && groups === 1;
  const runs: number[] = [];
  const taps: number[] = [];
  for (let u = 0; u < kh; u++) {
    for (let v = 0; v < kw; v++) {
      if (!joined || v === 0) runs.push(u * dh * Wp + v * dw);
      for (let c = 0; c < Cg; c++) taps.push((c * kh + u) * kw + v);
    }
  }
  const runLength = joined ? kw * C : Cg;
  const part = {
    runs,
    runLength,
    taps,
    ofFilter: K,
    origin: 0,
    rowStep: sh * Wp,
    height: Ho,
    width: Wo,
    targets: null,
  };
  const padding = { top: ph, left: pw, Hp: H + 2 * ph, Wp };
  const pass = { N, C, H, W, O, plane: L, groups, ...padding, step: sw, filterGroup: Og * K, parts: [part] };
  return convolve(engine, x, w, y, pass);
}

/** gx → what every pixel contributed to. False where there is no room. */
export function directInputGradient(engine: Engine, gy: Floats, w: Floats, gx: Floats, g: ConvGeometry): boolean {
  const { N, C, H, W, O, kh, kw, sh, sw, ph, pw, dh, dw, groups, Og, K, Ho, Wo } = g;
  const vertical = axisPhases(H, kh, sh, ph, dh, Ho);
  const horizontal = axisPhases(W, kw, sw, pw, dw, Wo);
  const Wp = horizontal.padded;
  const parts: Part[] = [];
  for (const rows of vertical.phases) {
    for (const columns of horizontal.phases) {
      if (rows.pixels.length === 0 || columns.pixels.length === 0) continue;
      const runs: number[] = [];
      const taps: number[] = [];
      rows.taps.forEach((u, a) => {
        columns.taps.forEach((v, b) => {
          runs.push(rows.shifts[a] * Wp + columns.shifts[b]);
          for (let o = 0; o < Og; o++) taps.push(o * K + u * kw + v);
        });
      });
      parts.push({
        runs,
        runLength: Og,
        taps,
        ofFilter: kh * kw,
        origin: rows.bases[0] * Wp + columns.bases[0],
        rowStep: Wp,
        height: rows.pixels.length,
        width: columns.pixels.length,
        targets: sh * sw === 1 ? null : rows.pixels.flatMap((h) => columns.pixels.map((j) => h * W + j)),
      });
    }
  }
  const padding = { top: vertical.before, left: horizontal.before, Hp: vertical.padded, Wp };
  const sizes = { N, C: O, H: Ho, W: Wo, O: C, plane: H * W, groups };
  return convolve(engine, gy, w, gx, { ...sizes, ...padding, step: 1, filterGroup: Og * K, parts });
}

function convolve(engine: Engine, x: Floats, w: Floats, y: Floats, pass: Pass): boolean {
  const { N, C, H, W, O, plane, groups, top, left, Hp, Wp, step, filterGroup } = pass;
  const [Cg, Og] = [C / groups, O / groups];
  const functions: Functions = engine.program(`direct/${C}/${step}`, (features) => [
    pixelsFunction(features, 4 * C * step), // number 0: `rows` calls it
    rowsFunction(4 * C * step),
    toPixelsFunction(C),
    gatherFunction("gather", TILE_COLUMNS),
    scatterFunction(),
    cropFunction(),
  ]);
  const panels = Math.ceil(Og / TILE_COLUMNS);
  return engine.run((scope) => {
    const px = scope.input(x);
    const pw = scope.input(w);
    const py = scope.output(y);
    // A tile may look up to three pixels beyond the last row's end.
    const paddedFloats = (Hp * Wp + 4 * step) * C;
    const padded = scope.scratch(paddedFloats);
    const spare = scope.scratch(TILE_COLUMNS * plane);
    const parts = pass.parts.map((part) => {
      const { taps, ofFilter, runs, targets } = part;
      const filters = scope.scratch(groups * panels * TILE_COLUMNS * taps.length);
      const lines = table(
        engine,
        scope,
        Array.from({ length: panels * 8 }, (_, o) => Math.min(o, Og - 1) * ofFilter),
      );
      const steps = table(engine, scope, taps);
      const runTable = table(
        engine,
        scope,
        runs.map((run) => run * C),
      );
      return { ...part, filters, lines, steps, runTable, targetTable: targets ? table(engine, scope, targets) : 0 };
    });
    engine.arena.floats.fill(0, padded / 4, padded / 4 + paddedFloats);
    for (const { filters, lines, steps, taps } of parts) {
      for (let i = 0; i < groups * panels; i++) {
        const group = Math.floor(i / panels);
        const to = filters + 4 * i * TILE_COLUMNS * taps.length;
        functions.gather(pw + 4 * group * filterGroup, lines + 4 * TILE_COLUMNS * (i % panels), steps, to, taps.length);
      }
    }
    for (let n = 0; n < N; n++) {
      functions.toPixels(px + 4 * n * C * H * W, padded + 4 * C * (top * Wp + left), H, W, 4 * H * W, 4 * C * Wp);
      for (const {
        filters,
        taps,
        runTable,
        runs,
        runLength,
        origin,
        rowStep,
        height,
        width,
        targets,
        targetTable,
      } of parts) {
        const tiles = Math.ceil(width / TILE_PIXELS);
        const tail = width - tiles * TILE_PIXELS;
        for (let i = 0; i < groups * panels; i++) {
          const group = Math.floor(i / panels);
          const first = (i % panels) * TILE_COLUMNS;
          const count = Math.min(TILE_COLUMNS, Og - first);
          const target = py + 4 * (n * O + group * Og + first) * plane;
          const whole = count === TILE_COLUMNS && targets === null;
          const results = height * width;
          const from = padded + 4 * (C * origin + group * Cg);
          const weights = filters + 4 * i * TILE_COLUMNS * taps.length;
          functions.rows(
            from,
            weights,
            runTable,
            runs.length,
            runLength,
            whole ? target : spare,
            4 * results,
            height,
            tiles,
            tail,
            4 * C * rowStep,
            4 * width,
          );
          if (targets) functions.scatter(spare, target, targetTable, count, results, 4 * plane);
          else if (!whole) functions.crop(spare, target, 1, count, results, 4 * results, 0);
        }
      }
    }
  });
}

/** Writes offsets, given in floats, as bytes; returns the table's address. */
function table(engine: Engine, scope: Call, offsets: readonly number[]): number {
  const address = scope.scratch(offsets.length);
  new Int32Array(engine.arena.memory.buffer, address, offsets.length).set(offsets.map((offset) => 4 * offset));
  return address;
}
