/**
 * Convolution and its gradients as matrix products with an im2col matrix that is never built ("implicit im2col").
 *
 * Each image stands with zeros around it. What filter tap t sees at position l lies at the sum of two numbers from two
 * short tables, as in the plain tier (../../plain/conv.ts, read it first):
 *
 *   y[o, l]  = Σ_t w[o, t] · padded[taps[t] + positions[l]] + b[o]      forward
 *   gw[o, t] = Σ_l gy[o, l] · padded[positions[l] + taps[t]]            weight gradient: the tables change places
 *   gx[c, p] = Σ_t w[t, c] · paddedGy[taps′[t] + positions′[p]]         input gradient, by phases of the stride
 *
 * So the GEMM's packing reads the image through the tables, block by block, and its tile does the rest. This covers
 * every kernel size, stride, padding, dilation and grouping. A 1×1 filter with stride 1 needs no tables: there the
 * image is the im2col matrix, and the product is a plain GEMM.
 *
 * Accuracy: a tile sums at most 256 products one after the other, and such sums are added: no worse than one running
 * sum. Next: winograd.ts, direct.ts.
 */
import type { ConvGeometry } from "../../geometry/conv.ts";
import type { GemmGeometry } from "../../geometry/matmul.ts";
import { arithmetic, axisPhases, grid, oddLines, patchTables, phaseTables } from "../../geometry/patches.ts";
import type { Floats } from "../../memory.ts";
import { GRAIN } from "../loops.ts";
import {
  gemmAt,
  multiplyPacked,
  packedFloats,
  partFunction,
  spareFloats,
  splitProduct,
  tilesFunction,
} from "../matmul.ts";
import { TILE_COLUMNS, tileFunction, tileRows } from "../matmul-kernel.ts";
import { copyRowsFunction } from "../shape.ts";
import type { Func } from "../wasm/assembler.ts";
import type { Call, Engine, Program } from "../wasm/engine.ts";
import type { Features } from "../wasm/features.ts";
import { addBiasAt } from "./bias.ts";
import { gatherFunction, gatherRunsFunction, padFunction, scatterFunction, writeTable } from "./tables.ts";

/** Summands of a block, and columns: 256 KiB of packed B, a quarter of L2. */
const KC = 256;
const NC = 256;

type Functions = Program<
  "tile" | "tiles" | "part" | "pad" | "gatherRows" | "gatherColumns" | "gatherRunsColumns" | "scatter" | "copyRows"
>;

/** y `[N, O, Ho, Wo]` → w ⋆ x + b. False where the engine has no room. */
export function im2colConv2d(
  engine: Engine,
  x: Floats,
  w: Floats,
  b: Floats | null,
  y: Floats,
  g: ConvGeometry,
): boolean {
  const { N, C, H, W, O, groups, Cg, Og, K, L } = g;
  return engine.run((call) => {
    const px = call.input(x);
    const pb = b ? call.input(b) : 0;
    const py = call.output(y);
    if (isMatrixProduct(g)) {
      const geometry = { m: O, n: L, k: C };
      const pw = call.constant(w);
      eachProduct(engine, call, N, geometry, (n) => [pw, px + 4 * n * C * L, py + 4 * n * O * L]);
    } else {
      const { taps, positions, Wp, plane } = patchTables(g);
      const padding = { planes: C, H, W, top: g.ph, left: g.pw, Wp, plane };
      const filter = matrix(engine, call, arithmetic(Og, K), arithmetic(K), tileRows(engine.features));
      const patches = matrix(engine, call, positions, taps, TILE_COLUMNS);
      const product = new TableProduct(engine, filter, patches);
      const bytes = 4 * product.packedFloats;
      const packed = call.derived(w, `im2col/${groups}`, groups * product.packedFloats, (to) => {
        const pw = call.input(w);
        for (let group = 0; group < groups; group++) product.packRows(pw + 4 * group * Og * K, to + group * bytes);
      });
      eachImage(
        engine,
        call,
        N,
        px,
        padding,
        product.scratchFloats,
        product.columnBlocks,
        (n, padded, scratch, from, to) => {
          for (let group = 0; group < groups; group++) {
            const result = py + 4 * (n * O + group * Og) * L;
            product.multiply(
              packed + group * bytes,
              padded + 4 * group * Cg * plane,
              result,
              L,
              false,
              scratch,
              from,
              to,
            );
          }
        },
      );
    }
    if (b) addBiasAt(engine, py, pb, g);
  });
}

