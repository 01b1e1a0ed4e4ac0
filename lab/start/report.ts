/** The results as files: a page to show around, the figures and the numbers. Next: findings.ts, the words on the page. */
import { toCsv } from "../../src/flow/index.ts";
import { writeTogether } from "../files.ts";
import { definitions, escapeHtml, figureSection, headlineNumbers, page, richText, table } from "../page/html.ts";
import { renderFigure } from "../page/plot.ts";
import { asLarge, duration, grouped, percent, significant } from "../report/format.ts";
import type { Experiment, NetRun } from "./experiment.ts";
import { gradientFigure, lossFigure, shareFigure } from "./figures.ts";
import {
  certificateNote,
  finalLoss,
  gradientCaption,
  gradientRatio,
  lede,
  lossCaption,
  shareCaption,
} from "./findings.ts";
import { weightLayers } from "./layers.ts";

/** Writes the report into `directory`, all files or none, and returns their paths; the page is the first. */
export function writeReport(experiment: Experiment, directory: string): string[] {
  return writeTogether(directory, reportFiles(experiment));
}

/** The report's files by name. */
export function reportFiles(experiment: Experiment): Map<string, string> {
  const { runs } = experiment;
  const loss = renderFigure(lossFigure(runs));
  const gradient = renderFigure(gradientFigure(runs));
  const share = renderFigure(shareFigure(runs));
  const figures = [
    figureSection("loss", "Who learns, and how fast?", loss, lossCaption(experiment)),
    figureSection("gradient", "How large is the gradient at each layer?", gradient, gradientCaption(experiment)),
    figureSection("share", "How much of it came through the shortcut?", share, shareCaption(experiment)),
  ];
  return new Map([
    ["gradient-flow.html", htmlReport(experiment, figures)],
    ["gradient-flow-loss.svg", loss.file],
    ["gradient-flow-norms.svg", gradient.file],
    ["gradient-flow-shares.svg", share.file],
    ["gradient-flow.json", `${JSON.stringify(experiment, null, 1)}\n`],
    ...csvFiles(experiment),
  ]);
}

/**
 * The numbers as tables. The first line is a comment (`#`) with version, seed and options: what a row means depends on
 * them.
 */
export function csvFiles(experiment: Experiment): [string, string][] {
  const { runs, options, version, startedAt } = experiment;
  const about = `# skipstone ${version}, ${startedAt}, ${JSON.stringify(options)}\r\n`;
  const snapshots = runs.flatMap(({ net, first, last }) => [first, last].map((snapshot) => ({ net, ...snapshot })));
  const tables = {
    "gradient-flow-loss.csv": runs.flatMap(({ net, steps }) => steps.map((row) => ({ net, ...row }))),
    "gradient-flow-layers.csv": snapshots.flatMap(({ net, step, layers }) =>
      layers.map((row) => ({ net, step, ...row })),
    ),
    "gradient-flow-blocks.csv": snapshots.flatMap(({ net, step, blocks }) =>
      blocks.map((row) => ({ net, step, ...row })),
    ),
    "gradient-flow-certificate.csv": runs.flatMap(({ net, certificate }) =>
      certificate.blocks.map((row) => ({ net, ...row })),
    ),
  };
  return Object.entries(tables).map(([name, rows]) => [name, about + toCsv<object>(rows)]);
}

function htmlReport(experiment: Experiment, figures: readonly string[]): string {
  const { runs, options, data, version, startedAt } = experiment;
  const title = "Where does the gradient go?";
  const body = [
    "<header>",
    `<p class="eyebrow">Skipstone ${escapeHtml(version)} · depth ${options.depth} · ${escapeHtml(data.kind)}</p>`,
    `<h1>${title}</h1>`,
    `<p class="lede">${escapeHtml(lede(experiment))}</p>`,
    headlineNumbers(runs.map(headlineOf)),
    "</header>",
    ...figures,
    certificateSection(experiment),
    numbersSection(runs),
    factsSection(experiment),
    `<footer><p>Made by Skipstone ${escapeHtml(version)} on ${escapeHtml(startedAt.slice(0, 16).replace("T", " at "))} UTC. The same numbers, for computers, lie beside this file: gradient-flow.json and four .csv files; the figures are there as .svg.</p></footer>`,
  ];
  return page(`${title} ${runs.map((run) => run.title).join(" and ")}`, body.join("\n"));
}

