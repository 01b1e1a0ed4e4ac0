import { describe, expect, test } from "vitest";
import {
  FormatError,
  loadWeights,
  openWeights,
  readSafetensors,
  readWeights,
  writePth,
  writeSafetensors,
} from "../../src/io/index.ts";
import { tensor } from "../../src/tensor/index.ts";
import { goldenFile, safetensorsFile } from "./files.ts";

const state = { w: tensor([1, 2]), b: tensor(3) };
const bytesOf = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text, "latin1"));

describe("the format is recognised by the first bytes", () => {
  test.each([
    ["safetensors", writeSafetensors(state)],
    ["pth", writePth(state)],
  ])("%s", async (format, bytes) => {
    expect(readWeights(bytes).format).toBe(format);
    expect((await openWeights(bytes)).format).toBe(format);
    expect((await loadWeights(bytes)).w.toArray()).toEqual([1, 2]);
  });

  test("pth before PyTorch 1.6", () => {
    expect(readWeights(goldenFile("legacy_not_zip.pth")).tensor("a").shape).toEqual([4, 3, 3, 3]);
  });

  test.each([
    ["gzip", "\x1f\x8b\x08", "it is compressed with gzip: pass it through gunzip first"],
    ["a pointer of Git LFS", "version https://git-lfs.github.com/spec/v1\noid", "it is a pointer of Git LFS"],
    ["a web page", "<!DOCTYPE html>", "it is a web page or XML"],
    ["HDF5", "\x89HDF\r\n", "it is HDF5"],
    [
      "an index of shards",
      '{"metadata": {}, "weight_map": {}}',
      "it is JSON, the index of weights in several files: load",
    ],
    ["tfjs", '{"format": "layers-model", "weightsManifest": []}', "it is JSON, a model of TensorFlow.js"],
    ["configuration", '\n{"depth": 18, "architectures": ["ResNet"]}', "it is JSON: weights are in another file"],
    ["a text", "hello world", 'it is text, and begins with "hello world"'],
    ["a tar archive", `${"./a".padEnd(257, "\0")}ustar`, "it is a tar archive: unpack it first (tar xf)"],
    ["something else", "\xac\x0a\x7f", "(3 bytes, the first are ac 0a 7f)"],
    ["nothing", "", "it is empty"],
  ])("not %s", (_, text, message) => {
    expect(() => readWeights(bytesOf(text), { name: "x" })).toThrow(FormatError);
    expect(() => readWeights(bytesOf(text), { name: "x" })).toThrow(`x: neither safetensors nor .pth, .npz or .npy`);
    expect(() => readWeights(bytesOf(text), { name: "x" })).toThrow(message);
  });
});

describe("from one format to the other, every type as it is", () => {
  test("pth → safetensors → pth", () => {
    const from = readWeights(goldenFile("types.pth"));
    const stored = (file: ReturnType<typeof readWeights>) =>
      new Map([...file.entries.keys()].map((name) => [name, file.stored(name)]));
    const between = readWeights(writeSafetensors(stored(from), { metadata: from.metadata }));
    const back = readWeights(writePth(stored(between)));
    expect(stored(between)).toEqual(stored(from));
    expect(stored(back)).toEqual(stored(from));
  });
});

describe("stripPrefix", () => {
  const names = (prefixed: readonly string[], options = {}): string[] => {
    const file = writeSafetensors(Object.fromEntries(prefixed.map((name) => [name, tensor(0)])));
    return [...readSafetensors(file, { name: "x", ...options }).entries.keys()];
  };

  test("module. and _orig_mod. go where every name has them", () => {
    expect(names(["module.a", "module.b"])).toEqual(["a", "b"]);
    expect(names(["_orig_mod.module.a"])).toEqual(["a"]);
    expect(names(["module.a", "b"])).toEqual(["module.a", "b"]);
    expect(names(["module.module.a"])).toEqual(["a"]);
    expect(names(["module.".repeat(100_000)])[0].length).toBe(7 * 99_996);
    expect(names([])).toEqual([]);
  });

  test("false leaves them, a text takes that off", () => {
    expect(names(["module.a"], { stripPrefix: false })).toEqual(["module.a"]);
    expect(names(["model.a", "loss.b"], { stripPrefix: "model." })).toEqual(["a", "loss.b"]);
  });

  test("errors", () => {
    expect(() => names(["a"], { stripPrefix: "model." })).toThrow(
      'x: no tensor\'s name begins with the prefix "model."',
    );
    expect(() => names(["a", "model.a"], { stripPrefix: "model." })).toThrow(
      'x: without the prefix "model." two tensors are called "a"',
    );
  });
});

test("a tensor that is not there", async () => {
  const bytes = writeSafetensors(state);
  expect(() => readWeights(bytes, { name: "x" }).tensor("nope")).toThrow('x: there is no tensor "nope"');
  await expect((await openWeights(bytes, { name: "x" })).stored("nope")).rejects.toThrow(
    'x: there is no tensor "nope"',
  );
});

test("one byte a number: four times the file, and no more, is allowed", () => {
  const numbers = new Uint8Array(1000);
  const file = safetensorsFile({ a: { dtype: "U8", shape: [1000], data_offsets: [0, 1000] } }, numbers);
  expect(readSafetensors(file).stateDict().a.size).toBe(1000);
});
