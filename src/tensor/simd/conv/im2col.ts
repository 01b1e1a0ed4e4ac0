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
 * So the product's packing reads the image through the tables, block by block, and its tile does the rest (table-product.ts).
 * This covers every kernel size, stride, padding, dilation and grouping. Without padding the image is read where it stands. In
 * the gradients of a 1×1 filter with stride 1 the image is the im2col matrix, and the product is a plain GEMM.
 *
 * Accuracy: a tile sums at most 256 products one after the other, and such sums are added: no worse than one running
 * sum. Next: winograd.ts, direct.ts.
 */
import type { ConvGeometry } from "../../geometry/conv.ts";
import type { GemmGeometry } from "../../geometry/matmul.ts";
import { arithmetic, axisPhases, grid, oddLines, patchTables, phaseTables } from "../../geometry/patches.ts";
import type { Floats } from "../../memory.ts";
import { isFew } from "../images.ts";
import { GRAIN } from "../loops.ts";
import { gemmAt, PRODUCT_GRAIN, packedFloats, splitProduct } from "../matmul.ts";
import { TILE_COLUMNS, tileRows } from "../matmul-kernel.ts";
import type { Call, Engine } from "../wasm/engine.ts";
import { type Ending, finishing } from "./ending.ts";
import { type Functions, type Operands, TableProduct, tableFunctions, tableMatrix } from "./table-product.ts";
import { writeTable, zero } from "./tables.ts";

