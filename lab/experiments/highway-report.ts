/**
 * What `highway` shows: how plain and highway networks learn by depth, and which layers of a highway are open for which
 * digits.
 *
 * Srivastava, Greff & Schmidhuber 2015, "Highway Networks", Fig. 1; "Training Very Deep Networks", Fig. 2. Next: ./highway.ts,
 * which trains the networks and reads their gates.
 */

import type { Case, Report } from "../experiment.ts";
import type { GridChart, LineChart, Panel } from "../report/chart.ts";
import { curveOf, mean, pointOf } from "../report/statistics.ts";
import { cellOf, type Table } from "../report/table.ts";
import { type Gates, type Result, type Task, THRESHOLDS } from "./highway.ts";
import { depthVerdict, divergedCell, lossCurve, seedNote } from "./variants.ts";

type Cases = readonly Case<Task, Result>[];
type GatedCase = { readonly depth: number; readonly gates: NonNullable<Result["gates"]>; readonly seed: number };

const NETS = ["plain", "highway"] as const;

export function highwayReport(cases: Cases): Report {
  const deepest = deepestGated(cases);
  return {
    found: findings(cases),
    paper:
      "On MNIST plain networks become much harder to train with every step from 10 to 20, 50 and 100 layers, and highway networks do not; highways of hundreds of layers can be trained (Srivastava et al. 2015, “Highway Networks”, Fig. 1). In the trained networks most gates are nearly shut for a given input, and which are open depends on the input and the class: layers are skipped, and the network routes (“Training Very Deep Networks”, §4.1, Fig. 2).",
    charts: [
      curves(cases),
      byDepth(cases),
      ...(deepest ? [gatesByLayer(cases), gatesByClass(deepest), gatesOfExamples(deepest)] : []),
    ],
    tables: [table(cases)],
  };
}

/** The deepest highway network, with its first seed: the gates of different seeds are unrelated. */
function deepestGated(cases: Cases): GatedCase | null {
  const there = cases.flatMap(({ task, results: [{ gates }], seeds }) =>
    gates ? [{ depth: task.depth, gates, seed: seeds[0] }] : [],
  );
  return there.reduce<GatedCase | null>((best, one) => (best && best.depth > one.depth ? best : one), null);
}

function curves(cases: Cases): LineChart {
  return {
    kind: "lines",
    id: "training-loss",
    title: "Who learns?",
    caption:
      "Compare the effect of depth on the left and on the right. 2.3 nats is guessing. Geometric means over the seeds, bands of one standard deviation.",
    x: { label: "step", whole: true },
    y: { label: "training loss", unit: "nats", log: true },
    panels: NETS.map(
      (net): Panel => ({
        title: net,
        series: cases
          .filter(({ task }) => task.net === net)
          .map(({ task, results }) => ({
            name: `${task.depth} layers`,
            points: lossCurve(results),
          })),
      }),
    ),
  };
}

function byDepth(cases: Cases): LineChart {
  return {
    kind: "lines",
    id: "loss-by-depth",
    title: "Training loss by depth",
    caption:
      "Training loss over the last tenth of the steps: the paper's Fig. 1. A rising line means that more layers learned worse. Bands are one standard deviation over the seeds.",
    x: { label: "layers", whole: true },
    y: { label: "training loss", unit: "nats", log: true },
    marks: "both",
    panels: [
      {
        title: "",
        series: NETS.map((net) => ({
          name: net,
          tone: net === "plain" ? "plain" : "residual",
          points: cases
            .filter(({ task }) => task.net === net)
            .map(({ task, results }) =>
              pointOf(
                task.depth,
                results.map(({ trainLoss }) => trainLoss),
                { log: true },
              ),
            ),
        })),
      },
    ],
  };
}

