/** Loading a state: everything is read and checked before the first value is written. */
import { checkOptions, describe, type OptionNames } from "../tensor/check.ts";
import { isForeign } from "../tensor/copies.ts";
import { SkipstoneError, UsageError, ValueError } from "../tensor/errors.ts";
import { formatShape, type Shape, sameShape, sizeOf } from "../tensor/shape.ts";
import { isTensor, peek, type Tensor } from "../tensor/tensor.ts";

/** Tensors by name. */
export type StateDict = Record<string, Tensor>;

/**
 * A tensor as it is after `structuredClone`, `postMessage` or JSON: its shape and its values in row-major order. JSON has
 * no NaN, ±∞ and −0; they may be the strings "NaN", "Infinity", "-Infinity" and "-0".
 */
export interface SavedTensor {
  readonly shape: readonly number[];
  readonly data: ArrayLike<number | string>;
}

export interface LoadReport {
  /** Names this module has and the state does not. */
  missing: string[];
  /** Names the state has and this module does not. */
  unexpected: string[];
}

export interface LoadOptions {
  /** Whether missing and unexpected names are errors. Default true. */
  strict?: boolean;
}

const OPTIONS: OptionNames<LoadOptions> = { strict: true };

/** Copies the values of `state` into the tensors of `own`, the state of a module of the class called `who`. */
export function loadInto(
  who: string,
  own: StateDict,
  state: Readonly<Record<string, Tensor | SavedTensor>>,
  options: LoadOptions | undefined,
): LoadReport {
  checkOptions("loadStateDict", options, OPTIONS);
  const { strict = true } = options ?? {};
  if (typeof state !== "object" || state === null || Array.isArray(state) || state instanceof Map) {
    const advice = state instanceof Map ? ": Object.fromEntries(map) is one" : "";
    throw new UsageError(
      `loadStateDict: needs an object of tensors by name, got ${describe(state as unknown)}${advice}`,
    );
  }
  const names = Object.keys(own);
  const missing = names.filter((name) => !Object.hasOwn(state, name));
  const unexpected = Object.keys(state).filter((name) => !Object.hasOwn(own, name));
  const misshapen: string[] = [];
  const unreadable: string[] = [];
  const values = new Map<string, ArrayLike<number>>();
  for (const name of names) {
    if (!Object.hasOwn(state, name)) continue;
    const saved = read(state[name]);
    if (typeof saved === "string") unreadable.push(`${name}: ${saved}`);
    else if (!sameShape(saved.shape, own[name].shape)) {
      misshapen.push(`${name}: ${formatShape(saved.shape)} does not fit ${formatShape(own[name].shape)}`);
    } else {
      // Also a tensor of the module itself: `assign` puts other arrays in the place of those that were read.
      values.set(name, saved.data);
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
      `loadStateDict: these are the ${who}'s own tensors, which have changed with it, and nothing to go back to: copyState(model) makes a copy`,
    );
  }
  for (const [name, data] of values) own[name].assign(data);
  return { missing, unexpected };
}

/** Shape and numbers of one entry, or what is wrong with it. */
function read(entry: unknown): { shape: Shape; data: ArrayLike<number> } | string {
  if (isTensor(entry)) {
    try {
      return { shape: entry.shape, data: peek(entry) };
    } catch (error) {
      if (error instanceof SkipstoneError) return error.message;
      throw error;
    }
  }
  if (typeof entry !== "object" || entry === null)
    return `neither a tensor nor { shape, data }, but ${describe(entry)}`;
  if (isForeign(entry)) throw new UsageError(`loadStateDict: the state has ${describe(entry)}`);
  const { shape, data } = entry as { shape?: unknown; data?: unknown };
  if (!Array.isArray(shape) || !shape.every((n) => Number.isInteger(n) && n >= 0) || data === undefined) {
    return `neither a tensor nor { shape, data }, but ${describe(entry)}`;
  }
  if (!Array.isArray(data) && !isNumbers(data))
    return `its data is neither an array nor a Float32Array, but ${describe(data)}`;
  if (data.length !== sizeOf(shape))
    return `its data has ${data.length} values, its shape ${formatShape(shape)} ${sizeOf(shape)}`;
  if (isNumbers(data)) return { shape, data };
  const numbers = new Float64Array(data.length);
  for (let i = 0; i < data.length; i++) {
    const value = numberOf(data[i]);
    if (value === undefined) {
      return `its data[${i}] is ${describe(data[i])}, neither a number nor "NaN", "Infinity", "-Infinity" or "-0"`;
    }
    numbers[i] = value;
  }
  return { shape, data: numbers };
}

/** Whether `data` is a typed array of numbers, of whatever realm. */
function isNumbers(data: unknown): data is Float32Array {
  if (!ArrayBuffer.isView(data)) return false;
  const tag = (data as { readonly [Symbol.toStringTag]?: string })[Symbol.toStringTag];
  return tag !== "DataView" && !tag?.startsWith("BigInt");
}

function numberOf(value: unknown): number | undefined {
  if (typeof value === "number") return value;
  return value === "NaN" || value === "Infinity" || value === "-Infinity" || value === "-0" ? Number(value) : undefined;
}
