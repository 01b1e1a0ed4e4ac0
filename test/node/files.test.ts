import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { readPth, readSafetensors } from "../../src/io/index.ts";
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

test("errors: endings, metadata where there is none, a folder that is not there", async () => {
  await expect(saveWeightsFile(path("x.onnx"), state)).rejects.toThrow(
    "weights are written to .safetensors, .pth or .pt, not to .onnx",
  );
  await expect(saveWeightsFile(path("x"), state)).rejects.toThrow("not to no ending");
  await expect(saveWeightsFile(path("x.pth"), state, { metadata: {} })).rejects.toThrow("a .pth file has no metadata");
  await expect(saveWeightsFile(path("none/x.pth"), state)).rejects.toThrow("ENOENT");
  await expect(loadWeightsFile(path("none.pth"))).rejects.toThrow("ENOENT");
});
