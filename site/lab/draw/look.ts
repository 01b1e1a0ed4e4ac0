/** What all figures share: sizes, the two networks' look, and arrays that are used again in every frame. */
import type { Palette } from "../../../lab/page/theme.ts";
import type { Name } from "../state.ts";
import type { Pen } from "./pen.ts";

/** CSS pixels. */
export interface Size {
  readonly width: number;
  readonly height: number;
}

/** How the two networks are called, such as "with skip connections" and "without". */
export interface Names {
  readonly a: string;
  readonly b: string;
}

/** A network's look. Colour is never alone: the upper one has full lines and circles, the lower one dashes and triangles. */
export interface Look {
  readonly color: string;
  /** For small words. */
  readonly text: string;
  readonly dash: readonly number[] | null;
}

const DASH: readonly number[] = [7, 4];

/** The look of a network under a palette. */
export function lookOf(side: Name, palette: Palette): Look {
  return side === "a"
    ? { color: palette.residual, text: palette.residual, dash: null }
    : { color: palette.plain, text: palette.plainText, dash: DASH };
}

const triangle = new Float64Array(8);

/** A network's symbol at a point: a disc, or a triangle of the background's colour inside. */
export function drawSymbol(pen: Pen, side: Name, x: number, y: number, palette: Palette): void {
  if (side === "a") {
    pen.circle(x, y, 2.6, { fill: palette.residual });
    return;
  }
  const radius = 4;
  for (let corner = 0; corner < 4; corner++) {
    const angle = ((4 * corner - 3) * Math.PI) / 6;
    triangle[2 * corner] = x + radius * Math.cos(angle);
    triangle[2 * corner + 1] = y + radius * Math.sin(angle);
  }
  pen.area(triangle, palette.background);
  pen.line(triangle, { color: palette.plain, width: 1.2 });
}

const scratches = new Map<number, Float64Array>();

/**
 * An array of numbers that the next call with the same length and place gives again: a frame makes no garbage. A pen has
 * drawn its points when it returns, so none of them is needed longer.
 */
export function scratch(length: number, place = 0): Float64Array {
  const key = length * 4 + place;
  let array = scratches.get(key);
  if (!array) {
    // Figures of changing width would fill it without end.
    if (scratches.size > 256) scratches.clear();
    array = new Float64Array(length);
    scratches.set(key, array);
  }
  return array;
}
