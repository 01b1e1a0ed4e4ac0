/** The part of a checkpoint that is no tensor: where a training is, as JSON. */
import { describe } from "../../tensor/check.ts";
import { ValueError } from "../../tensor/errors.ts";
import { isRngState } from "../../tensor/rng.ts";
import type { AnyModule } from "../module.ts";
import { isPlainObject } from "../tensors-in.ts";
import type { SavedGenerators } from "./generators.ts";
import type { MeansState } from "./means.ts";
import type { Settings } from "./settings.ts";

/** Where a training is. */
export interface Position {
  /** Steps done. */
  readonly step: number;
  readonly epoch: number;
  /** Batches taken of this epoch. */
  readonly batch: number;
  /** Whether the epoch is over, `onEpoch` and all. */
  readonly epochDone: boolean;
  readonly seconds: number;
}

/** The part of a checkpoint that is no tensor. */
export interface Saved extends Position {
  readonly means: MeansState;
  readonly generators: SavedGenerators;
  /** Checksum of the last batch taken: it shows whether the data are the same. */
  readonly lastBatch: string;
  readonly optimizer: Readonly<Record<string, number>>;
  /** What a schedule with a state has seen; null for all others, as in older checkpoints. */
  readonly schedule: Readonly<Record<string, number>> | null;
  /** How sums were rounded: other kernels give other bits. */
  readonly kernels: string;
  /** The options of the training, as settings.ts names them; null in older checkpoints. */
  readonly settings: Settings | null;
  /** What did not learn; null where the whole model was in evaluation, as a callback may have put it. */
  readonly resting: Resting | null;
}

/** What callbacks may have changed in a model beside its tensors. */
export interface Resting {
  /** Names of parameters with `requiresGrad = false`. */
  readonly parameters: readonly string[];
  /** Paths of parts in evaluation. */
  readonly parts: readonly string[];
}

export function restingIn(model: AnyModule): Resting {
  return {
    parameters: model.namedParameters().flatMap(([name, t]) => (t.requiresGrad ? [] : [name])),
    parts: model.namedModules().flatMap(([path, module]) => (module.training ? [] : [path])),
  };
}

/** What rested when the checkpoint was made and does not now, or the other way round, in words; null if nothing. */
export function restingElsewhere(saved: Resting, now: Resting): string | null {
  const differing = (a: readonly string[], b: readonly string[]): string[] => [
    ...a.filter((name) => !b.includes(name)),
    ...b.filter((name) => !a.includes(name)),
  ];
  const parameters = differing(saved.parameters, now.parameters);
  const parts = differing(saved.parts, now.parts);
  const said = [
    ...(parameters.length > 0 ? [`which parameters are frozen (${list(parameters)})`] : []),
    ...(parts.length > 0 ? [`which parts are in evaluation (${list(parts)})`] : []),
  ];
  return said.length > 0 ? said.join(" and ") : null;
}

function list(names: readonly string[]): string {
  return names.length > 3 ? `${names.slice(0, 2).join(", ")} and ${names.length - 2} more` : names.join(", ");
}

export function writeSaved(saved: Saved): string {
  return JSON.stringify(saved, encodeNumber);
}

/** @throws ValueError for a text that `writeSaved` did not write. */
export function readSaved(op: string, text: string): Saved {
  let read: unknown;
  try {
    read = JSON.parse(text, decodeNumber);
  } catch (error) {
    throw new ValueError(
      `${op}: the checkpoint is damaged: what it says of the training is ${(error as Error).message}`,
    );
  }
  const saved = { schedule: null, settings: null, ...(isPlainObject(read) ? read : {}) } as Partial<
    Record<keyof Saved, unknown>
  >;
  for (const name of Object.keys(FIELDS) as (keyof Saved)[]) {
    if (FIELDS[name](saved[name])) continue;
    throw new ValueError(`${op}: the checkpoint is damaged: its ${name} is ${describe(saved[name])}`);
  }
  return saved as unknown as Saved;
}

/** Whether a value can be a field's. */
const FIELDS: { readonly [Name in keyof Saved]: (value: unknown) => boolean } = {
  step: (value) => isWhole(value, 1),
  epoch: (value) => isWhole(value, 0),
  batch: (value) => isWhole(value, 1),
  epochDone: (value) => typeof value === "boolean",
  seconds: (value) => Number.isFinite(value),
  means: (value) => has(value, { loss: isSum, metrics: (metrics) => eachIs(metrics, isSum) }),
  generators: (value) =>
    has(value, {
      start: (states) => eachIs(states, isRngState),
      isNew: (isNew) => typeof isNew === "boolean",
      now: (states) => eachIs(states, isRngState),
    }),
  lastBatch: (value) => typeof value === "string",
  optimizer: (value) => eachIs(value, (number) => typeof number === "number"),
  schedule: (value) => value === null || eachIs(value, (number) => typeof number === "number"),
  kernels: (value) => typeof value === "string",
  settings: (value) => value === null || isPlainObject(value),
  resting: (value) => value === null || has(value, { parameters: isTexts, parts: isTexts }),
};

function has(value: unknown, members: Readonly<Record<string, (member: unknown) => boolean>>): boolean {
  return isPlainObject(value) && Object.entries(members).every(([name, fits]) => fits(value[name]));
}

function eachIs(value: unknown, fits: (member: unknown) => boolean): boolean {
  return isPlainObject(value) && Object.values(value).every(fits);
}

function isWhole(value: unknown, least: number): boolean {
  return Number.isSafeInteger(value) && (value as number) >= least;
}

function isSum(value: unknown): boolean {
  return has(value, { total: (n) => typeof n === "number", count: (n) => typeof n === "number" });
}

function isTexts(value: unknown): boolean {
  return Array.isArray(value) && value.every((text) => typeof text === "string");
}

/** JSON has no NaN and no infinity: they are texts with a mark that no other text here begins with. */
function encodeNumber(_: string, value: unknown): unknown {
  return typeof value === "number" && !Number.isFinite(value) ? `#${value}` : value;
}

function decodeNumber(_: string, value: unknown): unknown {
  return typeof value === "string" && /^#(NaN|-?Infinity)$/.test(value) ? Number(value.slice(1)) : value;
}
