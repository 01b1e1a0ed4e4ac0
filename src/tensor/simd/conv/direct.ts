/**
 * Direct convolution, forward and input gradient: every geometry whose results fill a tile.
 *
 * Images are turned to NHWC one by one, with zeros around. Each tile of four or six pixels × eight filters reads its image
 * there (direct-kernel.ts). The input gradient is the same convolution with the filter turned and its channel axes
 * exchanged. At stride s it falls into s·s such convolutions, one for each pair of phases (../../geometry/patches.ts); their
 * results are scattered.
 *
 * Accuracy: a result is one running sum over the taps and channels, as in the plain definition.
 */
import type { ConvGeometry } from "../../geometry/conv.ts";
import { arithmetic, axisPhases, grid } from "../../geometry/patches.ts";
import type { Floats } from "../../memory.ts";
import { isFew } from "../images.ts";
import { GRAIN } from "../loops.ts";
import { TILE_COLUMNS } from "../matmul-kernel.ts";
import { copyRowsFunction } from "../shape.ts";
import type { Call, Engine, Program } from "../wasm/engine.ts";
import { directTiles, toPixelsFunction } from "./direct-kernel.ts";
import { type Ending, finishing, NO_ENDING } from "./ending.ts";
import { gatherFunction, scatterFunction, writeTable, zero } from "./tables.ts";

/** Pixels of a tile, with multiply-add; without it four. */
const MOST_PIXELS = 6;

/** Whether the forward pass is covered. */
export function directCovers({ N, C, O, L }: ConvGeometry): boolean {
  return N * C * O > 0 && L >= MOST_PIXELS;
}

/** Whether the input gradient is covered: each phase must have the pixels of a tile. */
export function directInputGradientCovers({ N, C, O, H, W, sh, sw }: ConvGeometry): boolean {
  return N * C * O > 0 && Math.floor(H / sh) * Math.floor(W / sw) >= MOST_PIXELS;
}

type Functions = Program<"tiles" | "gather" | "scatter" | "copyRows">;

/** One convolution at work: images in, a set of results that is a grid of pixels out. */
interface Part {
  /** Where the runs begin: pixels of the padded image, counted from a tile's pixel. And how many numbers a run has. */
  readonly runs: readonly number[];
  readonly runLength: number;
  /** Where the numbers of a filter lie in w, in the order of the runs; and the distance from filter to filter. */
  readonly taps: readonly number[];
  readonly ofFilter: number;
  /** The first pixel that each result sees, as its number in the padded image. */
  readonly pixels: Int32Array;
  /** The results' places in a channel of y, where they are not all of it in order. */
  readonly targets: Int32Array | null;
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
  readonly filterGroup: number;
  /** Names the packed filters, which are kept if w is a constant. */
  readonly key: string;
  readonly parts: readonly Part[];
}

/** y → w ⋆ x, and what follows. False where there is no room. */
export function directForward(
  engine: Engine,
  x: Floats,
  w: Floats,
  y: Floats,
  g: ConvGeometry,
  ending: Ending,
): boolean {
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
  const pixels = grid(arithmetic(Ho, sh), arithmetic(Wo, sw), Wp);
  const parts = [{ runs, runLength, taps, ofFilter: K, pixels, targets: null }];
  const padding = { top: ph, left: pw, Hp: H + 2 * ph, Wp };
  const sizes = { N, C, H, W, O, plane: L, groups };
  return convolve(
    engine,
    x,
    w,
    y,
    { ...sizes, ...padding, filterGroup: Og * K, key: `direct/${groups}`, parts },
    ending,
  );
}

/** gx → the gradient with respect to x. False where there is no room. */
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
      // The last tap looks furthest to the left; where all look at neighbours, they are one run.
      const joined = groups === 1 && columns.shifts.every((shift, b) => shift === columns.shifts[0] - b);
      rows.taps.forEach((u, a) => {
        for (let b = columns.taps.length - 1; b >= 0; b--) {
          if (!joined || b === columns.taps.length - 1) runs.push(rows.shifts[a] * Wp + columns.shifts[b]);
          for (let o = 0; o < Og; o++) taps.push(o * K + u * kw + columns.taps[b]);
        }
      });
      parts.push({
        runs,
        runLength: joined ? Og * columns.taps.length : Og,
        taps,
        ofFilter: kh * kw,
        pixels: grid(rows.bases, columns.bases, Wp),
        targets: sh * sw === 1 ? null : grid(rows.pixels, columns.pixels, W),
      });
    }
  }
  const padding = { top: vertical.before, left: horizontal.before, Hp: vertical.padded, Wp };
  const key = `direct/gradient/${[H, W, sh, sw, ph, pw, dh, dw, groups]}`;
  const sizes = { N, C: O, H: Ho, W: Wo, O: C, plane: H * W, groups };
  return convolve(engine, gy, w, gx, { ...sizes, ...padding, filterGroup: Og * K, key, parts });
}

