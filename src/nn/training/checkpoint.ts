/**
 * `Checkpoint`: everything that a training needs to go on as if it had never stopped, to the bit. `fit` makes one in a
 * callback and takes one as `resume`.
 *
 * It is made of tensors and texts, which is what a safetensors file holds (src/io/checkpoint.ts writes and reads it).
 */
import { describe } from "../../tensor/check.ts";
import { checksum } from "../../tensor/checksum.ts";
import { UsageError, ValueError } from "../../tensor/errors.ts";
import { isTensor, owned, type Tensor } from "../../tensor/tensor.ts";
import { chooseKernels, kernels } from "../../tensor/tier.ts";
import { warn } from "../../tensor/warn.ts";
import { copyState } from "../copy-state.ts";
import { isResting } from "../mode.ts";
import type { AnyModule, Module, StateDict } from "../module.ts";
import type { Optimizer } from "../optim/optimizer.ts";
import { loadInto } from "../state.ts";
import { isPlainObject, tensorsIn } from "../tensors-in.ts";
import { type Batch, isNumberList } from "./batch.ts";
import { restoreSchedule, type Schedules } from "./rates.ts";
import { readSaved, restingElsewhere, restingIn, type Saved, writeSaved } from "./saved.ts";
import { otherSettings, type Settings } from "./settings.ts";

/** A training at one moment: what `fit({ resume })` takes. */
export interface Checkpoint {
  /**
   * The model's under `model.`, the optimiser's under `optimizer.`, under `parameter.` its parameters that are not the model's, and
   * under `module.` those of modules beside the model, by their names.
   */
  readonly tensors: StateDict;
  /** Everything else, as JSON under `training`. The caller may add names of its own. */
  readonly metadata: Readonly<Record<string, string>>;
}

/** Its version: a file from a later one is refused. */
const FORMAT = "skipstone checkpoint 1";

/** @throws UsageError for an optimiser that does not tell its state. */
export function makeCheckpoint(
  model: Module<never, unknown>,
  optimizer: Optimizer,
  others: Readonly<Record<string, AnyModule>>,
  state: Omit<Saved, "optimizer" | "kernels" | "resting">,
): Checkpoint {
  if (!optimizer.stateDict || !optimizer.loadStateDict) {
    throw new UsageError(
      "fit: a checkpoint needs the optimiser's state, and this one has no stateDict and loadStateDict",
    );
  }
  const learnt = optimizer.stateDict();
  const tensors: StateDict = {};
  for (const [name, t] of Object.entries(copyState(model))) tensors[`model.${name}`] = t;
  for (const [name, t] of Object.entries(learnt.tensors)) tensors[`optimizer.${name}`] = t;
  for (const [i, w] of strangers(model, optimizer)) tensors[`parameter.${i}`] = w.clone();
  for (const [name, t] of Object.entries(copiesOf(others))) tensors[`module.${name}`] = t;
  const resting = isResting(model) ? null : restingIn(model);
  const saved: Saved = { ...state, optimizer: learnt.numbers, kernels: kernelsInWords(), resting };
  return { tensors, metadata: { format: FORMAT, training: writeSaved(saved) } };
}

/** What a checkpoint is put into. */
export interface Restored {
  readonly model: Module<never, unknown>;
  readonly optimizer: Optimizer;
  readonly modules: Readonly<Record<string, AnyModule>>;
  readonly schedule: Partial<Schedules>;
  readonly settings: Settings;
}

/**
 * Puts model, optimiser and schedule into the checkpoint's state.
 *
 * @param saved what `savedIn` says of the checkpoint.
 * @throws UsageError for an optimiser without `loadStateDict`; ValueError for a checkpoint of another model, optimiser or
 * schedule. Nothing has been changed then.
 */
