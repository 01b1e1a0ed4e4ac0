/**
 * `highway`: learned skip weights, fully connected, and which layers a digit skips.
 *
 * Srivastava, Greff & Schmidhuber 2015: "Highway Networks", §3.1 (MNIST, plain against highway, 10 to 100 layers), and
 * "Training Very Deep Networks", §4.1 and Fig. 2 (what the gates do). y = T·H(x) + (1 − T)·x: where the transform gate T is near
 * 0 the input skips the layer. src/resnet/highway.ts has the networks, src/resnet/gates.ts reads the gates.
 */
import { batches } from "../../src/data/index.ts";
import { highwayNet, readGates } from "../../src/resnet/index.ts";
import { Rng } from "../../src/tensor/index.ts";
import { listOf, wholeNumber } from "../arguments.ts";
import type { GridChart, LineChart, Panel } from "../report/chart.ts";
import { percent } from "../report/format.ts";
import { compare, curveOf, mean, pointOf, spread } from "../report/statistics.ts";
import { cellOf, type Table } from "../report/table.ts";
import { type Case, type Context, type Experiment, option } from "../runner/experiment.ts";
import { pickTraining, type Training, type TrainingOptions, train, trainingOptions } from "../training/train.ts";
import { deepestOf, divergedCell, seedNote } from "../training/variants.ts";

interface Options extends TrainingOptions {
  readonly depths: readonly number[];
}

interface Task extends TrainingOptions {
  readonly depth: number;
  readonly net: "highway" | "plain";
}

/** T of every layer, first layer first. */
interface Gates {
  /** Mean over all units and images. */
  readonly means: readonly number[];
  /** Standard deviation over the images of their means over the units. */
  readonly deviations: readonly number[];
  /** For each class, the mean over its images. A class without an image has NaN. */
  readonly byClass: readonly (readonly number[])[];
  /** For each class, its first image. */
  readonly examples: readonly (readonly number[])[];
  /** The share of all gates, of every unit for every image, that are below SHUT and above OPEN. */
  readonly shut: number;
  readonly open: number;
}

interface Result extends Training {
  /** Of a highway network; null of a plain one. */
  readonly gates: { readonly atStart: Gates; readonly trained: Gates } | null;
}

const NETS = ["plain", "highway"] as const;

/** Test images whose gates are read. */
const GATED_IMAGES = 500;

/** Below SHUT a unit is carried, above OPEN it is mostly transformed. */
const SHUT = 0.1;
const OPEN = 0.5;

export const highway: Experiment<Options, Task, Result> = {
  name: "highway",
  title: "Can learned gates train a hundred layers?",
  about:
    "Trains fully connected networks of 10 to 100 layers with highway gates and without, and shows which layers which digits skip.",
  papers: "Srivastava et al. 2015, “Highway Networks” §3.1 and Fig. 1, “Training Very Deep Networks” §4.1 and Fig. 2",
  options: {
    depths: option("layers of the networks", listOf(wholeNumber(2, 1000)), {
      quick: [10, 20],
      default: [10, 20, 50, 100],
      full: [10, 20, 50, 100],
    }),
    ...trainingOptions({
      quick: { steps: 150, learningRate: 0.01, weightDecay: 0 },
      default: { steps: 2000, learningRate: 0.01, weightDecay: 0 },
      // The paper searches for a rate, momentum and gate bias for each network; here one setting serves all.
      full: { steps: 60000, batchSize: 128, learningRate: 0.01, schedule: "cosine", weightDecay: 0, augment: "none" },
    }),
  },
  seeds: { quick: 1, default: 2, full: 5 },
  imageSize: { quick: "half", default: "whole", full: "whole" },
  paperData: "MNIST",

  plan: ({ depths, ...training }) =>
    NETS.flatMap((net) => depths.map((depth) => ({ depth, net, ...pickTraining(training) }))),
  label: ({ net, depth }) => `${net}-${depth}`,
  // A highway layer computes two products of 50 × 50 and the gating, a plain one a product of 71 × 71.
  cost: ({ depth, net }) => depth * (net === "highway" ? 2.5 : 1) + 5,
  async run(task, context) {
    const { train: images } = context;
    const [, C, H, W] = images.shape;
    const model = highwayNet(task.depth, {
      inFeatures: C * H * W,
      classes: images.classes.length,
      shortcut: task.net === "plain" ? "none" : "gate",
      rng: new Rng(task.seed).fork("weights"),
    });
    const read = (): Gates | null => (task.net === "plain" ? null : gatesOf(model, context));
    const atStart = read();
    const training = await train(model, task, context);
    const trained = read();
    return { ...training, gates: atStart && trained && { atStart, trained } };
  },

  report: (cases) => {
    const deepest = deepestGated(cases);
    return {
      found: findings(cases, deepest),
      paper:
        "On MNIST plain networks become much harder to train with every step from 10 to 20, 50 and 100 layers, and highway networks do not; highways of hundreds of layers can be trained (Srivastava et al. 2015, “Highway Networks”, Fig. 1). In the trained networks most gates are nearly shut for a given input, and which are open depends on the input and the class: layers are skipped, and the network routes (“Training Very Deep Networks”, §4.1, Fig. 2).",
      charts: [
        curves(cases),
        byDepth(cases),
        ...(deepest ? [gatesByLayer(cases), gatesByClass(deepest), gatesOfExamples(deepest)] : []),
      ],
      tables: [table(cases)],
    };
  },
};

