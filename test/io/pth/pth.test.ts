import { describe, expect, test } from "vitest";
import { type DType, FormatError, openPth, readPth, type StoredTensor, writePth } from "../../../src/io/index.ts";
import { joinChunks } from "../../../src/io/writing.ts";
import { zipChunks } from "../../../src/io/zip/write.ts";
import { tensor } from "../../../src/tensor/index.ts";
import { type ExpectedTensor, goldenFile, goldenJson, isAsExpected } from "../files.ts";

const bytesOf = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text, "latin1"));

/** An archive as `torch.save` makes it, of a pickle given as text, and storages. */
function archive(
  pickle: string,
  storages: Readonly<Record<string, ArrayLike<number>>> = {},
  byteOrder = "little",
): Uint8Array {
  return joinChunks(
    zipChunks([
      { name: "x/data.pkl", bytes: bytesOf(pickle) },
      { name: "x/byteorder", bytes: bytesOf(byteOrder) },
      ...Object.entries(storages).map(([key, numbers]) => ({ name: `x/data/${key}`, bytes: Uint8Array.from(numbers) })),
    ]),
  );
}

const count = (n: number): string => `K${String.fromCharCode(n)}`;
const text = (value: string): string => `U${String.fromCharCode(value.length)}${value}`;
const tuple = (values: readonly number[]): string => `(${values.map(count).join("")}t`;

/** The opcodes of a tensor on storage `key`. */
function tensorOps(
  shape: readonly number[],
  strides: readonly number[],
  { offset = 0, key = "0", type = "ShortStorage", elements = 6 } = {},
): string {
  const storage = `(${text("storage")}ctorch\n${type}\n${text(key)}${text("cpu")}${count(elements)}tQ`;
  return `ctorch._utils\n_rebuild_tensor_v2\n(${storage}${count(offset)}${tuple(shape)}${tuple(strides)}\x89}tR`;
}

/** A state dict of one tensor on six int16: 1 to 6. */
function oneTensor(ops: string, byteOrder = "little"): Uint8Array {
  const [low, high] = byteOrder === "little" ? [0, 1] : [1, 0];
  const numbers = new Uint8Array(12);
  for (let i = 0; i < 6; i++) numbers[2 * i + low] = i + 1;
  expect(numbers[high]).toBe(0);
  return archive(`}${text("w")}${ops}s.`, { 0: numbers }, byteOrder);
}

describe("views become tensors of their own", () => {
  test.each([
    [
      "[[1, 2, 3], [4, 5, 6]]",
      [2, 3],
      [3, 1],
      0,
      [
        [1, 2, 3],
        [4, 5, 6],
      ],
    ],
    [
      "its transpose",
      [3, 2],
      [1, 3],
      0,
      [
        [1, 4],
        [2, 5],
        [3, 6],
      ],
    ],
    ["its second row", [3], [1], 3, [4, 5, 6]],
    [
      "its corners",
      [2, 2],
      [3, 2],
      0,
      [
        [1, 3],
        [4, 6],
      ],
    ],
    [
      "one number repeated",
      [2, 3],
      [0, 0],
      4,
      [
        [5, 5, 5],
        [5, 5, 5],
      ],
    ],
    ["a scalar", [], [], 5, 6],
    ["nothing", [0], [1], 0, []],
  ])("%s", (_, shape, strides, offset, expected) => {
    expect(
      readPth(oneTensor(tensorOps(shape, strides, { offset })))
        .tensor("w")
        .toArray(),
    ).toEqual(expected);
  });

  test("big-endian, as the file says", () => {
    const file = readPth(oneTensor(tensorOps([2, 3], [3, 1]), "big"));
    expect(file.stored("w").values).toEqual(Int16Array.of(1, 2, 3, 4, 5, 6));
  });
});

