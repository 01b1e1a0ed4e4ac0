/**
 * An experiment: a list of independent tasks, what each computes, and what the results show.
 *
 * The laboratory does the rest: options, data, seeds, worker threads, progress, files, pages, reproduction. An experiment
 * knows no thread, no terminal and no file. A worked example is experiments/vanish.ts; experiments/README.md says how
 * to write one.
 */
import type { Dataset, Normalization } from "../src/data/index.ts";
import type { Checkpoint } from "../src/nn/index.ts";
import type { Argument } from "./arguments.ts";
import type { Chart } from "./report/chart.ts";
import type { Headline, Verdicts } from "./report/highlights.ts";
import type { Table } from "./report/table.ts";

/** How long a run may take: under a minute, a few minutes, or as long as the paper's own runs. */
export type Preset = "quick" | "default" | "full";

/** A value for each preset. */
export type PerPreset<V> = Readonly<Record<Preset, V>>;

/** An option of one experiment; the name is its key, `batchSize` becomes `--batch-size`. */
export interface ExperimentOption<V> {
  readonly description: string;
  readonly argument: Argument<V>;
  readonly preset: PerPreset<V>;
}

/** Options by name. Their values are plain JSON. */
export type OptionSpecs<O extends object> = { readonly [K in keyof O]: ExperimentOption<O[K]> };

/**
 * An option with its default values: one for all presets, or one per preset, where presets that are left out get the
 * default.
 */
export function option<V>(description: string, argument: Argument<V>, values: SomePresets<V> | V): ExperimentOption<V> {
  const some = isSomePresets(values) ? values : { default: values };
  return { description, argument, preset: { quick: some.default, full: some.default, ...some } };
}

type SomePresets<V> = Partial<PerPreset<V>> & Pick<PerPreset<V>, "default">;

function isSomePresets<V>(values: SomePresets<V> | V): values is SomePresets<V> {
  return typeof values === "object" && values !== null && "default" in values;
}

/** Images as an experiment sees them: pixels in memory that all threads share. */
export interface ImageData {
  readonly train: Dataset;
  readonly test: Dataset;
  /** Mean and deviation of the training images' channels. */
  readonly normalization: Normalization;
}

/** What a task gets besides itself. */
export interface Context extends ImageData {
  /** Reports how much of the task is done, 0 … 1. */
  progress(fraction: number): void;
  /** Reports how a training stands, for the display. */
  tell(standing: Standing): void;
  /**
   * Whether the task should end. It may then return what it has, which is shown, marked as unfinished, and never kept.
   * Always false for an experiment without `endsEarly`: its tasks are dropped.
   */
  stopping(): boolean;
  /**
   * What `make` delivers, which depends on `key` and on the images alone; not made again where the task before, in the same
   * thread, asked for the same.
   */
  remember<V>(key: string, make: () => Promise<V>): Promise<V>;
  /** Between two steps of a long task: takes the threads that other tasks have left. No result depends on it. */
  takeThreads?(): Promise<void>;
  /** Where the task's training is kept while the task runs. Without it an interrupted one begins again. */
  readonly keep?: Keep;
}

/** A training that may go on as if it had never stopped. */
export interface SavedTraining {
  /** Steps done. */
  readonly steps: number;
  readonly checkpoint: Checkpoint;
  /** What was noted during the training: plain JSON, with NaN and infinities. */
  readonly notes: object;
}

/** Keeps the training of a task. A task has one. */
export interface Keep {
  /** The training as it was saved last; null if it begins. */
  load(): SavedTraining | null;
  /** Whether it is time to save. */
  readonly isDue: boolean;
  /** Replaces what was saved before. */
  save(training: SavedTraining): void;
}

/** How a training stands, over its last batches. */
export interface Standing {
  readonly loss: number;
  /** Fraction of images classified correctly, 0 … 1. */
  readonly accuracy: number;
}

/** A task with the seed of all its randomness. */
export type Seeded<T> = T & { readonly seed: number };

/** A finished task: a line of results.jsonl. */
export interface FinishedTask {
  readonly task: Seeded<object>;
  readonly result: unknown;
  readonly seconds: number;
}

/** One task's results over the finished seeds, in rising order. */
export interface Case<T, R> {
  readonly task: T;
  readonly label: string;
  readonly seeds: readonly number[];
  readonly results: readonly R[];
}

/** What an experiment has to show. */
export interface Report {
  /** One sentence of judgement, computed from the results. The numbers are in charts and tables. */
  readonly found: string;
  /** What the paper found, with the numbers of its figures and tables. */
  readonly paper: string;
  /** Large numbers at the head of the page. */
  readonly headlines?: readonly Headline[];
  readonly charts: readonly Chart[];
  /** Verdicts with a mark for each part, between the charts and the tables. */
  readonly marks?: Verdicts;
  readonly tables: readonly Table[];
}

/**
 * What an experiment computes, with options `O`, tasks `T` and results `R`, all of them plain JSON (NaN and infinities
 * may occur). Times in a result differ from run to run; they are under keys called `seconds`.
 */
export interface Computation<O extends object, T extends object, R> {
  /** Its name on the command line, and the name of its file. */
  readonly name: string;
  /** The question it answers. */
  readonly title: string;
  /** What it does, in one sentence, for `--list` and the head of the page. */
  readonly about: string;
  /** The papers, with the figures or tables to compare with. */
  readonly papers: string;
  readonly options: OptionSpecs<O>;
  /** How many seeds each task runs with, unless `--seeds` is given. */
  readonly seeds: PerPreset<number>;
  /** "half" reduces the images by 2×2 means, which makes everything four times cheaper. */
  readonly imageSize: PerPreset<"whole" | "half">;
  /** The paper's data, which `--full` uses. */
  readonly paperData: "MNIST" | "CIFAR-10";
  /** The tasks for one seed. Each holds all that its result depends on, except the seed; no two are the same. */
  plan(options: O): readonly T[];
  /** A short name that no other task of the plan has: `plain-56`. */
  label(task: T): string;
  /** A task's relative time, to estimate the time left and to choose a good order. Default: all the same. */
  cost?(task: T): number;
  /** What the task's training depends on, where several tasks share one: what it saved serves all of them. Default: the task. */
  trainingOf?(task: Seeded<T>): object;
  /** Whether Ctrl-C lets the running tasks end early with what they have. They must keep checking `stopping()`. */
  readonly endsEarly?: boolean;
  /** Computes one task. Deterministic: the same task gives the same numbers, whatever ran before in this thread. */
  run(task: Seeded<T>, context: Context): Promise<R> | R;
}

/** A computation and its report. Where the two are separate files, experiments/index.ts joins them. */
export interface Experiment<O extends object, T extends object, R> extends Computation<O, T, R> {
  /** `cases` are in the order of the plan; after an interrupted run, those without any result are missing. */
  report(cases: readonly Case<T, R>[], options: O): Report;
}

/** Any experiment, where its types do not matter. */
export type AnyExperiment = Experiment<object, object, unknown>;
