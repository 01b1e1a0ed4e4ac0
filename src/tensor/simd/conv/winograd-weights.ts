/**
 * The weight gradient of a 3 × 3 convolution at stride 1 by Winograd's minimal filtering: gy's tiles are the "filters",
 * of m × m taps, and the nine numbers of gw are the outputs, F(3×3, m×m), with the same points as forward.
 *
 *   x  ─pad─▶ tiles of (m + 2)² pixels ─Bᵀ·B─▶ V [point][tile][channel]
 *   gy ─────▶ tiles of m² pixels ─G·Gᵀ─▶ U [point][tile][filter]         M [point] += U [point]ᵀ · V [point]
 *   M ─Aᵀ·A─▶ gw                                                         (sums over the tiles of all images)
 *
 * In the transforms a lane is a channel: the panels of the matrix product want such vectors. Tiles are taken in blocks. The
 * sum of a block, some dozens of products, is added to M, so errors grow far less than in one running sum.
 *
 * Several threads may not add blocks in another order. While channels are few, M is smaller than a block's U and V, and each thread
 * multiplies its own blocks; then one after the other adds what it has to M. So nothing but M goes from one thread's cache to
 * another's. With many channels each thread multiplies all blocks at some of the points.
 */
import type { ConvGeometry } from "../../geometry/conv.ts";
import { oddLines } from "../../geometry/patches.ts";
import type { Floats } from "../../memory.ts";
import { GRAIN, rowsFunction } from "../loops.ts";
import { TILE_COLUMNS } from "../matmul-kernel.ts";
import { type Func, f32x4, get, set } from "../wasm/assembler.ts";
import type { Engine, Program } from "../wasm/engine.ts";
import { insides } from "./tables.ts";
import { channelsFunction, type Filtering2d, outputFiltersFunction, WORK_FLOATS } from "./winograd-kernel.ts";
import { productOf, ROWS } from "./winograd-product.ts";
import { type Tiling, tiling } from "./winograd-tiling.ts";

/**
 * Tiles of a block, summed without a break. U and V of one block stay in L2 up to some 64 channels. Longer blocks are no
 * faster, and less accurate (128 tiles: 1.5 times a running sum's error at 2048 pixels, 32 tiles: 1.1).
 */
const BLOCK_TILES = 32;

/** How the pass is divided, and where its numbers lie. All sizes are in floats. */
interface Plan {
  readonly tiles: Tiling;
  /** Points at which tiles of gy and of x are multiplied. */
  readonly points: number;
  /** Tiles of a block, and of the last one. */
  readonly block: number;
  readonly lastBlock: number;
  /** Panels of the product; columns with those that fill up the last panel. */
  readonly rowPanels: number;
  readonly columnPanels: number;
  readonly columns: number;
  /** Distances from point to point in U, V and M. */
  readonly planes: readonly [number, number, number];
  /** Whether gy is read where it stands, and the distances of its channels and rows there or in the copy. */
  readonly direct: boolean;
  readonly gyPlane: number;
  readonly gyRow: number;
}

function planOf({ N, C, O, Ho, Wo }: ConvGeometry, { vertical, horizontal }: Filtering2d): Plan {
  const tiles = tiling(Ho, Wo, { vertical: turned(vertical), horizontal: turned(horizontal) });
  const rowPanels = Math.ceil(O / ROWS);
  const columnPanels = Math.ceil(C / TILE_COLUMNS);
  const columns = columnPanels * TILE_COLUMNS;
  const block = Math.min(BLOCK_TILES, N * tiles.tiles);
  // gy needs no copy where its tiles and its quads of channels are whole and its rows can be loaded as vectors.
  const direct = tiles.whole && O % ROWS === 0 && horizontal.r === 4;
  return {
    tiles,
    points: vertical.n * horizontal.n,
    block,
    lastBlock: ((N * tiles.tiles - 1) % block) + 1,
    rowPanels,
    columnPanels,
    columns,
    planes: [oddLines(rowPanels * ROWS * block), oddLines(columns * block), oddLines(rowPanels * ROWS * columns)],
    direct,
    gyPlane: direct ? Ho * Wo : tiles.inPlane,
    gyRow: direct ? Wo : tiles.inWidth,
  };
}

type Functions = Program<"product" | "lastProduct" | "pad" | "crop" | "images" | "upstream" | "outputFilters">;
type Range = readonly [from: number, to: number];

