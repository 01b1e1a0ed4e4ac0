import { describe, expect, test } from "vitest";
import {
  type DType,
  FormatError,
  loadWeights,
  readSafetensors,
  type StoredTensor,
  safetensorsChunks,
  writeSafetensors,
} from "../../src/io/index.ts";
import { cifarResNet } from "../../src/resnet/index.ts";
import { Rng, tensor, zeros } from "../../src/tensor/index.ts";
import { type ExpectedTensor, goldenFile, goldenJson, isAsExpected, safetensorsFile } from "./files.ts";

const entry = { dtype: "U8", shape: [3], data_offsets: [0, 3] };

describe("readSafetensors", () => {
  test("three bytes", () => {
    const file = readSafetensors(safetensorsFile({ a: entry }, [7, 8, 9]));
    expect(file.format).toBe("safetensors");
    expect(file.entries.get("a")).toMatchObject({ dtype: "uint8", shape: [3] });
    expect(file.stored("a").values).toEqual(Uint8Array.of(7, 8, 9));
    expect(file.tensor("a").toArray()).toEqual([7, 8, 9]);
  });

  test("metadata; names in the header's order, which is not the numbers'", () => {
    const b = { dtype: "F32", shape: [], data_offsets: [3, 7] };
    const file = readSafetensors(
      safetensorsFile({ z: b, __metadata__: { é: "中" }, a: entry }, [1, 2, 3, 0, 0, 128, 63]),
    );
    expect([...file.metadata]).toEqual([["é", "中"]]);
    expect([...file.entries.keys()]).toEqual(["z", "a"]);
    expect(file.tensor("z").item()).toBe(1);
  });

  test("no tensors; empty tensors between others", () => {
    expect(readSafetensors(safetensorsFile({})).entries.size).toBe(0);
    const none = { dtype: "F32", shape: [0, 5], data_offsets: [3, 3] };
    const file = readSafetensors(
      safetensorsFile({ none, a: entry, also: { ...none, data_offsets: [0, 0] } }, [1, 2, 3]),
    );
    expect(file.tensor("none").shape).toEqual([0, 5]);
    expect(file.stored("also").values).toEqual(new Float32Array(0));
  });

  test("names that are harmless here: __proto__, constructor, the empty one", () => {
    const header = `{"__proto__":${JSON.stringify(entry)},"constructor":{"dtype":"U8","shape":[],"data_offsets":[3,4]},"":{"dtype":"U8","shape":[],"data_offsets":[4,5]},"__metadata__":{"__proto__":"x"}}`;
    const file = readSafetensors(safetensorsFile(header, [1, 2, 3, 4, 5]));
    const state = file.stateDict();
    expect(Object.keys(state)).toEqual(["__proto__", "constructor", ""]);
    expect(Object.values(state)[0].toArray()).toEqual([1, 2, 3]);
    expect(Object.getPrototypeOf(state)).toBeNull();
    expect(file.metadata.get("__proto__")).toBe("x");
    expect(Object.keys(Object.prototype)).toEqual([]);
  });
});

