/**
 * What `twins` shows: which network learned, the gradient's norm at each layer, the shortcuts' share of it, and the
 * certificate. Every sentence is computed from the numbers, so that a caption never claims what a picture does not
 * show.
 *
 * Next: ./twins.ts, which measures it.
 */
import type { Case, Report } from "../experiment.ts";
import type { LineChart, Panel, Point, Series } from "../report/chart.ts";
import { asLarge, fixed, grouped, percent } from "../report/format.ts";
import type { Headline, Verdict, Verdicts } from "../report/highlights.ts";
import { curveOf, geometricMean, mean } from "../report/statistics.ts";
import { cellOf, type Table } from "../report/table.ts";
import type { Certificate, Options, Result, Snapshot, Task } from "./twins.ts";

type Cases = readonly Case<Task, Result>[];
type Twin = Cases[number];

export function twinsReport(cases: Cases, options: Options): Report {
  return {
    found: findings(cases),
    paper:
      "On CIFAR-10 a plain network of 110 layers gets more than 60 % of the images wrong, the residual one 6.43 % (He et al. 2015, Fig. 6 and Table 6).",
    headlines: cases.map(headlineOf),
    charts: [lossChart(cases, options), gradientChart(cases), shareChart(cases)],
    marks: certificates(cases),
    tables: [outcomes(cases), norms(cases)],
  };
}

function titleOf({ net, depth }: Task): string {
  return `${net === "plain" ? "plain" : "ResNet"}-${depth}`;
}

/** A network's name in a picture, and its colour. */
function seriesOf({ task }: Twin): Pick<Series, "name" | "tone"> {
  return { name: titleOf(task), tone: task.net };
}

function accuracies({ results }: Twin): number[] {
  return results.map(({ testError }) => 1 - testError);
}

/** Half of all images correct: poor for a digit reader, but five times as good as guessing. */
const LEARNED = 0.5;

function findings(cases: Cases): string {
  const [one, other] = [...cases].sort((a, b) => (a.task.net > b.task.net ? -1 : 1));
  const correct = (twin: Twin): string => percent(mean(accuracies(twin)));
  const steps = grouped(Math.max(...cases.flatMap(({ results }) => results.map(({ losses }) => losses.length))));
  if (!other)
    return `After ${steps} steps ${titleOf(one.task)} classifies ${correct(one)} of the test images correctly.`;
  const both = `after ${steps} steps ${titleOf(one.task)} classifies ${correct(one)} of the test images correctly, ${titleOf(other.task)} ${correct(other)}.`;
  const [residual, plain] = [one, other].map((twin) => mean(accuracies(twin)));
  if (residual >= LEARNED && plain < LEARNED) return `Without its skip connections the network does not learn: ${both}`;
  if (residual < LEARNED && plain < LEARNED) return `Neither of the two has learned much yet: ${both}`;
  if (Math.abs(residual - plain) < 0.02) return `With ${one.task.depth} layers both learn: ${both}`;
  return `${residual > plain ? "With" : "Without"} its skip connections the network learns faster: ${both}`;
}

function headlineOf(twin: Twin): Headline {
  const { task, results } = twin;
  const seeds = results.length === 1 ? "" : `, mean of ${results.length} seeds`;
  const ratio = geometricMean(results.map(({ first }) => growth(first)));
  return {
    label: `${titleOf(task)}, ${task.net === "plain" ? "without skip connections" : "with skip connections"}`,
    value: percent(mean(accuracies(twin)), 2),
    note: `of ${grouped(results[0].tested)} test images correct${seeds}. Before training, the gradient at the first layer was ${asLarge(ratio)} as at the last convolution.`,
    tone: task.net,
  };
}

/** How many steps the running mean of a loss covers: a twentieth of the run, an odd number. */
function windowOf(steps: number): number {
  return 2 * Math.max(1, Math.round(steps / 40)) + 1;
}

/** The mean around each step, over fewer steps at both ends. */
function runningMean(losses: readonly number[]): { x: number; y: number }[] {
  const half = (windowOf(losses.length) - 1) / 2;
  return losses.map((_, i) => ({ x: i + 1, y: mean(losses.slice(Math.max(0, i - half), i + half + 1)) }));
}

function lossChart(cases: Cases, { batchSize }: Options): LineChart {
  const single = cases.every(({ results }) => results.length === 1);
  const { classes, losses } = cases[0].results[0];
  const window = windowOf(losses.length);
  const lines = single
    ? `Thin lines are single batches of ${batchSize} images, thick lines the running mean over ${window} steps.`
    : `Lines are running means over ${window} steps, averaged over the seeds; bands are one standard deviation.`;
  const same =
    cases.length > 1 ? " The networks start from the same weights and see the same images in the same order." : "";
  const ends = cases
    .map((twin) => `${titleOf(twin.task)} at ${fixed(mean(twin.results.map(finalLoss)), 3)}`)
    .join(", ");
  return {
    kind: "lines",
    id: "loss",
    title: "Which network learns, and how fast?",
    caption: `${lines} Guessing among ${classes} classes costs ln ${classes} ≈ ${fixed(Math.log(classes), 2)}.${same} Look at which line falls first, and where they end: ${ends} (mean of the last ${window} steps).`,
    x: { label: "step", whole: true },
    y: { label: "cross-entropy of the batch", unit: "nats" },
    panels: [
      {
        title: "",
        series: cases.flatMap((twin): Series[] => [
          ...(single
            ? [{ ...seriesOf(twin), faint: true, points: twin.results[0].losses.map((y, i) => ({ x: i + 1, y })) }]
            : []),
          { ...seriesOf(twin), points: curveOf(twin.results.map(({ losses }) => runningMean(losses))) },
        ]),
      },
    ],
  };
}

