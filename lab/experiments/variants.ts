/**
 * Shared by experiments that compare variants, networks that differ in one choice and are trained alike: the plan,
 * curves, dots, table and verdict. `shortcuts` and `orders` are two of them.
 */
import { depth, listOf, wholeNumber } from "../arguments.ts";
import { type Case, type OptionSpecs, option, type PerPreset } from "../experiment.ts";
import type { CategoryChart, LineChart, Panel, Point, Tone } from "../report/chart.ts";
import { listed } from "../report/format.ts";
import { compare, curveOf, pointOf } from "../report/statistics.ts";
import { cellOf, type Table } from "../report/table.ts";
import { pickTraining, type Training, type TrainingOptions, trainingOptions } from "../training/train.ts";

export interface VariantOptions extends TrainingOptions {
  readonly depths: readonly number[];
  readonly width: number;
}

export interface VariantTask extends TrainingOptions {
  readonly variant: string;
  readonly depth: number;
  readonly width: number;
}

/** Finished trainings of variants; a result may contain more than the training. */
export type VariantCases = readonly Case<VariantTask, Training>[];

/** Depths, width and training, as options of an experiment. */
export function variantOptions(
  depths: PerPreset<readonly number[]>,
  training: Parameters<typeof trainingOptions>[0],
): OptionSpecs<VariantOptions> {
  return {
    depths: option("layers of the networks, 6n+2", listOf(depth), depths),
    width: option("channels of the first stage", wholeNumber(1, 1024), { quick: 4, default: 8, full: 16 }),
    ...trainingOptions(training),
  };
}

/** Every variant at every depth. */
export function planVariants(
  variants: readonly string[],
  { depths, width, ...training }: VariantOptions,
): VariantTask[] {
  return depths.flatMap((depth) => variants.map((variant) => ({ variant, depth, width, ...pickTraining(training) })));
}

/** `identity, 56 layers` */
export function variantLabel({ variant, depth }: VariantTask): string {
  return `${variant}, ${depth} layers`;
}

export function deepestOf(cases: readonly { readonly task: { readonly depth: number } }[]): number {
  return Math.max(...cases.map(({ task }) => task.depth));
}

/** How many trainings ended because the loss was no longer a number: `1 of 2`. */
export function divergedCell(results: readonly Training[]): string {
  return `${results.filter(({ divergedAt }) => divergedAt !== null).length} of ${results.length}`;
}

/** The training loss over the steps: geometric mean over the seeds, band one standard deviation. */
export function lossCurve(results: readonly Training[]): Point[] {
  return curveOf(
    results.map(({ curve }) => curve.map(({ step, loss }) => ({ x: step, y: loss }))),
    { log: true },
  );
}

interface CurvesSpec {
  readonly id: string;
  readonly title: string;
  readonly caption: string;
  /** The variants in this picture, and the colours of those with a fixed one. */
  readonly variants: readonly string[];
  readonly tones?: Readonly<Record<string, Tone>>;
}

/** Training loss over the steps: a panel for each depth, a line for each variant. */
export function lossCurves(cases: VariantCases, { variants, tones = {}, ...chart }: CurvesSpec): LineChart {
  const depths = [...new Set(cases.map(({ task }) => task.depth))];
  return {
    kind: "lines",
    ...chart,
    x: { label: "step", whole: true },
    y: { label: "training loss", unit: "nats", log: true },
    panels: depths.map(
      (depth): Panel => ({
        title: `${depth} layers`,
        series: cases
          .filter(({ task }) => task.depth === depth && variants.includes(task.variant))
          .map(({ task: { variant }, results }) => ({
            name: variant,
            ...(tones[variant] ? { tone: tones[variant] } : {}),
            points: lossCurve(results),
          })),
      }),
    ),
  };
}

