/**
 * The diagram of a network, which is the model: boxes on the trunk, an arc over each for its shortcut. The width of every line
 * is the log of the gradient's norm there; under a millionth of the last layer's it is a dotted hair, at exactly zero a cross.
 */
import type { Palette } from "../../../lab/page/theme.ts";
import type { BlockRow } from "../protocol.ts";
import type { DiagramLayout, Part } from "./diagram-layout.ts";
import { drawBrokenEnds, drawSign } from "./diagram-signs.ts";
import { lookOf, scratch } from "./look.ts";
import type { Pen } from "./pen.ts";

export { type DiagramLayout, diagramHeight, diagramLayout, hitDiagram, type Part } from "./diagram-layout.ts";

export interface DiagramData {
  /** Gradient's norm at each layer, image first, as the chart's medians; null: nothing measured yet. */
  readonly norms: ArrayLike<number> | null;
  /** Share of the gradient at each block's output that goes over its shortcut; null or NaN: taken as all of it. */
  readonly shares: ArrayLike<number> | null;
  /** What the certificate says of each block's shortcut, such as "identity"; null: not certified. */
  readonly kinds: readonly string[] | null;
  /** λ of shortcut "scale", written on its arcs. */
  readonly lambda: number | null;
  /** Lower end of the chart's axis, an exponent of ten. */
  readonly bottom: number;
  /** Chosen blocks, first to last. */
  readonly chosen: readonly [number, number] | null;
  readonly hover: { readonly block: number; readonly part: Part } | null;
  /** By how many pixels the dashes have moved toward the image; null: no dashes (reduced motion, paused). */
  readonly phase: number | null;
}

const THINNEST = 0.6;
const THICKEST = 7;
const FAINT_BELOW = 1e-6;
const DOTS: readonly number[] = [1, 4];
const MOVING: readonly number[] = [3, 11];

/** The network: its lines, as wide as the gradient there is large, and the boxes over them. */
export function drawDiagram(data: DiagramData, layout: DiagramLayout, palette: Palette, pen: Pen): void {
  drawDiagramLines(data, layout, palette, pen);
  drawDiagramBoxes(data, layout, palette, pen);
}

/** Width of a line for a gradient, CSS pixels: 0.7 per power of ten over the axis' bottom, less where blocks stand close. */
export function lineWidth(norm: number, bottom: number, pitch: number): number {
  const room = Math.min(1, pitch / 26);
  if (norm === Number.POSITIVE_INFINITY) return THICKEST * room;
  return Math.max(THINNEST, Math.min(THICKEST, 0.7 * (Math.log10(norm) - bottom)) * room);
}

/** Trunk and arcs as wide as their gradient, and the dashes that move on them. */
function drawDiagramLines(data: DiagramData, layout: DiagramLayout, palette: Palette, pen: Pen): void {
  const { blocks, network, left, right, trunk } = layout;
  drawChosen(data, layout, palette, pen);
  const line = new Line(data, layout, palette, pen);
  let from = left;
  blocks.forEach((place, i) => {
    const row = network.blocks[i]!;
    const before = normBefore(data, network.blocks, i);
    const share = data.shares?.[i] ?? Number.NaN;
    const over = Number.isNaN(share) ? 1 : share;
    // At a block's input the gradients of arc and branch are added: left of the arc's foot is their sum, between foot and
    // box what came through the branch. At the output both get a copy of the whole.
    const foot = place.arc ? place.arc[0]! : place.boxLeft;
    line.draw(straight(from, foot, trunk), before);
    const branch =
      row.cut === "branch" ? 0 : row.cut === "shortcut" || Number.isNaN(share) ? before : (1 - share) * before;
    if (place.arc && foot < place.boxLeft) line.draw(straight(foot, place.boxLeft, trunk), branch, false);
    if (place.arc && row.cut !== "shortcut") line.draw(place.arc, row.cut === "branch" ? before : over * before);
    else if (place.broken) drawBrokenEnds(layout, place, palette, pen);
    from = place.boxRight;
  });
  line.draw(straight(from, right, trunk), data.norms ? normAt(data, data.norms.length - 1) : Number.NaN);
}

/** Gradient at a block's input: that of the layer before its first, or, where no gradient reaches that, since it is cut, before it. */
function normBefore(data: DiagramData, blocks: readonly BlockRow[], block: number): number {
  let first = block;
  while (first > 0 && blocks[first - 1]!.cut === "branch") first--;
  return normAt(data, Math.max(0, blocks[first]!.layers[0]! - 1));
}

function normAt(data: DiagramData, layer: number): number {
  return data.norms?.[layer] ?? Number.NaN;
}

function straight(x1: number, x2: number, y: number): Float64Array {
  const points = scratch(4, 2);
  points[0] = x1;
  points[1] = y;
  points[2] = x2;
  points[3] = y;
  return points;
}