function finalLoss({ losses }: Result): number {
  return mean(losses.slice(-windowOf(losses.length)));
}

/**
 * The layers that work on images: all but the last, whose output was averaged over the image, so its norm is not
 * comparable.
 */
function convolutions({ layers }: Snapshot): Snapshot["layers"] {
  return layers.slice(0, -1);
}

/** ‖∂L/∂y‖ at the first layer over that at the last convolution: 1 if the gradient arrives as large as it left. */
function growth(snapshot: Snapshot): number {
  const rows = convolutions(snapshot);
  return rows[0].norm / rows[rows.length - 1].norm;
}

/**
 * A panel for the first and for the last step, with a line for each network and a value for each position along the
 * way.
 */
function panelsOf(cases: Cases, valuesOf: (snapshot: Snapshot) => number[], scale: { log?: boolean }): Panel[] {
  const after = Math.max(...cases.flatMap(({ results }) => results.map(({ losses }) => losses.length)));
  const moments = [
    { title: "before the first step", of: ({ first }: Result) => [first] },
    {
      title: `after ${grouped(after)} ${after === 1 ? "step" : "steps"}`,
      of: ({ last }: Result) => (last ? [last] : []),
    },
  ];
  return moments.map(({ title, of }) => ({
    title,
    series: cases.map((twin) => ({
      ...seriesOf(twin),
      points: pointsOf(twin.results.flatMap(of).map(valuesOf), scale),
    })),
  }));
}

function pointsOf(curves: readonly number[][], scale: { log?: boolean }): Point[] {
  return curveOf(
    curves.map((ys) => ys.map((y, i) => ({ x: i + 1, y }))),
    scale,
  );
}

function gradientChart(cases: Cases): LineChart {
  const layers = convolutions(cases[0].results[0].first);
  // Where a stage begins and the image halves.
  const stages = layers.flatMap(({ layer }, i) =>
    /^layer[23]\.0\.conv1$/.test(layer) ? [{ x: i + 0.5, label: "" }] : [],
  );
  const compared = (moment: (result: Result) => Snapshot | null): string =>
    cases
      .flatMap(({ task, results }) => {
        const ratios = results.map(moment).flatMap((snapshot) => (snapshot ? [growth(snapshot)] : []));
        return ratios.length > 0 ? [`${asLarge(geometricMean(ratios))} in ${titleOf(task)}`] : [];
      })
      .join(", ");
  const zeros = cases.some(({ results }) => results.some(({ first }) => first.layers.some(({ norm }) => norm === 0)));
  const note = zeros
    ? " A 0 on the lower edge marks a gradient of exactly zero, which a log axis cannot show: no gradient passes a scale that starts at zero before the first step."
    : "";
  return {
    kind: "lines",
    id: "gradient",
    title: "How large is the gradient at each layer?",
    caption: `Backpropagation runs from right to left. A level line means that the gradient arrives at the image as large as it left the loss; a steep one means that it grows or shrinks at every layer. At the first layer, compared with the last convolution, it is ${compared(({ first }) => first)} before the first step; and ${compared(({ last }) => last) || "no longer a number"} at the end. Dotted lines mark where the image halves: there a shortcut passes on only every fourth number.${note} Both panels use the run's first batch.`,
    x: { label: "convolution, from the image to the loss", whole: true, domain: [0.5, layers.length + 0.5] },
    y: { label: "‖∂L/∂y‖", log: true },
    marks: "both",
    rules: stages,
    panels: panelsOf(cases, (snapshot) => convolutions(snapshot).map(({ norm }) => norm), { log: true }),
  };
}

function shareChart(cases: Cases): LineChart {
  const shares = ({ blocks }: Snapshot): number[] => blocks.map(({ share }) => share);
  const average = (results: readonly Result[], moment: (result: Result) => Snapshot | null): string =>
    percent(mean(results.map(moment).flatMap((snapshot) => (snapshot ? shares(snapshot) : []))), 0);
  const residual = cases.find(({ task }) => task.net === "residual");
  const carried = residual?.results.every(({ last }) => last)
    ? ` In ${titleOf(residual.task)} the shortcuts carry ${average(residual.results, ({ first }) => first)} on average before the first step and ${average(residual.results, ({ last }) => last)} at the end.`
    : "";
  const plain = cases.some(({ task }) => task.net === "plain")
    ? " A plain network has no shortcut: all of its gradient passes the layers, so its share is 0."
    : "";
  const blocks = cases[0].results[0].first.blocks.length;
  return {
    kind: "lines",
    id: "share",
    title: "How much of it came through the shortcut?",
    caption: `For a block \`y = x + F(x)\` the gradient at its input is the sum of two parts: one came through the shortcut, the other through the branch. The share is ‖shortcut part‖ / (‖shortcut part‖ + ‖branch part‖).${carried}${plain}`,
    x: { label: "block, from the image to the loss", whole: true, domain: [0.5, blocks + 0.5] },
    y: { label: "identity share", unit: "%", domain: [0, 110] },
    marks: "stems",
    panels: panelsOf(cases, (snapshot) => shares(snapshot).map((share) => 100 * share), {}),
  };
}