function functionsOf(engine: Engine, filterings: Filtering2d, plan: Plan): Functions {
  const { vertical, horizontal } = filterings;
  const { block, lastBlock, columns, planes, gyPlane, gyRow } = plan;
  const [inRow, inPlane] = [4 * plan.tiles.inWidth, 4 * plan.tiles.inPlane];
  const [bytesOfU, bytesOfV, bytesOfM] = planes.map((floats) => 4 * floats);
  const sizes = [planes, inRow, inPlane, gyRow, gyPlane];
  const { images, upstream, outputFilters } = engine.program(
    `winograd weights ${vertical.name} ${horizontal.name} ${sizes}`,
    (features) => [
      channelsFunction("images", vertical.BT, horizontal.BT, features, inRow, inPlane, bytesOfV, 4 * TILE_COLUMNS),
      channelsFunction("upstream", vertical.G, horizontal.G, features, 4 * gyRow, 4 * gyPlane, bytesOfU, 4 * ROWS),
      outputFiltersFunction(filterings, features, bytesOfM),
    ],
  );
  return {
    product: productOf(engine, { k: block, block }, planes, columns),
    lastProduct: productOf(engine, { k: lastBlock, block }, planes, columns),
    images,
    upstream,
    outputFilters,
    ...insides(engine),
  };
}

/** add(x, y, 1, n, 0, 0): adds n numbers x to y. */
function addFunction(): Func {
  return rowsFunction("add", { arrays: 2, reads: [0, 1], writes: [1] }, ({ x: [x, y] }) =>
    set(y, get(y), get(x), f32x4.add),
  );
}

