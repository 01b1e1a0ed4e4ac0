/**
 * The main picture: the gradient at every layer of both networks, image left, loss right, on a log axis, since depth
 * multiplies. A line is the median over the last steps, its band the 10th to the 90th percentile, symbols are this very
 * step. Exactly zero and infinite have strips of their own under and over the plot: neither may vanish from the picture.
 */
import type { Palette } from "../../../lab/page/theme.ts";
import type { NetworkRow } from "../protocol.ts";
import type { Name } from "../state.ts";
import { drawLogAxis, drawRule, type Plot } from "./axis.ts";
import { drawSymbol, lookOf, type Names, type Size, scratch } from "./look.ts";
import type { Pen } from "./pen.ts";
import { type LogAxis, logPlace } from "./scale.ts";

/** A network's values at all layers, image first: norms ‖∂L/∂y‖ or ratios ‖Δw‖/‖w‖; 0, ∞ and NaN are allowed. */
export interface Curve {
  /** Of this very step. */
  readonly now: ArrayLike<number>;
  readonly median: ArrayLike<number>;
  /** 10th and 90th percentile. */
  readonly low: ArrayLike<number>;
  readonly high: ArrayLike<number>;
}

export interface FlowData {
  readonly view: "gradient" | "ratio";
  /** Null: nothing measured yet, or not shown. */
  readonly a: Curve | null;
  readonly b: Curve | null;
  readonly names: Names;
  /** Kept by the caller for a run, `grown` by each new row (scale.ts). */
  readonly axis: LogAxis;
  /** The gradient at the last layer, to which the zones refer; null or no positive number: no zones. */
  readonly reference: number | null;
  /** Layers before which the image halves: `bordersOf`. */
  readonly borders: readonly number[];
  /** The layer under the pointer. */
  readonly hover: number | null;
}

/** Where a chart of so many layers has its plot and its strips, CSS pixels. The diagram uses the same x. */
export interface FlowLayout extends Plot {
  readonly layers: number;
  /** Middles of the strips of infinite and of zero values. */
  readonly infinity: number;
  readonly zero: number;
  /** Between two layers. */
  readonly pitch: number;
}

const LEFT = 46;
const STRIP = 18;

/** Margins and strips; `width` counts them. */
export function flowLayout(layers: number, { width, height }: Size): FlowLayout {
  const [left, right] = [LEFT, width - 2];
  return {
    layers,
    left,
    right,
    top: STRIP + 6,
    bottom: height - STRIP - 10,
    infinity: STRIP / 2,
    zero: height - STRIP / 2 - 2,
    pitch: (right - left) / layers,
  };
}

/** The middle of a layer's column. */
export function layerX(layout: { readonly left: number; readonly pitch: number }, layer: number): number {
  return layout.left + (layer + 0.5) * layout.pitch;
}

/** The layer nearest to x, for the pointer; null outside the plot. */
export function layerAt(layout: FlowLayout, x: number): number | null {
  if (x < layout.left || x > layout.right) return null;
  return Math.min(layout.layers - 1, Math.floor((x - layout.left) / layout.pitch));
}

/** Layers before which the image gets smaller: the first of each block with a stride. */
export function bordersOf(network: NetworkRow): number[] {
  return network.blocks.filter(({ stride }) => stride > 1).map(({ layers }) => layers[0]!);
}

/** Draws the picture; nothing is read but the arguments. */
export function drawFlow(data: FlowData, size: Size, palette: Palette, pen: Pen): void {
  const layers = data.a?.median.length ?? data.b?.median.length ?? 1;
  const layout = flowLayout(layers, size);
  drawZones(data, layout, palette, pen);
  drawLogAxis(pen, data.axis, layout, palette);
  drawStrips(layout, palette, pen);
  for (const layer of data.borders) {
    const x = layerX(layout, layer - 0.5);
    drawRule(pen, [x, layout.top, x, layout.bottom], palette.faint, [1, 4]);
  }
  drawReference(data, layout, palette, pen);
  if (data.hover !== null) {
    const x = layerX(layout, data.hover);
    drawRule(pen, [x, 0, x, layout.zero + STRIP / 2], palette.ink, undefined, 1.2);
  }
  pen.clip(layout.left, layout.top, layout.right - layout.left, layout.bottom - layout.top, () => {
    if (data.b) drawBand(data.b, data.axis, layout, lookOf("b", palette).color, pen);
    if (data.a) drawBand(data.a, data.axis, layout, lookOf("a", palette).color, pen);
    if (data.b) drawCurve(data.b, "b", data, layout, palette, pen);
    if (data.a) drawCurve(data.a, "a", data, layout, palette, pen);
  });
  if (data.b) drawOutside(data.b, "b", layout, palette, pen);
  if (data.a) drawOutside(data.a, "a", layout, palette, pen);
  drawNames(data, layout, palette, pen);
}

