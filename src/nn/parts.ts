/**
 * Finding what a module is made of, and naming it.
 *
 * A module's properties are looked through: modules and tensors, and what holds them: lists, Maps, Sets and plain objects,
 * in one another to any depth. A name is the path to the part, joined by dots:
 *
 *   this.firstLayer = new Linear(…)                      first_layer.weight, first_layer.bias     properties in snake_case
 *   this.towers = [new Linear(…), [new Linear(…)]]       towers.0.weight, towers.1.0.weight       lists and Sets by position
 *   this.heads = new Map([["Cat", new Linear(…)]])       heads.Cat.weight                         Maps and plain objects by key,
 *   this.scales = { inner: parameter(…) }                scales.inner                             as it is
 *
 * These are PyTorch's names for the like of it: ModuleList, ModuleDict, ParameterList, ParameterDict.
 *
 * Not found, because JavaScript does not show them or they may be anything: #private fields, closures, symbols, keys of a
 * Map, and the insides of objects of other classes. What is lost so is an error when it is used: leaves.ts (training) and
 * mode.ts (evaluation).
 */
import { ValueError } from "../tensor/errors.ts";
import { Tensor } from "../tensor/tensor.ts";
import { checkModule, isForeign, isModule, twoCopies } from "./is-module.ts";
import { isBuffer, isParameter } from "./marks.ts";
import type { AnyModule } from "./module.ts";

/** A module and everything below it. */
export interface Parts {
  /** The module itself (path `""`) and every one below it, depth first. */
  readonly modules: [string, AnyModule][];
  /** Every parameter and buffer, those of a module before those of its parts. */
  readonly tensors: [string, Tensor][];
}

/**
 * Everything `root` is made of. A part in two places is there twice.
 *
 * @throws ValueError if two parts have one name, or a module or a container is inside itself; UsageError for a part that
 * another copy of the library made.
 */
export function partsOf(root: AnyModule): Parts {
  const parts: Parts = { modules: [], tensors: [] };
  const names = new Map<string, object>();
  const claim = (name: string, part: object): void => {
    const other = names.get(name);
    if (other === undefined) names.set(name, part);
    else if (other !== part) throw sameName(root, name);
  };
  visit(root, "", {
    module: (path, module) => {
      if (path !== "") claim(path, module);
      parts.modules.push([path, module]);
    },
    tensor: (path, t) => {
      claim(path, t);
      parts.tensors.push([path, t]);
    },
  });
  return parts;
}

/** The parts directly in a module, by the property that holds them and, in containers, their place there: `towers.0`. */
export function childrenOf(module: AnyModule): [string, AnyModule][] {
  const children: [string, AnyModule][] = [];
  lookThrough(module, (name, part) => {
    if (!(part instanceof Tensor)) children.push([name, part]);
  });
  return children;
}

/** A module's own parameters and buffers, named as its children are. */
export function tensorsOf(module: AnyModule): [string, Tensor][] {
  const tensors: [string, Tensor][] = [];
  lookThrough(module, (name, part) => {
    if (part instanceof Tensor && (isParameter(part) || isBuffer(part))) tensors.push([name, part]);
  });
  return tensors;
}

/** A container in a module, or the module itself, and what is directly in it. */
export interface Holder {
  readonly entries: readonly (readonly [key: unknown, value: unknown])[];
  /** Puts another part in the place of one; null where there are no places (a Set). */
  readonly put: ((key: unknown, value: unknown) => void) | null;
}

/** The module's properties, and every container in it. */
export function holdersOf(module: AnyModule): Holder[] {
  const holders: Holder[] = [propertiesOf(module)];
  const seen = new Set<object>();
  for (let i = 0; i < holders.length; i++) {
    for (const [, value] of holders[i].entries) {
      if (typeof value !== "object" || value === null || seen.has(value)) continue;
      const entries = entriesOf(value);
      if (!entries) continue;
      seen.add(value);
      // Not `entries`, whose keys are names.
      if (value instanceof Map) holders.push({ entries: [...value], put: (key, part) => value.set(key, part) });
      else if (value instanceof Set) holders.push({ entries, put: null });
      else holders.push(propertiesOf(value));
    }
  }
  return holders;
}

function propertiesOf(object: object): Holder {
  return {
    entries: Object.entries(object),
    put: (key, value) => {
      (object as Record<string, unknown>)[key as string] = value;
    },
  };
}

