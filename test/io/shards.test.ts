/** Weights in several files. */
import { describe, expect, test } from "vitest";
import { loadWeights, openWeights, readWeights, writePth, writeSafetensors } from "../../src/io/index.ts";
import { tensor } from "../../src/tensor/index.ts";

const [a, b, c] = [tensor([1, 2]), tensor([[3]]), tensor(4)];
const first = writeSafetensors({ "module.a": a, "module.b": b }, { metadata: { format: "pt" } });
const second = writePth({ "module.head.c": c });

describe("files that belong together", () => {
  test("are one state dict; prefixes and rules are those of all names", async () => {
    const options = { rename: [["head.*", "fc.*"]] } as const;
    const state = await loadWeights([first, new Blob([second.slice()])], options);
    expect(Object.keys(state)).toEqual(["a", "b", "fc.c"]);
    expect(Object.values(state).map((t) => t.toArray())).toEqual([[1, 2], [[3]], 4]);
    expect(readWeights([first, second], options).stateDict()).toEqual(state);
    expect(Object.keys(await loadWeights([first, writeSafetensors({ d: c })]))).toEqual(["module.a", "module.b", "d"]);
  });

  test("are one file: entries, metadata, single tensors", async () => {
    const file = await openWeights([first, second], { name: "model" });
    expect([file.name, file.format, Object.fromEntries(file.metadata)]).toEqual([
      "model",
      "safetensors",
      { format: "pt" },
    ]);
    expect([...file.entries]).toEqual([
      ["a", { dtype: "float32", shape: [2] }],
      ["b", { dtype: "float32", shape: [1, 1] }],
      ["head.c", { dtype: "float32", shape: [] }],
    ]);
    expect((await file.tensor("head.c")).item()).toBe(4);
    expect((await file.stored("b")).values).toEqual(Float32Array.of(3));
    const now = readWeights([first, second]);
    expect(now.tensor("head.c").item()).toBe(4);
    expect(now.stored("b").values).toEqual(Float32Array.of(3));
    await expect(file.tensor("c")).rejects.toThrow('model: there is no tensor "c"');
  });

  test("all are closed, also where one cannot be opened", async () => {
    const closed: number[] = [];
    const source = (id: number, bytes: Uint8Array) => ({
      name: `shard ${id}`,
      size: bytes.length,
      read: async (offset: number, length: number) => bytes.slice(offset, offset + length),
      close: async () => void closed.push(id),
    });
    await loadWeights([source(1, first), source(2, second)]);
    expect(closed).toEqual([1, 2]);
    await expect(openWeights([source(3, first), source(4, first.subarray(0, 20))])).rejects.toThrow(
      "shard 4: truncated",
    );
    expect(closed.slice(2).sort()).toEqual([3, 4]);
  });

  test("errors", async () => {
    expect(() => readWeights([first, first], { name: "x" })).toThrow('x: "module.a" is in both x 1 and x 2');
    expect(() => readWeights([])).toThrow("readWeights: a list of files must have at least one, got none");
    // What is no file is found before a file, here an empty one, is read.
    const mixed = [new Uint8Array(0), {} as unknown as Uint8Array];
    expect(() => readWeights(mixed)).toThrow(/^readWeights: .* got an object/);
    await expect(openWeights(mixed)).rejects.toThrow(/^openWeights: needs bytes, .* got an object/);
    expect(() => readWeights([first, "b" as never])).toThrow("readWeights: needs bytes");
  });
});
