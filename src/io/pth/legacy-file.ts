/**
 * The format of `torch.save` before PyTorch 1.6, in which many of torchvision's weights still are: consecutive pickles,
 * then the storages.
 *
 *     a pickle each of   a magic number; the protocol version, 1001; the machine's properties;
 *                        the object, in which each storage is only referred to by a key; the keys in the storages' order
 *     per storage        number of elements: int64; the numbers. Everything little-endian
 *
 * (torch/serialization.py, `_legacy_save`.) The pickles' lengths are only known by running them.
 */
import { dtypes } from "../dtypes.ts";
import { FormatError, quote } from "../errors.ts";
import { type FileInfo, type Reading, readRange } from "../source.ts";
import { spanOf } from "../strided.ts";
import type { Contents, Place } from "../weight-file.ts";
import { leftOut, type PthOptions, pickleBudget } from "./options.ts";
import { unpickle } from "./pickle.ts";
import { PickleEnd } from "./pickle-cursor.ts";
import type { Pickled } from "./pickled.ts";
import { type FindState, findStateDict } from "./state-dict.ts";
import { type PickledTensor, type Storage, storageOf, torchGlobal, windowOf } from "./torch-objects.ts";

const MAGIC = 0x1950a86a20f9469cfc6cn;
const PROTOCOL = 1001;

/** The magic number's bytes, low ones first; how they are introduced depends on the pickle's protocol. */
const MAGIC_BYTES = "l\xfc\x9cF\xf9 j\xa8P\x19";

export function* readLegacyContents(
  file: FileInfo,
  options: PthOptions,
  find: FindState = findStateDict,
): Reading<Contents> {
  yield* checkMagic(file);
  const { root, keys, storages, end, left } = yield* readPickles(file, options);
  const starts = new Map<string, number>();
  let at = end;
  for (const key of keys) {
    const storage = typeof key === "string" ? storages.get(key) : undefined;
    if (!storage || starts.has(storage.key))
      throw new FormatError(`${file.name}: the list of storages has a wrong or repeated key`);
    starts.set(storage.key, at + 8);
    at += 8 + storage.byteLength;
  }
  if (at > file.size) {
    throw new FormatError(`${file.name}: truncated: the storages end at offset ${at}, but the file at ${file.size}`);
  }
  const { tensors, metadata, ignored } = find(root, options.key, file);
  const entries = new Map(
    [...tensors].map(([name, tensor]): [string, Place] => {
      const start = starts.get(tensor.storage.key);
      if (start === undefined)
        throw new FormatError(`${file.name}: storage ${quote(tensor.storage.key)} is not in the file`);
      return [name, placeOf(tensor, start, file)];
    }),
  );
  return { format: "pth", metadata, entries, ignored, leftOut: left };
}

/** A pickle of something else, such as CIFAR's, is not run at all: its errors would speak of Python objects. */
function* checkMagic(file: FileInfo): Reading<void> {
  if (file.size < 32) return;
  const start = yield* readRange(file, 0, 32, "the magic number");
  if (!String.fromCharCode(...start).includes(MAGIC_BYTES)) throw notFromTorch(file);
}

function notFromTorch({ name }: FileInfo): FormatError {
  return new FormatError(
    `${name}: a pickle, but not from torch.save: weights are saved by torch.save(model.state_dict(), path), or as .npz`,
  );
}

interface Pickles {
  readonly root: Pickled;
  readonly keys: readonly Pickled[];
  readonly storages: ReadonlyMap<string, Storage>;
  readonly end: number;
  /** The unknown objects, by name. */
  readonly left: readonly string[];
}

function* readPickles(file: FileInfo, options: PthOptions): Reading<Pickles> {
  for (let length = 1 << 16; ; length *= 4) {
    const bytes = yield* readRange(file, 0, Math.min(length, file.size), "the pickles");
    try {
      return runPickles(bytes, file, options);
    } catch (error) {
      if (!(error instanceof PickleEnd) || length >= file.size) throw error;
    }
  }
}

function runPickles(bytes: Uint8Array, file: FileInfo, options: PthOptions): Pickles {
  const storages = new Map<string, Storage>();
  const left = leftOut(options);
  let at = 0;
  const next = (what: string): Pickled => {
    const { value, end } = unpickle(
      bytes,
      {
        name: `${file.name}: ${what}`,
        findGlobal: (name) => torchGlobal(name, left),
        persistentLoad: (id, fail) => {
          const storage = storageOf(id, fail);
          const known = storages.get(storage.key) ?? storage;
          if (known.byteLength !== storage.byteLength) fail(`storage ${quote(storage.key)} has two lengths`);
          storages.set(storage.key, storage);
          return storage;
        },
        budget: pickleBudget(file.size),
      },
      at,
    );
    at = end;
    return value;
  };
  if (next("the magic number") !== MAGIC) throw notFromTorch(file);
  const protocol = next("the protocol version");
  if (protocol !== PROTOCOL) throw new FormatError(`${file.name}: unknown protocol version, only ${PROTOCOL} is known`);
  next("the machine's properties");
  const root = next("the object");
  const keys = next("the list of storages");
  if (!Array.isArray(keys)) throw new FormatError(`${file.name}: the list of storages is not a list`);
  return { root, keys, storages, end: at, left: [...(left ?? [])] };
}

function placeOf(tensor: PickledTensor, start: number, file: FileInfo): Place {
  const { dtype, shape, strides, offset, storage } = tensor;
  const width = dtypes[dtype].bytes;
  return {
    dtype,
    shape,
    strides,
    littleEndian: true,
    window: windowOf(tensor),
    *read() {
      const what = `storage ${quote(storage.key)}`;
      const prefix = yield* readRange(file, start - 8, 8, what);
      const count = Number(new DataView(prefix.buffer, prefix.byteOffset).getBigUint64(0, true));
      const expected = storage.byteLength / (storage.dtype ? dtypes[storage.dtype].bytes : 1);
      if (count !== expected) {
        throw new FormatError(
          `${file.name}: ${what} should have ${expected} elements, at offset ${start - 8} it has ${count}`,
        );
      }
      return yield* readRange(file, start + offset * width, spanOf(shape, strides) * width, what);
    },
  };
}
