/**
 * A block's filters, activations or gradients as square tiles, one colour scale for all of a set: blue below zero, white at
 * zero, orange above. So tiles can be compared with each other, and a set of tiny numbers is not blown up tile by tile.
 */
import type { Palette } from "../../../lab/page/theme.ts";
import type { Tiles } from "../protocol.ts";
import type { Size } from "./look.ts";
import type { Pen } from "./pen.ts";
import { blank, type Pixels, paintSigned } from "./picture.ts";

export interface TilesData {
  readonly tiles: Tiles;
  /** Such as "filters of its first convolution". */
  readonly title: string;
}

const TITLE = 22;
const GAP = 3;
const MOST = 16;
const SCALE = 18;

/** How many tiles stand in a row, and their side in CSS pixels. */
export function tilesLayout(
  count: number,
  { width, height }: Size,
): { readonly columns: number; readonly side: number } {
  let best = { columns: 1, side: 0 };
  for (let columns = 1; columns <= count; columns++) {
    // Full rows look like a set.
    if (count % columns !== 0) continue;
    const rows = count / columns;
    const room = Math.min((width + GAP) / columns, (height - TITLE - SCALE + GAP) / rows) - GAP;
    const side = Math.min(56, Math.floor(room));
    if (side > best.side) best = { columns, side };
  }
  return best;
}

const painted = new WeakMap<Tiles, readonly Pixels[]>();

/** Draws up to sixteen tiles, their title above, the value of full colour beneath. */
export function drawTiles({ tiles, title }: TilesData, size: Size, palette: Palette, pen: Pen): void {
  const count = Math.min(MOST, tiles.count);
  const largest = largestOf(tiles);
  const { columns, side } = tilesLayout(count, size);
  pen.text(0, 13, title, { color: palette.ink, size: 13, weight: 600 });
  let pictures = painted.get(tiles);
  if (!pictures) {
    pictures = Array.from({ length: count }, (_, i) => {
      const pixels = blank(tiles.side, tiles.side);
      paintSigned(pixels, tiles.values, largest, i * tiles.side ** 2);
      return pixels;
    });
    painted.set(tiles, pictures);
  }
  pictures.forEach((pixels, i) => {
    const x = (i % columns) * (side + GAP);
    const y = TITLE + Math.floor(i / columns) * (side + GAP);
    pen.image(x, y, side, side, pixels);
    pen.rect(x, y, side, side, { stroke: palette.grid });
  });
  const bottom = TITLE + Math.ceil(count / columns) * (side + GAP);
  const words =
    largest > 0 ? `blue −${short(largest)}, white 0, orange ${short(largest)}` : "all of them are exactly 0";
  pen.text(0, bottom + 11, words, { color: palette.faint, size: 12 });
}

/** The largest absolute value of all tiles, NaN left out. */
export function largestOf({ values }: Tiles): number {
  let largest = 0;
  for (const value of values) if (Math.abs(value) > largest) largest = Math.abs(value);
  return largest;
}

function short(value: number): string {
  return value >= 0.001 && value < 1000 ? String(Number(value.toPrecision(2))) : value.toExponential(1);
}
