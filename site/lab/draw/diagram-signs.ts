/** Signs on the arcs of the diagram: what kind a shortcut is, what is cut, and what the certificate says of it. */
import type { Palette } from "../../../lab/page/theme.ts";
import type { BlockRow } from "../protocol.ts";
import type { DiagramData } from "./diagram.ts";
import type { BlockPlace, DiagramLayout } from "./diagram-layout.ts";
import { scratch } from "./look.ts";
import type { Pen } from "./pen.ts";

/** The certificate's kinds as one sign each. */
export const CERTIFICATE_SIGNS: Readonly<Record<string, string>> = {
  identity: "–",
  selection: "◇",
  mask: "◐",
  scale: "×",
  gate: "⋈",
  transform: "▢",
  none: "∅",
};

/** What is left of a cut arc: two faint dotted ends. */
export function drawBrokenEnds(layout: DiagramLayout, place: BlockPlace, palette: Palette, pen: Pen): void {
  const width = Math.min(2, layout.pitch / 12);
  pen.line(place.broken!, { color: palette.faint, width, dash: [2, 3] });
}

/** The sign at an arc's top and the one of the certificate. */
export function drawSign(
  row: BlockRow,
  border: boolean,
  i: number,
  data: DiagramData,
  layout: DiagramLayout,
  palette: Palette,
  pen: Pen,
): void {
  const { middle, arc } = layout.blocks[i]!;
  const top = layout.trunk + layout.way * layout.rise;
  if (row.cut === "shortcut") {
    const size = Math.max(11, Math.min(20, layout.pitch * 0.6));
    pen.text(middle, top + size * 0.36 - layout.way * 2, "✂", { color: palette.ink, size, anchor: "middle" });
  } else if (arc) drawKind(row.shortcut, border, middle, top, data, layout, palette, pen);
  const kind = data.kinds?.[i];
  if (kind !== undefined && layout.signs !== null) {
    const sign = CERTIFICATE_SIGNS[kind] ?? "?";
    pen.text(middle, layout.signs + 4, sign, { color: palette.faint, size: 12, anchor: "middle" });
  }
}

function drawKind(
  shortcut: string,
  border: boolean,
  x: number,
  y: number,
  data: DiagramData,
  { pitch, dots }: DiagramLayout,
  palette: Palette,
  pen: Pen,
): void {
  const wide = pitch >= 44;
  const words = (text: string): void => {
    const style = { color: palette.ink, size: wide ? 13 : 11, anchor: "middle" as const, halo: palette.background };
    pen.text(x, y + 4, text, style);
  };
  const half = dots ? 2 : Math.min(8, Math.max(3, pitch * 0.13));
  const square = (): void => {
    pen.rect(x - half, y - half * 0.8, 2 * half, 1.6 * half, { fill: palette.background, stroke: palette.ink });
  };
  if (shortcut === "scale") {
    // In a narrow diagram the number stands once, over the first block, in the page's own words.
    if (pitch >= 30) words(`×${data.lambda ?? "λ"}`);
  } else if (shortcut === "gate" || shortcut === "shortcutGate") {
    const points = scratch(10, 3);
    points.set([
      x - half,
      y - half * 0.8,
      x + half,
      y + half * 0.8,
      x + half,
      y - half * 0.8,
      x - half,
      y + half * 0.8,
    ]);
    points[8] = x - half;
    points[9] = y - half * 0.8;
    pen.area(points, palette.background);
    pen.line(points, { color: palette.ink, width: 1.3 });
  } else if (shortcut === "conv1x1") {
    square();
    if (wide) words("1×1");
  } else if (shortcut === "dropout") {
    for (const shift of [-2, 0, 2]) pen.circle(x + shift * Math.min(3, half / 2), y, 1.6, { fill: palette.background });
  } else if (shortcut === "project" && border) square();
}
