/**
 * Convolution with 3 × 3 filters at stride 1 by Winograd's minimal filtering: forward, and the input gradient, which is
 * the same with the filter turned by 180° and its two channel axes exchanged.
 *
 *   image ─pad─▶ tiles of (m + 2)² pixels, overlapping by 2 ─Bᵀ·B─▶ V [point][channel][tile]
 *   filter ─G·Gᵀ─▶ U [point][filter][channel]            M [point] = U [point] · V [point], a matrix product for each point
 *   M ─Aᵀ·A─▶ tiles of m² results
 *
 * The tiles are taken in blocks whose V and M stay in L2. Channels are summed in blocks: the tile of the matrix product
 * adds a block's sum to what is in memory, so that errors grow with the blocks' length, not with the number of channels.
 *
 * A tile's results all depend on all of its pixels here: an infinite or NaN pixel makes NaN of up to m² results near it,
 * where im2col would spoil only those that see it.
 */
import { algorithmCovers, type ConvGeometry } from "../../geometry/conv.ts";
import { oddLines } from "../../geometry/patches.ts";
import { constantOf, type Floats } from "../../memory.ts";
import { Images } from "../images.ts";
import { GRAIN } from "../loops.ts";
import { PRODUCT_GRAIN } from "../matmul.ts";
import type { Engine, Program } from "../wasm/engine.ts";
import { type Ending, finishing, NO_ENDING } from "./ending.ts";
import { insides } from "./tables.ts";
import { type Filtering2d, inputTilesFunction, outputTilesFunction, WORK_FLOATS } from "./winograd-kernel.ts";
import { type FilterLayout, filtersFunction, productOf, ROWS } from "./winograd-product.ts";
import { meanTaps, type Tiling, tiling } from "./winograd-tiling.ts";

/** V and M of one block: half of L2. */
const BLOCK_BYTES = 2 ** 19;
/** U where only some filters are transformed at a time: a quarter of L2. */
const U_BYTES = 2 ** 18;
/** A larger U is made in parts: in a full memory it might not find room beside a copy of the filters (arena.ts). */
const LARGEST_U_BYTES = 40 * 2 ** 20;

/** Whether Winograd's algorithms cover the geometry: all of them cover the same. */
export function winogradCovers(g: ConvGeometry): boolean {
  return algorithmCovers("winograd2", g) && g.N * g.C * g.O > 0;
}

/** y → w ⋆ x, and what follows. False where there is no room. */
export function winogradForward(
  engine: Engine,
  x: Floats,
  w: Floats,
  y: Floats,
  { N, C, H, W, O, Ho, Wo, ph, pw }: ConvGeometry,
  filterings: Filtering2d,
  ending: Ending,
): boolean {
  const filters = { ofFilter: 9 * C, ofChannel: 9, turned: false };
  return convolve(engine, x, w, y, { N, C, H, W, O, Ho, Wo, top: ph, left: pw, filters }, filterings, ending);
}

/** gx → the convolution of gy with the turned filter. False where there is no room. */
export function winogradInputGradient(
  engine: Engine,
  gy: Floats,
  w: Floats,
  gx: Floats,
  { N, C, H, W, O, Ho, Wo, ph, pw }: ConvGeometry,
  filterings: Filtering2d,
): boolean {
  const filters = { ofFilter: 9, ofChannel: 9 * C, turned: true };
  const pass = { N, C: O, H: Ho, W: Wo, O: C, Ho: H, Wo: W, top: 2 - ph, left: 2 - pw, filters };
  return convolve(engine, gy, w, gx, pass, filterings);
}

/** One pass, named as if it were forward. */
interface Pass {
  readonly N: number;
  readonly C: number;
  readonly H: number;
  readonly W: number;
  readonly O: number;
  readonly Ho: number;
  readonly Wo: number;
  /** Zeros above and left of the image. */
  readonly top: number;
  readonly left: number;
  readonly filters: FilterLayout;
}

/**
 * How many of C channels are summed without a break; all blocks are about equal. F(4×4) magnifies errors: its blocks are
 * shorter where `terms` are few, because a running sum of few terms has little error itself (conv.ts).
 */
function channelBlock(C: number, points: number, terms: number): number {
  const most = points < 36 || terms >= 1900 ? 64 : terms >= 1000 ? 32 : 16;
  return Math.ceil(C / Math.ceil(C / most));
}