describe("golden: files of PyTorch's", () => {
  interface Expected {
    readonly expect?: string;
    readonly tensors?: Record<string, ExpectedTensor>;
  }
  const more = goldenJson<{ files: Record<string, Expected> }>("pth/more.json").files;
  const all = { ...goldenJson<Record<string, Expected>>("pth/expected.json"), ...more };
  const needOptions = ["explosion.pth", "two_models.pth", "namespace.pth"];

  test.each(Object.entries(all).filter(([name]) => !needOptions.includes(name)))("%s", async (name, expected) => {
    if (expected.expect === "reject") {
      expect(() => readPth(goldenFile(name), { name })).toThrow(FormatError);
      expect(() => readPth(goldenFile(name), { name })).toThrow(`${name}: `);
      return;
    }
    const now = readPth(goldenFile(name));
    const lazily = await openPth(goldenFile(name));
    expect([...now.entries.keys()]).toEqual(Object.keys(expected.tensors!));
    for (const [key, t] of Object.entries(expected.tensors!)) {
      const stored = now.stored(key);
      expect(isAsExpected(stored, withBits(stored, t)), key).toBe(true);
      expect(await lazily.stored(key)).toEqual(stored);
    }
    expect(Object.keys(now.stateDict())).toEqual(Object.keys(expected.tensors!));
  });

  /** more.json has floats as the bits of a float64. */
  function withBits({ dtype }: StoredTensor, expected: ExpectedTensor): ExpectedTensor {
    if (!expected.values || !dtype.includes("float")) return expected;
    const values = expected.values.map((bits) => String(Buffer.from(bits, "hex").readDoubleBE()));
    return { ...expected, values };
  }

  test("the numbers and texts beside the state dict", () => {
    expect(Object.fromEntries(readPth(goldenFile("checkpoint_nested.pth")).metadata)).toEqual({
      epoch: "3",
      best: "0.91",
      arch: "tiny",
    });
    expect(Object.fromEntries(readPth(goldenFile("best_tensor.pth")).metadata)).toEqual({
      epoch: "3",
      lr: "0.5",
      name: "tiny",
      device: "cpu",
    });
  });

  test("−0 and NaN of the small floats", () => {
    const { values } = readPth(goldenFile("types.pth")).stored("float8_e4m3fn");
    expect([...values]).toEqual([0, -0, 1.5, -448, 2 ** -9, Number.NaN]);
  });
});

describe("options", () => {
  test("key: which of several state dicts, also in a dict", () => {
    const two = goldenFile("two_models.pth");
    expect(() => readPth(two, { name: "x" })).toThrow(
      'x: no state dict found (names with tensors). It holds "generator" (a dict of 7), "critic" (a dict of 1). Choose one with the option key',
    );
    expect([...readPth(two, { key: "critic" }).entries.keys()]).toEqual(["w"]);
    expect(readPth(two, { key: "generator" }).entries.size).toBe(7);
    expect(() => readPth(two, { key: "generators" })).toThrow(
      'there is no dict under the key "generators". It holds "gen',
    );
    const nested = goldenFile("nested_twice.pth");
    expect(readPth(nested, { key: "model.state_dict" }).entries.size).toBe(7);
    expect(() => readPth(nested, { key: "model.epoch" })).toThrow('there is no dict under the key "model.epoch"');
  });

  test("unknownObjects: refused by name, or left out", () => {
    const file = goldenFile("namespace.pth");
    expect(() => readPth(file)).toThrow(
      '"argparse.Namespace" may not be loaded: only tensors and plain containers may',
    );
    expect(readPth(file, { unknownObjects: "skip" }).entries.size).toBe(7);
    expect(() => readPth(goldenFile("evil_os_system.pth"), { unknownObjects: "skip" })).toThrow("no state dict found");
  });

  test("stripPrefix: module. and _orig_mod. by themselves, others when asked", () => {
    const file = goldenFile("prefixes.pth");
    expect([...readPth(file).entries.keys()][0]).toBe("0.weight");
    expect([...readPth(file, { stripPrefix: false }).entries.keys()][0]).toBe("module._orig_mod.0.weight");
    expect([...readPth(file, { stripPrefix: "module." }).entries.keys()][0]).toBe("_orig_mod.0.weight");
  });
});

