/**
 * Finds out which of a state's names are which of a model's. Each known layout (layouts.ts) is tried behind each prefix
 * that the names have; the one under which most tensors fit, by name and shape, is taken.
 */
import type { Module, StateDict } from "../../nn/module.ts";
import { checkState, mayBeMissing } from "../../nn/state.ts";
import { describe } from "../../tensor/check.ts";
import { isShape } from "../../tensor/clone.ts";
import { UsageError, ValueError } from "../../tensor/errors.ts";
import { sameShape } from "../../tensor/shape.ts";
import type { Tensor } from "../../tensor/tensor.ts";
import { quote } from "../errors.ts";
import { heads, type Layout, layouts } from "./layouts.ts";
import { renamer } from "./rules.ts";

/** What `matchNames` did. As a string, a sentence about it. */
export interface NameMatch {
  /** The state for `model.loadStateDict`: tensors without a place in the model keep their names. */
  readonly state: StateDict;
  /** Whose names they were: "torchvision", "Hugging Face transformers", …. */
  readonly layout: string;
  /** What stood before them, such as `"backbone."`; mostly empty. */
  readonly prefix: string;
  /** The new name of each tensor that got one, by its old one. */
  readonly renamed: ReadonlyMap<string, string>;
  /** Names that the model has and the state has not. */
  readonly missing: readonly string[];
  /** Names of the state that have no place in the model. */
  readonly unexpected: readonly string[];
  toString(): string;
}

/**
 * The tensors of `state` by the names of the residual network `model`, from those of other projects: torchvision's in any
 * wrapper, timm's, mmpretrain's, Hugging Face transformers', those of CIFAR nets and of a `Sequential`. Only names
 * change; whether everything fits is for `loadStateDict` to check.
 *
 * @example
 * const theirs = Object.fromEntries(Object.entries(model.stateDict()).map(([name, t]) => [`backbone.${name}`, t.clone()]));
 * const found = matchNames(theirs, model);
 * found.prefix; // "backbone."
 * model.loadStateDict(found.state);
 *
 * @throws ValueError if no name is one of the model's in any layout.
 */
export function matchNames(state: Readonly<StateDict>, model: Pick<Module, "stateDict">): NameMatch {
  checkState("matchNames", state);
  for (const [name, entry] of Object.entries(state)) {
    if (isShape((entry as Partial<Tensor> | null | undefined)?.shape)) continue;
    throw new UsageError(`matchNames: ${quote(name)} must be a tensor, got ${describe(entry)}`);
  }
  if (typeof (model as Partial<Module> | null | undefined)?.stateDict !== "function") {
    throw new UsageError(`matchNames: model must be a Module, got ${describe(model)}`);
  }
  const own = model.stateDict();
  let best: Attempt | undefined;
  for (const layout of layouts) {
    for (const prefix of prefixesOf(Object.keys(state))) {
      const attempt = tryLayout(state, own, layout, prefix);
      if (!best || attempt.fitting > best.fitting) best = attempt;
    }
  }
  if (!best || best.fitting === 0) {
    const some = (names: readonly string[]): string => names.slice(0, 3).map(quote).join(", ");
    throw new ValueError(
      `matchNames: no tensor fits the model by the names of ${layouts.map(({ name }) => name).join(", ")}: the state has ${some(Object.keys(state)) || "none"}, the model ${some(Object.keys(own)) || "none"}. Rules of your own: the option rename of loadWeights`,
    );
  }
  return resultOf(state, own, best);
}

/** How many prefixes are tried: a wrapper is before most names, so it is among the most frequent. */
const mostPrefixes = 16;

/** What stands before the dots of names, the most frequent first, and nothing before all. */
function prefixesOf(names: readonly string[]): string[] {
  const counts = new Map<string, number>();
  for (const name of names) {
    const segments = name.split(".", 5).slice(0, -1);
    let prefix = "";
    for (const segment of segments) {
      prefix += `${segment}.`;
      counts.set(prefix, (counts.get(prefix) ?? 0) + 1);
    }
  }
  const frequent = [...counts].sort(([, a], [, b]) => b - a).map(([prefix]) => prefix);
  return ["", ...frequent.slice(0, mostPrefixes)];
}

/** The names in the model of the state's names, in one layout. */
interface Attempt {
  readonly layout: Layout;
  readonly prefix: string;
  /** The state's name for each name of the model. */
  readonly sources: ReadonlyMap<string, string>;
  /** How many of them have the shape too. */
  readonly fitting: number;
}

function tryLayout(state: Readonly<StateDict>, own: StateDict, layout: Layout, prefix: string): Attempt {
  const rename = renamer(layout.rules);
  const toHead = heads.map((rule) => renamer([rule]));
  const isOwn = (name: string | undefined): name is string => name !== undefined && Object.hasOwn(own, name);
  const placeOf = (name: string): string | undefined => {
    const inside = name.startsWith(prefix) ? name.slice(prefix.length) : undefined;
    const short = inside ?? name;
    const body = inside === undefined ? undefined : (rename(inside) ?? inside);
    if (isOwn(body)) return body;
    // The head is often outside of what the prefix wraps.
    return [short, ...toHead.map((head) => head(short))].find(isOwn);
  };
  const sources = new Map<string, string>();
  const fits = (name: string, place: string): boolean => sameShape(state[name].shape, own[place].shape);
  for (const name of Object.keys(state)) {
    const place = placeOf(name);
    if (place === undefined) continue;
    const other = sources.get(place);
    if (other === undefined || (!fits(other, place) && fits(name, place))) sources.set(place, name);
  }
  const fitting = [...sources].filter(([place, name]) => fits(name, place)).length;
  return { layout, prefix, sources, fitting };
}

function resultOf(state: Readonly<StateDict>, own: StateDict, { layout, prefix, sources }: Attempt): NameMatch {
  const placed = new Set(sources.values());
  const unexpected = Object.keys(state).filter((name) => !placed.has(name));
  // Without a prototype, so that "__proto__" is an ordinary name.
  const named = Object.create(null) as StateDict;
  for (const place of Object.keys(own)) {
    const source = sources.get(place);
    if (source !== undefined) named[place] = state[source];
  }
  for (const name of unexpected) if (!sources.has(name)) named[name] = state[name];
  const missing = Object.keys(own).filter((name) => !sources.has(name) && !mayBeMissing(name, named));
  const renamed = new Map([...sources].filter(([place, name]) => place !== name).map(([place, name]) => [name, place]));
  const [first] = renamed;
  const changes = first ? `${renamed.size} renamed, such as ${first[0]} → ${first[1]}` : "none renamed";
  const count = (list: readonly string[], what: string): string =>
    list.length === 0 ? "" : `; ${list.length} ${what}: ${list.slice(0, 4).join(", ")}${list.length > 4 ? ", …" : ""}`;
  const text = `names of ${layout.name}${prefix ? ` after ${quote(prefix)}` : ""}: ${sources.size} of the model's ${Object.keys(own).length} found, ${changes}${count(missing, "missing")}${count(unexpected, "without a place")}`;
  return { state: named, layout: layout.name, prefix, renamed, missing, unexpected, toString: () => text };
}
