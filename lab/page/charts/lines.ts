/** Draws a LineChart: lines with bands, dots, stems, rules, in panels that share their axes. */
import * as Plot from "@observablehq/plot";
import type { LineChart } from "../../report/chart.ts";
import type { Canvas, Figure } from "../plot.ts";
import { axisTitle, inPanel, type Look, legendFrom, looksOf, panelLayout, panelTitles, scaleOf } from "./look.ts";

interface Row {
  readonly panel: string;
  readonly name: string;
  readonly faint: boolean;
  readonly x: number;
  readonly y: number;
  readonly low?: number;
  readonly high?: number;
}

export function lineFigure(chart: LineChart): Figure {
  const { x, y, marks = "lines", rules = [] } = chart;
  // A run that was interrupted early may have no panel yet: the axes are drawn anyway.
  const panels = chart.panels.length > 0 ? chart.panels : [{ title: "", series: [] }];
  const looks = looksOf(panels.flatMap(({ series }) => series));
  const titles = panels.map(({ title }) => title);
  const all = panels.flatMap(({ title: panel, series }) =>
    series.flatMap(({ name, points, faint = false }) => points.map((point): Row => ({ panel, name, faint, ...point }))),
  );
  const rows = all.filter((row) => isDrawable(row, y.log, x.log));
  const zeros = y.log ? all.filter((row) => row.y === 0 && isDrawable(row, false, x.log)) : [];
  const most = Math.max(0, ...panels.flatMap(({ series }) => series.map(({ points }) => points.length)));
  const names = [...looks.keys()];
  return (canvas) => {
    const { palette } = canvas;
    // An axis with its own domain may leave points out: they are cut off at the frame.
    const clip = rows.some(
      (row) => isOutside(row.x, x.domain) || [row.y, row.low, row.high].some((v) => isOutside(v, y.domain)),
    );
    const faceted = { ...(titles.length > 1 ? inPanel(canvas) : {}), clip };
    const ys = rows.flatMap(({ y, low = y, high = y }) => [y, low, high]);
    const withRules = (side: "x" | "y", values: readonly number[]): number[] => [
      ...values,
      ...rules.flatMap((rule) => rule[side] ?? []),
    ];
    const xs = [...rows, ...zeros].map((row) => row.x);
    const yScale = scaleOf(y, withRules("y", y.log ? ys.filter((v) => v > 0) : ys), "y", canvas);
    const drawn = names.map((name) =>
      seriesMarks(name, looks.get(name)!, { rows, zeros, logY: y.log === true, marks, most, faceted, canvas }),
    );
    return {
      description: `${axisTitle(y)} over ${axisTitle(x)}: ${names.join(", ")}${titles.length > 1 ? `, in panels ${titles.join(", ")}` : ""}.`,
      legend: legendFrom(looks, palette, marks),
      plot: {
        ...panelLayout(titles, canvas, { wide: 380, narrow: 230 }),
        x: scaleOf(x, withRules("x", xs), "x", canvas, { panels: titles.length }),
        y: yScale,
        marks: [
          Plot.gridY({ stroke: palette.grid, strokeOpacity: 1, ...(yScale.ticks ? { ticks: yScale.ticks } : {}) }),
          ...(titles.length > 1 ? [Plot.frame({ stroke: palette.grid })] : []),
          ...rules.flatMap((rule) => ruleMarks(rule, palette)),
          // Faint series are drawn first, below everything.
          ...drawn.flatMap(({ faint }) => faint),
          ...drawn.flatMap(({ clear }) => clear),
          ...panelTitles(titles, canvas),
        ],
      },
    };
  };
}

interface Around {
  readonly rows: readonly Row[];
  readonly zeros: readonly Row[];
  readonly logY: boolean;
  readonly marks: NonNullable<LineChart["marks"]>;
  /** Points of the longest series. */
  readonly most: number;
  readonly faceted: object;
  readonly canvas: Canvas;
}

/** Everything drawn for the series of one name. */
function seriesMarks(name: string, look: Look, around: Around): { faint: Plot.Markish[]; clear: Plot.Markish[] } {
  const { rows, zeros, logY, marks, most, faceted, canvas } = around;
  const colour = canvas.palette[look.tone];
  const at = { ...faceted, x: "x", y: "y" };
  const mine = rows.filter((row) => row.name === name);
  const own = mine.filter(({ faint }) => !faint);
  const banded = own.filter(({ low, high }) => low !== undefined && high !== undefined && !(logY && low <= 0));
  const between = { ...faceted, x: "x", y1: "low", y2: "high" };
  const radius = most > 60 ? 1.5 : most > 30 ? 2.5 : marks === "stems" ? 4.5 : 3.5;
  const dots = Plot.dot(own, { ...at, fill: colour, symbol: look.symbol, r: radius });
  const line = [
    Plot.areaY(banded, { ...between, fill: colour, fillOpacity: 0.18 }),
    Plot.line(own, { ...at, stroke: colour, strokeWidth: 2, ...(look.dashes ? { strokeDasharray: look.dashes } : {}) }),
  ];
  const stem = { stroke: colour, strokeWidth: Math.max(1, Math.min(10, 160 / most)), strokeOpacity: 0.35 };
  const kinds = {
    lines: line,
    dots: [Plot.ruleX(banded, { ...between, stroke: colour, strokeOpacity: 0.5 }), dots],
    both: [...line, dots],
    stems: [Plot.ruleX(own, { ...faceted, x: "x", y1: 0, y2: "y", ...stem }), dots],
  };
  // A log axis has no zero: a value of exactly zero is marked on the lower edge.
  const edge = zeros.filter((row) => row.name === name);
  const zero = { frameAnchor: "bottom", dy: -4, text: () => "0", fill: colour, fontWeight: "bold" } as const;
  return {
    faint: [
      Plot.line(
        mine.filter(({ faint }) => faint),
        { ...at, stroke: colour, strokeWidth: 1, strokeOpacity: 0.4 },
      ),
    ],
    clear: [...kinds[marks], ...(edge.length > 0 ? [Plot.text(edge, { ...faceted, x: "x", ...zero })] : [])],
  };
}

/**
 * Values that an axis cannot show (NaN, infinity, on a log axis values that are not above 0) are left out; tables show
 * them.
 */
function isDrawable({ x, y }: { x: number; y: number }, logY = false, logX = false): boolean {
  return Number.isFinite(x) && Number.isFinite(y) && !(logY && y <= 0) && !(logX && x <= 0);
}

function isOutside(value: number | undefined, domain: readonly [number, number] | undefined): boolean {
  return value !== undefined && domain !== undefined && (value < domain[0] || value > domain[1]);
}

function ruleMarks(
  { x, y, label }: { x?: number; y?: number; label: string },
  { faint }: { faint: string },
): Plot.Markish[] {
  const line = { stroke: faint, strokeDasharray: "2 4" };
  const text = { text: () => label, fill: faint, fontSize: 11 };
  if (y !== undefined) {
    return [
      Plot.ruleY([y], line),
      Plot.text([y], { ...text, y: (v: number) => v, frameAnchor: "left", dx: 6, dy: -7, textAnchor: "start" }),
    ];
  }
  if (x === undefined) return [];
  return [
    Plot.ruleX([x], line),
    Plot.text([x], { ...text, x: (v: number) => v, frameAnchor: "bottom", dx: 5, dy: -6, textAnchor: "start" }),
  ];
}