describe("a view of 40 GB in a file of 2 kB", () => {
  const file = readPth(goldenFile("explosion.pth"), { name: "x" });
  test("is listed, but neither it nor the state dict is built", () => {
    expect(file.entries.get("w")!.shape).toEqual([100000, 100000]);
    const message =
      'x: tensor "w" [100000,100000]: the tensors up to here take 40000000000 bytes, more than 4 times the';
    expect(() => file.tensor("w")).toThrow(message);
    expect(() => file.stored("w")).toThrow(message);
    expect(() => file.stateDict()).toThrow(message);
  });

  test("many views that are too large together", () => {
    const ops = Array.from({ length: 50 }, (_, i) => `${text(`w${i}`)}${tensorOps([150 + i, 1], [0, 1])}`).join("");
    const views = readPth(archive(`}(${ops}u.`, { 0: new Uint8Array(12) }));
    expect(views.tensor("w49").shape).toEqual([199, 1]);
    expect(() => views.stateDict()).toThrow(
      /w\d+" \[\d+,1\]: the tensors up to here take \d+ bytes, more than 4 times/,
    );
  });

  test("many small views, each of which reaches over all of a large storage", () => {
    const ops = Array.from({ length: 50 }, (_, i) => {
      const tensorOf = tensorOps([2], [100], { type: "ByteStorage", elements: 200 });
      return `${text(`w${i}`)}${tensorOf.replace(count(200), "M\xff\xff").replace(tuple([100]), `(M${String.fromCharCode(0xfe - i)}\xfft`)}`;
    }).join("");
    const views = readPth(archive(`}(${ops}u.`, { 0: new Uint8Array(65535) }));
    expect(views.tensor("w49").shape).toEqual([2]);
    expect(() => views.stateDict()).toThrow(/are read from \d+ bytes, more than 32 times the/);
  });
});

describe("errors", () => {
  const message = (bytes: Uint8Array): string => {
    try {
      readPth(bytes, { name: "x" }).stateDict();
    } catch (error) {
      expect(error).toBeInstanceOf(FormatError);
      return (error as Error).message;
    }
    return "none";
  };

  test.each([
    [
      "a shape larger than the storage",
      tensorOps([7], [1]),
      "a tensor [7] of int16, strides [1], offset 0 is larger than its storage",
    ],
    ["strides that reach past it", tensorOps([2, 3], [4, 1]), "strides [4,1], offset 0 is larger than its storage"],
    ["an offset past it", tensorOps([3], [1], { offset: 4 }), 'offset 4 is larger than its storage "0" of 12 bytes'],
    ["fewer strides than axes", tensorOps([2, 3], [1]), "or not equally many"],
    [
      "a storage of another length",
      tensorOps([2], [1], { elements: 5 }),
      'storage "0" should have 10 bytes, but the archive has 12',
    ],
    ["a storage that is not there", tensorOps([2], [1], { key: "1" }), 'the archive has no storage "1"'],
    ["a class that is none", tensorOps([2], [1], { type: "Size" }), "a storage whose class is not a storage class"],
    [
      "an unknown class",
      tensorOps([2], [1], { type: "ComplexFloatStorage" }),
      '"torch.ComplexFloatStorage" may not be loaded',
    ],
    ["a rank of 65", tensorOps(new Array(65).fill(1), new Array(65).fill(1)), "a tensor of rank 65, the maximum is 64"],
    [
      "a negative axis",
      tensorOps([1], [1]).replace(tuple([1]), "(J\xff\xff\xff\xfft"),
      "not all whole numbers of 0 or more",
    ],
    [
      "a float for an axis",
      tensorOps([1], [1]).replace(tuple([1]), "(G?\xf8\0\0\0\0\0\0t"),
      "not all whole numbers of 0 or more",
    ],
    ["a persistent id that is no storage", "K\x05Q", "refers to something outside that is not a storage"],
  ])("of a tensor: %s", (_, ops, expected) => {
    expect(message(oneTensor(ops))).toContain(expected);
  });

  test.each([
    ["a list", archive("](K\x01e."), "x: the file holds a list, not a state dict"],
    ["a number", archive("K\x01."), "x: the file holds another object, not a state dict"],
    ["one tensor", goldenFile("one_tensor.pth"), "x: the file holds a single tensor"],
    ["no tensors", archive(`}${text("epoch")}K\x01s.`), 'no state dict found (names with tensors). It holds "epoch".'],
    ["another byte order", archive("}.", {}, "middle"), 'the byte order must be "little" or "big", got "middle"'],
    ["another byte order, longer", archive("}.", {}, "middleways"), '"x/byteorder" has 10 bytes'],
    [
      "another zip",
      joinChunks(zipChunks([{ name: "a.npy", bytes: new Uint8Array(1) }])),
      'not from torch.save: it has 0 entries NAME/data.pkl, and begins with "a.npy"',
    ],
    ["an empty file", new Uint8Array(0), "like neither a zip archive nor a pickle"],
    ["another format", bytesOf("hello"), "x: not a file from torch.save"],
    ["any pickle", bytesOf("\x80\x02K\x01."), "x: a pickle, but not from torch.save"],
  ])("of a file: %s", (_, bytes, expected) => {
    expect(message(bytes)).toContain(expected);
  });

  test("an empty state dict is none of them", () => {
    expect(readPth(archive("}.")).entries.size).toBe(0);
  });

  test("names that are no texts, and values that are no tensors, are passed over and told", () => {
    const file = readPth(oneTensor(`${tensorOps([6], [1])}s${text("n")}K\x05sK\x01K\x02`));
    expect([...file.entries.keys()]).toEqual(["w"]);
    expect(file.ignored).toEqual(["n", "a number"]);
  });

  test("__proto__ is a name", () => {
    const file = readPth(oneTensor(`${tensorOps([6], [1])}s${text("__proto__")}${tensorOps([1], [1])}`));
    expect(Object.keys(file.stateDict())).toEqual(["w", "__proto__"]);
    expect(Object.keys(Object.prototype)).toEqual([]);
  });

  test("a truncated legacy file", () => {
    const whole = goldenFile("legacy_views.pth");
    expect(message(whole.subarray(0, whole.length - 1))).toBe(
      `x: truncated: the storages end at offset ${whole.length}, but the file at ${whole.length - 1}`,
    );
    expect(message(whole.subarray(0, 100))).toContain("truncated: the pickle continues past the end at 100");
  });

  test("a legacy storage of another length than the pickle says", () => {
    const file = Uint8Array.from(goldenFile("legacy_not_zip.pth"));
    const start = file.length - 108 * 4;
    file[start - 8] = 7;
    expect(message(file)).toMatch(new RegExp(`should have 108 elements, at offset ${start - 8} it has 7$`));
  });
});

describe("writePth", () => {
  test.each([
    ["float64", Float64Array.of(0.1, -0, 1e308)],
    ["float32", Float32Array.of(1e-40, Number.NaN, -Infinity)],
    ["float16", Float32Array.of(1.5, 2 ** -24)],
    ["bfloat16", Float32Array.of(1.5, 2 ** -133)],
    ["float8_e4m3fn", Float32Array.of(448, -0)],
    ["float8_e5m2", Float32Array.of(57344, Number.NaN)],
    ["int64", BigInt64Array.of(2n ** 53n + 1n, -1n)],
    ["uint64", BigUint64Array.of(2n ** 64n - 1n)],
    ["int32", Int32Array.of(-7)],
    ["uint32", Uint32Array.of(2 ** 32 - 1)],
    ["int16", Int16Array.of(-7)],
    ["uint16", Uint16Array.of(65535)],
    ["int8", Int8Array.of(-7)],
    ["uint8", Uint8Array.of(255)],
    ["bool", Uint8Array.of(1, 0)],
  ] as const)("%s comes back", (dtype: DType, values) => {
    const shape = [1, values.length];
    expect(readPth(writePth({ t: { dtype, shape, values } })).stored("t")).toEqual({ dtype, shape, values });
  });

  test("names, order, shapes, batch counters; the same weights give the same bytes", () => {
    const state = { "é.weight": tensor([[1, 2]]), "bn.num_batches_tracked": tensor(3), none: tensor([[]], [0, 3]) };
    const file = readPth(writePth(state));
    expect([...file.entries].map(([name, { dtype, shape }]) => [name, dtype, shape])).toEqual([
      ["é.weight", "float32", [1, 2]],
      ["bn.num_batches_tracked", "int64", []],
      ["none", "float32", [0, 3]],
    ]);
    expect(Buffer.from(writePth(state)).equals(writePth(state))).toBe(true);
  });

  test("tied weights are stored once", () => {
    const shared = tensor(new Float32Array(10_000));
    const once = writePth({ a: shared });
    const twice = writePth({ a: shared, b: shared });
    expect(twice.length - once.length).toBeLessThan(500);
    expect(readPth(twice).tensor("b").size).toBe(10_000);
  });
});
