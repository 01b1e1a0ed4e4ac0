/** A run as it is written to run.json: all that is needed to show it, to list it and to run it again. */
import type { Tier } from "../../src/tensor/index.ts";
import type { ImageSummary } from "../data/images.ts";
import type { Preset, Report } from "./experiment.ts";
import type { FinishedTask } from "./results.ts";

export interface RunRecord {
  readonly program: "skipstone";
  /** What was typed. */
  readonly command: string;
  readonly experiment: string;
  readonly title: string;
  readonly about: string;
  readonly papers: string;
  readonly version: string;
  /** Checksum of the code that computed (code.ts). */
  readonly code: string;
  /** How many of the results another version of the code computed (`--redraw`). */
  readonly otherCode: number;
  /** Kernels, Node's version, cores. */
  readonly engine: string;
  readonly kernels: Tier;
  readonly startedAt: string;
  /** Of this command, the images and the report included. */
  readonly seconds: number;
  /** Sum over the tasks, those of earlier runs included. */
  readonly taskSeconds: number;
  /** How many tasks the plan has; fewer results than that: the run was interrupted. */
  readonly planned: number;
  readonly preset: Preset;
  readonly options: Readonly<Record<string, unknown>>;
  readonly seeds: readonly number[];
  readonly data: ImageSummary;
  readonly results: readonly FinishedTask[];
  readonly report: Report;
}

/** The file of a run's record. */
export const RECORD_FILE = "run.json";

/** Whether Ctrl-C ended the run before all tasks were done. */
export function wasInterrupted({ results, planned }: Pick<RunRecord, "results" | "planned">): boolean {
  return results.length < planned;
}
