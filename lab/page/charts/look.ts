/** Common parts of charts: the look of series, the names of axes, the arrangement of panels. */
import * as Plot from "@observablehq/plot";
import { scaleLinear, scaleLog } from "d3-scale";
import type { Axis, LineChart, Tone } from "../../report/chart.ts";
import type { Canvas, LegendItem } from "../plot.ts";
import type { Palette } from "../theme.ts";

export type SymbolName = NonNullable<LegendItem["symbol"]>;

/** How one series is drawn. */
export interface Look {
  readonly tone: Tone;
  readonly symbol: SymbolName;
  /** Undefined: a full line. */
  readonly dashes: string | undefined;
}

/** Blue and vermilion come last: on every page they mean residual and plain. */
const TONES: readonly Tone[] = ["green", "purple", "orange", "ink", "sky", "residual", "plain"];
const SYMBOL_NAMES: readonly SymbolName[] = ["circle", "triangle", "square", "diamond", "star"];
const DASHES: Readonly<Record<Tone, string | undefined>> = {
  residual: undefined,
  plain: "6 4",
  green: undefined,
  purple: "6 4",
  orange: "2 3",
  ink: "9 3 2 3",
  sky: "12 4",
};

/** A look for each name, in order of appearance; names with a tone keep it, the others get the remaining ones. */
export function looksOf(
  series: readonly { readonly name: string; readonly tone?: Tone; readonly dashed?: boolean }[],
): Map<string, Look> {
  const distinct = [...new Map(series.map((s) => [s.name, s])).values()];
  const taken = new Set(distinct.map(({ tone }) => tone));
  const free = TONES.filter((tone) => !taken.has(tone));
  let next = 0;
  return new Map(
    distinct.map(({ name, tone, dashed }, i) => {
      const own = tone ?? (free.length > 0 ? free[next++ % free.length] : TONES[i % TONES.length]);
      const dashes = dashed === undefined ? DASHES[own] : dashed ? "6 4" : undefined;
      return [name, { tone: own, symbol: SYMBOL_NAMES[i % SYMBOL_NAMES.length], dashes }];
    }),
  );
}

/** @param marks the kind of marks in the chart, repeated in the legend's samples. */
export function legendFrom(
  looks: ReadonlyMap<string, Look>,
  palette: Palette,
  marks: NonNullable<LineChart["marks"]>,
): LegendItem[] {
  // One series needs no key: the title says what it is.
  if (looks.size < 2) return [];
  return [...looks].map(([label, { tone, symbol, dashes }]) => ({
    label,
    colour: palette[tone],
    line: marks === "lines" || marks === "both",
    ...(dashes ? { dashes } : {}),
    ...(marks === "lines" ? {} : { symbol }),
  }));
}

/** `training error (%)`, `gradient norm (log)`. */
export function axisTitle({ label, unit, log }: Axis): string {
  const notes = [unit, log ? "log" : undefined].filter((note) => note !== undefined);
  return notes.length === 0 ? label : `${label} (${notes.join(", ")})`;
}

/**
 * Plot's options for a scale: label, domain, ticks (fewer where panels share the width). `nice` ends an x axis at round
 * numbers; a y axis always ends there.
 */
export function scaleOf(
  axis: Axis,
  values: readonly number[],
  side: "x" | "y",
  { narrow }: Canvas,
  { panels = 1, nice = false }: { panels?: number; nice?: boolean } = {},
): Plot.ScaleOptions {
  const label = side === "x" ? `${axisTitle(axis)} →` : `↑ ${axisTitle(axis)}`;
  const naming = { label, labelArrow: "none" as const, ...(side === "x" ? { labelAnchor: "right" as const } : {}) };
  const [low, high] = axis.domain ?? extent(values, axis.log);
  const most = side === "y" ? 6 : narrow ? 4 : Math.max(2, Math.floor(10 / panels));
  if (axis.log) {
    const [from, to] = axis.domain ? [low, high] : [low / 1.3, high * 1.5];
    return {
      ...naming,
      type: "log",
      domain: [from, to],
      ticks: axisTicks(axis, [from, to], most),
      tickFormat: plainNumber,
    };
  }
  if (axis.whole)
    return { ...naming, domain: [low, high], ticks: axisTicks(axis, [low, high], most), tickFormat: plainNumber };
  return { ...naming, domain: [low, high], nice: axis.domain === undefined && (side === "y" || nice), ticks: most };
}

/** 1, 20,000, 0.001 in full; anything longer as a power of ten: 10⁻⁶, 3·10⁶. */
export function plainNumber(value: number): string {
  const size = Math.abs(value);
  if (value === 0 || (size >= 1e-3 && size < 1e6)) return value.toLocaleString("en-US", { maximumFractionDigits: 6 });
  const [factor, exponent] = value.toExponential(0).split("e");
  const raised = [...exponent.replace("+", "")].map((sign) => SUPERSCRIPTS[sign]).join("");
  return factor === "1" ? `10${raised}` : `${factor}·10${raised}`;
}

