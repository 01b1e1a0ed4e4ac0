/**
 * Digits of the test set that neither network trains on, and what both say: the answer, right or wrong, the paler the less sure.
 */
import type { Palette } from "../../../lab/page/theme.ts";
import { lookOf, type Size } from "./look.ts";
import type { Pen } from "./pen.ts";
import { picturePixels } from "./picture.ts";

export interface DigitsData {
  /** Pixels of a picture's side. */
  readonly pixels: number;
  /** The pictures one after the other, 0 … 255. */
  readonly images: Uint8Array;
  /** True classes, one per picture. */
  readonly labels: ArrayLike<number>;
  /** Ten probabilities per picture; null: not read yet. */
  readonly a: ArrayLike<number> | null;
  readonly b: ArrayLike<number> | null;
  /** The picture under the pointer or with the focus. */
  readonly chosen: number | null;
}

const CLASSES = 10;
const WORDS = 42;

export interface DigitsLayout {
  readonly columns: number;
  /** Of a cell, with what stands under the picture. */
  readonly width: number;
  readonly height: number;
  /** Side of a picture. */
  readonly side: number;
}

/** Rows of equal length: twelve pictures stand in 12, 6, 4, 3 or 2 columns. */
export function digitsLayout(count: number, { width, height }: Size): DigitsLayout {
  const fits = [12, 6, 4, 3, 2, 1].filter((columns) => columns <= count && width / columns >= 48);
  // The largest pictures that fit.
  let best: DigitsLayout = { columns: 1, width, height: height / count, side: 0 };
  for (const columns of fits) {
    const cell = { width: width / columns, height: height / Math.ceil(count / columns) };
    const side = Math.floor(Math.min(cell.width - 8, cell.height - WORDS, 64));
    if (side > best.side) best = { columns, ...cell, side };
  }
  return best;
}

/** The picture at a point; null beside. */
export function hitDigit(count: number, size: Size, x: number, y: number): number | null {
  const { columns, width, height } = digitsLayout(count, size);
  const [column, row] = [Math.floor(x / width), Math.floor(y / height)];
  const index = row * columns + column;
  return column >= 0 && column < columns && row >= 0 && index < count ? index : null;
}

/** Draws all of them. */
export function drawDigits(data: DigitsData, size: Size, palette: Palette, pen: Pen): void {
  const count = data.labels.length;
  const layout = digitsLayout(count, size);
  for (let i = 0; i < count; i++) {
    const x = (i % layout.columns) * layout.width + (layout.width - layout.side) / 2;
    const y = Math.floor(i / layout.columns) * layout.height + 2;
    if (data.chosen === i) {
      pen.rect(x - 4, y - 2, layout.side + 8, layout.side + WORDS - 2, {
        fill: palette.orange,
        opacity: 0.2,
        radius: 6,
      });
    }
    pen.image(x, y, layout.side, layout.side, picturePixels(data.images, data.pixels, i, 255));
    pen.rect(x, y, layout.side, layout.side, { stroke: palette.grid, radius: 2 });
    const middle = x + layout.side / 2;
    drawAnswer(data, "a", i, middle, y + layout.side + 16, palette, pen);
    drawAnswer(data, "b", i, middle, y + layout.side + 33, palette, pen);
  }
}

/** The class with the highest probability, and that probability. */
export function answerOf(probabilities: ArrayLike<number>, picture = 0): readonly [answer: number, sure: number] {
  let best = 0;
  for (let i = 1; i < CLASSES; i++) {
    if (probabilities[picture * CLASSES + i]! > probabilities[picture * CLASSES + best]!) best = i;
  }
  return [best, probabilities[picture * CLASSES + best]!];
}

function drawAnswer(
  data: DigitsData,
  side: "a" | "b",
  i: number,
  x: number,
  y: number,
  palette: Palette,
  pen: Pen,
): void {
  const probabilities = data[side];
  const style = { color: lookOf(side, palette).text, size: 14, anchor: "middle" as const };
  if (!probabilities) {
    pen.text(x, y, "·", { ...style, color: palette.faint });
    return;
  }
  const [answer, sure] = answerOf(probabilities, i);
  const right = answer === data.labels[i];
  // Never so pale that it cannot be read.
  const opacity = Number.isNaN(sure) ? 0.75 : 0.75 + 0.25 * sure;
  const words = Number.isNaN(sure) ? "? ✗" : `${answer} ${right ? "✓" : "✗"}`;
  pen.text(x, y, words, { ...style, weight: right ? 700 : 400, opacity });
}
