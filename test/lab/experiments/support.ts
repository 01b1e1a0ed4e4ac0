/** Runs an experiment in this thread, on images of 8×8 pixels that are learned in seconds. */
import { expect } from "vitest";
import type { AnyExperiment, Case, Context, Experiment, Preset, Report } from "../../../lab/experiment.ts";
import { fromJson, toJson } from "../../../lab/json.ts";
import { rememberLast } from "../../../lab/memo.ts";
import { figureOf } from "../../../lab/page/charts/index.ts";
import { renderFigure } from "../../../lab/page/plot.ts";
import { casesOf, tasksOf } from "../../../lab/runner/tasks.ts";
import { channelStatistics } from "../../../src/data/index.ts";
import { tinyDataset } from "../tiny-data.ts";

/** What a task is given, on tiny images. */
export function tinyContext(): Context {
  const train = tinyDataset(64, 1);
  return {
    train,
    test: tinyDataset(24, 2),
    normalization: channelStatistics(train),
    progress: () => {},
    tell: () => {},
    stopping: () => false,
    remember: rememberLast(),
  };
}

/** An experiment's options as a preset has them. */
export function presetOptions({ options }: AnyExperiment, preset: Preset): Record<string, unknown> {
  const values: [string, { preset: Record<Preset, unknown> }][] = Object.entries(options);
  return Object.fromEntries(values.map(([key, own]) => [key, own.preset[preset]]));
}

/** Runs the plan for every seed, as the laboratory does, and makes the report. What is not said is as with `--quick`. */
export async function runSmall<O extends object, T extends object, R>(
  experiment: Experiment<O, T, R>,
  changes: Partial<O>,
  seeds: readonly number[] = [1],
): Promise<{ cases: Case<T, R>[]; report: Report; options: O }> {
  const options = { ...presetOptions(experiment, "quick"), ...changes } as O;
  const context = tinyContext();
  const finished = [];
  for (const task of tasksOf(experiment, options, seeds)) {
    const result = await experiment.run(task as T & { seed: number }, context);
    finished.push({ task, result: fromJson(toJson(result)), seconds: 0 });
  }
  const cases = casesOf(experiment, finished) as Case<T, R>[];
  return { cases, report: experiment.report(cases, options), options };
}

/**
 * What every report keeps: ids are file names and differ, axes have names, captions end in a full stop, rows have a cell
 * for each column, all of it is JSON; and it copes with results that are missing after an interruption.
 */
export function checkReport<O extends object, T extends object, R>(
  experiment: Experiment<O, T, R>,
  cases: readonly Case<T, R>[],
  options: O,
): void {
  const one = cases.map((c) => ({ ...c, seeds: c.seeds.slice(0, 1), results: c.results.slice(0, 1) }));
  for (const there of [cases, one, ...one.map((c) => [c])]) {
    const { found, paper, charts, tables } = experiment.report(there, options);
    const ids = [...charts, ...tables].map(({ id }) => id);
    expect(new Set(ids).size).toBe(ids.length);
    for (const id of ids) expect(id).toMatch(/^[a-z0-9-]+$/);
    // A judgement, in one sentence; the numbers are in the tables.
    expect(found).not.toMatch(/[.;:] [A-Z]/);
    for (const text of [found, paper, ...[...charts, ...tables].map(({ caption }) => caption)]) {
      expect(text).toMatch(/\.$/);
      expect(text).not.toMatch(/undefined|NaN/);
    }
    for (const chart of charts) {
      expect(chart.x.label).not.toBe("");
      // Drawing takes longest: of results of a single task, the first and the last.
      if (there.length === 1 && there[0] !== one[0] && there[0] !== one.at(-1)) continue;
      expect(renderFigure(figureOf(chart)).file).toContain("<svg");
    }
    for (const { columns, rows } of tables) for (const row of rows) expect(row).toHaveLength(columns.length);
  }
}
