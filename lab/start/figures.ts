/** The three pictures of the main job. Each takes runs and returns a figure that can be drawn in any size and colour. */
import * as Plot from "@observablehq/plot";
import { axisTicks, inPanel, panelTitles } from "../page/charts/look.ts";
import type { Canvas, Figure, LegendItem } from "../page/plot.ts";
import type { Palette } from "../page/theme.ts";
import type { NetRun, Snapshot } from "./experiment.ts";
import { convolutions, type NumberedLayer } from "./layers.ts";

/** Loss of every batch, faint, and its running mean. */
export function lossFigure(runs: readonly NetRun[]): Figure {
  const rows = runs.flatMap(({ net, steps }) => steps.map(({ step, loss }) => ({ net, step, loss })));
  const longest = Math.max(...runs.map(({ steps }) => steps.length));
  return ({ palette, narrow }) => ({
    description: `Training loss by step for ${titles(runs)}, each batch and a running mean.`,
    legend: legend(runs, palette, "line"),
    plot: {
      height: narrow ? 300 : 380,
      x: { label: "step →", labelAnchor: "right", labelArrow: "none", nice: false, ticks: narrow ? 4 : 10 },
      y: { label: "↑ cross-entropy of the batch (nats)", labelArrow: "none", zero: true, nice: true, ticks: 5 },
      marks: [
        Plot.gridY({ stroke: palette.grid, strokeOpacity: 1, ticks: 5 }),
        ...runs.map(({ net }) =>
          Plot.line(
            rows.filter((row) => row.net === net),
            { x: "step", y: "loss", stroke: palette[net], strokeWidth: 1, strokeOpacity: 0.4 },
          ),
        ),
        ...[...runs].reverse().map(({ net }) =>
          Plot.line(
            rows.filter((row) => row.net === net),
            Plot.windowY(
              { k: smoothingWindow(longest), anchor: "middle", strict: false },
              { x: "step", y: "loss", stroke: palette[net], strokeWidth: 2.5, ...dashOf(net) },
            ),
          ),
        ),
      ],
    },
  });
}

/** How many steps the running mean of a run's loss covers: a twentieth of the run, an odd number. */
export function smoothingWindow(steps: number): number {
  return 2 * Math.max(1, Math.round(steps / 40)) + 1;
}

/**
 * ‖∂L/∂y‖ at each convolution's output, from the image to the loss, on a log axis; a panel for the first and for the last
 * step. The last, linear layer is left out: its output has not been averaged over the image, so its norm is no neighbour.
 */
export function gradientFigure(runs: readonly NetRun[]): Figure {
  const rows = inPanels(runs, (snapshot) =>
    convolutions(snapshot).map(({ number, layer, gradientNorm }) => ({ number, layer, norm: gradientNorm })),
  );
  const positive = rows.filter(({ norm }) => norm > 0 && Number.isFinite(norm));
  const zero = rows.filter(({ norm }) => norm === 0);
  const layers = Math.max(...rows.map(({ number }) => number));
  // Where a stage begins and the image halves: `layer2.0.conv1` and `layer3.0.conv1`.
  const stages = convolutions(runs[0].first).filter(({ layer }) => /^layer[23]\.0\.conv1$/.test(layer));
  const low = Math.min(...positive.map(({ norm }) => norm));
  const high = Math.max(...positive.map(({ norm }) => norm));
  return (canvas) => {
    const { palette, narrow } = canvas;
    return {
      description: `Norm of the loss's gradient at each layer's output for ${titles(runs)}, before the first step and after the last, logarithmic.`,
      legend: legend(runs, palette, "symbol"),
      plot: {
        ...panels(canvas, rows, narrow ? 520 : 400),
        x: {
          label: "convolution, from the image to the loss →",
          labelAnchor: "right",
          labelArrow: "none",
          domain: [0.5, layers + 0.5],
          ticks: layerTicks(layers, narrow),
          tickFormat: "d",
        },
        y: {
          label: "↑ ‖∂L/∂y‖ (log)",
          labelArrow: "none",
          type: "log",
          domain: [low / 1.3, high * 1.8],
          ticks: axisTicks({ log: true }, [low, high], 6),
          tickFormat: (value: number) => (value >= 1e-4 && value < 1e5 ? String(value) : value.toExponential(0)),
        },
        marks: [
          Plot.gridY({ stroke: palette.grid, strokeOpacity: 1, ticks: axisTicks({ log: true }, [low, high], 6) }),
          Plot.frame({ stroke: palette.grid }),
          Plot.ruleX(stages, {
            x: ({ number }: NumberedLayer) => number - 0.5,
            stroke: palette.faint,
            strokeOpacity: 0.6,
            strokeDasharray: "2 4",
          }),
          ...panelTitles(panelsOf(rows), canvas),
          ...runs.map(({ net }) =>
            Plot.line(of(positive, net), {
              ...inPanel(canvas),
              x: "number",
              y: "norm",
              stroke: palette[net],
              strokeWidth: 2,
              ...dashOf(net),
            }),
          ),
          ...runs.map(({ net }) =>
            Plot.dot(of(positive, net), {
              ...inPanel(canvas),
              x: "number",
              y: "norm",
              fill: palette[net],
              symbol: symbolOf(net),
              r: layers > 60 ? 1.5 : 3.5,
              title: "layer",
            }),
          ),
          // A gradient of exactly zero has no place on a log axis: it is marked on the lower edge.
          ...runs.map(({ net }) =>
            Plot.text(of(zero, net), {
              ...inPanel(canvas),
              x: "number",
              frameAnchor: "bottom",
              dy: -4,
              text: () => "0",
              fill: palette[net],
              fontWeight: "bold",
            }),
          ),
        ],
      },
    };
  };
}