/** Draws lines of one network; remembers where a zero was marked, so that a row of zeros has one cross. */
class Line {
  private readonly data: DiagramData;
  private readonly layout: DiagramLayout;
  private readonly palette: Palette;
  private readonly pen: Pen;
  private readonly color: string;
  private readonly last: number;
  private crossed = Number.NEGATIVE_INFINITY;

  constructor(data: DiagramData, layout: DiagramLayout, palette: Palette, pen: Pen) {
    this.data = data;
    this.layout = layout;
    this.palette = palette;
    this.pen = pen;
    this.color = lookOf(layout.side, palette).color;
    this.last = data.norms ? normAt(data, data.norms.length - 1) : Number.NaN;
  }

  /** @param marked whether exactly zero is marked by a cross. */
  draw(points: Float64Array, norm: number, marked = true): void {
    const { pen, palette, color, layout, data } = this;
    // Nothing measured, or not a number: a grey hair.
    if (Number.isNaN(norm)) pen.line(points, { color: palette.faint, width: 1 });
    else if (norm === 0 || norm < FAINT_BELOW * this.last) {
      pen.line(points, { color: palette.faint, width: 1, dash: DOTS });
      if (norm === 0 && marked) this.cross(points);
    } else {
      const width = lineWidth(norm, data.bottom, layout.pitch);
      pen.line(points, { color, width });
      if (data.phase !== null && width >= 2.5) {
        const thin = Math.min(1.6, width / 2.5);
        pen.line(points, { color: palette.background, width: thin, opacity: 0.85, dash: MOVING, offset: data.phase });
      }
    }
  }

  private cross(points: Float64Array): void {
    const [x, y] = [points[0]!, points[1]!];
    if (x - this.crossed < 44) return;
    this.crossed = x;
    this.pen.text(x + 1, y + 5, "×", {
      color: this.palette.ink,
      size: 14,
      anchor: "middle",
      halo: this.palette.background,
    });
  }
}

function drawChosen(data: DiagramData, layout: DiagramLayout, palette: Palette, pen: Pen): void {
  const { blocks, size } = layout;
  const { chosen, hover } = data;
  if (chosen) {
    const [from, to] = [blocks[chosen[0]], blocks[chosen[1]]];
    if (from && to) {
      const width = to.right - from.left;
      pen.rect(from.left, 1, width, size.height - 2, { fill: palette.orange, opacity: 0.2, radius: 5 });
      pen.rect(from.left, 1, width, size.height - 2, { stroke: palette.orange, opacity: 0.7, radius: 5 });
    }
  }
  const place = hover ? blocks[hover.block] : undefined;
  if (place) {
    const width = place.right - place.left;
    pen.rect(place.left, 1, width, size.height - 2, { fill: palette.ink, opacity: 0.07, radius: 5 });
  }
}

/** Boxes or dots, signs of shortcuts, marks of cuts, the certificate's signs, names where there is room. */
function drawDiagramBoxes(data: DiagramData, layout: DiagramLayout, palette: Palette, pen: Pen): void {
  const { network } = layout;
  network.blocks.forEach((row, i) => {
    const border = row.stride > 1 || row.inChannels !== row.outChannels;
    drawBox(row, border, i, layout, palette, pen);
    drawSign(row, border, i, data, layout, palette, pen);
  });
}

function drawBox(row: BlockRow, border: boolean, i: number, layout: DiagramLayout, palette: Palette, pen: Pen): void {
  const { trunk, half, dots } = layout;
  const { boxLeft, boxRight, middle } = layout.blocks[i]!;
  const cut = row.cut === "branch";
  if (dots) {
    const radius = border ? half + 0.8 : half - 0.4;
    pen.circle(middle, trunk, radius, { fill: cut || !border ? palette.background : palette.ink, stroke: palette.ink });
    return;
  }
  const [width, height] = [boxRight - boxLeft, 2 * half];
  const look = cut ? { fill: palette.panel, radius: 4 } : { fill: palette.background, stroke: palette.ink, radius: 4 };
  pen.rect(boxLeft, trunk - half, width, height, look);
  // Where the picture halves, the border is heavy.
  if (border && !cut)
    pen.rect(boxLeft + 1, trunk - half + 1, width - 2, height - 2, { stroke: palette.ink, radius: 3 });
  if (cut) {
    const frame = scratch(10, 3);
    const [top, bottom] = [trunk - half, trunk + half];
    frame.set([boxLeft, top, boxRight, top, boxRight, bottom, boxLeft, bottom, boxLeft, top]);
    pen.line(frame, { color: palette.ink, width: 1.2, dash: [3, 3] });
    const stroke = scratch(4, 3);
    stroke.set([boxLeft + 2, bottom - 2, boxRight - 2, top + 2]);
    pen.line(stroke, { color: palette.ink, width: 1.4 });
  } else if (width >= 56 && row.layers.length > 0) {
    pen.text(middle, trunk + 4, `F${subscript(i + 1)}`, { color: palette.ink, size: 13, anchor: "middle" });
  }
}

function subscript(number: number): string {
  return [...String(number)].map((digit) => String.fromCodePoint(0x2080 + Number(digit))).join("");
}
