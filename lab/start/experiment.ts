/**
 * What the main job is about, as plain data: the options of a run, what one net delivers, and the whole result. These
 * types cross thread boundaries and end up in gradient-flow.json, so there are only numbers, strings, lists and records.
 */
import type { BlockShare, LayerStatistics, ShortcutVerdict } from "../../src/flow/index.ts";
import type { Tier } from "../../src/tensor/index.ts";
import type { ScheduleName } from "../training/schedules.ts";

/** The twins: a network with skip connections, and the same network without. */
export type NetName = "residual" | "plain";

/** Everything that decides about the numbers of a run (the data aside). */
export interface RunOptions {
  readonly nets: readonly NetName[];
  readonly depth: number;
  readonly width: number;
  /** Shortcut of the residual net; the plain one has none. */
  readonly shortcut: "pad" | "project";
  /** ReLU after the addition (v1) or batch norm and ReLU before each convolution (v2). */
  readonly order: "post" | "pre";
  readonly zeroInit: boolean;
  readonly steps: number;
  readonly batchSize: number;
  readonly learningRate: number;
  readonly schedule: ScheduleName;
  readonly momentum: number;
  readonly weightDecay: number;
  readonly augment: "none" | "crop" | "crop-flip";
  readonly seed: number;
  /** How many test images are used; null for all. */
  readonly testImages: number | null;
  /** Which kernels compute. */
  readonly kernels: Tier;
}

/** One training step. Loss and accuracy are those of the step's own batch, before the update. */
export interface StepRow {
  readonly step: number;
  readonly epoch: number;
  readonly loss: number;
  readonly accuracy: number;
  readonly learningRate: number;
  /** Since the net's first step began. */
  readonly seconds: number;
}

/** The gradient's way through the net at one moment, on the run's first batch. */
export interface Snapshot {
  /** Updates made so far. */
  readonly step: number;
  readonly loss: number;
  readonly layers: readonly LayerStatistics[];
  readonly blocks: readonly BlockShare[];
}

/** The certificate as data (src/flow/certificate.ts has its meaning). */
export interface CertificateRow {
  readonly block: string;
  readonly verdict: ShortcutVerdict;
  readonly holds: boolean;
  readonly reason: string;
  /** What the numeric check found, in words; empty where there is no shortcut to check. */
  readonly check: string;
}

export interface CertificateResult {
  readonly holds: boolean;
  readonly summary: string;
  readonly blocks: readonly CertificateRow[];
}

export interface TestResult {
  readonly accuracy: number;
  readonly loss: number;
  /** How many images the figures are over. */
  readonly images: number;
}

/** What one net delivers. */
export interface NetRun {
  readonly net: NetName;
  /** `ResNet-20`, `plain-20`. */
  readonly title: string;
  readonly parameters: number;
  readonly steps: readonly StepRow[];
  readonly first: Snapshot;
  readonly last: Snapshot;
  readonly certificate: CertificateResult;
  /** Null where the run was interrupted before a single test batch. */
  readonly test: TestResult | null;
  readonly trainingSeconds: number;
  readonly testSeconds: number;
}

/** The whole result, as written to gradient-flow.json. */
export interface Experiment {
  readonly program: "skipstone";
  readonly version: string;
  /** Which kernels computed, on what. */
  readonly engine: string;
  readonly startedAt: string;
  readonly seconds: number;
  /** Whether Ctrl-C ended it early. */
  readonly interrupted: boolean;
  readonly options: RunOptions;
  readonly data: DataSummary;
  readonly runs: readonly NetRun[];
}

export interface DataSummary {
  readonly directory: string;
  readonly kind: string;
  readonly trainImages: number;
  readonly testImages: number;
  /** `[C, H, W]` of an image. */
  readonly imageShape: readonly number[];
  readonly classes: number;
}

/** What a worker tells the main thread. */
export type WorkerMessage =
  | { readonly kind: "built"; readonly net: NetName; readonly parameters: number }
  | { readonly kind: "step"; readonly net: NetName; readonly row: StepRow }
  | {
      readonly kind: "test";
      readonly net: NetName;
      readonly done: number;
      readonly total: number;
      readonly accuracy: number;
    }
  | { readonly kind: "done"; readonly net: NetName; readonly run: NetRun }
  | { readonly kind: "failed"; readonly net: NetName; readonly message: string };
