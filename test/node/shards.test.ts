/** model.safetensors.index.json and the files beside it. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { FormatError, writeSafetensors } from "../../src/io/index.ts";
import { loadWeightsFile, openWeightsFile, saveWeightsFile } from "../../src/node/index.ts";
import { tensor } from "../../src/tensor/index.ts";

const folder = mkdtempSync(join(tmpdir(), "skipstone-shards-"));
afterAll(() => rmSync(folder, { recursive: true }));
const [one, two] = ["model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"];
writeFileSync(join(folder, one), writeSafetensors({ a: tensor([1]), b: tensor([2]) }));
writeFileSync(join(folder, two), writeSafetensors({ c: tensor([3]) }));

function index(contents: unknown): string {
  const path = join(folder, "model.safetensors.index.json");
  writeFileSync(path, typeof contents === "string" ? contents : JSON.stringify(contents));
  return path;
}

describe("an index", () => {
  const whole = { metadata: { total_size: 12 }, weight_map: { a: one, b: one, c: two } };

  test("stands for all its files", async () => {
    const state = await loadWeightsFile(index(whole));
    expect(Object.entries(state).map(([name, t]) => [name, t.item()])).toEqual([
      ["a", 1],
      ["b", 2],
      ["c", 3],
    ]);
    const file = await openWeightsFile(index(whole), { rename: [["c", "d"]] });
    expect([...file.entries.keys()]).toEqual(["a", "b", "d"]);
    await file.close();
  });

  test("a file that is not there is named, with the index", async () => {
    const path = index({ weight_map: { a: one, d: "model-00003-of-00003.safetensors" } });
    await expect(loadWeightsFile(path)).rejects.toThrow(FormatError);
    await expect(loadWeightsFile(path)).rejects.toThrow(
      `${path}: lists model-00003-of-00003.safetensors, which is not beside it`,
    );
    const model = index({ weightsManifest: [{ paths: ["g.bin"], weights: [] }] });
    await expect(loadWeightsFile(model)).rejects.toThrow(`${model}: lists g.bin, which is not beside it`);
  });

  test.each<[string, unknown, string]>([
    ["other JSON", { depth: 18 }, "JSON, but not an index of weights: it has no weight_map"],
    ["no JSON", "{", "not JSON: "],
    [
      "a file elsewhere",
      { weight_map: { a: "../x.safetensors" } },
      'a file must be a name in the same folder, got "../x.',
    ],
    ["an absolute path", { weight_map: { a: "/etc/passwd" } }, "a file must be a name in the same folder"],
    ["a file that is no name", { weight_map: { a: 1 } }, "a file must be a name in the same folder, got 1"],
    ["no files", { weight_map: {} }, "weight_map is empty"],
    [
      "more tensors than there are",
      { weight_map: { a: one, b: one, z: one } },
      "lists 3 tensors, but its files have 2",
    ],
  ])("%s", async (_, contents, message) => {
    await expect(loadWeightsFile(index(contents))).rejects.toThrow(FormatError);
    await expect(loadWeightsFile(index(contents))).rejects.toThrow(message);
  });
});

test("saveWeightsFile writes .npz", async () => {
  const path = join(folder, "w.npz");
  await saveWeightsFile(path, { w: tensor([1, 2]) });
  expect((await loadWeightsFile(path)).w.toArray()).toEqual([1, 2]);
  await expect(saveWeightsFile(path, { w: tensor(1) }, { metadata: {} })).rejects.toThrow(
    "a .npz file has no metadata",
  );
});