export function restoreCheckpoint(
  { model, optimizer, modules, schedule, settings }: Restored,
  checkpoint: Checkpoint,
  saved: Saved,
): void {
  if (!optimizer.loadStateDict) throw new UsageError("fit: resume needs an optimiser with a loadStateDict");
  const { model: weights, optimizer: learnt, parameter, module } = byPrefix(checkpoint.tensors);
  const others = strangers(model, optimizer);
  for (const [i, w] of others) {
    if (parameter[i]?.size !== w.size) {
      throw new ValueError(
        `fit: the checkpoint does not have the optimiser's parameter ${i}, which is not the model's`,
      );
    }
  }
  const before = { learnt: optimizer.stateDict?.(), schedule: schedule.stateDict?.(), modules: copiesOf(modules) };
  // Each of them changes nothing where it fails; then those that went well are undone, the last one first.
  const undo: (() => void)[] = [];
  try {
    restoreSchedule(schedule, saved.schedule);
    undo.unshift(() => before.schedule && schedule.loadStateDict?.(before.schedule));
    optimizer.loadStateDict({ tensors: learnt, numbers: saved.optimizer });
    undo.unshift(() => before.learnt && optimizer.loadStateDict?.(before.learnt));
    loadInto("fit: modules", stateOf(modules), module, undefined);
    undo.unshift(() => loadInto("fit: modules", stateOf(modules), before.modules, undefined));
    model.loadStateDict(weights);
  } catch (error) {
    for (const put of undo) put();
    throw error;
  }
  for (const [i, w] of others) w.assign(parameter[i]);
  const resting = saved.resting && restingElsewhere(saved.resting, restingIn(model));
  if (resting) {
    warn(
      `fit: the checkpoint and this model differ in ${resting}: the training goes on differently from one that never stopped`,
    );
  }
  const changed = saved.settings && otherSettings(saved.settings, settings);
  if (changed) {
    warn(
      `fit: the checkpoint's training had other options: ${changed}: it goes on differently from one that never stopped`,
    );
  }
  const here = kernelsInWords();
  if (saved.kernels !== here) {
    warn(`fit: the checkpoint was made by ${saved.kernels}, and goes on with ${here}: the bits will differ`);
  }
}

/** Which of two batches it is: a checksum of its tensors and the numbers in its labels. */
export function checksumOf(batch: Batch<unknown, unknown>): string {
  const numbers = Float64Array.from(numbersIn(batch.labels));
  return checksum([
    ...tensorsIn([batch.x, batch.labels]).map((t): [string, Tensor] => ["", t]),
    ["labels", owned(numbers, [numbers.length])],
  ]);
}

/** The numbers in labels of any form: in arrays of any type, nested in arrays and plain objects. */
function numbersIn(labels: unknown): ArrayLike<number> {
  if (typeof labels === "number") return [labels];
  if (isNumberList(labels)) return labels;
  const members = Array.isArray(labels) ? labels : isPlainObject(labels) ? Object.values(labels) : [];
  return members.flatMap((member) => Array.from(numbersIn(member), Number));
}

/** The optimiser's parameters that are not the model's (a loss may have some), by their place. */
function strangers(model: Module<never, unknown>, optimizer: Optimizer): [number, Tensor][] {
  const own = new Set(Object.values(model.stateDict()));
  return optimizer.parameters.map((w, i): [number, Tensor] => [i, w]).filter(([, w]) => !own.has(w));
}

/** The tensors of several modules, as those of parts with these names. */
function stateOf(modules: Readonly<Record<string, AnyModule>>): StateDict {
  const named = Object.entries(modules).flatMap(([key, module]) =>
    Object.entries(module.stateDict()).map(([name, t]) => [`${key}.${name}`, t] as const),
  );
  return Object.fromEntries(named);
}

function copiesOf(modules: Readonly<Record<string, AnyModule>>): StateDict {
  return Object.fromEntries(Object.entries(stateOf(modules)).map(([name, t]) => [name, t.clone()]));
}

function byPrefix(tensors: StateDict): Record<"model" | "optimizer" | "parameter" | "module", StateDict> {
  const parts = { model: {}, optimizer: {}, parameter: {}, module: {} } as ReturnType<typeof byPrefix>;
  for (const [name, t] of Object.entries(tensors)) {
    const [prefix] = name.split(".", 1);
    if (Object.hasOwn(parts, prefix)) parts[prefix as keyof typeof parts][name.slice(prefix.length + 1)] = t;
  }
  return parts;
}

/**
 * What a checkpoint says of the training.
 *
 * @throws UsageError for what is no checkpoint; ValueError for a damaged one, or one of another version.
 */
export function savedIn(op: string, checkpoint: Checkpoint): Saved {
  const { tensors, metadata } = (checkpoint ?? {}) as Partial<Checkpoint>;
  const isState = typeof tensors === "object" && tensors !== null && Object.values(tensors).every(isTensor);
  const training: unknown = metadata?.["training"];
  if (!isState || typeof training !== "string") {
    throw new UsageError(
      `${op} must be a checkpoint, as checkpoint() in a callback and readCheckpoint return it, got ${describe(checkpoint)}`,
    );
  }
  const format = metadata?.["format"];
  if (format !== FORMAT) {
    throw new ValueError(`${op}: the checkpoint has the format "${format}", this version reads "${FORMAT}"`);
  }
  return readSaved(op, training);
}

function kernelsInWords(): string {
  chooseKernels();
  return `${kernels.name} kernels${kernels.name === "plain" ? "" : `, ${kernels.arithmetic} multiply-add`}`;
}
