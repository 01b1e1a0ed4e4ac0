/**
 * The format of `torch.save` since PyTorch 1.6: a zip archive (../zip/read.ts) whose entries all lie in one folder.
 *
 *     NAME/data.pkl      a pickle of the object, in which each storage is only referred to by a key
 *     NAME/data/KEY      the numbers of that storage
 *     NAME/byteorder     "little" or "big" (absent before 2.1: little)
 *     NAME/version, …    of no interest here
 *
 * TorchScript's archives look alike, and have NAME/constants.pkl and NAME/code/… as well.
 */
import { dtypes } from "../dtypes.ts";
import { FormatError, quote } from "../errors.ts";
import { type FileInfo, type Reading, readRange } from "../source.ts";
import { spanOf } from "../strided.ts";
import { decodeUtf8 } from "../utf8.ts";
import type { Contents, Place } from "../weight-file.ts";
import { readZipDirectory, readZipEntry, unpackedSize, type ZipEntry, zipEntryStart } from "../zip/read.ts";
import { leftOut, type PthOptions, pickleBudget } from "./options.ts";
import { unpickle } from "./pickle.ts";
import { type FindState, findStateDict } from "./state-dict.ts";
import { type PickledTensor, storageOf, torchGlobal, windowOf } from "./torch-objects.ts";

export function* readZipContents(file: FileInfo, options: PthOptions, find?: FindState): Reading<Contents> {
  return yield* readArchiveContents(file, yield* readZipDirectory(file), options, find);
}

/** The same for an archive whose directory is known. */
export function* readArchiveContents(
  file: FileInfo,
  zip: ReadonlyMap<string, ZipEntry>,
  options: PthOptions,
  find: FindState = findStateDict,
): Reading<Contents> {
  const unpacked = unpackedSize(file, zip);
  const pickle = findPickle(zip, file);
  const folder = pickle.name.slice(0, -"data.pkl".length);
  const littleEndian = yield* readByteOrder(zip.get(`${folder}byteorder`), file);
  const bytes = yield* readZipEntry(file, pickle);
  const left = leftOut(options);
  const { value } = unpickle(bytes, {
    name: `${file.name}: ${pickle.name}`,
    findGlobal: (name) => torchGlobal(name, left),
    persistentLoad: (id, fail) => {
      const storage = storageOf(id, fail);
      const entry = zip.get(`${folder}data/${storage.key}`);
      if (!entry) return fail(`the archive has no storage ${quote(storage.key)}`);
      if (storage.byteLength !== entry.size) {
        fail(
          `storage ${quote(storage.key)} should have ${storage.byteLength} bytes, but the archive has ${entry.size}`,
        );
      }
      return storage;
    },
    budget: pickleBudget(unpacked),
  });
  const { tensors, metadata, ignored } = find(value, options.key, file);
  const entries = new Map(
    [...tensors].map(([name, tensor]): [string, Place] => {
      const storage = zip.get(`${folder}data/${tensor.storage.key}`)!;
      return [name, placeOf(tensor, storage, littleEndian, file)];
    }),
  );
  return { format: "pth", metadata, entries, ignored, leftOut: [...(left ?? [])], unpacked };
}

function findPickle(zip: ReadonlyMap<string, ZipEntry>, file: FileInfo): ZipEntry {
  const pickles = [...zip.values()].filter(({ name }) => /^[^/]+\/data\.pkl$/.test(name));
  const isProgram = (name: string): boolean => /^[^/]+\/(constants\.pkl|bytecode\.pkl|code\/.*)$/.test(name);
  if ([...zip.keys()].some(isProgram)) {
    throw new FormatError(
      `${file.name}: a TorchScript program (torch.jit.save), not a state dict. In Python, torch.save(torch.jit.load(path).state_dict(), new_path) writes its weights`,
    );
  }
  if (pickles.length !== 1) {
    const some = [...zip.keys()].slice(0, 5).map(quote).join(", ");
    throw new FormatError(
      `${file.name}: a zip archive, but not from torch.save: it has ${pickles.length} entries NAME/data.pkl, and begins with ${some || "nothing"}`,
    );
  }
  return pickles[0];
}

function* readByteOrder(entry: ZipEntry | undefined, file: FileInfo): Reading<boolean> {
  if (!entry) return true;
  if (entry.size > "little".length) throw new FormatError(`${file.name}: ${quote(entry.name)} has ${entry.size} bytes`);
  const order = decodeUtf8(yield* readZipEntry(file, entry)) ?? "";
  if (order !== "little" && order !== "big") {
    throw new FormatError(`${file.name}: the byte order must be "little" or "big", got ${quote(order)}`);
  }
  return order === "little";
}

function placeOf(tensor: PickledTensor, storage: ZipEntry, littleEndian: boolean, file: FileInfo): Place {
  const { dtype, shape, strides, offset } = tensor;
  const width = dtypes[dtype].bytes;
  const length = spanOf(shape, strides) * width;
  return {
    dtype,
    shape,
    strides,
    littleEndian,
    window: windowOf(tensor),
    ...(storage.method === 0 ? {} : { cost: storage.size }),
    *read() {
      // The checksum covers the whole storage: it can check a tensor that is all of it.
      if (length === storage.size) return yield* readZipEntry(file, storage);
      // Compressed bytes cannot be read from the middle.
      if (storage.method !== 0) {
        return (yield* readZipEntry(file, storage)).slice(offset * width, offset * width + length);
      }
      const start = yield* zipEntryStart(file, storage);
      return yield* readRange(file, start + offset * width, length, quote(storage.name));
    },
  };
}
