/** Draws values over a plane: a colour per cell, contour lines, or a surface seen obliquely from above. */
import * as Plot from "@observablehq/plot";
import type { Axis, Grid, GridChart } from "../../report/chart.ts";
import { significant } from "../../report/format.ts";
import type { Canvas, Figure } from "../plot.ts";
import { axisTitle, inPanel, panelLayout, panelTitles, scaleOf } from "./look.ts";
import { projectSurface } from "./surface.ts";

/** Dark is low, bright is high: readable with every kind of colour vision, and in grey. */
const SCHEME = "viridis";

/** For an interrupted run without a panel: empty axes. */
const NOTHING: Grid = { title: "", xs: [0, 1], ys: [0, 1], values: Array(2).fill([Number.NaN, Number.NaN]) };

export function gridFigure(given: GridChart): Figure {
  const chart = given.panels.length > 0 ? given : { ...given, panels: [NOTHING] };
  const { kind, x, y, value, panels } = chart;
  const titles = panels.map(({ title }) => title);
  const domain = valueDomain(value, panels);
  const colour: Plot.ScaleOptions = { scheme: SCHEME, type: value.log ? "log" : "linear", domain };
  const [low, high] = domain.map(significant);
  const colourKey = { label: axisTitle(value), low, high, colours: samples() };
  return (canvas) => ({
    description: `${axisTitle(value)} over ${axisTitle(x)} and ${axisTitle(y)}: ${titles.join(", ")}.`,
    legend: [],
    colourKey,
    plot: {
      ...panelLayout(titles, canvas, { wide: titles.length > 2 ? 360 : 430, narrow: 300 }),
      color: colour,
      ...(kind === "surface" ? surface(chart, canvas, domain) : plane(chart, canvas, domain)),
    },
  });
}

/** The scheme's colours from the lowest to the highest. */
function samples(): string[] {
  const scale = Plot.scale({ color: { scheme: SCHEME, type: "linear", domain: [0, 1] } });
  return Array.from({ length: 24 }, (_, i) => String(scale?.apply(i / 23)));
}

function valueDomain({ log, domain }: Axis, panels: readonly Grid[]): [number, number] {
  if (domain) return [...domain];
  const values = panels.flatMap(({ values }) => values.flat()).filter((v) => Number.isFinite(v) && !(log && v <= 0));
  const low = values.reduce((a, b) => Math.min(a, b), Number.POSITIVE_INFINITY);
  const high = values.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY);
  return low < high ? [low, high] : [0, 1];
}

function plane(
  { kind, x, y, value, panels }: GridChart,
  canvas: Canvas,
  [low, high]: [number, number],
): Plot.PlotOptions {
  const { palette } = canvas;
  const titles = panels.map(({ title }) => title);
  const faceted = titles.length > 1 ? inPanel(canvas) : {};
  const cells = panels.flatMap(({ title, xs, ys, values }) =>
    ys.flatMap((y, row) => xs.map((x, column) => ({ panel: title, x, y, value: values[row][column] }))),
  );
  const [dx, dy] = [spacing(panels.map(({ xs }) => xs)), spacing(panels.map(({ ys }) => ys))];
  const [allXs, allYs] = [panels.flatMap(({ xs }) => xs), panels.flatMap(({ ys }) => ys)];
  const edges = (axis: Axis, values: number[], step: number): Axis =>
    kind === "heat" && !axis.domain
      ? { ...axis, domain: [Math.min(...values) - step / 2, Math.max(...values) + step / 2] }
      : { ...axis, domain: axis.domain ?? [Math.min(...values), Math.max(...values)] };
  const thresholds = contourLevels(low, high, value.log);
  return {
    x: scaleOf(edges(x, allXs, dx), [], "x", canvas, { panels: titles.length }),
    y: scaleOf(edges(y, allYs, dy), [], "y", canvas),
    marks: [
      kind === "heat"
        ? Plot.rect(cells, {
            ...faceted,
            x1: (c: Cell) => c.x - dx / 2,
            x2: (c: Cell) => c.x + dx / 2,
            y1: (c: Cell) => c.y - dy / 2,
            y2: (c: Cell) => c.y + dy / 2,
            fill: "value",
          })
        : Plot.contour(cells, {
            ...faceted,
            x: "x",
            y: "y",
            value: (c: Cell) => Math.min(high, Math.max(low, Number.isFinite(c.value) ? c.value : high)),
            fill: "value",
            stroke: palette.background,
            strokeWidth: 0.6,
            thresholds,
            interpolate: "barycentric",
          }),
      Plot.frame({ stroke: palette.grid }),
      ...panelTitles(titles, canvas),
    ],
  };
}

interface Cell {
  readonly x: number;
  readonly y: number;
  readonly value: number;
}

/** The distance between neighbours; 1 if there is only one value. */
function spacing(axes: readonly (readonly number[])[]): number {
  const steps = axes.flatMap((values) => values.slice(1).map((v, i) => Math.abs(v - values[i])));
  return steps.length === 0 ? 1 : Math.min(...steps);
}

function contourLevels(low: number, high: number, log = false): number[] {
  const count = 16;
  return Array.from({ length: count }, (_, i) => {
    const t = i / count;
    return log ? low * (high / low) ** t : low + t * (high - low);
  });
}

function surface({ x, y, value, panels }: GridChart, canvas: Canvas, domain: [number, number]): Plot.PlotOptions {
  const titles = panels.map(({ title }) => title);
  const faceted = titles.length > 1 ? inPanel(canvas) : {};
  const faces = panels.flatMap((grid) =>
    projectSurface(grid, { domain, log: value.log ?? false }).map((face) => ({ panel: grid.title, ...face })),
  );
  const corners = faces.flatMap(({ corners, ...rest }, face) => corners.map(([u, v]) => ({ ...rest, face, u, v })));
  return {
    x: { axis: null, domain: [-1, 1] },
    y: { axis: null, domain: [-0.75, 0.95] },
    marks: [
      Plot.line(corners, {
        ...faceted,
        x: "u",
        y: "v",
        z: "face",
        fill: "value",
        stroke: canvas.palette.background,
        strokeWidth: 0.35,
        curve: "linear-closed",
      }),
      Plot.text([{ panel: titles[titles.length - 1] }], {
        ...faceted,
        text: () => `ground: ${axisTitle(x)} and ${axisTitle(y)}; height and colour: ${axisTitle(value)}`,
        frameAnchor: "bottom-right",
        dy: 24,
        fill: canvas.palette.faint,
      }),
      ...panelTitles(titles, canvas),
    ],
  };
}