function gatesByLayer(cases: Cases): LineChart {
  const gated = cases.filter(({ task }) => task.net === "highway");
  const curve = (means: readonly number[]): { x: number; y: number }[] =>
    means.map((y, i) => ({ x: (100 * (i + 1)) / means.length, y }));
  return {
    kind: "lines",
    id: "gates-by-layer",
    title: "How far the gates are open",
    caption:
      "Mean transform gate of each highway layer over its units and 500 test images, 0 (skipped) to 1 (an ordinary layer). Dashed: before training. See which layers were opened and which stayed shut.",
    x: { label: "highway layer, from the image to the loss", unit: "% of the way" },
    y: { label: "mean transform gate" },
    panels: gated.map(({ task, results }) => ({
      title: `${task.depth} layers`,
      series: (["before training", "after"] as const).map((name) => ({
        name,
        tone: name === "after" ? "residual" : "ink",
        dashed: name !== "after",
        points: curveOf(
          results.flatMap(({ gates }) =>
            gates ? [curve(name === "after" ? gates.trained.means : gates.atStart.means)] : [],
          ),
        ),
      })),
    })),
  };
}

function gatesByClass({ depth, gates, seed }: GatedCase): GridChart {
  const { byClass, means } = gates.trained;
  return {
    kind: "heat",
    id: "gates-by-class",
    title: `Which layers which digits use, in ${depth} layers`,
    caption: `Mean transform gate of the images of a class minus that of all images, layer by layer (seed ${seed}). Bright: the class uses this layer more than others do; dark: it skips it more. A column of one colour is a layer that treats all classes alike.`,
    x: { label: "highway layer", whole: true },
    y: { label: "class", whole: true },
    value: { label: "gate, minus the layer's mean" },
    panels: [classGrid(byClass.map((values) => values.map((v, i) => v - means[i])))],
  };
}

function gatesOfExamples({ depth, gates, seed }: GatedCase): GridChart {
  return {
    kind: "heat",
    id: "gates-of-images",
    title: `Which layers an image skips, in ${depth} layers`,
    caption: `Mean transform gate over the units for one test image of each class (seed ${seed}). Dark layers are skipped: the image passes them almost unchanged.`,
    x: { label: "highway layer", whole: true },
    y: { label: "class of the image", whole: true },
    value: { label: "mean gate over the units" },
    panels: [classGrid(gates.trained.examples)],
  };
}

/** A row for each class that has images, a column for each layer. */
function classGrid(rows: readonly (readonly number[])[]): GridChart["panels"][number] {
  const present = [...rows.entries()].filter(([, values]) => values.every(Number.isFinite));
  return {
    title: "",
    xs: rows[0].map((_, i) => i + 1),
    ys: present.map(([c]) => c),
    values: present.map(([, values]) => values),
  };
}

function table(cases: Cases): Table {
  const { shut, open } = THRESHOLDS;
  const gate = (results: readonly Result[], of: (gates: Gates) => number): ReturnType<typeof cellOf> =>
    cellOf(results.flatMap(({ gates }) => (gates ? [of(gates.trained)] : [])));
  return {
    id: "networks",
    title: "All networks",
    caption: `Over the last tenth of the steps, and on test images; mean ± one standard deviation over the seeds. A gate (of one unit for one image) is shut below ${shut} and open above ${open}. The last column says how much the mean gate of a layer differs from image to image, as a mean over the layers.`,
    columns: [
      { label: "network" },
      { label: "parameters", digits: 0 },
      { label: "training loss", digits: 4 },
      { label: "test error, %", digits: 1 },
      { label: "diverged" },
      { label: "mean gate", digits: 3 },
      { label: "shut, %", digits: 1 },
      { label: "open, %", digits: 1 },
      { label: "spread", digits: 3 },
    ],
    rows: cases.map(({ label, results }) => [
      label,
      results[0].parameters,
      cellOf(results.map(({ trainLoss }) => trainLoss)),
      cellOf(results.map(({ testError }) => 100 * testError)),
      divergedCell(results),
      gate(results, ({ means }) => mean(means)),
      gate(results, ({ shut }) => 100 * shut),
      gate(results, ({ open }) => 100 * open),
      gate(results, ({ deviations }) => mean(deviations)),
    ]),
  };
}

function findings(cases: Cases): string {
  return depthVerdict(
    NETS.map((name) => ({
      name,
      byDepth: cases
        .filter(({ task }) => task.net === name)
        .map(({ results }) => results.map(({ trainLoss }) => trainLoss)),
    })),
    seedNote(cases),
  );
}