describe("writeSafetensors", () => {
  test("byte by byte", () => {
    const bytes = writeSafetensors({ w: tensor([1, -2]) }, { metadata: { by: "us" } });
    const header = '{"__metadata__":{"by":"us"},"w":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}';
    const padded = header.padEnd(Math.ceil(header.length / 8) * 8);
    expect(bytes.length).toBe(8 + padded.length + 8);
    expect(Buffer.from(bytes.subarray(8, 8 + padded.length)).toString()).toBe(padded);
    expect([...bytes.subarray(0, 8)]).toEqual([padded.length, 0, 0, 0, 0, 0, 0, 0]);
    expect([...bytes.subarray(-8)]).toEqual([0, 0, 128, 63, 0, 0, 0, 192]);
  });

  test("every number lies at a multiple of its width, whatever the order", () => {
    const file = writeSafetensors(
      new Map<string, StoredTensor>([
        ["u8", { dtype: "uint8", shape: [3], values: Uint8Array.of(1, 2, 3) }],
        ["f64", { dtype: "float64", shape: [1], values: Float64Array.of(4) }],
        ["f16", { dtype: "float16", shape: [1], values: Float32Array.of(5) }],
        ["f32", { dtype: "float32", shape: [1], values: Float32Array.of(6) }],
      ]),
    );
    const headerLength = Number(new DataView(file.buffer).getBigUint64(0, true));
    expect(headerLength % 8).toBe(0);
    const header = JSON.parse(Buffer.from(file.subarray(8, 8 + headerLength)).toString());
    expect(Object.keys(header)).toEqual(["u8", "f64", "f16", "f32"]);
    expect(Object.values(header as Record<string, { data_offsets: number[] }>).map((t) => t.data_offsets[0])).toEqual([
      14, 0, 12, 8,
    ]);
  });

  test("a network: float32, its batch counters int64 as PyTorch's; back again bit for bit", async () => {
    const model = cifarResNet(8, { rng: new Rng(1) });
    model.stateDict()["bn1.num_batches_tracked"].assign([17]);
    const bytes = writeSafetensors(model.stateDict());
    const file = readSafetensors(bytes);
    expect(file.entries.get("bn1.num_batches_tracked")).toMatchObject({ dtype: "int64", shape: [] });
    expect(file.entries.get("conv1.weight")).toMatchObject({ dtype: "float32" });
    expect([...file.entries.keys()]).toEqual(Object.keys(model.stateDict()));
    const other = cifarResNet(8, { rng: new Rng(2) });
    other.loadStateDict(await loadWeights(bytes));
    for (const [name, t] of Object.entries(model.stateDict()))
      expect(other.stateDict()[name].data, name).toEqual(t.data);
    expect(other.stateDict()["bn1.num_batches_tracked"].item()).toBe(17);
  });

  test("dtype: one for all floats, or by name", () => {
    const state = { w: tensor([1 / 3]), "bn.num_batches_tracked": tensor([3]) };
    const types = (bytes: Uint8Array) => [...readSafetensors(bytes).entries.values()].map(({ dtype }) => dtype);
    expect(types(writeSafetensors(state, { dtype: "float16" }))).toEqual(["float16", "int64"]);
    expect(types(writeSafetensors(state, { dtype: "bfloat16" }))).toEqual(["bfloat16", "int64"]);
    expect(types(writeSafetensors(state, { dtype: (name) => (name === "w" ? "float64" : "uint8") }))).toEqual([
      "float64",
      "uint8",
    ]);
    expect(
      readSafetensors(writeSafetensors(state, { dtype: "float16" }))
        .tensor("w")
        .item(),
    ).toBe(0.333251953125);
  });

  test("the chunks are the file: a header, then the tensors one by one", () => {
    const state = { a: tensor([1, 2]), b: zeros([3]) };
    const chunks = [...safetensorsChunks(state)];
    expect(chunks.map((chunk) => chunk.length).slice(1)).toEqual([8, 12]);
    expect(Buffer.concat(chunks).equals(writeSafetensors(state))).toBe(true);
    // Float32 numbers are not copied on the way.
    expect(chunks[1].buffer).toBe(state.a.data.buffer);
  });

  test.each([
    ["a name that is taken", { __metadata__: zeros([1]) }, {}, "a tensor cannot be called __metadata__"],
    ["half a character", { "\ud800": zeros([1]) }, {}, 'the name "\\ud800" is not well-formed Unicode'],
    [
      "an unknown type",
      { a: zeros([1]) },
      { dtype: "f16" },
      'the option dtype: there is no type "f16", known types are float64',
    ],
    ["an unknown type of one", { a: zeros([1]) }, { dtype: () => "int4" }, '"a": there is no type "int4"'],
    [
      "metadata that is no text",
      { a: zeros([1]) },
      { metadata: { epoch: 3 } },
      'the metadata "epoch" must be a string, got 3',
    ],
    [
      "too large",
      { a: tensor([1e6]) },
      { dtype: "float16" },
      '"a": element 0 is 1000000, but float16 holds numbers up to 65504',
    ],
    [
      "values that do not fill the shape",
      { a: { dtype: "int8", shape: [3], values: Int8Array.of(1) } },
      {},
      '"a": int8 [3] needs a Int8Array of 3 values, got a Int8Array of 1',
    ],
    [
      "values of another type",
      { a: { dtype: "int64", shape: [1], values: Int32Array.of(1) } },
      {},
      '"a": int64 [1] needs a BigInt64Array of 1 values, got a Int32Array of 1',
    ],
  ])("error: %s", (_, state, options, message) => {
    expect(() => writeSafetensors(state as never, options as never)).toThrow(message);
  });
});