/** gw `[O, Cg, kh, kw]` → Σ over images and positions of gy·x. False where the engine has no room. */
export function im2colWeightGradient(engine: Engine, gy: Floats, x: Floats, gw: Floats, g: ConvGeometry): boolean {
  const { N, C, H, W, O, groups, Cg, Og, K, L } = g;
  return engine.run((call) => {
    const pgw = call.output(gw);
    if (isMatrixProduct(g)) {
      const geometry = { m: O, n: C, k: L, transposeB: true };
      const [pgy, px] = [call.window(gy, N), call.window(x, N)];
      const [packed] = call.each(packedFloats(geometry));
      for (let n = 0; n < N; n++) {
        const [a, b] = [pgy(n, n + 1) + 4 * n * O * L, px(n, n + 1) + 4 * n * C * L];
        splitProduct(engine, call, a, b, pgw, packed, { ...geometry, accumulate: n > 0 });
      }
    } else {
      const { taps, positions, Wp, plane } = patchTables(g);
      const padding = { planes: C, H, W, top: g.ph, left: g.pw, Wp, plane };
      const upstream = matrix(engine, call, arithmetic(Og, L), arithmetic(L), tileRows(engine.features));
      const patches = matrix(engine, call, taps, positions, TILE_COLUMNS);
      const product = new TableProduct(engine, upstream, patches);
      const imageFloats = 16 * Math.ceil((C * plane) / 16);
      const size = imageFloats + groups * product.packedFloats;
      const together = engine.togetherOf(N, size);
      const [upstreams, inputs] = [call.window(gy, N, together), call.window(x, N, together)];
      const images = call.scratch(together * size);
      const [scratch] = call.each(product.scratchFloats);
      for (let i = 0; i < together; i++) zero(engine, images + 4 * i * size, imageFloats);
      const { pad } = im2colFunctions(engine);
      for (let first = 0; first < N; first += together) {
        const count = Math.min(together, N - first);
        const [pgy, px] = [upstreams(first, first + count), inputs(first, first + count)];
        call.split(count, 1, (from, to) => {
          for (let i = from; i < to; i++) {
            const padded = images + 4 * i * size;
            padInto(pad, px, first + i, padded, padding);
            for (let group = 0; group < groups; group++) {
              const target = padded + 4 * (imageFloats + group * product.packedFloats);
              product.packRows(pgy + 4 * ((first + i) * O + group * Og) * L, target);
            }
          }
        });
        call.split(product.columnBlocks, 1, (from, to) => {
          for (let i = 0; i < count; i++) {
            const padded = images + 4 * i * size;
            for (let group = 0; group < groups; group++) {
              const rows = padded + 4 * (imageFloats + group * product.packedFloats);
              const result = pgw + 4 * group * Og * K;
              product.multiply(rows, padded + 4 * group * Cg * plane, result, K, first + i > 0, scratch, from, to);
            }
          }
        });
      }
    }
    if (N === 0) engine.arena.floats.fill(0, pgw / 4, pgw / 4 + gw.length);
  });
}

