/**
 * Every layer at every step: one strip per network, x = step, y = layer with the loss above, colour = the gradient over the
 * last layer's, from 10⁻⁸ (dark) to 10⁴ (bright), in viridis, which reads right for every colour vision and in grey. It shows
 * what the line of the main picture has forgotten.
 */
import type { Palette } from "../../../lab/page/theme.ts";
import type { Name } from "../state.ts";
import { drawStepAxis, type Plot } from "./axis.ts";
import { lookOf, type Names, type Size } from "./look.ts";
import type { Pen } from "./pen.ts";
import { powerOfTen } from "./scale.ts";
import { viridis } from "./viridis.ts";

/** Exponents of ten of the darkest and the brightest colour. */
export const HISTORY_RANGE: readonly [number, number] = [-8, 4];

/** So many columns a strip has; when they are full, each two become one. */
export const COLUMNS = 400;

/**
 * A picture that grows by a column for every `stepsPerColumn` steps. A column is written once, then only squeezed: of two, the
 * left one stays, so that what is seen are measured values.
 */
export class Strip {
  readonly layers: number;
  /** Steps per column: 1, 2, 4 … */
  stepsPerColumn = 1;
  /** Columns written. */
  columns = 0;
  readonly picture: { readonly width: number; readonly height: number; readonly data: Uint8ClampedArray };
  /** What is drawn, value over the last layer's, column by column; for the pointer. */
  private readonly values: Float32Array;

  constructor(layers: number) {
    this.layers = layers;
    this.values = new Float32Array(COLUMNS * layers).fill(Number.NaN);
    this.picture = { width: COLUMNS, height: layers, data: new Uint8ClampedArray(4 * COLUMNS * layers) };
  }

  /** Adds a measured step: norms of all layers, image first, from `offset` on. Steps between measured ones repeat the last. */
  add(step: number, norms: ArrayLike<number>, offset = 0): void {
    while (Math.floor(step / this.stepsPerColumn) >= COLUMNS) this.squeeze();
    const column = Math.floor(step / this.stepsPerColumn);
    if (column < this.columns) return;
    const last = norms[offset + this.layers - 1]!;
    for (let layer = 0; layer < this.layers; layer++) {
      this.values[column * this.layers + layer] = norms[offset + layer]! / last;
    }
    // What was not measured is not left blank: it is the column before.
    for (let gap = this.columns; gap < column; gap++) this.copy(Math.max(0, this.columns - 1), gap);
    this.columns = column + 1;
    this.paint(column);
  }

  /** Value over the last layer's at a step; NaN where nothing is. */
  at(step: number, layer: number): number {
    const column = Math.floor(step / this.stepsPerColumn);
    return column < this.columns ? this.values[column * this.layers + layer]! : Number.NaN;
  }

  private copy(from: number, to: number): void {
    this.values.copyWithin(to * this.layers, from * this.layers, (from + 1) * this.layers);
    this.paint(to);
  }

  private squeeze(): void {
    for (let column = 0; column < COLUMNS / 2; column++) {
      if (2 * column < this.columns) this.copy(2 * column, column);
    }
    this.columns = Math.ceil(this.columns / 2);
    this.stepsPerColumn *= 2;
    for (let layer = 0; layer < this.layers; layer++) {
      const row = 4 * layer * COLUMNS;
      this.picture.data.fill(0, row + 4 * this.columns, row + 4 * COLUMNS);
    }
  }

  private paint(column: number): void {
    const { data } = this.picture;
    for (let layer = 0; layer < this.layers; layer++) {
      const pixel = 4 * ((this.layers - 1 - layer) * COLUMNS + column);
      colorOf(this.values[column * this.layers + layer]!, data, pixel);
    }
  }
}

/** Writes the colour of a value over the last layer's: zero is darkest, infinite brightest, NaN grey. */
function colorOf(value: number, data: Uint8ClampedArray, at: number): void {
  if (Number.isNaN(value)) {
    data.fill(128, at, at + 3);
    data[at + 3] = 255;
    return;
  }
  const [least, most] = HISTORY_RANGE;
  viridis((Math.log10(value) - least) / (most - least), data, at);
}

