/** What every experiment has to keep. Nothing here trains: results of another run would do, so it makes them up. */
import { existsSync, readdirSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { experimentNamed, experiments } from "../../../lab/experiments/index.ts";
import { toJson } from "../../../lab/json.ts";
import { parseCommandLine } from "../../../lab/runner/command-line.ts";
import { presetOptions } from "./support.ts";

const folder = fileURLToPath(new URL("../../../lab/experiments/", import.meta.url));
const tests = fileURLToPath(new URL("./", import.meta.url));

/** What several experiments share, or one builds. */
const parts = ["highway-unit.ts", "variants.ts"];

test("each file is an experiment of the list, the report of one or a part, and has a test", () => {
  const names = readdirSync(folder)
    .filter((name) => name.endsWith(".ts") && !name.endsWith("-report.ts") && ![...parts, "index.ts"].includes(name))
    .map((name) => name.slice(0, -3));
  expect(experiments.map(({ name }) => name).sort()).toEqual(names.sort());
  expect(names.filter((name) => !existsSync(`${tests}${name}.test.ts`))).toEqual([]);
});

test("an experiment that does not exist: the error names those that do", () => {
  expect(experimentNamed("vanish").name).toBe("vanish");
  expect(() => experimentNamed("vansih")).toThrow('there is no experiment "vansih", only ');
});

describe.each(experiments.map((experiment) => [experiment.name, experiment] as const))("%s", (name, experiment) => {
  test.each(["quick", "default", "full"] as const)(
    "--%s: tasks are plain JSON, and no two have the same label",
    (preset) => {
      const plan = experiment.plan(presetOptions(experiment, preset));
      expect(plan.length).toBeGreaterThan(0);
      for (const task of plan) expect(JSON.parse(toJson(task))).toEqual(task);
      const labels = plan.map((task) => experiment.label(task));
      expect(new Set(labels).size).toBe(labels.length);
      for (const task of plan) expect(experiment.cost?.(task) ?? 1).toBeGreaterThan(0);
    },
  );

  test("the command line has it, with options of its own that do not clash with those of all", () => {
    const request = parseCommandLine([name, "--quick"], "0", { experiments, addCommands: () => {} });
    expect(request).toHaveProperty("run.options", presetOptions(experiment, "quick"));
    expect(parseCommandLine([name, "--help"], "0", { experiments, addCommands: () => {} })).toHaveProperty(
      "text",
      expect.stringContaining("--seeds"),
    );
  });

  test("title and words", () => {
    expect(experiment.title).toMatch(/\?$/);
    expect(experiment.about).toMatch(/\.$/);
    expect(experiment.papers).toMatch(/\d{4}/);
  });
});