/** How a pass is divided, and where its numbers lie. All sizes are in floats. */
interface Plan {
  readonly tiles: Tiling;
  /** Points at which filters and tiles are multiplied. */
  readonly points: number;
  /** Groups of four tiles in a block; two make a panel of columns. */
  readonly blockGroups: number;
  /** Channels that are summed without a break. */
  readonly blockC: number;
  /** Filters of a product, and whether U has the numbers of no more than these. */
  readonly blockO: number;
  readonly inParts: boolean;
  /** Whether U is kept from step to step. */
  readonly kept: boolean;
  /** Distances from point to point in U, V and M. */
  readonly planes: readonly [u: number, v: number, m: number];
  /** Distance from channel to channel in M. */
  readonly rowOfM: number;
  /** Distances of channels and rows where the results are written. */
  readonly outPlane: number;
  readonly outRow: number;
}

function planOf({ N, C, H, W, O, Ho, Wo, top, left }: Pass, filterings: Filtering2d, kept: boolean): Plan {
  const points = filterings.vertical.n * filterings.horizontal.n;
  const tiles = tiling(Ho, Wo, filterings);
  const fitting = Math.floor(BLOCK_BYTES / (16 * points * (C + O)));
  const blockGroups = 2 * Math.ceil(Math.min(Math.max(fitting, 8), N * tiles.groups) / 2);
  const rowOfM = blockGroups * 4;
  // Where one block is all, U is needed once: some filters are transformed and used at a time, so that U stays in L2. Where
  // U would be too large, too; each block repeats the transforms then. Bits do not depend on it. A constant's U is kept
  // whole; then what one point needs of it is to stay in L2.
  const inParts = !kept && (N * tiles.groups <= blockGroups || 4 * points * C * O > LARGEST_U_BYTES);
  const fittingO = ROWS * Math.max(1, Math.floor(U_BYTES / (4 * ROWS * C * (kept ? 1 : points))));
  const blockO = inParts || kept ? Math.min(O, fittingO) : O;
  return {
    tiles,
    points,
    blockGroups,
    blockC: channelBlock(C, points, C * meanTaps(Ho, Wo, H, W, top, left)),
    blockO,
    inParts,
    kept,
    planes: [oddLines(roundUp(kept ? O : blockO) * C), oddLines(C * rowOfM), oddLines(roundUp(blockO) * rowOfM)],
    rowOfM,
    outPlane: tiles.whole ? Ho * Wo : tiles.outHeight * tiles.outWidth,
    outRow: tiles.whole ? Wo : tiles.outWidth,
  };
}

type Functions = Program<"product" | "pad" | "crop" | "inputTiles" | "outputTiles" | "filters">;

/** The input gradient has the sizes of the forward pass in most networks: then the two share all but the filters' part. */
function functionsOf(engine: Engine, { C, filters }: Pass, filterings: Filtering2d, plan: Plan): Functions {
  const { tiles, blockC, planes, rowOfM, outPlane, outRow } = plan;
  const [bytesOfU, bytesOfV, bytesOfM] = planes.map((floats) => 4 * floats);
  const names = `${filterings.vertical.name} ${filterings.horizontal.name}`;
  const sizes = [bytesOfV, bytesOfM, tiles.inWidth, tiles.inPlane, outPlane, outRow];
  const { inputTiles, outputTiles } = engine.program(`winograd ${names} ${sizes}`, (features) => [
    inputTilesFunction(filterings, features, 4 * tiles.inWidth, 4 * tiles.inPlane, bytesOfV),
    outputTilesFunction(filterings, features, bytesOfM, 4 * outRow, 4 * outPlane),
  ]);
  const { filters: filtersOf } = engine.program(`winograd filters ${names} ${filters.turned}`, () => [
    filtersFunction(filterings, filters.turned),
  ]);
  return {
    product: productOf(engine, { k: C, block: blockC }, planes, rowOfM),
    inputTiles,
    outputTiles,
    filters: filtersOf.bind(null, C, 4 * filters.ofFilter, 4 * filters.ofChannel, bytesOfU),
    ...insides(engine),
  };
}

