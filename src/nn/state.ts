/** Loading a state: everything is read and checked before the first value is written. */
import { checkBoolean } from "../tensor/arguments.ts";
import { checkOptions, describe, type OptionNames } from "../tensor/check.ts";
import { readClone, type SavedTensor } from "../tensor/clone.ts";
import { isForeign } from "../tensor/copies.ts";
import { SkipstoneError, UsageError, ValueError } from "../tensor/errors.ts";
import { formatShape, type Shape, sameShape } from "../tensor/shape.ts";
import { isTensor, peek, type Tensor } from "../tensor/tensor.ts";

/** Tensors by name. */
export type StateDict = Record<string, Tensor>;

/** What `loadStateDict` found missing and unexpected. */
export interface LoadReport {
  /** Names this module has and the state does not. */
  missing: string[];
  /** Names the state has and this module does not. */
  unexpected: string[];
}

/** Options of `loadStateDict`. */
export interface LoadOptions {
  /** Whether missing and unexpected names are errors. Default true. */
  strict?: boolean;
}

const OPTIONS: OptionNames<LoadOptions> = { strict: true };

/** Copies the values of `state` into the tensors of `own`, the state of a module of class `who`. */
export function loadInto(
  who: string,
  own: StateDict,
  state: Readonly<Record<string, Tensor | SavedTensor>>,
  options: LoadOptions | undefined,
): LoadReport {
  checkOptions("loadStateDict", options, OPTIONS);
  const { strict = true } = options ?? {};
  checkBoolean("loadStateDict", "strict", strict);
  checkState("loadStateDict", state);
  const names = Object.keys(own);
  const missing = names.filter((name) => !Object.hasOwn(state, name) && !mayBeMissing(name, state));
  const unexpected = Object.keys(state).filter((name) => !Object.hasOwn(own, name));
  const misshapen: string[] = [];
  const unreadable: string[] = [];
  const values = new Map<string, ArrayLike<number>>();
  for (const name of names) {
    if (!Object.hasOwn(state, name)) continue;
    if (isForeign(state[name])) throw new UsageError(`loadStateDict: the state has ${describe(state[name])}`);
    try {
      const { shape, data } = read(name, state[name]);
      // This works for the module's own tensors too: `assign` replaces their arrays, not their contents.
      if (sameShape(shape, own[name].shape)) values.set(name, data);
      else misshapen.push(`${name}: ${formatShape(shape)} does not fit ${formatShape(own[name].shape)}`);
    } catch (error) {
      if (!(error instanceof SkipstoneError)) throw error;
      unreadable.push(error.message);
    }
  }
  if (misshapen.length + unreadable.length > 0 || (strict && missing.length + unexpected.length > 0)) {
    const list = (title: string, lines: readonly string[]): string =>
      lines.length > 0 ? `\n  ${title} (${lines.length}): ${lines.join(", ")}` : "";
    throw new ValueError(
      `loadStateDict: the state does not fit this ${who}${list("missing", missing)}${list("unexpected", unexpected)}${list("wrong shape", misshapen)}${list("unreadable", unreadable)}`,
    );
  }
  if (values.size > 0 && [...values.keys()].every((name) => state[name] === own[name])) {
    throw new UsageError(
      `loadStateDict: these are the ${who}'s own tensors, which have changed with it: to go back, make a copy beforehand with copyState(model)`,
    );
  }
  for (const [name, data] of values) own[name].assign(data);
  return { missing, unexpected };
}

/** Throws unless `state` is an object that can hold tensors by name: not what is taken for one, such as bytes or a model. */
export function checkState(op: string, state: unknown): asserts state is object {
  const { then, stateDict } = (state ?? {}) as { then?: unknown; stateDict?: unknown };
  const mistake =
    state instanceof Map
      ? ": Object.fromEntries(map) makes one"
      : typeof then === "function"
        ? ": await it first"
        : typeof stateDict === "function"
          ? ": pass its stateDict()"
          : state instanceof ArrayBuffer || ArrayBuffer.isView(state)
            ? ": loadWeights makes one of the bytes of a file"
            : undefined;
  if (typeof state === "object" && state !== null && !Array.isArray(state) && mistake === undefined) return;
  throw new UsageError(`${op}: needs an object of tensors by name, got ${describe(state)}${mistake ?? ""}`);
}

/**
 * Whether a name is one that old files lack: batch norm's counter, which PyTorch has since 0.4.1, of a norm whose
 * statistics are there. The module keeps its own, as in PyTorch.
 */
export function mayBeMissing(name: string, state: object): boolean {
  const [, norm] = /^(|.*\.)num_batches_tracked$/.exec(name) ?? [];
  return norm !== undefined && Object.hasOwn(state, `${norm}running_mean`);
}

/** The shape and numbers of one entry. The messages of its errors begin with the name. */
function read(name: string, entry: unknown): { readonly shape: Shape; readonly data: ArrayLike<number> } {
  if (!isTensor(entry)) return readClone(name, entry);
  try {
    return { shape: entry.shape, data: peek(entry) };
  } catch (error) {
    throw error instanceof SkipstoneError ? new UsageError(`${name}: ${error.message}`) : error;
  }
}