/** gx `[N, C, H, W]` → the gradient with respect to x, by phases of the stride. False where the engine has no room. */
export function im2colInputGradient(engine: Engine, gy: Floats, w: Floats, gx: Floats, g: ConvGeometry): boolean {
  const { N, C, H, W, O, kh, kw, sh, sw, ph, pw, dh, dw, groups, Cg, Og, K, Ho, Wo, L } = g;
  return engine.run((call) => {
    const pgy = call.input(gy);
    const pw0 = call.input(w);
    const pgx = call.output(gx);
    const functions = im2colFunctions(engine);
    if (isMatrixProduct(g)) {
      const geometry = { m: C, n: L, k: O, transposeA: true };
      eachProduct(engine, call, N, geometry, (n) => [pw0, pgy + 4 * n * O * L, pgx + 4 * n * C * L]);
      return;
    }
    const vertical = axisPhases(H, kh, sh, ph, dh, Ho);
    const horizontal = axisPhases(W, kw, sw, pw, dw, Wo);
    const Wp = horizontal.padded;
    const plane = oddLines(vertical.padded * Wp);
    const [top, left] = [vertical.before, horizontal.before];
    const padding = { planes: O, H: Ho, W: Wo, top, left, Wp, plane };
    // At stride 1 there is one phase, and its pixels are all pixels in order.
    const whole = sh === 1 && sw === 1;
    const parts = vertical.phases.flatMap((rows) =>
      horizontal.phases.map((columns) => {
        const { taps, positions, pixels } = phaseTables(rows, columns, g, Wp, plane);
        const steps = grid(arithmetic(Og), grid(rows.taps, columns.taps, kw), K);
        const filter = matrix(engine, call, arithmetic(Cg, kh * kw), steps, tileRows(engine.features));
        const patches = matrix(engine, call, positions, taps, TILE_COLUMNS);
        const product = new TableProduct(engine, filter, patches);
        const packed = call.scratch(groups * product.packedFloats);
        const targets = whole ? 0 : writeTable(engine, call, pixels);
        return { product, packed, targets, count: pixels.length };
      }),
    );
    for (const { product, packed } of parts) {
      for (let group = 0; group < groups; group++) {
        product.packRows(pw0 + 4 * group * Og * K, packed + 4 * group * product.packedFloats);
      }
    }
    const most = (of: (part: (typeof parts)[number]) => number): number => Math.max(...parts.map(of));
    const resultFloats = whole ? 0 : 16 * Math.ceil((Cg * most(({ count }) => count)) / 16);
    const scratchFloats = resultFloats + most(({ product }) => product.scratchFloats);
    const blocks = whole ? parts[0].product.columnBlocks : 1;
    eachImage(engine, call, N, pgy, padding, scratchFloats, blocks, (n, padded, result, first, last) => {
      const scratch = result + 4 * resultFloats;
      for (let group = 0; group < groups; group++) {
        const from = padded + 4 * group * Og * plane;
        const to = pgx + 4 * (n * C + group * Cg) * H * W;
        for (const { product, packed, targets, count } of parts) {
          if (count === 0) continue;
          const filters = packed + 4 * group * product.packedFloats;
          if (whole) product.multiply(filters, from, to, count, false, scratch, first, last);
          else {
            product.multiply(filters, from, result, count, false, scratch);
            functions.scatter(result, to, targets, Cg, count, 4 * H * W);
          }
        }
      }
    });
  });
}

/**
 * Visits every image, padded: one after the other on each thread, or, of few, each on all threads, which then take blocks of
 * columns.
 */
function eachImage(
  engine: Engine,
  call: Call,
  N: number,
  images: number,
  padding: Padding,
  scratchFloats: number,
  blocks: number,
  visit: (n: number, padded: number, scratch: number, firstBlock: number, lastBlock: number) => void,
): void {
  const { pad } = im2colFunctions(engine);
  const imageFloats = padding.planes * padding.plane;
  const many = N >= 2 * engine.threadCount || blocks === 1;
  const [own, scratch] = call.each(many ? imageFloats : 0, scratchFloats);
  if (many) {
    // The zeros stay; every image replaces the inside.
    call.fillEach(0, own, imageFloats);
    call.split(N, 1, (from, to) => {
      for (let n = from; n < to; n++) {
        padInto(pad, images, n, own, padding);
        visit(n, own, scratch, 0, blocks);
      }
    });
    return;
  }
  const padded = call.scratch(imageFloats);
  zero(engine, padded, imageFloats);
  for (let n = 0; n < N; n++) {
    call.split(padding.planes, Math.ceil(GRAIN / padding.plane), (from, to) =>
      padInto(pad, images, n, padded, padding, from, to),
    );
    call.split(blocks, 1, (from, to) => visit(n, padded, scratch, from, to));
  }
}