/** gw `[O, C, 3, 3]` → Σ gy·x. False where there is no room. `filterings` is F(3×3, m×m). */
export function winogradWeightGradient(
  engine: Engine,
  gy: Floats,
  x: Floats,
  gw: Floats,
  g: ConvGeometry,
  filterings: Filtering2d,
): boolean {
  const { N, C, H, W, O, Ho, Wo, ph, pw } = g;
  const plan = planOf(g, filterings);
  const { tiles: t, points, block, rowPanels, columnPanels, columns, direct, gyPlane, gyRow } = plan;
  const quads = Math.ceil(C / 4);
  const functions = functionsOf(engine, filterings, plan);
  const blocks = Math.ceil((N * t.tiles) / block);
  const [sizeU, sizeV, sizeM] = plan.planes.map((plane) => points * plane);
  const threads = engine.threadCount;
  const byBlocks = threads > 1 && blocks >= 2 * threads && sizeM <= sizeU + sizeV;
  return engine.run((call) => {
    const pgw = call.output(gw);
    const together = engine.togetherOf(blocks, byBlocks ? sizeM : sizeU + sizeV);
    // Images that these blocks may touch.
    const touched = Math.min(N, Math.ceil((together * block) / t.tiles) + 1);
    const [upstreams, inputs] = [call.window(gy, N, touched), call.window(x, N, touched)];
    let [pgy, px] = [0, 0];
    const shared = byBlocks ? 0 : together;
    const [sharedU, sharedV] = [call.scratch(shared * sizeU), call.scratch(shared * sizeV)];
    const products = call.scratch(byBlocks ? together * sizeM : 0);
    const M = call.scratch(sizeM);
    const tables = t.write(engine, call, gyRow);
    // One image and one gy at a time, padded; channels up to a whole quad are zeros.
    const imageFloats = 4 * quads * t.inPlane;
    const upstreamFloats = direct ? 0 : rowPanels * ROWS * gyPlane;
    const paddedFloats = imageFloats + upstreamFloats;
    const own = byBlocks ? [sizeU, sizeV] : [0, 0];
    const [padded, work, ownU, ownV] = call.each(paddedFloats, WORK_FLOATS, ...own);
    const paddedGy = padded + 4 * imageFloats;
    const filters = C % 4 === 0 ? pgw : call.scratch(O * quads * 36);
    call.fillEach(0, padded, paddedFloats);
    const tilesOf = (b: number): number => Math.min(block, N * t.tiles - b * block);
    /** The transforms of block b. Returns the image that is padded then. */
    const transform = (b: number, U: number, V: number, paddedBefore: number): number => {
      const [begin, tiles] = [b * block, tilesOf(b)];
      const end = begin + tiles;
      let n = Math.floor(begin / t.tiles);
      for (; n * t.tiles < end; n++) {
        const from = Math.max(begin, n * t.tiles);
        const first = from - n * t.tiles;
        const count = Math.min(end, (n + 1) * t.tiles) - from;
        const local = from - begin;
        if (n !== paddedBefore) {
          const inside = padded + 4 * (ph * t.inWidth + pw);
          functions.pad(px + 4 * n * C * H * W, inside, C, H, W, 4 * t.inWidth, 4 * t.inPlane);
          if (!direct) functions.pad(pgy + 4 * n * O * Ho * Wo, paddedGy, O, Ho, Wo, 4 * gyRow, 4 * gyPlane);
        }
        for (let q = 0; q < quads; q++) {
          const to = V + 4 * ((q >> 1) * TILE_COLUMNS * tiles + 4 * (q & 1) + TILE_COLUMNS * local);
          functions.images(padded + 16 * q * t.inPlane, tables.input + 4 * first, to, count, work);
        }
        const upstream = direct ? pgy + 4 * n * O * gyPlane : paddedGy;
        for (let q = 0; q < rowPanels; q++) {
          const to = U + 4 * ROWS * (q * tiles + local);
          functions.upstream(upstream + 16 * q * gyPlane, tables.output + 4 * first, to, count, work);
        }
      }
      return n - 1;
    };
    /** The product of block b at some points, from where its transforms are to where it is wanted. */
    const multiply = (b: number, U: number, V: number, to: number, [from, end]: Range, adds: boolean): void => {
      const product = tilesOf(b) === block ? functions.product : functions.lastProduct;
      const [u, v, m] = plan.planes.map((plane) => 4 * from * plane);
      product(U + u, V + v, to + m, rowPanels, columnPanels, end - from, adds ? 1 : 0);
    };
    let last = -1;
    /** Each thread transforms blocks for all. Then it multiplies all of them at some of the points. */
    const multiplyByPoints = (first: number, count: number): void => {
      const [placeOfU, placeOfV] = [sharedU, sharedV].map(
        (address, i) => (k: number) => address + 4 * k * [sizeU, sizeV][i],
      );
      call.split(count, 1, (from, to) => {
        // With one thread, the next block may begin with the image that this one ends in.
        last = together === 1 ? last : -1;
        for (let k = from; k < to; k++) last = transform(first + k, placeOfU(k), placeOfV(k), last);
      });
      call.split(points, Math.ceil((8 * GRAIN) / (count * block * C * O)), (from, to) => {
        for (let k = 0; k < count; k++) multiply(first + k, placeOfU(k), placeOfV(k), M, [from, to], first + k > 0);
      });
    };
    /** Each thread transforms and multiplies blocks. Then each, one after the other, adds what it has. */
    const multiplyByBlocks = (first: number, count: number): void => {
      const { add } = engine.program<"add">("winograd add", () => [addFunction()]);
      const placeOf = (k: number): number => (first + k === 0 ? M : products + 4 * k * sizeM);
      call.split(count, 1, (from, to) => {
        for (let k = from, image = -1; k < to; k++) {
          image = transform(first + k, ownU, ownV, image);
          multiply(first + k, ownU, ownV, placeOf(k), [0, points], false);
        }
      });
      for (let thread = 0; thread < threads; thread++) {
        const [from, to] = [thread, thread + 1].map((t) => Math.floor((t * count) / threads));
        call.split(threads, 1, (one, end) => {
          if (thread < one || thread >= end) return;
          for (let k = from; k < to; k++) if (first + k > 0) add(placeOf(k), M, 1, sizeM, 0, 0);
        });
      }
    };
    for (let first = 0; first < blocks; first += together) {
      const count = Math.min(together, blocks - first);
      const images = [
        Math.floor((first * block) / t.tiles),
        Math.min(N, Math.ceil(((first + count) * block) / t.tiles)),
      ] as const;
      [pgy, px] = [upstreams(...images), inputs(...images)];
      if (byBlocks) multiplyByBlocks(first, count);
      else multiplyByPoints(first, count);
    }
    call.split(O, Math.max(4, Math.ceil(GRAIN / (points * C))), (from, to) => {
      for (let o = from; o < to; o++)
        functions.outputFilters(M + 4 * o * columns, filters + 144 * o * quads, quads, work);
    });
    if (C % 4 !== 0) functions.crop(filters, pgw, 1, O, 9 * C, 144 * quads, 0);
  });
}

/** The tiling is that of the forward pass: m and r change places. */
function turned({ name, m, r, n, AT, G, BT }: Filtering2d["vertical"]): Filtering2d["vertical"] {
  return { name, m: r, r: m, n, AT, G, BT };
}