export interface HistoryData {
  readonly a: Strip | null;
  readonly b: Strip | null;
  readonly names: Names;
  readonly hover: { readonly side: Name; readonly step: number; readonly layer: number } | null;
}

const KEY = 42;

/** Where a strip lies: A's above B's, the key right of both. */
export function historyPlot(side: Name, { width, height }: Size): Plot {
  const top = 20;
  const each = (height - top - 24 - 24) / 2;
  const from = side === "a" ? top : top + each + 24;
  return { left: 0, right: width - KEY - 18, top: from, bottom: from + each };
}

/** Draws both strips. */
export function drawHistory(data: HistoryData, size: Size, palette: Palette, pen: Pen): void {
  for (const side of ["a", "b"] as const) {
    const plot = historyPlot(side, size);
    const [width, height] = [plot.right - plot.left, plot.bottom - plot.top];
    pen.rect(plot.left, plot.top, width, height, { fill: palette.panel });
    const strip = data[side];
    if (strip && strip.columns > 0) pen.image(plot.left, plot.top, width, height, strip.picture);
    const style = { color: lookOf(side, palette).text, size: 13, weight: 600 };
    pen.text(plot.left, plot.top - 6, data.names[side], style);
    const { hover } = data;
    if (hover && hover.side === side && strip) {
      const x = plot.left + ((hover.step + 0.5) / (COLUMNS * strip.stepsPerColumn)) * width;
      const y = plot.bottom - ((hover.layer + 0.5) / strip.layers) * height;
      pen.circle(x, y, 5, { stroke: "#ffffff" });
      pen.circle(x, y, 6.4, { stroke: "#000000" });
    }
  }
  const a = historyPlot("a", size);
  const b = historyPlot("b", size);
  const hint = a.right - a.left > 9 * data.names.a.length + 150;
  if (hint) pen.text(a.right, a.top - 6, "top: loss, bottom: image", { color: palette.faint, size: 12, anchor: "end" });
  const strip = data.a ?? data.b;
  drawStepAxis(pen, COLUMNS * (strip?.stepsPerColumn ?? 1), b, palette);
  drawKey({ left: a.right + 12, right: a.right + 22, top: a.top, bottom: b.bottom }, palette, pen);
}

const key = keyPicture();

function keyPicture(): { width: number; height: number; data: Uint8ClampedArray } {
  const height = 64;
  const data = new Uint8ClampedArray(4 * height);
  for (let y = 0; y < height; y++) viridis(1 - (y + 0.5) / height, data, 4 * y);
  return { width: 1, height, data };
}

function drawKey(plot: Plot, palette: Palette, pen: Pen): void {
  const [least, most] = HISTORY_RANGE;
  pen.image(plot.left, plot.top, plot.right - plot.left, plot.bottom - plot.top, key);
  for (let exponent = least; exponent <= most; exponent += 4) {
    const y = plot.bottom - ((exponent - least) / (most - least)) * (plot.bottom - plot.top);
    const held = Math.max(plot.top + 9, Math.min(plot.bottom, y + 4));
    pen.text(plot.right + 5, held, powerOfTen(exponent), { color: palette.faint, size: 12 });
  }
}

/** What lies at a point: network, step, layer and value over the last layer's; null outside or where nothing is yet. */
export function hitHistory(
  data: HistoryData,
  size: Size,
  x: number,
  y: number,
): { readonly side: Name; readonly step: number; readonly layer: number; readonly value: number } | null {
  for (const side of ["a", "b"] as const) {
    const { left, right, top, bottom } = historyPlot(side, size);
    const strip = data[side];
    if (!strip || x < left || x >= right || y < top || y >= bottom) continue;
    const column = Math.floor(((x - left) / (right - left)) * COLUMNS);
    if (column >= strip.columns) return null;
    const layer = strip.layers - 1 - Math.floor(((y - top) / (bottom - top)) * strip.layers);
    const step = column * strip.stepsPerColumn;
    return { side, step, layer, value: strip.at(step, layer) };
  }
  return null;
}
