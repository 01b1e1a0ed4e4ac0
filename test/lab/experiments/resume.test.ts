/** Every experiment that trains, interrupted within its trainings and gone on with: the result is that of one run. */
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import type { AnyExperiment, SavedTraining, Seeded } from "../../../lab/experiment.ts";
import { experiments } from "../../../lab/experiments/index.ts";
import { fromJson, toJson } from "../../../lab/json.ts";
import { tasksOf } from "../../../lab/runner/tasks.ts";
import { TrainingFile } from "../../../lab/runner/training-file.ts";
import { presetOptions, tinyContext } from "./support.ts";

/** Three epochs of eight batches; an experiment takes what it knows. */
const SMALL = {
  steps: 24,
  batchSize: 8,
  testImages: 10,
  augment: "crop-flip",
  depth: 14,
  plainDepth: 8,
  vggStage: 1,
  depths: [8],
  width: 2,
  trainImages: 32,
  lesionImages: 10,
  trials: 1,
  paths: 1,
  stages: [2],
  points: 3,
  linePoints: 3,
  lossImages: 10,
  at: [0.3, 0.6],
  orders: ["front"],
};

/** In an epoch, at its end, where `expand` adds blocks and just after it, and at the end. */
const INTERRUPTED_AT = [1, 7, 8, 13, 14, 24];

/** A file that ends the program, so to speak, once a step is saved. */
class Interrupted extends TrainingFile {
  steps = 0;

  override save(training: SavedTraining): void {
    super.save(training);
    if (training.steps === this.steps) throw new Error("interrupted");
  }
}

/** A result without its times, which differ. */
function numbersOf(result: unknown): unknown {
  return JSON.parse(toJson(fromJson(toJson(result))), (key, value) => (key === "seconds" ? 0 : value));
}

async function interrupted(experiment: AnyExperiment, task: Seeded<object>): Promise<unknown> {
  const path = join(mkdtempSync(join(tmpdir(), "skipstone-resume-")), "unfinished", "task.training");
  const resumed: number[] = [];
  const listener = { onResume: (steps: number) => resumed.push(steps), onRemark: (text: string) => expect.fail(text) };
  const begin = (steps: number): unknown => {
    const keep = new Interrupted({ path, beside: `${path}.part` }, 0, listener);
    keep.steps = steps;
    return experiment.run(task, { ...tinyContext(), keep });
  };
  for (const steps of INTERRUPTED_AT) await expect(begin(steps)).rejects.toThrow("interrupted");
  const result = await begin(Number.NaN);
  expect(resumed).toEqual(INTERRUPTED_AT);
  return result;
}

const training = experiments.filter(({ options }) => "steps" in options);

describe.each(training.map((experiment) => [experiment.name, experiment] as const))("%s", (_, experiment) => {
  const options = presetOptions(experiment, "quick");
  const own = Object.fromEntries(Object.entries(SMALL).filter(([name]) => name in options));
  const tasks = tasksOf(experiment, { ...options, ...own }, [3]);

  test.each(tasks.map((task) => [experiment.label(task), task] as const))("%s", async (_, task) => {
    const whole = await experiment.run(task, tinyContext());
    expect(numbersOf(await interrupted(experiment, task))).toEqual(numbersOf(whole));
  });
});

test("twelve of them train", () => {
  expect(training).toHaveLength(12);
});
