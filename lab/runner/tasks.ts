/** From a plan to tasks with seeds, and from their results back to one case per task of the plan. */
import type { AnyExperiment, Case, FinishedTask, Seeded } from "../experiment.ts";

/** The plan, once per seed. */
export function tasksOf(experiment: AnyExperiment, options: object, seeds: readonly number[]): Seeded<object>[] {
  return experiment.plan(options).flatMap((task) => seeds.map((seed) => ({ ...task, seed })));
}

/** The results of each task over its seeds, in order of the results. */
export function casesOf(experiment: AnyExperiment, results: readonly FinishedTask[]): Case<object, unknown>[] {
  const cases = new Map<string, FinishedTask[]>();
  for (const finished of results) {
    const label = experiment.label(finished.task);
    cases.set(label, [...(cases.get(label) ?? []), finished]);
  }
  return [...cases].map(([label, runs]) => {
    const { seed: _, ...task } = runs[0].task;
    return { task, label, seeds: runs.map(({ task }) => task.seed), results: runs.map(({ result }) => result) };
  });
}