/** Test errors: a row for each variant, a dot for each depth. */
export function errorDots(cases: VariantCases, caption: string): CategoryChart {
  const depths = [...new Set(cases.map(({ task }) => task.depth))];
  return {
    kind: "categories",
    id: "test-error",
    title: "Errors at the end",
    caption,
    x: { label: "test error", unit: "%" },
    series: depths.map((depth) => ({
      name: `${depth} layers`,
      values: cases
        .filter(({ task }) => task.depth === depth)
        .map(({ task, results }) => {
          const errors = results.map(({ testError }) => 100 * testError);
          const { y: value, ...band } = pointOf(0, errors);
          return { category: task.variant, value, ...band };
        }),
    })),
  };
}

/** All trainings, with the paper's test error for each variant. */
export function errorTable(cases: VariantCases, paper: { label: string; of: (variant: string) => string }): Table {
  return {
    id: "errors",
    title: "All trainings",
    caption:
      "Over the last tenth of the steps, and on test images; mean ± one standard deviation over the seeds. A training diverged where its loss was no longer a number. The last column is the paper's error on CIFAR-10, with as many layers as its head says.",
    columns: [
      { label: "variant" },
      { label: "layers", digits: 0 },
      { label: "parameters", digits: 0 },
      { label: "training loss", digits: 3 },
      { label: "test error, %", digits: 2 },
      { label: "diverged" },
      { label: paper.label },
    ],
    rows: cases.map(({ task, results }) => [
      task.variant,
      task.depth,
      results[0].parameters,
      cellOf(results.map(({ trainLoss }) => trainLoss)),
      cellOf(results.map(({ testError }) => 100 * testError)),
      divergedCell(results),
      paper.of(task.variant),
    ]),
  };
}

/** The note for a text if `compare` had one seed on each side: ` (one seed each, so any difference counts)`. */
export function seedNote(cases: readonly { readonly results: readonly unknown[] }[]): string {
  return cases.every(({ results }) => results.length < 2) ? " (one seed each, so any difference counts)" : "";
}

/** A kind of network, or a variant, with a loss or an error for each seed. */
interface Measured {
  readonly name: string;
  readonly values: readonly number[];
}

/** A sentence: which of `others` have a lower test error than `reference`, and which a higher one. */
export function comparison(reference: Measured, others: readonly Measured[], layers: number, note: string): string {
  const groups = (["lower", "alike", "higher"] as const).flatMap((verdict) => {
    const names = others.filter(({ values }) => compare(values, reference.values) === verdict);
    return names.length > 0 ? [`${verdict} with ${listed(names.map(({ name }) => name))}`] : [];
  });
  if (groups.length === 0) return `With ${layers} layers there is nothing to compare with ${reference.name}.`;
  return `With ${layers} layers, compared with ${reference.name}, the test error is ${groups.join("; ")}${note}.`;
}

/** Compares the deepest networks' test errors with that of the variant `reference`. */
export function variantComparison(cases: VariantCases, reference: string): string {
  const layers = deepestOf(cases);
  const there = cases.filter(({ task }) => task.depth === layers);
  const measured = there.map(({ task, results }) => ({
    name: task.variant,
    values: results.map(({ testError }) => testError),
  }));
  const known = measured.find(({ name }) => name === reference) ?? { name: reference, values: [] };
  const others = known.values.length > 0 ? measured.filter((one) => one !== known) : [];
  return comparison(known, others, layers, seedNote(there));
}

/**
 * A sentence: the effect of more layers on kinds of networks. `byDepth` has each kind's losses or errors, by rising
 * depth.
 */
export function depthVerdict(
  kinds: readonly { readonly name: string; readonly byDepth: readonly (readonly number[])[] }[],
  note = "",
): string {
  const verdicts = kinds.flatMap(({ name, byDepth }) =>
    byDepth.length > 1 ? [`${name} networks learn ${WITH_DEPTH[compare(byDepth.at(-1)!, byDepth[0])]}`] : [],
  );
  if (verdicts.length === 0) return "There is only one depth, so there is nothing to compare.";
  return `With more layers ${listed(verdicts)}${note}.`;
}

const WITH_DEPTH = { higher: "worse", lower: "better", alike: "as well as with few" } as const;
