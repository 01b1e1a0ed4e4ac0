/**
 * What an experiment is: a list of independent tasks, what each of them computes, and what the results show.
 *
 * The laboratory does the rest: options, data, seeds, worker threads, progress, files, pages, reproduction. An experiment
 * knows no thread, no terminal and no file. A worked example is experiments/vanish.ts; experiments/README.md says how
 * to write one.
 */
import type { Dataset, Normalization } from "../src/data/index.ts";
import type { Argument } from "./arguments.ts";
import type { Chart } from "./report/chart.ts";
import type { Headline, Verdicts } from "./report/highlights.ts";
import type { Table } from "./report/table.ts";

/** How long it may take: under a minute, a few minutes, or as long as the paper's own runs. */
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
 * An option with the values it has unless one is given. One value stands for all presets, and the default stands for those that
 * are not named.
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

/** What a task is given besides itself. */
export interface Context extends ImageData {
  /** Says how much of the task is done, 0 … 1. */
  progress(fraction: number): void;
  /** Says how a training stands, to whoever looks on. */
  tell(standing: Standing): void;
  /**
   * Whether an end was asked for. A task that was told so may deliver what it has: that is shown, marked as unfinished, and
   * never kept. Always false where the experiment does not say `endsEarly`: its tasks are dropped.
   */
  stopping(): boolean;
  /**
   * What `make` delivers, which depends on `key` and on the images alone; not made again where the task before, in the same
   * thread, asked for the same.
   */
  remember<V>(key: string, make: () => Promise<V>): Promise<V>;
}

/** How a training stands: of its last batches. */
export interface Standing {
  readonly loss: number;
  /** Fraction of images classified correctly, 0 … 1. */
  readonly accuracy: number;
}

/** A task with the seed that all its randomness comes from. */
export type Seeded<T> = T & { readonly seed: number };

/** A task that was computed: a line of results.jsonl. */
export interface FinishedTask {
  readonly task: Seeded<object>;
  readonly result: unknown;
  readonly seconds: number;
}

/** One task's results, over the seeds that are finished, by rising seed. */
export interface Case<T, R> {
  readonly task: T;
  readonly label: string;
  readonly seeds: readonly number[];
  readonly results: readonly R[];
}

/** What an experiment has to show. */
export interface Report {
  /** What came out: one sentence of judgement, computed from the results. The numbers are in charts and tables. */
  readonly found: string;
  /** What the paper found, with its figures and tables by number. */
  readonly paper: string;
  /** Large numbers at the head of the page. */
  readonly headlines?: readonly Headline[];
  readonly charts: readonly Chart[];
  /** Verdicts with a mark for each part, between the charts and the tables. */
  readonly marks?: Verdicts;
  readonly tables: readonly Table[];
}

/**
 * What an experiment computes, with options `O`, tasks `T` and results `R`, all of them plain JSON (NaN and infinities may
 * occur). The times in a result, which no two runs share, are under keys called `seconds`.
 */
export interface Computation<O extends object, T extends object, R> {
  /** What one types; the file is called the same. */
  readonly name: string;
  /** The question it answers. */
  readonly title: string;
  /** What it does, in one sentence, for `--list` and the head of the page. */
  readonly about: string;
  /** The papers, with the figures or tables to compare to. */
  readonly papers: string;
  readonly options: OptionSpecs<O>;
  /** How many seeds each task is run with unless `--seeds` says so. */
  readonly seeds: PerPreset<number>;
  /** "half" reduces the images by 2×2 means, which makes everything four times cheaper. */
  readonly imageSize: PerPreset<"whole" | "half">;
  /** The data of the paper, which `--full` asks for. */
  readonly paperData: "MNIST" | "CIFAR-10";
  /** The tasks for one seed. Each says all that its result depends on, the seed aside; no two are the same. */
  plan(options: O): readonly T[];
  /** A short name that no other task of the plan has: `plain-56`. */
  label(task: T): string;
  /** What a task takes in proportion to the others, for the time left and for a good order. Default: all the same. */
  cost?(task: T): number;
  /** Whether Ctrl-C lets the running tasks end early, with what they have. They then look at `stopping()` all along. */
  readonly endsEarly?: boolean;
  /** Computes one task. Deterministic: the same task gives the same numbers, whatever ran before in this thread. */
  run(task: Seeded<T>, context: Context): Promise<R> | R;
}

/** What is computed, and what it shows. Where the two are files of their own, experiments/index.ts joins them. */
export interface Experiment<O extends object, T extends object, R> extends Computation<O, T, R> {
  /** `cases` are in the order of the plan; those without any result (of an interrupted run) are missing. */
  report(cases: readonly Case<T, R>[], options: O): Report;
}

/** Any experiment, where its types do not matter. */
export type AnyExperiment = Experiment<object, object, unknown>;