const SUPERSCRIPTS: Readonly<Record<string, string>> = Object.fromEntries(
  [..."-0123456789"].map((sign, i) => [sign, "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"[i]]),
);

/** From the lowest to the highest value; around a single value, or without any, an interval that can be drawn. */
export function extent(values: readonly number[], log = false): [number, number] {
  let low = Number.POSITIVE_INFINITY;
  let high = Number.NEGATIVE_INFINITY;
  for (const value of values) {
    if (!Number.isFinite(value)) continue;
    low = Math.min(low, value);
    high = Math.max(high, value);
  }
  if (low > high) return [1, 10];
  if (low < high) return [low, high];
  return log ? [low / 2, high * 2] : [low - Math.abs(low) * 0.1 - 0.5, high + Math.abs(high) * 0.1 + 0.5];
}

/** About `most` round numbers between `low` and `high`, as d3-scale chooses them. */
export function axisTicks(
  { log, whole }: Pick<Axis, "log" | "whole">,
  [low, high]: readonly [number, number],
  most: number,
): number[] {
  if (log) {
    const scale = scaleLog().domain([low, high]);
    // If there are few powers of ten it also gives their multiples, and labels those that have room.
    const named = scale.tickFormat(most);
    return scale.ticks(most).filter((tick) => named(tick) !== "");
  }
  const ticks = scaleLinear().domain([low, high]).ticks(most);
  return whole ? ticks.filter(Number.isInteger) : ticks;
}

/** Panels side by side, or below one another on narrow screens. */
export function panelLayout(
  titles: readonly string[],
  canvas: Canvas,
  heights: { wide: number; narrow: number },
): Plot.PlotOptions {
  const { narrow } = canvas;
  const count = titles.length;
  // Wide enough that the last number below one panel does not touch the first below the next.
  const scale = { domain: [...titles], label: null, padding: count > 2 ? 0.16 : 0.08, axis: null };
  if (count === 1) return { height: narrow ? 300 : heights.wide };
  if (narrow) return { height: count * heights.narrow + 60, fy: scale, marginTop: 30 };
  const above = TITLE_LINE * Math.max(0, ...(titlesAbove(titles, canvas) ?? []).map(({ length }) => length));
  return { height: heights.wide + above, fx: scale, marginTop: 30 + above };
}

/** Sizes of a panel's title: of the letters, and of a line where there are several. */
const TITLE_SIZE = 13;
const TITLE_LINE = 16;

/** Each title, broken into lines that fit above its panel; null if all titles fit inside. */
function titlesAbove(titles: readonly string[], { width, narrow }: Canvas): string[][] | null {
  // Bold letters of 13 px are about 8 px wide. Panels below one another are as wide as the picture.
  const letters = Math.floor((0.84 * (width - 88)) / titles.length / 8);
  if (narrow || titles.every((title) => title.length < letters)) return null;
  return titles.map((title) => wrap(title, letters));
}

/** Words in lines of at most so many letters; a longer word gets its own line. */
export function wrap(text: string, letters: number): string[] {
  const lines: string[] = [];
  for (const word of text.split(" ")) {
    const longer = `${lines.at(-1)} ${word}`;
    if (lines.length > 0 && longer.length <= letters) lines[lines.length - 1] = longer;
    else lines.push(word);
  }
  return lines;
}

/** Puts a mark into its panel. */
export function inPanel({ narrow }: Canvas): { fx: string } | { fy: string } {
  return narrow ? { fy: "panel" } : { fx: "panel" };
}

/** Each panel's title in its upper right corner, or above it if panels are too narrow; nothing for a single panel. */
export function panelTitles(titles: readonly string[], canvas: Canvas): Plot.Markish[] {
  if (titles.length === 1) return [];
  const { palette } = canvas;
  const above = titlesAbove(titles, canvas);
  // Inside a panel, an outline in the background colour separates the title from the lines.
  const place: Plot.TextOptions = above
    ? { frameAnchor: "top-left", lineAnchor: "bottom", dy: -8, lineHeight: TITLE_LINE / TITLE_SIZE }
    : { frameAnchor: "top-right", dx: -8, dy: 8, stroke: palette.background, strokeWidth: 6 };
  return [
    Plot.text(
      titles.map((panel, i) => ({ panel, text: above ? above[i].join("\n") : panel })),
      { ...inPanel(canvas), ...place, text: "text", fontSize: TITLE_SIZE, fontWeight: 600, fill: palette.ink },
    ),
  ];
}
