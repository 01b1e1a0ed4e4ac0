/** Checkpoints as training programs write them: weights among other things. make_checkpoints.py made the files. */
import { existsSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { FormatError, openPth, readPth, type WeightFile } from "../../../src/io/index.ts";
import { type ExpectedTensor, goldenFile, goldenJson } from "../files.ts";

interface Expected {
  readonly ignored: readonly string[];
  readonly tensors: Record<string, ExpectedTensor>;
}

const { files } = goldenJson<{ files: Record<string, Expected> }>("pth/checkpoints.json");

function expectWeights(file: WeightFile, { tensors, ignored }: Expected): void {
  expect([...file.entries.keys()]).toEqual(Object.keys(tensors));
  for (const [name, { dtype, shape, values }] of Object.entries(tensors)) {
    const stored = file.stored(name);
    expect([stored.dtype, stored.shape], name).toEqual([dtype, shape]);
    expect(Array.from(stored.values, Number), name).toEqual(values!.map(Number));
  }
  expect(file.ignored).toEqual(ignored);
}

describe("weights among other things", () => {
  test.each([
    ["script.pth", ["argparse.Namespace", "pathlib.PosixPath", "numpy.core.multiarray.scalar"]],
    ["script_legacy.pth", ["argparse.Namespace", "numpy.dtype"]],
    ["script_protocol4.pth", ["argparse.Namespace", "numpy.core.multiarray._reconstruct"]],
    ["script_protocol5.pth", ["argparse.Namespace", "builtins.complex"]],
    ["torchvision_reference.pth", ["argparse.Namespace", "__builtin__.set"]],
    [
      "lightning.ckpt.pth",
      [
        "pytorch_lightning.callbacks.model_checkpoint.ModelCheckpoint",
        "pytorch_lightning.utilities.parsing.AttributeDict",
      ],
    ],
    ["foreign_types.pth", ["torch.QInt8Storage", "torch.ComplexFloatStorage", "torch._utils._rebuild_sparse_tensor"]],
    ["foreign_types_legacy.pth", ["torch.QInt8Storage", "torch.ComplexFloatStorage"]],
  ])(
    "%s: refused by name, with the option that leaves them out; then all weights, and what was left out",
    (name, left) => {
      const bytes = goldenFile(name);
      expect(() => readPth(bytes, { name })).toThrow(FormatError);
      expect(() => readPth(bytes, { name })).toThrow(
        /^\S+: .+ may not be loaded: only tensors and plain containers may\. unknownObjects: "skip" leaves out what else/,
      );
      const file = readPth(bytes, { name, unknownObjects: "skip" });
      expectWeights(file, files[name]);
      expect(file.leftOut).toEqual(expect.arrayContaining(left));
      expect(new Set(file.leftOut).size).toBe(file.leftOut.length);
    },
  );

  test("a program among them does not run", async () => {
    const file = await openPth(goldenFile("evil_beside.pth"), { unknownObjects: "skip" });
    expect(file.leftOut).toEqual(["posix.system"]);
    expect(Object.keys(await file.stateDict())).toEqual(Object.keys(files["evil_beside.pth"].tensors));
    expect(existsSync("/tmp/skipstone-was-here")).toBe(false);
  });

  test("the numbers beside them are metadata, key chooses", () => {
    const file = readPth(goldenFile("torchvision_reference.pth"), { unknownObjects: "skip", key: "model_ema" });
    expect(file.metadata.get("epoch")).toBe("7");
    expect([...file.entries.keys()][0]).toBe("n_averaged");
    expect(readPth(goldenFile("lightning.ckpt.pth"), { unknownObjects: "skip" }).metadata.get("global_step")).toBe(
      "100",
    );
  });
});
