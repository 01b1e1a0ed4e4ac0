/**
 * Finds the state dict among a pickle's contents: `torch.save(model.state_dict())` is one, and a training checkpoint
 * has one beside the epoch and the optimiser's state.
 */
import { FormatError, quote } from "../errors.ts";
import type { FileInfo } from "../source.ts";
import { type Pickled, SKIPPED } from "./pickled.ts";
import { isTensor, type PickledTensor } from "./torch-objects.ts";

type Dict = ReadonlyMap<Pickled, Pickled>;

export interface FoundState {
  readonly tensors: ReadonlyMap<string, PickledTensor>;
  /** The numbers and strings beside it. */
  readonly metadata: ReadonlyMap<string, string>;
  /** Names in it that hold anything but a tensor. */
  readonly ignored: readonly string[];
}

/** Finds what is asked for among a pickle's contents: `findStateDict`, or the optimiser's state. */
export type FindState = (root: Pickled, key: string | undefined, file: FileInfo) => FoundState;

/** The names under which training programs keep the state dict, in the order they are tried. */
const usualKeys: readonly string[] = [
  "state_dict",
  "model_state_dict",
  "model_state",
  "model",
  "net",
  "network",
  "weights",
  "params",
];

/** How deeply nested dicts are searched: `checkpoint["model"]["state_dict"]`. */
const maxDepth = 4;

/**
 * The state dict in `root`: under `key` if given (`"generator"`, or `"ema.state_dict"` for nested ones), else under a
 * usual name, else `root` itself, else the only dict in it that holds tensors.
 *
 * @throws FormatError that lists the contents.
 */
export function findStateDict(root: Pickled, key: string | undefined, file: FileInfo): FoundState {
  const metadata = new Map<string, string>();
  let dict = asDict(root, file);
  if (key !== undefined) {
    const inside = dictUnder(dict, key);
    if (!inside) throw new FormatError(`${file.name}: there is no dict under the key ${quote(key)}. ${listing(dict)}`);
    addScalars(dict, metadata);
    return collect(inside, metadata, file);
  }
  for (let depth = 0; depth < maxDepth; depth++) {
    const inside = nextDict(dict);
    if (!inside) break;
    addScalars(dict, metadata);
    dict = inside;
  }
  return collect(dict, metadata, file);
}

function asDict(value: Pickled, file: FileInfo): Dict {
  if (value instanceof Map) return value;
  if (value === SKIPPED) {
    throw new FormatError(
      `${file.name}: the file holds a Python object, perhaps a whole model, not a state dict: torch.save(model.state_dict(), path) makes one`,
    );
  }
  const found = isTensor(value) ? "a single tensor" : Array.isArray(value) ? "a list" : "another object";
  throw new FormatError(`${file.name}: the file holds ${found}, not a state dict (names with tensors)`);
}

/** `dict[key]`, or the nested dict for a key with dots. */
export function dictUnder(dict: Dict, key: string): Dict | undefined {
  const direct = dict.get(key);
  if (direct instanceof Map) return direct;
  const dot = key.indexOf(".");
  const outer = dot < 0 ? undefined : dict.get(key.slice(0, dot));
  return outer instanceof Map ? dictUnder(outer, key.slice(dot + 1)) : undefined;
}

/** The dict inside `dict` to look into; undefined if `dict` is the state dict itself. */
function nextDict(dict: Dict): Dict | undefined {
  const holdsTensors = (value: Pickled | undefined): value is Map<Pickled, Pickled> =>
    value instanceof Map && [...value.values()].some((member) => isTensor(member) || member instanceof Map);
  const usual = usualKeys.map((key) => dict.get(key)).find(holdsTensors);
  if (usual || [...dict.values()].some(isTensor)) return usual;
  const others = [...dict.values()].filter((value) => value instanceof Map && [...value.values()].some(isTensor));
  return others.length === 1 ? (others[0] as Dict) : undefined;
}

function addScalars(dict: Dict, metadata: Map<string, string>): void {
  for (const [key, value] of dict) {
    if (typeof key === "string" && ["string", "number", "boolean", "bigint"].includes(typeof value)) {
      metadata.set(key, String(value));
    }
  }
}

function collect(dict: Dict, metadata: ReadonlyMap<string, string>, file: FileInfo): FoundState {
  const tensors = new Map<string, PickledTensor>();
  const ignored: string[] = [];
  for (const [name, value] of dict) {
    if (name === SKIPPED) ignored.push("a Python object");
    else if (typeof name !== "string") ignored.push(`a ${typeof name}`);
    else if (isTensor(value)) tensors.set(name, value);
    else ignored.push(name);
  }
  if (tensors.size === 0 && dict.size > 0) {
    const advice = [...dict.values()].some((value) => value instanceof Map) ? " Choose one with the option key" : "";
    throw new FormatError(`${file.name}: no state dict found (names with tensors). ${listing(dict)}${advice}`);
  }
  return { tensors, metadata, ignored };
}

/** Lists a dict's contents in a sentence. */
export function listing(dict: Dict): string {
  const keys = [...dict.entries()].slice(0, 12).map(([key, value]) => {
    const inside = value instanceof Map ? ` (a dict of ${value.size})` : "";
    return typeof key === "string" ? `${quote(key)}${inside}` : `a key that is not a string${inside}`;
  });
  return `It holds ${keys.join(", ") || "nothing"}${dict.size > keys.length ? ", …" : ""}.`;
}