/** `runningMean` → `running_mean`. Behind the first dot stand places in containers, which are left as they are. */
export function snakeCase(name: string): string {
  const dot = name.indexOf(".");
  const property = dot < 0 ? name : name.slice(0, dot);
  if (!/[A-Z]/.test(property)) return name;
  const lower = property.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
  return dot < 0 ? lower : lower + name.slice(dot);
}

interface Visitor {
  module(path: string, module: AnyModule): void;
  tensor(path: string, t: Tensor): void;
}

/** Shows `visitor` a module and all below, a module's own tensors before its parts. `above` has the modules it is in. */
function visit(module: AnyModule, path: string, visitor: Visitor, above: Map<AnyModule, string> = new Map()): void {
  const outer = above.get(module);
  if (outer !== undefined) throw circle(module, path, outer, above);
  visitor.module(path, module);
  above.set(module, path);
  for (const [name, t] of tensorsOf(module)) visitor.tensor(joined(path, name), t);
  for (const [name, child] of module.namedChildren()) {
    // A class may name its parts itself.
    if (!isModule(child)) checkModule(`${module.constructor.name}.namedChildren`, child);
    visit(child, joined(path, name), visitor, above);
  }
  above.delete(module);
}

function joined(path: string, name: string): string {
  return path === "" ? snakeCase(name) : `${path}.${snakeCase(name)}`;
}

/** Calls `found` with every module and tensor in the module's properties and the containers there. */
function lookThrough(module: AnyModule, found: (name: string, part: AnyModule | Tensor) => void): void {
  const properties = module as unknown as Record<string, unknown>;
  for (const name of Object.keys(properties)) {
    const value = properties[name];
    if (typeof value === "object" && value !== null) search(module, value, name, [], found);
  }
}

function search(
  module: AnyModule,
  value: object,
  name: string,
  inside: readonly object[],
  found: (name: string, part: AnyModule | Tensor) => void,
): void {
  if (value instanceof Tensor || isModule(value)) {
    found(name, value);
    return;
  }
  if (isForeign(value)) throw twoCopies(`${module.constructor.name}.${name}`, value);
  const entries = entriesOf(value);
  if (!entries) return;
  if (inside.includes(value)) {
    throw new ValueError(
      `${module.constructor.name}: ${name} is a container that it is itself in, so that its parts have no end of names: keep one of the two in a #private field`,
    );
  }
  const within = [...inside, value];
  for (const [key, member] of entries) {
    if (typeof member === "object" && member !== null) search(module, member, `${name}.${key}`, within, found);
  }
}

/** What is in a container, with the part of a name that tells where; null for what is no container. */
function entriesOf(value: object): readonly (readonly [string | number, unknown])[] | null {
  if (Array.isArray(value)) return holdsObjects(value) ? [...value.entries()] : [];
  if (value instanceof Map) {
    return [...value].map(([key, member], i) => [
      typeof key === "object" || typeof key === "symbol" ? i : `${key}`,
      member,
    ]);
  }
  if (value instanceof Set) return [...value].map((member, i) => [i, member]);
  return isPlainObject(value) ? Object.entries(value) : null;
}

/** Most lists in modules are of numbers, and there may be many. */
function holdsObjects(list: readonly unknown[]): boolean {
  for (const member of list) if (typeof member === "object" && member !== null) return true;
  return false;
}

/** Also one of another realm (an iframe, a vm context): its prototype is the last one. */
function isPlainObject(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === null || prototype === Object.prototype || Object.getPrototypeOf(prototype) === null;
}

/** Two parts are called `name`: which they are is looked up now. */
function sameName(root: AnyModule, name: string): ValueError {
  const places: string[] = [];
  const look = (module: AnyModule, path: string): void => {
    const members = [...tensorsOf(module), ...module.namedChildren()];
    for (const [member, part] of members) {
      const full = joined(path, member);
      if (full === name) places.push(`${path === "" ? "" : `${path}.`}${member}`);
      if (!(part instanceof Tensor) && name.startsWith(`${full}.`)) look(part, full);
    }
  };
  look(root, "");
  return new ValueError(
    `${root.constructor.name}: two parts have the name "${name}" (${[...new Set(places)].join(" and ")}), so that one of them would be neither trained nor saved: rename one`,
  );
}

function circle(module: AnyModule, path: string, outer: string, above: ReadonlyMap<AnyModule, string>): ValueError {
  const [root] = above.keys();
  const which = outer === "" ? "itself" : `"${outer}", which it is in`;
  return new ValueError(
    `${root.constructor.name}: a circle: its part "${path}" is the ${module.constructor.name} ${which}, so that its parts have no end. A reference back is no part: keep it in a #private field, or as a WeakRef`,
  );
}
