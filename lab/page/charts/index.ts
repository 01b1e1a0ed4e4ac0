/** From a chart, which is data, to pictures and to a CSV file. */
import type { Chart } from "../../report/chart.ts";
import type { Figure } from "../plot.ts";
import { categoryFigure } from "./categories.ts";
import { gridFigure } from "./grid.ts";
import { lineFigure } from "./lines.ts";

export function figureOf(chart: Chart): Figure {
  switch (chart.kind) {
    case "lines":
      return lineFigure(chart);
    case "categories":
      return categoryFigure(chart);
    default:
      return gridFigure(chart);
  }
}

/** Every number of a chart as a row. */
export function chartRows(chart: Chart): object[] {
  switch (chart.kind) {
    case "lines":
      return chart.panels.flatMap(({ title: panel, series }) =>
        series.flatMap(({ name, points }) =>
          points.map(({ x, y, low = null, high = null }) => ({ panel, series: name, x, y, low, high })),
        ),
      );
    case "categories":
      return chart.series.flatMap(({ name, values }) =>
        values.map(({ category, value, low = null, high = null }) => ({ series: name, category, value, low, high })),
      );
    default:
      return chart.panels.flatMap(({ title: panel, xs, ys, values }) =>
        ys.flatMap((y, row) => xs.map((x, column) => ({ panel, x, y, value: values[row][column] }))),
      );
  }
}