function drawZones(data: FlowData, layout: FlowLayout, palette: Palette, pen: Pen): void {
  const { left, right, top, bottom } = layout;
  const place = (value: number): number => Math.max(top, Math.min(bottom, logPlace(data.axis, value, bottom, top)));
  if (data.view === "ratio") {
    const [from, to] = [place(1e-2), place(1e-4)];
    pen.rect(left, from, right - left, to - from, { fill: palette.green, opacity: 0.1 });
    return;
  }
  if (!isPlace(data.reference)) return;
  const [high, low] = [place(data.reference * 1e3), place(data.reference / 1e3)];
  pen.rect(left, top, right - left, high - top, { fill: palette.purple, opacity: 0.09 });
  pen.rect(left, low, right - left, bottom - low, { fill: palette.plain, opacity: 0.07 });
}

/** The dotted line of the last layer, and the words of the zones; right, where the curves are seldom. */
function drawReference(data: FlowData, layout: FlowLayout, palette: Palette, pen: Pen): void {
  const { left, right, top, bottom } = layout;
  const place = (value: number): number => logPlace(data.axis, value, bottom, top);
  const style = { color: palette.faint, size: 12, anchor: "end" as const };
  const wide = right - left > 480;
  if (data.view === "ratio") {
    const words = wide ? "green: usual, a step changes a weight by 1/10000 to 1/100" : "green: usual";
    pen.text(right - 8, bottom - 8, words, style);
    return;
  }
  if (!isPlace(data.reference)) return;
  const y = place(data.reference);
  drawRule(pen, [left, y, right, y], palette.faint, [1.5, 4], 1.5);
  const [over, under] = [place(data.reference * 1e3), place(data.reference / 1e3)];
  const [above, below] = wide
    ? ["exploding: over 1000 times the last layer's", "vanishing: under 1/1000 of the last layer's"]
    : ["over 1000 times", "under 1/1000"];
  if (over - top > 20) pen.text(right - 8, top + 16, above, style);
  if (bottom - under > 20) {
    pen.text(right - 8, bottom - 8, below, style);
  }
}

function isPlace(value: number | null): value is number {
  return value !== null && value > 0 && value < Number.POSITIVE_INFINITY;
}

/** Strips for what a log axis cannot hold. */
function drawStrips({ left, right, zero, infinity }: FlowLayout, palette: Palette, pen: Pen): void {
  for (const [y, label] of [
    [infinity, "∞"],
    [zero, "0"],
  ] as const) {
    pen.rect(left, y - 7, right - left, 14, { fill: palette.panel, radius: 3 });
    pen.text(left - 8, y + 4, label, { color: palette.faint, size: 12, anchor: "end" });
  }
}

function drawBand({ low, high }: Curve, axis: LogAxis, layout: FlowLayout, color: string, pen: Pen): void {
  const { layers, top, bottom } = layout;
  // Stretches of layers whose percentiles have a place; usually one over all layers.
  for (let from = 0; from < layers; from++) {
    if (!isPlace(high[from]!)) continue;
    let to = from;
    while (to + 1 < layers && isPlace(high[to + 1]!)) to++;
    const count = to - from + 1;
    const points = scratch(4 * count);
    for (let i = 0; i < count; i++) {
      const x = layerX(layout, from + i);
      points[2 * i] = x;
      points[2 * i + 1] = logPlace(axis, high[from + i]!, bottom, top);
      points[4 * count - 2 - 2 * i] = x;
      const y = logPlace(axis, low[from + i]!, bottom, top);
      points[4 * count - 1 - 2 * i] = Number.isNaN(y) ? bottom : y;
    }
    pen.area(points, color, 0.2);
    from = to;
  }
}

