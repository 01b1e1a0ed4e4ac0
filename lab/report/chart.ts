/**
 * Pictures as data: their content, not how it is drawn. Experiments make these without loading a plotting library;
 * run.json stores them, each has a CSV file, and ../page/charts draws them.
 */

/** A colour of the theme by name. `residual` (blue) and `plain` (vermilion) mean the same on every page. */
export type Tone = "residual" | "plain" | "green" | "purple" | "ink" | "orange" | "sky";

export interface Axis {
  /** What is measured: `training error`. */
  readonly label: string;
  /** `%`, `nats`; left out if there is none. */
  readonly unit?: string;
  readonly log?: boolean;
  /** Only whole numbers: layers, blocks, steps. */
  readonly whole?: boolean;
  /** Default: the range of the data. Values outside are cut off. */
  readonly domain?: readonly [low: number, high: number];
}

export interface Point {
  readonly x: number;
  readonly y: number;
  /** A band around y: the spread over the seeds (statistics.ts). */
  readonly low?: number;
  readonly high?: number;
}

export interface Series {
  readonly name: string;
  readonly points: readonly Point[];
  /** Default: the next free one, blue and vermilion last. */
  readonly tone?: Tone;
  readonly dashed?: boolean;
  /**
   * A thin pale line below the others, such as single steps below their mean. It may have the name of another series.
   */
  readonly faint?: boolean;
}

/** A picture beside others with the same axes (below them on a telephone). */
export interface Panel {
  readonly title: string;
  readonly series: readonly Series[];
}

interface ChartBase {
  /** Name of its files and anchor on the page: `training-error`. */
  readonly id: string;
  readonly title: string;
  /** Says what to look at. `code` goes between backticks. */
  readonly caption: string;
}

/**
 * Lines (with bands), dots, or both; or dots on stems that rise from zero. Series with the same name look the same in
 * all panels. On a log axis a y of exactly 0 is marked on the lower edge.
 */
export interface LineChart extends ChartBase {
  readonly kind: "lines";
  readonly x: Axis;
  readonly y: Axis;
  readonly panels: readonly Panel[];
  /** Default "lines"; "both" where there are few points. */
  readonly marks?: "lines" | "dots" | "both" | "stems";
  /** Dotted lines across all panels, at an x or a y. */
  readonly rules?: readonly { readonly x?: number; readonly y?: number; readonly label: string }[];
}

/** One value per category and series, as dots with the spread as a bar: a table as a picture. */
export interface CategoryChart extends ChartBase {
  readonly kind: "categories";
  readonly x: Axis;
  /** The categories from top to bottom are those of the series, in order of appearance. */
  readonly series: readonly {
    readonly name: string;
    readonly tone?: Tone;
    readonly values: readonly {
      readonly category: string;
      readonly value: number;
      readonly low?: number;
      readonly high?: number;
    }[];
  }[];
}

/** Values over a grid: `values[row][column]` belongs to `ys[row]`, `xs[column]`. */
export interface Grid {
  readonly title: string;
  readonly xs: readonly number[];
  readonly ys: readonly number[];
  readonly values: readonly (readonly number[])[];
}

/** A colour per cell ("heat"), contour lines over the plane, or a surface above it. One scale for all panels. */
export interface GridChart extends ChartBase {
  readonly kind: "heat" | "contour" | "surface";
  readonly x: Axis;
  readonly y: Axis;
  /** What the colours, lines or heights mean. */
  readonly value: Axis;
  readonly panels: readonly Grid[];
}

export type Chart = LineChart | CategoryChart | GridChart;
