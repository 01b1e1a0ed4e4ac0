/** model.json and .bin files as TensorFlow.js 4.22 wrote them (make-fixture.mjs), and what it computes with them. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { permute } from "../../../src/autograd/index.ts";
import { FormatError, loadWeights, readTfjs } from "../../../src/io/index.ts";
import { BatchNorm2d, Conv2d, GlobalAvgPool2d, Linear, Module } from "../../../src/nn/index.ts";
import { loadWeightsFile, openWeightsFile } from "../../../src/node/index.ts";
import { Rng, type Tensor, tensor } from "../../../src/tensor/index.ts";

const path = (name: string): string => new URL(`fixture/${name}`, import.meta.url).pathname;
const model = readFileSync(path("model.json"));
const shards = [1, 2].map((n) => readFileSync(path(`group1-shard${n}of2.bin`)));
const expected = JSON.parse(readFileSync(path("expected.json"), "utf8")) as {
  x: number[];
  y: number[];
  quantized: { name: string; shape: number[] }[];
  bytes: number[];
  values: Record<string, number[]>;
};
const json = (value: unknown): Uint8Array =>
  new TextEncoder().encode(typeof value === "string" ? value : JSON.stringify(value));
const withWeights = (weights: unknown[], format = "graph-model"): Uint8Array =>
  json({ format, weightsManifest: [{ paths: ["a.bin"], weights }] });

const folder = mkdtempSync(join(tmpdir(), "skipstone-tfjs-"));
afterAll(() => rmSync(folder, { recursive: true }));

const rng = new Rng(0);
class Net extends Module {
  readonly conv1 = new Conv2d(2, 3, [3, 2], { rng });
  readonly bn1 = new BatchNorm2d(3);
  readonly conv2 = new Conv2d(3, 6, [2, 3], { groups: 3, rng });
  readonly pool = new GlobalAvgPool2d();
  readonly fc = new Linear(6, 4, { rng });
  forward(x: Tensor): Tensor {
    const y = this.conv2.forward(this.bn1.forward(this.conv1.forward(x)));
    return this.fc.forward(this.pool.forward(y));
  }
}

describe("a Keras model", () => {
  const x = permute(tensor(expected.x, [2, 6, 7, 2]), [0, 3, 1, 2]);
  const check = (state: Record<string, Tensor>): void => {
    const net = new Net().eval();
    net.loadStateDict(state);
    const y = net.forward(x);
    y.data.forEach((v, i) => {
      expect(Math.abs(v - expected.y[i])).toBeLessThan(1e-5);
    });
  };

  it("has PyTorch's names and axes, and computes what TensorFlow.js computes", () => {
    const file = readTfjs(model, shards);
    expect([file.format, file.metadata.get("format")]).toEqual(["tfjs", "layers-model"]);
    expect([...file.entries].map(([name, { shape }]) => [name, shape])).toEqual([
      ["conv1.weight", [3, 2, 3, 2]],
      ["conv1.bias", [3]],
      ["bn1.weight", [3]],
      ["bn1.bias", [3]],
      ["conv2.weight", [6, 1, 2, 3]],
      ["conv2.bias", [6]],
      ["fc.weight", [4, 6]],
      ["fc.bias", [4]],
      ["bn1.running_mean", [3]],
      ["bn1.running_var", [3]],
    ]);
    check(file.stateDict());
  });

  it("is read by the path of its model.json", async () => {
    check(await loadWeightsFile(path("model.json")));
    const file = await openWeightsFile(path("model.json"), { rename: [["fc.*", "head.*"]] });
    expect(file.entries.has("head.weight")).toBe(true);
    await file.close();
  });

  it("has its own names and axes if they are asked for", () => {
    const { entries } = readTfjs(model, shards, { layout: "stored" });
    expect(entries.get("conv1/kernel")).toMatchObject({ shape: [3, 2, 2, 3], dtype: "float32" });
  });
});

describe("numbers of all types", () => {
  const file = readTfjs(withWeights(expected.quantized), [Uint8Array.from(expected.bytes)]);

  it("have the types they are stored in, or were quantised from", () => {
    const types = [...file.entries].map(([name, { dtype }]) => [name, dtype]);
    expect(types).toEqual([
      ["a", "float32"],
      ["b", "float32"],
      ["c", "float16"],
      ["d", "int32"],
      ["e", "int32"],
      ["f", "bool"],
    ]);
  });

  it.each(expected.quantized.map(({ name }) => name))("%s: as TensorFlow.js decodes it", (name) => {
    expect(Array.from(file.tensor(name).data)).toEqual(expected.values[name].map(Math.fround));
  });

  it("several groups, one after the other", () => {
    const weights = (name: string) => [{ name, shape: [1], dtype: "float32" }];
    const two = json({
      weightsManifest: [
        { paths: ["a"], weights: weights("a") },
        { paths: ["b"], weights: weights("b") },
      ],
    });
    const bytes = (v: number): Uint8Array => new Uint8Array(Float32Array.of(v).buffer);
    const state = readTfjs(two, [bytes(1.5), bytes(-2)]).stateDict();
    expect([state["a"].item(), state["b"].item()]).toEqual([1.5, -2]);
  });
});

describe("refuses", () => {
  const one = { name: "a", shape: [1], dtype: "float32" };
  const four = new Uint8Array(4);
  it.each<[string, () => unknown, RegExp]>([
    ["no JSON", () => readTfjs(json("{"), []), /^model\.json: not JSON: /],
    ["other JSON", () => readTfjs(json({ a: 1 }), []), /not a model of TensorFlow\.js: it has no weightsManifest$/],
    ["no object", () => readTfjs(json("null"), []), /it has no weightsManifest$/],
    [
      "a group of nothing",
      () => readTfjs(json({ weightsManifest: [null] }), []),
      /a group must have paths and weights$/,
    ],
    [
      "a file too few",
      () => readTfjs(model, [Uint8Array.from([...shards[0], ...shards[1]])]),
      /the weights must be 2 files, got 1/,
    ],
    ["a file too short", () => readTfjs(model, [shards[0], shards[1].subarray(1)]), /take 484 bytes, got 483$/],
    [
      "texts",
      () => readTfjs(withWeights([{ ...one, dtype: "string" }]), [four]),
      /tensor "a": its numbers must be of .*, got "string"$/,
    ],
    [
      "a shape that is none",
      () => readTfjs(withWeights([{ ...one, shape: [-1] }]), [four]),
      /its shape must be a list of lengths, got \[-1\]$/,
    ],
    [
      "a shape that is too large",
      () => readTfjs(withWeights([{ ...one, shape: [2 ** 40, 2 ** 40] }]), [four]),
      /is too large$/,
    ],
    [
      "another quantization",
      () => readTfjs(withWeights([{ ...one, quantization: { dtype: "int4" } }]), [four]),
      /its quantization must be float16, or uint8/,
    ],
    ["a name twice", () => readTfjs(withWeights([one, one]), [new Uint8Array(8)]), /two tensors are called "a"$/],
  ])("%s", (_, call, message) => {
    expect(call).toThrow(FormatError);
    expect(call).toThrow(message);
  });

  it("a file elsewhere", async () => {
    const model = { weightsManifest: [{ paths: ["../a.bin"], weights: [one] }] };
    writeFileSync(join(folder, "model.json"), JSON.stringify(model));
    await expect(openWeightsFile(join(folder, "model.json"))).rejects.toThrow(
      'weightsManifest: a file must be a name in the same folder, got "../a.bin"',
    );
  });

  it("model.json alone, and says what reads it", async () => {
    await expect(loadWeights(model)).rejects.toThrow("loadWeightsFile of skipstone/node reads them, or readTfjs");
  });
});
