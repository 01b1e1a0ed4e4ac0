/**
 * Where a network's diagram has its parts: blocks under or over the chart on the chart's own x axis, so that a block stands
 * over its layers. Arcs go up for the upper network, down for the lower one. Computed once per layout, drawn in each frame.
 */
import type { NetworkRow } from "../protocol.ts";
import type { Name } from "../state.ts";
import { flowLayout, layerX } from "./flow.ts";
import type { Size } from "./look.ts";

/** A part that can be pointed at. */
export type Part = "shortcut" | "branch";

export interface BlockPlace {
  /** Left and right end of its layers' columns, where its arc begins and ends. */
  readonly left: number;
  readonly right: number;
  /** Its box, from left to right; a dot has the same. */
  readonly boxLeft: number;
  readonly boxRight: number;
  readonly middle: number;
  /** Points of the arc x₀ y₀ …; null: no shortcut. */
  readonly arc: Float64Array | null;
  /** The arc with its middle left out, as a cut one is drawn. */
  readonly broken: Float64Array | null;
}

export interface DiagramLayout {
  readonly side: Name;
  readonly size: Size;
  readonly network: NetworkRow;
  readonly left: number;
  readonly right: number;
  /** y of the trunk. */
  readonly trunk: number;
  /** Half the height of a box. */
  readonly half: number;
  /** −1: arcs go up; 1: down. */
  readonly way: -1 | 1;
  /** Height of an arc over the trunk. */
  readonly rise: number;
  /** y of the certificate's signs; null where a block has no room for them. */
  readonly signs: number | null;
  readonly pitch: number;
  /** Boxes would be narrower than 16 pixels: dots. */
  readonly dots: boolean;
  readonly blocks: readonly BlockPlace[];
}

/** From the trunk to the chart's side: half a box, and the certificate's signs. */
const FOOT = 28;

/** Height that a diagram needs at a width: blocks that stand close have low arcs. CSS pixels. */
export function diagramHeight(blocks: number, width: number): number {
  return Math.round(FOOT + riseOf(blocks > 0 ? width / blocks : 0) + 12);
}

function riseOf(pitch: number): number {
  return Math.min(52, Math.max(16, pitch * 0.8));
}

const SMALLEST_BOX = 12;
const WIDEST_BOX = 60;
const ARC_POINTS = 19;

/** Places of all parts. `size.width` is that of the chart, with its margins. */
export function diagramLayout(network: NetworkRow, side: Name, size: Size): DiagramLayout {
  const chart = flowLayout(network.layers.length, size);
  const way = side === "a" ? -1 : 1;
  const pitch = network.blocks.length > 0 ? (chart.right - chart.left) / network.blocks.length : 0;
  const dots = pitch < 16;
  const half = dots ? 3 : Math.min(13, Math.max(6, pitch * 0.2 + 2));
  const trunk = side === "a" ? size.height - FOOT : FOOT;
  const rise = Math.min(size.height - FOOT - 8, riseOf(pitch));
  const blocks = network.blocks.map(({ layers, shortcut }): BlockPlace => {
    const left = layerX(chart, layers[0]! - 0.5);
    const right = layerX(chart, layers.at(-1)! + 0.5);
    const middle = (left + right) / 2;
    const box = dots ? 2 * half : Math.min(WIDEST_BOX, Math.max(SMALLEST_BOX, (right - left) * 0.58));
    const arcs = shortcut === "none" ? null : arcOf(left, right, trunk, way * rise);
    return {
      left,
      right,
      middle,
      boxLeft: middle - box / 2,
      boxRight: middle + box / 2,
      arc: arcs?.whole ?? null,
      broken: arcs?.broken ?? null,
    };
  });
  const signs = pitch >= 16 ? trunk - way * 21 : null;
  const { left, right } = chart;
  return { side, size, network, left, right, trunk, half, way, rise, signs, pitch, dots, blocks };
}

/** Points of half an ellipse that is a little square, as an arc that leaves the trunk upright. */
function arcOf(
  left: number,
  right: number,
  trunk: number,
  rise: number,
): { readonly whole: Float64Array; readonly broken: Float64Array } {
  const whole = new Float64Array(2 * ARC_POINTS);
  const inset = Math.min(5, (right - left) * 0.06);
  const radius = (right - left) / 2 - inset;
  const middle = (left + right) / 2;
  for (let i = 0; i < ARC_POINTS; i++) {
    const angle = Math.PI * (1 - i / (ARC_POINTS - 1));
    const [cos, sin] = [Math.cos(angle), Math.sin(angle)];
    whole[2 * i] = middle + radius * Math.sign(cos) * Math.abs(cos) ** 0.85;
    whole[2 * i + 1] = trunk + rise * sin ** 0.85;
  }
  const broken = whole.slice();
  const centre = (ARC_POINTS - 1) / 2;
  for (let i = centre - 2; i <= centre + 2; i++) broken[2 * i] = Number.NaN;
  return { whole, broken };
}

/** How far from a block's middle a pointer may be, at the least: small blocks can be hit too, the nearest one is meant. */
const REACH = 12;

/** Which block, and what of it, lies at a point of the diagram; null beside the network. */
export function hitDiagram(
  layout: DiagramLayout,
  x: number,
  y: number,
): { readonly block: number; readonly part: Part } | null {
  if (y < 0 || y > layout.size.height) return null;
  let [block, nearest] = [-1, Number.POSITIVE_INFINITY];
  for (let i = 0; i < layout.blocks.length; i++) {
    const distance = Math.abs(layout.blocks[i]!.middle - x);
    if (distance < nearest) [block, nearest] = [i, distance];
  }
  const place = layout.blocks[block];
  if (!place || nearest > Math.max(REACH, (place.right - place.left) / 2)) return null;
  const over = layout.way * (y - layout.trunk);
  // Between the trunk's line and the arc's top; left and right of a box an arc begins at the trunk itself.
  const beside = x < place.boxLeft - 2 || x > place.boxRight + 2;
  const onArc = over > layout.half + 2 || (beside && over > 4 && !layout.dots);
  return { block, part: place.arc && onArc ? "shortcut" : "branch" };
}