/** y `[N, O, Ho, Wo]` → w ⋆ x, and what follows. False where the engine has no room. */
export function im2colConv2d(
  engine: Engine,
  x: Floats,
  w: Floats,
  y: Floats,
  g: ConvGeometry,
  ending: Ending,
): boolean {
  const { N, C, H, W, O, ph, pw, groups, Cg, Og, K, L } = g;
  return engine.run((call) => {
    const px = call.input(x);
    const py = call.output(y);
    const finish = finishing(engine, call, py, ending);
    // Without zeros around it, the image is read where it stands.
    const { taps, positions, Wp, plane } = patchTables(g, ph + pw === 0 ? H * W : undefined);
    const padding = { planes: C, H, W, top: ph, left: pw, Wp, plane };
    const filter = tableMatrix(engine, call, arithmetic(Og, K), arithmetic(K), tileRows(engine.features));
    const patches = tableMatrix(engine, call, positions, taps, TILE_COLUMNS);
    const product = new TableProduct(engine, filter, patches);
    const bytes = 4 * product.packedFloats;
    const packed = call.derived(w, `im2col/${groups}`, groups * product.packedFloats, (to) => {
      const pw = call.input(w);
      for (let group = 0; group < groups; group++)
        product.packRowsTogether(call, pw + 4 * group * Og * K, to + group * bytes);
    });
    const operands = (n: number, image: number): Operands[] =>
      Array.from({ length: groups }, (_, group) => {
        const first = n * O + group * Og;
        return {
          a: packed + group * bytes,
          base: image + 4 * group * Cg * plane,
          c: py + 4 * first * L,
          rowFloats: L,
          finish: (row, rows, column, columns) =>
            finish((first + row) * L + column, group * Og + row, rows, columns, L),
        };
      });
    const { scratchFloats, blockFloats, columnBlocks: blocks } = product;
    eachImage(engine, call, N, px, padding, {
      scratchFloats,
      sharedFloats: blockFloats,
      blocks,
      visit: (n, image, scratch, from, to) => {
        for (const group of operands(n, image)) product.multiply(group, scratch, from, to);
      },
      together: (n, image, scratch, shared) => {
        for (const group of operands(n, image)) product.multiplyTogether(call, group, shared, scratch);
      },
    });
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
      const upstream = tableMatrix(engine, call, arithmetic(Og, L), arithmetic(L), tileRows(engine.features));
      const patches = tableMatrix(engine, call, taps, positions, TILE_COLUMNS);
      const product = new TableProduct(engine, upstream, patches, engine.threadCount);
      const imageFloats = 16 * Math.ceil((C * plane) / 16);
      const size = imageFloats + groups * product.packedFloats;
      const together = engine.togetherOf(N, size);
      const [upstreams, inputs] = [call.window(gy, N, together), call.window(x, N, together)];
      const images = call.scratch(together * size);
      const [scratch] = call.each(product.scratchFloats);
      for (let i = 0; i < together; i++) zero(engine, images + 4 * i * size, imageFloats);
      const { pad } = tableFunctions(engine);
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
        const grain = Math.ceil(PRODUCT_GRAIN / (count * O * L * product.blockColumns));
        call.split(product.columnBlocks, grain, (from, to) => {
          for (let i = 0; i < count; i++) {
            const padded = images + 4 * i * size;
            for (let group = 0; group < groups; group++) {
              const rows = padded + 4 * (imageFloats + group * product.packedFloats);
              const result = pgw + 4 * group * Og * K;
              const base = padded + 4 * group * Cg * plane;
              product.multiply(
                { a: rows, base, c: result, rowFloats: K, accumulate: first + i > 0 },
                scratch,
                from,
                to,
              );
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
    const functions = tableFunctions(engine);
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
        const filter = tableMatrix(engine, call, arithmetic(Cg, kh * kw), steps, tileRows(engine.features));
        const patches = tableMatrix(engine, call, positions, taps, TILE_COLUMNS);
        const product = new TableProduct(engine, filter, patches);
        const packed = call.scratch(groups * product.packedFloats);
        const targets = whole ? 0 : writeTable(engine, call, pixels);
        return { product, packed, targets, count: pixels.length };
      }),
    );
    for (const { product, packed } of parts) {
      for (let group = 0; group < groups; group++) {
        product.packRowsTogether(call, pw0 + 4 * group * Og * K, packed + 4 * group * product.packedFloats);
      }
    }
    const most = (of: (part: (typeof parts)[number]) => number): number => Math.max(...parts.map(of));
    const resultFloats = whole ? 0 : 16 * Math.ceil((Cg * most(({ count }) => count)) / 16);
    const scratchFloats = resultFloats + most(({ product }) => product.scratchFloats);
    const blocks = whole ? parts[0].product.columnBlocks : 1;
    const visit: Visits["visit"] = (n, padded, result, first, last) => {
      const scratch = result + 4 * resultFloats;
      for (let group = 0; group < groups; group++) {
        const base = padded + 4 * group * Og * plane;
        const to = pgx + 4 * (n * C + group * Cg) * H * W;
        for (const { product, packed, targets, count } of parts) {
          if (count === 0) continue;
          const a = packed + 4 * group * product.packedFloats;
          if (whole) product.multiply({ a, base, c: to, rowFloats: count }, scratch, first, last);
          else {
            product.multiply({ a, base, c: result, rowFloats: count }, scratch);
            functions.scatter(result, to, targets, Cg, count, 4 * H * W);
          }
        }
      }
    };
    eachImage(engine, call, N, pgy, padding, { scratchFloats, blocks, visit });
  });
}

/** What `eachImage` does with an image. */
interface Visits {
  /** Blocks of columns into which the work on an image can be divided. */
  readonly blocks: number;
  /** Scratch of each thread; and scratch that threads share, which work on one image together. */
  readonly scratchFloats: number;
  readonly sharedFloats?: number;
  /** Some blocks of image n, on one thread. */
  readonly visit: (n: number, image: number, scratch: number, firstBlock: number, lastBlock: number) => void;
  /** All of image n, on all threads: for images of few blocks. */
  readonly together?: (n: number, image: number, scratch: number, shared: number) => void;
}

/**
 * Visits every image, padded where it is to be: one after the other on each thread, or, of few, each on all threads, which
 * then take blocks of columns, or work together.
 */
function eachImage(
  engine: Engine,
  call: Call,
  N: number,
  images: number,
  padding: Padding,
  { blocks, scratchFloats, sharedFloats = 0, visit, together }: Visits,
): void {
  const { pad } = tableFunctions(engine);
  const { planes, plane, H, W } = padding;
  const imageFloats = planes * plane;
  const inPlace = plane === H * W;
  const many = !isFew(engine, N) || (blocks === 1 && !together);
  const paddedFloats = inPlace ? 0 : imageFloats;
  const [own, scratch] = call.each(many ? paddedFloats : 0, scratchFloats);
  if (many) {
    // The zeros stay; every image replaces the inside.
    call.fillEach(0, own, paddedFloats);
    call.split(N, 1, (from, to) => {
      for (let n = from; n < to; n++) {
        if (!inPlace) padInto(pad, images, n, own, padding);
        visit(n, inPlace ? images + 4 * n * imageFloats : own, scratch, 0, blocks);
      }
    });
    return;
  }
  const padded = call.scratch(paddedFloats);
  const shared = call.scratch(sharedFloats);
  zero(engine, padded, paddedFloats);
  for (let n = 0; n < N; n++) {
    const image = inPlace ? images + 4 * n * imageFloats : padded;
    if (!inPlace) {
      call.split(planes, Math.ceil(GRAIN / plane), (from, to) => padInto(pad, images, n, padded, padding, from, to));
    }
    if (together && blocks < 2 * engine.threadCount) together(n, image, scratch, shared);
    else call.split(blocks, 1, (from, to) => visit(n, image, scratch, from, to));
  }
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
