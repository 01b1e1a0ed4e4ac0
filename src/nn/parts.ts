/**
 * Finds and names the parts of a module.
 *
 * The search covers a module's properties: modules, tensors, and containers of them (lists, Maps, Sets and plain
 * objects), nested to any depth. A name is the path to the part, joined by dots:
 *
 *   this.firstLayer = new Linear(…)                      first_layer.weight, first_layer.bias     properties in snake_case
 *   this.towers = [new Linear(…), [new Linear(…)]]       towers.0.weight, towers.1.0.weight       lists and Sets by position
 *   this.heads = new Map([["Cat", new Linear(…)]])       heads.Cat.weight                         Maps and plain objects by key,
 *   this.scales = { inner: parameter(…) }                scales.inner                             as it is
 *   this[""] = new Map([["Cat.0", new Linear(…)]])       Cat.0.weight                             for names from a file
 *
 * These are PyTorch's names for the equivalent: ModuleList, ModuleDict, ParameterList, ParameterDict.
 *
 * Not found, because JavaScript does not show them or they may be anything: #private fields, closures, symbols, keys of
 * a Map, and the insides of objects of other classes. Using a part lost this way is an error: leaves.ts (training) and
 * mode.ts (evaluation).
 */
import { describe } from "../tensor/check.ts";
import { isForeign } from "../tensor/copies.ts";
import { UsageError, ValueError } from "../tensor/errors.ts";
import { Tensor } from "../tensor/tensor.ts";
import { isBuffer, isParameter } from "./marks.ts";
import { checkPart, isPart, type Part } from "./part.ts";
import { isPlainObject } from "./tensors-in.ts";

/** A module and everything below it. A part in two places appears twice. */
export interface Parts {
  /** The module itself (path `""`) and every one below it, depth first. */
  readonly modules: [string, Part][];
  /** Every parameter and buffer; a module's own come before those of its parts. */
  readonly tensors: [string, Tensor][];
  /** The parameters among them. */
  readonly parameters: [string, Tensor][];
}

/**
 * All parts of `root`.
 *
 * @throws ValueError if two parts have the same name, or a module or a container is inside itself; UsageError for a
 * part made by another copy of the library.
 */
export function partsOf(root: Part): Parts {
  const parts: Parts = { modules: [], tensors: [], parameters: [] };
  if (visit(root, "", [], parts)) checkNames(root, parts);
  return parts;
}

/** A module's direct parts, by the property that holds them and, in containers, their place there: `towers.0`. */
export function childrenOf(module: Part): [string, Part][] {
  const children: [string, Part][] = [];
  lookThrough(module, (name, part) => {
    if (!(part instanceof Tensor)) children.push([name, part]);
  });
  return children;
}

/** A module's own parameters and buffers, named like its children. */
export function tensorsOf(module: Part): [string, Tensor][] {
  const tensors: [string, Tensor][] = [];
  lookThrough(module, (name, part) => {
    if (part instanceof Tensor && (isParameter(part) || isBuffer(part))) tensors.push([name, part]);
  });
  return tensors;
}

/** A container in a module, or the module itself, with its direct contents. */
export interface Holder {
  readonly entries: readonly (readonly [key: unknown, value: unknown])[];
  /** Replaces one part by another; null where there are no places (a Set). */
  readonly put: ((key: unknown, value: unknown) => void) | null;
}

