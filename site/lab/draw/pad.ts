/**
 * The pad on which a digit is drawn: the reader's own strokes, or the picture as the network sees it, and over it, in one hue,
 * where a change would change the answer (saliency, |∂ score / ∂ pixel|).
 */
import type { Palette } from "../../../lab/page/theme.ts";
import type { Size } from "./look.ts";
import type { Pen } from "./pen.ts";
import { blank, type Pixels, paintPicture } from "./picture.ts";

export interface PadData {
  /** Points x₀ y₀ x₁ y₁ … of each stroke, in parts of the pad's side. */
  readonly strokes: readonly (readonly number[])[];
  /** Width of a stroke in parts of the pad's side. */
  readonly pen: number;
  /** What the network sees, pixels × pixels from 0 to 1; drawn in place of the strokes if given. */
  readonly picture: ArrayLike<number> | null;
  readonly pixels: number;
  /** Of the picture's size; its largest absolute value is full colour. */
  readonly saliency: ArrayLike<number> | null;
}

const GROUND = "#161b22";
/** Orange of the dark palette: it stands over black and white in both themes. */
const HUE: readonly [number, number, number] = [0xf0, 0xb9, 0x3a];

const pictures = new Map<number, Pixels>();
const overlays = new Map<number, Pixels>();

function kept(from: Map<number, Pixels>, side: number): Pixels {
  let pixels = from.get(side);
  if (!pixels) {
    pixels = blank(side, side);
    from.set(side, pixels);
  }
  return pixels;
}

/** Draws a square into the upper left of the size. */
export function drawPad(data: PadData, size: Size, palette: Palette, pen: Pen): void {
  const side = Math.min(size.width, size.height);
  pen.rect(0, 0, side, side, { fill: GROUND, radius: 6 });
  if (data.picture) {
    const pixels = kept(pictures, data.pixels);
    paintPicture(pixels, data.picture, 1);
    pen.image(0, 0, side, side, pixels);
  } else if (data.strokes.length === 0) {
    drawInvitation(side, pen);
  } else {
    pen.clip(0, 0, side, side, () => drawStrokes(data, side, pen));
  }
  if (data.saliency && paintSaliency(kept(overlays, data.pixels), data.saliency)) {
    pen.image(0, 0, side, side, kept(overlays, data.pixels));
  }
  pen.rect(0.5, 0.5, side - 1, side - 1, { stroke: palette.faint, radius: 6 });
}

function drawInvitation(side: number, pen: Pen): void {
  const style = { color: "#9aa5b1", size: Math.max(12, Math.min(16, side / 11)), anchor: "middle" as const };
  pen.text(side / 2, side / 2 + 5, "draw a digit", style);
}

function drawStrokes({ strokes, pen: width }: PadData, side: number, pen: Pen): void {
  const radius = (width * side) / 2;
  for (const stroke of strokes) {
    const points = stroke.map((part) => part * side);
    pen.line(points, { color: "#ffffff", width: 2 * radius });
    // Round ends.
    for (const end of [0, points.length - 2]) {
      if (end >= 0) pen.circle(points[end]!, points[end + 1]!, radius, { fill: "#ffffff" });
    }
  }
}

/** Opacity by size; false where all is zero. */
function paintSaliency({ data }: Pixels, saliency: ArrayLike<number>): boolean {
  let largest = 0;
  for (let i = 0; i < saliency.length; i++) largest = Math.max(largest, Math.abs(saliency[i]!) || 0);
  if (largest === 0) return false;
  for (let i = 0; 4 * i < data.length; i++) {
    const part = Math.abs(saliency[i]!) / largest || 0;
    data.set(HUE, 4 * i);
    data[4 * i + 3] = 235 * part;
  }
  return true;
}