function zero(engine: Engine, address: number, floats: number): void {
  engine.arena.floats.fill(0, address / 4, address / 4 + floats);
}

/** Writes planes of image n into the padded image. */
function padInto(
  pad: Functions["pad"],
  images: number,
  n: number,
  padded: number,
  { planes, H, W, top, left, Wp, plane }: Padding,
  from = 0,
  to: number = planes,
): void {
  const inside = padded + 4 * (from * plane + top * Wp + left);
  pad(images + 4 * (n * planes + from) * H * W, inside, to - from, H, W, 4 * Wp, 4 * plane);
}

/** A product for each of N images: one image after the other on each thread, or, of few, each on all threads. */
function eachProduct(
  engine: Engine,
  call: Call,
  N: number,
  g: GemmGeometry,
  addressesOf: (n: number) => readonly [number, number, number],
): void {
  const [packed] = call.each(packedFloats(g));
  if (N >= 2 * engine.threadCount) {
    call.split(N, 1, (from, to) => {
      for (let n = from; n < to; n++) gemmAt(engine, ...addressesOf(n), packed, g);
    });
  } else {
    for (let n = 0; n < N; n++) splitProduct(engine, call, ...addressesOf(n), packed, g);
  }
}

/** Whether the image is its own im2col matrix. */
function isMatrixProduct({ kh, kw, sh, sw, ph, pw, groups }: ConvGeometry): boolean {
  return kh === 1 && kw === 1 && sh === 1 && sw === 1 && ph === 0 && pw === 0 && groups === 1;
}

/** Where the planes of an image lie, with zeros around them. */
interface Padding {
  readonly planes: number;
  readonly H: number;
  readonly W: number;
  /** Rows of zeros above, columns of zeros on the left. */
  readonly top: number;
  readonly left: number;
  /** Width of a padded row. */
  readonly Wp: number;
  /** Distance from one padded plane to the next. */
  readonly plane: number;
}

/** A matrix read through tables: element (line, step) is at base + lines[line] + steps[step]. */
interface TableMatrix {
  /** Addresses of the tables, in bytes; the table of lines is filled up to a whole panel with its last entry. */
  readonly lines: number;
  readonly steps: number;
  readonly lineCount: number;
  readonly stepCount: number;
  /** For each panel, whether its lines are neighbours, four by four. */
  readonly runs: readonly boolean[];
}

function matrix(
  engine: Engine,
  call: Call,
  lines: ArrayLike<number>,
  steps: ArrayLike<number>,
  width: number,
): TableMatrix {
  const panels = Math.ceil(lines.length / width);
  const runs = Array.from({ length: panels }, (_, panel) => {
    for (let i = panel * width; i < (panel + 1) * width; i++) {
      if (i >= lines.length) return false;
      if (i % 4 !== 0 && lines[i] !== lines[i - 1] + 1) return false;
    }
    return width % 4 === 0;
  });
  return {
    lines: writeTable(engine, call, lines, { length: panels * width }),
    steps: writeTable(engine, call, steps),
    lineCount: lines.length,
    stepCount: steps.length,
    runs,
  };
}

/** C = A·B, or C += A·B, with A and B read through tables. A is packed as a whole, B block by block. */
class TableProduct {
  /** Floats of a packed A. */
  readonly packedFloats: number;
  readonly #functions: Functions;
  readonly #rows: TableMatrix;
  readonly #columns: TableMatrix;
  readonly #R: number;
  /** Floats of a packed block of B. */
  readonly #packedColumns: number;
  /** Floats of scratch of `multiply`. */
  readonly scratchFloats: number;
  /** Blocks of B's columns. */
  readonly columnBlocks: number;