describe("round trips", () => {
  const floats = [0, -0, 1.5, Number.NaN, Infinity, -Infinity, 2 ** -24, -(2 ** -149), 1e-40, 65504, 0.1];
  test.each([
    ["float64", Float64Array.from([...floats, 5e-324, 1e308, 2 ** 53 + 2])],
    ["float32", Float32Array.from(floats)],
    ["float16", Float32Array.of(0, -0, 1.5, Number.NaN, Infinity, 2 ** -24, 65504)],
    ["bfloat16", Float32Array.of(0, -0, 1.5, Number.NaN, Infinity, 2 ** -133, 2 ** 100)],
    ["float8_e4m3fn", Float32Array.of(0, -0, 1.5, Number.NaN, 448, 2 ** -9)],
    ["float8_e5m2", Float32Array.of(0, -0, 1.5, Number.NaN, -Infinity, 57344, 2 ** -16)],
    ["int64", BigInt64Array.of(0n, -1n, 2n ** 53n + 1n, 2n ** 63n - 1n, -(2n ** 63n))],
    ["uint64", BigUint64Array.of(0n, 2n ** 53n + 1n, 2n ** 64n - 1n)],
    ["int32", Int32Array.of(0, -(2 ** 31), 2 ** 31 - 1)],
    ["uint32", Uint32Array.of(0, 2 ** 32 - 1)],
    ["int16", Int16Array.of(-32768, 32767)],
    ["uint16", Uint16Array.of(0, 65535)],
    ["int8", Int8Array.of(-128, 127)],
    ["uint8", Uint8Array.of(0, 255)],
    ["bool", Uint8Array.of(0, 1)],
  ] as const)("%s", (dtype: DType, values) => {
    const file = readSafetensors(writeSafetensors({ t: { dtype, shape: [values.length], values } }));
    expect(file.stored("t")).toEqual({ dtype, shape: [values.length], values });
    expect([...file.tensor("t").data]).toEqual([...values].map((v) => Math.fround(Number(v))));
  });
});

describe("golden: what the format's own library accepts and refuses", () => {
  interface Expected {
    readonly expect: string;
    readonly metadata?: Record<string, string>;
    readonly tensors?: Record<string, ExpectedTensor>;
  }
  const names: Readonly<Record<string, string>> = { F32: "float32", F16: "float16", BF16: "bfloat16", I64: "int64" };

  test.each(Object.entries(goldenJson<Record<string, Expected>>("safetensors/expected.json")))(
    "%s",
    (name, expected) => {
      const read = () => readSafetensors(goldenFile(name), { name });
      if (expected.expect === "reject") {
        expect(read).toThrow(FormatError);
        expect(read).toThrow(`${name}: `);
        return;
      }
      const file = read();
      expect(Object.fromEntries(file.metadata)).toEqual(expected.metadata);
      expect([...file.entries.keys()].sort()).toEqual(Object.keys(expected.tensors!).sort());
      for (const [key, t] of Object.entries(expected.tensors!)) {
        expect(isAsExpected(file.stored(key), { ...t, dtype: names[t.dtype] }), key).toBe(true);
      }
    },
  );
});

