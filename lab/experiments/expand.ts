/**
 * `expand`: compress first, expand later.
 *
 * Most blocks of a deep network start collapsed: they are the identity and cost nothing. They are expanded in stages while it is
 * trained, and the loss does not jump, because a block starts with a branch that is exactly zero. src/resnet/expansion.ts.
 *
 * The idea is that of Net2Net (Chen, Goodfellow & Shlens 2016): a network may grow without changing the function it computes.
 */
import { cifarResNet, Expansion, type ExpansionOrder } from "../../src/resnet/index.ts";
import { depth, listOf, oneOf, realNumber, wholeNumber } from "../arguments.ts";
import { type Case, type Experiment, option } from "../experiment.ts";
import type { LineChart } from "../report/chart.ts";
import { curveOf, mean } from "../report/statistics.ts";
import { cellOf, type Table } from "../report/table.ts";
import { networkOptions } from "../training/network.ts";
import {
  type CurvePoint,
  pickTraining,
  type Training,
  type TrainingOptions,
  test,
  train,
  trainingOptions,
} from "../training/train.ts";
import { comparison, divergedCell, seedNote } from "./variants.ts";

type NamedOrder = Extract<ExpansionOrder, string>;

interface Options extends TrainingOptions {
  readonly depth: number;
  readonly at: readonly number[];
  readonly orders: readonly NamedOrder[];
  readonly width: number;
}

interface Task extends TrainingOptions {
  readonly depth: number;
  readonly way: "whole" | NamedOrder;
  /** Fractions of the training at which blocks are expanded; empty for the whole network. */
  readonly at: readonly number[];
  readonly width: number;
}

interface Growth {
  /** The first step that has the new blocks. */
  readonly step: number;
  readonly blocks: number;
  /** On test images, just before and just after: the same weights except for the new blocks. */
  readonly lossBefore: number;
  readonly lossAfter: number;
}

interface Result extends Training {
  readonly expansions: readonly Growth[];
  /** Blocks in use, as a share of all, on average over the steps. */
  readonly used: number;
  /** Time of the steps, without evaluating test images. */
  readonly seconds: number;
  /** Time since the start at each point of the curve. */
  readonly clock: readonly { readonly seconds: number }[];
}

/** Test images to detect a jump of the loss. */
const PROBE = { testImages: 500 };

export const expand: Experiment<Options, Task, Result> = {
  name: "expand",
  title: "Can a network grow while it learns?",
  about:
    "Trains a deep residual network whose blocks are added in stages, and compares loss and time with training all of it from the start.",
  papers: "Chen, Goodfellow & Shlens 2016 (Net2Net); Goyal et al. 2017, §5.1 (blocks that start as the identity)",
  options: {
    depth: option("layers of the network, 6n+2", depth, { quick: 20, default: 56, full: 110 }),
    at: option("when blocks are added, as fractions of the training", listOf(realNumber(0, 1, "above")), [0.3, 0.6]),
    orders: option("which come first", listOf(oneOf("everyOther", "front", "back")), {
      quick: ["everyOther"],
      default: ["everyOther", "front", "back"],
    }),
    width: option("channels of the first stage", wholeNumber(1, 1024), { quick: 4, default: 8, full: 16 }),
    ...trainingOptions({ quick: { steps: 60 }, default: { steps: 1200 } }),
  },
  seeds: { quick: 1, default: 2, full: 5 },
  imageSize: { quick: "half", default: "half", full: "whole" },
  paperData: "CIFAR-10",

  plan: ({ depth, at, orders, width, ...training }) =>
    (["whole", ...orders] as const).map((way) => ({
      depth,
      way,
      at: way === "whole" ? [] : at,
      width,
      ...pickTraining(training),
    })),
  label: ({ way }) => LABELS[way],
  cost: ({ way }) => (way === "whole" ? 1 : 0.7),

  async run(task, context) {
    const model = cifarResNet(task.depth, networkOptions(task, context));
    const blocks = model.blocks().length;
    const expansion =
      task.way === "whole"
        ? null
        : new Expansion(model, { at: task.at.map((f) => Math.round(f * task.steps)), order: task.way });
    const notes = { expansions: [] as Growth[], times: [] as number[], used: 0, looking: 0 };
    const training = await train(model, task, context, {
      notes,
      onResume: (steps) => expansion?.before(steps),
      onStep: async ({ step, seconds }) => {
        notes.times.push(seconds - notes.looking);
        const collapsed = expansion?.collapsed.length ?? 0;
        notes.used += (blocks - collapsed) / blocks / task.steps;
        if (!expansion || !task.at.some((f) => Math.round(f * task.steps) === step + 1)) return;
        const started = performance.now();
        const { loss: lossBefore } = await test(model, PROBE, context);
        const added = expansion.before(step + 1).length;
        const { loss: lossAfter } = await test(model, PROBE, context);
        notes.expansions.push({ step: step + 1, blocks: added, lossBefore, lossAfter });
        notes.looking += (performance.now() - started) / 1000;
      },
    });
    const { expansions, times, used } = notes;
    return {
      ...training,
      expansions,
      used,
      seconds: times[times.length - 1],
      clock: training.curve.map(({ step }) => ({ seconds: times[Math.min(Math.round(step), times.length - 1)] })),
    };
  },

  report: (cases, { depth }) => ({
    found: findings(cases, depth),
    paper:
      "Net2Net (Chen et al. 2016) grows trained networks without changing what they compute and finds that the larger ones learn faster than from random weights. This experiment is Skipstone's own; no paper has numbers to compare with.",
    charts: [
      curves(cases, {
        id: "loss-by-step",
        title: "The loss does not jump",
        caption:
          "Training loss over the steps. Dotted lines mark the moments at which blocks were added: check whether the curves break there. Geometric means over the seeds, bands of one standard deviation.",
        x: { label: "step", whole: true },
        at: (point) => point.step,
        rules: [...new Set(cases.flatMap(({ results }) => results[0].expansions.map(({ step }) => step)))].map((x) => ({
          x,
          label: "expanded",
        })),
      }),
      curves(cases, {
        id: "loss-by-time",
        title: "Which is done first?",
        caption:
          "The same over time on this machine, with all threads at work: a line that ends further left took less time for the same steps. Times are means over the seeds.",
        x: { label: "time", unit: "s" },
        at: (_, seconds) => seconds,
      }),
    ],
    tables: [table(cases), jumps(cases)],
  }),
};