  constructor(engine: Engine, rows: TableMatrix, columns: TableMatrix) {
    this.#functions = im2colFunctions(engine);
    this.#rows = rows;
    this.#columns = columns;
    this.#R = tileRows(engine.features);
    this.packedFloats = Math.ceil(rows.lineCount / this.#R) * this.#R * rows.stepCount;
    const columnPanels = Math.ceil(Math.min(NC, columns.lineCount) / TILE_COLUMNS);
    this.#packedColumns = columnPanels * TILE_COLUMNS * Math.min(KC, columns.stepCount);
    this.scratchFloats = this.#packedColumns + spareFloats(rows.lineCount, Math.min(NC, columns.lineCount));
    this.columnBlocks = Math.ceil(columns.lineCount / NC);
  }

  /** Packs the A whose tables start at `base`, to `target`. */
  packRows(base: number, target: number): void {
    const { lineCount, stepCount } = this.#rows;
    for (let p = 0; p < stepCount; p += KC) {
      target = this.#pack(this.#rows, this.#R, base, 0, lineCount, p, Math.min(KC, stepCount - p), target);
    }
  }

  /**
   * c `[m, n]`, rows `rowFloats` apart, → A·B, or adds it, in some of its blocks of columns. A is packed at `a`; B's tables start
   * at `base`.
   */
  multiply(
    a: number,
    base: number,
    c: number,
    rowFloats: number,
    accumulate: boolean,
    scratch: number,
    firstBlock = 0,
    lastBlock: number = this.columnBlocks,
  ): void {
    const R = this.#R;
    const m = this.#rows.lineCount;
    const n = Math.min(this.#columns.lineCount, lastBlock * NC);
    const k = this.#columns.stepCount;
    const rowFloatsOfA = Math.ceil(m / R) * R;
    const spare = scratch + 4 * this.#packedColumns;
    const begin = firstBlock * NC;
    // A phase that no filter tap meets. At address 0 there is a zero.
    if (k === 0 && !accumulate) this.#functions.copyRows(0, c + 4 * begin, n - begin, m, 0, 4 * rowFloats);
    for (let j = begin; j < n; j += NC) {
      const nc = Math.min(NC, n - j);
      for (let p = 0; p < k; p += KC) {
        const kc = Math.min(KC, k - p);
        this.#pack(this.#columns, TILE_COLUMNS, base, j, nc, p, kc, scratch);
        const add = accumulate || p > 0 ? 1 : 0;
        const block = a + 4 * rowFloatsOfA * p;
        const to = c + 4 * j;
        multiplyPacked(this.#functions, R, block, scratch, to, m, nc, kc, 4 * rowFloats, add, spare);
      }
    }
  }

  /** Packs lines from `firstLine` and steps from `firstStep`; returns the address after the last panel. */
  #pack(
    of: TableMatrix,
    width: number,
    base: number,
    firstLine: number,
    lines: number,
    firstStep: number,
    k: number,
    target: number,
  ): number {
    const steps = of.steps + 4 * firstStep;
    const { gatherRows, gatherColumns, gatherRunsColumns } = this.#functions;
    for (let line = firstLine; line < firstLine + lines; line += width) {
      const table = of.lines + 4 * line;
      if (width === TILE_COLUMNS) {
        if (of.runs[line / width]) gatherRunsColumns(base, table, steps, target, k);
        else gatherColumns(base, table, steps, target, k);
      } else {
        gatherRows(base, table, steps, target, k);
      }
      target += 4 * width * k;
    }
    return target;
  }
}

function im2colFunctions(engine: Engine): Functions {
  return engine.program("im2col", (features: Features): Func[] => [
    tileFunction(features), // number 0: `tiles` calls it
    tilesFunction(tileRows(features)),
    partFunction(),
    padFunction(),
    gatherFunction("gatherRows", tileRows(features)),
    gatherFunction("gatherColumns", TILE_COLUMNS),
    gatherRunsFunction("gatherRunsColumns", TILE_COLUMNS),
    scatterFunction(),
    copyRowsFunction(true),
  ]);
}