function drawCurve(curve: Curve, side: Name, data: FlowData, layout: FlowLayout, palette: Palette, pen: Pen): void {
  const { layers, top, bottom, pitch } = layout;
  const look = lookOf(side, palette);
  const points = scratch(2 * layers, 1);
  for (let layer = 0; layer < layers; layer++) {
    points[2 * layer] = layerX(layout, layer);
    points[2 * layer + 1] = logPlace(data.axis, curve.median[layer]!, bottom, top);
  }
  pen.line(points, look.dash ? { color: look.color, width: 2.2, dash: look.dash } : { color: look.color, width: 2.4 });
  // About 22 pixels from symbol to symbol, the last layer always.
  const every = Math.max(1, Math.ceil(22 / pitch));
  for (let layer = layers - 1; layer >= 0; layer -= every) {
    const y = logPlace(data.axis, curve.now[layer]!, bottom, top);
    if (!Number.isNaN(y)) drawSymbol(pen, side, layerX(layout, layer), y, palette);
  }
  if (data.hover !== null) {
    const y = points[2 * data.hover + 1]!;
    const x = layerX(layout, data.hover);
    if (!Number.isNaN(y)) pen.circle(x, y, 5, { fill: palette.background, stroke: look.color });
  }
}

const cross = new Float64Array(10);

/** A cross in the strip of zero, a mark in that of infinity, for each layer of this step that is there; NaN is with ∞. */
function drawOutside({ now }: Curve, side: Name, layout: FlowLayout, palette: Palette, pen: Pen): void {
  const { color } = lookOf(side, palette);
  const every = Math.max(1, Math.ceil(7 / layout.pitch));
  for (let layer = 0; layer < layout.layers; layer += every) {
    const value = now[layer]!;
    if (isPlace(value)) continue;
    const x = layerX(layout, layer) + (side === "a" ? -1 : 1);
    const y = value === 0 ? layout.zero : layout.infinity;
    cross.set([x - 3, y - 3, x + 3, y + 3, Number.NaN, Number.NaN, x - 3, y + 3, x + 3, y - 3]);
    pen.line(cross, { color, width: 1.5 });
  }
}

/** Each curve's name, beside its own curve: over the higher one, under the lower one. */
function drawNames(data: FlowData, layout: FlowLayout, palette: Palette, pen: Pen): void {
  for (const side of ["a", "b"] as const) {
    const curve = data[side];
    if (!curve) continue;
    const other = data[side === "a" ? "b" : "a"];
    const layer = Math.floor((side === "a" ? 0.2 : 0.42) * layout.layers);
    const style = { color: lookOf(side, palette).text, size: 14, weight: 600, halo: palette.background } as const;
    // Letters are about 8 pixels wide; a name stays within the plot.
    const half = 4 * data.names[side].length;
    const x = Math.max(layout.left + half + 2, Math.min(layout.right - half - 2, layerX(layout, layer)));
    const value = curve.median[layer]!;
    const above = !other || value > other.median[layer]! || (side === "a" && value === other.median[layer]!);
    if (!isPlace(value)) {
      pen.text(x, value === 0 ? layout.zero - 16 : layout.infinity + 24, data.names[side], {
        ...style,
        anchor: "middle",
      });
      continue;
    }
    const y = edgeOf(curve, layer, data.axis, layout, above);
    const held = Math.max(layout.top + 14, Math.min(layout.bottom - 24, above ? y - 10 : y + 20));
    pen.text(x, held, data.names[side], { ...style, anchor: "middle" });
  }
}

/** The outermost pixel of a curve and its band around a layer, where a name of some letters has to keep away. */
function edgeOf(curve: Curve, layer: number, axis: LogAxis, layout: FlowLayout, above: boolean): number {
  const { layers, bottom, top, pitch } = layout;
  const reach = Math.ceil(60 / pitch);
  let edge = above ? bottom : top;
  for (let i = Math.max(0, layer - reach); i <= Math.min(layers - 1, layer + reach); i++) {
    for (const value of [curve.now[i]!, above ? curve.high[i]! : curve.low[i]!]) {
      const y = logPlace(axis, value, bottom, top);
      if (above ? y < edge : y > edge) edge = y;
    }
  }
  return edge;
}
