/** What the terminal shows at the end: test accuracy, gradient norms by layer, the certificate's verdict. */
import Table from "cli-table3";
import { duration, grouped, percent, significant } from "../report/format.ts";
import type { Experiment, NetRun, Snapshot } from "./experiment.ts";
import { weightLayers } from "./layers.ts";

/** Rows of the table; of deeper nets it shows evenly spaced layers. */
const TABLE_ROWS = 12;

export function summarize(experiment: Experiment): string {
  const { runs, seconds, interrupted } = experiment;
  return [
    gradientTable(runs),
    ...runs.map(
      ({ title, parameters, test, steps }) =>
        `${title}: ${
          test
            ? `${percent(test.accuracy, 2)} of ${grouped(test.images)} test images right`
            : "interrupted before the first test image"
        } after ${grouped(steps.length)} steps (${grouped(parameters)} parameters)`,
    ),
    ...runs.map(({ title, certificate }) => `${title}: ${certificate.summary}`),
    `${interrupted ? "Interrupted after" : "Took"} ${duration(seconds)}.`,
  ].join("\n");
}

/** ‖∂L/∂y‖ at the output of each layer with weights, before the first step and after the last, the nets side by side. */
function gradientTable(runs: readonly NetRun[]): string {
  const table = new Table({
    head: ["gradient norm at", ...runs.flatMap(({ title, last }) => [`${title}, step 0`, `step ${last.step}`])],
    colAligns: ["left", ...runs.flatMap(() => ["right", "right"] as const)],
    style: { head: [], border: [], compact: true },
  });
  const columns = runs.flatMap(({ first, last }) => [first, last].map((snapshot: Snapshot) => weightLayers(snapshot)));
  const count = columns[0].length;
  const shown = Math.min(TABLE_ROWS, count);
  for (let row = 0; row < shown; row++) {
    const i = shown === 1 ? 0 : Math.round((row * (count - 1)) / (shown - 1));
    const norms = columns.map((column) => significant(column[i].gradientNorm));
    table.push([`${columns[0][i].number}  ${columns[0][i].layer}`, ...norms]);
  }
  return table.toString();
}
