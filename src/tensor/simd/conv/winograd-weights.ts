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
 */
import type { ConvGeometry } from "../../geometry/conv.ts";
import { oddLines } from "../../geometry/patches.ts";
import type { Floats } from "../../memory.ts";
import { TILE_COLUMNS } from "../matmul-kernel.ts";
import type { Engine, Program } from "../wasm/engine.ts";
import { cropFunction, padFunction } from "./tables.ts";
import { channelsFunction, type Filtering2d, outputFiltersFunction, WORK_FLOATS } from "./winograd-kernel.ts";
import { productFunction, ROWS } from "./winograd-product.ts";
import { tiling } from "./winograd-tiling.ts";

/**
 * Tiles of a block, summed without a break. U and V of one block stay in L2 up to some 64 channels. Longer blocks are no
 * faster, and less accurate (128 tiles: 1.5 times a running sum's error at 2048 pixels, 32 tiles: 1.1).
 */
const BLOCK_TILES = 32;

type Functions = Program<"product" | "lastProduct" | "pad" | "crop" | "images" | "upstream" | "outputFilters">;

/** gw `[O, C, 3, 3]` → Σ gy·x. False where there is no room. `filterings` is F(3×3, m×m). */
export function winogradWeightGradient(
  engine: Engine,
  gy: Floats,
  x: Floats,
  gw: Floats,
  { N, C, H, W, O, Ho, Wo, ph, pw }: ConvGeometry,
  filterings: Filtering2d,
): boolean {
  const { vertical, horizontal } = filterings;
  const points = vertical.n * horizontal.n;
  const t = tiling(Ho, Wo, { vertical: turned(vertical), horizontal: turned(horizontal) });
  const quads = Math.ceil(C / 4);
  const rowPanels = Math.ceil(O / ROWS);
  const columnPanels = Math.ceil(C / TILE_COLUMNS);
  const columns = columnPanels * TILE_COLUMNS;
  const block = Math.min(BLOCK_TILES, N * t.tiles);
  const planeOfV = oddLines(columns * block);
  const planeOfU = oddLines(rowPanels * ROWS * block);
  const planeOfM = oddLines(rowPanels * ROWS * columns);
  // gy needs no copy where its tiles and its quads of channels are whole and its rows can be loaded as vectors.
  const direct = t.whole && O % ROWS === 0 && horizontal.r === 4;
  const gyPlane = direct ? Ho * Wo : t.inPlane;
  const gyRow = direct ? Wo : t.inWidth;
  const planes = [planeOfU, planeOfV, planeOfM] as const;
  const lastBlock = ((N * t.tiles - 1) % block) + 1;
  const sizes = `${C} ${O} ${block} ${lastBlock} ${t.inWidth} ${t.inPlane} ${gyRow} ${gyPlane}`;
  const key = `winograd weights ${vertical.name} ${horizontal.name} ${sizes}`;
  const functions: Functions = engine.program(key, (features) => {
    const { BT } = vertical;
    const row = 4 * t.inWidth;
    const plane = 4 * t.inPlane;
    return [
      productFunction("product", features, { k: block, block, planes, row: columns }),
      productFunction("lastProduct", features, { k: lastBlock, block, planes, row: columns }),
      padFunction(),
      cropFunction(),
      channelsFunction("images", BT, horizontal.BT, features, row, plane, 4 * planeOfV, 4 * TILE_COLUMNS),
      channelsFunction("upstream", vertical.G, horizontal.G, features, 4 * gyRow, 4 * gyPlane, 4 * planeOfU, 4 * ROWS),
      outputFiltersFunction(filterings, features, 4 * planeOfM),
    ];
  });
  return engine.run((call) => {
    const pgy = call.input(gy);
    const px = call.input(x);
    const pgw = call.output(gw);
    const U = call.scratch(points * planeOfU);
    const V = call.scratch(points * planeOfV);
    const M = call.scratch(points * planeOfM);
    const work = call.scratch(WORK_FLOATS);
    const tables = t.write(engine, call, gyRow);
    // One image and one gy at a time, padded; channels up to a whole quad are zeros.
    const imageFloats = 4 * quads * t.inPlane;
    const upstreamFloats = direct ? 0 : rowPanels * ROWS * gyPlane;
    const padded = call.scratch(imageFloats + upstreamFloats);
    const paddedGy = padded + 4 * imageFloats;
    const filters = C % 4 === 0 ? pgw : call.scratch(O * quads * 36);
    engine.arena.floats.fill(0, padded / 4, padded / 4 + imageFloats + upstreamFloats);
    let paddedUpTo = 0;
    for (let begin = 0; begin < N * t.tiles; begin += block) {
      const end = Math.min(N * t.tiles, begin + block);
      const tiles = end - begin;
      for (let n = Math.floor(begin / t.tiles); n * t.tiles < end; n++) {
        const from = Math.max(begin, n * t.tiles);
        const first = from - n * t.tiles;
        const count = Math.min(end, (n + 1) * t.tiles) - from;
        const local = from - begin;
        for (; paddedUpTo <= n; paddedUpTo++) {
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
      const product = tiles === block ? functions.product : functions.lastProduct;
      product(U, V, M, rowPanels, columnPanels, points, begin > 0 ? 1 : 0);
    }
    for (let o = 0; o < O; o++) functions.outputFilters(M + 4 * o * columns, filters + 144 * o * quads, quads, work);
    if (C % 4 !== 0) functions.crop(filters, pgw, 1, O, 9 * C, 144 * quads, 0);
  });
}

/** The tiling is that of the forward pass: m and r change places. */
function turned({ name, m, r, n, AT, G, BT }: Filtering2d["vertical"]): Filtering2d["vertical"] {
  return { name, m: r, r: m, n, AT, G, BT };
}