function headlineOf(run: NetRun): { value: string; label: string; note: string; tone: NetRun["net"] } {
  const { net, title, test, steps } = run;
  return {
    label: `${title}, ${net === "plain" ? "without skip connections" : "with skip connections"}`,
    value: test ? percent(test.accuracy, 2) : "not tested",
    note: test
      ? `of ${grouped(test.images)} test images right. Before training, the gradient at the first layer was ${asLarge(gradientRatio(run.first))} as at the last convolution.`
      : `interrupted after ${grouped(steps.length)} steps, training loss ${finalLoss(run).toFixed(3)}`,
    tone: net,
  };
}

function certificateSection({ runs, options }: Experiment): string {
  const verdicts = runs.map((run) => {
    const { net, title, certificate } = run;
    const carried = certificate.blocks.filter(({ holds }) => holds).length;
    const count = `${carried} of ${certificate.blocks.length} blocks have a proven identity path`;
    const marks = certificate.blocks.map(
      ({ block, holds, reason }) =>
        `<li class="${holds ? "holds" : "fails"}" title="${escapeHtml(reason)}">${holds ? "✓" : "✗"} ${escapeHtml(block)}</li>`,
    );
    const rows = certificate.blocks.map(({ block, verdict, reason, check }) => [block, verdict, reason, check || "–"]);
    return `<div class="verdict ${net}"><p><b class="${net}">${escapeHtml(title)}.</b> ${richText(`${certificate.summary} ${certificateNote(run, options)}`.trim())}</p>
<ul class="blocks">${marks.join("")}</ul>
<details><summary>${count}: block by block</summary>
${table(["block", "shortcut", "why", "numbers agree?"], rows)}
</details></div>`;
  });
  return `<section id="certificate">
<h2>Is there a clear path for the gradient?</h2>
<p>For <code>y = x + F(x)</code> the chain rule gives <code>∂L/∂x = ∂L/∂y + J<sub>F</sub>ᵀ ∂L/∂y</code>: the first summand is the gradient itself, whatever the weights are. The certificate adds up every way through the recorded computation, from each block's input to its output, that meets no weights: where their sum is the identity, or a selection of entries, that summand is there. It finds the sum twice, from what each operation is and by sending numbers back, and checks it against the gradient that training computes.</p>
${verdicts.join("\n")}
</section>`;
}

/** The figures' numbers, for those who want to read them off. */
function numbersSection(runs: readonly NetRun[]): string {
  const head = ["layer", ...runs.flatMap(({ title, last }) => [`${title}, step 0`, `${title}, step ${last.step}`])];
  const columns = runs.flatMap(({ first, last }) => [weightLayers(first), weightLayers(last)]);
  const rows = columns[0].map(({ number, layer }, i) => [
    `${number} ${layer}`,
    ...columns.map((column) => significant(column[i].gradientNorm)),
  ]);
  return `<section id="numbers">
<h2>The numbers</h2>
<details><summary>Gradient norm ‖∂L/∂y‖ at the output of every layer</summary>
${table(head, rows, "numbers")}
</details>
</section>`;
}

function factsSection({ options, data, runs, version, engine, startedAt, seconds, interrupted }: Experiment): string {
  const speed = ({ steps, trainingSeconds }: NetRun): string =>
    `${((steps.length * options.batchSize) / trainingSeconds).toFixed(0)} images/s`;
  return `<section id="run">
<h2>How it was made</h2>
${definitions([
  ["Depth, width", `${options.depth} layers, ${options.width} channels`],
  ["Parameters", runs.map(({ title, parameters }) => `${title} ${grouped(parameters)}`).join(", ")],
  ["Order", options.order === "pre" ? "pre-activation (2016)" : "ReLU after the addition (2015)"],
  ["Shortcut", options.shortcut === "pad" ? "identity, padded (A)" : "identity, projected (B)"],
  ["Zero-initialised branches", options.zeroInit ? "yes" : "no"],
  [
    "Steps",
    `${grouped(Math.max(...runs.map(({ steps }) => steps.length)))}${interrupted ? ` of ${grouped(options.steps)}` : ""} × ${options.batchSize} images`,
  ],
  ["Learning rate", `${options.learningRate}, ${options.schedule}`],
  ["Momentum, weight decay", `${options.momentum}, ${options.weightDecay}`],
  ["Augmentation", options.augment],
  ["Seed", String(options.seed)],
  ["Training images", grouped(data.trainImages)],
  ["Test images", grouped(data.testImages)],
  ["Image", data.imageShape.join(" × ")],
  ["Training speed", runs.map((run) => `${run.title} ${speed(run)}`).join(", ")],
  ["Time", `${duration(seconds)}${interrupted ? " (interrupted)" : ""}`],
  ["Started", `${startedAt.slice(0, 19).replace("T", " ")} UTC`],
  ["Engine", engine],
  ["Version", `skipstone ${version}`],
])}
</section>`;
}