function certificates(cases: Cases): Verdicts {
  return {
    id: "certificate",
    title: "Is there a clear path for the gradient?",
    about:
      "For `y = x + F(x)` the chain rule gives `∂L/∂x = ∂L/∂y + Jᵀ ∂L/∂y`, where J is the Jacobian of F: the first summand is the gradient itself, whatever the weights are. The certificate adds up all paths through the recorded computation, from each block's input to its output, that meet no weights. Where their sum is the identity, or a selection of entries, that summand is there. It finds the sum twice, from the map of each operation and by sending numbers back, and checks it against the gradient that training computes.",
    verdicts: cases.flatMap(({ task, results: [{ certificate }] }) =>
      certificate ? [verdictOn(task, certificate)] : [],
    ),
  };
}

function verdictOn(task: Task, certificate: Certificate): Verdict {
  const { summary, blocks } = certificate;
  const proven = blocks.filter(({ holds }) => holds).length;
  return {
    title: titleOf(task),
    tone: task.net,
    text: `${summary} ${whyNot(task, certificate)}`.trim(),
    marks: blocks.map(({ block, holds, reason }) => ({ part: block, holds, why: reason })),
    details: {
      id: `certificate-${task.net}`,
      title: `${proven} of ${blocks.length} blocks have a proven identity path: block by block`,
      caption: "What the certificate found, from the image to the loss.",
      columns: ["block", "shortcut", "why", "numbers agree?"].map((label) => ({ label })),
      rows: blocks.map(({ block, verdict, reason, check }) => [block, verdict, reason, check || null]),
    },
  };
}

/** The reason for a residual network's verdict; empty if the verdict says it all. */
function whyNot({ net, order }: Task, { holds, blocks }: Certificate): string {
  if (net === "plain" || holds) return "";
  const transformed = blocks.filter(({ verdict }) => verdict === "transform");
  if (order === "pre" && transformed.length > 0 && transformed.every(({ block }) => block.endsWith(".0"))) {
    return "The exceptions are the first blocks of stages: with projections a shortcut starts after batch norm and ReLU, as in the authors' code. Between them the gradient has a free path; `--shortcut pad` needs no projection.";
  }
  if (order === "post" && blocks.some(({ verdict }) => verdict === "mask")) {
    return "In this order a ReLU follows each addition. Where it is open the gradient passes unchanged, where it is closed nothing passes; `--order pre` has no such ReLU.";
  }
  return "";
}

function outcomes(cases: Cases): Table {
  const per = (twin: Twin, value: (result: Result) => number): ReturnType<typeof cellOf> =>
    cellOf(twin.results.map(value));
  return {
    id: "outcomes",
    title: "What they learned",
    caption: "Loss and error of the training over the last tenth of the steps; accuracy on test images.",
    columns: [
      { label: "network" },
      { label: "parameters", digits: 0 },
      { label: "steps", digits: 0 },
      { label: "training loss", digits: 3 },
      { label: "training error, %", digits: 1 },
      { label: "test accuracy, %", digits: 2 },
    ],
    rows: cases.map((twin) => [
      titleOf(twin.task),
      twin.results[0].parameters,
      per(twin, ({ losses }) => losses.length),
      per(twin, ({ trainLoss }) => trainLoss),
      per(twin, ({ trainError }) => 100 * trainError),
      per(twin, ({ testError }) => 100 * (1 - testError)),
    ]),
  };
}

function norms(cases: Cases): Table {
  const layers = cases[0].results[0].first.layers;
  const at = (twin: Twin, moment: "first" | "last", i: number): ReturnType<typeof cellOf> =>
    cellOf(
      twin.results.flatMap((result) => result[moment]?.layers[i].norm ?? []),
      { log: twin.results.length > 1 },
    );
  return {
    id: "norms",
    title: "Gradient norm ‖∂L/∂y‖ at the output of every layer",
    caption: "Of the first batch, before the first step and after the last.",
    folded: true,
    columns: [
      { label: "layer" },
      ...cases.flatMap(({ task }) => [{ label: `${titleOf(task)}, at first` }, { label: "at the end" }]),
    ],
    rows: layers.map(({ layer }, i) => [
      `${i + 1} ${layer}`,
      ...cases.flatMap((twin) => [at(twin, "first", i), at(twin, "last", i)]),
    ]),
  };
}
