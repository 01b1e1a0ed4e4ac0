import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { mul } from "../../src/autograd/elementwise.ts";
import { noGrad } from "../../src/autograd/graph.ts";
import { readPth, readSafetensors, type StateToWrite } from "../../src/io/index.ts";
import { loadWeightsFile, openFile, openWeightsFile, saveWeightsFile, writeFileWhole } from "../../src/node/index.ts";
import { tensor } from "../../src/tensor/index.ts";

const folder = mkdtempSync(join(tmpdir(), "skipstone-files-"));
afterAll(() => rmSync(folder, { recursive: true }));
const path = (name: string): string => join(folder, name);
const state = { w: tensor([1, 2, 3]), b: tensor([[4]]) };

test.each(["a.safetensors", "a.pth", "a.PT"])("%s: saved and loaded", async (name) => {
  await saveWeightsFile(path(name), state);
  const loaded = await loadWeightsFile(path(name));
  expect(loaded.w.toArray()).toEqual([1, 2, 3]);
  expect(loaded.b.toArray()).toEqual([[4]]);
});

test("options reach the format; the ending chooses it", async () => {
  await saveWeightsFile(path("half.safetensors"), state, { dtype: "float16", metadata: { a: "b" } });
  const file = readSafetensors(readFileSync(path("half.safetensors")));
  expect(file.entries.get("w")!.dtype).toBe("float16");
  expect(file.metadata.get("a")).toBe("b");
  await saveWeightsFile(path("half.pth"), state, { dtype: "float16" });
  expect(readPth(readFileSync(path("half.pth"))).entries.get("w")!.dtype).toBe("float16");
});

test("opened, a file gives tensors one by one, and errors name its path", async () => {
  await saveWeightsFile(path("b.safetensors"), state);
  const file = await openWeightsFile(path("b.safetensors"));
  expect((await file.tensor("b")).item()).toBe(4);
  await file.close();
  await expect(file.tensor("w")).rejects.toThrow();
  writeFileSync(path("broken.safetensors"), "hello");
  await expect(openWeightsFile(path("broken.safetensors"))).rejects.toThrow(`${path("broken.safetensors")}: neither`);
});

test("a file that shrinks while it is open", async () => {
  writeFileSync(path("shrinks"), "0123456789");
  const source = await openFile(path("shrinks"));
  writeFileSync(path("shrinks"), "0123");
  expect(Buffer.from(await source.read(2, 8)).toString()).toBe("23");
  await source.close();
});

test("a file appears whole or not at all, and nothing is left beside it", async () => {
  const home = path("whole");
  mkdirSync(home);
  const target = join(home, "x.bin");
  await writeFileWhole(target, [Uint8Array.of(1), Uint8Array.of(2, 3)]);
  expect([...readFileSync(target)]).toEqual([1, 2, 3]);
  function* failing(): Generator<Uint8Array> {
    yield Uint8Array.of(9);
    throw new Error("in the middle");
  }
  await expect(writeFileWhole(target, failing())).rejects.toThrow("in the middle");
  await expect(saveWeightsFile(join(home, "y.pth"), { w: tensor([1e9]) }, { dtype: "float16" })).rejects.toThrow(
    "float16",
  );
  expect([...readFileSync(target)]).toEqual([1, 2, 3]);
  expect(readdirSync(home)).toEqual(["x.bin"]);
});

test("a state that cannot be written leaves the old file, and nothing beside it", async () => {
  const home = path("kept");
  mkdirSync(home);
  for (const name of ["x.safetensors", "x.pth"]) {
    await saveWeightsFile(join(home, name), state);
    const before = readFileSync(join(home, name));
    let left = state.w;
    noGrad(() => {
      left = mul(state.w, 2);
    });
    await expect(saveWeightsFile(join(home, name), { b: state.b, left })).rejects.toThrow('saveWeightsFile: "left": ');
    const wrong = { b: state.b, w: [1, 2] } as unknown as StateToWrite;
    await expect(saveWeightsFile(join(home, name), wrong)).rejects.toThrow(
      'saveWeightsFile: "w" must be a tensor or { shape, data }, got an array of 2',
    );
    expect(readFileSync(join(home, name))).toEqual(before);
  }
  expect(readdirSync(home).sort()).toEqual(["x.pth", "x.safetensors"]);
});

test("clones are written: weights from a worker", async () => {
  const { shape, data } = state.w;
  await saveWeightsFile(path("clone.pth"), { w: structuredClone({ shape, data }) });
  expect((await loadWeightsFile(path("clone.pth"))).w.toArray()).toEqual([1, 2, 3]);
});

test("errors: endings, metadata where there is none, a folder that is not there", async () => {
  await expect(saveWeightsFile(path("x.onnx"), state)).rejects.toThrow(
    "weights are written to .safetensors, .pth, .pt or .npz, not to .onnx",
  );
  await expect(saveWeightsFile(path("x"), state)).rejects.toThrow("not to no ending");
  await expect(saveWeightsFile(path("x.pth"), state, { metadata: {} })).rejects.toThrow("a .pth file has no metadata");
  await expect(saveWeightsFile(path("none/x.pth"), state)).rejects.toThrow("ENOENT");
  await expect(loadWeightsFile(path("none.pth"))).rejects.toThrow("ENOENT");
});