function convolve(engine: Engine, x: Floats, w: Floats, y: Floats, pass: Pass, ending: Ending = NO_ENDING): boolean {
  const { N, C, H, W, O, plane, groups, top, left, Hp, Wp } = pass;
  const [Cg, Og] = [C / groups, O / groups];
  const functions = directFunctions(engine);
  const { toPixels } = engine.program<"toPixels">(`toPixels/${C}`, () => [toPixelsFunction(C)]);
  const panels = Math.ceil(Og / TILE_COLUMNS);
  return engine.run((call) => {
    const px = call.input(x);
    const py = call.output(y);
    const finish = finishing(engine, call, py, ending);
    const few = isFew(engine, N);
    const paddedFloats = Hp * Wp * C;
    const [own, spare] = call.each(few ? 0 : paddedFloats, TILE_COLUMNS * plane);
    const padded = few ? call.scratch(paddedFloats) : own;
    const parts = prepare(engine, call, w, pass, panels);
    if (few) zero(engine, padded, paddedFloats);
    else call.fillEach(0, padded, paddedFloats);
    const pad = (n: number, from: number, to: number): void => {
      const target = padded + 4 * C * ((top + from) * Wp + left);
      toPixels(px + 4 * (n * C * H + from) * W, target, to - from, W, 4 * H * W, 4 * C * Wp);
    };
    /** Some panels of filters, of all groups, on image n. */
    const multiply = (n: number, firstPanel: number, lastPanel: number): void => {
      parts.forEach(({ runs, runLength, targets, filters, panelFloats, results, tables }, index) => {
        for (let i = firstPanel; i < lastPanel; i++) {
          const group = Math.floor(i / panels);
          const first = (i % panels) * TILE_COLUMNS;
          const count = Math.min(TILE_COLUMNS, Og - first);
          const filter = group * Og + first;
          const target = py + 4 * (n * O + filter) * plane;
          const whole = count === TILE_COLUMNS && targets === null;
          const from = padded + 4 * group * Cg;
          const panel = filters + 4 * i * panelFloats;
          const [to, distance] = whole ? [target, 4 * plane] : [spare, 4 * results];
          functions.tiles(from, panel, tables.runs, runs.length, runLength, to, distance, tables.pixels, results);
          if (targets) functions.scatter(spare, target, tables.targets, count, results, 4 * plane);
          else if (!whole) functions.copyRows(spare, target, count * results, 1, 0, 0);
          if (index === parts.length - 1) finish((n * O + filter) * plane, filter, count, plane, plane);
        }
      });
    };
    if (few) {
      for (let n = 0; n < N; n++) {
        call.split(H, Math.ceil(GRAIN / (C * W)), (from, to) => pad(n, from, to));
        call.split(groups * panels, 1, (from, to) => multiply(n, from, to));
      }
    } else {
      call.split(N, 1, (from, to) => {
        for (let n = from; n < to; n++) {
          pad(n, 0, H);
          multiply(n, 0, groups * panels);
        }
      });
    }
  });
}

function directFunctions(engine: Engine): Functions {
  return engine.program("direct", (features) => [
    ...directTiles(features), // number 0: `tiles` calls it
    gatherFunction("gather", TILE_COLUMNS),
    scatterFunction(),
    copyRowsFunction(false),
  ]);
}

/** A part whose filters are packed and whose tables are written. */
interface Prepared extends Part {
  /** Addresses of the packed filters and of the tables. */
  readonly filters: number;
  readonly tables: { readonly runs: number; readonly pixels: number; readonly targets: number };
  /** Numbers of a panel of filters. */
  readonly panelFloats: number;
  /** Results in a channel. */
  readonly results: number;
}

function prepare(engine: Engine, call: Call, w: Floats, pass: Pass, panels: number): Prepared[] {
  const { C, O, groups, filterGroup, key } = pass;
  const { gather } = directFunctions(engine);
  const write = (offsets: ArrayLike<number>, floats: number): number => writeTable(engine, call, offsets, { floats });
  let pw: number | undefined;
  return pass.parts.map((part, index) => {
    const { taps, ofFilter, runs, pixels, targets } = part;
    const panelFloats = TILE_COLUMNS * taps.length;
    const pack = (to: number): void => {
      pw ??= call.input(w);
      const source = pw;
      const lines = writeTable(engine, call, arithmetic(O / groups, ofFilter), { length: panels * TILE_COLUMNS });
      const steps = write(taps, 1);
      call.split(groups * panels, Math.ceil(GRAIN / panelFloats), (first, last) => {
        for (let i = first; i < last; i++) {
          const from = source + 4 * Math.floor(i / panels) * filterGroup;
          gather(from, lines + 4 * TILE_COLUMNS * (i % panels), steps, to + 4 * i * panelFloats, taps.length);
        }
      });
    };
    return {
      ...part,
      filters: call.derived(w, `${key}/${index}`, groups * panels * panelFloats, pack),
      panelFloats,
      results: pixels.length,
      tables: { runs: write(runs, C), pixels: write(pixels, C), targets: targets ? write(targets, 1) : 0 },
    };
  });
}