type Cases = readonly Case<Task, Result>[];

const LABELS: Readonly<Record<Task["way"], string>> = {
  whole: "whole from the start",
  everyOther: "expanded, every other block first",
  front: "expanded, from the image on",
  back: "expanded, from the loss back",
};

interface CurvesSpec extends Pick<LineChart, "id" | "title" | "caption" | "x"> {
  readonly at: (point: CurvePoint, seconds: number) => number;
  readonly rules?: NonNullable<LineChart["rules"]>;
}

function curves(cases: Cases, { at, ...chart }: CurvesSpec): LineChart {
  return {
    kind: "lines",
    ...chart,
    y: { label: "training loss", unit: "nats", log: true },
    panels: [
      {
        title: "",
        series: cases.map(({ task, label, results }) => ({
          name: label,
          ...(task.way === "whole" ? { tone: "residual" as const } : {}),
          points: curveOf(
            results.map(({ curve }) =>
              curve.map((point, i) => ({ x: at(point, mean(secondsAt(results, i))), y: point.loss })),
            ),
            { log: true },
          ),
        })),
      },
    ],
  };
}

/** Over the seeds that reached point `i` of the curve. */
function secondsAt(results: readonly Result[], i: number): number[] {
  return results.flatMap(({ clock }) => clock.slice(i, i + 1).map(({ seconds }) => seconds));
}

function table(cases: Cases): Table {
  return {
    id: "trainings",
    title: "Loss and time",
    caption:
      "Over the last tenth of the steps, on test images, and the time of the training; mean ± one standard deviation over the seeds. Blocks in use are an average over the steps.",
    columns: [
      { label: "training" },
      { label: "blocks in use, %", digits: 0 },
      { label: "training loss", digits: 4 },
      { label: "test error, %", digits: 2 },
      { label: "time, s", digits: 1 },
      { label: "diverged" },
    ],
    rows: cases.map(({ label, results }) => [
      label,
      cellOf(results.map(({ used }) => 100 * used)),
      cellOf(results.map(({ trainLoss }) => trainLoss)),
      cellOf(results.map(({ testError }) => 100 * testError)),
      cellOf(results.map(({ seconds }) => seconds)),
      divergedCell(results),
    ]),
  };
}

function jumps(cases: Cases): Table {
  return {
    id: "expansions",
    title: "The moments of expansion",
    caption: `Loss on ${PROBE.testImages} test images just before and just after blocks were added, for the first seed, and the largest difference over all seeds. An expansion changes no output, so it should be exactly 0.`,
    columns: [
      { label: "training" },
      { label: "step", digits: 0 },
      { label: "blocks added", digits: 0 },
      { label: "loss before", digits: 6 },
      { label: "loss after", digits: 6 },
      { label: "largest difference" },
    ],
    rows: cases.flatMap(({ label, results }) =>
      results[0].expansions.map(({ step, blocks, lossBefore, lossAfter }, i) => [
        label,
        step,
        blocks,
        lossBefore,
        lossAfter,
        Math.max(...results.flatMap(({ expansions }) => expansions.slice(i, i + 1).map(jump))),
      ]),
    ),
  };
}

function jump({ lossBefore, lossAfter }: Growth): number {
  return Math.abs(lossAfter - lossBefore);
}

function findings(cases: Cases, depth: number): string {
  const [whole, ...others] = [...cases].sort((a, b) => Number(b.task.way === "whole") - Number(a.task.way === "whole"));
  const measured = ({ task, results }: Cases[number]): { name: string; values: number[] } => ({
    name: LABELS[task.way],
    values: results.map(({ testError }) => testError),
  });
  const jumps = cases.flatMap(({ results }) => results.flatMap(({ expansions }) => expansions.map(jump)));
  const note = Math.max(0, ...jumps) > 0 ? "; at an expansion the loss jumped, which it should not" : "";
  return comparison(measured(whole), others.map(measured), depth, `${seedNote(cases)}${note}`);
}