function convolve(
  engine: Engine,
  x: Floats,
  w: Floats,
  y: Floats,
  pass: Pass,
  filterings: Filtering2d,
  ending: Ending = NO_ENDING,
): boolean {
  const { N, C, H, W, O, Ho, Wo, top, left, filters } = pass;
  const plan = planOf(pass, filterings, constantOf(w) !== undefined);
  const { tiles: t, points, blockGroups, blockO, inParts, rowOfM, outPlane, outRow } = plan;
  const [planeOfU, planeOfV, planeOfM] = plan.planes;
  const functions = functionsOf(engine, pass, filterings, plan);
  return engine.run((call) => {
    const px = call.input(x);
    const py = call.output(y);
    const finish = finishing(engine, call, py, ending);
    const key = `winograd/${[filterings.vertical.name, filterings.horizontal.name, filters.turned]}`;
    // A constant's U is kept, and never in parts.
    const pw = inParts ? call.input(w) : 0;
    const whole = inParts
      ? 0
      : call.derived(w, key, points * planeOfU, (U) => {
          const from = call.input(w);
          call.split(Math.ceil(O / ROWS), Math.ceil(GRAIN / (ROWS * C * points)), (first, last) => {
            const o = first * ROWS;
            functions.filters(from + 4 * o * filters.ofFilter, U + 4 * o * C, Math.min(O, last * ROWS) - o);
          });
        });
    // Results of the images that one block may touch.
    const slots = Math.min(N, Math.ceil(blockGroups / t.groups) + 1);
    // One image at a time, padded. The next block begins with the image that this one ends in, or a new one.
    const paddedFloats = C * t.inPlane;
    // Threads with images of their own would each transform all filters, for each of their chunks.
    const batch = new Images(engine, call, N, inParts);
    const [part, M, work, V, padded, results] = batch.scratch(
      [inParts ? points * planeOfU : 0, points * planeOfM, WORK_FLOATS],
      [points * planeOfV, paddedFloats, t.whole ? 0 : slots * O * outPlane],
    );
    const U = inParts ? part : whole;
    const tables = t.write(engine, call, outRow);
    call.fillEach(0, padded, paddedFloats);
    const block = (begin: number, last: number): void => {
      const end = Math.min(last, begin + blockGroups);
      const panels = Math.ceil((end - begin) / 2);
      /** Visits the images of the block: image n has groups `first` … of the block's groups `local` … */
      const images = (visit: (n: number, first: number, local: number, count: number) => void): void => {
        for (let n = Math.floor(begin / t.groups); n * t.groups < end; n++) {
          const from = Math.max(begin, n * t.groups);
          visit(n, from - n * t.groups, from - begin, Math.min(end, (n + 1) * t.groups) - from);
        }
      };
      images((n, first, local, count) => {
        const isNew = paddedUpTo <= n;
        paddedUpTo = n + 1;
        const panelBytes = 32 * C;
        const to = V + (local >> 1) * panelBytes + 16 * (local & 1);
        const step = local & 1 ? panelBytes - 16 : 16;
        const grain = Math.ceil(GRAIN / (t.inPlane + 16 * points * count));
        batch.within(C, grain, (from, end) => {
          const channels = end - from;
          const image = padded + 4 * from * t.inPlane;
          if (isNew) {
            const inside = image + 4 * (top * t.inWidth + left);
            functions.pad(px + 4 * (n * C + from) * H * W, inside, channels, H, W, 4 * t.inWidth, 4 * t.inPlane);
          }
          functions.inputTiles(
            image,
            tables.input + 16 * first,
            to + 32 * from,
            count,
            channels,
            panelBytes,
            step,
            work,
          );
        });
      });
      const pieces = Math.ceil(O / ROWS);
      batch.within(pieces, Math.ceil(PRODUCT_GRAIN / (8 * ROWS * C * points * panels)), (from, to) => {
        const lastO = Math.min(O, to * ROWS);
        for (let o = from * ROWS; o < lastO; o += blockO) {
          const filterCount = Math.min(blockO, lastO - o);
          const filterPanels = Math.ceil(filterCount / ROWS);
          if (inParts) functions.filters(pw + 4 * o * filters.ofFilter, U, filterCount);
          functions.product(inParts ? U : U + 4 * o * C, V, M, filterPanels, panels, points, 0);
          images((n, first, local, count) => {
            const image = t.whole ? py + 4 * n * O * outPlane : results + 4 * (n % slots) * O * outPlane;
            const target = image + 4 * o * outPlane;
            const table = tables.output + 16 * first;
            functions.outputTiles(M + 16 * local, table, target, count, filterCount, 4 * rowOfM, work);
          });
        }
        images((n, first, _local, count) => {
          if (first + count < t.groups) return;
          const [o, at] = [from * ROWS, (n * O + from * ROWS) * Ho * Wo];
          const image = results + 4 * ((n % slots) * O + o) * outPlane;
          if (!t.whole) functions.crop(image, py + 4 * at, lastO - o, Ho, Wo, 4 * outRow, 4 * outPlane);
          finish(at, o, lastO - o, Ho * Wo, Ho * Wo);
        });
      });
    };
    let paddedUpTo = 0;
    batch.each(N, 1, (from, to) => {
      paddedUpTo = from;
      for (let begin = from * t.groups; begin < to * t.groups; begin += blockGroups) block(begin, to * t.groups);
    });
  });
}

/** Rows of whole panels. */
function roundUp(filters: number): number {
  return Math.ceil(filters / ROWS) * ROWS;
}
