/** Random damage to safetensors files: a FormatError, or what the damaged file says, read by an independent definition. */
import { expect, test } from "vitest";
import { encodeValues } from "../../src/io/dtypes.ts";
import { readPth, readSafetensors, type StoredTensor, type WeightFile, writeSafetensors } from "../../src/io/index.ts";
import { dtypeNames } from "../../src/io/safetensors/format.ts";
import { Rng } from "../../src/tensor/index.ts";
import { goldenFile } from "./files.ts";
import { mutate, repeat, runReader, splice } from "./mutations.ts";

const types = readPth(goldenFile("types.pth"));
const everyType = writeSafetensors(new Map([...types.entries.keys()].map((name) => [name, types.stored(name)])));
const bases = [goldenFile("valid.safetensors"), everyType];

/** What a header may be changed to without ceasing to be JSON. */
const tokens = [
  "0",
  "-1",
  "1e3",
  "9007199254740993",
  "[]",
  "[0,0]",
  "{}",
  "null",
  '"F32"',
  '"U8"',
  '"dtype"',
  '"__proto__"',
  '"shape"',
];

/** Replaces a number, text or bracket of the header by another, and puts the header's length right. */
function editHeader(bytes: Uint8Array, rng: Rng): Uint8Array {
  const length = Number(new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0, true));
  const header = Buffer.from(bytes.subarray(8, 8 + length)).toString();
  const spans = [...header.matchAll(/"[^"]*"|\d+|[{}[\],:]/g)];
  const { index, 0: token } = spans[rng.integer(spans.length)];
  const donor = rng.integer(2) ? tokens[rng.integer(tokens.length)] : spans[rng.integer(spans.length)][0];
  const edited = new TextEncoder().encode(header.slice(0, index) + donor + header.slice(index + token.length));
  const file = splice(bytes, 8, length, edited);
  new DataView(file.buffer).setBigUint64(0, BigInt(edited.length), true);
  return file;
}

/** Everything in the file: every tensor, in every form. */
function readAll(bytes: Uint8Array): { file: WeightFile; stored: Map<string, StoredTensor> } {
  const file = readSafetensors(bytes, { stripPrefix: false });
  file.stateDict();
  return { file, stored: new Map([...file.entries.keys()].map((name) => [name, file.stored(name)])) };
}

/** The format in three lines: the header is JSON, and each tensor's bytes are where it says. */
function agreesWithDefinition(bytes: Uint8Array, { file, stored }: ReturnType<typeof readAll>): boolean {
  const length = Number(new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0, true));
  const header = JSON.parse(Buffer.from(bytes.subarray(8, 8 + length)).toString()) as Record<
    string,
    { dtype: string; shape: number[]; data_offsets: number[] }
  >;
  const tensors = Object.entries(header).filter(([name]) => name !== "__metadata__");
  return (
    tensors.length === stored.size &&
    JSON.stringify(Object.fromEntries(file.metadata)) === JSON.stringify(header["__metadata__"] ?? {}) &&
    tensors.every(([name, { dtype, shape, data_offsets }]) => {
      const tensor = stored.get(name)!;
      const [begin, end] = data_offsets.map((offset) => 8 + length + offset);
      const data = bytes.subarray(begin, end).map((byte) => (dtype === "BOOL" ? Number(byte !== 0) : byte));
      return (
        dtypeNames[tensor.dtype] === dtype &&
        tensor.shape.join() === shape.join() &&
        Buffer.compare(encodeValues(tensor.dtype, tensor.values), data) === 0
      );
    })
  );
}

test.each([
  ["bytes at random", mutate],
  ["the header's tokens", editHeader],
])("10,000 changes of %s", (_, damage) => {
  let accepted = 0;
  repeat(10_000, (round) => {
    const rng = new Rng(round);
    const bytes = damage(bases[round % bases.length], rng);
    const result = runReader(bytes, () => readAll(bytes));
    if (!result) return;
    accepted++;
    if (!agreesWithDefinition(bytes, result)) throw new Error("what was read is not what the file says");
  });
  // Both outcomes must occur, or the test tests nothing.
  expect(accepted).toBeGreaterThan(100);
  expect(accepted).toBeLessThan(9_900);
});
