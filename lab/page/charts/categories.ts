/** Draws a CategoryChart: a row per category, a dot per series, a bar for the spread. */
import * as Plot from "@observablehq/plot";
import type { CategoryChart } from "../../report/chart.ts";
import type { Figure } from "../plot.ts";
import { axisTitle, legendFrom, looksOf, scaleOf } from "./look.ts";

export function categoryFigure({ x, series }: CategoryChart): Figure {
  const looks = looksOf(series);
  const rows = series.flatMap(({ name, values }, index) =>
    values
      .filter(({ value }) => Number.isFinite(value) && !(x.log && value <= 0))
      .map(({ low, high, ...rest }) => ({ name, index, ...rest, low: low ?? rest.value, high: high ?? rest.value })),
  );
  const categories = [...new Set(series.flatMap(({ values }) => values.map(({ category }) => category)))];
  const widest = Math.max(0, ...categories.map((category) => category.length));
  // Series of one category are a few pixels apart, so that none hides another.
  const apart = 9;
  return (canvas) => {
    const { palette, narrow } = canvas;
    const values = rows.flatMap(({ value, low, high }) => [value, low, high]);
    // On a telephone the name is above its dots.
    const rowHeight = (narrow ? 42 : 26) + apart * (series.length - 1);
    const below = narrow ? 8 : 0;
    return {
      description: `${axisTitle(x)} of ${categories.join(", ")}, for ${series.map(({ name }) => name).join(", ")}.`,
      legend: legendFrom(looks, palette, "dots"),
      plot: {
        height: categories.length * rowHeight + 80,
        // Letters of 12 px are about 6.6 px wide.
        marginLeft: narrow ? 12 : Math.min(300, 20 + 6.6 * widest),
        x: scaleOf(x, values, "x", canvas, { nice: true }),
        y: { type: "band", domain: categories, label: null, axis: null },
        marks: [
          Plot.gridX({ stroke: palette.grid, strokeOpacity: 1 }),
          Plot.ruleY(categories, { y: (c: string) => c, stroke: palette.grid, dy: below }),
          Plot.text(categories, {
            y: (c: string) => c,
            text: (c: string) => c,
            frameAnchor: "left",
            textAnchor: narrow ? "start" : "end",
            dx: narrow ? 0 : -8,
            dy: narrow ? 14 - rowHeight / 2 : 0,
            fill: palette.ink,
          }),
          ...series.flatMap(({ name }, i) => {
            const { tone, symbol } = looks.get(name)!;
            const own = rows.filter((row) => row.name === name);
            const dy = apart * (i - (series.length - 1) / 2) + below;
            return [
              Plot.ruleY(own, {
                y: "category",
                x1: "low",
                x2: "high",
                stroke: palette[tone],
                strokeWidth: 2,
                strokeOpacity: 0.6,
                dy,
              }),
              Plot.dot(own, { y: "category", x: "value", fill: palette[tone], symbol, r: 4.5, dy }),
            ];
          }),
        ],
      },
    };
  };
}