/** How much of each block's gradient came through the shortcut; a panel for the first and for the last step. */
export function shareFigure(runs: readonly NetRun[]): Figure {
  const rows = inPanels(runs, ({ blocks }) =>
    blocks.map(({ block, identityShare }, i) => ({ number: i + 1, block, share: identityShare })),
  );
  const blocks = Math.max(...rows.map(({ number }) => number));
  return (canvas) => {
    const { palette, narrow } = canvas;
    return {
      description: `Share of each block's gradient that came through its shortcut for ${titles(runs)}, before the first step and after the last.`,
      legend: legend(runs, palette, "symbol"),
      plot: {
        ...panels(canvas, rows, narrow ? 480 : 340),
        x: {
          label: "block, from the image to the loss →",
          labelAnchor: "right",
          labelArrow: "none",
          domain: [0.5, blocks + 0.5],
          ticks: layerTicks(blocks, narrow),
          tickFormat: "d",
        },
        y: {
          label: "↑ identity share",
          labelArrow: "none",
          domain: [0, 1.1],
          tickFormat: "%",
          ticks: [0, 0.2, 0.4, 0.6, 0.8, 1],
        },
        marks: [
          Plot.gridY({ stroke: palette.grid, strokeOpacity: 1 }),
          Plot.frame({ stroke: palette.grid }),
          ...panelTitles(panelsOf(rows), canvas),
          ...runs.flatMap(({ net }) => [
            Plot.ruleX(of(rows, net), {
              ...inPanel(canvas),
              x: "number",
              y1: 0,
              y2: "share",
              stroke: palette[net],
              strokeWidth: Math.max(1, Math.min(10, 160 / blocks)),
              strokeOpacity: 0.35,
            }),
            Plot.dot(of(rows, net), {
              ...inPanel(canvas),
              x: "number",
              y: "share",
              fill: palette[net],
              symbol: symbolOf(net),
              r: blocks > 30 ? 2 : 4.5,
              title: "block",
            }),
          ]),
        ],
      },
    };
  };
}

type Net = NetRun["net"];

/** Rows of the first and last snapshot of every run, with the net and the panel they belong to. */
function inPanels<T extends object>(
  runs: readonly NetRun[],
  rowsOf: (snapshot: Snapshot) => T[],
): (T & { net: Net; panel: string })[] {
  const after = Math.max(...runs.map(({ last }) => last.step));
  const labels = ["before the first step", `after ${after} ${after === 1 ? "step" : "steps"}`];
  return runs.flatMap(({ net, first, last }) =>
    [first, last].flatMap((snapshot, i) => rowsOf(snapshot).map((row) => ({ ...row, net, panel: labels[i] }))),
  );
}

/** Panels beside one another, or one below the other where it is narrow. */
function panels({ narrow }: Canvas, rows: readonly { panel: string }[], height: number): Plot.PlotOptions {
  const domain = panelsOf(rows);
  const scale = { domain, label: null, padding: 0.1 };
  return narrow
    ? { height, fy: { ...scale, axis: null }, marginTop: 30 }
    : { height, fx: { ...scale, axis: null }, marginTop: 30 };
}

/** What the panels show, in order of appearance. */
function panelsOf(rows: readonly { panel: string }[]): string[] {
  return [...new Set(rows.map(({ panel }) => panel))];
}

function of<T extends { net: Net }>(rows: readonly T[], net: Net): T[] {
  return rows.filter((row) => row.net === net);
}

/** 1, 5, 10 … or in other steps, so that numbers do not touch. */
function layerTicks(count: number, narrow: boolean): number[] {
  const most = narrow ? 8 : 10;
  const step = [1, 2, 5, 10, 20, 50, 100, 200, 500].find((s) => count / s <= most) ?? 1000;
  const ticks = [1];
  // With steps of two the odd numbers: 1, 3, 5 …
  for (let tick = step <= 2 ? 1 + step : step; tick <= count; tick += step) ticks.push(tick);
  return ticks;
}

function legend(runs: readonly NetRun[], palette: Palette, kind: "line" | "symbol"): LegendItem[] {
  return runs.map(({ net, title }) => ({
    label: title,
    colour: palette[net],
    ...(net === "plain" ? { dashes: "6 4" } : {}),
    ...(kind === "symbol" ? { symbol: symbolOf(net) } : {}),
  }));
}

function dashOf(net: Net): { strokeDasharray?: string } {
  return net === "plain" ? { strokeDasharray: "6 4" } : {};
}

function symbolOf(net: Net): "circle" | "triangle" {
  return net === "plain" ? "triangle" : "circle";
}

function titles(runs: readonly NetRun[]): string {
  return runs.map(({ title }) => title).join(" and ");
}
