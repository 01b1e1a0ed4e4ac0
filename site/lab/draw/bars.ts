/** What both networks hold for likely: ten pairs of bars from 0 to 100 %; the upper network's full, the lower one's in outline. */
import type { Palette } from "../../../lab/page/theme.ts";
import { drawRule } from "./axis.ts";
import { lookOf, type Names, type Size } from "./look.ts";
import type { Pen } from "./pen.ts";

export interface BarsData {
  /** Ten probabilities; null: not known yet. */
  readonly a: ArrayLike<number> | null;
  readonly b: ArrayLike<number> | null;
  readonly names: Names;
  /** What the classes are called, such as 0 … 9. */
  readonly classes: readonly string[];
  /** The true class, if there is one. */
  readonly label: number | null;
}

/** Draws the bars, upright, names above. */
export function drawBars(data: BarsData, { width, height }: Size, palette: Palette, pen: Pen): void {
  const [top, bottom] = [26, height - 22];
  const pitch = width / data.classes.length;
  const bar = Math.max(2, Math.min(12, pitch * 0.34));
  drawKeys(data.names, width, palette, pen);
  drawRule(pen, [0, top, width, top], palette.grid, [2, 3]);
  drawRule(pen, [0, (top + bottom) / 2, width, (top + bottom) / 2], palette.grid, [2, 3]);
  pen.text(width, top - 4, "100 %", { color: palette.faint, size: 11, anchor: "end" });
  data.classes.forEach((name, i) => {
    const middle = (i + 0.5) * pitch;
    const rise = (side: "a" | "b"): number => Math.max(0, Math.min(1, data[side]?.[i] || 0)) * (bottom - top);
    const [a, b] = [rise("a"), rise("b")];
    if (a > 0.4) pen.rect(middle - bar - 0.5, bottom - a, bar, a, { fill: palette.residual });
    if (b > 0.4) {
      const { color } = lookOf("b", palette);
      pen.rect(middle + 1, bottom - b, bar, b, { fill: color, opacity: 0.25 });
      pen.rect(middle + 1.5, bottom - b + 0.5, bar - 1, Math.max(0, b - 0.5), { stroke: color });
    }
    const own = i === data.label;
    const style = {
      color: own ? palette.ink : palette.faint,
      size: 13,
      weight: own ? 700 : 400,
      anchor: "middle" as const,
    };
    pen.text(middle, bottom + 16, name, style);
  });
  drawRule(pen, [0, bottom, width, bottom], palette.faint);
}

function drawKeys(names: Names, width: number, palette: Palette, pen: Pen): void {
  const { text, color } = lookOf("b", palette);
  pen.rect(0, 3, 10, 10, { fill: palette.residual });
  pen.text(15, 12, names.a, { color: palette.residual, size: 12, weight: 600 });
  const second = Math.min(width * 0.45, 30 + names.a.length * 7.2);
  pen.rect(second, 3, 10, 10, { fill: color, opacity: 0.25 });
  pen.rect(second + 0.5, 3.5, 9, 9, { stroke: color });
  pen.text(second + 15, 12, names.b, { color: text, size: 12, weight: 600 });
}