describe("errors name the place", () => {
  const two = { a: entry, b: { dtype: "U8", shape: [2], data_offsets: [3, 5] } };
  test.each([
    [
      "an empty file",
      new Uint8Array(0),
      "x: truncated: the header's length ends at offset 8, but the file has 0 bytes",
    ],
    ["a header that is too long", new Uint8Array(9).fill(255), "offset 0 gives the header 18446744073709552000 bytes"],
    ["the header ends after the file", safetensorsFile({ a: entry }).slice(0, 20), "x: truncated: the header ends at"],
    ["a header that is no object", safetensorsFile("[]"), "x: header, character 0: the header must begin with {"],
    ["space before it", safetensorsFile(" {}"), "character 0: the header must begin with {"],
    ["broken UTF-8", safetensorsFile({ a: entry }, [1, 2, 3]).fill(0xff, 12, 13), "x: the header is not UTF-8"],
    ["an unfinished object", safetensorsFile('{"a":'), 'character 5: expected "{" for tensor "a", found its end'],
    ["a name that does not end", safetensorsFile('{"a'), "character 3: a name in the header is an unterminated string"],
    [
      "a line break in a name",
      safetensorsFile('{"a\n":{}}'),
      "character 3: a name in the header is an unterminated string",
    ],
    ["an unknown escape", safetensorsFile('{"\\x":{}}'), "has an escape unknown to JSON"],
    [
      "a trailing comma",
      safetensorsFile('{"a":{"dtype":"U8",}}'),
      'expected "\\"" for a name in tensor "a", found "}"',
    ],
    ["something after it", safetensorsFile("{} x"), "character 3: something follows the header"],
    [
      "a name twice",
      safetensorsFile(`{"a":${JSON.stringify(entry)},"a":${JSON.stringify(entry)}}`, [1, 2, 3]),
      '"a" occurs twice',
    ],
    ["metadata twice", safetensorsFile('{"__metadata__":{},"__metadata__":{}}'), '"__metadata__" occurs twice'],
    ["metadata's name twice", safetensorsFile('{"__metadata__":{"k":"","k":""}}'), '"k" occurs twice in __metadata__'],
    [
      "metadata that is no text",
      safetensorsFile({ __metadata__: { k: 1 } }),
      'expected "\\"" for __metadata__ "k", found "1"',
    ],
    [
      "a field twice",
      safetensorsFile('{"a":{"dtype":"U8","dtype":"U8"}}'),
      'tensor "a" has "dtype" where only dtype, shape and',
    ],
    ["an unknown field", safetensorsFile({ a: { ...entry, extra: 1 } }, [1, 2, 3]), 'tensor "a" has "extra" where'],
    [
      "a missing field",
      safetensorsFile({ a: { dtype: "U8", shape: [3] } }, [1, 2, 3]),
      'tensor "a" lacks data_offsets',
    ],
    [
      "an unknown type",
      safetensorsFile({ a: { ...entry, dtype: "F4" } }, [1, 2, 3]),
      'tensor "a" has dtype "F4", known dtypes are F64',
    ],
    [
      "a negative axis",
      safetensorsFile({ a: { ...entry, shape: [-3] } }),
      'tensor "a" shape must be a whole number from 0',
    ],
    [
      "half an axis",
      safetensorsFile({ a: { ...entry, shape: [1.5] } }),
      'expected "," for tensor "a" shape, found "."',
    ],
    ["2^53 and more", safetensorsFile('{"a":{"shape":[9007199254740993]}}'), "must be a whole number from 0 to 2^53"],
    ["leading zeros", safetensorsFile('{"a":{"shape":[03]}}'), "must be a whole number"],
    [
      "sizes that disagree",
      safetensorsFile({ a: { ...entry, shape: [4] } }, [1, 2, 3]),
      'tensor "a" [4] of U8 is 4 bytes',
    ],
    [
      "a shape whose size is more than any number",
      safetensorsFile({ a: { ...entry, shape: new Array(30).fill(2 ** 52) } }, [1, 2, 3]),
      "is Infinity bytes",
    ],
    [
      "three offsets",
      safetensorsFile({ a: { ...entry, data_offsets: [0, 3, 3] } }),
      "has data_offsets [0,3,3], not [begin, end]",
    ],
    ["offsets back to front", safetensorsFile({ a: { ...entry, data_offsets: [3, 0] } }), "not [begin, end]"],
    ["data missing", safetensorsFile(two, [1, 2, 3]), "the tensors end at offset"],
    ["data left over", safetensorsFile(two, [1, 2, 3, 4, 5, 6]), "the tensors end at offset"],
    [
      "an overlap",
      safetensorsFile({ ...two, b: { ...two.b, data_offsets: [2, 4] } }, [1, 2, 3, 4]),
      'tensor "b" begins at offset',
    ],
    [
      "a hole",
      safetensorsFile({ ...two, b: { ...two.b, data_offsets: [4, 6] } }, [1, 2, 3, 4, 5, 6]),
      "with a hole after",
    ],
    ["a hole at the beginning", safetensorsFile({ b: two.b }, [1, 2, 3, 4, 5]), "with a hole after"],
  ])("%s", (_, bytes, message) => {
    const read = () => readSafetensors(bytes, { name: "x" });
    expect(read).toThrow(FormatError);
    expect(read).toThrow(message);
  });

  test("a name of a megabyte does not fill the message", () => {
    const read = () => readSafetensors(safetensorsFile({ ["n".repeat(2 ** 20)]: { ...entry, dtype: "?" } }));
    expect(read).toThrow(/^.{100,400}$/s);
  });
});
