/** Draws a LineChart: lines with bands, dots, rules, in panels that share their axes. */
import * as Plot from "@observablehq/plot";
import type { LineChart } from "../../report/chart.ts";
import type { Figure } from "../plot.ts";
import { axisTitle, inPanel, legendFrom, looksOf, panelLayout, panelTitles, scaleOf } from "./look.ts";

export function lineFigure(chart: LineChart): Figure {
  const { x, y, marks = "lines", rules = [] } = chart;
  // A run that was interrupted early may have no panel yet: the axes are drawn all the same.
  const panels = chart.panels.length > 0 ? chart.panels : [{ title: "", series: [] }];
  const looks = looksOf(panels.flatMap(({ series }) => series));
  const titles = panels.map(({ title }) => title);
  const rows = panels.flatMap(({ title: panel, series }) =>
    series.flatMap(({ name, points }) =>
      points.filter((point) => isDrawable(point, y.log, x.log)).map((point) => ({ panel, name, ...point })),
    ),
  );
  const most = Math.max(0, ...panels.flatMap(({ series }) => series.map(({ points }) => points.length)));
  const names = [...looks.keys()];
  return (canvas) => {
    const { palette } = canvas;
    // With a domain of its own an axis may leave points out: they are cut off at the frame.
    const clip = x.domain !== undefined || y.domain !== undefined;
    const faceted = { ...(titles.length > 1 ? inPanel(canvas) : {}), clip };
    const xs = rows.map((row) => row.x);
    const ys = rows.flatMap(({ y, low = y, high = y }) => [y, low, high]);
    const withRules = (side: "x" | "y", values: readonly number[]): number[] => [
      ...values,
      ...rules.flatMap((rule) => rule[side] ?? []),
    ];
    const yScale = scaleOf(y, withRules("y", y.log ? ys.filter((v) => v > 0) : ys), "y", canvas);
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
          ...names.flatMap((name) => {
            const look = looks.get(name)!;
            const own = rows.filter((row) => row.name === name);
            const banded = own.filter(
              ({ low, high }) => low !== undefined && high !== undefined && !(y.log && low <= 0),
            );
            const colour = palette[look.tone];
            return [
              ...(marks === "dots"
                ? [
                    Plot.ruleX(banded, {
                      ...faceted,
                      x: "x",
                      y1: "low",
                      y2: "high",
                      stroke: colour,
                      strokeOpacity: 0.5,
                    }),
                  ]
                : [
                    Plot.areaY(banded, { ...faceted, x: "x", y1: "low", y2: "high", fill: colour, fillOpacity: 0.18 }),
                    Plot.line(own, {
                      ...faceted,
                      x: "x",
                      y: "y",
                      stroke: colour,
                      strokeWidth: 2,
                      ...(look.dashes ? { strokeDasharray: look.dashes } : {}),
                    }),
                  ]),
              ...(marks === "lines"
                ? []
                : [
                    Plot.dot(own, {
                      ...faceted,
                      x: "x",
                      y: "y",
                      fill: colour,
                      symbol: look.symbol,
                      r: most > 60 ? 1.5 : 3.5,
                    }),
                  ]),
            ];
          }),
          ...panelTitles(titles, canvas),
        ],
      },
    };
  };
}

/** What has no place on an axis (NaN, infinity, 0 on a log axis) is left out; tables show it. */
function isDrawable({ x, y }: { x: number; y: number }, logY = false, logX = false): boolean {
  return Number.isFinite(x) && Number.isFinite(y) && !(logY && y <= 0) && !(logX && x <= 0);
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
