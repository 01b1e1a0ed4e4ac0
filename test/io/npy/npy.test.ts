/** NumPy's files, read and written. test/golden/npz/make.py made the files. */
import { describe, expect, test } from "vitest";
import { FormatError, openWeights, readPth, readWeights, writeNpy, writeNpz } from "../../../src/io/index.ts";
import { Rng, tensor } from "../../../src/tensor/index.ts";
import { sizeOf } from "../../../src/tensor/shape.ts";
import { goldenFile, goldenJson } from "../files.ts";
import { mutate, repeat, runReader } from "../mutations.ts";

interface Expected {
  readonly dtype: string;
  readonly shape: readonly number[];
  readonly values: readonly string[];
}

const files = goldenJson<Record<string, Record<string, Expected>>>("npz/expected.json");
/** Python's texts of numbers: True is 1. */
const numberOf = (text: string): string => String(text === "True" ? 1 : text === "False" ? 0 : Number(text));

describe("golden: files of NumPy's", () => {
  test.each(Object.entries(files))("%s", async (name, expected) => {
    const file = readWeights(goldenFile(name));
    expect(file.format).toBe(name.split(".").pop());
    expect([...file.entries.keys()]).toEqual(Object.keys(expected));
    const lazily = await openWeights(goldenFile(name));
    for (const [key, { dtype, shape, values }] of Object.entries(expected)) {
      const stored = file.stored(key);
      expect([stored.dtype, stored.shape], key).toEqual([dtype, shape]);
      expect(
        [...stored.values].map((x) => String(Number(x))),
        key,
      ).toEqual(values.map(numberOf));
      expect(await lazily.stored(key), key).toEqual(stored);
    }
  });

  test("an int64 is exact", () => {
    expect(readWeights(goldenFile("types.npz")).stored("least").values).toEqual(BigInt64Array.of(-(2n ** 63n)));
  });

  test.each([
    [
      "objects.npy",
      `x: header of .npy: numbers of type "'|O'": it holds Python objects, which would have to be unpickled`,
    ],
    ["complex.npy", `x: header of .npy: numbers of type "'<c16'", known are f8, f4, f2, i8`],
    ["text.npy", `numbers of type "'<U2'"`],
    ["fields.npy", `numbers of type "[('a', '<i4'), ('b', '<f8')]"`],
  ])("%s is refused", (name, message) => {
    expect(() => readWeights(goldenFile(name), { name: "x" })).toThrow(FormatError);
    expect(() => readWeights(goldenFile(name), { name: "x" })).toThrow(message);
  });

  test("readPth says that an archive of arrays is another one", () => {
    expect(() => readPth(goldenFile("unnamed.npz"), { name: "x" })).toThrow(
      "x: a zip archive, but not from torch.save",
    );
  });
});

describe("what is written comes back", () => {
  const state = {
    "layer1.0.weight": tensor([
      [1.5, -0],
      [3, Number.NaN],
    ]),
    "bn.num_batches_tracked": tensor(7),
    none: tensor([], [0, 3]),
    row: tensor([1, 2, 3]),
  };

  test.each(["float64", "float32", "float16"] as const)("%s", (dtype) => {
    const file = readWeights(writeNpz(state, { dtype }));
    expect(file.format).toBe("npz");
    expect(Object.fromEntries([...file.entries].map(([name, { dtype, shape }]) => [name, [dtype, shape]]))).toEqual({
      "layer1.0.weight": [dtype, [2, 2]],
      "bn.num_batches_tracked": ["int64", []],
      none: [dtype, [0, 3]],
      row: [dtype, [3]],
    });
    expect(file.stateDict()["layer1.0.weight"].toArray()).toEqual([
      [1.5, -0],
      [3, Number.NaN],
    ]);
  });

  test("the bytes are NumPy's own", () => {
    const bytes = writeNpy({ dtype: "uint8", shape: [3], values: Uint8Array.of(0, 1, 2) });
    expect(Buffer.from(bytes).toString("latin1")).toBe(
      `\x93NUMPY\x01\x00\x76\x00{'descr': '|u1', 'fortran_order': False, 'shape': (3,), }${" ".repeat(60)}\n\x00\x01\x02`,
    );
  });

  test("types that NumPy has not are refused before anything is written", () => {
    expect(() => writeNpz(state, { dtype: "bfloat16" })).toThrow(
      'writeNpz: "layer1.0.weight": NumPy has no bfloat16, only',
    );
    expect(() => writeNpy(tensor(1), { dtype: "float8_e5m2" })).toThrow("NumPy has no float8_e5m2");
  });
});

test("errors name the place", () => {
  const whole = writeNpy(tensor([1, 2, 3]));
  const message =
    (bytes: Uint8Array): (() => unknown) =>
    () =>
      readWeights(bytes, { name: "x" });
  expect(message(whole.subarray(0, -1))).toThrow("x: the array should have 12 bytes after the header, but has 11");
  expect(message(whole.subarray(0, 100))).toThrow("x: truncated: the header of .npy has 128 bytes");
  const version = whole.slice();
  version[6] = 9;
  expect(message(version)).toThrow("x: version 9 of .npy, known are 1 to 3");
  const long = whole.slice();
  long[6] = 2;
  expect(message(long)).toThrow("x: header of .npy: 662372482 bytes, the maximum is 65536");
});

test("random damage: a FormatError, or arrays that are what they say", () => {
  const sources = [goldenFile("types.npz"), goldenFile("compressed.npz"), goldenFile("matrix.npy")];
  const rng = new Rng(3);
  let read = 0;
  repeat(400, (round) => {
    const bytes = mutate(sources[round % 3], rng);
    const sizes = runReader(bytes, () => {
      const file = readWeights(bytes);
      return [...file.entries].map(([name, { shape }]) => file.stored(name).values.length - sizeOf(shape));
    });
    expect(new Set(sizes ?? [0])).toEqual(new Set([0]));
    if (sizes) read++;
  });
  expect(read).toBeGreaterThan(20);
});
