/**
 * What a run shows, in words. Every sentence is computed from the numbers, so that a caption never claims what a picture
 * does not show.
 */

import { asLarge, grouped, percent } from "../report/format.ts";
import type { Experiment, NetRun, RunOptions, Snapshot } from "./experiment.ts";
import { smoothingWindow } from "./figures.ts";
import { convolutions } from "./layers.ts";

/** ‖∂L/∂y‖ at the first layer over that at the last convolution: 1 where the gradient arrives as it set out. */
export function gradientRatio(snapshot: Snapshot): number {
  const rows = convolutions(snapshot);
  return rows[0].gradientNorm / rows[rows.length - 1].gradientNorm;
}

/** Mean of the last steps' losses, as many as the running mean covers. */
export function finalLoss({ steps }: NetRun): number {
  const last = steps.slice(-smoothingWindow(steps.length));
  return last.reduce((sum, { loss }) => sum + loss, 0) / last.length;
}

export function lossCaption({ runs, options, data }: Experiment): string {
  const results = runs.map((run) => `${run.title} at ${finalLoss(run).toFixed(3)}`).join(", ");
  const same =
    runs.length > 1 ? " The nets start from the same weights and see the same images in the same order." : "";
  const window = smoothingWindow(Math.max(...runs.map(({ steps }) => steps.length)));
  const guess = Math.log(data.classes).toFixed(2);
  return `Thin lines are single batches of ${options.batchSize} images, thick lines the running mean over ${window} steps. Guessing among ${data.classes} classes costs ln ${data.classes} ≈ ${guess}.${same} Look at who descends first, and where they end: ${results} (mean of the last ${window} steps).`;
}

export function gradientCaption({ runs }: Experiment): string {
  const first = runs.map((run) => `${asLarge(gradientRatio(run.first))} in ${run.title}`).join(", ");
  const last = runs.map((run) => `${asLarge(gradientRatio(run.last))} in ${run.title}`).join(", ");
  const zeros = runs.some(({ first: { layers } }) => layers.some(({ gradientNorm }) => gradientNorm === 0));
  const note = zeros
    ? " A 0 on the lower edge marks a gradient of exactly zero, which a log axis cannot show: behind a scale that starts at zero nothing arrives before the first step."
    : "";
  return `Backpropagation runs from right to left. A flat line means the gradient arrives at the image as large as it left the loss; a steep one, that it grows or shrinks at every layer. At the first layer it is, compared with the last convolution, ${first} before the first step; and ${last} at the end. Dotted lines mark where the image halves: there a shortcut passes on only every fourth number.${note} Both panels use the run's first batch.`;
}

export function shareCaption({ runs }: Experiment): string {
  const residual = runs.find(({ net }) => net === "residual");
  const intro =
    "For a block `y = x + F(x)` the gradient at its input is the sum of two parts: what came through the shortcut, and what came through the branch. The share is ‖shortcut part‖ / (‖shortcut part‖ + ‖branch part‖).";
  const plain = runs.some(({ net }) => net === "plain")
    ? " A plain net has no shortcut: all of its gradient has to pass the layers, its share is 0."
    : "";
  if (!residual) return `${intro}${plain}`;
  const mean = ({ blocks }: Snapshot): number =>
    blocks.reduce((sum, { identityShare }) => sum + identityShare, 0) / Math.max(1, blocks.length);
  return `${intro} In ${residual.title} the shortcuts carry ${percent(mean(residual.first), 0)} on average before the first step and ${percent(mean(residual.last), 0)} at the end.${plain}`;
}

/** What lies behind a residual net's verdict; empty where the verdict says it all. */
export function certificateNote({ certificate, net }: NetRun, { order }: RunOptions): string {
  if (net === "plain" || certificate.holds) return "";
  const transformed = certificate.blocks.filter(({ verdict }) => verdict === "transform");
  const masked = certificate.blocks.some(({ verdict }) => verdict === "mask");
  if (order === "pre" && transformed.length > 0 && transformed.every(({ block }) => block.endsWith(".0"))) {
    return "The exceptions are first blocks of stages: with projections a shortcut starts after batch norm and ReLU, as in the code of the paper's authors. Between them the gradient has a free path; `--shortcut pad` needs no projection.";
  }
  if (order === "post" && masked) {
    return "In this order a ReLU follows each addition. Where it is open the gradient passes unchanged, where it is closed nothing passes; `--order pre` does without it.";
  }
  return "";
}

/** The page's opening sentences. */
export function lede({ runs, data, interrupted }: Experiment): string {
  const [one] = runs;
  const steps = grouped(Math.max(...runs.map((run) => run.steps.length)));
  const end = interrupted ? " The run was interrupted; this is what it had seen by then." : "";
  if (runs.length === 1) {
    return `${one.title} learned to tell ${data.classes} kinds of images apart in ${steps} steps, and every gradient on the way was measured.${end}`;
  }
  return `Two networks of the same depth, the same first weights and the same ${steps} batches of images. One has skip connections, the other does not. This page follows the gradient back through both.${end}`;
}
