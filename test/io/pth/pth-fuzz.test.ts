/** Random damage to PyTorch's files: a FormatError, or tensors that are what they say. */
import { expect, test } from "vitest";
import { readPth } from "../../../src/io/index.ts";
import { readNow } from "../../../src/io/source.ts";
import { joinChunks } from "../../../src/io/writing.ts";
import { readZipDirectory, readZipEntry } from "../../../src/io/zip/read.ts";
import { type ZipItem, zipChunks } from "../../../src/io/zip/write.ts";
import { Rng } from "../../../src/tensor/index.ts";
import { sizeOf } from "../../../src/tensor/shape.ts";
import { goldenFile } from "../files.ts";
import { mutate, repeat, runReader } from "../mutations.ts";

const zips = [
  "state_dict",
  "checkpoint_nested",
  "protocol5",
  "types",
  "views",
  "prefixes",
  "best_tensor",
  "namespace",
  "explosion",
  "script",
  "foreign_types",
  "deflated",
  "tied",
];
const zipFiles = zips.map((name) => goldenFile(`${name}.pth`));
/** Damage to numbers goes unnoticed in the first, and is noticed in the others. */
const allZips = [goldenFile("no_checksums.pth"), ...zipFiles];
const legacy = [goldenFile("legacy_views.pth"), goldenFile("legacy_not_zip.pth")];

/** Reads every tensor in every form. Throws where one is not what it says. */
function readAll(bytes: Uint8Array, round: number): number {
  const file = readPth(bytes, { unknownObjects: round % 2 ? "skip" : "refuse" });
  for (const [name, { dtype, shape }] of file.entries) {
    const stored = file.stored(name);
    if (stored.dtype !== dtype || stored.values.length !== sizeOf(shape))
      throw new Error(`${name} is not what it says`);
  }
  file.stateDict();
  return file.entries.size;
}

/** The entries of an archive, to be changed and packed again with checksums that are right. */
function unpack(bytes: Uint8Array): ZipItem[] {
  const file = { name: "x", size: bytes.length };
  const entries = readNow(bytes, readZipDirectory(file));
  return [...entries.values()].map((entry) => ({ name: entry.name, bytes: readNow(bytes, readZipEntry(file, entry)) }));
}

const unpacked = zipFiles.map(unpack);

/** Damages the pickle alone, so that the checksum does not give it away. */
function damagePickle(round: number, rng: Rng): Uint8Array {
  return joinChunks(
    zipChunks(
      unpacked[round % unpacked.length].map(({ name, bytes }) => ({
        name,
        bytes: name.endsWith("data.pkl") ? mutate(bytes, rng) : bytes,
      })),
    ),
  );
}

test.each<[string, (round: number, rng: Rng) => Uint8Array, number]>([
  ["zip archives", (round, rng) => mutate(allZips[round % allZips.length], rng), 100],
  ["the pickle, with a new checksum", damagePickle, 100],
  ["files from before 1.6", (round, rng) => mutate(legacy[round % legacy.length], rng), 100],
])("10,000 changes of %s", (_, damage, atLeast) => {
  let accepted = 0;
  repeat(10_000, (round) => {
    const bytes = damage(round, new Rng(round));
    if (runReader(bytes, () => readAll(bytes, round)) !== undefined) accepted++;
  });
  // Both outcomes must occur, or the test tests nothing.
  expect(accepted).toBeGreaterThan(atLeast);
  expect(accepted).toBeLessThan(9_900);
});