/** The module's properties, and every container in it. */
export function holdersOf(module: Part): Holder[] {
  const holders: Holder[] = [propertiesOf(module)];
  const seen = new Set<object>();
  for (let i = 0; i < holders.length; i++) {
    for (const [, value] of holders[i].entries) {
      if (typeof value !== "object" || value === null || seen.has(value)) continue;
      if (!isContainer(value)) continue;
      seen.add(value);
      if (value instanceof Map) holders.push({ entries: [...value], put: (key, part) => value.set(key, part) });
      else if (value instanceof Set) holders.push({ entries: [...value.entries()], put: null });
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

/** `runningMean` → `running_mean`. Places in containers, after the first dot, are left unchanged; `.Cat.0` → `Cat.0`. */
export function snakeCase(name: string): string {
  const dot = name.indexOf(".");
  // A property without a name: its members have theirs to themselves.
  if (dot === 0) return name.slice(1);
  if (dot > 0) return snakeCase(name.slice(0, dot)) + name.slice(dot);
  return /[A-Z]/.test(name) ? name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`) : name;
}

/**
 * Adds a module and all below it to `parts`; `above` has the modules around it. Returns whether two parts may share a
 * name.
 *
 * A network of 1202 layers has 14,000 names, and some programs search it in every step. Comparing all names takes twice
 * as long as finding them. But names below two parts of one module can only be equal if the parts' own names are equal,
 * or one continues the other, as "a.b" does "a": only that is checked here.
 */
function visit(module: Part, path: string, above: Part[], parts: Parts): boolean {
  if (above.includes(module)) throw circle(module, path, above, parts);
  parts.modules.push([path, module]);
  above.push(module);
  const names = new Set<string>();
  let members = 0;
  let dots = false;
  let ambiguous = false;
  const place = (name: string): string => {
    members++;
    const own = snakeCase(name);
    names.add(own);
    if (own.includes(".")) dots = true;
    return path === "" ? own : `${path}.${own}`;
  };
  for (const [name, t] of tensorsOf(module)) {
    const entry: [string, Tensor] = [place(name), t];
    parts.tensors.push(entry);
    if (isParameter(t)) parts.parameters.push(entry);
  }
  for (const [name, child] of module.namedChildren()) {
    // A class may name its parts itself.
    if (!isPart(child)) checkPart(`${module.constructor.name}.namedChildren`, child);
    if (visit(child, place(name), above, parts)) ambiguous = true;
  }
  above.pop();
  return ambiguous || names.size < members || (dots && continued(names));
}

/** Whether one of the names is another name followed by a dot and more. */
function continued(names: ReadonlySet<string>): boolean {
  for (const name of names) {
    for (let dot = name.indexOf("."); dot >= 0; dot = name.indexOf(".", dot + 1)) {
      if (names.has(name.slice(0, dot))) return true;
    }
  }
  return false;
}

function checkNames(root: Part, { modules, tensors }: Parts): void {
  const parts = new Map<string, object>();
  for (const [name, part] of [...modules, ...tensors]) {
    const other = parts.get(name);
    if (other !== undefined && other !== part) throw sameName(root, name);
    parts.set(name, part);
  }
}

/** Calls `found` with every module and tensor in the module's properties and in their containers. */
function lookThrough(module: Part, found: (name: string, part: Part | Tensor) => void): void {
  const properties = module as unknown as Record<string, unknown>;
  for (const name of Object.keys(properties)) {
    const value = properties[name];
    if (typeof value === "object" && value !== null) search(module, value, name, [], found);
  }
}

function search(
  module: Part,
  value: object,
  name: string,
  inside: readonly object[],
  found: (name: string, part: Part | Tensor) => void,
): void {
  if (value instanceof Tensor || isPart(value)) {
    found(name, value);
    return;
  }
  if (isForeign(value)) throw new UsageError(`${module.constructor.name}.${name}: is ${describe(value)}`);
  if (!isContainer(value)) return;
  if (inside.includes(value)) {
    throw new ValueError(
      `${module.constructor.name}: ${name} is a container that contains itself, so its parts have endless names: keep one of the two in a #private field`,
    );
  }
  const within = [...inside, value];
  eachMember(value, (key, member) => search(module, member, `${name}.${key}`, within, found));
}

function isContainer(value: object): boolean {
  return Array.isArray(value) || value instanceof Map || value instanceof Set || isPlainObject(value);
}

/** Calls `found` with the objects in a container, and the part of a name that gives each one's place. */
function eachMember(container: object, found: (key: string | number, member: object) => void): void {
  const show = (key: string | number, member: unknown): void => {
    if (typeof member === "object" && member !== null) found(key, member);
  };
  if (Array.isArray(container) || container instanceof Set) {
    let i = 0;
    for (const member of container) show(i++, member);
  } else if (container instanceof Map) {
    let i = 0;
    for (const [key, member] of container) {
      // A key without a name is replaced by its position.
      show(typeof key === "object" || typeof key === "symbol" ? i : `${key}`, member);
      i++;
    }
  } else {
    const properties = container as Readonly<Record<string, unknown>>;
    for (const key of Object.keys(properties)) show(key, properties[key]);
  }
}

/** Two parts are called `name`: look up now which they are. */
function sameName(root: Part, name: string): ValueError {
  const places: string[] = [];
  const look = (module: Part, path: string): void => {
    const members = [...tensorsOf(module), ...module.namedChildren()];
    for (const [member, part] of members) {
      const full = path === "" ? snakeCase(member) : `${path}.${snakeCase(member)}`;
      if (full === name) places.push(`${path === "" ? "" : `${path}.`}${member}`);
      if (!(part instanceof Tensor) && name.startsWith(`${full}.`)) look(part, full);
    }
  };
  look(root, "");
  return new ValueError(
    `${root.constructor.name}: two parts have the name "${name}" (${[...new Set(places)].join(" and ")}), so one of them would be neither trained nor saved: rename one`,
  );
}

function circle(module: Part, path: string, above: readonly Part[], { modules }: Parts): ValueError {
  const [outer] = modules.filter(([, other]) => other === module).at(-1)!;
  const which = outer === "" ? "itself" : `"${outer}", which it is in`;
  return new ValueError(
    `${above[0].constructor.name}: a circle: its part "${path}" is the ${module.constructor.name} ${which}, so its parts never end. A back reference is not a part: keep it in a #private field or a WeakRef`,
  );
}
