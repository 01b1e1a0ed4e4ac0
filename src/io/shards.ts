/** Weights in several files, as one: large models are stored in shards (`model-00001-of-00002.safetensors`, …). */
import type { StateDict } from "../nn/module.ts";
import { ValueError } from "../tensor/errors.ts";
import { FormatError, quote } from "./errors.ts";
import { renameEntries } from "./names/rules.ts";
import { stripPrefix } from "./prefix.ts";
import type { LazyWeightFile, ReadOptions, TensorEntry, WeightFile, WeightIndex } from "./weight-file.ts";

/** Where a tensor is: which shard, and its name there. */
interface Shard<File> extends TensorEntry {
  readonly file: File;
  readonly inside: string;
}

/** Several open files as one. Their names must be those in the files: prefixes and rules are for all of them together. */
export function joinLazily(files: readonly LazyWeightFile[], options: ReadOptions): LazyWeightFile {
  const { index, find, shards } = join(files, options);
  return {
    ...index,
    tensor: async (name) => {
      const { file, inside } = find(name);
      return await file.tensor(inside);
    },
    stored: async (name) => {
      const { file, inside } = find(name);
      return await file.stored(inside);
    },
    stateDict: async () => {
      const states = new Map<LazyWeightFile, StateDict>();
      for (const file of files) states.set(file, await file.stateDict());
      return stateOf(shards, states);
    },
    close: async () => {
      for (const file of files) await file.close();
    },
  };
}

/** The same for files in memory. */
export function joinFiles(files: readonly WeightFile[], options: ReadOptions): WeightFile {
  const { index, find, shards } = join(files, options);
  return {
    ...index,
    tensor: (name) => {
      const { file, inside } = find(name);
      return file.tensor(inside);
    },
    stored: (name) => {
      const { file, inside } = find(name);
      return file.stored(inside);
    },
    stateDict: () => stateOf(shards, new Map(files.map((file) => [file, file.stateDict()]))),
  };
}

interface Joined<File> {
  readonly index: WeightIndex;
  readonly shards: ReadonlyMap<string, Shard<File>>;
  readonly find: (name: string) => Shard<File>;
}

function join<File extends WeightIndex>(files: readonly File[], options: ReadOptions): Joined<File> {
  const name = options.name ?? `${files[0].name} and ${files.length - 1} more`;
  const info = { name, size: 0 };
  const found = new Map<string, Shard<File>>();
  for (const file of files) {
    for (const [inside, { dtype, shape }] of file.entries) {
      const other = found.get(inside);
      if (other) throw new FormatError(`${name}: ${quote(inside)} is in both ${other.file.name} and ${file.name}`);
      found.set(inside, { dtype, shape, file, inside });
    }
  }
  const short = stripPrefix(found, options.stripPrefix, info);
  const shards = options.rename ? renameEntries(short, options.rename, info) : short;
  const index: WeightIndex = {
    name,
    format: files[0].format,
    metadata: new Map(files.flatMap((file) => [...file.metadata])),
    entries: new Map([...shards].map(([key, { dtype, shape }]) => [key, { dtype, shape }])),
    ignored: files.flatMap((file) => file.ignored),
    leftOut: [...new Set(files.flatMap((file) => file.leftOut))],
  };
  const find = (key: string): Shard<File> => {
    const shard = shards.get(key);
    if (shard) return shard;
    throw new ValueError(`${name}: there is no tensor ${quote(String(key))}`);
  };
  return { index, shards, find };
}

function stateOf<File>(shards: ReadonlyMap<string, Shard<File>>, states: ReadonlyMap<File, StateDict>): StateDict {
  // Without a prototype, so that "__proto__" is an ordinary name.
  const state = Object.create(null) as StateDict;
  for (const [name, { file, inside }] of shards) state[name] = states.get(file)![inside];
  return state;
}