type Cases = readonly Case<Task, Result>[];
type GatedCase = { readonly depth: number; readonly gates: NonNullable<Result["gates"]>; readonly seed: number };

function gatesOf(model: ReturnType<typeof highwayNet>, { test, normalization }: Context): Gates {
  const size = Math.min(GATED_IMAGES, test.shape[0]);
  const [{ x, labels }] = batches(test, { batchSize: size, normalize: normalization });
  const read = readGates(model, x);
  const layers = read.map(({ perExample }) => perExample);
  const all = read.reduce((sum, { gates }) => sum + gates.data.length, 0);
  const shareOf = (holds: (gate: number) => boolean): number =>
    read.reduce((sum, { gates }) => sum + gates.data.filter(holds).length, 0) / all;
  const classes = test.classes.map((_, c) => Array.from(labels.keys()).filter((i) => labels[i] === c));
  return {
    means: layers.map(mean),
    deviations: layers.map((perExample) => spread(perExample).deviation),
    byClass: classes.map((own) => layers.map((perExample) => mean(own.map((i) => perExample[i])))),
    examples: classes.map(([first]) => layers.map((perExample) => perExample[first] ?? Number.NaN)),
    shut: shareOf((gate) => gate < SHUT),
    open: shareOf((gate) => gate > OPEN),
  };
}

/** The deepest highway network there is, with its first seed: gates of different seeds have nothing to do with each other. */
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
      "Look at what depth does left and right. 2.3 nats is guessing. Geometric means over the seeds, bands of one standard deviation.",
    x: { label: "step", whole: true },
    y: { label: "training loss", unit: "nats", log: true },
    panels: NETS.map(
      (net): Panel => ({
        title: net,
        series: cases
          .filter(({ task }) => task.net === net)
          .map(({ task, results }) => ({
            name: `${task.depth} layers`,
            points: curveOf(
              results.map(({ curve }) => curve.map(({ step, loss }) => ({ x: step, y: loss }))),
              { log: true },
            ),
          })),
      }),
    ),
  };
}

function byDepth(cases: Cases): LineChart {
  return {
    kind: "lines",
    id: "loss-by-depth",
    title: "What depth does to the training loss",
    caption:
      "Training loss over the last tenth of the steps: the paper's Fig. 1. A line that rises means that more layers learned worse. Bands are one standard deviation over the seeds.",
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
      "Mean transform gate of each highway layer over its units and 500 test images, 0 (skipped) to 1 (an ordinary layer). Dashed where it was before training: look at which layers were opened and which were left shut.",
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
  const gate = (results: readonly Result[], of: (gates: Gates) => number): ReturnType<typeof cellOf> =>
    cellOf(results.flatMap(({ gates }) => (gates ? [of(gates.trained)] : [])));
  return {
    id: "networks",
    title: "All networks",
    caption: `Over the last tenth of the steps, and on test images; mean ± one standard deviation over the seeds. A gate, of one unit for one image, is shut below ${SHUT} and open above ${OPEN}. The last column is how much the mean gate of a layer differs from image to image, as a mean over the layers.`,
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

function findings(cases: Cases, deepest: GatedCase | null): string {
  const depth = deepestOf(cases);
  const sentences = NETS.flatMap((net) => {
    const here = cases.filter(({ task }) => task.net === net);
    if (here.length === 0) return [];
    const losses = here.map(({ results }) => results.map(({ trainLoss }) => trainLoss));
    const list = here.map(({ task }, i) => `${mean(losses[i]).toFixed(3)} with ${task.depth} layers`).join(", ");
    const name = net === "plain" ? "Plain networks" : "Highway networks";
    if (here.length === 1) return [`${name} end with a training loss of ${list}.`];
    const verdict = {
      higher: "more depth made learning worse",
      lower: "more depth helped",
      alike: "depth made no difference beyond that between seeds",
    }[compare(losses[losses.length - 1], losses[0])];
    return [`${name} end with a training loss of ${list}: ${verdict}${seedNote(here)}.`];
  });
  if (deepest?.depth === depth) {
    const { trained, atStart } = deepest.gates;
    const widest = trained.deviations.indexOf(Math.max(...trained.deviations));
    sentences.push(
      `In the highway of ${depth} layers the mean gate went from ${mean(atStart.means).toFixed(3)} to ${mean(trained.means).toFixed(3)}; for a given image ${percent(trained.shut)} of the gates are shut (below ${SHUT}) and ${percent(trained.open)} open (above ${OPEN}). Most different from image to image is layer ${widest + 1}, with a mean gate of ${trained.means[widest].toFixed(2)} ± ${trained.deviations[widest].toFixed(3)}.`,
    );
  }
  return sentences.join(" ");
}
