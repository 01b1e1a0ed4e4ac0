/** What the writers of weights take: tensors, what a file has stored, clones from another thread; all else is refused. */
import { describe, expect, it } from "vitest";
import { mul } from "../../src/autograd/elementwise.ts";
import { noGrad } from "../../src/autograd/graph.ts";
import {
  pthChunks,
  readPth,
  readSafetensors,
  type StateToWrite,
  safetensorsChunks,
  writePth,
  writeSafetensors,
} from "../../src/io/index.ts";
import { cifarResNet } from "../../src/resnet/index.ts";
import { Rng, ShapeError, type Tensor, tensor, UsageError } from "../../src/tensor/index.ts";

const writers = [
  ["writeSafetensors", (state: unknown) => writeSafetensors(state as StateToWrite)],
  ["writePth", (state: unknown) => writePth(state as StateToWrite)],
  // Called, and not yet run: what is wrong is found before there is a first piece.
  ["safetensorsChunks", (state: unknown) => safetensorsChunks(state as StateToWrite)],
  ["pthChunks", (state: unknown) => pthChunks(state as StateToWrite)],
] as const;

/** A tensor whose values ended with the step that computed them. */
function ended(): Tensor {
  let left: Tensor | undefined;
  noGrad(() => {
    left = mul(tensor([1, 2, 3]), 2);
  });
  return left!;
}

describe.each(writers)("%s", (op, write) => {
  it("a tensor of a step that is over: an error that names it", () => {
    const state = { first: tensor([1]), "layer1.0.weight": ended() };
    expect(() => write(state)).toThrow(UsageError);
    expect(() => write(state)).toThrow(new RegExp(`^${op}: "layer1.0.weight": .*step that computed them`));
  });

  it.each<[unknown, string]>([
    [[1, 2, 3], "an array of 3"],
    [7, "7"],
    [null, "null"],
    [{}, "an object {  }"],
    [Float32Array.of(1), "a Float32Array"],
    [{ shape: [-1], data: Float32Array.of(1) }, "an object { shape, data }"],
  ])("%o is no tensor", (wrong, words) => {
    expect(() => write({ w: wrong })).toThrow(`${op}: "w" must be a tensor or { shape, data }, got ${words}`);
  });

  it("a clone whose numbers do not fill its shape", () => {
    const state = { w: { shape: [2, 2], data: Float32Array.of(1, 2, 3) } };
    expect(() => write(state)).toThrow(ShapeError);
    expect(() => write(state)).toThrow(`${op}: "w": its data has 3 values, its shape [2,2] 4`);
  });

  it.each<[string, unknown, string]>([
    ["a model", cifarResNet(8, { width: 2, rng: new Rng(0) }), "got a ResNet: pass its stateDict()"],
    ["a tensor", tensor([1]), "got a Tensor"],
    ["a list", [tensor([1])], "got an array of 1"],
    ["a promise", Promise.resolve({}), "got a Promise"],
    ["nothing", undefined, "got undefined"],
  ])("%s instead of a state", (_, state, words) => {
    expect(() => write(state)).toThrow(`${op}: needs tensors by name, an object or a Map, ${words}`);
  });
});

it("clones, as structuredClone and postMessage give them, are written as the tensors that they were", () => {
  const state = cifarResNet(8, { width: 2, rng: new Rng(0) }).stateDict();
  const clones = structuredClone(
    Object.fromEntries(Object.entries(state).map(([name, { shape, data }]) => [name, { shape, data }])),
  );
  expect(writeSafetensors(clones)).toEqual(writeSafetensors(state));
  expect(writeSafetensors(JSON.parse(JSON.stringify(state)))).toEqual(writeSafetensors(state));
  expect(writePth(clones)).toEqual(writePth(state));
  expect(writeSafetensors(clones, { dtype: "float16" })).toEqual(writeSafetensors(state, { dtype: "float16" }));
  const map = new Map(Object.entries(clones));
  expect(readSafetensors(writeSafetensors(map)).tensor("fc.bias").data).toEqual(state["fc.bias"].data);
});

it("tensors and what a file has stored, side by side", () => {
  const stored = readPth(writePth({ n: tensor([3]) }, { dtype: () => "int64" })).stored("n");
  const file = readSafetensors(
    writeSafetensors({ n: stored, w: tensor([0.5]), c: { shape: [1], data: Float32Array.of(2) } }),
  );
  expect([...file.entries].map(([name, { dtype }]) => [name, dtype])).toEqual([
    ["n", "int64"],
    ["w", "float32"],
    ["c", "float32"],
  ]);
  expect(file.tensor("c").item()).toBe(2);
});
